#include "storage/task_store.hpp"

#include <memory>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/field_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kTaskKeySize = 1 + 1 + 8 + 8;

Error damaged(const char* what) {
    return Error{ErrorCode::kCorruption, std::string{"a stored task is damaged: "} + what};
}

constexpr auto kTaskFields = [](auto& to, auto& row) {
    to.text(row.name);
    to.text(row.kind);
    to.text(row.args);
    to.text(row.origin);
    to.varint(row.attempts);
    to.varint(row.attempts_max);
    to.varint(row.crashes);
    to.time_ms(row.created_ms);
    to.time_ms(row.started_ms);
    to.time_ms(row.finished_ms);
    to.text(row.error);
    to.text(row.result);
};

}  // namespace

std::string_view to_string(TaskState state) noexcept {
    switch (state) {
        case TaskState::kWaiting: return "waiting";
        case TaskState::kRunning: return "running";
        case TaskState::kDone: return "done";
        case TaskState::kDead: return "dead";
        case TaskState::kParked: return "parked";
        case TaskState::kCancelled: return "cancelled";
    }
    return "unknown";
}

Result<TaskState> parse_task_state(std::string_view word) {
    constexpr size_t kShownMax = 80;
    std::string known;
    for (uint8_t i = 0; i <= kTaskStateLast; ++i) {
        const auto state = static_cast<TaskState>(i);
        if (to_string(state) == word) {
            return state;
        }
        const std::string_view before = i == 0 ? "" : i == kTaskStateLast ? " or " : ", ";
        known += fmt::format("{}{}", before, to_string(state));
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("state must be {}, not '{}'", known, word.substr(0, kShownMax))};
}

std::string task_key(const TaskRow& row) {
    std::string key;
    put_u8(key, static_cast<uint8_t>(row.state));
    put_u8(key, row.priority);
    put_be64(key, static_cast<uint64_t>(row.due_ms));
    put_be64(key, row.id);
    return key;
}

std::string encode_task(const TaskRow& row) {
    return encode_record(kTaskFields, row);
}

Result<TaskRow> decode_task(std::string_view key, std::string_view value) {
    TaskRow row;
    if (key.size() != kTaskKeySize) {
        return damaged("key size");
    }
    Reader reader{key};
    const uint8_t state = reader.u8();
    row.priority = reader.u8();
    const uint64_t due = reader.be64();
    row.id = reader.be64();
    if (state > kTaskStateLast || due > INT64_MAX) {
        return damaged("key");
    }
    row.state = static_cast<TaskState>(state);
    row.due_ms = static_cast<int64_t>(due);
    if (!decode_record(kTaskFields, value, row)) {
        return damaged("value");
    }
    return row;
}

Result<std::vector<TaskRow>> TaskStore::list(size_t* damaged_rows) const {
    const RocksHandles& core = *Internals::of(database_).core;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(core.family(FamilyKind::kTask));
    std::vector<TaskRow> rows;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;  // The family's watermark.
        }
        Result<TaskRow> row = decode_task(to_view(it->key()), to_view(it->value()));
        if (row) {
            rows.push_back(*std::move(row));
        } else if (damaged_rows != nullptr) {
            ++*damaged_rows;
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading tasks"));
    return rows;
}

Status TaskStore::write(const std::vector<TaskChange>& changes) {
    PLUMBLINE_TRY_VOID(Internals::of(database_).require_writable());
    Database::Impl& impl = Internals::of(database_);
    const RocksHandles& core = *impl.core;
    rocksdb::ColumnFamilyHandle* family = core.family(FamilyKind::kTask);
    rocksdb::WriteBatch batch;
    for (const TaskChange& change : changes) {
        if (change.before != nullptr) {
            batch.Delete(family, task_key(*change.before)).PermitUncheckedError();
        }
        if (change.after != nullptr) {
            batch.Put(family, task_key(*change.after), encode_task(*change.after))
                .PermitUncheckedError();
        }
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    const MutexLock lock{mutex_};
    const rocksdb::Status written = core.db->Write(options, &batch);
    if (!written.ok()) {
        impl.note_refused_write(written);
        return impl.refusal(written, "writing a task");
    }
    return ok();
}

}  // namespace plumbline::storage
