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

/// Parameters that take one of few words; libpq knows no others, whatever its age.
struct UrlWords {
    std::string_view name;
    std::string_view words;
};
constexpr UrlWords kUrlWords[] = {
    {"sslmode", "disable, allow, prefer, require, verify-ca, verify-full"},
    {"target_session_attrs", "any, read-write, read-only, primary, standby, prefer-standby"},
    {"gssencmode", "disable, prefer, require"},
    {"channel_binding", "disable, prefer, require"},
};

bool is_one_of(std::string_view word, std::string_view words) {
    return fmt::format(" {},", words).find(fmt::format(" {},", word)) != std::string::npos;
}

/// Of a URL that can be meant in one way only; its values are not shown.
Status check_url_words(std::string_view url) {
    const size_t user_end = url.find_first_of("@/", url.find("://") + 3);
    const bool has_user = user_end != std::string_view::npos && url[user_end] == '@';
    std::string_view rest = url.substr(has_user ? user_end : 0);  // A password may have a ?.
    rest.remove_prefix(std::min(rest.find('?'), rest.size()));
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string_view one = rest.substr(0, rest.find('&'));
        rest.remove_prefix(one.size());
        const size_t equals = std::min(one.find('='), one.size());
        const std::string_view value = one.substr(std::min(equals + 1, one.size()));
        for (const auto& [name, words] : kUrlWords) {
            if (one.substr(0, equals) == name && value.find('%') == std::string_view::npos &&
                !is_one_of(value, words)) {
                return Error{ErrorCode::kInvalidArgument,
                             fmt::format("{} must be one of {}", name, words)};
            }
        }
    }
    return ok();
}

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
    Status checked = check_postgres_url(*resolved);
    checked = checked ? check_url_words(*resolved) : std::move(checked);
    if (!checked) {
        return section.mistake(url.pos, fmt::format("url in {}, which is not shown: {}",
                                                    section.name(), checked.error().message));
    }
    edits.push_back({url.pos, std::string{kRedactedUrl}});
    out = *std::move(resolved);
    return ok();
}

Status read_schema(const Section& section, const TomlValue& value, std::string& out) {
    PLUMBLINE_TRY(const std::string name, section.string(value, "schema"));
    if (!is_identifier(name) || name.size() > kMaxSqlName || name.starts_with("pg_") ||
        name == "information_schema") {
        return section.mistake(value.pos,
                               fmt::format("schema in {} must be up to {} letters, digits and _, "
                                           "not begin with a digit or pg_ nor be "
                                           "information_schema, and so not be {}",
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

/// Of "hub.VoteCast", "hub.*" and "*": whether an event can be both.
bool share_events(std::string_view one, std::string_view other) {
    const auto covers = [](std::string_view all, std::string_view part) {
        return all == "*" || all == part ||
               (all.ends_with(".*") && part.starts_with(all.substr(0, all.size() - 1)));
    };
    return covers(one, other) || covers(other, one);
}

/// What both would write; empty where nothing. A stored config names no database.
std::string shared_table(const SinkConfig& one, const SinkConfig& other) {
    if (one.url != other.url || one.url == kRedactedUrl || one.schema != other.schema) {
        return {};
    }
    for (const std::string& entity : one.entities) {
        if (std::ranges::find(other.entities, entity) != other.entities.end()) {
            return "the entity " + entity;
        }
    }
    for (const std::string& event : one.events) {
        for (const std::string& more : other.events) {
            if (share_events(event, more)) {
                return fmt::format("events of {}", in_quotes(event));
            }
        }
    }
    return {};
}

/// Rows have one writer: the second would stop at its start.
Status check_shared_tables(std::string_view path, const std::vector<SinkConfig>& sinks) {
    Mistakes mistakes;
    for (size_t at = 0; at < sinks.size(); ++at) {
        for (size_t before = 0; before < at; ++before) {
            const std::string shared = shared_table(sinks[at], sinks[before]);
            if (!shared.empty()) {
                mistakes.add(Status{mistake_at(
                    path, sinks[at].pos,
                    fmt::format(
                        "[sinks.{}] writes {} into the schema {} of the database that "
                        "[sinks.{}] writes it to: give it another schema, or take it out of "
                        "one of them",
                        sinks[at].name, shared, sinks[at].schema, sinks[before].name))});
            }
        }
    }
    return mistakes.all();
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
    mistakes.add(check_shared_tables(path, config.sinks));
    return mistakes.all();
}

}  // namespace plumbline::engine
