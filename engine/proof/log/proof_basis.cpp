#include "engine/proof/log/proof_basis.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <xxhash.h>

#include "core/evm/bytes.hpp"
#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/coverage_gaps.hpp"

namespace plumbline::engine {

namespace {

/// Length first, so that no two lists of parts are the same bytes.
class Mark {
  public:
    void add(uint64_t number) { state_ = XXH3_64bits_withSeed(&number, sizeof(number), state_); }
    void add(std::string_view bytes) {
        add(bytes.size());
        state_ = XXH3_64bits_withSeed(bytes.data(), bytes.size(), state_);
    }
    [[nodiscard]] uint64_t get() const noexcept { return state_; }

  private:
    uint64_t state_ = 0;
};

void add_coverage(Mark& mark, const std::vector<storage::CoverageRow>& coverage,
                  const evm::BlockRange& range) {
    std::map<std::pair<std::string_view, std::string_view>, std::vector<evm::BlockRange>> covered;
    for (const storage::CoverageRow& row : coverage) {
        if (const auto common = common_of(row.range, range)) {
            covered[{row.source, row.provider}].push_back(*common);
        }
    }
    for (auto& [names, ranges] : covered) {
        mark.add(names.first);
        mark.add(names.second);
        for (const evm::BlockRange& one : joined(std::move(ranges))) {
            mark.add(one.from);
            mark.add(one.to);
        }
    }
}

/// Of all others the announcement is a log of the range, or comes above it.
void add_children(Mark& mark, const Plan& plan, const std::vector<storage::ChildRow>& children,
                  const evm::BlockRange& range) {
    if (!has_history(plan.sources())) {
        return;
    }
    for (const storage::ChildRow& child : children) {
        const int source = plan.find_source(child.contract);
        if (source >= 0 && plan.sources()[static_cast<size_t>(source)]
                                   .counts_from({child.block_num, child.log_index})
                                   .block_num <= range.to) {
            mark.add(child.contract);
            mark.add(child.block_num);
            mark.add(child.log_index);
        }
    }
}

}  // namespace

uint64_t basis_of(const Plan& plan, const std::vector<storage::CoverageRow>& coverage,
                  const std::vector<storage::ChildRow>& children,
                  std::span<const storage::BlockRow> blocks, const evm::BlockRange& range) {
    Mark mark;
    add_coverage(mark, coverage, range);
    add_children(mark, plan, children, range);
    for (const storage::BlockRow& block : blocks) {
        if (block.event_count > 0) {  // Rows of empty blocks go once they are final.
            mark.add(block.block_num);
            mark.add(as_chars(block.hash.view()));
            mark.add(block.event_count);
        }
    }
    return mark.get();
}

}  // namespace plumbline::engine
