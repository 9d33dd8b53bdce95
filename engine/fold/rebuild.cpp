#include "engine/fold/rebuild.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/background_job.hpp"

namespace plumbline::engine {

namespace {

//   reader thread: log records -> Chunk     calling thread: fold -> CommitBatch     writer thread:
//   commit
//
// Chunks go round between reader and fold, one batch between fold and writer.

constexpr size_t kChunkLogs = 2048;
constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kChunkCount = 4;
constexpr uint64_t kWindowBlocksMin = 256;
constexpr uint64_t kWindowBlocksMax = uint64_t{1} << 20;
constexpr size_t kWindowRows = 4096;
constexpr uint32_t kNoTxnFields = UINT32_MAX;

/// A run of logs in order, with their blocks.
struct Chunk {
    struct Mark {
        size_t first_log = 0;  ///< the first of its block
        FoldBlock block;
    };
    evm::LogBatch logs;
    std::vector<Mark> marks;
    std::vector<storage::TxnFields> txns;
    std::vector<uint32_t> txn_of_log;
    bool is_last = false;
    Status status;  ///< of the reader; an error ends the log here

    void clear() {
        logs.clear();
        marks.clear();
        txns.clear();
        txn_of_log.clear();
        is_last = false;
        status = Status{};
    }
};

/// Thread-safe. A bounded hand-over is made of two: one of full things, one of empty ones.
template <typename T>
class Channel {
  public:
    void push(T item) {
        {
            const std::scoped_lock lock{mutex_};
            items_.push_back(std::move(item));
        }
        changed_.notify_one();
    }
    /// Waits; empty once closed and used up.
    [[nodiscard]] std::optional<T> pop() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
        if (items_.empty()) {
            return std::nullopt;
        }
        std::optional<T> item{std::move(items_.front())};
        items_.pop_front();
        return item;
    }
    void close() {
        {
            const std::scoped_lock lock{mutex_};
            closed_ = true;
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<T> items_;
    bool closed_ = false;
};

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

/// Turns the stored log into chunks, on a thread of its own.
class Reader {
  public:
    Reader(const storage::ReadView& view, uint64_t until_block, uint64_t finalized,
           storage::OnDamage on_damage)
        : view_{view},
          until_block_{until_block},
          finalized_{finalized},
          on_damage_{on_damage} {
        for (size_t i = 0; i < kChunkCount; ++i) {
            empty_.push(std::make_unique<Chunk>());
        }
        thread_ = std::thread{[this] { run(); }};
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() {
        empty_.close();
        thread_.join();
    }

    [[nodiscard]] std::unique_ptr<Chunk> next() { return *full_.pop(); }
    void give_back(std::unique_ptr<Chunk> chunk) {
        chunk->clear();
        empty_.push(std::move(chunk));
    }

  private:
    void run() {
        const auto scanner = view_.scan_logs(0, until_block_, on_damage_);
        BlockWindow blocks{view_, on_damage_};
        std::optional<uint64_t> block_num;
        while (auto chunk = empty_.pop()) {
            Chunk& out = **chunk;
            while (scanner->valid() && out.logs.logs.size() < kChunkLogs &&
                   out.logs.arena.size() < kChunkBytes && out.status) {
                const storage::LogRecord& record = scanner->record();
                if (block_num != record.log.block_num) {
                    block_num = record.log.block_num;
                    out.status = mark(out, blocks, *block_num);
                }
                take(out, record);
                scanner->next();
            }
            if (out.status && !scanner->valid()) {
                out.status = scanner->status();
                out.is_last = true;
            }
            const bool done = out.is_last || !out.status;
            full_.push(*std::move(chunk));
            if (done) {
                return;
            }
        }
    }

    [[nodiscard]] Status mark(Chunk& out, BlockWindow& blocks, uint64_t block_num) const {
        PLUMBLINE_TRY(const storage::BlockRow* row, blocks.find(block_num));
        out.marks.push_back(
            {out.logs.logs.size(), {block_num, row->hash, row->timestamp, block_num > finalized_}});
        return ok();
    }

    static void take(Chunk& out, const storage::LogRecord& record) {
        out.logs.push(record.log, record.data);
        if (record.txn) {
            out.txn_of_log.resize(out.logs.logs.size(), kNoTxnFields);
            out.txn_of_log.back() = static_cast<uint32_t>(out.txns.size());
            out.txns.push_back(*record.txn);
        }
    }

    const storage::ReadView& view_;
    const uint64_t until_block_;
    const uint64_t finalized_;
    const storage::OnDamage on_damage_;
    Channel<std::unique_ptr<Chunk>> empty_;
    Channel<std::unique_ptr<Chunk>> full_;
    std::thread thread_;
};

/// One run. While a commit is under way its batch belongs to `commits_`.
class Rebuild {
  public:
    Rebuild(const storage::ReadView& source, uint64_t until_block, storage::Database& target,
            std::shared_ptr<const Plan> plan, const RebuildOptions& options,
            const storage::Cursor& cursor)
        : options_{options},
          fold_{std::move(plan), target, FoldOptions{options.cache_bytes, true}},
          target_{target},
          batch_{target.make_batch()},
          reader_{source, until_block, cursor.finalized, options.on_damage},
          until_block_{until_block},
          finalized_{cursor.finalized} {
        progress_.events_total = cursor.event_count;
        commits_.use_thread();
    }

    [[nodiscard]] Status run(const std::vector<storage::ChildRow>& children,
                             std::vector<storage::CorrectionRow> corrections) {
        for (const storage::ChildRow& child : children) {
            fold_.add_child(child);
        }
        corrections_ = std::move(corrections);
        for (bool is_last = false; !is_last;) {
            if (options_.is_cancelled && options_.is_cancelled()) {
                return Error{ErrorCode::kCancelled, "stopped before the log was folded"};
            }
            std::unique_ptr<Chunk> chunk = reader_.next();
            PLUMBLINE_TRY_VOID(fold_chunk(*chunk));
            if (!chunk->status) {
                return std::move(chunk->status).error().with_context("reading the log");
            }
            is_last = chunk->is_last;
            reader_.give_back(std::move(chunk));
            report_progress();
        }
        std::erase_if(corrections_, [this](const storage::CorrectionRow& row) {
            return row.block_num > until_block_;
        });
        PLUMBLINE_TRY_VOID(correct_below(UINT64_MAX));
        PLUMBLINE_TRY_VOID(flush());
        PLUMBLINE_TRY_VOID(wait_for_commit());
        report_progress();
        return ok();
    }

  private:
    [[nodiscard]] Status fold_chunk(const Chunk& chunk) {
        size_t mark = 0;
        for (size_t i = 0; i < chunk.logs.logs.size(); ++i) {
            if (mark < chunk.marks.size() && chunk.marks[mark].first_log == i) {
                PLUMBLINE_TRY_VOID(enter(chunk.marks[mark++].block));
            }
            const evm::Log& log = chunk.logs.logs[i];
            fold_.look_ahead(chunk.logs, i);
            const uint32_t txn = i < chunk.txn_of_log.size() ? chunk.txn_of_log[i] : kNoTxnFields;
            if (Status applied = fold_.apply(log, chunk.logs.data(log),
                                             txn == kNoTxnFields ? nullptr : &chunk.txns[txn]);
                !applied) {
                return explain(std::move(applied).error());
            }
            PLUMBLINE_TRY_VOID(tell_applied({log.block_num, log.log_index}, false));
        }
        return ok();
    }

    /// Applies the corrections of blocks below `block_num` that have not been.
    [[nodiscard]] Status correct_below(uint64_t block_num) {
        for (; next_correction_ < corrections_.size() &&
               corrections_[next_correction_].block_num < block_num;
             ++next_correction_) {
            const storage::CorrectionRow& correction = corrections_[next_correction_];
            if (block_.block_num != correction.block_num || !has_block_) {
                PLUMBLINE_TRY_VOID(
                    begin({correction.block_num, {}, 0, correction.block_num > finalized_}));
            }
            PLUMBLINE_TRY_VOID(fold_.apply_correction(correction));
            PLUMBLINE_TRY_VOID(tell_applied({correction.block_num, kCorrectionLogIndex}, true));
        }
        return ok();
    }

    [[nodiscard]] Status enter(const FoldBlock& block) {
        PLUMBLINE_TRY_VOID(correct_below(block.block_num));
        return begin(block);
    }

    [[nodiscard]] Status begin(const FoldBlock& block) {
        if (block_.keep_undo || block.keep_undo || fold_.pending_bytes() >= options_.commit_bytes) {
            PLUMBLINE_TRY_VOID(flush());
        }
        block_ = block;
        has_block_ = true;
        progress_.block_num = block.block_num;
        fold_.begin_block(block);
        return ok();
    }

    [[nodiscard]] Status wait_for_commit() {
        commits_.wait();
        return committed_;
    }

    [[nodiscard]] Status flush() {
        PLUMBLINE_TRY_VOID(wait_for_commit());
        PLUMBLINE_TRY_VOID(fold_.flush(*batch_));
        if (!batch_->empty()) {
            commits_.start(
                [this] { committed_ = target_.commit(*batch_, storage::Durability::kBulk); });
        }
        return ok();
    }

    [[nodiscard]] Status tell_applied(storage::ChangedAt at, bool is_correction) {
        return options_.on_applied ? options_.on_applied(fold_, at, is_correction) : ok();
    }

    [[nodiscard]] static Error explain(Error error) {
        if (error.code == ErrorCode::kNotFound) {
            error.message +=
                "; the log was fetched by a config that did not name them, so fetch "
                "it again: run with a new database directory";
        }
        return error;
    }

    void report_progress() {
        progress_.stats = fold_.stats();
        progress_.events = progress_.stats.events;
        if (options_.on_progress) {
            options_.on_progress(progress_);
        }
    }

    const RebuildOptions& options_;
    Fold fold_;
    storage::Database& target_;
    std::unique_ptr<storage::CommitBatch> batch_;
    Status committed_;  ///< how the last commit ended
    BackgroundJob commits_;
    Reader reader_;
    RebuildProgress progress_;
    FoldBlock block_;
    bool has_block_ = false;
    const uint64_t until_block_;
    const uint64_t finalized_;
    std::vector<storage::CorrectionRow> corrections_;
    size_t next_correction_ = 0;
};

}  // namespace

Status fold_log(const storage::ReadView& source, uint64_t until_block, storage::Database& target,
                std::shared_ptr<const Plan> plan, const RebuildOptions& options) {
    const auto cursor = source.cursor();
    if (!cursor) {
        return ok();
    }
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, source.list_children());
    PLUMBLINE_TRY(std::vector<storage::CorrectionRow> corrections, source.list_corrections());
    Rebuild run{source, std::min(until_block, cursor->block_num), target, std::move(plan), options,
                *cursor};
    return run.run(children, std::move(corrections));
}

Status rebuild(storage::Database& database, std::shared_ptr<const Plan> plan,
               const RebuildOptions& options) {
    PLUMBLINE_TRY_VOID(database.start_generation(plan->bundle()));
    {
        const auto view = database.read_view();
        PLUMBLINE_TRY_VOID(fold_log(*view, UINT64_MAX, database, std::move(plan), options));
    }
    return database.publish_generation();
}

}  // namespace plumbline::engine
