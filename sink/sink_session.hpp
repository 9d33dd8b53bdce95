// What stands between a connection and the tables: the schema, whose cursor it is, and the fence.
//
// The fence is an epoch in the cursor's row. Who takes over raises it; every transaction begins by
// updating the row where it still has the writer's own epoch, and fails by itself (a division by
// zero) where it has not. A fence at the end would change no row, and COMMIT, sent in the same
// breath, would commit a stale writer's rows. Advisory locks are no-ops elsewhere (CockroachDB).
//
// The fence fails as well where the catalog has changed under the tables: one was dropped, renamed,
// altered or emptied, maybe made anew by another chain's sink that noticed first. Beside what a
// table holds stands which table that is, so whoever wrote into the one before compares, after a
// restart too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "sink/pg_advice.hpp"
#include "sink/pg_connection.hpp"
#include "sink/sink_table.hpp"
#include "sink/table_look.hpp"
#include "storage/digest.hpp"
#include "storage/records.hpp"

namespace plumbline::sink {

/// What PostgreSQL says of one of our tables.
struct TableState {
    bool exists = false;
    /// What its rows add up to, as the index's digest has it; empty: not known, compare.
    std::optional<storage::DigestNode> held;
    /// What is said of it: tombstones, which the digest counts, are no rows; empty: not counted.
    std::optional<uint64_t> rows;
};

/// Where the sink stands.
struct SinkPosition {
    uint64_t block_num = 0;
    evm::Hash block_hash;
    friend bool operator==(const SinkPosition&, const SinkPosition&) = default;
};

/// How far which proof has come; shown beside the tables.
struct ProvenMark {
    uint64_t block_num = 0;
    std::string level;
    friend bool operator==(const ProvenMark&, const ProvenMark&) = default;
};

/// One thread. After an error the connection is closed; `open` again.
class SinkSession {
  public:
    SinkSession(const engine::SinkConfig& config, const std::vector<SinkTable>& tables,
                uint64_t chain_id);

    /// Connects, looks for refusals, makes what is missing but the tables themselves, takes the
    /// cursor over, and looks at the tables. The first time whoever writes is fenced out, by one
    /// that can write itself; later it is kIncompatible where somebody has done the same to us.
    [[nodiscard]] Status open(PgOptions options);
    /// The same for looking only: takes nothing over, makes nothing, and refuses no table.
    [[nodiscard]] Status open_to_read(PgOptions options);
    /// What `open` would be refused for; takes nothing over and makes nothing, also where no sink
    /// ever wrote.
    [[nodiscard]] Result<std::vector<std::string>> find_refusals(PgOptions options);
    /// Reads again where the sink stands, what its tables are and are said to hold; also in a
    /// transaction.
    [[nodiscard]] Status refresh();
    /// Looks at the tables in the transaction that has just made some: kUnavailable where one that
    /// was there is another meanwhile.
    [[nodiscard]] Status look_at_made();
    /// What a fence would say, without a transaction.
    [[nodiscard]] Status check_fence();
    void close();
    /// The last error is that PostgreSQL, or a pool before it, refused a statement; not that it was
    /// away or went down (57P..).
    [[nodiscard]] bool was_refused() const noexcept {
        return connection_ && !connection_->sqlstate().empty() &&
               !connection_->sqlstate().starts_with("57P");
    }
    [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
    [[nodiscard]] PgConnection& connection() noexcept { return *connection_; }
    [[nodiscard]] std::vector<TableState>& tables() noexcept { return states_; }
    [[nodiscard]] const std::vector<TableState>& tables() const noexcept { return states_; }
    [[nodiscard]] const std::vector<TableLook>& looks() const noexcept { return looks_; }
    [[nodiscard]] const std::optional<SinkPosition>& position() const noexcept { return position_; }
    void set_position(SinkPosition position) { position_ = position; }
    /// A writer that came later has the cursor: for good, until this process starts anew.
    [[nodiscard]] bool is_fenced() const noexcept { return is_fenced_; }
    /// Since the object was made.
    [[nodiscard]] uint64_t round_trips() const noexcept;

    /// The statements that a transaction to `cursor` begins with: BEGIN, the fence.
    [[nodiscard]] std::vector<PgStatement> begin(const storage::Cursor& cursor) const;
    /// For a transaction in which a log is folded, while nothing is said.
    static constexpr const char* kStaySilent =
        "select set_config('idle_in_transaction_session_timeout', '0', true)";
    /// BEGIN and the cursor's row locked, without taking it over: its writer waits until the end.
    [[nodiscard]] std::vector<PgStatement> begin_beside_writer() const;
    /// Until its transaction ends nobody else makes or alters tables of the schema: of CREATE ...
    /// IF NOT EXISTS PostgreSQL fails the second of two at the same moment. Where advisory locks do
    /// nothing that failure is what happens, and the next try finds the tables.
    [[nodiscard]] PgStatement lock_schema() const;
    /// In the transaction that adds columns to it: these are the sink's.
    [[nodiscard]] PgStatement note_columns(size_t table) const;
    /// With that lock: kUnavailable where somebody has made one of the tables that were missing.
    [[nodiscard]] Status check_missing_tables();
    /// Says what `table` holds now, in the transaction.
    [[nodiscard]] PgStatement note_tables(const std::vector<size_t>& tables,
                                          const std::vector<TableState>& states,
                                          const ProvenMark& proven) const;
    /// Runs them; learns from an error that somebody took over.
    [[nodiscard]] Result<std::vector<PgRows>> run(const std::vector<PgStatement>& statements);
    /// One question, with what to do about a refusal.
    [[nodiscard]] Result<PgRows> ask(std::string sql, std::vector<std::string> params = {});
    /// COPY in the transaction, as the connection does it.
    [[nodiscard]] Status copy_in(
        const std::string& sql, const std::function<Status(const PgConnection::CopyPut&)>& produce);
    /// With what to do about it, where the connection was asked directly.
    [[nodiscard]] Status explain(Status done) const;
    [[nodiscard]] Error explain(Error error) const;
    /// Sends COMMIT behind `statements`; kUnavailable where nobody knows whether it was done.
    [[nodiscard]] Status commit(std::vector<PgStatement> statements);
    /// The same of what alters a table, and of no more than one: while it waits for whoever has the
    /// table, all its readers wait behind it, so it soon gives up (kAlterMs) and lets them through.
    [[nodiscard]] Status commit_altering(std::vector<PgStatement> changes);

  private:
    [[nodiscard]] std::string own(std::string_view table) const;
    [[nodiscard]] Status connect(PgOptions options);
    [[nodiscard]] Result<std::vector<std::string>> look_for_refusals();
    [[nodiscard]] Status check_start();
    [[nodiscard]] Result<std::vector<std::string>> find_own_tables();
    [[nodiscard]] Status make_own_tables();
    [[nodiscard]] Status take_over();
    [[nodiscard]] Status check_cursor();
    [[nodiscard]] Error fenced();
    [[nodiscard]] Error of_another_chain(std::string_view chain_id) const;
    [[nodiscard]] Status read_position();
    [[nodiscard]] Status read_states();
    [[nodiscard]] Status leave_tables();
    [[nodiscard]] Status look();
    [[nodiscard]] Status check_schema_rights();
    [[nodiscard]] Status check_table_rights(const std::vector<std::string>& names,
                                            std::string_view makes);
    [[nodiscard]] Status mend_tables();
    [[nodiscard]] Status mark_tables();
    [[nodiscard]] Status add_columns_note();
    [[nodiscard]] std::string fence_condition() const;
    [[nodiscard]] std::vector<std::string> fence_params() const;
    [[nodiscard]] Error explain_fence(Error said);
    [[nodiscard]] std::string what_changed(const std::vector<TableLook>& before) const;

    const engine::SinkConfig& config_;
    const std::vector<SinkTable>& tables_;
    const uint64_t chain_id_;
    const std::string writer_;
    std::unique_ptr<PgConnection> connection_;
    std::vector<TableState> states_;
    std::vector<TableLook> looks_;
    /// What the fence finds in the catalog while the tables are as they were looked at: by table
    /// and number the columns, and a hash of what is said of them.
    std::string column_tables_;
    std::string column_numbers_;
    std::string catalog_mark_;
    std::optional<SinkPosition> position_;
    bool has_own_tables_ = false;  ///< both
    bool has_notes_ = false;       ///< plumbline_tables is there
    bool has_columns_ = false;     ///< plumbline_tables names the tables' columns
    bool is_standby_ = false;
    DeniedTablespace denied_tablespace_;
    uint64_t epoch_ = 0;  ///< the last one of ours, and the highest; 0 = never taken over
    bool is_fenced_ = false;
    uint64_t closed_round_trips_ = 0;
};

}  // namespace plumbline::sink
