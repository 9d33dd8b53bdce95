// Storage by itself: commits of community-like logs, row changes, scans, point reads.
// RocksDB here is Debian's, built with assertions on. Every figure is one pass over a million rows
// in a directory under the system's temporary one.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/evm/keccak.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/deleted_run_compactor.hpp"
#include "storage/digest.hpp"
#include "storage/entity_key.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"

namespace plumbline::storage {
namespace {

constexpr uint64_t kLogs = 1'000'000;
constexpr uint64_t kLogsPerBlock = 40;
constexpr uint64_t kLogsPerCommit = 10'000;
constexpr uint64_t kRows = 1'000'000;

SchemaBundle bench_bundle() {
    SchemaBundle bundle;
    bundle.fingerprint = "bench";
    EntityLayout member;
    member.name = "member";
    member.key = {{"community", *parse_field_type("uint256")},
                  {"user", *parse_field_type("address")}};
    member.fields = {{"role", *parse_field_type("uint8")},
                     {"joined", *parse_field_type("uint64")},
                     {"weight", *parse_field_type("uint256")},
                     {"banned", *parse_field_type("bool")}};
    EntityLayout indexed = member;
    indexed.name = "indexed_member";
    indexed.indexes = {{1}};
    bundle.entities = {member, indexed};
    return bundle;
}

std::string bench_path() {
    return (std::filesystem::temp_directory_path() / "plumbline_storage_bench").string();
}

std::unique_ptr<Database> open_fresh() {
    std::error_code ignored;
    std::filesystem::remove_all(bench_path(), ignored);
    OpenOptions options;
    options.create = true;
    options.identity = ChainIdentity{1, {}};
    options.bundle = bench_bundle();
    auto database = Database::open(bench_path(), options);
    PLUMBLINE_CHECK_MSG(database.has_value(), "cannot open the bench database");
    return *std::move(database);
}

std::unique_ptr<Database> reopen() {
    auto database = Database::open(bench_path(), {});
    PLUMBLINE_CHECK_MSG(database.has_value(), "cannot reopen the bench database");
    return *std::move(database);
}

/// Logs made ahead, so that making them is not measured: every one is 694 bytes as JSON on average.
const evm::LogBatch& sample_logs() {
    static const evm::LogBatch batch = [] {
        evm::LogBatch out;
        std::mt19937_64 random{1};
        for (uint64_t i = 0; i < kLogsPerCommit; ++i) {
            evm::Log log;
            log.address = evm::Address::from(evm::keccak256("hub").view().first(20));
            log.topic_count = 3;
            log.topics[0] = evm::keccak256(std::to_string(random() % 12));
            log.topics[1].bytes[30] = static_cast<uint8_t>(random());
            log.topics[1].bytes[31] = static_cast<uint8_t>(random());
            const evm::Hash user = evm::keccak256(std::to_string(random() % 5000));
            std::copy_n(user.data(), 20, log.topics[2].data() + 12);
            log.txn_hash = evm::keccak256(std::to_string(i / 2));
            Bytes data(i % 3 == 0 ? 160 : 64, 0);
            data[31] = static_cast<uint8_t>(random());
            data[63] = static_cast<uint8_t>(random());
            data[62] = static_cast<uint8_t>(random());
            if (i % 3 == 0) {
                data[95] = 22;
                const std::string text = "question number " + std::to_string(random() % 1000000);
                std::copy(text.begin(), text.end(), data.begin() + 96);
            }
            out.push(log, data);
        }
        return out;
    }();
    return batch;
}

void fill_logs(Database& db) {
    const evm::LogBatch& sample = sample_logs();
    const auto batch = db.make_batch();
    for (uint64_t done = 0; done < kLogs; done += kLogsPerCommit) {
        for (uint64_t i = 0; i < kLogsPerCommit; ++i) {
            evm::Log log = sample.logs[i];
            log.block_num = (done + i) / kLogsPerBlock;
            log.log_index = static_cast<uint32_t>((done + i) % kLogsPerBlock);
            log.txn_index = log.log_index / 2;
            // As in a real chain, no two transactions share a hash.
            const uint64_t mixed = ((done + i) / 2) * 0x9E3779B97F4A7C15ULL;
            std::memcpy(log.txn_hash.data(), &mixed, sizeof(mixed));
            if (log.log_index == 0) {
                evm::Hash hash = log.txn_hash;
                hash.bytes[0] = 1;
                batch->append_block({log.block_num, hash, hash, log.block_num, kLogsPerBlock,
                                     ProofLevel::kFetched});
            }
            batch->append_log(log, sample.data(log));
        }
        batch->set_cursor((done + kLogsPerCommit) / kLogsPerBlock - 1, {}, 1);
        PLUMBLINE_CHECK(db.commit(*batch, Durability::kBuffered).has_value());
    }
    PLUMBLINE_CHECK(db.sync().has_value());
}

std::string member_key(uint64_t number) {
    std::string key;
    append_key_word(key, *parse_field_type("uint256"), evm::U256{number % 1000});
    const uint64_t mixed = number * 0x9E3779B97F4A7C15ULL;
    append_key_word(key, *parse_field_type("address"), evm::U256{mixed});
    return key;
}

/// Keys of a commit in their order or in that of arrival: RocksDB inserts neighbours faster.
void fill_rows(Database& db, size_t entity, bool sorted) {
    const RowCodec codec{bench_bundle().entities[entity]};
    const auto batch = db.make_batch();
    std::string row = codec.empty_row();
    std::vector<std::string> keys;
    for (uint64_t done = 0; done < kRows;) {
        keys.clear();
        for (uint64_t i = 0; i < kLogsPerCommit; ++i) {
            keys.push_back(member_key(done + i));
        }
        if (sorted) {
            std::sort(keys.begin(), keys.end());
        }
        for (const std::string& key : keys) {
            codec.set_word(row, 1, evm::U256{done});
            codec.set_word(row, 2, evm::U256{done % 77});
            RowCodec::set_changed_at(row, {done / 40, 1});
            batch->change_row(entity, key, "", row, {});
            ++done;
        }
        batch->set_cursor(done / 40, {}, 1);
        PLUMBLINE_CHECK(db.commit(*batch, Durability::kBuffered).has_value());
    }
    PLUMBLINE_CHECK(db.sync().has_value());
}

void per_second(benchmark::State& state, uint64_t count) {
    state.SetItemsProcessed(static_cast<int64_t>(count));
}

void BM_CommitLogs(benchmark::State& state) {
    for (auto _ : state) {
        state.PauseTiming();
        auto db = open_fresh();
        sample_logs();
        state.ResumeTiming();
        fill_logs(*db);
        state.PauseTiming();
        db.reset();
        // As a reader finds it: recovered, flushed, compacted as far as it got.
        db = reopen();
        state.counters["bytes_per_event"] =
            static_cast<double>(db->size_bytes()) / static_cast<double>(kLogs);
        db.reset();
        state.ResumeTiming();
    }
    per_second(state, kLogs);
}
BENCHMARK(BM_CommitLogs)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

/// A queue of a million rows that were all served but the last: its first ten rows by key and by
/// index, beside one row; `compactor` 0 is without it.
void BM_FirstPageOfServedQueue(benchmark::State& state) {
    const bool has_compactor = state.range(0) != 0;
    const bool by_index = state.range(1) != 0;
    const auto db = open_fresh();
    std::optional<DeletedRunCompactor> compactor;
    if (has_compactor) {
        compactor.emplace(*db);
    }
    const RowCodec codec{bench_bundle().entities[1]};
    const auto batch = db->make_batch();
    const auto key_of = [](uint64_t number) {
        std::string key;
        append_key_word(key, *parse_field_type("uint256"), evm::U256{number});
        append_key_word(key, *parse_field_type("address"), evm::U256{number});
        return key;
    };
    std::string row = codec.empty_row();
    const auto start = std::chrono::steady_clock::now();
    for (const bool is_put : {true, false}) {
        for (uint64_t i = 0; i < kRows + (is_put ? 20 : 0); ++i) {
            codec.set_word(row, 1, evm::U256{i / 40});
            batch->change_row(1, key_of(i), is_put ? "" : row, is_put ? row : "", {});
            if (i % kLogsPerCommit == kLogsPerCommit - 1) {
                PLUMBLINE_CHECK(db->commit(*batch, Durability::kBuffered).has_value());
            }
        }
    }
    PLUMBLINE_CHECK(db->commit(*batch, Durability::kBuffered).has_value());
    state.counters["write_s"] =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::this_thread::sleep_for(std::chrono::seconds{has_compactor ? 3 : 0});
    for (auto _ : state) {
        const auto view = db->read_view();
        const auto scan = by_index ? view->scan_index(1, 0, "", "") : view->scan_entity(1, "", "");
        size_t rows = 0;
        for (; scan->valid() && rows < 10; scan->next()) {
            ++rows;
        }
        PLUMBLINE_CHECK(rows == 10);
    }
    state.counters["compacted"] = has_compactor ? static_cast<double>(compactor->compacted()) : 0;
    compactor.reset();
}
BENCHMARK(BM_FirstPageOfServedQueue)
    ->ArgNames({"compactor", "by_index"})
    ->Args({0, 0})
    ->Args({0, 1})
    ->Args({1, 0})
    ->Args({1, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

void BM_ScanLogs(benchmark::State& state) {
    const auto db = reopen();
    for (auto _ : state) {
        const auto view = db->read_view();
        const auto scan = view->scan_logs(0, UINT64_MAX);
        uint64_t count = 0;
        for (; scan->valid(); scan->next()) {
            benchmark::DoNotOptimize(scan->record().log.topics[1]);
            ++count;
        }
        PLUMBLINE_CHECK(count == kLogs && scan->status().has_value());
    }
    per_second(state, kLogs * static_cast<uint64_t>(state.iterations()));
}
BENCHMARK(BM_ScanLogs)->Iterations(3)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_ChangeRows(benchmark::State& state) {
    for (auto _ : state) {
        state.PauseTiming();
        auto db = open_fresh();
        state.ResumeTiming();
        fill_rows(*db, static_cast<size_t>(state.range(0)), state.range(1) != 0);
        state.PauseTiming();
        db.reset();
        state.ResumeTiming();
    }
    per_second(state, kRows);
}
BENCHMARK(BM_ChangeRows)
    ->ArgNames({"indexes", "sorted"})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Args({0, 1})
    ->Args({0, 0})
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// Leans on the rows that BM_ChangeRows left. 0: rows that are there; 1: rows that are not.
void BM_GetRow(benchmark::State& state) {
    const auto db = reopen();
    const auto view = db->read_view();
    std::mt19937_64 random{2};
    const uint64_t shift = state.range(0) == 0 ? 0 : kRows;
    for (auto _ : state) {
        const auto row = view->get_row(0, member_key(random() % kRows + shift));
        PLUMBLINE_CHECK(row.has_value() == (shift == 0));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetRow)->ArgName("missing")->Arg(0)->Arg(1)->UseRealTime();

void BM_LatestRow(benchmark::State& state) {
    const auto db = reopen();
    std::mt19937_64 random{2};
    const uint64_t shift = state.range(0) == 0 ? 0 : kRows;
    std::string row;
    for (auto _ : state) {
        const auto found = db->latest_row(0, member_key(random() % kRows + shift), row);
        PLUMBLINE_CHECK(found.has_value() && *found == (shift == 0));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LatestRow)->ArgName("missing")->Arg(0)->Arg(1)->UseRealTime();

/// What the digests take of BM_CommitLogs: the hash of each log.
void BM_DigestLogs(benchmark::State& state) {
    const evm::LogBatch& sample = sample_logs();
    std::string scratch;
    for (auto _ : state) {
        DigestNode sum;
        for (const evm::Log& log : sample.logs) {
            sum += {1, hash_log(log, sample.data(log), nullptr, scratch)};
        }
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kLogsPerCommit));
}
BENCHMARK(BM_DigestLogs)->Unit(benchmark::kMicrosecond);

/// What they take of BM_ChangeRows: two hashes of each changed row (one of a new row), and the
/// pages of a commit of 10,000.
void BM_DigestRows(benchmark::State& state) {
    const RowCodec codec{bench_bundle().entities[0]};
    const std::string row = codec.empty_row();
    const bool has_before = state.range(0) != 0;
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < kLogsPerCommit; ++i) {
        keys.push_back(member_key(i));
    }
    EntityDigest digest;
    for (auto _ : state) {
        for (const std::string& key : keys) {
            digest.change(key, has_before ? std::string_view{row} : std::string_view{}, row);
        }
        for (const uint16_t page : digest.touched()) {
            benchmark::DoNotOptimize(encode_digest_page(*digest.page(page)));
        }
        digest.clear();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kLogsPerCommit));
}
BENCHMARK(BM_DigestRows)->ArgName("before")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void BM_LiveCommit(benchmark::State& state) {
    const auto db = open_fresh();
    const auto batch = db->make_batch();
    const evm::LogBatch& sample = sample_logs();
    uint64_t block_num = 0;
    for (auto _ : state) {
        ++block_num;
        for (uint32_t i = 0; i < 10; ++i) {
            evm::Log log = sample.logs[i];
            log.block_num = block_num;
            log.log_index = i;
            batch->append_log(log, sample.data(log));
        }
        batch->append_block({block_num, {}, {}, 1, 10, ProofLevel::kFetched});
        batch->set_cursor(block_num, {}, 1);
        PLUMBLINE_CHECK(db->commit(*batch, Durability::kSync).has_value());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LiveCommit)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace plumbline::storage

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    std::error_code ignored;
    std::filesystem::remove_all(plumbline::storage::bench_path(), ignored);
    return 0;
}
