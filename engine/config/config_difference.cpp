#include "engine/config/config_difference.hpp"

#include <algorithm>

#include "engine/config/config_toml.hpp"

namespace plumbline::engine {

namespace {

/// However it is written.
bool is_same(const TomlValue* a, const TomlValue* b) {
    if (a == nullptr || b == nullptr) {
        return a == b;
    }
    const auto same_item = [](const TomlValue& one, const TomlValue& other) {
        return is_same(&one, &other);
    };
    const auto same_entry = [](const TomlEntry& one, const TomlEntry& other) {
        return one.key == other.key && is_same(&one.value, &other.value);
    };
    return a->kind == b->kind && a->text == b->text && a->integer == b->integer &&
           a->boolean == b->boolean && a->real == b->real &&
           std::ranges::equal(a->items, b->items, same_item) &&
           std::ranges::equal(a->entries, b->entries, same_entry);
}

/// Of what the config keeps as text only, for those who read it.
bool has_same_text(const Config& a, const Config& b, std::string_view section) {
    const Result<TomlValue> one = parse_toml(a.text, a.path);
    const Result<TomlValue> other = parse_toml(b.text, b.path);
    return one && other ? is_same(one->find(section), other->find(section)) : a.text == b.text;
}

}  // namespace

std::vector<std::string> differing_sections(const Config& a, const Config& b) {
    // Every member by its name: one that is new does not compile before somebody has said here
    // whether it counts.
    const auto& [path, text, chain, db_path, memory_mib, proof, repair, contracts, entities,
                 handlers, schedules, http, webhooks, sinks, backup, log_level] = a;
    std::vector<std::string> out;
    const auto tell = [&out](bool is_equal, const char* section) {
        if (!is_equal) {
            out.emplace_back(section);
        }
    };
    tell(contracts == b.contracts && entities == b.entities && handlers == b.handlers,
         "contracts, entities or handlers");
    tell(chain == b.chain, "[chain]");
    tell(db_path == b.db_path && memory_mib == b.memory_mib, "[database]");
    tell(proof == b.proof, "[proof]");
    tell(repair == b.repair, "[repair]");
    tell(http == b.http, "[http]");
    tell(webhooks == b.webhooks, "[webhooks]");
    tell(sinks == b.sinks, "[sinks]");
    tell(backup == b.backup, "[backup]");
    tell(has_same_text(a, b, "reports"), "[reports]");
    return out;
}

}  // namespace plumbline::engine
