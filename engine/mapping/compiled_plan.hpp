// The compiled plan from the inside: what engine/mapping makes and engine/fold runs. All others
// know `Plan` only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/log.hpp"
#include "core/evm/uint256.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/handler.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/layout.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

struct ExpressionProgram;
struct PlanCall;

/// Where a value comes from when an event is applied. `Operand` says how the config writes it: a
/// name there is a parameter, a field or an element here, and all forms of literals are words or
/// bytes.
struct PlanOperand {
    enum class Kind : uint8_t {
        kParam,
        kLiteral,
        kBlockNumber,
        kBlockHash,
        kBlockTimestamp,
        kTxnHash,
        kTxnIndex,
        kTxnFrom,
        kTxnTo,
        kTxnValue,
        kLogIndex,
        kLogAddress,
        kEachIndex,
        kLookup,
        kField,       ///< of the row at hand: in `drop`
        kKeyField,    ///< of the row at hand: in expressions outside of a fold
        kExpression,  ///< `program`
        kTxnInput,
        kTxnNonce,
        kTxnGas,
        kTxnType,
        kReceiptGasUsed,
        kReceiptStatus,
        kReceiptGasPrice,
        kCallFact,  ///< what `call` answered, at `path`
    };
    Kind kind = Kind::kLiteral;
    bool check_fit = false;   ///< a number that may not fit `target`
    bool takes_null = false;  ///< kLookup, kField: a missing row and an unset field are a null
    bool is_null = false;     ///< kLiteral
    storage::FieldType type;  ///< the value's own
    storage::FieldType target;
    int16_t param = -1;             ///< kParam: which, where the whole path is one parameter
    uint16_t field = 0;             ///< kLookup, kField, kKeyField
    uint32_t entity = 0;            ///< kLookup
    evm::ValuePath path;            ///< kParam, kCallFact
    evm::U256 word;                 ///< kLiteral
    std::string bytes;              ///< kLiteral
    std::vector<PlanOperand> keys;  ///< kLookup
    std::shared_ptr<const ExpressionProgram> program;  ///< kExpression
    std::shared_ptr<const PlanCall> call;              ///< kCallFact
    std::string source;                                ///< as written
};

struct PlanCondition {
    PlanOperand left;
    CompareOp op = CompareOp::kEq;
    PlanOperand right;
    std::string source;
};

/// A contract call whose answers a handler uses. What it asks is known of the log alone, before the
/// fold.
struct PlanCall {
    std::string name;         ///< as handlers name it
    std::string declaration;  ///< "decimals()(uint8)"
    evm::FixedBytes<4> selector;
    PlanOperand at;
    std::vector<PlanOperand> args;
    std::vector<bool> arg_dynamic;  ///< string or bytes
    bool is_once = false;           ///< one answer an (address, input) for ever
    bool at_head = false;
    /// What is returned, read like the data of an event without topics.
    evm::EventDecoder returns;
    bool returns_text = false;          ///< one string, for which old contracts return a bytes32
    std::vector<PlanOperand> defaults;  ///< none, or a literal for each value
    SourcePos pos;
    CallStorage storage = {};  ///< without slots: none are known
};

enum class OpKind : uint8_t { kSet, kAdd, kSub, kMin, kMax };

struct PlanOp {
    OpKind kind = OpKind::kSet;
    uint16_t field = 0;
    PlanOperand value;
};

/// One `[[on]]` for one of its events.
struct PlanHandler {
    SourcePos pos;  ///< of the `[[on]]`
    HandlerAction action = HandlerAction::kInsert;
    uint32_t entity = 0;
    std::vector<evm::ValuePath> each;  ///< arrays walked together
    std::vector<std::string> each_names;
    std::vector<std::shared_ptr<const PlanCall>> calls;
    std::vector<PlanCondition> when;
    bool has_early_when = false;   ///< the log alone tells whether it holds
    std::vector<PlanOperand> key;  ///< one a key field, in layout order
    bool has_early_key = false;    ///< nothing but the event itself goes into the key
    uint32_t on = 0;               ///< which `[[on]]` it is: a log runs each once
    std::vector<PlanOp> ops;       ///< set, add, sub, min, max
};

/// A C++ handler bound to its event.
struct PlanFunction {
    struct Param {
        evm::ValuePath path;  ///< of an array: its element
        bool is_array = false;
        evm::ValuePath array;  ///< the array itself
        storage::FieldType type;
    };
    EventHandler handler;
    std::vector<Param> params;
};

/// A topic compared with a literal, word by word.
struct TopicTest {
    uint8_t topic = 0;
    bool is_equal = true;  ///< `==`; else `!=`
    evm::U256 word;
};

/// Children that an event announces.
struct PlanChildren {
    uint32_t source = 0;
    evm::ValuePath path;  ///< all addresses at it
};

/// An event that somebody handles, that announces children, or that the author says is anonymous.
/// Of an event with several shapes each is one.
struct PlanEvent {
    uint32_t source = 0;
    std::string name;  ///< "hub.VoteCast"
    evm::EventDecoder decoder;
    storage::TxnNeeds txn_needs = {};
    bool has_calls = false;
    std::vector<PlanHandler> handlers = {};
    std::vector<PlanFunction> functions = {};
    std::vector<PlanChildren> children = {};
    /// Of an anonymous event: the author's word for which logs are it. One of these must hold, with
    /// all of its tests; one without tests always holds.
    std::vector<std::vector<TopicTest>> told_by = {};
};

/// Filled by `Plan::compile`, unchanged afterwards.
struct CompiledPlan {
    std::string config_path;
    std::vector<Source> sources;
    std::vector<evm::Abi> abis;  ///< one a source
    std::vector<storage::EntityLayout> entities;
    std::vector<SourcePos> entity_pos;  ///< one an entity
    std::vector<storage::RowCodec> codecs;
    std::vector<std::vector<PlanCondition>> drops;  ///< none or one an entity
    std::vector<PlanEvent> events;
    std::vector<std::vector<uint32_t>> events_of_source;  ///< indexes into `events`
    std::vector<StatePlan> states;
    std::vector<CountPlan> counts;
    storage::SchemaBundle bundle;
    /// What 0.1 made of the same config, before children were part of their sources' names: a
    /// database of that fingerprint was not made by handlers in C++. Empty without factories.
    std::string format_one_fingerprint;
    bool needs_txn = false;
    bool has_calls = false;
    std::vector<CallStorage> call_storage;
    bool asks_head = false;  ///< one of them has state = "head"

    /// Shapes of one event with as many topics: only data may tell which one a log is.
    struct ShapeGroup {
        std::vector<evm::EventDecoder> decoders;
        std::vector<int32_t>
            events;  ///< for each an index into `events`; -1 where not handled: last
    };
    struct Match {
        const PlanEvent* event = nullptr;  ///< null where nobody handles it
        bool is_known = false;             ///< an event of the ABI, handled or not
        /// Not null: `event` is not known yet, `find_shape` tells it.
        const ShapeGroup* shapes = nullptr;
        const evm::EventDecoder* other = nullptr;  ///< the log is of this shape as well
    };
    /// The event of `source` that `log` is, by its topics. A log of no named event is an anonymous
    /// one only where the author's word says so.
    [[nodiscard]] Match find_event(uint32_t source, const evm::Log& log) const noexcept;
    /// The same with the log's data, which tells shapes apart. Where it does not, `other` is set;
    /// where it is none of them, `event` is the first that is handled. `decoded` is overwritten.
    [[nodiscard]] Match find_event(uint32_t source, const evm::Log& log, ByteView data,
                                   evm::DecodedEvent& decoded) const;

    /// Whether the ABI of `source` has an event of the log's topic0, in whatever shape.
    [[nodiscard]] bool has_topic(uint32_t source, const evm::Log& log) const noexcept;

    struct EventSlot {
        evm::Hash topic0;
        uint32_t source = 0;
        int32_t event = -1;   ///< index into `events`; -1: known to the ABI, but nobody handles it
        int32_t shapes = -1;  ///< index into `shape_groups` where one topic0 has several
        uint8_t topic_count = 0;
        bool used = false;
    };
    std::vector<EventSlot> event_table;  ///< open addressing over (source, topic0, topic count)
    std::vector<ShapeGroup> shape_groups;
    std::vector<int32_t> anonymous;  ///< [source * 5 + topic count]: index into `events` or -1
    std::vector<std::vector<std::string>> always_anonymous;  ///< [source]: signatures
    void index_events();

  private:
    void index_event(uint32_t source, const evm::AbiEvent& abi);
    void add_shape(EventSlot& slot, int32_t event, const evm::AbiEvent& abi);
    void push_shape(const EventSlot& slot, int32_t event, const evm::AbiEvent& abi);
};

/// Of a plan that outlives what is made of it.
[[nodiscard]] const CompiledPlan& compiled(const Plan& plan) noexcept;

/// The names of some fields, for messages.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<storage::Field>& fields);
/// Index into `fields`, or -1.
[[nodiscard]] int find_field(const std::vector<storage::Field>& fields,
                             std::string_view name) noexcept;

/// "insert", as the config writes it.
[[nodiscard]] std::string_view to_string(HandlerAction action) noexcept;

}  // namespace plumbline::engine
