// [sinks.NAME]: databases that are kept equal to the index.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/postgres_url.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxSinks = 16;
constexpr size_t kMaxSqlName = 63;  ///< PostgreSQL's NAMEDATALEN - 1

/// The place of `url` in the stored config: parsed again, never asked.
constexpr std::string_view kRedactedUrl = "postgresql://redacted.invalid";

Status read_sink_url(const Section& section, std::string& out, std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const TomlValue* url, section.need("url"));
    PLUMBLINE_TRY(const std::string text, section.string(*url, "url"));
    auto resolved = resolve_env(text);
    if (!resolved) {
        return section.mistake(
            url->pos, fmt::format("url in {}: {}", section.name(), resolved.error().message));
    }
    const bool is_word =
        std::ranges::all_of(*resolved, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!is_word ||
        !(resolved->starts_with("postgresql://") || resolved->starts_with("postgres://"))) {
        return section.mistake(url->pos, fmt::format("url in {} must be a postgresql:// URL, or "
                                                     "env:NAME for one that is secret",
                                                     section.name()));
    }
    if (const Status checked = check_postgres_url(*resolved); !checked) {
        return section.mistake(url->pos, fmt::format("url in {}, which is not shown: {}",
                                                     section.name(), checked.error().message));
    }
    edits.push_back({url->pos, std::string{kRedactedUrl}});
    out = *std::move(resolved);
    return ok();
}

/// One of two words; true for the second.
Result<bool> read_choice(const Section& section, std::string_view key, std::string_view usual,
                         std::string_view other) {
    const TomlValue* value = section.find(key);
    if (value == nullptr) {
        return false;
    }
    PLUMBLINE_TRY(const std::string text, section.string(*value, key));
    if (text == other || text == usual) {
        return text == other;
    }
    return section.mistake(
        value->pos, fmt::format("{} in {} must be \"{}\"{}, not {}", key, section.name(), other,
                                usual.empty() ? std::string{} : fmt::format(" or \"{}\"", usual),
                                in_quotes(text)));
}

Status read_sink(std::string_view path, const TomlEntry& entry, Config& config,
                 std::vector<TextEdit>& edits) {
    if (!is_identifier(entry.key)) {
        return mistake_at(path, entry.pos,
                          fmt::format("{} cannot name a sink: use up to 64 letters, digits and _, "
                                      "no digit first",
                                      in_quotes(entry.key)));
    }
    PLUMBLINE_TRY(const Section section,
                  Section::open(path, fmt::format("[sinks.{}]", entry.key), entry.value));
    PLUMBLINE_TRY_VOID(section.allow_only(
        {"url", "schema", "entities", "events", "distribute", "strings", "history"}));
    SinkConfig out;
    out.name = entry.key;
    out.pos = section.pos();
    PLUMBLINE_TRY_VOID(read_sink_url(section, out.url, edits));
    if (const TomlValue* schema = section.find("schema")) {
        PLUMBLINE_TRY(out.schema, section.string(*schema, "schema"));
        if (!is_identifier(out.schema) || out.schema.size() > kMaxSqlName ||
            out.schema.starts_with("pg_")) {
            return section.mistake(
                schema->pos, fmt::format("schema in {} must be up to {} letters, digits and _, "
                                         "not begin with a digit or pg_, and so not be {}",
                                         section.name(), kMaxSqlName, in_quotes(out.schema)));
        }
    }
    PLUMBLINE_TRY_VOID(read_entity_names(section, config, out.entities));
    PLUMBLINE_TRY_VOID(read_event_names(section, config, out.events));
    if (section.find("entities") == nullptr && section.find("events") == nullptr) {
        for (const EntityConfig& entity : config.entities) {
            out.entities.push_back(entity.name);
        }
    }
    PLUMBLINE_TRY(out.has_chain_id, read_choice(section, "distribute", "", "chain_id"));
    PLUMBLINE_TRY(out.strings_as_bytes, read_choice(section, "strings", "text", "bytea"));
    if (const TomlValue* history = section.find("history")) {
        if (history->kind != TomlValue::Kind::kBool) {
            return section.wrong_type(*history, "history", "true or false");
        }
        out.has_history = history->boolean;
        if (out.has_history && out.entities.empty()) {
            return section.mistake(
                history->pos,
                fmt::format("history in {} is of entities, and it has none", section.name()));
        }
    }
    config.sinks.push_back(std::move(out));
    return ok();
}

}  // namespace

Status read_sinks(std::string_view path, const TomlValue& value, Config& config,
                  std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const Section sinks, Section::open(path, "[sinks]", value));
    if (sinks.entries().size() > kMaxSinks) {
        return sinks.mistake(sinks.pos(), fmt::format("at most {} sinks, not {}", kMaxSinks,
                                                      sinks.entries().size()));
    }
    for (const TomlEntry& entry : sinks.entries()) {
        PLUMBLINE_TRY_VOID(read_sink(path, entry, config, edits));
    }
    return ok();
}

}  // namespace plumbline::engine
