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
        while (filter->next <= cursor.block_num) {
            const uint64_t before = filter->next;
            std::vector<std::string> known;
            PLUMBLINE_TRY(News news, look(source, *filter, before));
            tell(source, *filter, std::move(news), known);
            PLUMBLINE_TRY_VOID(check_told_bytes());
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

/// How many of the blocks that were told of are the chain's yet, from the oldest on. A block
/// without a row is final and has no event: so it is not one that had a log, and else not known.
Result<size_t> FilterStore::count_kept(const LogSource& source, const Filter& filter) {
    size_t kept = filter.told.size();
    for (size_t i = kept; i > 0; --i) {
        const Told& block = filter.told[i - 1];
        if (block.block_num <= source.cursor().block_num) {
            PLUMBLINE_TRY(const std::optional<evm::Hash> hash, source.hash_of(block.block_num));
            if (hash == block.hash) {
                break;
            }
            if (!hash && block.logs.empty()) {
                continue;
            }
        }
        kept = i - 1;
    }
    return kept;
}

/// What has come from `next` on, up to the limits of one scan.
Result<FilterStore::News> FilterStore::look(const LogSource& source, const Filter& filter,
                                            uint64_t next) {
    const storage::Cursor& cursor = source.cursor();
    News out;
    if (filter.wanted.written) {
        PLUMBLINE_TRY(LogScan scan, source.scan(filter.filter, std::max(next, filter.first),
                                                filter.last.value_or(cursor.block_num)));
        out.through = scan.is_whole ? cursor.block_num : scan.through;
        out.logs = std::move(scan.logs);
        if (!out.through && filter.first > next) {
            out.through = std::min(filter.first - 1, cursor.block_num);
        }
    } else {
        out.through = std::min(cursor.block_num, next + kBlocksMax - 1);
    }
    if (!out.through || *out.through < next) {
        return News{};
    }
    for (uint64_t n = next; !filter.wanted.written && n <= *out.through; ++n) {
        if (filter.wanted.tells_heads) {
            PLUMBLINE_TRY(std::optional<std::string> head, source.head_of(n));
            if (head) {
                out.items.push_back(*std::move(head));
            }
            continue;
        }
        PLUMBLINE_TRY(const std::optional<evm::Hash> hash, source.hash_of(n));
        if (hash) {
            out.items.push_back('"' + evm::to_hex(*hash) + '"');
        }
    }
    const uint64_t told_from = *out.through - std::min(*out.through, kToldMax - 1);
    for (uint64_t n = std::max({next, cursor.finalized + 1, told_from}); n <= *out.through; ++n) {
        PLUMBLINE_TRY(const std::optional<evm::Hash> hash, source.hash_of(n));
        if (hash) {
            out.blocks.push_back({n, *hash, {}});
        }
    }
    return out;
}

/// The blocks behind the first `kept` ones are not the chain's any more, and come again.
void FilterStore::take_back(Filter& filter, size_t kept, std::vector<std::string>& out) {
    if (kept == filter.told.size()) {
        return;
    }
    const auto gone = filter.told.begin() + static_cast<std::ptrdiff_t>(kept);
    filter.next = gone->block_num;
    for (auto block = gone; block != filter.told.end(); ++block) {
        forget_told(filter, *block);
        for (const std::string& log : block->logs) {
            append_log(out.emplace_back(), log, true);
        }
    }
    filter.told.erase(gone, filter.told.end());
}

void FilterStore::tell(const LogSource& source, Filter& filter, News news,
                       std::vector<std::string>& out) {
    if (!news.through) {
        return;
    }
    std::ranges::move(news.blocks, std::back_inserter(filter.told));
    auto told = filter.told.begin();
    for (const ToldLog& log : news.logs) {
        append_log(out.emplace_back(), log.text, false);
        told = std::find_if(told, filter.told.end(),
                            [&](const Told& block) { return block.block_num >= log.block_num; });
        if (told != filter.told.end() && told->block_num == log.block_num) {
            told->logs.push_back(log.text);
            count_told(filter, log.text);
        }
    }
    std::ranges::move(news.items, std::back_inserter(out));
    filter.next = *news.through + 1;
    while (!filter.told.empty() && (filter.told.front().block_num <= source.cursor().finalized ||
                                    filter.told.size() > kToldMax)) {
        forget_told(filter, filter.told.front());
        filter.told.pop_front();
    }
}

Status FilterStore::check_told_bytes() const {
    if (told_bytes_.load() > told_bytes_max_) {
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
    PLUMBLINE_TRY(const size_t kept, count_kept(source, *filter));
    const uint64_t next = kept < filter->told.size() ? filter->told[kept].block_num : filter->next;
    if (filter->wanted.written && next <= source.cursor().block_num) {
        PLUMBLINE_TRY(const std::optional<std::string> gap,
                      source.find_uncovered(filter->filter, next,
                                            filter->last.value_or(source.cursor().block_num)));
        if (gap) {
            return Error{ErrorCode::kUnavailable, *gap};
        }
    }
    PLUMBLINE_TRY(News news, look(source, *filter, next));
    // From here on nothing fails but the filter's end: what is taken back has to be told.
    std::vector<std::string> out;
    take_back(*filter, kept, out);
    tell(source, *filter, std::move(news), out);
    if (Status fits = check_told_bytes(); !fits) {
        remove(id);
        return fits.error();
    }
    return out;
}

}  // namespace plumbline::api
