#include "engine/proof/log/log_judge.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/state_sync.hpp"
#include "engine/mapping/block_tick.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kTextMax = 600;

bool may_contain_any(const evm::Bloom& bloom, const std::vector<evm::BloomBits>& bits) {
    return std::ranges::any_of(
        bits, [&](const evm::BloomBits& one) { return evm::may_contain(bloom, one); });
}

/// Empty where the logs are the same byte for byte; else which part differs first.
std::string_view find_difference(const evm::Log& a, ByteView a_data, const evm::Log& b,
                                 ByteView b_data) {
    if (a.address != b.address) {
        return "address";
    }
    if (a.topic_count != b.topic_count ||
        !std::equal(a.topics.begin(), a.topics.begin() + a.topic_count, b.topics.begin())) {
        return "topics";
    }
    if (!equal(a_data, b_data)) {
        return "data";
    }
    if (a.txn_index != b.txn_index) {
        return "txn_index";
    }
    return a.txn_hash != b.txn_hash ? "txn_hash" : "";
}

/// The same contract's, of the same kind.
bool is_same_event(const evm::Log& a, const evm::Log& b) {
    return a.address == b.address && (a.topic_count == 0) == (b.topic_count == 0) &&
           (a.topic_count == 0 || a.topics[0] == b.topics[0]);
}

/// Whether proven receipts that lack `log` say that there is none: they hold its transaction, or
/// end before it. Some chains keep logs whose transactions no receipt is made for.
bool is_in_reach(const evm::ReceiptBatch& receipts, const evm::Log& log) {
    return log.txn_index >= receipts.receipts.size() ||
           std::ranges::any_of(receipts.receipts, [&log](const evm::Receipt& receipt) {
               return receipt.txn_hash == log.txn_hash;
           });
}

}  // namespace

LogJudge::LogJudge(std::shared_ptr<const Plan> plan, std::vector<storage::CoverageRow> coverage,
                   const std::vector<storage::ChildRow>& children)
    : plan_{std::move(plan)},
      map_{plan_->sources()},
      text_{plan_, children},
      coverage_(plan_->sources().size()),
      bits_(plan_->sources().size()),
      stored_children_{children},
      finder_{*plan_, map_,
              [this](uint32_t source, uint64_t block_num) {
                  return coverage_of(source, block_num) != nullptr;
              },
              [](uint32_t /*source*/, uint64_t /*block_num*/) { return true; }} {
    for (size_t i = 0; i < plan_->sources().size(); ++i) {
        const Source& source = plan_->sources()[i];
        for (const evm::Address& address : source.addresses) {
            bits_[i].addresses.push_back(evm::bloom_bits(address.view()));
        }
        bits_[i].events = event_bits(source);
        for (const storage::CoverageRow& row : coverage) {
            if (source.is_key(row.source)) {
                coverage_[i].push_back(row);
            }
        }
        std::ranges::sort(coverage_[i], {},
                          [](const storage::CoverageRow& row) { return row.range.from; });
    }
    for (const storage::ChildRow& child : children) {
        add_child(child);
    }
}

std::vector<LogJudge::EventBits> LogJudge::event_bits(const Source& source) {
    std::vector<EventBits> out;
    for (const evm::Hash& topic : source.topics0) {
        if (!source.is_filtered(topic)) {
            out.emplace_back()[0].push_back(evm::bloom_bits(topic.view()));
        }
    }
    for (const EventFilter& filter : source.filters) {
        EventBits& bits = out.emplace_back();
        bits[0].push_back(evm::bloom_bits(filter.topic0.view()));
        for (size_t i = 0; i < filter.topics.size(); ++i) {
            for (const evm::Hash& topic : filter.topics[i]) {
                bits[i + 1].push_back(evm::bloom_bits(topic.view()));
            }
        }
    }
    return out;
}

bool LogJudge::may_contain_one(const evm::Bloom& bloom,
                               const std::vector<EventBits>& events) noexcept {
    return events.empty() || std::ranges::any_of(events, [&bloom](const EventBits& event) {
               return std::ranges::all_of(event, [&bloom](const std::vector<evm::BloomBits>& bits) {
                   return bits.empty() || may_contain_any(bloom, bits);
               });
           });
}

void LogJudge::add_child(const storage::ChildRow& child) {
    const int found = map_.find_source(child.contract);
    if (found < 0) {
        return;
    }
    const auto source = static_cast<uint32_t>(found);
    map_.add_child(source, child.address, child.block_num, child.log_index);
    add_bits(source, child);
}

void LogJudge::add_bits(uint32_t source, const storage::ChildRow& child) {
    children_.push_back({source, first_block_of(child), evm::bloom_bits(child.address.view())});
}

uint64_t LogJudge::first_block_of(const storage::ChildRow& child) const noexcept {
    const int source = map_.find_source(child.contract);
    return source < 0 ? child.block_num
                      : plan_->sources()[static_cast<size_t>(source)]
                            .counts_from({child.block_num, child.log_index})
                            .block_num;
}

const storage::CoverageRow* LogJudge::coverage_of(uint32_t source,
                                                  uint64_t block_num) const noexcept {
    const auto& rows = coverage_[source];
    auto after = std::ranges::upper_bound(
        rows, block_num, {}, [](const storage::CoverageRow& row) { return row.range.from; });
    if (after == rows.begin()) {
        return nullptr;
    }
    --after;
    return after->range.to >= block_num ? &*after : nullptr;
}

bool LogJudge::may_hold(const evm::Header& header) const noexcept {
    std::vector<bool> topic_fits(bits_.size());
    for (uint32_t i = 0; i < bits_.size(); ++i) {
        topic_fits[i] = coverage_of(i, header.block_num) != nullptr &&
                        may_contain_one(header.logs_bloom, bits_[i].events);
        topic_fits[i] = topic_fits[i] && header.block_num <= plan_->sources()[i].end_block;
        if (topic_fits[i] && header.block_num >= plan_->sources()[i].start_block &&
            (plan_->sources()[i].any_address ||
             may_contain_any(header.logs_bloom, bits_[i].addresses))) {
            return true;
        }
    }
    return std::ranges::any_of(children_, [&](const ChildBits& child) {
        return topic_fits[child.source] && child.block_num <= header.block_num &&
               evm::may_contain(header.logs_bloom, child.bits);
    });
}

bool LogJudge::may_hold(const evm::Header& header, const evm::Address& address) {
    return evm::may_contain(header.logs_bloom, address);
}

bool LogJudge::is_wanted(const evm::Log& log) const {
    bool wanted = false;
    map_.for_each_source(log, [&](uint32_t source) {
        wanted = wanted || coverage_of(source, log.block_num) != nullptr;
    });
    return wanted;
}

bool LogJudge::is_outside(const evm::Header& header, const evm::Log& log) const {
    return has_state_syncs_ &&
           log.txn_hash == evm::state_sync_txn_hash(header.block_num, header.hash);
}

std::string LogJudge::provider_of(const evm::Log& log) const {
    const storage::CoverageRow* row = nullptr;
    map_.for_each_source(log, [&](uint32_t source) {
        row = row != nullptr ? row : coverage_of(source, log.block_num);
    });
    return row != nullptr ? row->provider : "";
}

std::string LogJudge::provider_at(uint64_t block_num) const {
    for (uint32_t i = 0; i < coverage_.size(); ++i) {
        if (const storage::CoverageRow* row = coverage_of(i, block_num)) {
            return row->provider;
        }
    }
    return "";
}

Finding LogJudge::make_finding(FindingKind kind, const evm::Log& log) const {
    Finding finding;
    finding.kind = kind;
    finding.block_num = log.block_num;
    finding.log_index = log.log_index;
    finding.provider = provider_of(log);
    return finding;
}

std::string LogJudge::text_of(const evm::Log& log, ByteView data) {
    storage::LogRecord record;
    record.log = log;
    record.data = data;
    std::string out;
    text_.append_json(out, record);
    if (out.size() > kTextMax) {
        out.resize(kTextMax);
        out += "...";
    }
    return out;
}

void LogJudge::judge_row(const evm::Header& header, const storage::BlockRow* row,
                         size_t stored_count, std::vector<Finding>& findings) const {
    Finding finding;
    finding.kind = FindingKind::kBlockDiffers;
    finding.block_num = header.block_num;
    finding.provider = provider_at(header.block_num);
    const auto differs = [&](std::string_view field, std::string stored, std::string expected) {
        finding.field = field;
        finding.stored = std::move(stored);
        finding.expected = std::move(expected);
        findings.push_back(finding);
    };
    if (row == nullptr) {
        if (stored_count > 0) {
            differs("row", "none", evm::to_hex(header.hash));
        }
        return;
    }
    if (row->hash != header.hash) {
        differs("hash", evm::to_hex(row->hash), evm::to_hex(header.hash));
    }
    if (row->parent_hash != header.parent_hash) {
        differs("parent_hash", evm::to_hex(row->parent_hash), evm::to_hex(header.parent_hash));
    }
    if (row->timestamp != header.timestamp) {
        differs("timestamp", std::to_string(row->timestamp), std::to_string(header.timestamp));
    }
    if (row->event_count != stored_count) {
        differs("event_count", std::to_string(row->event_count), std::to_string(stored_count));
        findings.back().detail = "expected is the number of logs stored";
    }
}

size_t LogJudge::judge_bloom(const evm::Header& header, const evm::LogBatch& stored,
                             std::vector<Finding>& findings) {
    size_t outside = 0;
    for (const evm::Log& log : stored.logs) {
        evm::Bloom part;
        evm::add(part, log);
        if (evm::is_subset(part, header.logs_bloom) || is_tick(log)) {
            continue;
        }
        if (is_outside(header, log)) {
            ++outside;
            continue;
        }
        Finding& finding = findings.emplace_back(make_finding(FindingKind::kLogInvented, log));
        finding.stored = text_of(log, stored.data(log));
        finding.detail = "the bloom of its block's header excludes it";
    }
    return outside;
}

BlockVerdict LogJudge::judge_empty(const evm::Header& header, const evm::LogBatch& stored) {
    BlockVerdict verdict;
    for (const evm::Log& log : stored.logs) {
        if (is_tick(log)) {
            continue;
        }
        if (is_outside(header, log)) {
            verdict.truth.push(log, stored.data(log));
            ++verdict.outside;
            continue;
        }
        Finding& finding =
            verdict.findings.emplace_back(make_finding(FindingKind::kLogInvented, log));
        finding.stored = text_of(log, stored.data(log));
        finding.detail = fmt::format("block {} has no receipts at all", header.block_num);
    }
    judge_ticks(header, stored, verdict);
    return verdict;
}

/// Those that are stored stay, whatever config wanted them; those that this one wants must be
/// there.
void LogJudge::judge_ticks(const evm::Header& header, const evm::LogBatch& stored,
                           BlockVerdict& verdict) {
    for (const evm::Log& log : stored.logs) {
        if (is_tick(log)) {
            verdict.truth.push(log, ByteView{});
        }
    }
    for (uint32_t i = 0; i < plan_->sources().size(); ++i) {
        const Source& source = plan_->sources()[i];
        if (source.every_blocks == 0 || header.block_num % source.every_blocks != 0 ||
            header.block_num < source.start_block || coverage_of(i, header.block_num) == nullptr) {
            continue;
        }
        const evm::Log tick = make_tick(source.every_blocks, header.block_num, header.hash);
        const bool is_there = std::ranges::any_of(stored.logs, [&tick](const evm::Log& log) {
            return log.log_index == tick.log_index && is_tick(log);
        });
        if (!is_there) {
            Finding& finding =
                verdict.findings.emplace_back(make_finding(FindingKind::kLogMissing, tick));
            finding.expected = text_of(tick, ByteView{});
            finding.detail = kTickNote;
            verdict.truth.push(tick, ByteView{});
        }
    }
}

/// Whom the block announces that the database does not know, known to the map from here on. `ours`:
/// of each of `logs` the stored one at its place, or null.
void LogJudge::find_new_children(const evm::Header& header, const evm::LogBatch& logs,
                                 std::span<const evm::Log* const> ours, const evm::LogBatch& stored,
                                 std::vector<storage::ChildRow>& out) {
    std::vector<LogPlace> places;
    places.reserve(logs.logs.size());
    for (const evm::Log& log : logs.logs) {
        places.push_back({&log, logs.data(log)});
    }
    for (const FoundChild& child : finder_.find(places)) {
        out.push_back(child.row);
        add_bits(child.source, child.row);
        const size_t at = child.row.log_index;
        const evm::Log& told = logs.logs[at];
        if (ours[at] == nullptr ||
            !find_difference(*ours[at], stored.data(*ours[at]), told, logs.data(told)).empty()) {
            note_unheard(header, told, child.row);
        }
    }
}

/// Contracts that the database knows by announcements that were mended since.
void LogJudge::recall_mistold() {
    if (!read_mistold_) {
        return;
    }
    mistold_ = std::exchange(read_mistold_, nullptr)();
    if (mistold_.empty()) {
        return;
    }
    for (const storage::ChildRow& child : stored_children_) {
        const LogPosition announced{child.block_num, child.log_index};
        if (const auto log = mistold_.find(announced); log != mistold_.end()) {
            unheard_.try_emplace(
                child.address, Unheard{announced, first_heard(child.address), log->second.providers,
                                       log->second.mended_s});
        }
    }
}

/// The first announcement that was stored as the chain has it.
LogPosition LogJudge::first_heard(const evm::Address& address) const {
    LogPosition first{UINT64_MAX, UINT64_MAX};
    for (const storage::ChildRow& known : stored_children_) {
        const LogPosition announced{known.block_num, known.log_index};
        if (known.address == address && announced < first && !mistold_.contains(announced)) {
            first = announced;
        }
    }
    return first;
}

void LogJudge::note_unheard(const evm::Header& header, const evm::Log& announcement,
                            const storage::ChildRow& child) {
    // Of a factory that is itself a child that nobody heard of, the first announcement counts.
    const Unheard* factory = find_unheard(header, announcement);
    std::string provider = factory != nullptr ? factory->provider : provider_of(announcement);
    unheard_.insert_or_assign(child.address, Unheard{{child.block_num, child.log_index},
                                                     first_heard(child.address),
                                                     std::move(provider)});
}

/// Null where the log had to be asked for all the same.
const LogJudge::Unheard* LogJudge::find_unheard(const evm::Header& header, const evm::Log& log) {
    recall_mistold();
    const auto found = unheard_.find(log.address);
    if (found == unheard_.end() || header.timestamp > found->second.mended_s ||
        LogPosition{log.block_num, log.log_index} >= found->second.heard) {
        return nullptr;
    }
    const bool is_asked_for = std::ranges::any_of(plan_->sources(), [&log](const Source& source) {
        return source.any_address
                   ? source.wants(log)
                   : std::ranges::find(source.addresses, log.address) != source.addresses.end();
    });
    return is_asked_for ? nullptr : &found->second;
}

BlockVerdict LogJudge::judge(const evm::Header& header, const evm::ReceiptBatch& receipts,
                             const evm::LogBatch& stored) {
    BlockVerdict verdict;
    const std::vector<evm::Log>& chain = receipts.logs.logs;
    std::vector<const evm::Log*> ours(chain.size(), nullptr);
    evm::LogBatch outside;  // behind all that the root commits to
    for (const evm::Log& log : stored.logs) {
        if (is_tick(log)) {
            continue;
        }
        if (log.log_index < chain.size()) {
            ours[log.log_index] = &log;
            continue;
        }
        if (is_outside(header, log)) {
            outside.push(log, stored.data(log));
            continue;
        }
        Finding& finding =
            verdict.findings.emplace_back(make_finding(FindingKind::kLogInvented, log));
        finding.stored = text_of(log, stored.data(log));
        finding.detail = fmt::format("its block has {} logs", chain.size());
    }
    find_new_children(header, receipts.logs, ours, stored, verdict.new_children);
    for (size_t i = 0; i < chain.size(); ++i) {
        const evm::Log& log = chain[i];
        const ByteView data = receipts.logs.data(log);
        const bool wanted = is_wanted(log);
        // Of what another config has stored too: it stays, as the chain has it.
        const bool is_kept = wanted || (ours[i] != nullptr && is_same_event(*ours[i], log));
        if (ours[i] != nullptr) {
            const ByteView stored_data = stored.data(*ours[i]);
            const std::string_view differs = find_difference(*ours[i], stored_data, log, data);
            if (!differs.empty()) {
                Finding& finding = verdict.findings.emplace_back(make_finding(
                    is_kept ? FindingKind::kLogAltered : FindingKind::kLogInvented, *ours[i]));
                finding.is_certain =
                    is_kept ? differs != "txn_hash" : is_in_reach(receipts, *ours[i]);
                finding.field = is_kept ? differs : "";
                finding.stored = text_of(*ours[i], stored_data);
                finding.expected = is_kept ? text_of(log, data) : "";
                finding.detail = !is_kept ? "another event stands there"
                                 : differs == "txn_hash"
                                     ? "a provider's word: receipts do not commit to it"
                                     : "";
            }
        } else if (wanted) {
            Finding& finding =
                verdict.findings.emplace_back(make_finding(FindingKind::kLogMissing, log));
            finding.expected = text_of(log, data);
            if (const Unheard* unheard = find_unheard(header, log)) {
                finding.provider = unheard->provider;
                finding.detail = fmt::format(
                    "its contract was not known: the log that announces it, {} of block {}, {} "
                    "stored as the chain has it",
                    unheard->announced.log_index, unheard->announced.block_num,
                    unheard->mended_s == UINT64_MAX ? "is not" : "was not");
            }
        }
        if (is_kept) {
            verdict.truth.push(log, data);
        }
    }
    for (const evm::Log& log : outside.logs) {
        verdict.truth.push(log, outside.data(log));
    }
    verdict.outside = outside.logs.size();
    judge_ticks(header, stored, verdict);
    return verdict;
}

}  // namespace plumbline::engine
