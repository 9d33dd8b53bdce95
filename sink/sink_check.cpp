#include "sink/sink_check.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/base/sleep.hpp"
#include "engine/fold/scratch_database.hpp"
#include "sink/event_rows.hpp"
#include "sink/history_rows.hpp"
#include "sink/sink_session.hpp"
#include "sink/sink_writer.hpp"
#include "sink/table_compare.hpp"

namespace plumbline::sink {

namespace {

constexpr int64_t kAgainMs = 200;
constexpr int64_t kTellMs = 5'000;
constexpr int64_t kLeastMs = 1'000;    ///< for a last try
constexpr int64_t kRefusalMs = 1'000;  ///< so that PostgreSQL says first why
constexpr std::string_view kLockTimeout = "55P03";
constexpr size_t kLookUpRows = 500;
constexpr size_t kMendRows = 5'000;

std::optional<std::string> shown(const SinkColumn& column, std::string_view cell) {
    if (cell == kNullCell) {
        return std::nullopt;
    }
    return (column.kind == CellKind::kBytes ? "0x" : "") + std::string{cell};
}

/// One table: what differs in it, and the statements that mend it.
class TableCheck {
  public:
    TableCheck(const SinkCheckOptions& options, SinkSession& session, const SinkTable& table,
               SinkReport& report)
        : options_{options},
          session_{session},
          table_{table},
          report_{report},
          upserts_{table.columns(), false},
          deletes_{table.columns(), true},
          asked_{table.columns(), true} {}

    Status run(const RowSource& rows) {
        PLUMBLINE_TRY_VOID(session_.explain(
            compare_table(session_.connection(), table_, rows,
                          [&](const RowDifference& difference) { return take(difference); })));
        PLUMBLINE_TRY_VOID(look_up());
        return mend(1);
    }

  private:
    Status take(const RowDifference& difference) {
        ++report_.differing;
        const bool is_kept = report_.findings.size() + waiting_.size() < options_.findings_max;
        if (difference.kind == RowDifference::Kind::kChanged && is_kept) {
            asked_.add(*difference.cells);
            waiting_.emplace(key_of(*difference.cells), *difference.cells);
        } else if (is_kept) {
            const bool is_extra = difference.kind == RowDifference::Kind::kExtra;
            report_.findings.push_back(
                {table_.name(),
                 table_.key_text(*difference.cells),
                 is_extra ? RowFinding::Kind::kExtra : RowFinding::Kind::kMissing,
                 {}});
        }
        if (options_.repair) {
            const bool is_extra = difference.kind == RowDifference::Kind::kExtra;
            (is_extra ? deletes_ : upserts_).add(*difference.cells);
        }
        if (waiting_.size() >= kLookUpRows) {
            PLUMBLINE_TRY_VOID(look_up());
        }
        return mend(kMendRows);
    }

    [[nodiscard]] std::string key_of(const Cells& cells) const {
        std::string out;
        for (size_t i = 0; i < cells.size(); ++i) {
            if (table_.columns()[i].is_key) {
                out += fmt::format("{}:{},", cells[i].size(), cells[i]);
            }
        }
        return out;
    }

    /// Reads the rows that wait as PostgreSQL has them, before anything is mended.
    Status look_up() {
        if (waiting_.empty()) {
            return ok();
        }
        PLUMBLINE_TRY(const PgRows rows, session_.ask(table_.cells_sql(), asked_.take()));
        const std::vector<SinkColumn>& columns = table_.columns();
        Cells cells(columns.size());
        for (size_t row = 0; row < rows.size(); ++row) {
            for (size_t i = 0; i < columns.size(); ++i) {
                cells[i] =
                    rows.is_null(row, i) ? std::string{kNullCell} : std::string{rows.at(row, i)};
            }
            const auto own = waiting_.find(key_of(cells));
            if (own == waiting_.end()) {
                continue;
            }
            RowFinding finding{
                table_.name(), table_.key_text(own->second), RowFinding::Kind::kChanged, {}};
            for (size_t i = 0; i < columns.size(); ++i) {
                if (cells[i] != own->second[i]) {
                    finding.cells.push_back({columns[i].name, shown(columns[i], own->second[i]),
                                             shown(columns[i], cells[i])});
                }
            }
            report_.findings.push_back(std::move(finding));
        }
        waiting_.clear();
        return ok();
    }

    Status mend(size_t rows_min) {
        std::vector<PgStatement> statements;
        if (upserts_.rows() >= rows_min) {
            report_.mended += upserts_.rows();
            statements.push_back({table_.upsert_sql(), upserts_.take()});
        }
        if (deletes_.rows() >= rows_min) {
            report_.mended += deletes_.rows();
            statements.push_back({table_.delete_all_sql(), deletes_.take()});
        }
        if (statements.empty()) {
            return ok();
        }
        PLUMBLINE_TRY_VOID(look_up());
        PLUMBLINE_TRY(const auto done, session_.run(statements));
        return ok();
    }

    const SinkCheckOptions& options_;
    SinkSession& session_;
    const SinkTable& table_;
    SinkReport& report_;
    RowArrays upserts_;
    RowArrays deletes_;
    RowArrays asked_;
    std::map<std::string, Cells> waiting_;
};

/// Whether the tables are said to hold just what the view holds.
Result<bool> stand_together(SinkSession& session, const std::vector<SinkTable>& tables,
                            const storage::ReadView& view) {
    const std::optional<storage::Cursor> cursor = view.cursor();
    if (!cursor || session.position() != SinkPosition{cursor->block_num, cursor->block_hash}) {
        return false;
    }
    for (size_t at = 0; at < tables.size(); ++at) {
        if (!tables[at].is_entity()) {
            continue;  // The same block is the same log.
        }
        const std::optional<storage::DigestNode>& held = session.tables()[at].held;
        PLUMBLINE_TRY(const storage::DigestNode own,
                      view.digest_root({static_cast<int>(tables[at].entity())}));
        if (held && !(*held == own)) {
            return false;
        }
    }
    return true;
}

std::string where_they_stand(const SinkCheckOptions& options, const SinkSession& session,
                             const storage::ReadView& view) {
    const auto cursor = view.cursor();
    return fmt::format(
        "the sink {} stands at block {} and the index at block {}", options.config.name,
        session.position() ? fmt::format("{}", session.position()->block_num) : "none",
        cursor ? fmt::format("{}", cursor->block_num) : "none");
}

/// What its writer says of itself, or else what brings it up.
std::string what_it_says(const SinkCheckOptions& options) {
    const std::string said = options.ask_writer ? options.ask_writer() : "";
    return said.empty() ? "let plumbline run bring the sink up"
                        : fmt::format("the running service says that the sink {}", said);
}

/// Whether the table can be compared; one that is missing is made where that is wanted. A writer
/// beside us finds out by its next fence that the table is another, and compares it, too.
Result<bool> make_fit(const SinkCheckOptions& options, SinkSession& session, const SinkTable& table,
                      size_t at, SinkReport& report) {
    const TableLook& look = session.looks()[at];
    if (look.problem.empty()) {
        return true;
    }
    TableProblem problem{table.name(), look.problem, options.repair && !look.exists};
    if (problem.is_mended) {
        std::vector<PgStatement> statements{session.lock_schema()};
        statements.insert(statements.end(), look.cure.begin(), look.cure.end());
        statements.push_back(session.note_columns(at));
        PLUMBLINE_TRY(const auto done, session.run(statements));
    } else if (!look.cure.empty()) {
        problem.what += ": plumbline run makes it, or verify --sink --repair";
    }
    report.problems.push_back(std::move(problem));
    return report.problems.back().is_mended;
}

/// Alters the first table that needs it, and commits: comparing takes long, and whoever reads a
/// table that was altered waits for that transaction's end. False: none needs it.
Result<bool> alter_next(SinkSession& session, const std::vector<SinkTable>& tables,
                        std::vector<TableProblem>& altered) {
    for (size_t at = 0; at < tables.size(); ++at) {
        const TableLook& look = session.looks()[at];
        const std::string& name = tables[at].name();
        if (look.problem.empty() || look.cure.empty() || !look.exists ||
            std::ranges::find(altered, name, &TableProblem::table) != altered.end()) {
            continue;
        }
        TableProblem problem{name, look.problem, true};
        std::vector<PgStatement> changes = look.cure;
        changes.push_back(session.note_columns(at));
        PLUMBLINE_TRY(const auto locked, session.run({session.lock_schema()}));
        PLUMBLINE_TRY_VOID(session.commit_altering(std::move(changes)));
        altered.push_back(std::move(problem));
        return true;
    }
    return false;
}

Status check_together(const SinkCheckOptions& options, SinkSession& session,
                      const std::vector<SinkTable>& tables, const storage::ReadView& view,
                      HistoryRows* history, SinkReport& report) {
    report.block_num = view.cursor()->block_num;
    EventRows events{*options.plan, tables};
    for (size_t at = 0; at < tables.size(); ++at) {
        PLUMBLINE_TRY(const bool is_fit, make_fit(options, session, tables[at], at, report));
        if (!is_fit) {
            continue;
        }
        ++report.tables;
        TableCheck check{options, session, tables[at], report};
        RowSource rows;
        if (tables[at].is_history()) {
            rows = history->rows_of(tables[at]);
        } else if (tables[at].is_event()) {
            rows = events.rows_of(view, at, options.should_stop);
        } else {
            const size_t entity = tables[at].entity();
            rows = entity_rows(view, tables[at], options.plan->codec(entity), options.should_stop);
        }
        uint64_t own = 0;
        const RowSource counted = [&](const RowTaker& take) {
            own = 0;
            return rows([&](const Cells& cells) {
                ++own;
                return take(cells);
            });
        };
        PLUMBLINE_TRY_VOID(check.run(counted));
        report.rows += own;
    }
    return ok();
}

}  // namespace

bool SinkReport::is_equal() const noexcept {
    return differing == mended && std::ranges::all_of(problems, &TableProblem::is_mended);
}

Result<SinkReport> check_sink(
    const SinkCheckOptions& options,
    const std::function<Result<std::unique_ptr<storage::Database>>()>& open) {
    PLUMBLINE_TRY(const std::vector<SinkTable> tables,
                  make_tables(options.config, *options.plan, options.chain_id));
    SinkSession session{options.config, tables, options.chain_id};
    PgOptions pg;
    pg.url = options.config.url;
    const int64_t began = system_clock().monotonic_ms();
    const int64_t deadline = began + options.patience_ms;
    // For whatever may take for ever: a lock, and a server that hangs. Comparing may take long.
    const auto left_ms = [&] {
        return std::clamp(deadline - system_clock().monotonic_ms(), kLeastMs, kLockMs);
    };
    pg.lock_ms = left_ms();
    pg.connect_ms = std::min(pg.connect_ms, left_ms());
    pg.silence_ms = left_ms() + kRefusalMs;
    pg.wait = std::make_shared<PgWait>();
    std::vector<TableProblem> altered;
    Backoff pause{kAgainMs, kTellMs};
    bool is_told = false;
    const auto tell = [&](int64_t waited_ms, const auto& what) {
        if (!is_told && waited_ms >= kTellMs && options.on_wait) {
            is_told = true;
            options.on_wait(what());
        }
    };
    pg.should_stop = [&, wait = pg.wait] {
        const int64_t now = system_clock().monotonic_ms();
        tell(wait->waited_ms(now), [&] { return long_wait_text(*wait, now); });
        return options.should_stop && options.should_stop();
    };
    PLUMBLINE_TRY_VOID(session.open_to_read(pg));
    for (;;) {
        PLUMBLINE_TRY(const std::unique_ptr<storage::Database> database, open());
        const std::unique_ptr<storage::ReadView> view = database->read_view();
        session.connection().set_lock_ms(left_ms());
        session.connection().set_silence_ms(left_ms() + kRefusalMs);
        // The cursor's row is held until the end, so that its writer waits; or one state is read.
        PLUMBLINE_TRY(const auto begun,
                      session.run(options.repair
                                      ? session.begin_beside_writer()
                                      : std::vector<PgStatement>{
                                            {"begin isolation level repeatable read read only", {}},
                                            {SinkSession::kStaySilent, {}}}));
        PLUMBLINE_TRY_VOID(session.refresh());
        PLUMBLINE_TRY(const bool is_together, stand_together(session, tables, *view));
        if (is_together && options.repair) {
            const Result<bool> has_altered = alter_next(session, tables, altered);
            const bool may_wait = !has_altered && session.connection().sqlstate() == kLockTimeout &&
                                  system_clock().monotonic_ms() < deadline &&
                                  session.connection().rollback();
            if (!has_altered && !may_wait) {
                return has_altered.error();
            }
            if (!has_altered || *has_altered) {
                sleep_ms(has_altered ? 0 : pause.next());
                continue;
            }
        }
        if (is_together) {
            session.connection().set_silence_ms(0);
            SinkReport report;
            report.problems = altered;
            std::unique_ptr<HistoryRows> history;
            if (options.config.has_history) {
                PLUMBLINE_TRY(history, HistoryRows::fold(*view, options.plan, tables,
                                                         engine::directory_of(*database),
                                                         options.memory, options.should_stop));
            }
            PLUMBLINE_TRY_VOID(
                check_together(options, session, tables, *view, history.get(), report));
            PLUMBLINE_TRY_VOID(session.commit({}));
            return report;
        }
        session.connection().rollback();
        const int64_t now = system_clock().monotonic_ms();
        if (now >= deadline) {
            return Error{ErrorCode::kUnavailable,
                         where_they_stand(options, session, *view) +
                             ", so they cannot be compared: " + what_it_says(options)};
        }
        tell(now - began, [&] {
            return where_they_stand(options, session, *view) +
                   ": they are compared once they stand at the same; " + what_it_says(options);
        });
        sleep_ms(kAgainMs);
    }
}

}  // namespace plumbline::sink
