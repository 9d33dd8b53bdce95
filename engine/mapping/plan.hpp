// The config and its ABIs compiled once at start: every name resolved to an index or an offset, so
// that applying an event looks nothing up by name. Immutable after `compile`; thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/log.hpp"
#include "engine/config/config.hpp"
#include "storage/records.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

struct CompiledPlan;
struct EventHandler;
struct ExpressionProgram;

/// Where in the chain a log stands.
struct LogPosition {
    uint64_t block_num = 0;
    uint64_t log_index = 0;
    friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

/// Logs of one event that are wanted, where not all of them are.
struct EventFilter {
    evm::Hash topic0;
    uint8_t topic_count = 1;  ///< of the shape that it is about
    /// What topics 1 to 3 may be; empty = anything.
    std::array<std::vector<evm::Hash>, 3> topics;

    /// Whether a log with that topic0 is one of them.
    [[nodiscard]] bool allows(const evm::Log& log) const noexcept;
    friend bool operator==(const EventFilter&, const EventFilter&) = default;
};

/// What has to be fetched for one configured contract.
struct Source {
    std::string contract;
    std::vector<evm::Address> addresses;  ///< declared ones; children come from factories
    /// Whoever emits an event of `topics0`, which then names at least one.
    bool any_address = false;
    /// Not of a contract: ticks of blocks whose number this divides
    /// (engine/mapping/block_tick.hpp), made of their headers and asked of nobody. 0 = of a
    /// contract.
    uint64_t every_blocks = 0;
    bool has_factory = false;
    std::vector<uint32_t> parents;  ///< sources whose logs announce its contracts
    /// With a factory: from where on a contract's logs count; see docs/config.md.
    ChildSince since = ChildSince::kBlock;
    uint64_t since_block = 0;  ///< of kNumber
    uint64_t start_block = 0;
    uint64_t end_block = UINT64_MAX;  ///< the last block whose logs count
    /// The first block that can hold one of its logs: where it starts, and what announces it.
    uint64_t first_block = 0;
    std::vector<evm::Hash> topics0;  ///< empty = any event of an address (the usual case),
                                     ///< of a child any of the ABI: `wants_abi_of_children`
    /// Of an event that has some here, one of them must allow the log. Their events are among
    /// `topics0`.
    std::vector<EventFilter> filters;
    std::vector<evm::Hash>
        abi_topics0;  ///< all named events of the ABI, for child filters; none where an anonymous
                      ///< one is wanted too, which has no topic to ask for
    /// The key of its coverage: of contract, addresses and topics. With a factory also of all that
    /// decides which contracts are its children; then it ends with `kChildrenMark`. Where not any
    /// event of these is wanted, `kEventsMark` and what tells which are stands before that.
    std::string fingerprint;

    /// The fingerprint without what `kEventsMark` begins: any event of the children is covered. So
    /// older databases have it (engine/mapping/coverage_names.hpp).
    [[nodiscard]] std::string any_event_fingerprint() const;
    /// Coverage of that key covers it: of its own, or of any event.
    [[nodiscard]] bool is_key(std::string_view of_coverage) const noexcept;
    /// The first log that counts of a contract that the log at `announced` announces.
    [[nodiscard]] LogPosition counts_from(LogPosition announced) const noexcept {
        LogPosition first{announced.block_num, 0};
        if (since == ChildSince::kAnnouncement) {
            first.log_index = announced.log_index + 1;
        } else if (since == ChildSince::kNumber) {
            first = {since_block, 0};
        }
        return std::max(first, LogPosition{start_block, 0});
    }
    [[nodiscard]] bool is_filtered(const evm::Hash& topic0) const noexcept {
        return std::any_of(filters.begin(), filters.end(),
                           [&](const EventFilter& filter) { return filter.topic0 == topic0; });
    }
    /// Whether a log of its contracts is of an event of which it wants some.
    [[nodiscard]] bool wants_event(const evm::Log& log) const noexcept;
    /// Whether a log of its declared contracts is one that it wants, wherever it stands.
    [[nodiscard]] bool wants(const evm::Log& log) const noexcept;
    /// Of children only events of the ABI are wanted, also where `topics0` names none: many are
    /// asked for by topic (engine/ingest/range_question.hpp), and what an index holds must not
    /// depend on how many there were when a range was asked for.
    [[nodiscard]] bool wants_abi_of_children() const noexcept {
        return has_factory && topics0.empty() && !abi_topics0.empty();
    }
    /// Whether a log of one of its children is of an event that its ABI must know and does not.
    [[nodiscard]] bool is_unknown_of_child(const evm::Log& log) const noexcept;
    /// `wants`, of a child's log.
    [[nodiscard]] bool wants_of_child(const evm::Log& log) const noexcept {
        return wants(log) && !is_unknown_of_child(log);
    }
    /// Some block from `from` to `to` may hold one of its logs.
    [[nodiscard]] bool is_within(uint64_t from, uint64_t to) const noexcept {
        return first_block <= to && end_block >= from;
    }
    /// Its contracts' logs may lie in blocks long before what announces them.
    [[nodiscard]] bool has_history() const noexcept { return since == ChildSince::kNumber; }
    /// The last block that its coverage tells of. Behind `end_block` none of its logs counts, but
    /// with a history whoever is announced there is one of its contracts: that they were looked for
    /// is what coverage says there.
    [[nodiscard]] uint64_t covered_to() const noexcept {
        return has_history() ? UINT64_MAX : end_block;
    }
    /// The same of the contract that the log at `announced` announces.
    [[nodiscard]] bool has_history(LogPosition announced) const noexcept {
        return counts_from(announced).block_num < announced.block_num;
    }
};

/// Ends fingerprints of sources that have a factory.
inline constexpr std::string_view kChildrenMark = ":children";
inline constexpr char kEventsMark = '.';

/// The one that coverage of that key covers; null where there is none.
[[nodiscard]] const Source* source_of_key(const std::vector<Source>& sources,
                                          std::string_view coverage_key) noexcept;

/// A contract that a log announces.
struct ChildAnnouncement {
    uint32_t source = 0;  ///< which source it belongs to
    evm::Address address;
};

/// A value that the state proof makes out of a row: part of its key, a field, a constant, or a
/// field of another row.
struct StateOperand {
    enum class Kind : uint8_t { kKey, kField, kLiteral, kLookup, kExpression };
    Kind kind = Kind::kLiteral;
    storage::FieldType type;         ///< the value's
    uint16_t column = 0;             ///< kKey: of the key; kField and kLookup: of the fields
    evm::U256 word;                  ///< kLiteral of fixed width, as the EVM holds it
    std::string bytes;               ///< kLiteral of bytes or string
    uint32_t entity = 0;             ///< kLookup
    std::vector<StateOperand> keys;  ///< kLookup: one for each of its key fields
    std::shared_ptr<const ExpressionProgram> program;  ///< kExpression: over the row's columns
    bool names_fields = false;                         ///< kExpression: others than key fields
};

/// How a getter of the contract tells an entity's fields, checked against the ABI.
struct StatePlan {
    struct Return {
        enum class Kind : uint8_t { kField, kKey, kIgnored, kLiteral, kExpression };
        Kind kind = Kind::kIgnored;
        uint16_t field = 0;    ///< kField: of the layout's fields; kKey: of its key
        StateOperand literal;  ///< kLiteral, kExpression: what the getter must tell
        std::string abi_type;  ///< canonical: "uint64", "string"
    };
    /// Where the contract keeps a field: `base`, hashed with each of `keys`, plus `word`.
    struct Slot {
        uint16_t field = 0;  ///< of the layout's fields; of fixed width
        evm::U256 base;
        std::vector<StateOperand> keys;
        uint16_t word = 0;
        uint8_t offset = 0;  ///< bytes above the word's low end
    };
    uint32_t entity = 0;
    uint32_t source = 0;
    std::string signature;  ///< "communities(uint256)"
    evm::FixedBytes<4> selector;
    std::vector<std::string> arg_types;  ///< canonical
    std::vector<StateOperand> args;
    std::optional<StateOperand> at;  ///< which address to ask; empty: the source's only one
    bool returns_tuple = false;      ///< the words stand in one struct
    std::vector<Return> returns;     ///< one for each word or member returned
    bool has_gone = false;           ///< what a deleted row looks like is known
    bool deleted_reverts = false;
    std::vector<StateOperand> deleted;  ///< one literal for each of `returns`, unless it reverts
    std::vector<Slot> slots;
    SourcePos pos;
};

/// Where contracts keep what a function answers: of calls whose config says so.
struct CallStorage {
    struct Key {
        std::optional<uint16_t> arg;  ///< which argument; else:
        evm::U256 word;               ///< a literal
        std::string bytes;            ///< or, with `is_dynamic`, its bytes
        bool is_dynamic = false;      ///< string or bytes: hashed without padding
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Slot {
        uint16_t value = 0;  ///< which word of the answer
        storage::FieldType type;
        evm::U256 base;
        std::vector<Key> keys;
        uint16_t word = 0;
        uint8_t offset = 0;
        friend bool operator==(const Slot&, const Slot&) = default;
    };
    evm::FixedBytes<4> selector;
    std::optional<evm::Address> at;  ///< only there; empty: wherever the function is asked
    uint16_t values = 0;             ///< words that an answer has at least
    std::vector<Slot> slots;
};

/// A getter that tells how many rows an entity must have.
struct CountPlan {
    uint32_t entity = 0;
    uint32_t source = 0;
    std::string signature;
    evm::FixedBytes<4> selector;
};

/// What the config and the ABIs ask for, to be read by everybody. How an event is applied is
/// inside, for the fold (engine/mapping/compiled_plan.hpp).
class Plan {
  public:
    /// kInvalidArgument with file:line and the known names where the config does not fit the ABIs.
    [[nodiscard]] static Result<std::shared_ptr<const Plan>> compile(const Config& config);
    /// The same with handlers written in C++ (engine/mapping/handler.hpp); they run after the
    /// config's.
    [[nodiscard]] static Result<std::shared_ptr<const Plan>> compile(
        const Config& config, std::vector<EventHandler> handlers);
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
    ~Plan();

    [[nodiscard]] const std::vector<storage::EntityLayout>& entities() const noexcept;
    /// Index into `entities`, or -1.
    [[nodiscard]] int find_entity(std::string_view name) const noexcept;
    /// Reads and writes the rows of `entities()[entity]`.
    [[nodiscard]] const storage::RowCodec& codec(size_t entity) const noexcept;
    [[nodiscard]] const std::vector<Source>& sources() const noexcept;
    /// Index into `sources`, or -1.
    [[nodiscard]] int find_source(std::string_view contract) const noexcept;
    /// All that the ABI file of `sources()[source]` declares, handled or not.
    [[nodiscard]] const evm::Abi& abi(size_t source) const noexcept;
    /// Whether the author's word says that `log` is the anonymous `event` of `source`'s ABI. It may
    /// still not decode: then it is not.
    [[nodiscard]] bool is_anonymous_event(uint32_t source, const evm::Log& log,
                                          const evm::AbiEvent& event) const noexcept;
    /// Whether a handler of the config or `drop` may delete rows of `entities()[entity]`.
    [[nodiscard]] bool deletes_rows(size_t entity) const noexcept;
    /// For the database: layouts, fingerprint of all the fold depends on, config text, ABIs.
    [[nodiscard]] const storage::SchemaBundle& bundle() const noexcept;

    /// Children that `log` of source `source` announces; usually none. Appends to `out`.
    void find_children(uint32_t source, const evm::Log& log, ByteView data,
                       std::vector<ChildAnnouncement>& out) const;
    /// What handlers of the event name of its transaction and receipt. Of shapes that only data
    /// tells apart, what any of them names.
    [[nodiscard]] storage::TxnNeeds txn_needs(uint32_t source, const evm::Log& log) const noexcept;
    /// Whether that is anything.
    [[nodiscard]] bool needs_txn(uint32_t source, const evm::Log& log) const noexcept {
        return txn_needs(source, log).any();
    }
    /// The same for any event at all, so that callers can skip the question.
    [[nodiscard]] bool needs_txn() const noexcept;
    /// True where any handler names contract calls.
    [[nodiscard]] bool has_calls() const noexcept;
    /// Contract calls that are made and that nothing uses, and, where no handler is written in C++,
    /// entities that no handler writes: a sentence each, with file and line.
    [[nodiscard]] std::vector<std::string> unused() const;
    /// True where one of them asks the newest final block (`state = "head"`).
    [[nodiscard]] bool asks_head() const noexcept;

    /// What of the answers to calls can be proven by storage.
    [[nodiscard]] const std::vector<CallStorage>& call_storage() const noexcept;

    /// What the state proof compares; in the order of the entities and of their `state`.
    [[nodiscard]] const std::vector<StatePlan>& state_plans() const noexcept;
    [[nodiscard]] const std::vector<CountPlan>& count_plans() const noexcept;

  private:
    friend const CompiledPlan& compiled(const Plan& plan) noexcept;  // for engine/fold
    explicit Plan(std::unique_ptr<const CompiledPlan> compiled);

    std::unique_ptr<const CompiledPlan> compiled_;
};

}  // namespace plumbline::engine
