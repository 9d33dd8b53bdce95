#include "engine/proof/log/chain_profile.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/evm/block_gap.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::engine {

namespace {

constexpr uint8_t kEthereumTypeMax = 4;
constexpr uint8_t kArbitrumTypeMin = 0x64;
constexpr uint8_t kArbitrumTypeMax = 0x6a;

ChainKind kind_of(uint8_t type) {
    if (type == evm::kReceiptTypeOpDeposit) {
        return ChainKind::kOp;
    }
    if (type >= kArbitrumTypeMin && type <= kArbitrumTypeMax) {
        return ChainKind::kArbitrum;
    }
    return type <= kEthereumTypeMax ? ChainKind::kEthereum : ChainKind::kUnknown;
}

}  // namespace

std::string_view to_string(ChainKind kind) noexcept {
    switch (kind) {
        case ChainKind::kUnknown: return "unknown";
        case ChainKind::kEthereum: return "ethereum";
        case ChainKind::kOp: return "op";
        case ChainKind::kArbitrum: return "arbitrum";
        case ChainKind::kNone: return "none";
    }
    return "";
}

void ChainProfile::add_receipts(const evm::Header& header, const rpc::BlockReceipts& block) {
    ++receipts_tried;
    for (const evm::Receipt& receipt : block.batch.receipts) {
        const ChainKind found = kind_of(receipt.type);
        if (kind == ChainKind::kUnknown ||
            (kind == ChainKind::kEthereum && found != ChainKind::kUnknown)) {
            kind = found;
        }
    }
    if (block.bloom != header.logs_bloom && blooms) {
        blooms = false;
        reason = fmt::format("the bloom of block {} is not that of its logs: blooms are not used",
                             header.block_num);
    }
}

void ChainProfile::add_unprovable(const evm::Header& header, const Error& error) {
    if (blooms) {
        blooms = false;
        reason = fmt::format("block {}: {}", header.block_num, error.message);
    }
}

ProfileTest::ProfileTest(rpc::ChainSource& source, std::vector<uint64_t> block_nums)
    : source_{source},
      block_nums_{std::move(block_nums)},
      result_{Error{ErrorCode::kUnavailable, "the self-test is not over"}} {
    std::ranges::sort(block_nums_);
    block_nums_.erase(std::unique(block_nums_.begin(), block_nums_.end()), block_nums_.end());
    open_ = block_nums_.size();
    if (block_nums_.empty()) {
        finish();
    }
    for (size_t i = 0; i < block_nums_.size(); ++i) {
        ask_header(i);
    }
}

void ProfileTest::ask_header(size_t index) {
    source_.get_headers({block_nums_[index]},
                        guard_.wrap([this, index](Result<std::vector<evm::Header>> headers) {
                            on_header(index, std::move(headers));
                        }));
}

void ProfileTest::note(const Error& error) {
    last_error_ = error.message;
    last_code_ = error.code;
}

void ProfileTest::on_header(size_t index, Result<std::vector<evm::Header>> headers) {
    if (headers && !headers->empty()) {
        if (evm::is_gap(headers->front())) {
            // No block has this number: the block before it does as well.
            source_.get_header_by_hash(
                headers->front().hash, guard_.wrap([this, index](Result<evm::Header> header) {
                    on_header(
                        index,
                        header ? Result<std::vector<evm::Header>>{std::vector{*std::move(header)}}
                               : std::move(header).error());
                }));
            return;
        }
        if (evm::check_hash(headers->front()) == evm::HeaderCheck::kMatches) {
            take(std::move(headers->front()));
        } else {
            check_elsewhere(headers->front());
            return;
        }
    } else if (!headers) {
        note(headers.error());
    }
    if (--open_ == 0) {
        ask_receipts();
    }
}

/// "; it leaves out stateRoot": fields that indexing does not need and hashing does. Empty: none.
std::string ProfileTest::name_left_out(const evm::Header& header) {
    std::string out;
    const auto add = [&out](const evm::Hash& hash, const char* name) {
        if (hash.is_zero()) {
            out += (out.empty() ? "; it leaves out " : ", ") + std::string{name};
        }
    };
    if (header.block_num > 0) {
        add(header.parent_hash, "parentHash");
    }
    add(header.state_root, "stateRoot");
    add(header.txns_root, "transactionsRoot");
    add(header.receipts_root, "receiptsRoot");
    add(header.ommers_hash, "sha3Uncles");
    return out;
}

/// One provider's header does not hash: does anybody's?
void ProfileTest::check_elsewhere(const evm::Header& header) {
    const uint64_t n = header.block_num;
    const std::string left_out = name_left_out(header);
    source_.get_linked_headers(
        {n, n}, header.hash,
        guard_.wrap([this, n, left_out](Result<std::vector<evm::Header>> headers) {
            if (headers) {
                take(std::move(headers->front()));
            } else if (headers.error().code == ErrorCode::kIncompatible) {
                ++profile_.headers_tried;
                failed_num_ = std::max(n, failed_num_.value_or(0));
                note(headers.error());
                last_error_ += left_out;
            } else {
                note(headers.error());
            }
            if (--open_ == 0) {
                ask_receipts();
            }
        }));
}

void ProfileTest::take(evm::Header header) {
    ++profile_.headers_tried;
    headers_.push_back(std::move(header));
}

void ProfileTest::ask_receipts() {
    // A chain that was of another kind once, before a merge, is provable down to there.
    const bool is_younger_good = std::ranges::any_of(headers_, [this](const evm::Header& header) {
        return failed_num_ && header.block_num > *failed_num_;
    });
    if (failed_num_ && !is_younger_good) {
        profile_.headers = false;
        profile_.receipts = false;
        profile_.blooms = false;
        profile_.kind = ChainKind::kNone;
        profile_.reason = last_error_;
        finish();
        return;
    }
    std::vector<evm::Header> asked;
    for (const evm::Header& header : headers_) {
        if (header.receipts_root != evm::kEmptyTrieRoot) {
            asked.push_back(header);
        }
    }
    if (asked.empty()) {
        finish();
        return;
    }
    source_.get_proven_receipts(
        asked, guard_.wrap([this, asked](std::vector<Result<rpc::BlockReceipts>> results) {
            on_receipts(asked, results);
        }));
}

void ProfileTest::on_receipts(const std::vector<evm::Header>& asked,
                              const std::vector<Result<rpc::BlockReceipts>>& results) {
    size_t good = 0;
    size_t wrong = 0;
    for (size_t i = 0; i < results.size(); ++i) {
        if (results[i]) {
            ++good;
            profile_.add_receipts(asked[i], *results[i]);
        } else if (results[i].error().code == ErrorCode::kIncompatible) {
            ++wrong;
            ++profile_.receipts_tried;
            profile_.add_unprovable(asked[i], results[i].error());
        } else {
            profile_.blooms = false;
            profile_.reason = results[i].error().message;
        }
    }
    if (good == 0) {
        profile_.receipts = false;
        profile_.kind = wrong > 0 ? ChainKind::kNone : ChainKind::kUnknown;
    }
    finish();
}

void ProfileTest::finish() {
    if (profile_.headers_tried == 0) {
        result_ = Error{last_code_, last_error_};
    } else {
        result_ = profile_;
    }
    done_ = true;
}

}  // namespace plumbline::engine
