#include "sink/sink_writer.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "engine/task/proof_ranges.hpp"
#include "sink/table_compare.hpp"
#include "storage/raw_scan.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::sink {

namespace {

constexpr size_t kStatementBytes = size_t{4} << 20;
constexpr size_t kPipelineBytes = size_t{32} << 20;
constexpr size_t kSeedBytes = size_t{32} << 20;
/// Looks that may find the index's digest ahead of what was noted, before rows are compared.
constexpr int kMissesMax = 20;

/// PostgreSQL has tables and indexes in one space of names.
Status name_indexes(const engine::SinkConfig& config, std::vector<SinkTable>& tables) {
    std::set<std::string> taken;
    for (SinkTable& table : tables) {
        table.name_indexes(taken);
        taken.insert(table.name() + "_pkey");
    }
    for (const SinkTable& table : tables) {
        if (taken.contains(table.name())) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("[sinks.{}]: the table {} would have the name of an index of "
                                     "another table: call it something else, or leave it out of "
                                     "the sink",
                                     config.name, table.name())};
        }
    }
    return ok();
}

}  // namespace

Result<std::string> stored_row(const storage::ReadView& view, const SinkTable& table,
                               std::string_view key) {
    if (table.keeps_tombstones()) {
        // No key is a prefix of another.
        const auto scanner = view.scan_entity(table.entity(), key, {}, true);
        if (scanner->valid()) {
            return std::string{scanner->row()};
        }
        PLUMBLINE_TRY_VOID(scanner->status());
        return std::string{};
    }
    Result<std::string> row = view.get_row(table.entity(), key);
    if (!row && row.error().code == ErrorCode::kNotFound) {
        return std::string{};
    }
    return row;
}

Result<std::vector<SinkTable>> make_tables(const engine::SinkConfig& config,
                                           const engine::Plan& plan, uint64_t chain_id) {
    std::vector<SinkTable> out;
    const std::vector<storage::EntityLayout>& entities = plan.entities();
    for (size_t entity = 0; entity < entities.size(); ++entity) {
        if (std::ranges::find(config.entities, entities[entity].name) != config.entities.end()) {
            PLUMBLINE_TRY(SinkTable table,
                          SinkTable::make(entities[entity], entity, config, chain_id));
            out.push_back(std::move(table));
        }
    }
    std::vector<SinkTable> more;
    for (const SinkTable& table : out) {
        if (config.has_history) {
            PLUMBLINE_TRY(SinkTable history,
                          SinkTable::make_history(entities[table.entity()], table.entity(), config,
                                                  chain_id));
            more.push_back(std::move(history));
        }
    }
    PLUMBLINE_TRY(std::vector<SinkTable> events, make_event_tables(config, plan, chain_id));
    std::ranges::move(events, std::back_inserter(more));
    for (SinkTable& table : more) {
        if (std::ranges::find(out, table.name(), &SinkTable::name) != out.end()) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("[sinks.{}]: an entity and {} would both be the table {}: "
                                     "leave one of them out",
                                     config.name, table.is_history() ? "a history" : "an event",
                                     table.name())};
        }
        out.push_back(std::move(table));
    }
    PLUMBLINE_TRY_VOID(name_indexes(config, out));
    return out;
}

std::vector<bool> wanted_entities(const std::vector<SinkTable>& tables, const engine::Plan& plan) {
    std::vector<bool> out(plan.entities().size(), false);
    for (const SinkTable& table : tables) {
        if (!table.is_event()) {
            out[table.entity()] = true;
        }
    }
    return out;
}

Result<std::unique_ptr<SinkWriter>> SinkWriter::make(Options options, DirtyRows& dirty) {
    PLUMBLINE_TRY(std::vector<SinkTable> tables,
                  make_tables(options.config, *options.plan, options.chain_id));
    for (const SinkTable& table : tables) {
        for (const std::string& fields : table.indexes_left_out()) {
            logging::info(
                "an index of the config is not made in PostgreSQL, which indexes no value beyond "
                "2,704 bytes: a hash index or one of md5() of your own does, and stays",
                {{"sink", options.config.name}, {"table", table.full_name()}, {"index", fields}});
        }
    }
    return std::unique_ptr<SinkWriter>{
        new SinkWriter{std::move(options), std::move(tables), dirty}};
}

SinkWriter::SinkWriter(Options options, std::vector<SinkTable> tables, DirtyRows& dirty)
    : options_{std::move(options)},
      tables_{std::move(tables)},
      table_of_(options_.plan->entities().size(), -1),
      events_{*options_.plan, tables_},
      dirty_{dirty},
      session_{options_.config, tables_, options_.chain_id} {
    for (size_t at = 0; at < tables_.size(); ++at) {
        if (tables_[at].is_entity()) {
            table_of_[tables_[at].entity()] = static_cast<int>(at);
        }
    }
}

/// The best level that anything is proven at, and how far; not beyond what the tables hold.
Result<ProvenMark> SinkWriter::find_proven(const storage::Database& database,
                                           uint64_t block_num) const {
    PLUMBLINE_TRY(const auto coverage, database.coverage());
    ProvenMark out;
    for (const auto& [level, through] :
         engine::proven_through(options_.plan->sources(), coverage)) {
        if (through > 0) {
            out = {std::min(through, block_num), level};  // Better levels come later.
        }
    }
    return out;
}

Status SinkWriter::connect(const storage::Database& database) {
    PgOptions options;
    options.url = options_.config.url;
    options.silence_ms = options_.silence_ms;
    options.should_stop = options_.should_stop;
    options.wait = options_.wait;
    const std::optional<SinkPosition> before = session_.position();
    Status opened = session_.open(std::move(options));
    // One that failed may have read it.
    is_own_position_ = is_own_position_ && session_.position() == before;
    PLUMBLINE_TRY_VOID(std::move(opened));
    if (!unanswered_) {
        return is_seeded_ ? ok() : seed(database);
    }
    // Only PostgreSQL knows whether that COMMIT was done: what it says it holds tells.
    bool was_done = true;
    for (size_t at = 0; at < tables_.size(); ++at) {
        was_done = was_done && session_.tables()[at].held == unanswered_->states[at].held;
    }
    if (was_done) {
        dirty_.on_sent(unanswered_->sent, unanswered_->commit_num);
    }
    if (was_done && session_.position() == unanswered_->position) {
        figures_ = unanswered_->figures;
        told_.clear();
    }
    unanswered_.reset();
    return ok();
}

/// What was touched since the last process sent something: where that block is still ours, undo
/// knows it and what the rows were.
Status SinkWriter::seed(const storage::Database& database) {
    if (session_.position()) {
        dirty_.begin();  // What comes from now on is noted.
    }
    const std::unique_ptr<storage::ReadView> view = database.read_view();
    const std::optional<storage::Cursor> cursor = view->cursor();
    const std::optional<SinkPosition>& position = session_.position();
    is_seeded_ = cursor.has_value() && shows_plan(*view);
    if (!is_seeded_ || !position || position->block_num >= cursor->block_num) {
        return ok();
    }
    const Result<storage::BlockRow> block = view->get_block(position->block_num);
    if (!block || block->hash != position->block_hash) {
        return ok();
    }
    std::map<RowName, storage::DigestNode> held;
    size_t bytes = 0;
    const auto scanner = storage::scan_raw_undo(*view);
    for (; scanner->valid() && bytes < kSeedBytes; scanner->next()) {
        PLUMBLINE_TRY(const storage::UndoRow row,
                      storage::decode_undo(scanner->key(), scanner->value()));
        if (row.block_num > position->block_num && row.entity < table_of_.size() &&
            table_of_[row.entity] >= 0) {
            bytes += row.key.size();
            held.try_emplace({row.entity, row.key}, row_digest(row.key, row.before));
        }
    }
    dirty_.seed(held, cursor->commit_num);
    return scanner->status();
}

/// Until a changed mapping is folded, views show what the one before made.
bool SinkWriter::shows_plan(const storage::ReadView& view) const {
    return view.bundle().fingerprint == options_.plan->bundle().fingerprint;
}

bool SinkWriter::must_sync() const {
    return std::ranges::any_of(
        session_.tables(), [](const TableState& state) { return !state.exists || !state.held; });
}

Result<SinkWriter::Step> SinkWriter::step(const storage::Database& database, bool may_sync) {
    if (session_.is_open() && session_.connection().has_ended()) {
        session_.close();  // Nothing was under way: no failure, unless there is no other.
    }
    if (!session_.is_open()) {
        if (Status connected = connect(database); !connected) {
            close_failed();
            return std::move(connected).error();
        }
        sent_commit_ = 0;
    }
    Result<Step> done = step_connected(database, may_sync);
    if (!done) {
        // What it had begun is undone by the server; the next step begins from what that says.
        close_failed();
    }
    return done;
}

void SinkWriter::close_failed() {
    was_refused_ = session_.was_refused();
    session_.close();
}

/// Nothing is to be sent: whether the tables are still there no fence tells then.
Result<SinkWriter::Step> SinkWriter::rest() {
    const int64_t now = system_clock().monotonic_ms();
    if (now >= next_look_ms_) {
        next_look_ms_ = now + options_.look_ms;
        PLUMBLINE_TRY_VOID(session_.check_fence());
    }
    return Step::kNothing;
}

Result<SinkWriter::Step> SinkWriter::step_connected(const storage::Database& database,
                                                    bool may_sync) {
    const std::unique_ptr<storage::ReadView> view = database.read_view();
    const std::optional<storage::Cursor> cursor = view->cursor();
    if (!cursor) {
        return Step::kNothing;
    }
    if (!shows_plan(*view)) {
        return Step::kWait;
    }
    if (cursor->commit_num == sent_commit_ && misses_ == 0 && !must_sync()) {
        return rest();
    }
    PLUMBLINE_TRY(proven_, find_proven(database, cursor->block_num));
    std::optional<DirtyState> dirty = dirty_.peek(cursor->commit_num);
    if (dirty && !must_sync() && misses_ < kMissesMax) {
        return send_dirty(*view, *dirty);
    }
    if (!may_sync) {
        return Step::kWait;
    }
    PLUMBLINE_TRY_VOID(sync_all(database));
    return Step::kSent;
}

// --- filling a transaction -----------------------------------------------------------------------

Status SinkWriter::add(Filling& filling, PgStatement statement) {
    for (const std::string& param : statement.params) {
        filling.bytes += param.size();
    }
    filling.statements.push_back(std::move(statement));
    if (filling.bytes >= kPipelineBytes) {
        PLUMBLINE_TRY(const auto rows, session_.run(filling.statements));
        filling.statements.clear();
        filling.bytes = 0;
    }
    return ok();
}

/// Rows that wait become statements once they are many, with `rows_min` 1 all of them.
Status SinkWriter::add_rows(Filling& filling, const SinkTable& table, RowArrays& upserts,
                            RowArrays& deletes, size_t rows_min) {
    if (upserts.rows() >= rows_min || upserts.bytes() >= kStatementBytes) {
        pending_.upserted += upserts.rows();
        PLUMBLINE_TRY_VOID(add(filling, {table.upsert_sql(), upserts.take()}));
    }
    if (deletes.rows() >= rows_min || deletes.bytes() >= kStatementBytes) {
        pending_.deleted += deletes.rows();
        PLUMBLINE_TRY_VOID(
            add(filling,
                {filling.are_there ? table.delete_all_sql() : table.delete_sql(), deletes.take()}));
    }
    return ok();
}

/// The end of a transaction: says what the tables hold then, and commits.
Status SinkWriter::settle(const storage::Cursor& cursor, Unanswered result, Filling filling) {
    std::vector<size_t> changed;
    for (size_t at = 0; at < tables_.size(); ++at) {
        if (session_.tables()[at].held != result.states[at].held || !(proven_ == noted_proven_)) {
            changed.push_back(at);
        }
    }
    if (!changed.empty()) {
        filling.statements.push_back(session_.note_tables(changed, result.states, proven_));
    }
    ++pending_.transactions;
    result.position = {cursor.block_num, cursor.block_hash};
    result.figures = pending_;
    unanswered_ = std::move(result);
    PLUMBLINE_TRY_VOID(session_.commit(std::move(filling.statements)));
    figures_ = unanswered_->figures;
    told_.clear();
    session_.tables() = unanswered_->states;
    dirty_.on_sent(unanswered_->sent, unanswered_->commit_num);
    unanswered_.reset();
    session_.set_position({cursor.block_num, cursor.block_hash});
    is_own_position_ = true;
    sent_commit_ = cursor.commit_num;
    next_look_ms_ = system_clock().monotonic_ms() + options_.look_ms;
    noted_proven_ = proven_;
    misses_ = 0;
    return ok();
}

// --- what was touched ----------------------------------------------------------------------------

/// Where rows that should go stay, or are not there, a comparison tells which and why.
Result<SinkWriter::Step> SinkWriter::send_dirty(const storage::ReadView& view,
                                                const DirtyState& dirty) {
    Result<Step> sent = try_dirty(view, dirty);
    if (!sent && !session_.connection().is_lost() &&
        sent.error().message.starts_with(kTriggerKeeps)) {
        session_.connection().rollback();
        unanswered_.reset();
        misses_ = kMissesMax;
        return Step::kWait;
    }
    return sent;
}

Result<SinkWriter::Step> SinkWriter::try_dirty(const storage::ReadView& view,
                                               const DirtyState& dirty) {
    const storage::Cursor cursor = *view.cursor();
    Unanswered result{session_.tables(), {}, cursor.commit_num, {}, {}};
    Filling filling;
    filling.statements = session_.begin(cursor);
    pending_ = figures_;
    PLUMBLINE_TRY(bool is_whole, fill_dirty(view, dirty.rows, result, filling));
    if (is_whole) {
        PLUMBLINE_TRY(is_whole, fill_events(view, dirty.rollback_to, result, filling));
        if (is_whole) {
            PLUMBLINE_TRY(is_whole, fill_history(view, dirty.rollback_to, result, filling));
        }
        if (!is_whole) {
            has_other_log_ = true;
            misses_ = kMissesMax;
        }
    }
    if (!is_whole) {
        // The writer tells of a commit a moment after it is there; else rows are compared.
        ++misses_;
        session_.connection().rollback();
        return Step::kWait;
    }
    PLUMBLINE_TRY_VOID(settle(cursor, std::move(result), std::move(filling)));
    return Step::kSent;
}

/// False where the rows do not make of the tables what the index is.
Result<bool> SinkWriter::fill_dirty(const storage::ReadView& view, const DirtyRowMap& dirty,
                                    Unanswered& result, Filling& filling) {
    auto row = dirty.begin();
    Cells cells;
    for (size_t at = 0; at < tables_.size(); ++at) {
        const SinkTable& table = tables_[at];
        if (!table.is_entity()) {
            continue;
        }
        const storage::RowCodec& codec = options_.plan->codec(table.entity());
        storage::DigestNode& held = *result.states[at].held;
        filling.are_there = !table.keeps_tombstones();  // Else one may follow another.
        RowArrays upserts{table.columns(), false};
        RowArrays deletes{table.columns(), true};
        while (row != dirty.end() && row->first.first < table.entity()) {
            ++row;
        }
        for (; row != dirty.end() && row->first.first == table.entity(); ++row) {
            const std::string& key = row->first.second;
            PLUMBLINE_TRY(const std::string stored, stored_row(view, table, key));
            const storage::DigestNode now = row_digest(key, stored);
            result.sent.emplace(row->first, now);
            if (now == row->second.held) {
                continue;
            }
            held -= row->second.held;
            held += now;
            const bool is_live = storage::RowCodec::is_live(stored);
            PLUMBLINE_TRY_VOID(
                table.to_cells(codec, key, is_live ? stored : std::string_view{}, cells));
            (is_live ? upserts : deletes).add(cells);
            PLUMBLINE_TRY_VOID(add_rows(filling, table, upserts, deletes, kSinkStatementRows));
        }
        PLUMBLINE_TRY_VOID(add_rows(filling, table, upserts, deletes, 1));
        PLUMBLINE_TRY(const storage::DigestNode own,
                      view.digest_root({static_cast<int>(table.entity())}));
        if (!(held == own)) {
            return false;
        }
        result.states[at].rows = view.entity_count(table.entity());
    }
    return true;
}

}  // namespace plumbline::sink
