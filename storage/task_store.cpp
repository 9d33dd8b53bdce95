#include "storage/task_store.hpp"

#include <memory>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kTaskKeySize = 1 + 1 + 8 + 8;

Status damaged(const char* what) {
    return Error{ErrorCode::kCorruption, std::string{"a stored task is damaged: "} + what};
}

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

std::string task_key(const TaskRow& row) {
    std::string key;
    put_u8(key, static_cast<uint8_t>(row.state));
    put_u8(key, row.priority);
    put_be64(key, static_cast<uint64_t>(row.due_ms));
    put_be64(key, row.id);
    return key;
}

std::string encode_task(const TaskRow& row) {
    std::string out;
    put_u8(out, kRecordFormat);
    put_text(out, row.name);
    put_text(out, row.kind);
    put_text(out, row.args);
    put_text(out, row.origin);
    put_varint(out, row.attempts);
    put_varint(out, row.attempts_max);
    put_varint(out, row.crashes);
    put_varint(out, static_cast<uint64_t>(row.created_ms));
    put_varint(out, static_cast<uint64_t>(row.started_ms));
    put_varint(out, static_cast<uint64_t>(row.finished_ms));
    put_text(out, row.error);
    put_text(out, row.result);
    return out;
}

Result<TaskRow> decode_task(std::string_view key, std::string_view value) {
    TaskRow row;
    if (key.size() != kTaskKeySize) {
        return damaged("key size").error();
    }
    Reader head{key};
    const uint8_t state = head.u8();
    row.priority = head.u8();
    const uint64_t due = head.be64();
    row.id = head.be64();
    if (state > kTaskStateLast || due > INT64_MAX) {
        return damaged("key").error();
    }
    row.state = static_cast<TaskState>(state);
    row.due_ms = static_cast<int64_t>(due);
    Reader reader{value};
    reader.expect(kRecordFormat);
    row.name = reader.text();
    row.kind = reader.text();
    row.args = reader.text();
    row.origin = reader.text();
    row.attempts = reader.varint32();
    row.attempts_max = reader.varint32();
    row.crashes = reader.varint32();
    const auto time = [&reader]() -> int64_t {
        const uint64_t ms = reader.varint();
        if (ms > INT64_MAX) {
            reader.fail();
            return 0;
        }
        return static_cast<int64_t>(ms);
    };
    row.created_ms = time();
    row.started_ms = time();
    row.finished_ms = time();
    row.error = reader.text();
    row.result = reader.text();
    if (!reader.done()) {
        return damaged("value").error();
    }
    return row;
}

Result<std::vector<TaskRow>> TaskStore::list(size_t* damaged_rows) const {
    const RocksHandles& core = *database_.impl().core;
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, core.family(FamilyKind::kTask))};
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
    PLUMBLINE_TRY_VOID(database_.impl().require_writable());
    const RocksHandles& core = *database_.impl().core;
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
    const std::scoped_lock lock{mutex_};
    const rocksdb::Status written = core.db->Write(options, &batch);
    if (!written.ok()) {
        return Error{ErrorCode::kIo, "writing a task: " + written.ToString()};
    }
    return ok();
}

}  // namespace plumbline::storage
