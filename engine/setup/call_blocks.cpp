#include "engine/setup/call_blocks.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/text/duration.hpp"
#include "rpc/block_programs.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

class CallBlocksLook {
  public:
    CallBlocksLook(EndpointClient& client, const json& head, bool with_code_at)
        : client_{client},
          head_num_{quantity_of(head, "number").value_or(0)},
          head_time_{quantity_of(head, "timestamp").value_or(0)},
          with_code_at_{with_code_at} {}

    CallBlocks run(uint64_t since) {
        out_.untried = "no block below the head has state here";
        // Of the genesis block many nodes have none.
        since = std::min(std::max<uint64_t>(since, 1), head_num_);
        for (const uint64_t block : std::set{since, since + (head_num_ - since) / 2}) {
            if (block < head_num_ && out_.wrong.empty() && !client_.has_given_up()) {
                look_at(block);
            }
        }
        return out_;
    }

  private:
    void look_at(uint64_t block) {
        const Reply header =
            client_.ask("eth_getBlockByNumber", json::array({evm::to_quantity(block), false}));
        const auto time = header.result ? quantity_of(*header.result, "timestamp") : std::nullopt;
        if (!time) {
            out_.untried = "it does not tell its blocks";
            return;
        }
        const std::pair<const char*, json> pins[] = {
            {"", json(evm::to_quantity(block))},
            {" by its hash", json{{"blockHash", text_of(*header.result, "hash")}}}};
        for (const auto& [how, pin] : pins) {
            const bool is_told = *time < head_time_ && compare_times(block, *time, how, pin);
            // Blocks may share a second, and one block back is no later time.
            if (out_.wrong.empty() && (is_told || *time >= head_time_) && has_own_numbers()) {
                compare_nums(block, how, pin);
            } else if (*time >= head_time_ && out_.right == 0) {
                out_.untried = "its blocks have no times and numbers of their own";
            }
        }
    }

    bool compare_times(uint64_t block, uint64_t time, const char* how, const json& pin) {
        const auto told = run_at(rpc::kBlockTimeCode, pin);
        if (told && *told >= head_time_) {
            note_wrong(fmt::format(
                "eth_call at block {}{} runs at {}, the time of the newest block, and not at {}",
                format_count(block), how, *told, time));
        }
        out_.right += told && *told == time ? 1U : 0U;
        return told.has_value();
    }

    void compare_nums(uint64_t block, const char* how, const json& pin) {
        const auto told = run_at(rpc::kBlockNumCode, pin);
        if (told && rpc::is_other_block(*told, block, head_num_)) {
            note_wrong(fmt::format("eth_call at block {}{} runs at block {}", format_count(block),
                                   how, format_count(*told)));
        }
        out_.right += told && *told == block ? 1U : 0U;
    }

    void note_wrong(std::string what) {
        out_.wrong = std::move(what) + ": it answers from another block than it is asked about";
    }

    /// At the head NUMBER is the head's, or that of one close by.
    bool has_own_numbers() {
        if (!own_numbers_) {
            const auto told = run_at(rpc::kBlockNumCode, json(evm::to_quantity(head_num_)));
            own_numbers_ = told && rpc::is_own_number(*told, head_num_);
        }
        return *own_numbers_;
    }

    std::optional<uint64_t> run_at(const char* code, const json& pin) {
        const Reply reply = run_code(client_, code, pin, with_code_at_);
        const auto told = reply.result ? word_of(*reply.result) : std::nullopt;
        if (!told) {
            out_.untried = out_.right == 0 ? "it runs no code: " + reply.error : "";
        } else {
            out_.untried.clear();
        }
        return told;
    }

    static std::optional<uint64_t> word_of(const json& value) {
        const auto word =
            value.is_string() ? evm::parse_hash(value.get<std::string>()) : std::nullopt;
        return word ? rpc::block_word_of(word->view()) : std::nullopt;
    }

    EndpointClient& client_;
    uint64_t head_num_;
    uint64_t head_time_;
    bool with_code_at_;
    std::optional<bool> own_numbers_;  ///< NUMBER is this chain's
    CallBlocks out_;
};

}  // namespace

CallBlocks look_at_call_blocks(EndpointClient& client, const json& head, uint64_t since,
                               bool with_code_at) {
    return CallBlocksLook{client, head, with_code_at}.run(since);
}

}  // namespace plumbline::engine
