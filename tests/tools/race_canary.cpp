// Two races on purpose, one beside RocksDB and one in code that RocksDB calls from a thread of its
// own: built only under ThreadSanitizer, which must report both although RocksDB itself, which is
// not instrumented, is suppressed (tests/tsan.supp).
// usage: race_canary beside|within
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include "tests/support/temp_dir.hpp"

namespace {

/// What nothing guards.
struct Counter {
    uint64_t value = 0;
};

/// Counts in RocksDB's threads.
class Listener final : public rocksdb::EventListener {
  public:
    explicit Listener(Counter& counter) : counter_{counter} {}
    void OnFlushBegin(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*info*/) override {
        ++counter_.value;
    }

  private:
    Counter& counter_;
};

int fail(const rocksdb::Status& status) {
    std::fprintf(stderr, "race_canary: %s\n", status.ToString().c_str());
    return 2;
}

int run(bool is_within) {
    const plumbline::test::TempDir dir;
    Counter counter;
    Counter unused;
    rocksdb::Options options;
    options.create_if_missing = true;
    options.listeners = {std::make_shared<Listener>(is_within ? counter : unused)};
    rocksdb::DB* opened = nullptr;
    if (const auto status = rocksdb::DB::Open(options, dir.path(), &opened); !status.ok()) {
        return fail(status);
    }
    const std::unique_ptr<rocksdb::DB> database{opened};
    // Neither thread waits for the other, so the race is there in whichever order they run.
    std::thread other{[&] { ++counter.value; }};
    if (!is_within) {
        ++counter.value;
    }
    const auto written = database->Put({}, "key", "value");
    const auto flushed = database->Flush({});
    other.join();
    return written.ok() && flushed.ok() ? 0 : fail(written.ok() ? flushed : written);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view kind = argc == 2 ? argv[1] : "";
    if (kind != "beside" && kind != "within") {
        std::fprintf(stderr, "usage: race_canary beside|within\n");
        return 2;
    }
    return run(kind == "within");
}
