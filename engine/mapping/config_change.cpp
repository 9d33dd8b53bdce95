#include "engine/mapping/config_change.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/logging.hpp"
#include "core/evm/checksum.hpp"
#include "engine/mapping/stored_plan.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kShownMax = 3;  ///< of a list in a message

bool is_contract(const Source& source) {
    return source.every_blocks == 0;
}

/// The first few, and how many more there are.
std::string listed(std::vector<std::string> items) {
    if (items.size() > kShownMax) {
        const size_t more = items.size() - kShownMax;
        items.resize(kShownMax);
        items.push_back(fmt::format("{} more", more));
    }
    return fmt::format("{}", fmt::join(items, ", "));
}

std::string name_of(const Source& source, const std::vector<evm::Address>& addresses) {
    std::vector<std::string> where;
    if (source.any_address) {
        where.emplace_back("any address");
    }
    for (const evm::Address& address : addresses) {
        where.push_back(evm::to_checksum(address));
    }
    if (source.has_factory) {
        where.emplace_back("what its factory announces");
    }
    return fmt::format("{} ({})", source.contract, listed(std::move(where)));
}

/// All contracts of `plan`.
std::string names_of(const Plan& plan) {
    std::vector<std::string> out;
    for (const Source& source : plan.sources()) {
        if (is_contract(source)) {
            out.push_back(name_of(source, source.addresses));
        }
    }
    return listed(std::move(out));
}

bool has_address(const Source& source, const evm::Address& address) {
    return std::ranges::find(source.addresses, address) != source.addresses.end();
}

/// Both have some event; whose events have no topic may have any.
bool share_events(const Source& a, const Source& b) {
    const auto topics_of = [](const Source& source) {
        return source.topics0.empty() ? source.abi_topics0 : source.topics0;
    };
    const std::vector<evm::Hash> ours = topics_of(a);
    const std::vector<evm::Hash> theirs = topics_of(b);
    return ours.empty() || theirs.empty() ||
           std::ranges::any_of(ours, [&theirs](const evm::Hash& topic0) {
               return std::ranges::find(theirs, topic0) != theirs.end();
           });
}

/// Some log of one may be a log of the other, as far as addresses say it.
bool share_logs(const Source& a, const Source& b) {
    if (!is_contract(a) || !is_contract(b)) {
        return false;
    }
    if (a.any_address || b.any_address) {
        return share_events(a, b);
    }
    return std::ranges::any_of(
        a.addresses, [&b](const evm::Address& address) { return has_address(b, address); });
}

bool names_child(const Plan& plan, const std::vector<storage::ChildRow>& children) {
    return std::ranges::any_of(children, [&plan](const storage::ChildRow& child) {
        return std::ranges::any_of(plan.sources(), [&child](const Source& source) {
            return has_address(source, child.address);
        });
    });
}

uint64_t row_count(const storage::Database& database) {
    uint64_t rows = 0;
    for (size_t i = 0; i < database.entities().size(); ++i) {
        rows += database.entity_count(i);
    }
    return rows;
}

bool is_child(const std::vector<storage::ChildRow>& children, std::string_view contract,
              const evm::Address& address) {
    return std::ranges::any_of(children, [&](const storage::ChildRow& child) {
        return child.contract == contract && child.address == address;
    });
}

/// The declared ones of the source, and those that are announced so far.
std::vector<evm::Address> addresses_of(const Source& source,
                                       const std::vector<storage::ChildRow>& children) {
    std::vector<evm::Address> out = source.addresses;
    for (const storage::ChildRow& child : children) {
        if (child.contract == source.contract && !has_address(source, child.address)) {
            out.push_back(child.address);
        }
    }
    return out;
}

/// Events of the stored `source` that its config wanted, and that no heir wants, or not all of.
void add_dropped_events(std::vector<std::string>& out, const Source& source,
                        const std::vector<const Source*>& heirs) {
    const auto filters_of = [](const Source& of, const evm::Hash& topic0) {
        std::vector<EventFilter> found;
        std::ranges::copy_if(of.filters, std::back_inserter(found),
                             [&](const EventFilter& filter) { return filter.topic0 == topic0; });
        return found;
    };
    bool is_left_out = false;
    bool is_filtered = false;
    for (const evm::Hash& topic0 : source.topics0.empty() ? source.abi_topics0 : source.topics0) {
        evm::Log log;
        log.topic_count = 1;
        log.topics[0] = topic0;
        std::vector<const Source*> takers;
        std::ranges::copy_if(heirs, std::back_inserter(takers),
                             [&](const Source* heir) { return heir->wants_event(log); });
        is_left_out = is_left_out || takers.empty();
        is_filtered =
            is_filtered || (!takers.empty() && std::ranges::all_of(takers, [&](const Source* heir) {
                return heir->is_filtered(topic0) &&
                       filters_of(*heir, topic0) != filters_of(source, topic0);
            }));
    }
    if (is_left_out) {
        out.push_back(fmt::format("events of {} that its `events` or `filter` does not name",
                                  source.contract));
    }
    if (is_filtered) {
        out.push_back(fmt::format("events of {} that its filter leaves out", source.contract));
    }
}

/// Adds what of the stored `source` no source of `plan` takes.
void add_dropped(std::vector<std::string>& out, const Source& source, const Plan& plan,
                 const std::vector<storage::ChildRow>& children, uint64_t newest_block) {
    const std::vector<evm::Address> addresses = addresses_of(source, children);
    std::vector<const Source*> heirs;
    bool has_family = false;
    for (const Source& other : plan.sources()) {
        // Which children they have is known once the log is folded.
        const bool is_family = other.has_factory && other.contract == source.contract;
        has_family = has_family || is_family;
        if (is_family || share_logs(source, other) ||
            std::ranges::any_of(addresses, [&other](const evm::Address& address) {
                return has_address(other, address);
            })) {
            heirs.push_back(&other);
        }
    }
    if (heirs.empty()) {
        out.push_back("contract " + name_of(source, source.addresses));
        return;
    }
    add_dropped_events(out, source, heirs);
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    bool takes_any = false;
    for (const Source* heir : heirs) {
        first = std::min(first, heir->start_block);
        last = std::max(last, heir->end_block);
        takes_any = takes_any || heir->any_address;
    }
    std::vector<std::string> gone;
    if (source.any_address && !takes_any) {
        gone.emplace_back("any address");
    }
    for (const evm::Address& address : addresses) {
        // Of one that had no factory nobody knows yet what the new one announces.
        const bool may_be_child =
            has_family && (!source.has_factory || is_child(children, source.contract, address));
        if (!takes_any && !may_be_child &&
            std::ranges::none_of(
                heirs, [&address](const Source* heir) { return has_address(*heir, address); })) {
            gone.push_back(evm::to_checksum(address));
        }
    }
    if (!gone.empty()) {
        out.push_back(fmt::format("events of {} at {}", source.contract, listed(std::move(gone))));
    }
    if (first > source.start_block && source.start_block <= newest_block) {
        out.push_back(fmt::format("events of {} before block {}", source.contract, first));
    }
    if (last < source.end_block && last < newest_block) {
        out.push_back(fmt::format("events of {} after block {}", source.contract, last));
    }
}

std::string counted(uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Of what `plan` follows nothing is in the database.
Result<bool> is_of_other_contracts(const storage::Database& database, const Plan& stored,
                                   const Plan& plan) {
    for (const Source& source : stored.sources()) {
        for (const Source& other : plan.sources()) {
            if (share_logs(source, other)) {
                return false;
            }
        }
    }
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, database.children());
    return !names_child(plan, children);
}

}  // namespace

Status check_change(const storage::Database& database, const Plan& plan, std::string_view config,
                    bool may_replace) {
    if (database.bundle().fingerprint == plan.bundle().fingerprint) {
        return ok();
    }
    const auto stored = stored_plan(database);
    if (!stored) {
        return ok();  // Of a version that wrote it otherwise: nothing can be said.
    }
    const uint64_t rows = row_count(database);
    if (!may_replace && rows > 0) {
        PLUMBLINE_TRY(const bool is_other, is_of_other_contracts(database, **stored, plan));
        if (is_other) {
            return Error{
                ErrorCode::kIncompatible,
                fmt::format("{} holds {} of {}, and {} has none of these contracts but {}: by it "
                            "all of the rows would go. Give it a database of its own (run with "
                            "--db DIR, or path in [database]), or say --replace where the rows "
                            "may go",
                            database.path(), counted(rows, "row"), names_of(**stored), config,
                            names_of(plan))};
        }
    }
    if (const std::string dropped = describe_dropped(database, **stored, plan); !dropped.empty()) {
        logging::warning(
            "the config no longer has what the index holds: the rows made of it go with the next "
            "commit, stored events stay in the log and are folded no more",
            {{"lost", dropped}});
    }
    return ok();
}

std::string describe_dropped(const storage::Database& database, const Plan& stored,
                             const Plan& plan) {
    const auto cursor = database.cursor();
    std::vector<std::string> out;
    const auto children = database.children();
    for (const Source& source : stored.sources()) {
        if (is_contract(source) && cursor) {
            add_dropped(out, source, plan, children ? *children : std::vector<storage::ChildRow>{},
                        cursor->block_num);
        }
    }
    for (size_t i = 0; i < database.entities().size(); ++i) {
        const std::string& name = database.entities()[i].name;
        if (plan.find_entity(name) < 0) {
            out.push_back(
                fmt::format("entity {} ({})", name, counted(database.entity_count(i), "row")));
        }
    }
    return fmt::format("{}", fmt::join(out, ", "));
}

}  // namespace plumbline::engine
