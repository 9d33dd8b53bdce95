#include "engine/fold/log_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/exception_guard.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kChunkLogs = 2048;
constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr uint64_t kWindowBlocksMin = 256;
constexpr uint64_t kWindowBlocksMax = uint64_t{1} << 20;
constexpr size_t kWindowRows = 4096;

/// The rows of `blocks`, read ahead in windows that suit how dense they are. One thread.
class BlockWindow {
  public:
    BlockWindow(const storage::ReadView& view, storage::OnDamage on_damage)
        : view_{view},
          on_damage_{on_damage} {}

    [[nodiscard]] Result<const storage::BlockRow*> find(uint64_t block_num) {
        if (next_ < rows_.size() && rows_[next_].block_num < block_num) {
            ++next_;
        }
        if (next_ >= rows_.size() || rows_[next_].block_num != block_num) {
            PLUMBLINE_TRY_VOID(seek(block_num));
        }
        if (next_ >= rows_.size() || rows_[next_].block_num != block_num) {
            if (on_damage_ == storage::OnDamage::kSkip) {
                lost_ = storage::BlockRow{};
                lost_.block_num = block_num;
                return &lost_;
            }
            return Error{ErrorCode::kCorruption,
                         fmt::format("block {} has logs but no row of its own", block_num)};
        }
        return &rows_[next_];
    }

  private:
    [[nodiscard]] Status seek(uint64_t block_num) {
        const auto at =
            std::ranges::lower_bound(rows_, block_num, {}, &storage::BlockRow::block_num);
        next_ = static_cast<size_t>(at - rows_.begin());
        if (next_ < rows_.size() || (!rows_.empty() && block_num <= to_)) {
            return ok();
        }
        if (rows_.size() < kWindowRows / 2) {
            size_ = std::min(size_ * 2, kWindowBlocksMax);
        } else if (rows_.size() > kWindowRows) {
            size_ = std::max(size_ / 2, kWindowBlocksMin);
        }
        to_ = block_num > UINT64_MAX - size_ ? UINT64_MAX : block_num + size_ - 1;
        PLUMBLINE_TRY(rows_, view_.list_blocks(block_num, to_, on_damage_));
        next_ = 0;
        return ok();
    }

    const storage::ReadView& view_;
    storage::OnDamage on_damage_;
    storage::BlockRow lost_;
    std::vector<storage::BlockRow> rows_;
    size_t next_ = 0;
    uint64_t to_ = 0;
    uint64_t size_ = kWindowBlocksMin;
};

/// Notes that the next log is the first of block `block_num`.
Status mark(LogChunk& out, BlockWindow& blocks, uint64_t block_num, uint64_t finalized) {
    PLUMBLINE_TRY(const storage::BlockRow* row, blocks.find(block_num));
    out.marks.push_back(
        {out.logs.logs.size(), {block_num, row->hash, row->timestamp, block_num > finalized}});
    return ok();
}

void take(LogChunk& out, const storage::LogRecord& record) {
    out.logs.push(record.log, record.data);
    if (record.txn) {
        out.txn_of_log.resize(out.logs.logs.size(), LogChunk::kNoTxnFields);
        out.txn_of_log.back() = static_cast<uint32_t>(out.txns.size());
        out.txns.push_back(*record.txn);
    }
}

}  // namespace

LogReader::LogReader(const storage::ReadView& view, uint64_t until_block, uint64_t finalized,
                     storage::OnDamage on_damage)
    : view_{view},
      until_block_{until_block},
      finalized_{finalized},
      on_damage_{on_damage} {
    for (size_t i = 0; i < kChunkCount; ++i) {
        put(empty_, std::make_unique<LogChunk>());
    }
    thread_ = std::thread{[this] { run(); }};
}

LogReader::~LogReader() {
    empty_.close();
    thread_.join();
}

std::unique_ptr<LogChunk> LogReader::next() {
    return *full_.pop();  // It is never closed, so it gives one.
}

void LogReader::give_back(std::unique_ptr<LogChunk> chunk) {
    chunk->clear();
    put(empty_, std::move(chunk));
}

/// There are no more chunks than each queue can hold, and none is given back once the reader ends.
void LogReader::put(ChunkQueue& queue, std::unique_ptr<LogChunk> chunk) {
    const bool is_taken = queue.try_push(chunk, 1);
    PLUMBLINE_CHECK(is_taken);
}

void LogReader::run() {
    std::unique_ptr<storage::LogScanner> scanner;
    BlockWindow blocks{view_, on_damage_};
    std::optional<uint64_t> block_num;
    const auto fill = [&](LogChunk& out) {
        if (!scanner) {
            scanner = view_.scan_logs(0, until_block_, on_damage_);
        }
        while (scanner->valid() && out.logs.logs.size() < kChunkLogs &&
               out.logs.arena.size() < kChunkBytes && out.status) {
            const storage::LogRecord& record = scanner->record();
            if (block_num != record.log.block_num) {
                block_num = record.log.block_num;
                out.status = mark(out, blocks, *block_num, finalized_);
            }
            take(out, record);
            scanner->next();
        }
        if (out.status && !scanner->valid()) {
            out.status = scanner->status();
            out.is_last = true;
        }
    };
    while (auto chunk = empty_.pop()) {
        LogChunk& out = **chunk;
        if (Status filled = catch_exceptions("reading the log", [&] { fill(out); }); !filled) {
            out.status = std::move(filled);
        }
        const bool done = out.is_last || !out.status;
        put(full_, *std::move(chunk));
        if (done) {
            return;
        }
    }
}

}  // namespace plumbline::engine
