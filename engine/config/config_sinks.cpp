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

Status read_sink_url(const Section& section, const TomlValue& url, std::string& out,
                     std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const std::string text, section.string(url, "url"));
    auto resolved = resolve_env(text);
    if (!resolved) {
        return section.mistake(
            url.pos, fmt::format("url in {}: {}", section.name(), resolved.error().message));
    }
    const bool is_word =
        std::ranges::all_of(*resolved, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!is_word ||
        !(resolved->starts_with("postgresql://") || resolved->starts_with("postgres://"))) {
        return section.mistake(url.pos, fmt::format("url in {} must be a postgresql:// URL, or "
                                                    "env:NAME for one that is secret",
                                                    section.name()));
    }
    if (const Status checked = check_postgres_url(*resolved); !checked) {
        return section.mistake(url.pos, fmt::format("url in {}, which is not shown: {}",
                                                    section.name(), checked.error().message));
    }
    edits.push_back({url.pos, std::string{kRedactedUrl}});
    out = *std::move(resolved);
    return ok();
}

Status read_schema(const Section& section, const TomlValue& value, std::string& out) {
    PLUMBLINE_TRY(const std::string name, section.string(value, "schema"));
    if (!is_identifier(name) || name.size() > kMaxSqlName || name.starts_with("pg_")) {
        return section.mistake(value.pos,
                               fmt::format("schema in {} must be up to {} letters, digits and _, "
                                           "not begin with a digit or pg_, and so not be {}",
                                           section.name(), kMaxSqlName, in_quotes(name)));
    }
    out = name;
    return ok();
}

/// `has_entities`: of the sink, by its other keys.
Status read_history(const Section& section, const TomlValue& value, bool has_entities, bool& out) {
    if (value.kind != TomlValue::Kind::kBool) {
        return section.wrong_type(value, "history", "true or false");
    }
    if (value.boolean && !has_entities) {
        return section.mistake(value.pos, fmt::format("history in {} is of entities, and it has "
                                                      "none",
                                                      section.name()));
    }
    out = value.boolean;
    return ok();
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
    SectionMistakes mistakes{
        section, {"url", "schema", "entities", "events", "distribute", "strings", "history"}};
    SinkConfig out;
    out.name = entry.key;
    out.pos = section.pos();
    if (const TomlValue* url = mistakes.need("url")) {
        mistakes.add(read_sink_url(section, *url, out.url, edits));
    }
    if (const TomlValue* schema = section.find("schema")) {
        mistakes.add(read_schema(section, *schema, out.schema));
    }
    const bool are_entities_known = mistakes.add(read_entity_names(section, config, out.entities));
    mistakes.add(read_event_names(section, config, out.events));
    if (section.find("entities") == nullptr && section.find("events") == nullptr) {
        for (const EntityConfig& entity : config.entities) {
            out.entities.push_back(entity.name);
        }
    }
    out.has_chain_id = mistakes.choice("distribute", {"chain_id"}).has_value();
    out.strings_as_bytes = mistakes.choice("strings", {"text", "bytea"}) == 1U;
    if (const TomlValue* history = section.find("history")) {
        const bool has_entities = !are_entities_known || !out.entities.empty();
        mistakes.add(read_history(section, *history, has_entities, out.has_history));
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
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
    Mistakes mistakes;
    for (const TomlEntry& entry : sinks.entries()) {
        mistakes.add(read_sink(path, entry, config, edits));
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
