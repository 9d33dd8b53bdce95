#include "storage/correction_store.hpp"

#include <optional>
#include <string>

#include <rocksdb/db.h>

#include "storage/commit_batch_impl.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

void rewrite_correction(CommitBatch& batch, const CorrectionRow& row) {
    CommitBatch::Impl& my = Internals::of(batch);
    my.writes
        .Put(my.core->family(FamilyKind::kCorrections), correction_key(row.block_num, row.seq),
             encode_correction(row))
        .PermitUncheckedError();
    my.anything = true;
}

Result<std::vector<QuarantineRow>> list_quarantined_corrections(const ReadView& view,
                                                                uint32_t log_index) {
    std::vector<QuarantineRow> out;
    if (view.quarantine_count() == 0) {
        return out;
    }
    PLUMBLINE_TRY(const std::vector<CorrectionRow> corrections, view.list_corrections());
    const ReadView::Impl& my = *Internals::of(view);
    std::optional<uint64_t> last;
    for (const CorrectionRow& correction : corrections) {
        if (last == correction.block_num) {
            continue;
        }
        last = correction.block_num;
        const std::string key = quarantine_key(correction.block_num, log_index);
        PLUMBLINE_TRY(const auto value,
                      my.core->get(my.generation->quarantine->get(), key, my.snapshot));
        if (value) {
            PLUMBLINE_TRY(QuarantineRow row, decode_quarantine(key, *value));
            out.push_back(std::move(row));
        }
    }
    return out;
}

}  // namespace plumbline::storage
