// Which sources of the plan a contract's logs belong to, and from which log on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// One thread. Refers to the plan's sources, which must outlive it.
class SourceMap {
  public:
    explicit SourceMap(const std::vector<Source>& sources);

    /// Forgets all children and takes these; those of contracts that the plan lacks are left out.
    void reset_children(const std::vector<storage::ChildRow>& children);
    /// The source of that contract name, or -1.
    [[nodiscard]] int find_source(std::string_view contract) const noexcept;
    [[nodiscard]] bool has_child(uint32_t source, const evm::Address& address) const noexcept;
    /// True where it is a child by that log or an earlier one.
    [[nodiscard]] bool has_child(uint32_t source, const evm::Address& address,
                                 LogPosition announced) const noexcept;
    /// A contract that the log at (`block_num`, `log_index`) announces. The earliest announcement
    /// of all that are told counts; from where on its logs do: `Source::counts_from`.
    void add_child(uint32_t source, const evm::Address& address, uint64_t block_num,
                   uint32_t log_index);
    void remove_child(uint32_t source, const evm::Address& address);
    /// Those that are children by logs of blocks above `block_num` only. Takes as long as there are
    /// such, if children were added in order of their blocks.
    void remove_children_above(uint64_t block_num);

    /// Calls `visit(source)` for each source that wants `log`, once and in the plan's order.
    template <typename Visit>
    void for_each_source(const evm::Log& log, Visit&& visit) const {
        for_each_owner(log, [&](const Owner& owner) {
            if (!wants(owner, log)) {
                return false;
            }
            visit(owner.source);
            return true;
        });
    }
    /// The same, but from whatever block on: for guesses ahead of what is known.
    template <typename Visit>
    void for_each_source_at_any_time(const evm::Log& log, Visit&& visit) const {
        for_each_owner(log, [&](const Owner& owner) {
            visit(owner.source);
            return true;
        });
    }
    /// Why a log does not count for a source although its address is one of the source's contracts.
    struct LeftOut {
        enum class Why : uint8_t {
            kStart,         ///< before start_block
            kAnnouncement,  ///< before its `since` lets a child's logs count
            kEnd,           ///< after end_block
            kEvents,        ///< of an event that is not wanted
            kFilter,        ///< of one of which not all logs are
            kAbi,           ///< a child's, of an event that the ABI does not know
        };
        uint32_t source = 0;
        Why why = Why::kStart;
    };
    /// Of the first source in the plan's order that `log` is of by its address; empty where it is
    /// of none, or some source wants it. Of a source of any address only where it has the event.
    [[nodiscard]] std::optional<LeftOut> left_out(const evm::Log& log) const;

  private:
    struct Owner {
        uint32_t source = 0;
        bool is_child = false;
        LogPosition first;        ///< its first log that counts
        uint64_t last_block = 0;  ///< of its logs that count
        LogPosition announced;    ///< child: by which log

        [[nodiscard]] bool counts(const evm::Log& log) const noexcept {
            return LogPosition{log.block_num, log.log_index} >= first &&
                   log.block_num <= last_block;
        }
    };
    struct Announced {
        uint64_t block_num = 0;
        uint32_t source = 0;
        evm::Address address;
    };
    [[nodiscard]] bool wants(const Owner& owner, const evm::Log& log) const noexcept;
    [[nodiscard]] LeftOut::Why why_left_out(const Owner& owner, const evm::Log& log) const;
    void add_owner(const evm::Address& address, const Owner& owner);
    /// Calls `visit` for the address's owners, in order of their sources, those of any address
    /// among them, until it was true once for a source: an address may be declared and announced.
    template <typename Visit>
    void for_each_owner(const evm::Log& log, Visit&& visit) const {
        const auto found = owners_.find(log.address);
        if (found == owners_.end() && anywhere_.empty()) {
            return;
        }
        static const std::vector<Owner> kNone;
        const std::vector<Owner>& here = found == owners_.end() ? kNone : found->second;
        int64_t last = -1;
        size_t next = 0;
        const auto tell = [&](const Owner& owner) {
            if (owner.source != last && visit(owner)) {
                last = owner.source;
            }
        };
        for (const Owner& owner : here) {
            for (; next < anywhere_.size() && anywhere_[next].source < owner.source; ++next) {
                tell(anywhere_[next]);
            }
            tell(owner);
        }
        for (; next < anywhere_.size(); ++next) {
            tell(anywhere_[next]);
        }
    }

    const std::vector<Source>* sources_;
    std::vector<Announced> announced_;  ///< children in the order they were added
    bool is_in_order_ = true;           ///< of their blocks
    std::vector<Owner> anywhere_;       ///< those of sources that any address is of
    /// Those of one address by source: in which order they were announced does not matter.
    std::unordered_map<evm::Address, std::vector<Owner>, evm::FixedBytesHash> owners_;
};

}  // namespace plumbline::engine
