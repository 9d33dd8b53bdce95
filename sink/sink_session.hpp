// What stands between a connection and the tables: the schema, whose cursor it is, and the fence.
//
// The fence is an epoch in the cursor's row. Who takes over adds one; every transaction begins by
// updating the row where it still has the writer's own epoch, and fails by itself (a division by
// zero) where it has not. A fence at the end would change no row, and COMMIT, sent in the same
// breath, would commit a stale writer's rows. Advisory locks are no-ops elsewhere (CockroachDB).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "sink/pg_connection.hpp"
#include "sink/sink_table.hpp"
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

    /// Connects, makes what is missing but the tables themselves, takes the cursor over, and looks
    /// at the tables. The first time whoever writes is fenced out; later it is kFenced where
    /// somebody has done the same to us.
    [[nodiscard]] Status open(PgOptions options);
    /// The same for looking only: takes nothing over and makes nothing.
    [[nodiscard]] Status open_to_read(PgOptions options);
    /// Reads again where the sink stands and what its tables are said to hold; also in a
    /// transaction.
    [[nodiscard]] Status refresh();
    void close() { connection_.reset(); }
    [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
    [[nodiscard]] PgConnection& connection() noexcept { return *connection_; }
    [[nodiscard]] std::vector<TableState>& tables() noexcept { return states_; }
    [[nodiscard]] const std::optional<SinkPosition>& position() const noexcept { return position_; }
    void set_position(SinkPosition position) { position_ = position; }
    /// Another writer has the cursor: for good, until this process starts anew.
    [[nodiscard]] bool is_fenced() const noexcept { return is_fenced_; }
    /// Since the object was made.
    [[nodiscard]] uint64_t round_trips() const noexcept;

    /// The statements that a transaction to `cursor` begins with: BEGIN, its settings, the fence.
    [[nodiscard]] std::vector<PgStatement> begin(const storage::Cursor& cursor) const;
    /// BEGIN and the cursor's row locked, without taking it over: its writer waits until the end.
    [[nodiscard]] std::vector<PgStatement> begin_beside_writer() const;
    /// Until its transaction ends nobody else makes or alters tables of the schema: of CREATE ...
    /// IF NOT EXISTS PostgreSQL fails the second of two at the same moment. Where advisory locks do
    /// nothing that failure is what happens, and the next try finds the tables.
    [[nodiscard]] PgStatement lock_schema() const;
    /// With that lock: kUnavailable where somebody has made one of the tables that were missing.
    [[nodiscard]] Status check_missing_tables();
    /// Says what `table` holds now, in the transaction.
    [[nodiscard]] PgStatement note_tables(const std::vector<size_t>& tables,
                                          const std::vector<TableState>& states,
                                          const ProvenMark& proven) const;
    /// Runs them; learns from an error that somebody took over.
    [[nodiscard]] Result<std::vector<PgRows>> run(const std::vector<PgStatement>& statements);
    /// COPY in the transaction, as the connection does it.
    [[nodiscard]] Status copy_in(
        const std::string& sql, const std::function<Status(const PgConnection::CopyPut&)>& produce);
    /// Sends COMMIT behind `statements`; kUnavailable where nobody knows whether it was done.
    [[nodiscard]] Status commit(std::vector<PgStatement> statements);

  private:
    [[nodiscard]] std::string own(std::string_view table) const;
    [[nodiscard]] Status connect(PgOptions options);
    [[nodiscard]] Result<bool> has_own_tables();
    [[nodiscard]] Status make_own_tables();
    [[nodiscard]] Status take_over();
    [[nodiscard]] Status read_position();
    [[nodiscard]] Status read_states();
    [[nodiscard]] Status look_at_tables(bool may_change);
    [[nodiscard]] Status look_at_table(size_t at, const PgRows& columns, bool may_change,
                                       std::vector<PgStatement>& changes);
    [[nodiscard]] Result<PgRows> ask(std::string sql, std::vector<std::string> params = {});
    [[nodiscard]] Error explain(Error error) const;

    const engine::SinkConfig& config_;
    const std::vector<SinkTable>& tables_;
    const uint64_t chain_id_;
    const std::string writer_;
    std::unique_ptr<PgConnection> connection_;
    std::vector<TableState> states_;
    std::optional<SinkPosition> position_;
    uint64_t epoch_ = 0;  ///< ours; 0 = never taken over
    bool is_fenced_ = false;
    uint64_t closed_round_trips_ = 0;
};

}  // namespace plumbline::sink
