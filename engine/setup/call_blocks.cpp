#include "engine/setup/call_blocks.hpp"

#include <optional>
#include <set>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/calls/block_time.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

class CallBlocksLook {
  public:
    CallBlocksLook(EndpointClient& client, const json& head, bool with_code_at)
        : client_{client},
          head_time_{quantity_of(head, "timestamp").value_or(0)},
          with_code_at_{with_code_at} {}

    CallBlocks run(uint64_t since, uint64_t head) {
        out_.untried = "no block below the head has state here";
        for (const uint64_t block : std::set{since, since + (head - since) / 2}) {
            if (block < head && out_.wrong.empty() && !client_.has_given_up()) {
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
        if (!time || *time >= head_time_) {
            out_.untried = "its blocks have no times of their own";
            return;
        }
        compare(block, *time, "", json(evm::to_quantity(block)));
        compare(block, *time, " by its hash", json{{"blockHash", text_of(*header.result, "hash")}});
    }

    void compare(uint64_t block, uint64_t time, const char* how, const json& pin) {
        const Reply reply = run_code(client_, kBlockTimeCode, pin, with_code_at_);
        const auto told = reply.result ? word_of(*reply.result) : std::nullopt;
        if (!told) {
            out_.untried = out_.right == 0 ? "it runs no code: " + reply.error : "";
            return;
        }
        out_.untried.clear();
        if (*told >= head_time_ && out_.wrong.empty()) {
            out_.wrong = fmt::format(
                "eth_call at block {}{} runs at {}, the time of the newest block, and not at {}: "
                "it answers from another block than it is asked about",
                format_count(block), how, *told, time);
        }
        out_.right += *told == time ? 1U : 0U;
    }

    static std::optional<uint64_t> word_of(const json& value) {
        const auto word =
            value.is_string() ? evm::parse_hash(value.get<std::string>()) : std::nullopt;
        return word ? block_time_of(word->view()) : std::nullopt;
    }

    EndpointClient& client_;
    uint64_t head_time_;
    bool with_code_at_;
    CallBlocks out_;
};

}  // namespace

CallBlocks look_at_call_blocks(EndpointClient& client, const json& head, uint64_t since,
                               bool with_code_at) {
    return CallBlocksLook{client, head, with_code_at}.run(since,
                                                          quantity_of(head, "number").value_or(0));
}

}  // namespace plumbline::engine
