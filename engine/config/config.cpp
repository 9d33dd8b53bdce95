#include "engine/config/config.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kMaxInteger = INT64_MAX;
constexpr uint64_t kMinMemoryMib = 16;
constexpr uint64_t kMaxMemoryMib = 1'048'576;
constexpr size_t kMaxContracts = 256;
constexpr size_t kMaxAddresses = 1024;
constexpr size_t kMaxEvents = 256;
constexpr std::streamoff kMaxFileBytes = std::streamoff{64} << 20U;

Status read_database(std::string_view path, const TomlValue& value, Config& config) {
    PLUMBLINE_TRY(const Section database, Section::open(path, "[database]", value));
    PLUMBLINE_TRY_VOID(database.allow_only({"path", "memory_mib"}));
    if (const TomlValue* db_path = database.find("path")) {
        PLUMBLINE_TRY(config.db_path, database.string(*db_path, "path"));
    }
    if (const TomlValue* memory = database.find("memory_mib")) {
        PLUMBLINE_TRY(config.memory_mib,
                      database.integer(*memory, "memory_mib", kMinMemoryMib, kMaxMemoryMib));
    }
    return ok();
}

/// The address with the letter case that EIP-55 asks for.
std::string checksummed(const evm::Address& address) {
    std::string out = evm::to_hex(address);
    const evm::Hash hash = evm::keccak256(as_bytes(std::string_view{out}.substr(2)));
    for (size_t i = 2; i < out.size(); ++i) {
        const uint8_t byte = hash.bytes[(i - 2) / 2];
        const uint32_t nibble = i % 2 == 0 ? byte / 16U : byte % 16U;
        if (out[i] >= 'a' && nibble >= 8) {
            out[i] = static_cast<char>(out[i] - 'a' + 'A');
        }
    }
    return out;
}

Result<evm::Address> read_address(const Section& section, const TomlValue& value) {
    const auto parsed = evm::parse_address(value.text);
    if (!parsed) {
        return section.mistake(value.pos,
                               fmt::format("address in {} must be 0x and 40 hex digits, not {}",
                                           section.name(), in_quotes(value.text)));
    }
    const std::string_view digits = std::string_view{value.text}.substr(2);
    const bool has_upper = digits.find_first_of("ABCDEF") != std::string_view::npos;
    const bool has_lower = digits.find_first_of("abcdef") != std::string_view::npos;
    const std::string expected = checksummed(*parsed);
    if (has_upper && has_lower && value.text != expected) {
        return section.mistake(
            value.pos, fmt::format("address in {}: the letter case of {} is no valid checksum, so "
                                   "a character may be wrong; it would be {}, or all lower case",
                                   section.name(), value.text, expected));
    }
    return *parsed;
}

Status read_addresses(const Section& section, const TomlValue& value, ContractConfig& out) {
    if (value.kind == TomlValue::Kind::kInteger) {
        return section.wrong_type(value, "address", "a string (put quotes around it)");
    }
    PLUMBLINE_TRY(const auto items, section.strings(value, "address", kMaxAddresses));
    for (const TomlValue* item : items) {
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
        PLUMBLINE_TRY(out.since_block, factory.integer(value, "since", 0, kMaxInteger));
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

Status read_factory(const Section& contract, const TomlValue& value, ContractConfig& out) {
    PLUMBLINE_TRY(
        const Section section,
        Section::open(contract.path(), fmt::format("factory of {}", contract.name()), value));
    PLUMBLINE_TRY_VOID(section.allow_only({"event", "address", "since"}));
    FactoryConfig factory;
    factory.pos = section.pos();
    PLUMBLINE_TRY(const TomlValue* event, section.need("event"));
    PLUMBLINE_TRY(const std::string event_name, section.string(*event, "event"));
    auto member = parse_member(event_name);
    if (!member) {
        return section.mistake(event->pos, fmt::format("event in {} must be contract.Event or "
                                                       "contract.Event(types), not {}",
                                                       section.name(), in_quotes(event_name)));
    }
    factory.contract = std::move(member->contract);
    factory.event = std::move(member->member);
    PLUMBLINE_TRY(const TomlValue* address, section.need("address"));
    if (address->kind != TomlValue::Kind::kString) {
        return section.wrong_type(*address, "address", "the name of an event parameter");
    }
    PLUMBLINE_TRY(const Operand param, section.operand(*address, "address"));
    if (param.kind != Operand::Kind::kName) {
        return section.mistake(address->pos,
                               fmt::format("address in {} must be the name of an event parameter, "
                                           "not {}",
                                           section.name(), in_quotes(address->text)));
    }
    factory.address_param = join_path(param.path);
    if (const TomlValue* since = section.find("since")) {
        PLUMBLINE_TRY_VOID(read_since(section, *since, factory));
    }
    out.factory = std::move(factory);
    return ok();
}

/// The list under `key`, if there is one.
Status read_event_names(const Section& section, std::string_view key,
                        std::vector<std::string>& out) {
    const TomlValue* value = section.find(key);
    if (value == nullptr) {
        return ok();
    }
    PLUMBLINE_TRY(const auto items, section.strings(*value, key, kMaxEvents));
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
    PLUMBLINE_TRY_VOID(
        section.allow_only({"abi", "address", "factory", "start_block", "events", "anonymous"}));
    ContractConfig out;
    out.name = entry.key;
    out.pos = section.pos();
    PLUMBLINE_TRY(const TomlValue* abi, section.need("abi"));
    PLUMBLINE_TRY(out.abi_file, section.string(*abi, "abi"));
    const TomlValue* address = section.find("address");
    const TomlValue* factory = section.find("factory");
    if ((address == nullptr) == (factory == nullptr)) {
        return section.mistake(
            section.pos(),
            fmt::format("{} needs {}", section.name(),
                        address == nullptr ? "address, or factory for contracts that an event "
                                             "announces"
                                           : "one of address and factory, not both"));
    }
    if (address != nullptr) {
        PLUMBLINE_TRY_VOID(read_addresses(section, *address, out));
    } else {
        PLUMBLINE_TRY_VOID(read_factory(section, *factory, out));
    }
    if (const TomlValue* start = section.find("start_block")) {
        PLUMBLINE_TRY(out.start_block, section.integer(*start, "start_block", 0, kMaxInteger));
    }
    PLUMBLINE_TRY_VOID(read_event_names(section, "events", out.events));
    PLUMBLINE_TRY_VOID(read_event_names(section, "anonymous", out.anonymous));
    auto content = read_file(out.abi_file);
    if (!content) {
        return section.mistake(
            abi->pos, fmt::format("cannot read the ABI {} of {}: {}", in_quotes(out.abi_file),
                                  section.name(), content.error().message));
    }
    out.abi_json = *std::move(content);
    config.contracts.push_back(std::move(out));
    return ok();
}

Status read_contracts(std::string_view path, const TomlValue& value, const FileReader& read_file,
                      Config& config) {
    PLUMBLINE_TRY(const Section contracts, Section::open(path, "[contracts]", value));
    if (contracts.entries().size() > kMaxContracts) {
        return contracts.mistake(
            contracts.pos(),
            fmt::format("at most {} contracts, not {}", kMaxContracts, contracts.entries().size()));
    }
    for (const TomlEntry& entry : contracts.entries()) {
        PLUMBLINE_TRY_VOID(read_contract(path, entry, read_file, config));
    }
    return ok();
}

Status check_top_level(std::string_view path, const TomlValue& root) {
    static const std::vector<std::string> kKnown{
        "chain", "database", "contracts", "entities", "on",  "proof",  "repair",
        "http",  "schedule", "webhooks",  "backup",   "log", "reports"};
    for (const TomlEntry& entry : root.entries) {
        if (std::ranges::find(kKnown, entry.key) != kKnown.end()) {
            continue;
        }
        return mistake_at(
            path, entry.pos,
            fmt::format("unknown section {}{}", in_quotes(entry.key), suggest(entry.key, kKnown)));
    }
    for (const std::string_view needed : {"chain", "contracts"}) {
        if (root.find(needed) == nullptr) {
            return mistake_at(path, {},
                              fmt::format("the config has no {}",
                                          needed == "chain" ? "[chain]" : "[contracts.NAME]"));
        }
    }
    return ok();
}

Status read_service_sections(std::string_view path, const TomlValue& root, Config& config,
                             std::vector<TextEdit>& edits) {
    if (const TomlValue* backup = root.find("backup")) {
        PLUMBLINE_TRY_VOID(read_backup(path, *backup, config));
    }
    if (const TomlValue* schedule = root.find("schedule")) {
        PLUMBLINE_TRY_VOID(read_schedule(path, *schedule, config));
    }
    if (const TomlValue* http = root.find("http")) {
        PLUMBLINE_TRY_VOID(read_http(path, *http, config, edits));
    }
    if (const TomlValue* webhooks = root.find("webhooks")) {
        PLUMBLINE_TRY_VOID(read_webhooks(path, *webhooks, config, edits));
    }
    if (const TomlValue* log = root.find("log")) {
        PLUMBLINE_TRY_VOID(read_log(path, *log, config));
    }
    return ok();
}

Result<std::string> read_whole_file(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return Error{ErrorCode::kInvalidArgument, "it is a directory"};
    }
    if (!std::filesystem::exists(path, error)) {
        return Error{ErrorCode::kInvalidArgument, "no such file"};
    }
    std::ifstream in{path, std::ios::binary | std::ios::ate};
    if (!in) {
        return Error{ErrorCode::kInvalidArgument, "it cannot be opened"};
    }
    const std::streamoff size = in.tellg();
    if (size < 0 || size > kMaxFileBytes) {
        return Error{ErrorCode::kInvalidArgument, "it is larger than 64 MiB"};
    }
    std::string out(static_cast<size_t>(size), '\0');
    in.seekg(0);
    if (!in.read(out.data(), size)) {
        return Error{ErrorCode::kInvalidArgument, "it cannot be read"};
    }
    return out;
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& path,
                            const FileReader& read_file) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    PLUMBLINE_TRY(const TomlValue root, parse_toml(text, path));
    Config config;
    config.path = path;
    config.db_path = "db";
    std::vector<TextEdit> edits;
    PLUMBLINE_TRY_VOID(check_top_level(path, root));
    PLUMBLINE_TRY_VOID(read_chain(path, *root.find("chain"), config.chain, edits));
    if (const TomlValue* database = root.find("database")) {
        PLUMBLINE_TRY_VOID(read_database(path, *database, config));
    }
    if (const TomlValue* proof = root.find("proof")) {
        PLUMBLINE_TRY_VOID(read_proof(path, *proof, config.proof));
    }
    if (const TomlValue* repair = root.find("repair")) {
        PLUMBLINE_TRY_VOID(read_repair(path, *repair, config.repair));
    }
    PLUMBLINE_TRY_VOID(read_contracts(path, *root.find("contracts"), read_file, config));
    if (config.contracts.empty()) {
        return mistake_at(path, {}, "the config has no [contracts.NAME]");
    }
    if (const TomlValue* entities = root.find("entities")) {
        PLUMBLINE_TRY_VOID(read_entities(path, *entities, config));
    }
    if (const TomlValue* handlers = root.find("on")) {
        PLUMBLINE_TRY_VOID(read_handlers(path, *handlers, config));
    }
    PLUMBLINE_TRY_VOID(read_service_sections(path, root, config, edits));
    PLUMBLINE_TRY_VOID(check_config(path, config));
    auto redacted = redact_config(text, std::move(edits));
    if (!redacted) {
        return std::move(redacted).error().with_context(path);
    }
    config.text = *std::move(redacted);
    return config;
}

Result<Config> load_config(const std::string& path) {
    auto text = read_whole_file(path);
    if (!text) {
        return std::move(text).error().with_context(fmt::format("cannot read the config {}", path));
    }
    const std::filesystem::path folder = std::filesystem::path{path}.parent_path();
    return parse_config(
        *text, path, [&folder](const std::string& name) { return read_whole_file(folder / name); });
}

}  // namespace plumbline::engine
