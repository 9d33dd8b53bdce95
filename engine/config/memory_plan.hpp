// How `[database] memory_mib` is divided among all that takes memory. Nobody has a size of its own:
// who grows with the data takes its share from here. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plumbline::engine {

/// What a process does with its memory.
enum class MemoryUse : uint8_t {
    kService,  ///< fetches, folds, answers; proves and folds anew beside that
    kFold,     ///< folds the stored log and nothing else: `rebuild`
    kProof,    ///< reads a database and folds its log into another one: `verify`
};

/// Bytes. Together with what the process takes before it has data they are at most `memory_mib`,
/// as far as no share is below the least that it works with: 64 MiB are enough for that.
struct MemoryPlan {
    /// RocksDB's, of the database: blocks of table files with their indexes and filters, and
    /// memtables.
    size_t storage = 0;
    size_t bodies = 0;    ///< answers of providers on their way, as they came
    size_t body_max = 0;  ///< one of them
    size_t ahead = 0;     ///< decoded, held by the fetcher
    size_t queue = 0;     ///< decoded, waiting for the writer
    size_t commit = 0;    ///< logs and changed rows of one commit; several times that is on its way
    size_t fold_cache = 0;       ///< rows that the fold keeps, of following and of a fold anew
    size_t refold_commit = 0;    ///< changed rows of one commit of a fold of the whole log
    size_t scratch_storage = 0;  ///< RocksDB's, of a database that a proof or a question folds into
    size_t scratch_cache = 0;    ///< rows that such a fold keeps
    size_t sql = 0;              ///< SQLite's, of all statements
    size_t filters = 0;          ///< what filters of JSON-RPC remember, to take it back
    size_t answers = 0;          ///< of HTTP, made and not yet taken by clients
    size_t stream_ring = 0;      ///< messages for clients that are behind
    size_t stream_waiting = 0;   ///< commits not yet made into messages
    /// Of the whole process: beyond it freed memory goes back to the system at once.
    size_t resident_mark = 0;
};

/// `memory_mib` from 16.
[[nodiscard]] MemoryPlan plan_memory(uint64_t memory_mib, MemoryUse use);

}  // namespace plumbline::engine
