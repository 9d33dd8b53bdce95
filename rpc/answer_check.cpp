#include "rpc/answer_check.hpp"

#include <algorithm>
#include <tuple>

#include "core/evm/state_sync.hpp"

namespace plumbline::rpc {

namespace {

constexpr size_t kCacheSize = 512;
constexpr size_t kSmallList = 8;
/// A log costs 375 gas at least, so that no block has so many.
constexpr uint32_t kLogIndexMax = 1U << 26U;

std::string at_block(uint64_t block_num) {
    return " (block " + std::to_string(block_num) + ")";
}

}  // namespace

FilterCheck::FilterCheck(const LogFilter& filter)
    : addresses_{filter.addresses},
      topics_{filter.topics0},
      more_topics_{filter.more_topics},
      cache_(kCacheSize) {
    for (const evm::Address& address : addresses_) {
        address_bits_.push_back(evm::bloom_bits(address.view()));
    }
    for (const evm::Hash& topic : topics_) {
        topic_bits_.push_back(evm::bloom_bits(topic.view()));
    }
    for (size_t i = 0; i < more_topics_.size(); ++i) {
        for (const evm::Hash& topic : more_topics_[i]) {
            more_bits_[i].push_back(evm::bloom_bits(topic.view()));
        }
    }
    if (addresses_.size() > kSmallList) {
        address_set_.insert(addresses_.begin(), addresses_.end());
    }
}

bool FilterCheck::matches(const evm::Log& log) const {
    if (!addresses_.empty()) {
        const bool known = addresses_.size() > kSmallList
                               ? address_set_.contains(log.address)
                               : std::ranges::find(addresses_, log.address) != addresses_.end();
        if (!known) {
            return false;
        }
    }
    if (!topics_.empty() &&
        (log.topic_count == 0 || std::ranges::find(topics_, log.topics[0]) == topics_.end())) {
        return false;
    }
    for (size_t i = 0; i < more_topics_.size(); ++i) {
        const std::vector<evm::Hash>& topics = more_topics_[i];
        if (!topics.empty() && (log.topic_count < i + 2 ||
                                std::ranges::find(topics, log.topics[i + 1]) == topics.end())) {
            return false;
        }
    }
    return true;
}

evm::LogBatch FilterCheck::matching(const evm::LogBatch& logs) const {
    evm::LogBatch out;
    for (const evm::Log& log : logs.logs) {
        if (matches(log)) {
            out.push(log, logs.data(log));
        }
    }
    return out;
}

std::optional<std::string> FilterCheck::find_fault(const evm::LogBatch& batch,
                                                   const evm::BlockRange& range) const {
    const evm::Log* last = nullptr;
    for (const evm::Log& log : batch.logs) {
        if (log.block_num < range.from || log.block_num > range.to) {
            return "a log outside the asked blocks" + at_block(log.block_num);
        }
        if (log.log_index > kLogIndexMax) {
            return "a log index that no block can have" + at_block(log.block_num);
        }
        if (!matches(log)) {
            return "a log of an address or event that was not asked for" + at_block(log.block_num);
        }
        if (last != nullptr) {
            if (log.block_num < last->block_num ||
                (log.block_num == last->block_num && log.log_index < last->log_index)) {
                return "logs out of order" + at_block(log.block_num);
            }
            if (log.block_num == last->block_num) {
                if (log.log_index == last->log_index) {
                    return "two logs with one index" + at_block(log.block_num);
                }
                if (log.txn_index < last->txn_index) {
                    return "log indexes that do not follow the transactions" +
                           at_block(log.block_num);
                }
                if (log.block_hash != last->block_hash) {
                    return "two hashes of one block" + at_block(log.block_num);
                }
            }
        }
        last = &log;
    }
    return std::nullopt;
}

const evm::BloomBits& FilterCheck::bits_of(ByteView bytes) {
    evm::Hash key;
    std::copy(bytes.begin(), bytes.end(),
              key.bytes.end() - static_cast<std::ptrdiff_t>(bytes.size()));
    CachedBits& slot = cache_[(evm::FixedBytesHash{}(key) >> 40U) % kCacheSize];
    if (slot.size != bytes.size() || slot.key != key) {
        slot = {key, bytes.size(), evm::bloom_bits(bytes)};
    }
    return slot.bits;
}

bool FilterCheck::is_outside(const evm::Log& log) const {
    return has_state_syncs_ && evm::is_state_sync(log);
}

bool FilterCheck::bloom_has(const evm::Header& header, const evm::Log& log) {
    if (!evm::may_contain(header.logs_bloom, bits_of(log.address.view()))) {
        return is_outside(log);
    }
    for (size_t i = 0; i < log.topic_count; ++i) {
        if (!evm::may_contain(header.logs_bloom, bits_of(log.topics[i].view()))) {
            return is_outside(log);
        }
    }
    return true;
}

bool FilterCheck::may_match(const evm::Bloom& bloom) const {
    const auto in_bloom = [&](const evm::BloomBits& bits) { return evm::may_contain(bloom, bits); };
    const auto may_have_one = [&](const std::vector<evm::BloomBits>& bits) {
        return bits.empty() || std::ranges::any_of(bits, in_bloom);
    };
    return may_have_one(address_bits_) && may_have_one(topic_bits_) &&
           std::ranges::all_of(more_bits_, may_have_one);
}

bool FilterCheck::may_lack_all(const evm::Header& header, std::span<const evm::Log> logs) const {
    return logs.empty() && !header.logs_bloom.is_zero() && may_match(header.logs_bloom);
}

bool FilterCheck::may_lack_some(const evm::Header& header, std::span<const evm::Log> logs) const {
    if (!may_match(header.logs_bloom)) {
        return false;
    }
    for (size_t i = 0; i < topics_.size(); ++i) {
        if (evm::may_contain(header.logs_bloom, topic_bits_[i]) &&
            std::ranges::none_of(
                logs, [&](const evm::Log& log) { return log.topics[0] == topics_[i]; })) {
            return true;
        }
    }
    for (size_t i = 0; i < addresses_.size(); ++i) {
        if (evm::may_contain(header.logs_bloom, address_bits_[i]) &&
            std::ranges::none_of(
                logs, [&](const evm::Log& log) { return log.address == addresses_[i]; })) {
            return true;
        }
    }
    return false;
}

bool same_logs(const evm::LogBatch& a, const evm::LogBatch& b) {
    return std::ranges::equal(a.logs, b.logs, [&](const evm::Log& x, const evm::Log& y) {
        return x.block_num == y.block_num && x.log_index == y.log_index &&
               x.txn_index == y.txn_index && x.block_hash == y.block_hash &&
               x.txn_hash == y.txn_hash && x.address == y.address &&
               x.topic_count == y.topic_count &&
               std::equal(x.topics.begin(), x.topics.begin() + x.topic_count, y.topics.begin()) &&
               equal(a.data(x), b.data(y));
    });
}

void append_logs(const evm::LogBatch& from, const evm::BlockRange& range, evm::LogBatch& to) {
    for (const evm::Log& log : from.logs) {
        if (log.block_num >= range.from && log.block_num <= range.to) {
            to.push(log, from.data(log));
        }
    }
}

std::optional<std::string> find_branch_fault(const evm::LogBatch& logs,
                                             const std::map<uint64_t, evm::Header>& headers) {
    for (const evm::Log& log : logs.logs) {
        const auto header = headers.find(log.block_num);
        if (header == headers.end() || header->second.hash != log.block_hash) {
            return "a log of block " + std::to_string(log.block_num) +
                   " has another block hash than the header";
        }
    }
    const evm::Header* last = nullptr;
    for (const auto& [num, header] : headers) {
        // A chain that tells no parents (zero) has only its numbers to go by.
        if (last != nullptr && last->block_num + 1 == num && header.parent_hash != last->hash &&
            !header.parent_hash.is_zero()) {
            return "block " + std::to_string(num) + " is not a child of the block before";
        }
        last = &header;
    }
    return std::nullopt;
}

evm::LogBatch join_logs(const evm::LogBatch& a, const evm::LogBatch& b) {
    evm::LogBatch out = a;
    for (const evm::Log& log : b.logs) {
        if (std::ranges::none_of(a.logs, [&](const evm::Log& other) {
                return other.block_num == log.block_num && other.log_index == log.log_index;
            })) {
            out.push(log, b.data(log));
        }
    }
    sort_logs(out);
    return out;
}

void sort_logs(evm::LogBatch& batch) {
    std::ranges::sort(batch.logs, [](const evm::Log& a, const evm::Log& b) {
        return std::tie(a.block_num, a.log_index) < std::tie(b.block_num, b.log_index);
    });
}

}  // namespace plumbline::rpc
