// What the families besides the entities hold, as values. Byte layouts: docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/txn_fields.hpp"
#include "core/evm/uint256.hpp"
#include "storage/layout.hpp"

namespace plumbline::storage {

/// How well a block's logs are known. Stored: DO NOT CHANGE THESE VALUES.
enum class ProofLevel : uint8_t {
    kNone = 0,
    kFetched = 1,   ///< a provider said so
    kLinked = 2,    ///< parent hashes join to the head we follow, header hash recomputed
    kBloom = 3,     ///< the header's bloom agrees with what we hold
    kReceipts = 4,  ///< all receipts hash to the header's receiptsRoot
};
[[nodiscard]] std::string_view to_string(ProofLevel level) noexcept;

/// Whose database this is. Another chain's is refused at open.
struct ChainIdentity {
    uint64_t chain_id = 0;
    evm::Hash genesis_hash;
    friend bool operator==(const ChainIdentity&, const ChainIdentity&) = default;
};

/// All that an offline tool needs to make sense of the directory.
struct SchemaBundle {
    std::string fingerprint;  ///< of everything the fold depends on; differs = fold again
    std::string config_text;  ///< TOML as read, secrets taken out
    std::vector<std::pair<std::string, std::string>> abis;  ///< file name as in the config, JSON
    std::vector<EntityLayout> entities;
    friend bool operator==(const SchemaBundle&, const SchemaBundle&) = default;
};

/// Where the index stands; part of every commit.
struct Cursor {
    uint64_t block_num = 0;
    evm::Hash block_hash;
    uint64_t timestamp = 0;
    uint64_t finalized = 0;    ///< highest block that the chain called final; 0 = none yet
    uint64_t commit_num = 0;   ///< counts commits; set by the database
    uint64_t event_count = 0;  ///< logs stored; set by the database
    friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// A row of `blocks`: every block with events, and every one that is not final yet.
struct BlockRow {
    uint64_t block_num = 0;
    evm::Hash hash;
    evm::Hash parent_hash;
    uint64_t timestamp = 0;
    uint32_t event_count = 0;
    ProofLevel level = ProofLevel::kFetched;
    friend bool operator==(const BlockRow&, const BlockRow&) = default;
};

/// What a log's transaction says; stored where a handler names it.
struct TxnFields {
    evm::Address from;
    std::optional<evm::Address> to;
    evm::U256 value;
    std::optional<evm::TxnBody> body = {};        ///< only where a handler names some of it
    std::optional<evm::TxnReceipt> receipt = {};  ///< the same
    friend bool operator==(const TxnFields&, const TxnFields&) = default;
};

/// Which of it is wanted. Whoever wants any wants sender, receiver and value.
struct TxnNeeds {
    bool fields = false;
    bool body = false;
    bool receipt = false;

    [[nodiscard]] constexpr bool any() const noexcept { return fields; }
    constexpr void add(TxnNeeds other) noexcept {
        fields = fields || other.fields;
        body = body || other.body;
        receipt = receipt || other.receipt;
    }
    /// Whether all of it is there; `txn` may be null.
    [[nodiscard]] bool met_by(const TxnFields* txn) const noexcept {
        return txn == nullptr ? !fields : (!body || txn->body) && (!receipt || txn->receipt);
    }
    friend constexpr bool operator==(const TxnNeeds&, const TxnNeeds&) = default;
};

/// A stored log as the scanner yields it. `data` is valid until the scanner moves.
/// `log.block_hash` is empty: the block's row has it.
struct LogRecord {
    evm::Log log;
    ByteView data;
    std::optional<TxnFields> txn;
};

/// An event that could not be decoded or reduced. The event itself stays in the log.
struct QuarantineRow {
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    std::string event;   ///< contract.Event, or empty where not even that is known
    std::string reason;  ///< for people
    friend bool operator==(const QuarantineRow&, const QuarantineRow&) = default;
};

/// What a repair did, or what somebody should know of it. Kept for good: no rollback and no fold
/// removes it.
struct JournalRow {
    uint64_t seq = 0;     ///< counts from 1; set by the database
    uint64_t time_s = 0;  ///< Unix time
    std::string kind;     ///< "log inserted", "row corrected"...: free, for people and filters
    std::string entity;   ///< name, where it is about a row
    std::string key;      ///< as the user writes it
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    std::string before;
    std::string after;
    std::string reason;
    std::string provider;  ///< who had been wrong, where that is known
    std::string evidence;  ///< what the decision rests on
    friend bool operator==(const JournalRow&, const JournalRow&) = default;
};

/// How a proof ended. The newest of each (proof, entity) is kept.
struct ProofRecord {
    std::string proof;   ///< "log", "replay", "state"; no colon in it
    std::string entity;  ///< name, or empty for the whole
    uint64_t block_num = 0;
    evm::Hash hash;
    uint64_t time_s = 0;  ///< Unix time
    bool is_equal = false;
    uint64_t checked = 0;
    uint64_t mismatches = 0;
    std::string level;   ///< what it reached, where the proof has levels
    std::string detail;  ///< for people
    friend bool operator==(const ProofRecord&, const ProofRecord&) = default;
};

/// What the contract, and not its events, says of a row: written by every fold at the block's end.
/// A rollback below the block removes it.
struct CorrectionRow {
    uint64_t block_num = 0;
    uint32_t seq = 0;  ///< counts from 0 in each block; set by the database
    std::string entity;
    std::string key;  ///< as stored
    std::string row;  ///< storage/named_row.hpp, or whole as stored; empty = the row is deleted
    std::string reason;
    friend bool operator==(const CorrectionRow&, const CorrectionRow&) = default;
};

/// A contract that a factory event announced.
struct ChildRow {
    std::string contract;  ///< the config's contract name
    evm::Address address;
    uint64_t block_num = 0;  ///< where it was announced; its logs count from there on
    uint32_t log_index = 0;
    friend bool operator==(const ChildRow&, const ChildRow&) = default;
};

/// A range of blocks that was asked of a source and is all in the log.
struct CoverageRow {
    std::string source;  ///< fingerprint of what was asked for (contract, addresses, topics)
    evm::BlockRange range;
    std::string provider;
    ProofLevel level = ProofLevel::kFetched;
    friend bool operator==(const CoverageRow&, const CoverageRow&) = default;
};

}  // namespace plumbline::storage
