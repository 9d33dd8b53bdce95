// plumbline dump: all rows of an entity, or all events, as a stream.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/text/entity_text.hpp"
#include "engine/text/event_text.hpp"
#include "engine/text/pin_name.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

/// Collects lines and writes them in large pieces. Written beside the target and renamed at the
/// end, so that a file under the asked name is always whole.
class LineSink {
  public:
    static Result<LineSink> open(const std::string& path) {
        LineSink sink;
        if (path.empty()) {
            sink.file_ = {stdout, [](FILE*) { return 0; }};
            return sink;
        }
        sink.path_ = path;
        sink.partial_ = partial_path(path);
        sink.file_ = {std::fopen(sink.partial_.c_str(), "wb"), &std::fclose};
        if (sink.file_ == nullptr) {
            return Error{ErrorCode::kIo,
                         fmt::format("cannot write {}: {}", sink.partial_, std::strerror(errno))};
        }
        return sink;
    }

    std::string& buffer() { return buffer_; }
    Status end_line() {
        buffer_ += '\n';
        return buffer_.size() < kFlushSize ? ok() : flush();
    }
    /// True once nobody reads standard output any more.
    [[nodiscard]] bool is_closed() const { return closed_; }

    Status finish() {
        PLUMBLINE_TRY_VOID(flush());
        if (closed_) {
            return ok();
        }
        if (std::fflush(file_.get()) != 0) {
            return errno == EPIPE && path_.empty() ? ok() : Status{failure()};
        }
        if (path_.empty()) {
            return ok();
        }
        file_.reset();
        if (partial_ != path_ && std::rename(partial_.c_str(), path_.c_str()) != 0) {
            return failure();
        }
        return ok();
    }

    /// Half a file is of no use, and fills a disk that is full.
    void discard() {
        if (partial_ != path_) {
            file_.reset();
            static_cast<void>(std::remove(partial_.c_str()));
        }
    }

  private:
    static constexpr size_t kFlushSize = size_t{1} << 20;

    [[nodiscard]] Error failure() const {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot write {}: {}", path_.empty() ? "standard output" : path_,
                                 std::strerror(errno))};
    }
    Status flush() {
        if (!closed_ &&
            std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size()) {
            if (errno != EPIPE || !path_.empty()) {
                return failure();
            }
            closed_ = true;
        }
        buffer_.clear();
        return ok();
    }

    std::string path_;
    std::string partial_;
    std::unique_ptr<FILE, int (*)(FILE*)> file_{nullptr, nullptr};
    std::string buffer_;
    bool closed_ = false;
};

/// Rows that last changed in the asked blocks, in key order.
Status dump_entity(const storage::Database& database, const DumpArguments& options,
                   LineSink& sink) {
    PLUMBLINE_TRY(const size_t entity, find_entity(database, options.entity));
    const storage::EntityLayout& layout = database.entities()[entity];
    const storage::RowCodec codec{layout};
    const bool csv = options.format == "csv";
    if (csv) {
        engine::append_csv_header(sink.buffer(), layout);
        PLUMBLINE_TRY_VOID(sink.end_line());
    }
    const auto view = database.read_view();
    const auto rows = view->scan_entity(entity, {}, {});
    for (; rows->valid() && !sink.is_closed(); rows->next()) {
        PLUMBLINE_TRY_VOID(codec.check(rows->row()));
        const uint64_t changed = storage::RowCodec::changed_at(rows->row()).block_num;
        if (changed < options.from.value_or(0) || changed > options.to.value_or(UINT64_MAX)) {
            continue;
        }
        PLUMBLINE_TRY_VOID(
            csv ? engine::append_row_csv(sink.buffer(), layout, codec, rows->key(), rows->row(),
                                         options.csv_safe ? engine::CsvFormulas::kGuarded
                                                          : engine::CsvFormulas::kAsTheyAre)
                : engine::append_row_json(sink.buffer(), layout, codec, rows->key(), rows->row()));
        PLUMBLINE_TRY_VOID(sink.end_line());
    }
    return rows->status();
}

Status dump_events(const storage::Database& database, const DumpArguments& options,
                   LineSink& sink) {
    PLUMBLINE_TRY(const auto plan, engine::stored_plan(database));
    PLUMBLINE_TRY(const auto children, database.children());
    engine::EventText text{plan, children};
    const bool csv = options.format == "csv";
    if (csv) {
        engine::EventText::append_csv_header(sink.buffer());
        PLUMBLINE_TRY_VOID(sink.end_line());
    }
    const auto view = database.read_view();
    const auto logs = view->scan_logs(options.from.value_or(0), options.to.value_or(UINT64_MAX));
    std::optional<storage::BlockRow> row;  // of the event at hand
    for (; logs->valid() && !sink.is_closed(); logs->next()) {
        const storage::LogRecord& record = logs->record();
        if (!row || row->block_num != record.log.block_num) {
            PLUMBLINE_TRY(row, view->get_block(record.log.block_num));
        }
        const engine::EventBlock block{row->hash, row->timestamp};
        if (csv) {
            text.append_csv(sink.buffer(), record, block);
        } else {
            text.append_json(sink.buffer(), record, block);
        }
        PLUMBLINE_TRY_VOID(sink.end_line());
    }
    return logs->status();
}

void append_fact_json(std::string& out, const storage::CallFact& fact) {
    JsonWriter json{out};
    json.open_object()
        .member("block", fact.block_num)
        .member("to", evm::to_hex(fact.call.to))
        .member("input", evm::to_hex(as_bytes(fact.call.input)))
        .member("outcome", storage::to_string(fact.outcome))
        .member("data", evm::to_hex(as_bytes(fact.data)))
        .member("once", fact.is_once)
        .member("pinned_by", engine::pin_name(fact.pin));
    if (fact.pin == storage::CallPin::kHead) {
        json.member("asked_at", fact.asked.block_num);
    }
    json.member("provider", fact.provider).close_object();
}

void append_fact_csv(std::string& out, const storage::CallFact& fact) {
    out += fmt::format(
        "{},{},{},{},{},{},{},{},", fact.block_num, evm::to_hex(fact.call.to),
        evm::to_hex(as_bytes(fact.call.input)), storage::to_string(fact.outcome),
        evm::to_hex(as_bytes(fact.data)), fact.is_once, engine::pin_name(fact.pin),
        fact.pin == storage::CallPin::kHead ? fmt::to_string(fact.asked.block_num) : std::string{});
    out += '"';
    for (const char c : fact.provider) {
        out += c == '"' ? "\"\"" : std::string(1, c);
    }
    out += '"';
}

Status dump_facts(const storage::Database& database, const DumpArguments& options, LineSink& sink) {
    const bool csv = options.format == "csv";
    if (csv) {
        sink.buffer() += "block,to,input,outcome,data,once,pinned_by,asked_at,provider";
        PLUMBLINE_TRY_VOID(sink.end_line());
    }
    const auto view = database.read_view();
    const auto facts = view->scan_calls(options.from.value_or(0), options.to.value_or(UINT64_MAX));
    for (; facts->valid() && !sink.is_closed(); facts->next()) {
        if (csv) {
            append_fact_csv(sink.buffer(), facts->fact());
        } else {
            append_fact_json(sink.buffer(), facts->fact());
        }
        PLUMBLINE_TRY_VOID(sink.end_line());
    }
    return facts->status();
}

}  // namespace

Status run_dump(const DumpArguments& options) {
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    if (options.from && options.to && *options.from > *options.to) {
        return Error{ErrorCode::kInvalidArgument, "--from is above --to"};
    }
    PLUMBLINE_TRY(auto sink, LineSink::open(options.out));
    Status dumped = options.facts    ? dump_facts(*database, options, sink)
                    : options.events ? dump_events(*database, options, sink)
                                     : dump_entity(*database, options, sink);
    if (dumped) {
        dumped = sink.finish();
    }
    if (!dumped) {
        sink.discard();
    }
    return dumped;
}

}  // namespace plumbline::tools
