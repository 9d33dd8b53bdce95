// The config file as data: what it says, where it says it, nothing resolved yet.
// Names of events, entities and fields are checked against ABIs by the plan
// (engine/mapping/plan.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"
#include "storage/layout.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Where in the config file something stands; line 0 = not from a file.
struct SourcePos {
    uint32_t line = 0;
    uint32_t column = 0;

    /// Where something is written is no part of what it is.
    friend bool operator==(const SourcePos& /*a*/, const SourcePos& /*b*/) { return true; }
};

struct EndpointConfig {
    std::string url;                                           ///< environment references resolved
    std::vector<std::pair<std::string, std::string>> headers;  ///< secrets; never logged or stored
    /// No label of the host is a key: all of it may be shown and stored.
    bool is_host_public = false;
    std::string name{};  ///< by `name_endpoints`; may be shown

    friend bool operator==(const EndpointConfig&, const EndpointConfig&) = default;
};

struct ChainConfig {
    uint64_t id = 0;
    std::vector<EndpointConfig> rpc;
    std::optional<uint64_t> finality_depth;  ///< empty: the node's `finalized` tag
    int64_t poll_interval_ms = 1000;
    /// How long no provider may have told its head; 0 = no limit.
    int64_t ready_age_ms = 60'000;
    /// How old the head may be by its own timestamp; 0 = no limit; empty: by the chain's block
    /// time.
    std::optional<int64_t> head_age_ms;
    SourcePos pos;

    friend bool operator==(const ChainConfig&, const ChainConfig&) = default;
};

/// From where on a child's logs count.
enum class ChildSince : uint8_t {
    kBlock,         ///< the first log of the block that announces it
    kAnnouncement,  ///< the log after the one that announces it
    kNumber,        ///< a block of the config's, however much later it is announced
};

/// `factory = { event = "hub.VaultDeployed", address = "vault" }`; one for each event.
struct FactoryConfig {
    std::string contract;
    std::string event;          ///< a name or a full signature
    std::string address_param;  ///< arrays in it are walked
    ChildSince since = ChildSince::kBlock;
    uint64_t since_block = 0;  ///< of kNumber
    SourcePos pos;             ///< of the event's name
    SourcePos address_pos;     ///< of the parameter's

    friend bool operator==(const FactoryConfig&, const FactoryConfig&) = default;
};

/// A value as written in the mapping.
struct Operand {
    enum class Kind : uint8_t {
        kName,  ///< an event parameter path, or inside `each` an element: `a.b`, `$arg.3`
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
        kNumber,  ///< decimal, may be negative
        kBool,
        kHex,     ///< 0x...: bytes, or a number where a number is wanted
        kString,  ///< 'single quotes'
        kLookup,  ///< entity[key operands].field; a row, in `exists`, has no field
        kCall,    ///< an operator or a function: `call` of `keys`
        kNull,    ///< an optional field is not set
        kTxnInput,
        kTxnNonce,
        kTxnGas,
        kTxnType,
        kReceiptGasUsed,
        kReceiptStatus,
        kReceiptGasPrice,
    };
    Kind kind = Kind::kNumber;
    std::vector<std::string> path;  ///< kName: its parts; `$arg.3` is {"$arg", "3"}
    evm::U256 number;               ///< kNumber (two's complement where negative), kBool
    bool negative = false;
    uint8_t places = 0;         ///< kNumber: `number` counts units of 10^-places
    Bytes bytes;                ///< kHex
    std::string text;           ///< kString: the string itself
    std::string entity;         ///< kLookup
    std::vector<Operand> keys;  ///< kLookup, kCall
    std::string call;           ///< kCall: "+", "neg", "if", "uint8"
    std::string field;          ///< kLookup
    std::string source;         ///< as written, for messages
    SourcePos pos;

    friend bool operator==(const Operand&, const Operand&) = default;
};

/// `abi = "Hub.json"` or `{ file = "build-info.json", contract = "Hub" }`
struct AbiFile {
    std::string file;      ///< as written, relative to the config
    std::string contract;  ///< which one, where the file holds several; may be empty
    std::string text;      ///< its content

    friend bool operator==(const AbiFile&, const AbiFile&) = default;
};

/// What logs of one event are wanted: all indexed parameters named must have one of their values.
/// Alternatives are several of these.
struct FilterConfig {
    struct Param {
        std::string name;
        std::vector<Operand> values;  ///< literals
        SourcePos pos;
        friend bool operator==(const Param&, const Param&) = default;
    };
    std::string event;  ///< a name or a full signature
    std::vector<Param> params;
    SourcePos pos;

    friend bool operator==(const FilterConfig&, const FilterConfig&) = default;
};

struct ContractConfig {
    std::string name;
    std::vector<AbiFile> abis;            ///< versions of one contract
    std::vector<evm::Address> addresses;  ///< may be empty with a factory
    bool any_address = false;             ///< address = "*": whoever emits its events
    std::vector<FactoryConfig> factories;
    uint64_t start_block = 0;
    uint64_t end_block = UINT64_MAX;  ///< the last block whose logs count
    std::vector<FilterConfig> filters;
    std::vector<std::string> events;  ///< empty: all events of the ABI
    /// Anonymous events that every log with as many topics is which no other event explains.
    std::vector<std::string> anonymous;
    SourcePos pos;

    friend bool operator==(const ContractConfig&, const ContractConfig&) = default;
};

enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };

/// `from != 0x0000000000000000000000000000000000000000`
struct Condition {
    Operand left;
    CompareOp op = CompareOp::kEq;
    Operand right;
    SourcePos pos;

    friend bool operator==(const Condition&, const Condition&) = default;
};

/// `field = value` inside set, add, sub, min, max, key.
struct Assignment {
    std::string field;
    Operand value;
    SourcePos pos;

    friend bool operator==(const Assignment&, const Assignment&) = default;
};

enum class HandlerAction : uint8_t { kInsert, kUpsert, kUpdate, kDelete };

/// Where the contract keeps a value, for proofs against the state root.
struct SlotConfig {
    std::string field;          ///< of `state`: the entity's; of a call: the value returned
    Operand base;               ///< a number: the variable's slot
    std::vector<Operand> keys;  ///< of the mappings around the value, the outermost first
    uint16_t word = 0;          ///< which word of a struct
    uint8_t offset = 0;         ///< of the value's lowest byte in its word
    SourcePos pos;

    friend bool operator==(const SlotConfig&, const SlotConfig&) = default;
};

/// `dec = { call = "token.decimals()", at = "token0", once = true, default = 18 }`
struct CallConfig {
    std::string name;
    std::string contract;       ///< empty: `function` is a whole declaration
    std::string function;       ///< a name or a full signature
    std::optional<Operand> at;  ///< which address to ask
    std::vector<Operand> args;
    std::vector<Operand> defaults;  ///< for what does not answer; literals, one for each value
    bool is_once = false;
    bool at_head = false;
    std::vector<SlotConfig> slots;  ///< of values returned
    SourcePos pos;

    friend bool operator==(const CallConfig&, const CallConfig&) = default;
};

/// One `[[on]]`.
struct HandlerConfig {
    std::vector<std::string> events;  ///< contract.Event or contract.Event(types)
    uint64_t every_blocks = 0;        ///< in place of events: at block numbers that it divides
    HandlerAction action = HandlerAction::kInsert;
    std::string entity;
    std::vector<std::string> each;    ///< array parameters walked together; empty = once
    std::vector<SourcePos> each_pos;  ///< of each of them, or none
    std::vector<CallConfig> calls;
    std::vector<Condition> when;
    std::vector<Assignment> key;
    std::vector<Assignment> set, add, sub, min, max;
    SourcePos pos;

    friend bool operator==(const HandlerConfig&, const HandlerConfig&) = default;
};

/// How the contract itself tells an entity's fields; used by the state proof.
struct StateConfig {
    std::string contract;
    std::string function;       ///< a name or a full signature
    std::optional<Operand> at;  ///< which address to ask; default: the contract's own
    std::vector<Operand> args;  ///< key fields, fields, literals, look-ups
    struct Return {
        enum class Kind : uint8_t { kField, kIgnored, kLiteral, kExpression };
        Kind kind = Kind::kField;
        std::string field;
        Operand literal;  ///< or the expression
        friend bool operator==(const Return&, const Return&) = default;
    };
    std::vector<Return> returns;
    struct Deleted {
        bool reverts = false;
        std::vector<Operand> values;
        friend bool operator==(const Deleted&, const Deleted&) = default;
    };
    std::optional<Deleted> deleted;  ///< what the getter tells for a deleted row
    std::vector<SlotConfig> slots;   ///< one for each `field` that has one
    SourcePos pos;

    friend bool operator==(const StateConfig&, const StateConfig&) = default;
};

struct EntityConfig {
    std::string name;
    std::vector<storage::Field> key;     ///< in file order
    std::vector<storage::Field> fields;  ///< in file order
    std::vector<std::vector<std::string>> indexes;
    std::optional<Condition> drop;  ///< rows go as soon as it holds; its names are the entity's own
    std::vector<StateConfig> state;
    /// Fields of key and fields that pages show with a point so many digits from the right; nothing
    /// that is stored or answered depends on it.
    std::vector<std::pair<std::string, uint8_t>> decimals;
    std::string count;  ///< "hub.communityCount": a getter of how many there are; may be empty
    SourcePos pos;

    friend bool operator==(const EntityConfig&, const EntityConfig&) = default;
};

/// What events in quarantine are to a proof.
enum class QuarantinePolicy : uint8_t {
    kReport,
    kFail,  ///< as good as a finding
};

/// [proof]: how the log is proven while the index runs.
struct ProofConfig {
    QuarantinePolicy quarantine = QuarantinePolicy::kReport;     ///< for `verify`'s verdict
    storage::ProofLevel level = storage::ProofLevel::kReceipts;  ///< how far; kNone = off
    double sample = 1.0;  ///< share of the blocks in doubt whose receipts are fetched
    uint64_t requests_per_second = 200;  ///< calls, a block's header or receipts each; 0 = no bound
    uint64_t range_blocks = 1'000;       ///< proven and recorded at a time

    friend bool operator==(const ProofConfig&, const ProofConfig&) = default;
};

/// What becomes of a state difference that neither the log nor the fold explains.
enum class DriftPolicy : uint8_t {
    kReport,
    kChain,  ///< the contract's value is written, as a correction record
};
/// What the running service does about stored events that the log proof has proven wrong.
enum class LogPolicy : uint8_t {
    kReport,
    kMend,  ///< the proven ones are written in their place, and the entities folded again
};
/// [repair]
struct RepairConfig {
    LogPolicy on_log = LogPolicy::kMend;
    DriftPolicy on_drift = DriftPolicy::kReport;

    friend bool operator==(const RepairConfig&, const RepairConfig&) = default;
};

/// One line of [schedule]: a kind of task and how often it runs.
struct ScheduleConfig {
    std::string task;
    int64_t interval_ms = 0;  ///< 0 = never
    SourcePos pos;

    friend bool operator==(const ScheduleConfig&, const ScheduleConfig&) = default;
};

/// [http]: where the service answers, and its limits.
struct HttpConfig {
    std::string host = "127.0.0.1";  ///< an IP address
    uint16_t port = 8080;            ///< 0 = any free one
    std::string token;               ///< for everything that changes; empty: nothing can be changed
    std::vector<std::string> cors;   ///< origins that browsers may call from; "*" = any
    std::vector<std::string> hosts;  ///< names that it is called by, besides addresses
    /// Addresses and networks ("10.0.0.0/8") whose X-Forwarded-For is believed.
    std::vector<std::string> trusted_proxies;
    uint64_t ready_lag = 5;  ///< blocks behind the head that still count as ready
    uint64_t connections_max = 512;
    uint64_t client_connections_max = 256;  ///< of one address
    uint64_t stream_clients_max = 128;
    uint64_t body_kib_max = 64;
    uint64_t page_rows_max = 1'000;
    uint64_t history_events_max = 1'000'000;  ///< folded for one question about the past; 0 = none
    uint64_t sql_ms_max = 500;             ///< that a statement in SQL may take; 0 = none are taken
    std::vector<std::string> rpc_forward;  ///< methods that /rpc asks the chain's endpoints for
    uint64_t rpc_forward_per_second = 20;
    int64_t timeout_ms = 10'000;  ///< for a request to come whole and its answer to be taken
    SourcePos pos;

    friend bool operator==(const HttpConfig&, const HttpConfig&) = default;
};

/// [webhooks.NAME]: where changes are posted to.
struct WebhookConfig {
    std::string name;
    std::string url;
    std::string secret;                 ///< key of the signature
    std::vector<std::string> entities;  ///< with `events` empty too: everything
    std::vector<std::string> events;    ///< "hub.VoteCast", "hub.*" or "*"
    SourcePos pos;

    friend bool operator==(const WebhookConfig&, const WebhookConfig&) = default;
};

/// [sinks.NAME]: a PostgreSQL database that is kept equal to the index.
struct SinkConfig {
    std::string name;
    std::string url;  ///< a secret: it may hold the password
    std::string schema = "public";
    std::vector<std::string> entities;  ///< which become tables
    std::vector<std::string> events;    ///< "hub.VoteCast", "hub.*" or "*": which do, too
    bool has_chain_id = false;  ///< distribute = "chain_id": the key's first column in every table
    bool strings_as_bytes = false;  ///< strings = "bytea"
    bool has_history = false;       ///< history = true: earlier versions of rows, too
    SourcePos pos;

    friend bool operator==(const SinkConfig&, const SinkConfig&) = default;
};

/// [backup]: where the task `backup` writes.
struct BackupConfig {
    std::string path;       ///< relative to the config; empty: no backups
    uint64_t kept_max = 7;  ///< older ones are deleted

    friend bool operator==(const BackupConfig&, const BackupConfig&) = default;
};

struct Config {
    std::string path;  ///< of the file; for messages
    std::string text;  ///< as read, with secrets taken out: what the database keeps
    ChainConfig chain;
    std::string db_path;        ///< [database] path; relative to the config; default "db"
    uint64_t memory_mib = 256;  ///< [database] memory_mib
    ProofConfig proof;
    RepairConfig repair;
    std::vector<ContractConfig> contracts;  ///< in file order
    std::vector<EntityConfig> entities;
    std::vector<HandlerConfig> handlers;
    std::vector<ScheduleConfig> schedules;  ///< what [schedule] says, besides the defaults
    std::optional<HttpConfig> http;         ///< empty: no server
    std::vector<WebhookConfig> webhooks;
    std::vector<SinkConfig> sinks;
    BackupConfig backup;
    std::string log_level;  ///< [log] level; empty: not said
};

/// Reads and checks a config file and the ABI files it names. Every mistake is kInvalidArgument
/// with file:line, what is wrong and what is known instead. `env:NAME` in a url, header or token is
/// replaced from the environment. Unknown keys are mistakes.
[[nodiscard]] Result<Config> load_config(const std::string& path);

/// The same from text; `read_file` gives the content of the ABI files (a database keeps them).
using FileReader = std::function<Result<std::string>(const std::string& name)>;
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& path,
                                          const FileReader& read_file);

}  // namespace plumbline::engine
