#include "engine/proof/log/log_proof_known.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "storage/proof_names.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kRangesMax = 1'000;
constexpr size_t kMarkHexChars = 18;
constexpr size_t kNoteBytesMax = 400;

/// The next word up to `end`, taken off `text`.
std::string_view take_word(std::string_view& text, char end) {
    const size_t size = text.find(end);
    const std::string_view word = text.substr(0, size);
    text.remove_prefix(size == std::string_view::npos ? text.size() : size + 1);
    return word;
}

std::optional<uint64_t> to_number(std::string_view word) {
    uint64_t out = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    return error == std::errc{} && end == word.data() + word.size() ? std::optional{out}
                                                                    : std::nullopt;
}

}  // namespace

bool KnownRange::is_retry() const noexcept {
    return findings == 0 && until_s > 0 && note.starts_with(kRetryNote);
}

std::string mark_of(const storage::ReadView& view, uint64_t block_num) {
    const auto row = view.get_block(block_num);
    // Rows of empty blocks go once they are final: that is no change.
    if (!row || row->event_count == 0) {
        return "empty";
    }
    return fmt::format("{}:{}", evm::to_hex(row->hash).substr(0, kMarkHexChars), row->event_count);
}

// A line a range: FROM TO FINDINGS UNTIL NOTE
KnownRanges KnownRanges::parse(std::string_view text) {
    KnownRanges out;
    while (!text.empty()) {
        std::string_view line = take_word(text, '\n');
        const auto from = to_number(take_word(line, ' '));
        const auto to = to_number(take_word(line, ' '));
        const auto findings = to_number(take_word(line, ' '));
        const auto until_s = to_number(take_word(line, ' '));
        if (from && to && findings && until_s && *from <= *to) {
            out.add({{*from, *to}, *findings, *until_s, std::string{line}});
        }
    }
    return out;
}

std::string KnownRanges::to_text() const {
    std::string out;
    for (const KnownRange& known : ranges_) {
        out += fmt::format("{}{} {} {} {} {}", out.empty() ? "" : "\n", known.range.from,
                           known.range.to, known.findings, known.until_s, known.note);
    }
    return out;
}

Result<KnownRanges> KnownRanges::read(const storage::ReadView& view, uint64_t now_s) {
    PLUMBLINE_TRY(const std::vector<storage::ProofRecord> records, view.list_proofs());
    KnownRanges out;
    for (const storage::ProofRecord& record : records) {
        if (record.proof == kKnownRecord || record.proof == storage::kRetriesRecord) {
            for (KnownRange& known : parse(record.detail).ranges_) {
                out.add(std::move(known));
            }
        }
    }
    out.cut_retries(view.cursor() ? view.cursor()->block_num : 0);
    std::erase_if(out.ranges_, [&](const KnownRange& known) {
        return (known.findings == 0 && known.until_s > 0 && known.until_s <= now_s &&
                !known.is_retry()) ||
               (known.findings > 0 && !known.note.empty() &&
                known.note != mark_of(view, known.range.to));
    });
    return out;
}

void KnownRanges::write(storage::CommitBatch& batch, uint64_t time_s) const {
    const auto write_part = [&](std::string_view name, bool is_retry) {
        KnownRanges part;
        std::ranges::copy_if(
            ranges_, std::back_inserter(part.ranges_),
            [is_retry](const KnownRange& known) { return known.is_retry() == is_retry; });
        storage::ProofRecord record;
        record.proof = name;
        record.block_num = part.ranges_.empty() ? 0 : part.ranges_.back().range.to;
        record.time_s = time_s;
        record.is_equal = part.finding_count() == 0;
        record.checked = part.ranges_.size();
        record.mismatches = part.finding_count();
        record.detail = part.to_text();
        if (is_retry && part.ranges_.empty()) {
            batch.remove_proof(record);
        } else {
            batch.record_proof(record);
        }
    };
    write_part(kKnownRecord, false);
    write_part(storage::kRetriesRecord, true);
}

/// Blocks that were final may have gone all the same, and their levels with them. Those that are
/// there keep theirs, also where less is called final than was.
void KnownRanges::cut_retries(uint64_t last) {
    std::erase_if(ranges_, [last](const KnownRange& known) {
        return known.is_retry() && known.range.from > last;
    });
    for (KnownRange& known : ranges_) {
        known.range.to = known.is_retry() ? std::min(known.range.to, last) : known.range.to;
    }
}

void KnownRanges::forget(evm::BlockRange range) {
    std::vector<KnownRange> left;
    for (KnownRange& known : ranges_) {
        const evm::BlockRange whole = known.range;
        if (whole.to < range.from || whole.from > range.to) {
            left.push_back(std::move(known));
            continue;
        }
        if (whole.from < range.from) {
            left.push_back(known);
            left.back().range.to = range.from - 1;
            if (known.findings > 0) {
                left.back().note.clear();
            }
        }
        if (whole.to > range.to) {
            left.push_back(std::move(known));
            left.back().range.from = range.to + 1;
        }
    }
    ranges_ = std::move(left);
}

/// One outage, one range: its pieces are proven, and fail, one after the other.
void KnownRanges::join_retries(size_t index) {
    const auto join = [this](size_t low) {
        KnownRange& one = ranges_[low];
        const KnownRange& next = ranges_[low + 1];
        if (one.is_retry() && next.is_retry() && one.range.to + 1 == next.range.from) {
            one.range.to = next.range.to;
            one.until_s = std::max(one.until_s, next.until_s);
            ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(low) + 1);
        }
    };
    if (index + 1 < ranges_.size()) {
        join(index);
    }
    if (index > 0) {
        join(index - 1);
    }
}

void KnownRanges::add(KnownRange known) {
    forget(known.range);
    std::ranges::replace(known.note, '\n', ' ');
    known.note.resize(std::min(known.note.size(), kNoteBytesMax));
    const auto at = std::ranges::lower_bound(ranges_, known.range.from, {},
                                             [](const KnownRange& one) { return one.range.from; });
    const auto added = ranges_.insert(at, std::move(known));
    if (added->is_retry()) {
        join_retries(static_cast<size_t>(added - ranges_.begin()));
    }
    if (ranges_.size() > kRangesMax) {
        ranges_[1].range.from = ranges_[0].range.from;
        ranges_[1].findings += ranges_[0].findings;
        ranges_.erase(ranges_.begin());
    }
}

void KnownRanges::keep_findings(const std::vector<evm::BlockRange>& open) {
    std::erase_if(ranges_, [&open](const KnownRange& known) {
        return known.findings > 0 && std::ranges::none_of(open, [&](const evm::BlockRange& range) {
                   return range.from <= known.range.to && known.range.from <= range.to;
               });
    });
}

void KnownRanges::take(const LogProofPiece& piece, const storage::ReadView& view,
                       uint64_t retry_s) {
    forget(piece.range);
    if (retry_s > 0) {
        add({piece.range, 0, retry_s, std::string{kRetryNote}});
    }
    std::map<uint64_t, uint64_t> found;
    for (const Finding& finding : piece.findings) {
        ++found[finding.block_num];
    }
    for (const auto& [block_num, count] : found) {
        add({{block_num, block_num}, count, 0, mark_of(view, block_num)});
    }
}

void KnownRanges::postpone(evm::BlockRange range, uint64_t until_s) {
    for (KnownRange& known : ranges_) {
        if (known.findings > 0 && known.range.from <= range.to && range.from <= known.range.to) {
            known.until_s = until_s;
        }
    }
}

KnownRanges KnownRanges::without_due(uint64_t now_s) const {
    KnownRanges out = *this;
    std::erase_if(out.ranges_, [now_s](const KnownRange& known) {
        return known.findings > 0 && known.until_s <= now_s;
    });
    return out;
}

bool KnownRanges::has(uint64_t block_num) const noexcept {
    return std::ranges::any_of(ranges_, [block_num](const KnownRange& known) {
        return !known.is_retry() && known.range.from <= block_num && block_num <= known.range.to;
    });
}

uint64_t KnownRanges::finding_count() const noexcept {
    uint64_t out = 0;
    for (const KnownRange& known : ranges_) {
        out += known.findings;
    }
    return out;
}

std::vector<evm::BlockRange> KnownRanges::due_retries(uint64_t now_s) const {
    std::vector<evm::BlockRange> out;
    for (size_t i = ranges_.size(); i-- > 0;) {
        if (ranges_[i].is_retry() && ranges_[i].until_s <= now_s) {
            out.push_back(ranges_[i].range);
        }
    }
    return out;
}

std::vector<evm::BlockRange> KnownRanges::without(const std::vector<evm::BlockRange>& open) const {
    std::vector<evm::BlockRange> out;
    for (evm::BlockRange range : open) {
        bool is_left = true;
        for (size_t i = ranges_.size(); i-- > 0 && is_left;) {
            const evm::BlockRange& known = ranges_[i].range;
            if (ranges_[i].is_retry() || known.from > range.to || known.to < range.from) {
                continue;
            }
            if (known.to < range.to) {
                out.push_back({known.to + 1, range.to});
            }
            is_left = known.from > range.from;
            if (is_left) {
                range.to = known.from - 1;
            }
        }
        if (is_left) {
            out.push_back(range);
        }
    }
    return out;
}

}  // namespace plumbline::engine
