#include "engine/config/config.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "engine/config/config_parts.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"
#include "engine/config/whole_file.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kMinMemoryMib = 16;
constexpr uint64_t kMaxMemoryMib = 1'048'576;
/// ABI files of compilers hold whole syntax trees.
constexpr size_t kAbiBytesMax = size_t{64} << 20U;

Status read_database(std::string_view path, const TomlValue& value, Config& config) {
    PLUMBLINE_TRY(const Section database, Section::open(path, "[database]", value));
    SectionMistakes mistakes{database, {"path", "memory_mib"}};
    if (const TomlValue* db_path = database.find("path")) {
        mistakes.take(config.db_path, database.string(*db_path, "path"));
    }
    if (const TomlValue* memory = database.find("memory_mib")) {
        mistakes.take(config.memory_mib,
                      database.integer(*memory, "memory_mib", kMinMemoryMib, kMaxMemoryMib));
    }
    return mistakes.all();
}

void check_top_level(std::string_view path, const TomlValue& root, Mistakes& mistakes) {
    static const std::vector<std::string> kKnown{
        "chain", "database", "contracts", "entities", "on",     "proof", "repair",
        "http",  "schedule", "webhooks",  "sinks",    "backup", "log",   "reports"};
    for (const TomlEntry& entry : root.entries) {
        if (std::ranges::find(kKnown, entry.key) == kKnown.end()) {
            mistakes.add(Status{mistake_at(path, entry.pos,
                                           fmt::format("unknown section {}{}", in_quotes(entry.key),
                                                       suggest(entry.key, kKnown)))});
        }
    }
}

Status read_service_sections(std::string_view path, const TomlValue& root, Config& config,
                             std::vector<TextEdit>& edits) {
    Mistakes mistakes;
    if (const TomlValue* backup = root.find("backup")) {
        mistakes.add(read_backup(path, *backup, config));
    }
    if (const TomlValue* schedule = root.find("schedule")) {
        mistakes.add(read_schedule(path, *schedule, config));
    }
    if (const TomlValue* http = root.find("http")) {
        mistakes.add(read_http(path, *http, config, edits));
    }
    if (const TomlValue* webhooks = root.find("webhooks")) {
        mistakes.add(read_webhooks(path, *webhooks, config, edits));
    }
    if (const TomlValue* sinks = root.find("sinks")) {
        mistakes.add(read_sinks(path, *sinks, config, edits));
    }
    if (const TomlValue* log = root.find("log")) {
        mistakes.add(read_log(path, *log, config));
    }
    return mistakes.all();
}

/// Each section by itself: what one says of another is checked once all could be read.
Status read_sections(std::string_view path, const TomlValue& root, const FileReader& read_file,
                     Config& config, std::vector<TextEdit>& edits) {
    Mistakes mistakes;
    check_top_level(path, root, mistakes);
    if (const TomlValue* chain = root.find("chain")) {
        mistakes.add(read_chain(path, *chain, config.chain, edits));
    } else {
        mistakes.add(Status{mistake_at(path, {}, "the config has no [chain]")});
    }
    if (const TomlValue* database = root.find("database")) {
        mistakes.add(read_database(path, *database, config));
    }
    if (const TomlValue* proof = root.find("proof")) {
        mistakes.add(read_proof(path, *proof, config.proof));
    }
    if (const TomlValue* repair = root.find("repair")) {
        mistakes.add(read_repair(path, *repair, config.repair));
    }
    const TomlValue* contracts = root.find("contracts");
    const bool are_read =
        contracts == nullptr || mistakes.add(read_contracts(path, *contracts, read_file, config));
    if (are_read && config.contracts.empty()) {
        mistakes.add(Status{mistake_at(path, {}, "the config has no [contracts.NAME]")});
    }
    if (const TomlValue* entities = root.find("entities")) {
        mistakes.add(read_entities(path, *entities, config));
    }
    if (const TomlValue* handlers = root.find("on")) {
        mistakes.add(read_handlers(path, *handlers, config));
    }
    mistakes.add(read_service_sections(path, root, config, edits));
    return mistakes.all();
}

std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

/// `root`: what `text` says.
Result<Config> read_config(std::string_view text, const TomlValue& root, const std::string& path,
                           const FileReader& read_file) {
    Config config;
    config.path = path;
    config.db_path = "db";
    std::vector<TextEdit> edits;
    PLUMBLINE_TRY_VOID(read_sections(path, root, read_file, config, edits));
    PLUMBLINE_TRY_VOID(check_config(path, config));
    auto redacted = redact_config(text, std::move(edits));
    if (!redacted) {
        return std::move(redacted).error().with_context(path);
    }
    config.text = *std::move(redacted);
    return config;
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& path,
                            const FileReader& read_file) {
    text = without_byte_order_mark(text);
    PLUMBLINE_TRY(const TomlValue root, parse_toml(text, path));
    return read_config(text, root, path, read_file);
}

Result<Config> load_config(const std::string& path) {
    auto text = read_whole_file(path, kTomlBytesMax);
    if (!text) {
        return std::move(text).error().with_context(fmt::format("cannot read the config {}", path));
    }
    const std::filesystem::path folder = std::filesystem::path{path}.parent_path();
    const std::string_view written = without_byte_order_mark(*text);
    PLUMBLINE_TRY(const TomlValue root, parse_toml(written, path));
    auto config = read_config(written, root, path, [&folder](const std::string& name) {
        return read_whole_file(folder / name, kAbiBytesMax);
    });
    if (config) {
        PLUMBLINE_TRY_VOID(check_address_case(path, root));
    }
    return config;
}

}  // namespace plumbline::engine
