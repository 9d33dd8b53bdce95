// 1. The indexer fetches a range of blocks, and a larger one, until there are events enough or the
//    head is reached.
// 2. A fold that is only counted finds the block of the last event wanted.
// 3. Another one, up to that block, is what is reported.
#include "tools/dry_run.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdlib.h>

#include "core/evm/hex.hpp"
#include "engine/fold/event_trace.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/ingest/progress.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/event_sample.hpp"
#include "engine/text/entity_text.hpp"
#include "engine/text/event_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

constexpr uint64_t kSpanFirst = 256;
constexpr uint64_t kSpanGrowth = 4;
constexpr size_t kMemoryBytes = size_t{64} << 20;
constexpr size_t kCodeAskedMax = 16;
constexpr int64_t kCodeWaitMs = 5'000;

/// A contract's creation that gives the size of the code at `address`: PUSH20, EXTCODESIZE, and
/// the word back. Run by an eth_call, it needs nothing of the node beyond that.
Bytes code_size_of(const evm::Address& address) {
    Bytes out{0x73};
    out.insert(out.end(), address.bytes.begin(), address.bytes.end());
    static constexpr std::array<uint8_t, 9> kRest{0x3b, 0x60, 0x00, 0x52, 0x60,
                                                  0x20, 0x60, 0x00, 0xf3};
    out.insert(out.end(), kRest.begin(), kRest.end());
    return out;
}

/// Logs of the config's contracts that no ABI knows, by what they are, each with its number.
struct UnknownLogs {
    std::map<std::array<std::string, 3>, uint64_t> misfits;          ///< contract, signature, why
    std::map<std::pair<std::string, std::string>, uint64_t> topics;  ///< contract, topic0
};
constexpr size_t kTopicsMax = 16;

std::string count_of_logs(uint64_t count) {
    return fmt::format("{} log{}", count, count == 1 ? "" : "s");
}

/// " (line 14)": of the handler that found it.
std::string line_of_violation(const engine::EventTrace& trace) {
    return trace.failed == nullptr ? std::string{}
                                   : fmt::format(" (line {})", trace.failed->pos.line);
}

/// A directory for one run, gone with it.
class Workshop {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Workshop>> create() {
        std::error_code error;
        const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
        std::string path = (parent / "plumbline-check-XXXXXX").string();
        if (error || mkdtemp(path.data()) == nullptr) {
            return Error{ErrorCode::kIo,
                         fmt::format("{} cannot be made; TMPDIR says where to try", path)};
        }
        return std::unique_ptr<Workshop>{new Workshop{std::move(path)}};
    }
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;
    ~Workshop() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    explicit Workshop(std::string path) : path_{std::move(path)} {}
    std::string path_;
};

std::string name_of(const engine::CompiledPlan& plan, const engine::PlanEvent& event,
                    const engine::PlanHandler& handler) {
    return fmt::format("{}: {} {}", event.name, engine::to_string(handler.action),
                       plan.entities[handler.entity].name);
}

/// One dry run. One thread.
class DryRun {
  public:
    DryRun(engine::Config config, rpc::ChainSource& chain, const DryRunOptions& options)
        : config_{std::move(config)},
          chain_{chain},
          options_{options} {}

    [[nodiscard]] Result<DryRunReport> run() {
        PLUMBLINE_TRY(workshop_, Workshop::create());
        for (engine::ContractConfig& contract : config_.contracts) {
            contract.start_block = std::max(contract.start_block, options_.from.value_or(0));
        }
        PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config_));
        report_.from = UINT64_MAX;
        for (const engine::Source& source : plan->sources()) {
            report_.from = std::min(report_.from, source.first_block);
        }
        std::unique_ptr<engine::Indexer> index;
        for (uint64_t span = kSpanFirst;; span *= kSpanGrowth) {
            const uint64_t last =
                span > INT64_MAX - report_.from ? INT64_MAX : report_.from + span - 1;
            index.reset();
            PLUMBLINE_TRY(index, fetch(last));
            if (index->database() == nullptr) {
                return Error{ErrorCode::kUnavailable, "the chain has no block to begin with"};
            }
            const auto cursor = index->database()->read_view()->cursor();
            report_.is_head = !cursor || cursor->block_num < last;
            if (report_.is_head || last == INT64_MAX ||
                cursor->event_count >= options_.events_max) {
                break;
            }
            tell_progress(*cursor);
        }
        const auto view = index->database()->read_view();
        PLUMBLINE_TRY_VOID(fold(*view, index->shared_plan()));
        if (report_.events == 0) {
            look_for_code();
        }
        return std::move(report_);
    }

  private:
    [[nodiscard]] Result<std::unique_ptr<engine::Indexer>> fetch(uint64_t last) {
        engine::IndexerOptions options;
        options.config = config_;
        options.db_path = workshop_->path() + "/db";
        options.until = {true, last};
        options.ingest.answer_timeout_ms = options_.timeout_ms;
        options.stop = options_.stop;
        PLUMBLINE_TRY(auto index, engine::Indexer::open(std::move(options), chain_));
        // On a terminal a bar while it goes on; what else there is to see is told between ranges.
        const engine::ProgressMode mode = engine::choose_progress_mode(options_.is_quiet);
        engine::ProgressReporter reporter{index->progress(), index->clock(), mode};
        PLUMBLINE_TRY_VOID(
            index->run(options_.stop, mode == engine::ProgressMode::kBar ? &reporter : nullptr));
        if (options_.stop.stop_requested()) {
            return Error{ErrorCode::kCancelled, "stopped before there were events enough"};
        }
        return index;
    }

    void tell_progress(const storage::Cursor& cursor) const {
        if (!options_.is_quiet) {
            print_error(fmt::format("{} events in blocks {} to {}; looking further for {}\n",
                                    cursor.event_count, report_.from, cursor.block_num,
                                    options_.events_max));
        }
    }

    /// Which of the contracts are none: the first thing to ask where nothing was found. What cannot
    /// be asked says nothing.
    void look_for_code() {
        std::vector<evm::Address> addresses;
        for (const engine::ContractConfig& contract : config_.contracts) {
            addresses.insert(addresses.end(), contract.addresses.begin(), contract.addresses.end());
        }
        addresses.resize(std::min(addresses.size(), kCodeAskedMax));
        const auto heads = rpc::await<rpc::Heads>(
            chain_, kCodeWaitMs, [&](auto done) { chain_.get_heads(std::move(done)); });
        if (!heads || addresses.empty()) {
            return;
        }
        std::vector<rpc::CallRequest> calls;
        for (const evm::Address& address : addresses) {
            calls.push_back({std::nullopt, code_size_of(address), 0, nullptr});
        }
        rpc::StateBlock block;
        block.block_num = heads->latest.block_num;
        block.hash = heads->latest.hash;
        const auto answers = rpc::await<rpc::CallAnswers>(chain_, kCodeWaitMs, [&](auto done) {
            chain_.call(std::move(calls), block, std::nullopt, std::move(done));
        });
        for (size_t i = 0; answers && i < answers->results.size(); ++i) {
            const rpc::CallResult& result = answers->results[i];
            const bool is_size =
                result.kind == rpc::CallResult::Kind::kAnswered && result.data.size() == 32;
            if (is_size && evm::U256::from_be(result.data).is_zero()) {
                report_.without_code.push_back(evm::to_hex(addresses[i]));
            }
        }
    }

    [[nodiscard]] Status fold(const storage::ReadView& view,
                              const std::shared_ptr<const engine::Plan>& plan) {
        const auto cursor = view.cursor();
        list_handlers(*plan);
        if (!cursor) {
            return ok();
        }
        report_.to = cursor->block_num;
        if (cursor->event_count > options_.events_max) {
            PLUMBLINE_TRY(report_.to, block_of_last_event(view, plan));
            report_.is_head = false;
        }
        PLUMBLINE_TRY(const auto scratch, engine::ScratchDatabase::create(
                                              workshop_->path(), plan->bundle(), kMemoryBytes));
        engine::EventTrace trace;
        engine::RebuildOptions options;
        options.trace = &trace;
        options.on_applied = [&](engine::Fold& /*fold*/, storage::ChangedAt at,
                                 bool /*is_correction*/) {
            count(trace, at);
            return ok();
        };
        PLUMBLINE_TRY_VOID(engine::fold_log(view, report_.to, scratch->database(), plan, options));
        PLUMBLINE_TRY_VOID(remark_unknown(view, plan));
        return show_rows(scratch->database(), *plan);
    }

    /// What no ABI has, or has otherwise: mostly why a handler never ran.
    [[nodiscard]] Status remark_unknown(const storage::ReadView& view,
                                        const std::shared_ptr<const engine::Plan>& plan) {
        PLUMBLINE_TRY(const auto children, view.list_children());
        engine::EventText text{plan, children};
        UnknownLogs unknown;
        bool does_any_fit = false;
        const auto logs = view.scan_logs(0, report_.to);
        for (; logs->valid(); logs->next()) {
            const storage::LogRecord& record = logs->record();
            const engine::EventText::Name found = text.name(record);
            does_any_fit = does_any_fit || found.event != nullptr;
            if (found.contract == nullptr || found.event != nullptr) {
                continue;
            }
            if (const auto misfit = text.misfit(record.log)) {
                ++unknown.misfits[{*found.contract, misfit->event, misfit->why}];
            } else if (unknown.topics.size() < kTopicsMax && record.log.topic_count > 0) {
                ++unknown.topics[{*found.contract, evm::to_hex(record.log.topics[0])}];
            }
        }
        PLUMBLINE_TRY_VOID(logs->status());
        report_.none_fits = !does_any_fit && (!unknown.misfits.empty() || !unknown.topics.empty());
        for (const auto& [what, count] : unknown.misfits) {
            report_.remarks.push_back(
                fmt::format("{} of {}.{} {} {}{}", count_of_logs(count), what[0], what[1],
                            count == 1 ? "has" : "have", what[2],
                            idle_handlers(engine::compiled(*plan), what[0], what[1])));
        }
        for (const auto& [what, count] : unknown.topics) {
            const bool is_of_proxy =
                engine::is_of_proxies(evm::parse_hash(what.second).value_or(evm::Hash{}));
            report_.remarks.push_back(fmt::format(
                "{} of {} {} topic0 {}, which its ABI does not have{}", count_of_logs(count),
                what.first, count == 1 ? "has" : "have", what.second,
                is_of_proxy ? std::string{": the proxy itself emits it, so nothing is missing"}
                            : idle_handlers(engine::compiled(*plan), what.first, "")));
        }
        return ok();
    }

    /// "; so the handler of line 14 never ran", of those of that event that did not. An unknown
    /// topic may be any event of the contract, with another type in it: then `signature` is empty.
    [[nodiscard]] std::string idle_handlers(const engine::CompiledPlan& plan,
                                            const std::string& contract,
                                            const std::string& signature) const {
        std::vector<uint32_t> lines;
        for (const engine::PlanEvent& event : plan.events) {
            const bool is_it =
                plan.sources[event.source].contract == contract &&
                (signature.empty() || event.decoder.event().signature() == signature);
            for (const engine::PlanHandler& handler : event.handlers) {
                const DryRunReport::Handler& told = report_.handlers[places_.at(&handler)];
                if (is_it && told.ran + told.left_out + told.refused == 0) {
                    lines.push_back(handler.pos.line);
                }
            }
        }
        if (lines.empty()) {
            return {};
        }
        const std::string which = fmt::format("the handler{} of line {} never ran",
                                              lines.size() == 1 ? "" : "s", fmt::join(lines, ", "));
        return signature.empty() ? fmt::format("; {}: is a type of its event another one?", which)
                                 : fmt::format("; so {}", which);
    }

    /// The one that brings as many events as are wanted.
    [[nodiscard]] Result<uint64_t> block_of_last_event(
        const storage::ReadView& view, const std::shared_ptr<const engine::Plan>& plan) {
        PLUMBLINE_TRY(const auto scratch, engine::ScratchDatabase::create(
                                              workshop_->path(), plan->bundle(), kMemoryBytes));
        uint64_t events = 0;
        uint64_t block_num = 0;
        engine::RebuildOptions options;
        options.on_applied = [&](engine::Fold& /*fold*/, storage::ChangedAt at,
                                 bool /*is_correction*/) -> Status {
            block_num = at.block_num;
            if (++events < options_.events_max) {
                return ok();
            }
            return Error{ErrorCode::kCancelled, "there are enough"};
        };
        const Status folded =
            engine::fold_log(view, UINT64_MAX, scratch->database(), plan, options);
        if (!folded && folded.error().code != ErrorCode::kCancelled) {
            return folded.error();
        }
        return block_num;
    }

    void list_handlers(const engine::Plan& plan) {
        const engine::CompiledPlan& all = engine::compiled(plan);
        std::vector<std::pair<const engine::PlanEvent*, const engine::PlanHandler*>> order;
        for (const engine::PlanEvent& event : all.events) {
            for (const engine::PlanHandler& handler : event.handlers) {
                order.emplace_back(&event, &handler);
            }
        }
        std::ranges::stable_sort(order, {}, [](const auto& one) { return one.second->pos.line; });
        for (const auto& [event, handler] : order) {
            places_.emplace(handler, report_.handlers.size());
            report_.handlers.push_back(
                {name_of(all, *event, *handler), handler->pos.line, 0, 0, 0});
        }
    }

    void count(const engine::EventTrace& trace, storage::ChangedAt at) {
        ++report_.events;
        report_.unhandled += trace.event == nullptr && trace.violation.empty() ? 1U : 0U;
        for (const engine::EventTrace::Step& step : trace.steps) {
            DryRunReport::Handler& handler = report_.handlers[places_.at(step.handler)];
            ++(!step.is_wanted           ? handler.left_out
               : trace.violation.empty() ? handler.ran
                                         : handler.refused);
        }
        if (trace.violation.empty()) {
            return;
        }
        if (report_.refused++ < options_.violations_max) {
            report_.violations.push_back(
                fmt::format("block {}, log {}: {}{}{}", at.block_num, at.log_index,
                            trace.event == nullptr ? "" : trace.event->name + ": ", trace.violation,
                            line_of_violation(trace)));
        }
    }

    [[nodiscard]] Status show_rows(const storage::Database& database, const engine::Plan& plan) {
        const auto view = database.read_view();
        for (size_t i = 0; i < plan.entities().size(); ++i) {
            DryRunReport::Entity entity;
            entity.name = plan.entities()[i].name;
            entity.rows = view->entity_count(i);
            const auto rows = view->scan_entity(i, {}, {});
            for (; rows->valid() && entity.shown.size() < options_.rows_max; rows->next()) {
                PLUMBLINE_TRY_VOID(engine::append_row_json(entity.shown.emplace_back(),
                                                           plan.entities()[i], plan.codec(i),
                                                           rows->key(), rows->row()));
            }
            report_.entities.push_back(std::move(entity));
        }
        return ok();
    }

    engine::Config config_;
    rpc::ChainSource& chain_;
    const DryRunOptions& options_;
    std::unique_ptr<Workshop> workshop_;
    std::map<const engine::PlanHandler*, size_t> places_;
    DryRunReport report_;
};

}  // namespace

Result<DryRunReport> dry_run(engine::Config config, rpc::ChainSource& chain,
                             const DryRunOptions& options) {
    return DryRun{std::move(config), chain, options}.run();
}

}  // namespace plumbline::tools
