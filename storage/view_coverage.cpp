#include "storage/view_coverage.hpp"

#include "storage/database_impl.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

Result<std::vector<CoverageRow>> coverage_of(const ReadView& view) {
    const std::shared_ptr<ReadView::Impl>& my = Internals::of(view);
    std::vector<CoverageRow> rows;
    const auto scan =
        OwnedIterator::make(my, my->core->family(FamilyKind::kCoverage), "", {}, false);
    for (; scan->it->Valid(); scan->it->Next()) {
        PLUMBLINE_TRY(CoverageRow row,
                      decode_coverage(to_view(scan->it->key()), to_view(scan->it->value())));
        rows.push_back(std::move(row));
    }
    PLUMBLINE_TRY_VOID(from_rocks(scan->it->status(), "reading coverage"));
    return rows;
}

}  // namespace plumbline::storage
