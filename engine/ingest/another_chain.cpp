#include "engine/ingest/another_chain.hpp"

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine {

Error another_chain(const storage::Database& database, const evm::Hash& genesis) {
    return {ErrorCode::kIncompatible,
            fmt::format("the node's chain {} starts with block {}, the one in {} with {}: another "
                        "chain of the same id (a test chain that was started anew?). Nothing was "
                        "touched; use another database directory or delete this one",
                        database.identity().chain_id, evm::to_hex(genesis), database.path(),
                        evm::to_hex(database.identity().genesis_hash))};
}

}  // namespace plumbline::engine
