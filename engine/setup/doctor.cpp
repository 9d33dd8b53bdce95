#include "engine/setup/doctor.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/proof.hpp"
#include "core/evm/trie.hpp"
#include "engine/setup/any_address.hpp"
#include "engine/setup/block_sample.hpp"
#include "engine/setup/call_blocks.hpp"
#include "engine/setup/state_depth.hpp"
#include "engine/text/duration.hpp"
#include "rpc/provider.hpp"
#include "rpc/provider_pool.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

constexpr int64_t kPollMs = 50;
constexpr int64_t kLagNoteS = 300;
/// Returns the word 42, as a contract's code and as the code of a creation alike.
constexpr const char* kAnswer42 = "0x602a60005260206000f3";
constexpr const char* kWord42 =
    "0x000000000000000000000000000000000000000000000000000000000000002a";

/// Gives back what it is given.
constexpr const char* kIdentity = "0x0000000000000000000000000000000000000004";

/// The questions, in order; each adds its checks.
class Doctor {
  public:
    Doctor(const rpc::Endpoint& endpoint, rpc::Transport& transport, const Clock& clock,
           const DoctorOptions& options)
        : endpoint_{endpoint},
          transport_{transport},
          clock_{clock},
          options_{options},
          client_{endpoint, transport, clock, options.patience} {
        report_.endpoint = rpc::display_name(endpoint);
    }

    Result<DoctorReport> run() {
        PLUMBLINE_TRY_VOID(look_at_identity());
        PLUMBLINE_TRY_VOID(look_at_head());
        for (const auto look :
             {&Doctor::look_at_batches, &Doctor::look_at_logs, &Doctor::look_at_history,
              &Doctor::look_at_receipts, &Doctor::look_at_proofs, &Doctor::look_at_calls,
              &Doctor::look_at_blocks}) {
            (this->*look)();
            if (client_.has_given_up()) {
                return Error{
                    ErrorCode::kUnavailable,
                    fmt::format("{} has not answered for {}, after {} checks: look whether "
                                "it is up, or give a longer --timeout",
                                report_.endpoint, format_duration(client_.silent_ms() / 1'000),
                                report_.checks.size())};
            }
        }
        conclude();
        return report_;
    }

  private:
    void add(std::string name, CheckResult result, std::string found, std::string advice = "") {
        // What a rate limit left unanswered is no verdict.
        if (std::string limit = client_.take_limit();
            !limit.empty() && result != CheckResult::kGood) {
            result = CheckResult::kSkipped;
            found = std::move(limit);
            advice = "ask again when it has been left alone for a while";
        }
        report_.checks.push_back({std::move(name), result, std::move(found), std::move(advice)});
    }

    Status look_at_identity() {
        Reply id = client_.ask("eth_chainId");
        // One that hangs may wake up: it has all the time that it is given, as later.
        while (!id.result && client_.silent_ms() >= options_.patience.timeout_ms &&
               !client_.has_given_up()) {
            id = client_.ask("eth_chainId");
        }
        report_.chain_id = id.result ? quantity_of(*id.result) : std::nullopt;
        if (!report_.chain_id) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("{} does not answer eth_chainId: {}", report_.endpoint,
                                     id.error.empty() ? "no number" : id.error)};
        }
        const bool is_other = options_.chain_id != 0 && *report_.chain_id != options_.chain_id;
        if (is_other) {
            add("chain", CheckResult::kBad,
                fmt::format("id {}, and the config says {}", *report_.chain_id, options_.chain_id),
                "correct id in [chain], or give an endpoint of that chain");
        } else {
            add("chain", CheckResult::kGood, fmt::format("id {}", *report_.chain_id));
        }
        const Reply client = client_.ask("web3_clientVersion");
        if (client.result && client.result->is_string()) {
            report_.client = clipped(client.result->get<std::string>());
            add("client", CheckResult::kGood, report_.client);
        } else {
            add("client", CheckResult::kSkipped, "it does not tell: " + client.error);
        }
        return ok();
    }

    Status look_at_head() {
        const Reply latest = client_.ask("eth_getBlockByNumber", json::array({"latest", false}));
        head_ = latest.result.value_or(json{});
        report_.head = quantity_of(head_, "number");
        if (!report_.head) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("{} does not tell its head: {}", report_.endpoint,
                                     latest.error.empty() ? "no block" : latest.error)};
        }
        const auto time = quantity_of(head_, "timestamp");
        report_.head_lag_s = clock_.unix_ms() / 1'000 - static_cast<int64_t>(time.value_or(0));
        const Reply syncing = client_.ask("eth_syncing");
        const bool is_syncing = syncing.result && syncing.result->is_object();
        add("head",
            is_syncing                        ? CheckResult::kBad
            : *report_.head_lag_s > kLagNoteS ? CheckResult::kNote
                                              : CheckResult::kGood,
            fmt::format("block {}, {} old", format_count(*report_.head),
                        format_duration(std::max<int64_t>(0, *report_.head_lag_s))),
            is_syncing                        ? "the node is still syncing: wait until it is done"
            : *report_.head_lag_s > kLagNoteS ? "an idle test chain, or a node that fell behind"
                                              : "");
        look_at_finality();
        return ok();
    }

    void look_at_finality() {
        const Reply finalized =
            client_.ask("eth_getBlockByNumber", json::array({"finalized", false}));
        report_.finalized =
            finalized.result ? quantity_of(*finalized.result, "number") : std::nullopt;
        if (!report_.finalized) {
            add("finality", CheckResult::kNote, "it has no `finalized` tag",
                "give a number of blocks: finality = 64 in [chain]");
            return;
        }
        uint64_t head = *report_.head;
        if (*report_.finalized > head) {
            // The head moves on between two questions.
            const Reply latest =
                client_.ask("eth_getBlockByNumber", json::array({"latest", false}));
            head = latest.result ? quantity_of(*latest.result, "number").value_or(head) : head;
        }
        if (*report_.finalized > head) {
            add("finality", CheckResult::kBad,
                fmt::format("block {}, {} above the head", format_count(*report_.finalized),
                            format_count(*report_.finalized - head)),
                "it cannot be believed, or its nodes are not in step: use another endpoint, or "
                "finality = 64 in [chain]");
            return;
        }
        add("finality", CheckResult::kGood,
            fmt::format("block {}, {} below the head", format_count(*report_.finalized),
                        format_count(head - *report_.finalized)));
    }

    void look_at_batches() {
        std::string refused;
        for (uint64_t count = 10; count <= options_.batch_max; count *= 10) {
            refused = client_.ask_batch(count);
            if (!refused.empty()) {
                break;
            }
            report_.batch = count;
        }
        for (uint64_t count = 5; report_.batch == 0 && count > 1; --count) {
            report_.batch = client_.ask_batch(count).empty() ? count : 0;
        }
        add("batch", report_.batch > 0 ? CheckResult::kGood : CheckResult::kNote,
            refused.empty() ? fmt::format("{} calls and perhaps more", report_.batch)
                            : fmt::format("{} calls; beyond: {}", report_.batch, refused),
            report_.batch > 0 ? "" : "no batches: indexing takes a request a header");
    }

    void look_at_logs() {
        std::string refused;
        for (uint64_t span = 1; span <= options_.logs_range_max; span *= 10) {
            const uint64_t from = *report_.head - std::min(*report_.head, span - 1);
            const Reply logs = client_.ask(
                "eth_getLogs", json::array({{{"fromBlock", evm::to_quantity(from)},
                                             {"toBlock", evm::to_quantity(*report_.head)},
                                             {"address", rpc::kNowhere}}}));
            if (!logs.result) {
                refused = logs.error;
                break;
            }
            report_.logs_range = *report_.head - from + 1;
            if (from == 0) {
                break;
            }
        }
        if (report_.logs_range == 0) {
            add("logs range", CheckResult::kBad, "eth_getLogs fails: " + refused,
                "this endpoint cannot be indexed from");
            return;
        }
        add("logs range",
            report_.logs_range < 10 && *report_.head > 10 ? CheckResult::kNote : CheckResult::kGood,
            refused.empty()
                ? fmt::format("{} blocks and perhaps more", format_count(report_.logs_range))
                : fmt::format("{} blocks; beyond: {}", format_count(report_.logs_range), refused));
        const std::string why = refusal_of_any_address(client_, evm::Hash{});
        add("any address", why.empty() ? CheckResult::kGood : CheckResult::kNote,
            why.empty() ? "logs by topic alone, of whatever contract" : "refused: " + why,
            why.empty() ? "" : "contracts with address = \"*\" cannot be indexed from here");
    }

    void look_at_history() {
        const Reply first = client_.ask("eth_getBlockByNumber", json::array({"0x1", false}));
        const Reply logs = client_.ask(
            "eth_getLogs",
            json::array({{{"fromBlock", "0x1"}, {"toBlock", "0x1"}, {"address", rpc::kNowhere}}}));
        const bool has_history =
            *report_.head == 0 || (first.result && first.result->is_object() && logs.result);
        add("history", has_history ? CheckResult::kGood : CheckResult::kNote,
            has_history ? "blocks and logs from the first on" : "no blocks or logs of block 1",
            has_history ? "" : "a contract older than what it keeps cannot be indexed from here");
        const StateDepth depth =
            find_state_depth(client_, *report_.head, std::min<uint64_t>(1, *report_.head));
        report_.state_since = depth.since;
        if (depth.since) {
            report_.archive = *report_.head - *depth.since;
        }
        add("archive",
            depth.is_whole ? CheckResult::kGood
            : depth.since  ? CheckResult::kNote
                           : CheckResult::kBad,
            depth.is_whole ? "state of all blocks"
            : depth.since
                ? fmt::format("state since block {}, of the last {} blocks",
                              format_count(*depth.since), format_count(*report_.archive + 1))
                : "no state at all: " + depth.why,
            depth.is_whole ? ""
                           : "the state proof compares recent blocks only; finding since when "
                             "something differs needs an archive. So do contract calls of older "
                             "events: for what never changes write once = true, state = \"head\"");
    }

    void look_at_receipts() {
        const std::string hash = text_of(head_, "hash");
        const Reply all = client_.ask("eth_getBlockReceipts", json::array({{{"blockHash", hash}}}));
        report_.receipts = all.result && all.result->is_array();
        add("receipts", report_.receipts ? CheckResult::kGood : CheckResult::kNote,
            report_.receipts ? "all of a block at once" : "no eth_getBlockReceipts: " + all.error,
            report_.receipts ? "" : "the log proof asks transaction by transaction: much slower");
    }

    void look_at_proofs() {
        const Reply proof = client_.ask(
            "eth_getProof", json::array({rpc::kNowhere, json::array(), text_of(head_, "number")}));
        const auto root = evm::parse_hash(text_of(head_, "stateRoot"));
        const auto address = evm::parse_address(rpc::kNowhere);
        std::string why = proof.error;
        if (proof.result && proof.result->is_object() && root && address &&
            proof.result->contains("accountProof") && (*proof.result)["accountProof"].is_array()) {
            std::vector<Bytes> nodes;
            for (const json& node : (*proof.result)["accountProof"]) {
                nodes.push_back(node.is_string()
                                    ? evm::parse_hex(node.get<std::string>()).value_or(Bytes{})
                                    : Bytes{});
            }
            evm::Account account;
            const evm::ProofError error =
                evm::verify_account_proof(*root, *address, nodes, account);
            report_.proofs = error == evm::ProofError::kNone;
            why = std::string{evm::to_string(error)};
        }
        add("proofs", report_.proofs ? CheckResult::kGood : CheckResult::kNote,
            report_.proofs ? "eth_getProof fits the state root" : "no usable eth_getProof: " + why,
            report_.proofs ? "" : "spot checks of the state proof against the state root are off");
    }

    void look_at_calls() {
        const std::string block = text_of(head_, "number");
        report_.overrides = runs_code(block, true);
        report_.creates = runs_code(block, false);
        if (report_.overrides || report_.creates) {
            add("overrides", CheckResult::kGood,
                report_.overrides ? "eth_call with another code"
                                  : "no state overrides, but code runs in a creation");
        } else {
            add("overrides", CheckResult::kNote,
                "neither state overrides nor creations in eth_call",
                "the state proof falls back to plain batches: more requests and bytes");
        }
        look_at_pins();
        look_at_call_blocks();
    }

    void look_at_call_blocks() {
        if (!report_.state_since || !(report_.creates || report_.overrides)) {
            return;
        }
        const CallBlocks look =
            engine::look_at_call_blocks(client_, head_, *report_.state_since, !report_.creates);
        add("call blocks",
            !look.wrong.empty()     ? CheckResult::kBad
            : !look.untried.empty() ? CheckResult::kSkipped
                                    : CheckResult::kGood,
            !look.wrong.empty()     ? look.wrong
            : !look.untried.empty() ? look.untried
                                    : "eth_call answers from the block it is asked about",
            look.wrong.empty() ? ""
                               : "neither contract calls nor state proofs from here can be "
                                 "believed: use another endpoint, and `verify` what this one told");
    }

    /// Contract calls are pinned by the hash of their event's block (EIP-1898), or by its number.
    void look_at_pins() {
        const json by_hash{{"blockHash", text_of(head_, "hash")}, {"requireCanonical", true}};
        const std::string refused = refusal_of_calls(by_hash);
        if (refused.empty()) {
            add("calls", CheckResult::kGood, "eth_call at a block's hash");
            return;
        }
        const bool takes_numbers = report_.creates || report_.overrides ||
                                   refusal_of_calls(text_of(head_, "number")).empty();
        add("calls", takes_numbers ? CheckResult::kNote : CheckResult::kBad,
            (takes_numbers ? "none at a block's hash: " : "no eth_call: ") + refused,
            takes_numbers ? "contract calls are asked by number, between two looks at the header"
                          : "neither contract calls nor state proofs can be made from here: use "
                            "another endpoint for them");
    }

    /// Empty where it answers a call that answers on every chain: of the contract that gives back
    /// what it is given, or of code that returns a word.
    std::string refusal_of_calls(const json& pin) {
        const Reply identity =
            client_.ask("eth_call", json::array({{{"to", kIdentity}, {"data", kWord42}}, pin}));
        if (identity.result && *identity.result == kWord42) {
            return {};
        }
        if (runs_code(pin, false) || runs_code(pin, true)) {
            return {};
        }
        return identity.result ? "it answers nothing to a call that returns a word"
                               : identity.error;
    }

    bool runs_code(const json& pin, bool is_override) {
        const Reply reply = run_code(client_, kAnswer42, pin, is_override);
        return reply.result && *reply.result == kWord42;
    }

    void look_at_blocks() {
        const BlockSample sample =
            choose_blocks(client_, head_, options_.sample_blocks, report_.logs_range);
        const std::vector<uint64_t>& blocks = sample.blocks;
        with_logs_ = sample.with_logs;
        if (blocks.empty()) {
            add("blocks", CheckResult::kSkipped, "there is only block 0");
            return;
        }
        test_profile(blocks);
        std::string wrong_logs;
        for (const uint64_t block : blocks) {
            const LogsCompared logs = compare_logs(client_, block);
            report_.blocks_compared += logs.are_same ? 1U : 0U;
            wrong_logs = wrong_logs.empty() ? logs.wrong : wrong_logs;
        }
        add("getLogs", wrong_logs.empty() ? CheckResult::kGood : CheckResult::kBad,
            wrong_logs.empty()
                ? fmt::format("the same logs as by receipts in {} blocks", report_.blocks_compared)
                : wrong_logs,
            wrong_logs.empty() ? "" : "its log index is damaged: do not index from it alone");
    }

    void test_profile(const std::vector<uint64_t>& blocks) {
        rpc::PoolOptions options;
        options.endpoints.push_back(endpoint_);
        options.request_timeout_ms = options_.patience.timeout_ms;
        if (options_.patience.silence_ms_max > 0) {
            options.deadline_ms = std::min(options.deadline_ms, options_.patience.silence_ms_max);
        }
        rpc::ProviderPool pool{options, transport_, clock_};
        const std::optional<WrongHeader> wrong = find_wrong_header(pool, blocks);
        ProfileTest test{pool, wrong ? std::vector{wrong->block_num} : blocks};
        while (!test.is_done()) {
            pool.poll(kPollMs);
        }
        if (wrong && (!test.result() || test.result()->headers)) {
            // Others hash, so that the pool does not take this one at all.
            report_.profile = {ChainKind::kNone, false, false, false, 1, 0, wrong->why};
            add_headers();
            return;
        }
        if (!test.result()) {
            add("blocks", CheckResult::kSkipped, test.result().error().message);
            return;
        }
        report_.profile = *test.result();
        add_headers();
        const ChainProfile& profile = report_.profile;
        if (!profile.headers) {
            return;
        }
        add("roots", profile.receipts ? CheckResult::kGood : CheckResult::kBad,
            profile.receipts_tried == 0 ? "no block with receipts among those tried"
            : profile.receipts
                ? fmt::format("receipts hash to their root in {} blocks", profile.receipts_tried)
                : profile.reason,
            profile.receipts ? "" : "logs cannot be proven beyond `linked`");
        add("blooms", profile.blooms ? CheckResult::kGood : CheckResult::kNote,
            with_logs_ == 0  ? "no block with logs among those tried"
            : profile.blooms ? "are those of the logs"
                             : profile.reason,
            profile.blooms ? "" : "the log proof fetches the receipts of every block");
    }

    struct WrongHeader {
        uint64_t block_num;
        std::string why;
    };
    /// One that cannot be that of its hash. Each is judged by itself: the self-test, which is made
    /// for a chain, passes over those that it cannot get.
    std::optional<WrongHeader> find_wrong_header(rpc::ProviderPool& pool,
                                                 const std::vector<uint64_t>& blocks) {
        for (const uint64_t block : blocks) {
            const Reply header =
                client_.ask("eth_getBlockByNumber", json::array({evm::to_quantity(block), false}));
            const auto hash = evm::parse_hash(header.result ? text_of(*header.result, "hash") : "");
            if (!hash) {
                continue;
            }
            std::optional<Result<std::vector<evm::Header>>> linked;
            pool.get_linked_headers({block, block}, *hash,
                                    [&](auto result) { linked.emplace(std::move(result)); });
            while (!linked) {
                pool.poll(kPollMs);
            }
            if (*linked || linked->error().code == ErrorCode::kNotFound) {
                continue;
            }
            if (linked->error().code != ErrorCode::kIncompatible) {
                return std::nullopt;  // It does not answer.
            }
            return WrongHeader{block, linked->error().message};
        }
        return std::nullopt;
    }

    void add_headers() {
        const ChainProfile& profile = report_.profile;
        add("headers", profile.headers ? CheckResult::kGood : CheckResult::kBad,
            profile.headers
                ? fmt::format("hash to what they claim in {} blocks", profile.headers_tried)
                : profile.reason,
            profile.headers ? "" : "nothing can be proven on this chain, or the node is wrong");
    }

    void conclude() {
        std::string bad;
        std::string notes;
        for (const DoctorCheck& check : report_.checks) {
            std::string& list = check.result == CheckResult::kBad ? bad : notes;
            if (check.result == CheckResult::kBad || check.result == CheckResult::kNote) {
                list += (list.empty() ? "" : ", ") + check.name;
            }
        }
        const std::string proven = !report_.profile.headers ? "nothing can be proven against it"
                                   : with_logs_ == 0 ? "no block with logs was there to prove"
                                   : report_.profile.receipts
                                       ? "logs can be proven to receipts"
                                       : "logs can be proven to `linked` only";
        report_.verdict = !bad.empty()    ? fmt::format("not to be trusted as it is: {}", bad)
                          : notes.empty() ? fmt::format("good; {}", proven)
                                          : fmt::format("usable; {}. Mind: {}", proven, notes);
    }

    const rpc::Endpoint& endpoint_;
    rpc::Transport& transport_;
    const Clock& clock_;
    DoctorOptions options_;
    EndpointClient client_;
    DoctorReport report_;
    json head_;
    size_t with_logs_ = 0;  ///< blocks with logs among those tried
};

}  // namespace

std::string_view to_string(CheckResult result) noexcept {
    switch (result) {
        case CheckResult::kGood: return "good";
        case CheckResult::kNote: return "note";
        case CheckResult::kBad: return "bad";
        case CheckResult::kSkipped: return "skipped";
    }
    return "";
}

bool DoctorReport::is_fine() const noexcept {
    return std::ranges::none_of(
        checks, [](const DoctorCheck& check) { return check.result == CheckResult::kBad; });
}

Result<DoctorReport> examine_endpoint(const rpc::Endpoint& endpoint, rpc::Transport& transport,
                                      const Clock& clock, const DoctorOptions& options) {
    return Doctor{endpoint, transport, clock, options}.run();
}

}  // namespace plumbline::engine
