// How many events in quarantine are kept of one contract, where anybody may be one.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Counts by address, from what is stored and what is taken since: so every fold of the same log
/// keeps the same ones, wherever it began. One thread.
class QuarantineBound {
  public:
    explicit QuarantineBound(uint32_t per_address_max) : per_address_max_{per_address_max} {}

    /// Counts the rows that `database` holds. Fails as reading does.
    [[nodiscard]] Status read(storage::Database& database);
    /// False where that address has its share. Else its name is put behind `reason`, by which it is
    /// counted again; the last that it gets says so.
    [[nodiscard]] bool take(const evm::Address& address, std::string& reason);

  private:
    uint32_t per_address_max_;
    std::unordered_map<evm::Address, uint32_t, evm::FixedBytesHash> counts_;
};

}  // namespace plumbline::engine
