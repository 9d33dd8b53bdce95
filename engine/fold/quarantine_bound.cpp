#include "engine/fold/quarantine_bound.hpp"

#include <vector>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

/// Ends the reason of a bounded event: this and the address.
constexpr std::string_view kBy = "; emitted by ";
constexpr size_t kAddressText = 42;

}  // namespace

Status QuarantineBound::read(storage::Database& database) {
    const auto view = database.read_view();
    PLUMBLINE_TRY(const std::vector<storage::QuarantineRow> rows, view->list_quarantine(SIZE_MAX));
    for (const storage::QuarantineRow& row : rows) {
        if (row.reason.size() < kBy.size() + kAddressText) {
            continue;
        }
        const std::string_view end =
            std::string_view{row.reason}.substr(row.reason.size() - kBy.size() - kAddressText);
        const auto address = evm::parse_address(end.substr(kBy.size()));
        if (end.starts_with(kBy) && address) {
            ++counts_[*address];
        }
    }
    return ok();
}

bool QuarantineBound::take(const evm::Address& address, std::string& reason) {
    uint32_t& count = counts_[address];
    if (count >= per_address_max_) {
        return false;
    }
    if (++count == per_address_max_) {
        reason += fmt::format("; further ones of this contract are only counted (more than {})",
                              per_address_max_);
    }
    reason += kBy;
    reason += evm::to_hex(address);
    return true;
}

}  // namespace plumbline::engine
