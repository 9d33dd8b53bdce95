// A sink's first load and live commits against row-by-row upserts, into the PostgreSQL that it is
// given (bench/sink starts one): JSON on standard output.
#include <chrono>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/community_index.hpp"
#include "bench/community_story.hpp"
#include "bench/must.hpp"
#include "core/evm/keccak.hpp"
#include "engine/fold/fold.hpp"
#include "engine/fold/row_change.hpp"
#include "sink/sink_writer.hpp"
#include "sink/table_compare.hpp"
#include "storage/read_view.hpp"

namespace plumbline::bench {
namespace {

using sink::Cells;
using sink::PgConnection;
using sink::PgStatement;
using sink::SinkTable;
using sink::SinkWriter;

constexpr uint64_t kBlocksPerCommit = 100;

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// An index that grows by the generated story, its sink told of each commit.
class Index {
  public:
    Index(const std::string& path, sink::DirtyRows& dirty, bool keeps_log)
        : plan{community_plan()},
          database{open_fresh(path, *plan)},
          dirty_{dirty},
          keeps_log_{keeps_log},
          fold_{plan, *database, size_t{256} << 20},
          batch_{database->make_batch()} {}

    void add_blocks(uint64_t count, bool is_live) {
        for (uint64_t end = block_ + count; block_ < end;) {
            ++block_;
            const evm::Hash hash = evm::keccak256(std::to_string(block_));
            fold_.begin_block({block_, hash, block_ * 12, is_live});
            logs_.clear();
            story_.append_block(block_, kEventsPerBlock, logs_);
            for (size_t i = 0; i < logs_.logs.size(); ++i) {
                fold_.look_ahead(logs_, i);
                must_do(fold_.apply(logs_.logs[i], logs_.data(logs_.logs[i]), nullptr));
                if (keeps_log_) {
                    batch_->append_log(logs_.logs[i], logs_.data(logs_.logs[i]), nullptr);
                }
            }
            if (keeps_log_) {
                batch_->append_block({block_, hash, evm::keccak256(std::to_string(block_ - 1)),
                                      block_ * 12, kEventsPerBlock, storage::ProofLevel::kFetched});
            }
            if (is_live || block_ % kBlocksPerCommit == 0 || block_ == end) {
                commit(hash, is_live);
            }
        }
    }

    std::shared_ptr<const engine::Plan> plan;
    std::unique_ptr<storage::Database> database;
    uint64_t rows_changed = 0;  ///< in live commits

  private:
    void commit(const evm::Hash& hash, bool is_live) {
        engine::RowChanges changes{SIZE_MAX / 2, 0, {}};
        must_do(fold_.flush(*batch_, &changes));
        batch_->set_cursor(block_, hash, block_ * 12);
        batch_->set_finalized(is_live ? 0 : block_);
        must_do(database->commit(*batch_, storage::Durability::kBuffered));
        batch_->clear();
        dirty_.on_commit(is_live ? &changes.rows : nullptr, {block_, block_}, is_live ? 0 : block_,
                         database->cursor()->commit_num);
        rows_changed += is_live ? changes.rows.size() : 0;
    }

    sink::DirtyRows& dirty_;
    const bool keeps_log_;
    engine::Fold fold_;
    std::unique_ptr<storage::CommitBatch> batch_;
    CommunityStory story_{1};
    evm::LogBatch logs_;
    uint64_t block_ = 0;
};

void settle(SinkWriter& writer, const storage::Database& database) {
    while (must(writer.step(database, true)) != SinkWriter::Step::kNothing) {
    }
}

std::unique_ptr<SinkWriter> make_writer(const engine::SinkConfig& config, const Index& index,
                                        sink::DirtyRows& dirty) {
    SinkWriter::Options options;
    options.config = config;
    options.plan = index.plan;
    options.chain_id = kChainId;
    return must(SinkWriter::make(std::move(options), dirty));
}

/// The usual way: one INSERT .. ON CONFLICT a row, a thousand to a transaction. Rows a second.
double row_by_row(const engine::SinkConfig& config, const Index& index, uint64_t rows_max) {
    sink::PgOptions options;
    options.url = config.url;
    const auto connection = must(PgConnection::open(options));
    const auto view = index.database->read_view();
    must(connection->query("create schema " + sink::quote_name(config.schema)));
    uint64_t rows = 0;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<SinkTable> tables = must(sink::make_tables(config, *index.plan, kChainId));
    for (const SinkTable& table : tables) {
        must(connection->run({{table.create_sql(), {}}, {table.primary_key_sql(), {}}}));
        const uint64_t share = rows_max / tables.size();
        uint64_t done = 0;
        must(connection->query("begin"));
        const auto insert = [&](const Cells& cells) -> Result<bool> {
            sink::RowArrays one{table.columns(), false};
            one.add(cells);
            must(connection->query(table.upsert_sql(), one.take()));
            if (++done % 1'000 == 0) {
                must(connection->query("commit"));
                must(connection->query("begin"));
            }
            return done < share;
        };
        must_do(sink::entity_rows(*view, table, index.plan->codec(table.entity()))(insert));
        must(connection->query("commit"));
        rows += done;
    }
    return static_cast<double>(rows) / seconds_since(start);
}

int run(int argc, char** argv) {
    CLI::App app{"First load and live commits of a sink against row-by-row upserts"};
    engine::SinkConfig config;
    std::string directory;
    uint64_t events = 200'000;
    uint64_t live = 200;
    uint64_t upserts = 100'000;
    app.add_option("--url", config.url, "An empty PostgreSQL database")->required();
    app.add_option("--dir", directory, "Where the index may be")->required();
    app.add_option("--events", events, "Events before the first load");
    app.add_option("--live", live, "Blocks of 100 events that follow, a commit each");
    app.add_option("--upserts", upserts, "Rows that are upserted one by one, to compare");
    app.add_flag("--history", config.has_history, "Keep rows' versions as well");
    CLI11_PARSE(app, argc, argv);

    sink::DirtyRows dirty{size_t{64} << 20, std::vector<bool>(64, true)};
    Index index{directory + "/db", dirty, config.has_history};
    config.name = "bench";
    config.schema = "sink";
    for (const storage::EntityLayout& entity : index.plan->entities()) {
        config.entities.push_back(entity.name);
    }
    index.add_blocks(events / kEventsPerBlock, false);

    const auto writer = make_writer(config, index, dirty);
    auto start = std::chrono::steady_clock::now();
    settle(*writer, *index.database);
    const double load = seconds_since(start);
    const uint64_t loaded = writer->figures().copied;

    double live_time = 0;
    const uint64_t trips = writer->round_trips();
    const uint64_t transactions = writer->figures().transactions;
    for (uint64_t block = 0; block < live; ++block) {
        index.add_blocks(1, true);
        start = std::chrono::steady_clock::now();
        settle(*writer, *index.database);
        live_time += seconds_since(start);
    }
    const double commits = static_cast<double>(writer->figures().transactions - transactions);
    const double trips_per_commit = static_cast<double>(writer->round_trips() - trips) / commits;

    engine::SinkConfig plain = config;
    plain.schema = "rows";
    plain.has_history = false;
    const double by_row = row_by_row(plain, index, std::min(loaded, upserts));
    const double per_second = static_cast<double>(loaded) / load;
    fmt::print(
        "{{\"rows\": {}, \"load_s\": {:.2f}, \"load_rows_s\": {:.0f}, \"upsert_rows_s\": "
        "{:.0f}, \"load_factor\": {:.1f}, \"live_rows\": {}, \"live_rows_s\": {:.0f}, "
        "\"live_commit_ms\": {:.2f}, \"live_factor\": {:.1f}, \"round_trips_a_commit\": "
        "{:.2f}, \"compared\": {}}}\n",
        loaded, load, per_second, by_row, per_second / by_row, index.rows_changed,
        static_cast<double>(index.rows_changed) / live_time, 1'000 * live_time / commits,
        static_cast<double>(index.rows_changed) / live_time / by_row, trips_per_commit,
        writer->figures().compared);
    return 0;
}

}  // namespace
}  // namespace plumbline::bench

int main(int argc, char** argv) {
    return plumbline::bench::run(argc, argv);
}
