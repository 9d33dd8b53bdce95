// The config and its ABIs compiled once at start: every name resolved to an index or an offset, so
// that applying an event looks nothing up by name. Immutable after `compile`; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/config.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// What has to be fetched for one configured contract.
struct Source {
    std::string contract;
    std::vector<evm::Address> addresses;  ///< declared ones; children come from the factory
    bool has_factory = false;
    uint64_t start_block = 0;
    std::vector<evm::Hash> topics0;  ///< empty = any event of the address (the usual case)
    std::vector<evm::Hash> abi_topics0;  ///< all non-anonymous events the ABI knows, for child filters
    std::string fingerprint;  ///< of contract, addresses, factory and topics: the coverage key
};

/// A contract that a log announces.
struct ChildAnnouncement {
    uint32_t source = 0;  ///< which source it belongs to
    evm::Address address;
};

class Plan {
  public:
    /// kInvalidArgument with file:line and the known names where the config does not fit the ABIs.
    [[nodiscard]] static Result<std::shared_ptr<const Plan>> compile(const Config& config);
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
    ~Plan();

    [[nodiscard]] const std::vector<storage::EntityLayout>& entities() const noexcept;
    [[nodiscard]] int find_entity(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<Source>& sources() const noexcept;
    /// For the database: layouts, fingerprint of all the fold depends on, config text, ABIs.
    [[nodiscard]] const storage::SchemaBundle& bundle() const noexcept;

    /// Children that `log` of source `source` announces; usually none. Appends to `out`.
    void find_children(uint32_t source, const evm::Log& log, ByteView data,
                       std::vector<ChildAnnouncement>& out) const;
    /// True where any handler of the event names $txn.from, .to or .value.
    [[nodiscard]] bool needs_txn(uint32_t source, const evm::Log& log) const noexcept;
    /// The same for any event at all, so that callers can skip the question.
    [[nodiscard]] bool needs_txn() const noexcept;

    struct Impl;  // for engine/fold.cpp
    [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

  private:
    explicit Plan(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::engine
