// An index of hostile values, a PostgreSQL, and a sink between them, on one thread.
#pragma once

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/evm/hex.hpp"
#include "sink/sink_check.hpp"
#include "sink/sink_writer.hpp"
#include "sink/table_compare.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::sink::test {

using namespace engine::test;
using plumbline::test::Postgres;

inline const Abis& sink_abis() {
    static const Abis kAbis{
        {"hub.json",
         abi_json({"event Put(uint256 id, address owner, uint256 amount, int256 delta, string "
                   "note, bytes data, bool flag, uint64 when, uint8 kind)",
                   "event Del(uint256 id)", "event Named(string name, uint256 value)"})}};
    return kAbis;
}

inline std::string sink_toml(const std::string& more_fields = {},
                             const std::string& more_sets = {}) {
    return fmt::format(R"(
[contracts.hub]
abi = "hub.json"
address = "{}"
[entities.item]
key = {{ id = "uint256" }}
fields = {{ owner = "address", amount = "uint256", delta = "int256", note = "string", data = "bytes", flag = "bool", when = "uint64", kind = {{ enum = ["open", "closed"] }}{} }}
index = [["owner"]]
[[on]]
event = "hub.Put"
upsert = "item"
key = {{ id = "id" }}
set = {{ owner = "owner", amount = "amount", delta = "delta", note = "note", data = "data", flag = "flag", when = "when"{} }}
[[on]]
event = "hub.Del"
delete = "item"
key = {{ id = "id" }}
[entities.named]
key = {{ name = "string" }}
fields = {{ value = "uint256" }}
[[on]]
event = "hub.Named"
upsert = "named"
key = {{ name = "name" }}
set = {{ value = "value" }}
)",
                       hex_of(1), more_fields, more_sets);
}

/// So many, or as the environment says.
inline uint64_t number_wanted(const char* variable, uint64_t usual) {
    const char* text = std::getenv(variable);
    return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}
inline uint64_t reorgs_wanted(uint64_t usual) {
    return number_wanted("PLUMBLINE_REORGS", usual);
}

/// One PostgreSQL for all tests of a binary: starting one takes a second.
inline Postgres& shared_postgres() {
    static Postgres server;
    return server;
}

/// A sink as a service has it, stepped by hand.
class SinkWorld {
  public:
    explicit SinkWorld(const std::string& schema, const Mapping& mapping, Pace pace = {})
        : mapping_{mapping},
          world{mapping, pace},
          dirty{size_t{8} << 20, {true, true}} {
        config.name = "main";
        config.url = shared_postgres().url();
        config.schema = schema;
        config.entities = {"item", "named"};
        world.told = [this](const std::vector<engine::RowChange>& rows, uint64_t block_num,
                            uint64_t finalized) {
            dirty.on_commit(&rows, {block_num, block_num}, finalized,
                            world.database->cursor()->commit_num);
        };
    }
    [[nodiscard]] std::unique_ptr<SinkWriter> make_writer(uint64_t of_chain = 0) {
        SinkWriter::Options options;
        options.config = config;
        options.plan = mapping_.plan;
        options.chain_id = of_chain == 0 ? chain_id : of_chain;
        options.look_ms = look_ms;
        return std::move(SinkWriter::make(std::move(options), dirty)).value();
    }
    /// Until nothing is left to send; the error, if there is one.
    [[nodiscard]] Status settle(SinkWriter& writer) {
        for (int turns = 0; turns < 100; ++turns) {
            PLUMBLINE_TRY(const SinkWriter::Step step, writer.step(*world.database, true));
            if (step == SinkWriter::Step::kNothing) {
                return ok();
            }
        }
        return Error{ErrorCode::kTimeout, "it never came to rest"};
    }
    void rollback(uint64_t target) {
        world.rollback(target);
        dirty.on_rollback(target, world.database->cursor()->commit_num);
    }
    [[nodiscard]] Emitted put(uint64_t id, uint64_t amount, uint64_t block, uint32_t index,
                              const std::string& note = "a note") const {
        return mapping_.emit(
            "hub.Put",
            {num(id), acc(id % 7), num(amount), neg(amount), text(note),
             AbiValue::blob(Bytes(amount % 50, uint8_t{7})), num(amount % 2), num(amount), num(0)},
            block, index);
    }
    [[nodiscard]] Emitted del(uint64_t id, uint64_t block, uint32_t index) const {
        return mapping_.emit("hub.Del", {num(id)}, block, index);
    }
    [[nodiscard]] Emitted named(const std::string& name, uint64_t value, uint64_t block,
                                uint32_t index) const {
        return mapping_.emit("hub.Named", {text(name), num(value)}, block, index);
    }
    /// Up to eleven events of a block, about `ids` items.
    [[nodiscard]] std::vector<Emitted> some_events(std::mt19937_64& random, uint64_t ids,
                                                   uint64_t block) const {
        std::vector<Emitted> out;
        for (uint32_t i = 0; i < random() % 12; ++i) {
            const uint64_t id = random() % ids;
            out.push_back(random() % 4 == 0   ? del(id, block, i)
                          : random() % 3 == 0 ? named(fmt::format("n{}", id), id, block, i)
                                              : put(id, random() % 1'000, block, i));
        }
        return out;
    }
    /// `verify --sink` of what it is now.
    [[nodiscard]] SinkCheckOptions check_options(bool repair = false) const {
        SinkCheckOptions out;
        out.config = config;
        out.plan = mapping_.plan;
        out.chain_id = chain_id;
        out.repair = repair;
        return out;
    }
    [[nodiscard]] Result<SinkReport> check(const SinkCheckOptions& options) const {
        return check_sink(options, [&] {
            storage::OpenOptions read_only;
            read_only.read_only = true;
            return storage::Database::open(world.database->path(), read_only);
        });
    }
    std::string sql(const std::string& statement) const { return shared_postgres().sql(statement); }
    /// Of "item": id, amount.
    [[nodiscard]] std::string items() const {
        return sql("select string_agg(id || '=' || amount, ' ' order by id) from " + config.schema +
                   ".item");
    }
    /// Row by row, over a connection of its own: how many rows of all tables differ.
    [[nodiscard]] size_t differences() const {
        size_t out = 0;
        PgOptions options;
        options.url = look_url.empty() ? config.url : look_url;
        const auto connection = PgConnection::open(options).value();
        const auto view = world.database->read_view();
        const std::vector<SinkTable> tables = make_tables(config, *mapping_.plan, chain_id).value();
        EventRows events{*mapping_.plan, tables};
        std::unique_ptr<HistoryRows> history;
        if (config.has_history) {
            history =
                std::move(HistoryRows::fold(*view, mapping_.plan, tables, world.dir.path(),
                                            engine::plan_memory(256, engine::MemoryUse::kService))
                              .value());
        }
        for (size_t at = 0; at < tables.size(); ++at) {
            const SinkTable& table = tables[at];
            const RowSource rows =
                table.is_history() ? history->rows_of(table)
                : table.is_event()
                    ? events.rows_of(*view, at)
                    : entity_rows(*view, table, mapping_.plan->codec(table.entity()));
            EXPECT_OK(compare_table(*connection, table, rows, [&](const RowDifference&) {
                ++out;
                return ok();
            }));
        }
        return out;
    }

  private:
    const Mapping& mapping_;

  public:
    engine::SinkConfig config;
    uint64_t chain_id = 31337;
    int64_t look_ms = 60'000;
    std::string look_url;  ///< for `differences`, where it is not the config's
    World world;
    DirtyRows dirty;
};

/// Tests of sinks into a real server.
class SinkTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!plumbline::test::has_postgres()) {
            GTEST_SKIP() << "no PostgreSQL: tools/setup installs it";
        }
    }
    /// What the writer says where it cannot settle; "" where it can.
    [[nodiscard]] static std::string failure(SinkWorld& sink, SinkWriter& writer) {
        const Status settled = sink.settle(writer);
        const std::string said = settled ? "" : settled.error().message;
        EXPECT_THAT(said, ::testing::Not(::testing::ContainsRegex("[.](;|$)")))
            << "sentences of PostgreSQL's are joined without their full stops";
        return said;
    }
    [[nodiscard]] static std::string failure(SinkWorld& sink) {
        return failure(sink, *sink.make_writer());
    }
    const Mapping mapping_{sink_toml(), sink_abis()};
};

}  // namespace plumbline::sink::test
