#include "api/rpc/filter_store.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

using Json = nlohmann::json;

/// Blocks above finality that a filter remembers; a reorganisation of more is not told.
constexpr uint64_t kToldMax = 10'000;

std::string new_id() {
    std::random_device random;
    return fmt::format("0x{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string array_of(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) {
        out += (out.size() == 1 ? "" : ",") + item;
    }
    return out + "]";
}

}  // namespace

Result<std::string> FilterStore::add(const LogSource& source, Wanted wanted,
                                     std::string_view client, int64_t now_ms) {
    const auto filter = std::make_shared<Filter>(told_bytes_);
    filter->client = client;
    const storage::Cursor& cursor = source.cursor();
    filter->wanted = std::move(wanted);
    filter->used_ms = now_ms;
    const std::optional<Json>& written = filter->wanted.written;
    filter->next =
        std::max(cursor.finalized + 1, cursor.block_num - std::min(cursor.block_num, kToldMax));
    if (written) {
        PLUMBLINE_TRY(filter->filter, parse_log_filter(*written, source.tags()));
        if (filter->filter.block_hash) {
            return Error{ErrorCode::kInvalidArgument,
                         "a filter of one block never changes: ask eth_getLogs"};
        }
        const auto from = written->find("fromBlock");
        if (from != written->end() && from->is_string() &&
            from->get_ref<const std::string&>().starts_with("0x")) {
            filter->first = filter->filter.from;
        }
        const auto to = written->find("toBlock");
        if (to != written->end() && to->is_string() &&
            to->get_ref<const std::string&>().starts_with("0x")) {
            filter->last = filter->filter.to;
        }
        PLUMBLINE_TRY(const std::optional<std::string> gap,
                      source.find_uncovered(filter->filter, cursor.block_num, cursor.block_num));
        if (gap) {
            return Error{ErrorCode::kUnavailable, *gap};
        }
    }
    {
        // What lies above finality may be taken back, and is told then.
        const MutexLock lock{filter->mutex};
        std::vector<std::string> known;
        while (filter->next <= cursor.block_num) {
            const uint64_t before = filter->next;
            PLUMBLINE_TRY_VOID(go_on(source, *filter, known));
            if (filter->next == before) {
                return Error{ErrorCode::kTooLarge,
                             "too many logs match it above the finalized block"};
            }
        }
    }
    const MutexLock lock{mutex_};
    std::erase_if(filters_, [&](const auto& entry) {
        return !entry.second->wanted.lives_on && entry.second->used_ms + kIdleMs < now_ms;
    });
    const auto of_client = std::ranges::count_if(
        filters_, [&](const auto& entry) { return entry.second->client == client; });
    if (static_cast<size_t>(of_client) >= kFiltersAClient) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("this address has {} filters already: uninstall some, or ask "
                                 "eth_getLogs",
                                 kFiltersAClient)};
    }
    if (filters_.size() >= kFiltersMax) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("there are {} filters already: uninstall some, or ask "
                                 "eth_getLogs",
                                 kFiltersMax)};
    }
    std::string id = new_id();
    filters_.emplace(id, filter);
    return id;
}

std::shared_ptr<FilterStore::Filter> FilterStore::find(const std::string& id, int64_t now_ms) {
    const MutexLock lock{mutex_};
    const auto at = filters_.find(id);
    if (at == filters_.end() ||
        (!at->second->wanted.lives_on && at->second->used_ms + kIdleMs < now_ms)) {
        return nullptr;
    }
    at->second->used_ms = now_ms;
    return at->second;
}

Result<Json> FilterStore::filter_of(const std::string& id, int64_t now_ms) {
    const auto filter = find(id, now_ms);
    if (filter == nullptr) {
        return Error{ErrorCode::kNotFound, "filter not found"};
    }
    const MutexLock lock{filter->mutex};
    if (!filter->wanted.written) {
        return Error{ErrorCode::kNotFound, "filter not found: it is one of blocks"};
    }
    return *filter->wanted.written;
}

bool FilterStore::remove(const std::string& id) {
    const MutexLock lock{mutex_};
    return filters_.erase(id) > 0;
}

void FilterStore::count_told(Filter& filter, const std::string& log) {
    filter.told_bytes += log.size();
    filter.all_told_bytes += log.size();
}

void FilterStore::forget_told(Filter& filter, const Told& block) {
    for (const std::string& log : block.logs) {
        filter.told_bytes -= log.size();
        filter.all_told_bytes -= log.size();
    }
}

/// Blocks that were told of and are not the chain's any more, oldest first.
void FilterStore::take_back(const LogSource& source, Filter& filter,
                            std::vector<std::string>& out) {
    std::vector<Told> gone;
    while (!filter.told.empty()) {
        const Told& last = filter.told.back();
        const std::optional<evm::Hash> hash = last.block_num > source.cursor().block_num
                                                  ? std::optional<evm::Hash>{evm::Hash{}}
                                                  : source.hash_of(last.block_num);
        if (!hash || *hash == last.hash) {
            break;
        }
        filter.next = last.block_num;
        forget_told(filter, last);
        gone.push_back(std::move(filter.told.back()));
        filter.told.pop_back();
    }
    for (auto block = gone.rbegin(); filter.wanted.written && block != gone.rend(); ++block) {
        for (const std::string& log : block->logs) {
            append_log(out.emplace_back(), log, true);
        }
    }
}

/// What has come, up to the limits of one scan.
Status FilterStore::go_on(const LogSource& source, Filter& filter,
                          std::vector<std::string>& out) const {
    const storage::Cursor& cursor = source.cursor();
    LogScan scan;
    scan.through = cursor.block_num;
    if (filter.wanted.written) {
        PLUMBLINE_TRY(scan, source.scan(filter.filter, std::max(filter.next, filter.first),
                                        filter.last.value_or(cursor.block_num)));
        if (scan.is_whole) {
            scan.through = cursor.block_num;
        }
    }
    if (!scan.through && filter.first > filter.next) {
        scan.through = std::min(filter.first - 1, cursor.block_num);
    }
    if (!scan.through || *scan.through < filter.next) {
        return ok();
    }
    auto log = scan.logs.begin();
    for (uint64_t n = std::max(filter.next, cursor.finalized + 1); n <= *scan.through; ++n) {
        if (const auto hash = source.hash_of(n)) {
            filter.told.push_back({n, *hash, {}});
        }
    }
    for (auto told = filter.told.begin(); log != scan.logs.end(); ++log) {
        append_log(out.emplace_back(), log->text, false);
        told = std::find_if(told, filter.told.end(),
                            [&](const Told& block) { return block.block_num >= log->block_num; });
        if (told != filter.told.end() && told->block_num == log->block_num) {
            told->logs.push_back(log->text);
            count_told(filter, log->text);
        }
    }
    for (uint64_t n = filter.next; !filter.wanted.written && n <= *scan.through; ++n) {
        if (filter.wanted.tells_heads) {
            if (std::optional<std::string> head = source.head_of(n)) {
                out.push_back(*std::move(head));
            }
        } else if (const auto hash = source.hash_of(n)) {
            out.push_back('"' + evm::to_hex(*hash) + '"');
        }
    }
    filter.next = *scan.through + 1;
    while (!filter.told.empty() &&
           (filter.told.front().block_num <= cursor.finalized || filter.told.size() > kToldMax)) {
        forget_told(filter, filter.told.front());
        filter.told.pop_front();
    }
    if (filter.all_told_bytes.load() > told_bytes_max_) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("all filters together remember more than {} MiB of logs above the "
                                 "finalized block: ask for fewer events, or ask eth_getLogs",
                                 told_bytes_max_ >> 20U)};
    }
    return ok();
}

Result<std::string> FilterStore::changes(const LogSource& source, const std::string& id,
                                         int64_t now_ms) {
    PLUMBLINE_TRY(const std::vector<std::string> items, take_changes(source, id, now_ms));
    return array_of(items);
}

Result<std::vector<std::string>> FilterStore::take_changes(const LogSource& source,
                                                           const std::string& id, int64_t now_ms) {
    const auto filter = find(id, now_ms);
    if (filter == nullptr) {
        return Error{ErrorCode::kNotFound, "filter not found"};
    }
    const MutexLock lock{filter->mutex};
    std::vector<std::string> out;
    take_back(source, *filter, out);
    if (filter->wanted.written && filter->next <= source.cursor().block_num) {
        PLUMBLINE_TRY(const std::optional<std::string> gap,
                      source.find_uncovered(filter->filter, filter->next,
                                            filter->last.value_or(source.cursor().block_num)));
        if (gap) {
            return Error{ErrorCode::kUnavailable, *gap};
        }
    }
    if (Status went = go_on(source, *filter, out); !went) {
        if (went.error().code == ErrorCode::kTooLarge) {
            remove(id);
        }
        return went.error();
    }
    return out;
}

}  // namespace plumbline::api
