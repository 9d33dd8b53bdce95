#include "sink/sink_doctor.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "sink/pg_advice.hpp"
#include "sink/pg_connection.hpp"
#include "sink/sink_table.hpp"
#include "storage/entity_key.hpp"

namespace plumbline::sink {

namespace {

using engine::CheckResult;
using engine::DoctorCheck;
using Kind = storage::FieldKind;

constexpr int kOldestTried = 150'000;  ///< PostgreSQL 15
constexpr unsigned kTripsTried = 5;
constexpr std::string_view kDenied = "42501";  ///< these three say nothing of the engine
constexpr std::string_view kRaised = "P0001";  ///< by a function
constexpr std::string_view kScarce = "53";     ///< no room, no memory

/// A table with a column of every kind, and a row of extremes.
storage::EntityLayout probe_layout(std::string name) {
    storage::EntityLayout out;
    out.name = std::move(name);
    out.key = {{"id", {Kind::kUint, 256}}};
    out.fields = {{"number", {Kind::kInt, 256}},      {"decimal", {Kind::kDecimal, 256, 36}},
                  {"flag", {Kind::kBool, 8}},         {"owner", {Kind::kAddress, 160}},
                  {"hash", {Kind::kFixedBytes, 256}}, {"data", {Kind::kBytes, 0}},
                  {"note", {Kind::kString, 0}},       {std::string(63, 'n'), {Kind::kUint, 64}}};
    return out;
}

/// What nobody else has for a name.
std::string make_name() {
    std::random_device random;
    return fmt::format("doctor_{:08x}", random());
}

struct Probe {
    std::string key;
    std::string row;
};

Probe make_probe(const storage::EntityLayout& layout, const storage::RowCodec& codec,
                 uint64_t number) {
    Probe out;
    const evm::U256 most = evm::negate(evm::U256{number});  // 2^256 - number
    storage::append_key_word(out.key, layout.key[0].type, most);
    out.row = codec.empty_row();
    for (size_t i = 0; i < layout.fields.size(); ++i) {
        const storage::FieldType type = layout.fields[i].type;
        if (type.is_dynamic()) {
            codec.set_dynamic(out.row, i, std::string("\\ ' \" \t\n\xf0\x9f\x90\x8d"));
        } else if (type.kind != Kind::kBool) {
            codec.set_word(out.row, i, type.is_signed() ? most : evm::U256{number});
        }
    }
    return out;
}

class Examination {
  public:
    Examination(PgOptions options, SinkDoctorReport& report)
        : options_{std::move(options)},
          report_{report} {
        config_.name = "doctor";
    }

    Status run() {
        PLUMBLINE_TRY(connection_, PgConnection::open(options_));
        report_.place = connection_->place();
        PLUMBLINE_TRY(const PgRows version, connection_->query("select version()"));
        report_.server = version.at(0, 0);
        look_at_server();
        PLUMBLINE_TRY_VOID(look_at_settings());
        PLUMBLINE_TRY(const bool has_schema, find_schema());
        if (!has_schema) {
            return ok();
        }
        if (is_utf8_) {
            try_rows();
        } else {
            note("copy, rows, digest", CheckResult::kNote, "not tried",
                 "texts of every kind need a database with encoding UTF8");
        }
        check("fence", "a writer that lost its cursor leaves nothing behind",
              "two writers could overwrite each other's rows; do not use it",
              [this] { return fence(); });
        clean_up();
        return ok();
    }

  private:
    void try_rows() {
        check("copy", "an aborted transaction takes COPY and its table back",
              "this engine cannot load tables at once; do not use it", [this] { return copy(); });
        const bool has_rows = check(
            "rows", "2^256-1, -1 of 36 places, 63 letters, bytes and texts come back as they went",
            "the tables would not hold what the index holds", [this] { return rows(); });
        if (has_rows) {
            check("digest", "the digest in SQL is ours",
                  "plumbline verify --sink will not work here", [this] { return digest(); });
        }
    }

    void note(std::string name, CheckResult result, std::string found, std::string advice = {}) {
        report_.checks.push_back({std::move(name), result, std::move(found), std::move(advice)});
    }

    void look_at_server() {
        const int version = connection_->server_version();
        const bool is_plain = report_.server.starts_with("PostgreSQL");
        note("server",
             is_plain && version >= kOldestTried ? CheckResult::kGood : CheckResult::kNote,
             report_.server.substr(0, report_.server.find(" on ")),
             is_plain ? (version >= kOldestTried ? "" : "tried from PostgreSQL 15 on")
                      : "plumbline is tested with PostgreSQL alone: what follows tells how far "
                        "this one does the same");
        const std::string tls = connection_->tls();
        const bool is_near = report_.place.starts_with('/') || report_.place.starts_with("127.") ||
                             report_.place.starts_with("localhost");
        note("tls", tls == "none" && !is_near ? CheckResult::kNote : CheckResult::kGood, tls,
             tls == "none" && !is_near ? "add ?sslmode=verify-full to the URL: password and rows "
                                         "are readable on the way"
                                       : "");
    }

    Status look_at_settings() {
        PLUMBLINE_TRY(const PgRows found,
                      connection_->query("select current_setting('server_encoding'), "
                                         "current_setting('transaction_read_only'), "
                                         "current_setting('default_transaction_isolation'), " +
                                         std::string{kDeniedTablespaceSql}));
        denied_tablespace_ = {std::string{found.at(0, 3)}, std::string{found.at(0, 4)}};
        is_utf8_ = found.at(0, 0) == "UTF8";
        note("encoding", is_utf8_ ? CheckResult::kGood : CheckResult::kBad,
             std::string{found.at(0, 0)}, is_utf8_ ? "" : "create a database with encoding UTF8");
        const bool is_writable = found.at(0, 1) == "off";
        note("writable", is_writable ? CheckResult::kGood : CheckResult::kBad,
             is_writable ? "yes" : "read only",
             is_writable ? "" : "name the primary: this is a standby, or the role may only read");
        note("isolation", CheckResult::kGood, std::string{found.at(0, 2)});
        const int64_t start = system_clock().monotonic_ms();
        for (unsigned i = 0; i < kTripsTried; ++i) {
            PLUMBLINE_TRY(const PgRows one, connection_->query("select 1"));
        }
        note("round trip", CheckResult::kGood,
             fmt::format("{} ms; a commit takes one",
                         (system_clock().monotonic_ms() - start) / kTripsTried));
        return ok();
    }

    /// One of our own, or where the role may make none the first one in which it may make tables.
    Result<bool> find_schema() {
        config_.schema = "plumbline_" + name_;
        const auto made = connection_->query("create schema " + quote_name(config_.schema));
        is_own_schema_ = made.has_value();
        if (made) {
            note("schema", CheckResult::kGood, "may be made");
        } else if (connection_->sqlstate() != "42501") {
            note("schema", CheckResult::kBad, made.error().message, "nothing could be tried");
            return false;
        } else {
            PLUMBLINE_TRY(const bool is_there, find_granted_schema(made.error().message));
            if (!is_there) {
                return false;
            }
        }
        auto table = SinkTable::make(layout_, 0, config_, 1);
        if (!table) {
            note("table", CheckResult::kBad, table.error().message);
            return false;
        }
        table_ = std::make_unique<SinkTable>(*std::move(table));
        return true;
    }

    Result<bool> find_granted_schema(const std::string& refusal) {
        PLUMBLINE_TRY(
            const PgRows found,
            connection_->query("select n.nspname, quote_ident(current_user), "
                               "quote_ident(current_database()) from (select 1) as one left join "
                               "pg_namespace n on has_schema_privilege(n.oid, 'create') and "
                               "has_schema_privilege(n.oid, 'usage') and n.nspname !~ '^pg_' and "
                               "n.nspname <> 'information_schema' order by 1 limit 1"));
        if (found.is_null(0, 0)) {
            note("schema", CheckResult::kBad, refusal,
                 fmt::format(
                     "nothing could be tried: grant create on database {1} to {0}, or create "
                     "schema chain and grant all on schema chain to {0}",
                     found.at(0, 1), found.at(0, 2)));
            return false;
        }
        config_.schema = found.at(0, 0);
        note("schema", CheckResult::kNote,
             "may not be made; what follows was tried in " + config_.schema,
             fmt::format("a sink's schema must be one that is there, with all on it granted to {}",
                         found.at(0, 1)));
        return true;
    }

    [[nodiscard]] std::string cursor_name() const {
        return quote_name(config_.schema) + "." + quote_name(name_ + "_cursor");
    }

    void clean_up() {
        const std::string what =
            is_own_schema_
                ? fmt::format("drop schema {} cascade", quote_name(config_.schema))
                : fmt::format("drop table if exists {}, {}", table_->full_name(), cursor_name());
        if (const auto dropped = connection_->query(what); !dropped) {
            note("clean up", CheckResult::kBad, dropped.error().message, what);
        }
    }

    bool check(std::string name, std::string good, std::string advice,
               const std::function<Status()>& tried) {
        const Status done = tried();
        if (!done &&
            (connection_->sqlstate() == kDenied || connection_->sqlstate().starts_with(kScarce))) {
            advice = pg_advice(*connection_, done.error().message, denied_tablespace_);
        } else if (connection_->sqlstate() == kRaised) {
            advice =
                "a function of yours says so, of an event trigger perhaps: let it pass what the "
                "sink's role does";
        }
        connection_->rollback();
        if (connection_->is_lost()) {
            if (auto again = PgConnection::open(options_)) {
                connection_ = *std::move(again);
            }
        }
        if (done) {
            note(std::move(name), CheckResult::kGood, std::move(good));
        } else {
            note(std::move(name), CheckResult::kBad, done.error().message, std::move(advice));
        }
        return done.has_value();
    }

    static Status demand(bool holds, std::string_view what) {
        return holds ? ok() : Error{ErrorCode::kInvalidArgument, std::string{what}};
    }

    Status copy() {
        PLUMBLINE_TRY(const auto made,
                      connection_->run({{"begin", {}}, {table_->create_sql(), {}}}));
        const auto produce = [&](const PgConnection::CopyPut& put) -> Status {
            Cells cells;
            std::string lines;
            for (uint64_t number = 1; number <= 2; ++number) {
                const Probe probe = make_probe(layout_, codec_, number);
                PLUMBLINE_TRY_VOID(table_->to_cells(codec_, probe.key, probe.row, cells));
                append_copy_line(lines, table_->columns(), cells);
            }
            return put(lines);
        };
        PLUMBLINE_TRY_VOID(connection_->copy_in(table_->copy_in_sql(), produce));
        PLUMBLINE_TRY(const PgRows count,
                      connection_->query("select count(*) from " + table_->full_name()));
        PLUMBLINE_TRY_VOID(demand(count.at(0, 0) == "2", "COPY lost rows"));
        connection_->rollback();
        PLUMBLINE_TRY(const PgRows gone, connection_->query("select to_regclass($1::text) is null",
                                                            {table_->full_name()}));
        return demand(gone.at(0, 0) == "t", "the table outlived the transaction that made it");
    }

    Status rows() {
        RowArrays upserts{table_->columns(), false};
        RowArrays keys{table_->columns(), true};
        std::vector<Cells> sent;
        for (uint64_t number = 1; number <= 3; ++number) {
            Cells cells;
            const Probe probe = make_probe(layout_, codec_, number);
            PLUMBLINE_TRY_VOID(table_->to_cells(codec_, probe.key, probe.row, cells));
            upserts.add(cells);
            keys.add(cells);
            sent.push_back(cells);
        }
        const std::vector<std::string> params = upserts.take();
        PLUMBLINE_TRY(const auto made, connection_->run({{"begin", {}},
                                                         {table_->create_sql(), {}},
                                                         {table_->primary_key_sql(), {}},
                                                         {table_->upsert_sql(), params},
                                                         {table_->upsert_sql(), params},
                                                         {"commit", {}}}));
        PLUMBLINE_TRY(const PgRows found, connection_->query(table_->cells_sql(), keys.take()));
        PLUMBLINE_TRY_VOID(demand(found.size() == sent.size(), "rows were lost or doubled"));
        for (const Cells& cells : sent) {
            bool is_there = false;
            for (size_t row = 0; row < found.size(); ++row) {
                bool is_same = true;
                for (size_t i = 0; i < cells.size(); ++i) {
                    is_same = is_same && found.at(row, i) == cells[i];
                }
                is_there = is_there || is_same;
            }
            PLUMBLINE_TRY_VOID(demand(is_there, "a row came back as another one"));
        }
        return ok();
    }

    Status digest() {
        PLUMBLINE_TRY(const PgRows sums, connection_->query(table_->digest_sql()));
        std::string scratch;
        for (uint64_t number = 1; number <= 3; ++number) {
            Cells cells;
            const Probe probe = make_probe(layout_, codec_, number);
            PLUMBLINE_TRY_VOID(table_->to_cells(codec_, probe.key, probe.row, cells));
            const uint32_t bucket = digest_cells(table_->columns(), cells, scratch).bucket();
            bool is_there = false;
            for (size_t row = 0; row < sums.size(); ++row) {
                is_there = is_there || sums.at(row, 0) == fmt::format("{}", bucket);
            }
            PLUMBLINE_TRY_VOID(demand(is_there, "another digest than ours"));
        }
        return ok();
    }

    Status fence() {
        const std::string cursor = cursor_name();
        PLUMBLINE_TRY(
            const auto made,
            connection_->run({{fmt::format("create table {} (name text primary key, "
                                           "epoch bigint)",
                                           cursor),
                               {}},
                              {fmt::format("insert into {} values ('a', 2)", cursor), {}}}));
        const auto stale = connection_->run(
            {{"begin", {}},
             {fmt::format("with u as (update {} set name = name where epoch = 1 returning 1) "
                          "select 1/count(*) from u",
                          cursor),
              {}},
             {fmt::format("insert into {} values ('b', 1)", cursor), {}},
             {"commit", {}}});
        PLUMBLINE_TRY_VOID(demand(!stale && connection_->sqlstate() == "22012",
                                  "the fence did not fail by itself"));
        connection_->rollback();
        PLUMBLINE_TRY(const PgRows left,
                      connection_->query(fmt::format("select count(*) from {}", cursor)));
        return demand(left.at(0, 0) == "1", "a stale writer's row was committed");
    }

    PgOptions options_;
    SinkDoctorReport& report_;
    engine::SinkConfig config_;
    const std::string name_ = make_name();
    bool is_utf8_ = false;
    bool is_own_schema_ = false;
    DeniedTablespace denied_tablespace_;
    const storage::EntityLayout layout_ = probe_layout(name_ + "_probe");
    const storage::RowCodec codec_{layout_};
    std::unique_ptr<SinkTable> table_;
    std::unique_ptr<PgConnection> connection_;
};

}  // namespace

bool SinkDoctorReport::is_fine() const noexcept {
    return std::ranges::none_of(
        checks, [](const DoctorCheck& check) { return check.result == CheckResult::kBad; });
}

Result<SinkDoctorReport> examine_database(const std::string& url, int64_t silence_ms) {
    SinkDoctorReport report;
    PgOptions options;
    options.url = url;
    options.silence_ms = silence_ms;
    Examination examination{std::move(options), report};
    PLUMBLINE_TRY_VOID(examination.run());
    return report;
}

}  // namespace plumbline::sink
