#include "engine/ingest/told_by_liar.hpp"

#include <algorithm>
#include <cstdint>

namespace plumbline::engine {

bool is_told_by(std::string_view names, const std::set<std::string>& liars) {
    while (!names.empty()) {
        const size_t end = names.find(", ");
        if (liars.contains(std::string{names.substr(0, end)})) {
            return true;
        }
        names = end == std::string_view::npos ? std::string_view{} : names.substr(end + 2);
    }
    return false;
}

std::vector<evm::BlockRange> blocks_told_by(const std::vector<storage::CoverageRow>& coverage,
                                            const std::set<std::string>& liars) {
    std::vector<evm::BlockRange> spans;
    for (const storage::CoverageRow& row : coverage) {
        if (row.level < storage::ProofLevel::kReceipts && is_told_by(row.provider, liars)) {
            spans.push_back(row.range);
        }
    }
    std::ranges::sort(spans, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> out;
    uint64_t extra = 0;  // blocks of the last span that nobody lied about
    for (const evm::BlockRange& span : spans) {
        if (!out.empty()) {
            evm::BlockRange& last = out.back();
            const uint64_t gap = span.from > last.to ? span.from - last.to - 1 : 0;
            if (extra + gap <= last.size() - extra) {
                extra += gap;
                last.to = std::max(last.to, span.to);
                continue;
            }
        }
        out.push_back(span);
        extra = 0;
    }
    return out;
}

}  // namespace plumbline::engine
