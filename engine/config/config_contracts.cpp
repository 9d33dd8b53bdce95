// [contracts.NAME]: whose events are indexed, from where to where.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/evm/checksum.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kMaxBlock = INT64_MAX;
constexpr size_t kMaxContracts = 256;
constexpr size_t kMaxAddresses = 1024;
constexpr size_t kMaxEventNames = 256;
constexpr size_t kMaxAbis = 64;
constexpr size_t kMaxFactories = 64;
constexpr size_t kMaxFilters = 64;
/// Nodes take a thousand topics or fewer at one position.
constexpr size_t kMaxFilterValues = 256;

Result<evm::Address> read_address(const Section& section, const TomlValue& value) {
    const auto parsed = evm::parse_address(value.text);
    if (!parsed) {
        return section.mistake(
            value.pos, fmt::format("address in {} must be 0x and 40 hex digits, or \"*\" for "
                                   "whoever emits the events, not {}",
                                   section.name(), in_quotes(value.text)));
    }
    if (evm::has_wrong_checksum(value.text, *parsed)) {
        return section.mistake(value.pos,
                               fmt::format("address in {}: {}", section.name(),
                                           evm::wrong_checksum_text(value.text, *parsed)));
    }
    return *parsed;
}

Status read_addresses(const Section& section, const TomlValue& value, ContractConfig& out) {
    if (value.kind == TomlValue::Kind::kInteger) {
        return section.wrong_type(value, "address", "a string (put quotes around it)");
    }
    PLUMBLINE_TRY(const auto items, section.strings(value, "address", kMaxAddresses));
    for (const TomlValue* item : items) {
        if (item->text == "*") {
            if (items.size() > 1) {
                return section.mistake(item->pos,
                                       fmt::format("address in {}: \"*\" is every address, so no "
                                                   "other stands beside it",
                                                   section.name()));
            }
            out.any_address = true;
            continue;
        }
        PLUMBLINE_TRY(const evm::Address address, read_address(section, *item));
        if (std::ranges::find(out.addresses, address) != out.addresses.end()) {
            return section.mistake(
                item->pos, fmt::format("address in {} lists {} twice", section.name(), item->text));
        }
        out.addresses.push_back(address);
    }
    return ok();
}

Status read_since(const Section& factory, const TomlValue& value, FactoryConfig& out) {
    if (value.kind == TomlValue::Kind::kInteger) {
        out.since = ChildSince::kNumber;
        PLUMBLINE_TRY(out.since_block, factory.integer(value, "since", 0, kMaxBlock));
        return ok();
    }
    if (value.kind != TomlValue::Kind::kString) {
        return factory.wrong_type(value, "since", "\"block\", \"announcement\" or a block number");
    }
    if (value.text != "block" && value.text != "announcement") {
        return factory.mistake(
            value.pos, fmt::format("since in {} must be \"block\", \"announcement\" or a block "
                                   "number, not {}",
                                   factory.name(), in_quotes(value.text)));
    }
    out.since = value.text == "block" ? ChildSince::kBlock : ChildSince::kAnnouncement;
    return ok();
}

/// A table, or the tables of a list.
Result<std::vector<const TomlValue*>> read_tables(const Section& section, const TomlValue& value,
                                                  std::string_view key, size_t count_max) {
    if (value.kind != TomlValue::Kind::kArray) {
        return std::vector<const TomlValue*>{&value};
    }
    if (value.items.empty() || value.items.size() > count_max) {
        return section.mistake(value.pos,
                               fmt::format("{} in {} lists {} items; 1 to {} are "
                                           "possible",
                                           key, section.name(), value.items.size(), count_max));
    }
    std::vector<const TomlValue*> out;
    for (const TomlValue& item : value.items) {
        out.push_back(&item);
    }
    return out;
}

Result<std::string> read_address_param(const Section& factory) {
    PLUMBLINE_TRY(const TomlValue* address, factory.need("address"));
    if (address->kind != TomlValue::Kind::kString) {
        return factory.wrong_type(*address, "address", "the name of an event parameter");
    }
    PLUMBLINE_TRY(const Operand param, factory.operand(*address, "address"));
    if (param.kind != Operand::Kind::kName) {
        return factory.mistake(address->pos,
                               fmt::format("address in {} must be the name of an event parameter, "
                                           "not {}",
                                           factory.name(), in_quotes(address->text)));
    }
    return join_path(param.path);
}

/// One table of `factory`: a factory for each of its events.
Status read_factory(const Section& contract, const TomlValue& value, ContractConfig& out) {
    PLUMBLINE_TRY(
        const Section section,
        Section::open(contract.path(), fmt::format("factory of {}", contract.name()), value));
    PLUMBLINE_TRY_VOID(section.allow_only({"event", "address", "since"}));
    FactoryConfig factory;
    PLUMBLINE_TRY(const TomlValue* event, section.need("event"));
    PLUMBLINE_TRY(const auto events, section.strings(*event, "event", kMaxFactories));
    PLUMBLINE_TRY(factory.address_param, read_address_param(section));
    factory.address_pos = section.find("address")->pos;
    if (const TomlValue* since = section.find("since")) {
        PLUMBLINE_TRY_VOID(read_since(section, *since, factory));
    }
    for (const TomlValue* item : events) {
        auto member = parse_member(item->text);
        if (!member) {
            return section.mistake(item->pos, fmt::format("event in {} must be contract.Event or "
                                                          "contract.Event(types), not {}",
                                                          section.name(), in_quotes(item->text)));
        }
        factory.pos = item->pos;
        factory.contract = std::move(member->contract);
        factory.event = std::move(member->member);
        const bool is_there = std::ranges::any_of(out.factories, [&](const FactoryConfig& other) {
            return other.contract == factory.contract && other.event == factory.event &&
                   other.address_param == factory.address_param;
        });
        if (is_there) {
            return section.mistake(
                item->pos, fmt::format("{} names {} twice", section.name(), in_quotes(item->text)));
        }
        if (!out.factories.empty() && (out.factories.front().since != factory.since ||
                                       out.factories.front().since_block != factory.since_block)) {
            return section.mistake(
                section.pos(),
                fmt::format("{}: since must be the same in all of its tables: it says from where "
                            "on the logs of [contracts.{}] count",
                            section.name(), out.name));
        }
        out.factories.push_back(factory);
        if (out.factories.size() > kMaxFactories) {
            return section.mistake(section.pos(), fmt::format("{} names more than {} events",
                                                              section.name(), kMaxFactories));
        }
    }
    return ok();
}

/// The list under `key`, if there is one.
Status read_event_names(const Section& section, std::string_view key,
                        std::vector<std::string>& out) {
    const TomlValue* value = section.find(key);
    if (value == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const auto items, section.strings(*value, key, kMaxEventNames));
    for (const TomlValue* item : items) {
        auto name = parse_signature(item->text);
        if (!name) {
            return section.mistake(
                item->pos, fmt::format("{} in {} must be names or full signatures of events, "
                                       "not {}",
                                       key, section.name(), in_quotes(item->text)));
        }
        if (std::ranges::find(out, *name) != out.end()) {
            return section.mistake(item->pos, fmt::format("{} in {} lists {} twice", key,
                                                          section.name(), in_quotes(item->text)));
        }
        out.push_back(std::move(*name));
    }
    return ok();
}

/// A file's name, or a table with one and a contract in it.
Result<AbiFile> read_abi_name(const Section& contract, const TomlValue& value) {
    AbiFile out;
    if (value.kind != TomlValue::Kind::kTable) {
        PLUMBLINE_TRY(out.file, contract.string(value, "abi"));
        return out;
    }
    PLUMBLINE_TRY(const Section section,
                  Section::open(contract.path(), fmt::format("abi of {}", contract.name()), value));
    PLUMBLINE_TRY_VOID(section.allow_only({"file", "contract"}));
    PLUMBLINE_TRY(const TomlValue* file, section.need("file"));
    PLUMBLINE_TRY(out.file, section.string(*file, "file"));
    if (const TomlValue* name = section.find("contract")) {
        PLUMBLINE_TRY(out.contract, section.string(*name, "contract"));
    }
    return out;
}

/// `abi`: a file or a list of them, each read.
Status read_abis(const Section& section, const TomlValue& abi, const FileReader& read_file,
                 ContractConfig& out) {
    PLUMBLINE_TRY(const auto items, read_tables(section, abi, "abi", kMaxAbis));
    for (const TomlValue* item : items) {
        PLUMBLINE_TRY(AbiFile file, read_abi_name(section, *item));
        const bool is_there = std::ranges::any_of(out.abis, [&](const AbiFile& other) {
            return other.file == file.file && other.contract == file.contract;
        });
        if (is_there) {
            return section.mistake(item->pos, fmt::format("abi in {} lists {} twice",
                                                          section.name(), in_quotes(file.file)));
        }
        auto content = read_file(file.file);
        if (!content) {
            return section.mistake(
                item->pos, fmt::format("cannot read the ABI {} of {}: {}", in_quotes(file.file),
                                       section.name(), content.error().message));
        }
        file.text = *std::move(content);
        out.abis.push_back(std::move(file));
    }
    return ok();
}

/// Which contracts it is about.
Status read_places(const Section& section, ContractConfig& out) {
    const TomlValue* address = section.find("address");
    const TomlValue* factory = section.find("factory");
    if (address == nullptr && factory == nullptr) {
        return section.mistake(section.pos(),
                               fmt::format("{} needs address, or factory for contracts that an "
                                           "event announces, or both",
                                           section.name()));
    }
    if (address != nullptr) {
        PLUMBLINE_TRY_VOID(read_addresses(section, *address, out));
    }
    if (factory != nullptr && out.any_address) {
        return section.mistake(section.pos(),
                               fmt::format("{}: address = \"*\" is every contract already, so it "
                                           "has no factory",
                                           section.name()));
    }
    if (factory != nullptr) {
        PLUMBLINE_TRY(const auto tables, read_tables(section, *factory, "factory", kMaxFactories));
        for (const TomlValue* table : tables) {
            PLUMBLINE_TRY_VOID(read_factory(section, *table, out));
        }
    }
    return ok();
}

/// `{ from = ["0x.."], id = 7 }`: one alternative of an event's filter.
Status read_filter(const Section& contract, const std::string& event, const TomlValue& value,
                   ContractConfig& out) {
    PLUMBLINE_TRY(const Section section,
                  Section::open(contract.path(),
                                fmt::format("filter {} of {}", event, contract.name()), value));
    FilterConfig filter;
    filter.event = event;
    filter.pos = section.pos();
    for (const TomlEntry& entry : section.entries()) {
        FilterConfig::Param param{entry.key, {}, entry.pos};
        PLUMBLINE_TRY(const auto values,
                      read_tables(section, entry.value, entry.key, kMaxFilterValues));
        for (const TomlValue* item : values) {
            PLUMBLINE_TRY(Operand literal, section.operand(*item, entry.key));
            param.values.push_back(std::move(literal));
        }
        filter.params.push_back(std::move(param));
    }
    if (filter.params.empty()) {
        return section.mistake(value.pos, fmt::format("{} is an empty table: name indexed "
                                                      "parameters and what they must be",
                                                      section.name()));
    }
    out.filters.push_back(std::move(filter));
    if (out.filters.size() > kMaxFilters) {
        return section.mistake(value.pos, fmt::format("filter of {} has more than {} tables",
                                                      contract.name(), kMaxFilters));
    }
    return ok();
}

/// `filter`: for each event a table, or a list of which one must fit.
Status read_filters(const Section& contract, ContractConfig& out) {
    const TomlValue* value = contract.find("filter");
    if (value == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(
        const Section section,
        Section::open(contract.path(), fmt::format("filter of {}", contract.name()), *value));
    for (const TomlEntry& entry : section.entries()) {
        const auto name = parse_signature(entry.key);
        if (!name) {
            return section.mistake(entry.pos, fmt::format("{} has names or full signatures of "
                                                          "events for keys, not {}",
                                                          section.name(), in_quotes(entry.key)));
        }
        PLUMBLINE_TRY(const auto tables, read_tables(section, entry.value, entry.key, kMaxFilters));
        for (const TomlValue* table : tables) {
            PLUMBLINE_TRY_VOID(read_filter(contract, *name, *table, out));
        }
    }
    return ok();
}

/// From where to where its logs count.
Status read_blocks(const Section& section, ContractConfig& out) {
    if (const TomlValue* start = section.find("start_block")) {
        PLUMBLINE_TRY(out.start_block, section.integer(*start, "start_block", 0, kMaxBlock));
    }
    const TomlValue* end = section.find("end_block");
    if (end == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(out.end_block, section.integer(*end, "end_block", 0, kMaxBlock));
    if (out.end_block < out.start_block) {
        return section.mistake(
            end->pos, fmt::format("{}: end_block {} is before start_block {}", section.name(),
                                  out.end_block, out.start_block));
    }
    return ok();
}

Status read_contract(std::string_view path, const TomlEntry& entry, const FileReader& read_file,
                     Config& config) {
    if (!is_identifier(entry.key)) {
        return mistake_at(path, entry.pos,
                          fmt::format("{} cannot name a contract: use up to 64 letters, digits and "
                                      "_, no digit first",
                                      in_quotes(entry.key)));
    }
    PLUMBLINE_TRY(const Section section,
                  Section::open(path, fmt::format("[contracts.{}]", entry.key), entry.value));
    SectionMistakes mistakes{
        section,
        {"abi", "address", "factory", "start_block", "end_block", "events", "filter", "anonymous"}};
    ContractConfig out;
    out.name = entry.key;
    out.pos = section.pos();
    const bool has_place = section.find("address") != nullptr || section.find("factory") != nullptr;
    if (has_place || mistakes.are_known()) {
        mistakes.add(read_places(section, out));
    }
    mistakes.add(read_blocks(section, out));
    mistakes.add(read_event_names(section, "events", out.events));
    mistakes.add(read_filters(section, out));
    mistakes.add(read_event_names(section, "anonymous", out.anonymous));
    if (const TomlValue* abi = mistakes.need("abi")) {
        mistakes.add(read_abis(section, *abi, read_file, out));
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    config.contracts.push_back(std::move(out));
    return ok();
}

}  // namespace

Status read_contracts(std::string_view path, const TomlValue& value, const FileReader& read_file,
                      Config& config) {
    PLUMBLINE_TRY(const Section contracts, Section::open(path, "[contracts]", value));
    if (contracts.entries().size() > kMaxContracts) {
        return contracts.mistake(
            contracts.pos(),
            fmt::format("at most {} contracts, not {}", kMaxContracts, contracts.entries().size()));
    }
    Mistakes mistakes;
    for (const TomlEntry& entry : contracts.entries()) {
        mistakes.add(read_contract(path, entry, read_file, config));
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
