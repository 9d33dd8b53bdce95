// Brings a PostgreSQL database from where it stands to where the index stands, one transaction at a
// time. RocksDB stays the truth: nothing is remembered that PostgreSQL does not say itself.
//
//   1. connect, take the cursor over                             sink_session
//   2. tables that are new: COPY, then their keys; tables of which nobody knows what they hold:
//      compare, send what differs                                `sync_all`
//   3. from then on: rows that commits and rollbacks touched, in one pipeline     `send_dirty`
//
// Event tables are brought on by the logs of new blocks. What they hold is known as how many logs
// the index had by then, whatever the event; together with the block's hash that tells whether the
// log before it is still the same.
//
// Histories are brought on by undo, which has what rows were before each block that is not final:
// from the last common block on it tells every version. Where it does not reach (a first load, an
// absence longer than finality, another mapping) the log is folded again (history_rows.hpp).
//
// What the tables hold is known as a digest, the one that the index keeps of its own rows: each
// transaction notes it beside the cursor. Adding what was sent must give the index's own digest; if
// it does not, something happened to the index that nobody told, and step 2 comes again. So
// whatever is missed (a crash, a repair, a fold by another mapping) ends in a comparison, never in
// a table that is silently wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/mapping/plan.hpp"
#include "sink/dirty_rows.hpp"
#include "sink/event_rows.hpp"
#include "sink/history_rows.hpp"
#include "sink/sink_session.hpp"
#include "sink/sink_table.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::sink {

/// What it did, since it was made. What was undone with its transaction was not done.
struct SinkFigures {
    uint64_t transactions = 0;
    uint64_t upserted = 0;  ///< rows, as the next two
    uint64_t deleted = 0;
    uint64_t copied = 0;
    uint64_t compared = 0;  ///< tables
};

/// Rows of one statement.
constexpr size_t kSinkStatementRows = 5'000;

/// The tables of a sink: its entities in the plan's order, then their histories, then its events.
/// kInvalidArgument where PostgreSQL cannot have them.
[[nodiscard]] Result<std::vector<SinkTable>> make_tables(const engine::SinkConfig& config,
                                                         const engine::Plan& plan,
                                                         uint64_t chain_id);
/// Which of the plan's entities they are.
[[nodiscard]] std::vector<bool> wanted_entities(const std::vector<SinkTable>& tables,
                                                const engine::Plan& plan);

/// One thread. `dirty` is filled by the writer's.
class SinkWriter {
  public:
    struct Options {
        engine::SinkConfig config;
        std::shared_ptr<const engine::Plan> plan;
        uint64_t chain_id = 0;
        /// Its shares for a scratch database bound the fold that histories take.
        engine::MemoryPlan memory = engine::plan_memory(256, engine::MemoryUse::kService);
        int64_t silence_ms = 60'000;
        /// Without a commit the tables are looked at so often.
        int64_t look_ms = 60'000;
        std::function<bool()> should_stop;
        std::shared_ptr<PgWait> wait;
        /// PostgreSQL has answered, and tables are loaded or compared now.
        std::function<void(const SinkWriter&)> on_sync;
    };
    enum class Step : uint8_t {
        kNothing,  ///< PostgreSQL stands where the index stands
        kSent,
        kWait,  ///< for the index, or for `may_sync` to load or compare tables; nothing was sent
    };

    [[nodiscard]] static Result<std::unique_ptr<SinkWriter>> make(Options options,
                                                                  DirtyRows& dirty);
    SinkWriter(const SinkWriter&) = delete;
    SinkWriter& operator=(const SinkWriter&) = delete;

    /// Once to where `database` stands. After an error: wait, then call it again; it connects anew.
    /// kIncompatible: another writer has the cursor, for good.
    [[nodiscard]] Result<Step> step(const storage::Database& database, bool may_sync);

    [[nodiscard]] const SinkFigures& figures() const noexcept { return figures_; }
    [[nodiscard]] const std::optional<SinkPosition>& position() const noexcept {
        return session_.position();
    }
    [[nodiscard]] bool is_fenced() const noexcept { return session_.is_fenced(); }
    /// The last step failed by what PostgreSQL refused, and not for want of an answer.
    [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }
    [[nodiscard]] uint64_t round_trips() const noexcept { return session_.round_trips(); }

  private:
    /// A transaction being filled: its statements go out when they are many, and with COMMIT.
    struct Filling {
        std::vector<PgStatement> statements;
        size_t bytes = 0;
        bool are_there = false;  ///< rows that go are there: all of them must go
    };
    /// A commit whose answer never came may have been done: what is then so.
    struct Unanswered {
        std::vector<TableState> states;
        std::map<RowName, storage::DigestNode> sent;
        uint64_t commit_num = 0;
        SinkPosition position;
        SinkFigures figures;  ///< with this transaction
    };

    SinkWriter(Options options, std::vector<SinkTable> tables, DirtyRows& dirty);
    [[nodiscard]] Status connect(const storage::Database& database);
    void close_failed();
    [[nodiscard]] Status seed(const storage::Database& database);
    [[nodiscard]] Result<Step> step_connected(const storage::Database& database, bool may_sync);
    [[nodiscard]] bool shows_plan(const storage::ReadView& view) const;
    [[nodiscard]] bool must_sync() const;
    [[nodiscard]] Result<Step> rest();
    [[nodiscard]] Result<Step> send_dirty(const storage::ReadView& view, const DirtyState& dirty);
    [[nodiscard]] Result<Step> try_dirty(const storage::ReadView& view, const DirtyState& dirty);
    [[nodiscard]] Result<bool> fill_dirty(const storage::ReadView& view, const DirtyRowMap& dirty,
                                          Unanswered& result, Filling& filling);
    [[nodiscard]] Result<bool> fill_events(const storage::ReadView& view,
                                           std::optional<uint64_t> rollback_to, Unanswered& result,
                                           Filling& filling);
    [[nodiscard]] Result<bool> fill_history(const storage::ReadView& view,
                                            std::optional<uint64_t> rollback_to, Unanswered& result,
                                            Filling& filling);
    [[nodiscard]] Result<std::optional<uint64_t>> find_common(
        const storage::ReadView& view, std::optional<uint64_t> rollback_to) const;
    [[nodiscard]] Status sync_table(size_t at, const RowSource& rows);
    [[nodiscard]] RowSource rows_of(const storage::ReadView& view, size_t at, HistoryRows* history);
    void tell_once(std::string_view what, const SinkTable& table);
    [[nodiscard]] Status begin_sync(const storage::Cursor& cursor);
    [[nodiscard]] Status sync_all(const storage::Database& database);
    [[nodiscard]] Status load(size_t at, const RowSource& rows);
    [[nodiscard]] Status send_differences(const SinkTable& table, const RowSource& rows);
    [[nodiscard]] Status add(Filling& filling, PgStatement statement);
    [[nodiscard]] Status add_rows(Filling& filling, const SinkTable& table, RowArrays& upserts,
                                  RowArrays& deletes, size_t rows_min);
    [[nodiscard]] Status settle(const storage::Cursor& cursor, Unanswered result, Filling filling);
    [[nodiscard]] Result<ProvenMark> find_proven(const storage::Database& database,
                                                 uint64_t block_num) const;

    Options options_;
    std::vector<SinkTable> tables_;
    std::vector<int> table_of_;  ///< by entity; -1 = none
    EventRows events_;
    DirtyRows& dirty_;
    SinkSession session_;
    SinkFigures figures_;         ///< of what was committed
    SinkFigures pending_;         ///< with the transaction under way
    std::set<std::string> told_;  ///< in the log, since something was sent: what repeats is no line
    std::optional<Unanswered> unanswered_;
    uint64_t sent_commit_ = 0;  ///< the index's newest commit that was looked at
    ProvenMark proven_;         ///< of the index
    ProvenMark noted_proven_;   ///< in PostgreSQL
    int64_t next_look_ms_ = 0;
    int misses_ = 0;
    bool is_seeded_ = false;
    bool is_own_position_ = false;  ///< where PostgreSQL stands, this process has put it
    bool was_refused_ = false;
    bool has_other_log_ = false;  ///< events and histories may be of another log: compare
};

/// The stored row, a tombstone too; empty where there is none.
[[nodiscard]] Result<std::string> stored_row(const storage::ReadView& view, const SinkTable& table,
                                             std::string_view key);

}  // namespace plumbline::sink
