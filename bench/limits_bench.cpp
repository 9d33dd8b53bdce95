// What one core of this machine can do at most with the events of a chain, each step alone: read
// their JSON, put their log rows into RocksDB by its write-ahead log, write them into a table file
// and ingest it. Rows, options and JSON are those of an index; nothing is fetched or folded.
// usage: limits_bench --dir DIR [--events N] [--per-block N]
// Prints one JSON line, in events a second.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include "bench/must.hpp"
#include "bench/replay_chain.hpp"
#include "bench/token_story.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/transport.hpp"
#include "storage/log_codec.hpp"

namespace plumbline::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kLogsPerAnswer = 8'000;
constexpr uint64_t kRowsPerBatch = 8'000;
constexpr uint64_t kRowsPerFile = 500'000;

struct LogRow {
    std::string key;
    std::string value;
};

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const rocksdb::Status& status) {
    PLUMBLINE_CHECK_MSG(status.ok(), status.ToString().c_str());
}

/// An answer to eth_getLogs for `from` to `to`, as it comes from the socket.
Bytes answer_for(const ReplayChain& chain, uint64_t from, uint64_t to) {
    const std::string text =
        fmt::format(R"({{"jsonrpc":"2.0","id":1,"result":[{}]}})", chain.logs_json(from, to));
    Bytes body;
    body.reserve(text.size() + rpc::kBodyPadding);
    body.assign(text.begin(), text.end());
    return body;
}

/// Seconds to read all logs' JSON; their rows in `rows`, which takes no part in the time.
double parse(const ReplayChain& chain, std::vector<LogRow>& rows) {
    rpc::AnswerReader reader;
    std::vector<rpc::Call> calls(1);
    calls[0].kind = rpc::Call::Kind::kLogs;
    double seconds = 0;
    for (uint64_t from = 0; from <= chain.head();) {
        uint64_t to = from;
        while (to < chain.head() && chain.log_count(from, to + 1) <= kLogsPerAnswer) {
            ++to;
        }
        Bytes body = answer_for(chain, from, to);
        const auto start = Clock::now();
        const auto answers = must(reader.read(body, calls, 1));
        seconds += seconds_since(start);
        const auto* batch = answers.front().get<evm::LogBatch>();
        PLUMBLINE_CHECK(batch != nullptr);
        for (const evm::Log& log : batch->logs) {
            LogRow& row = rows.emplace_back();
            storage::append_log_key(row.key, log.block_num, log.log_index);
            storage::append_log_value(row.value, log, batch->data(log), nullptr, {0, 0});
        }
        from = to + 1;
    }
    return seconds;
}

std::unique_ptr<rocksdb::DB> open_fresh(const std::string& path) {
    std::filesystem::remove_all(path);
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, path, &db));
    return std::unique_ptr<rocksdb::DB>{db};
}

double put(const std::vector<LogRow>& rows, const std::string& dir) {
    const auto db = open_fresh(dir + "/put");
    const auto start = Clock::now();
    rocksdb::WriteBatch batch;
    for (size_t i = 0; i < rows.size(); ++i) {
        check(batch.Put(rows[i].key, rows[i].value));
        if ((i + 1) % kRowsPerBatch == 0 || i + 1 == rows.size()) {
            check(db->Write({}, &batch));
            batch.Clear();
        }
    }
    check(db->FlushWAL(true));
    return seconds_since(start);
}

double ingest(const std::vector<LogRow>& rows, const std::string& dir) {
    const auto db = open_fresh(dir + "/ingest");
    const auto start = Clock::now();
    for (size_t first = 0; first < rows.size(); first += kRowsPerFile) {
        const std::string path = fmt::format("{}/{}.sst", dir, first);
        rocksdb::SstFileWriter writer{rocksdb::EnvOptions{}, db->GetOptions()};
        check(writer.Open(path));
        for (size_t i = first; i < std::min(rows.size(), first + kRowsPerFile); ++i) {
            check(writer.Put(rows[i].key, rows[i].value));
        }
        check(writer.Finish());
        rocksdb::IngestExternalFileOptions options;
        options.move_files = true;
        check(db->IngestExternalFile({path}, options));
    }
    return seconds_since(start);
}

int run_limits(int argc, char** argv) {
    ChainOptions options;
    options.events = 100'000;
    options.events_per_block = 1'000;
    std::string dir;
    CLI::App app{"What one core can do at most with the events of a chain, each step alone"};
    app.add_option("--events", options.events, "How many events")->capture_default_str();
    app.add_option("--per-block", options.events_per_block, "Events a block")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
    app.add_option("--dir", dir, "Where to write; what it makes there goes again")->required();
    CLI11_PARSE(app, argc, argv);
    TokenStory story{1};
    std::vector<LogRow> rows;
    rows.reserve(options.events);
    const auto events = static_cast<double>(options.events);
    const double parsed = parse(ReplayChain{story, options}, rows);
    PLUMBLINE_CHECK(rows.size() == options.events);
    const double put_seconds = put(rows, dir);
    std::filesystem::remove_all(dir + "/put");
    const double ingest_seconds = ingest(rows, dir);
    std::filesystem::remove_all(dir + "/ingest");
    fmt::print("{{\"parse\":{:.0f},\"put\":{:.0f},\"ingest\":{:.0f}}}\n", events / parsed,
               events / put_seconds, events / ingest_seconds);
    return 0;
}

}  // namespace

}  // namespace plumbline::bench

int main(int argc, char** argv) {
    return plumbline::bench::run_limits(argc, argv);
}
