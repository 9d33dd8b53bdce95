#include "sink/history_rows.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/evm/keccak.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/fold/scratch_database.hpp"
#include "storage/raw_scan.hpp"

namespace plumbline::sink {

namespace {

constexpr uint64_t kVersionsBetweenLooks = 1'024;

Error io_error(std::string_view doing) {
    const int code = errno;
    return Error{ErrorCode::kIo, fmt::format("{} earlier versions of rows: {}", doing,
                                             std::generic_category().message(code))};
}

}  // namespace

Result<storage::DigestNode> history_mark(const storage::ReadView& view, uint64_t block_num) {
    PLUMBLINE_TRY(const std::vector<storage::CorrectionRow> corrections, view.list_corrections());
    const evm::Hash hash = evm::keccak256(
        as_bytes(fmt::format("{},{}", view.bundle().fingerprint, corrections.size())));
    uint64_t high = 0;
    std::memcpy(&high, hash.data(), sizeof(high));
    return storage::DigestNode{storage::generation_number(view), {high, block_num}};
}

/// Versions of one entity, one behind the other: the block that ended it, the sizes of key and row,
/// both.
class HistoryRows::Spool {
  public:
    using Head = std::array<uint64_t, 3>;

    static Result<std::unique_ptr<Spool>> open(const std::string& parent) {
        std::string path = fmt::format("{}/plumbline-history-XXXXXX", parent);
        const int descriptor = mkostemp(path.data(), O_CLOEXEC);
        if (descriptor < 0) {
            return io_error("making a file for");
        }
        unlink(path.c_str());  // It goes with the process, whatever becomes of that.
        std::unique_ptr<Spool> out{new Spool};
        out->file_.reset(fdopen(descriptor, "w+"));
        if (!out->file_) {
            close(descriptor);
            return io_error("making a file for");
        }
        return out;
    }

    Status put(uint64_t end, std::string_view key, std::string_view row) {
        const Head head{end, key.size(), row.size()};
        const bool is_done = fwrite(head.data(), sizeof(head), 1, file_.get()) == 1 &&
                             fwrite(key.data(), 1, key.size(), file_.get()) == key.size() &&
                             fwrite(row.data(), 1, row.size(), file_.get()) == row.size();
        return is_done ? ok() : Status{io_error("writing")};
    }
    Status rewind() {
        const bool is_done = fflush(file_.get()) == 0 && fseeko(file_.get(), 0, SEEK_SET) == 0;
        return is_done ? ok() : Status{io_error("reading")};
    }
    /// False at the end.
    Result<bool> next(uint64_t& end, std::string& key, std::string& row) {
        Head head{};
        if (fread(head.data(), sizeof(head), 1, file_.get()) != 1) {
            if (ferror(file_.get()) != 0) {
                return io_error("reading");
            }
            return false;
        }
        end = head[0];
        key.resize(head[1]);
        row.resize(head[2]);
        if (fread(key.data(), 1, key.size(), file_.get()) != key.size() ||
            fread(row.data(), 1, row.size(), file_.get()) != row.size()) {
            return io_error("reading");
        }
        return true;
    }

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
};

HistoryRows::HistoryRows(const storage::ReadView& view, std::shared_ptr<const engine::Plan> plan,
                         std::function<bool()> should_stop)
    : view_{view},
      plan_{std::move(plan)},
      should_stop_{std::move(should_stop)},
      spools_(plan_->entities().size()) {}

HistoryRows::~HistoryRows() = default;

Result<std::unique_ptr<HistoryRows>> HistoryRows::fold(const storage::ReadView& view,
                                                       std::shared_ptr<const engine::Plan> plan,
                                                       const std::vector<SinkTable>& tables,
                                                       const std::string& scratch_parent,
                                                       const engine::MemoryPlan& memory,
                                                       std::function<bool()> should_stop) {
    std::unique_ptr<HistoryRows> out{
        new HistoryRows{view, std::move(plan), std::move(should_stop)}};
    for (const SinkTable& table : tables) {
        if (table.is_history()) {
            PLUMBLINE_TRY(out->spools_[table.entity()], Spool::open(scratch_parent));
        }
    }
    PLUMBLINE_TRY(const auto scratch,
                  engine::ScratchDatabase::create(scratch_parent, out->plan_->bundle(),
                                                  memory.scratch_storage));
    engine::RebuildOptions options = engine::rebuild_options(memory);
    options.cache_bytes = memory.scratch_cache;
    options.is_cancelled = out->should_stop_;
    const auto on_block = [&](uint64_t block_num, const engine::RowChanges& changes) -> Status {
        for (const engine::RowChange& change : changes.rows) {
            Spool* spool = out->spools_[change.entity].get();
            if (spool != nullptr && storage::RowCodec::is_live(change.before)) {
                PLUMBLINE_TRY_VOID(spool->put(block_num, change.key, change.before));
            }
        }
        return ok();
    };
    PLUMBLINE_TRY_VOID(engine::fold_log_by_block(view, UINT64_MAX, scratch->database(), out->plan_,
                                                 options, on_block));
    return out;
}

RowSource HistoryRows::rows_of(const SinkTable& table) {
    return [this, &table](const RowTaker& take) -> Status {
        bool goes_on = true;
        PLUMBLINE_TRY_VOID(give_ended(*spools_[table.entity()], table, take, goes_on));
        return goes_on ? give_standing(table, take) : ok();
    };
}

Status HistoryRows::give_ended(Spool& spool, const SinkTable& table, const RowTaker& take,
                               bool& goes_on) {
    PLUMBLINE_TRY_VOID(spool.rewind());
    const storage::RowCodec& codec = plan_->codec(table.entity());
    uint64_t end = 0;
    std::string key;
    std::string row;
    Cells cells;
    for (uint64_t seen = 0; goes_on; ++seen) {
        if (seen % kVersionsBetweenLooks == 0 && should_stop_ && should_stop_()) {
            return Error{ErrorCode::kCancelled, "stopped while reading earlier versions of rows"};
        }
        PLUMBLINE_TRY(const bool is_there, spool.next(end, key, row));
        if (!is_there) {
            return ok();
        }
        PLUMBLINE_TRY_VOID(table.to_cells(codec, key, row, end, cells));
        PLUMBLINE_TRY(goes_on, take(cells));
    }
    return ok();
}

/// Of the view itself, so that they are the entity's own table.
Status HistoryRows::give_standing(const SinkTable& table, const RowTaker& take) {
    return entity_rows(view_, table, plan_->codec(table.entity()), should_stop_)(take);
}

}  // namespace plumbline::sink
