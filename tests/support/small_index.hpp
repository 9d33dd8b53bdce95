// A small index to test against: an ABI from one-line declarations, a mapping in TOML, events as
// its contracts emit them, and a real database with tiny buffers that they are folded into.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/abi_encode.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/fold.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/mapping/handler.hpp"
#include "engine/mapping/plan.hpp"
#include "tests/storage/storage_test_util.hpp"
#include "tests/support/test_chain.hpp"

namespace plumbline::engine::test {

// The made-up chains are part of this world.
using namespace plumbline::test;  // NOLINT(google-build-using-namespace)

using evm::AbiValue;
using storage::test::address_of;
using storage::test::hash_of;
using storage::test::message_of;
using storage::test::TempDir;
using storage::test::test_seed;

/// ABI JSON of lines "event Name(params) [anonymous]" and "function name(params) view (returns)".
/// A parameter is "type [indexed] name"; a tuple's type is "(type name, ...)".
[[nodiscard]] std::string abi_json(const std::vector<std::string>& lines);

/// ABI JSON by the file name that a config has for it.
using Abis = std::map<std::string, std::string>;

constexpr std::string_view kChainToml = "[chain]\nid = 31337\nrpc = [\"http://127.0.0.1:1\"]\n";

/// `mapping` is what stands behind these keys of [chain]: it begins at line 4 of "test.toml".
[[nodiscard]] Result<Config> read_config(std::string_view mapping, const Abis& abis);
/// Of a config that is right.
[[nodiscard]] Config must_read_config(std::string_view mapping, const Abis& abis);
/// Why it is refused, by the config or by what it is compiled to; "" where it is right.
[[nodiscard]] std::string refusal(std::string_view mapping, const Abis& abis);

/// The contracts that made-up chains tell of (tests/support/test_chain.hpp): "hub.json" and
/// "child.json".
[[nodiscard]] const Abis& chain_abis();
/// Contract "hub" of such a chain, and its deposits as "account".balance by "owner".
[[nodiscard]] std::string deposits_toml();

// Values of events.
inline AbiValue num(uint64_t value) {
    return AbiValue::number(evm::U256{value});
}
inline AbiValue neg(uint64_t value) {
    return AbiValue::number(evm::negate(evm::U256{value}));
}
inline AbiValue acc(uint64_t number) {
    return AbiValue::address(address_of(number));
}
inline AbiValue text(std::string_view value) {
    return AbiValue::text(value);
}
inline AbiValue list(std::vector<AbiValue> items) {
    return AbiValue::list(std::move(items));
}
inline std::string hex_of(uint64_t number) {
    return evm::to_hex(address_of(number));
}

/// An event, to be applied to as many databases as a test wants.
using Emitted = plumbline::test::MadeLog;

/// A plan and how its contracts emit events.
class Mapping {
  public:
    /// `edit` may change the config before it is compiled.
    Mapping(std::string_view toml, const Abis& abis, std::vector<EventHandler> handlers = {},
            const std::function<void(Config&)>& edit = {});

    /// `name` is "contract.Event" or "contract.Event(types)"; emitted by the contract's first
    /// address unless `from` says another.
    [[nodiscard]] Emitted emit(const std::string& name, const std::vector<AbiValue>& values,
                               uint64_t block_num, uint32_t log_index,
                               std::optional<evm::Address> from = {}) const;

    Config config;
    std::shared_ptr<const Plan> plan;
};

inline uint64_t time_of(uint64_t block_num) {
    return 1'600'000'000 + block_num * 12;
}

/// How a test commits.
struct Pace {
    uint64_t blocks_per_commit = 1;
    size_t cache_bytes = size_t{1} << 20;
    uint64_t finalized = UINT64_MAX;  ///< blocks above it keep undo and are committed alone
    bool store_logs = true;
    bool needs_txn = false;
    bool look_ahead = false;  ///< give the fold the hint, from memory that is used again and again
};

/// A database that follows a chain. One thread.
class World {
  public:
    /// The mapping must outlive it.
    explicit World(const Mapping& mapping, Pace pace = {});
    /// A fold that knows nothing but what the database holds.
    void start();
    void stop();
    void reopen();

    /// The events of one block, in order; empty blocks count too.
    void block(uint64_t block_num, const std::vector<Emitted>& events, uint64_t fork = 0);
    void commit();

    /// A row as JSON; "" where there is none. `key` is "id=5,owner=0x..".
    [[nodiscard]] std::string row(const std::string& entity, const std::string& key);
    /// "block/index event: reason"
    [[nodiscard]] std::vector<std::string> quarantine();
    /// The same of the newest event in quarantine; where none is there, the row.
    [[nodiscard]] std::string row_or_reason(const std::string& entity, const std::string& key);
    /// Everything that is derived, as text.
    [[nodiscard]] std::vector<std::string> derived(bool with_undo = true);

    /// Takes the blocks above `target` back, which must have undo.
    void rollback(uint64_t target);

    /// Told of each commit as an observer of the index is: its rows, its block, what is final.
    std::function<void(const std::vector<RowChange>&, uint64_t block_num, uint64_t finalized)> told;

    TempDir dir;
    std::unique_ptr<storage::Database> database;
    std::unique_ptr<Fold> fold;
    std::unique_ptr<storage::CommitBatch> batch;

  private:
    void announce(const Emitted& event);

    const Mapping& mapping_;
    Pace pace_;
    evm::LogBatch logs_;
    uint64_t waiting_ = 0;  ///< blocks that the next commit will have
    std::pair<uint64_t, evm::Hash> last_;
};

}  // namespace plumbline::engine::test
