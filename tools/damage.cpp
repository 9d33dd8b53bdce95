// plumbline_damage: breaks a database on purpose, past every rule, for tests and demonstrations of
// the proofs. Built, not installed. Nobody may have the database open meanwhile.
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/codec.hpp"
#include "storage/log_codec.hpp"
#include "storage/raw_access.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {
namespace {

using storage::RawAccess;

struct DamageOptions {
    std::string path;
    std::string family;
    std::string key;  ///< 0x hex, or for entities field=value,field=value
    std::string value;
    uint64_t seed = 1;
    std::optional<uint64_t> bit;
    bool in_key = false;
    std::string entity;
    std::string field;
    size_t index = 0;
    std::optional<uint64_t> block;
    uint32_t log_index = 0;
};

Result<std::string> parse_bytes(std::string_view what, const std::string& text) {
    const auto bytes = evm::parse_hex(text);
    if (!bytes) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("--{} takes 0x and hex digits, not '{}'", what, text)};
    }
    return std::string{as_chars(*bytes)};
}

std::string hex(std::string_view bytes) {
    return evm::to_hex(as_bytes(bytes));
}

/// The key asked for, or one drawn by the seed.
Result<std::string> choose_key(const RawAccess& raw, const DamageOptions& options) {
    return options.key.empty() ? raw.pick_key(options.family, options.seed)
                               : parse_bytes("key", options.key);
}

struct Target {
    storage::EntityLayout layout;
    std::string key;
    std::string shown_key;
};

/// Reads the layout through the front door and closes it again.
Result<Target> find_row(const DamageOptions& options) {
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    PLUMBLINE_TRY(const size_t entity, find_entity(*database, options.entity));
    Target target;
    target.layout = database->entities()[entity];
    if (!options.key.empty()) {
        PLUMBLINE_TRY(target.key, engine::key_from_text(target.layout, options.key));
    } else {
        std::vector<std::string> keys;
        const auto view = database->read_view();
        const auto scan = view->scan_entity(entity, {}, {});
        for (; scan->valid(); scan->next()) {
            keys.emplace_back(scan->key());
        }
        PLUMBLINE_TRY_VOID(scan->status());
        if (keys.empty()) {
            return Error{ErrorCode::kNotFound, fmt::format("{} has no rows", options.entity)};
        }
        target.key = keys[options.seed * 0x9E3779B97F4A7C15ULL % keys.size()];
    }
    PLUMBLINE_TRY(target.shown_key, engine::key_to_text(target.layout, target.key));
    return target;
}

Status list_families(const DamageOptions& options) {
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    PLUMBLINE_TRY(const auto families, raw->list_families());
    for (const auto& [name, keys] : families) {
        PLUMBLINE_TRY_VOID(print(fmt::format("{:>10}  {}\n", keys, name)));
    }
    return ok();
}

Status flip_bit(const DamageOptions& options) {
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    PLUMBLINE_TRY(const std::string key, choose_key(*raw, options));
    const uint64_t bit = options.bit.value_or(options.seed * 0x9E3779B97F4A7C15ULL >> 7);
    if (options.in_key) {
        PLUMBLINE_TRY(const std::string changed, raw->flip_key_bit(options.family, key, bit));
        return print(fmt::format("{}: key {} is now {}\n", options.family, hex(key), hex(changed)));
    }
    PLUMBLINE_TRY_VOID(raw->flip_value_bit(options.family, key, bit));
    return print(fmt::format("{}: one bit of the value of {} flipped\n", options.family, hex(key)));
}

Status delete_key(const DamageOptions& options) {
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    PLUMBLINE_TRY(const std::string key, choose_key(*raw, options));
    PLUMBLINE_TRY_VOID(raw->remove(options.family, key));
    return print(fmt::format("{}: {} is gone\n", options.family, hex(key)));
}

Status put_bytes(const DamageOptions& options) {
    PLUMBLINE_TRY(const std::string key, parse_bytes("key", options.key));
    PLUMBLINE_TRY(const std::string value, parse_bytes("value", options.value));
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    PLUMBLINE_TRY_VOID(raw->put(options.family, key, value));
    return print(
        fmt::format("{}: {} holds {} bytes now\n", options.family, hex(key), value.size()));
}

Status set_field(const DamageOptions& options) {
    PLUMBLINE_TRY(const Target target, find_row(options));
    const int column = target.layout.find_column(options.field);
    if (column < static_cast<int>(target.layout.key.size())) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("{} has no field '{}' outside its key", options.entity, options.field)};
    }
    const size_t field = static_cast<size_t>(column) - target.layout.key.size();
    const storage::FieldType type = target.layout.fields[field].type;
    PLUMBLINE_TRY(const storage::KeyValue value, engine::parse_value(type, options.value));
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    const std::string family = "entity." + options.entity;
    PLUMBLINE_TRY(auto row, raw->get(family, target.key));
    if (!row) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("no {} with {}", options.entity, target.shown_key)};
    }
    const storage::RowCodec codec{target.layout};
    PLUMBLINE_TRY_VOID(codec.check(*row));
    codec.set_value(*row, field, value);
    PLUMBLINE_TRY_VOID(raw->put(family, target.key, *row));
    return print(fmt::format("{} {}: {} is now {}\n", options.entity, target.shown_key,
                             options.field, options.value));
}

Status drop_index(const DamageOptions& options) {
    PLUMBLINE_TRY(const Target target, find_row(options));
    if (options.index >= target.layout.indexes.size()) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("{} has {} indexes", options.entity,
                                                              target.layout.indexes.size())};
    }
    std::string columns;
    for (const uint16_t column : target.layout.indexes[options.index]) {
        columns += (columns.empty() ? "" : ",") + target.layout.column(column).name;
    }
    const std::string family = fmt::format("index.{}.{}", options.entity, columns);
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    PLUMBLINE_TRY(const auto entries, raw->list_keys(family));
    for (const std::string& entry : entries) {
        if (entry.ends_with(target.key)) {
            PLUMBLINE_TRY_VOID(raw->remove(family, entry));
            return print(fmt::format("{} {}: its entry in index {} is gone\n", options.entity,
                                     target.shown_key, columns));
        }
    }
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} has no entry for {}", family, target.shown_key)};
}

Status drop_event(const DamageOptions& options) {
    PLUMBLINE_TRY(const auto raw, RawAccess::open(options.path));
    std::string key;
    if (options.block) {
        storage::append_log_key(key, *options.block, options.log_index);
    } else {
        // Not the newest: its loss shows at the next open, and what follows is fetched again.
        PLUMBLINE_TRY(const auto keys, raw->list_keys("log"));
        if (keys.size() > 1) {
            key = keys[options.seed * 0x9E3779B97F4A7C15ULL % (keys.size() - 1)];
        }
    }
    PLUMBLINE_TRY(const auto value, raw->get("log", key));
    if (!value || key.size() != storage::kLogKeySize) {
        return Error{ErrorCode::kNotFound,
                     "no such event; `plumbline dump DB --events` lists them"};
    }
    PLUMBLINE_TRY_VOID(raw->remove("log", key));
    return print(fmt::format("the event at block {}, log {} is gone\n",
                             storage::load_be64(key.data()), storage::load_be32(key.data() + 8)));
}

/// Adds a subcommand that runs `run`.
CLI::App* add(CLI::App& app, ExitCode& exit, const std::shared_ptr<DamageOptions>& options,
              const std::string& name, const std::string& what,
              const std::function<Status(const DamageOptions&)>& run) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("DB", options->path, "The database directory")->required();
    command->callback([options, run, &exit] {
        if (const Status done = run(*options); !done) {
            exit = fail(done.error());
        }
    });
    return command;
}

void add_raw_commands(CLI::App& app, ExitCode& exit,
                      const std::shared_ptr<DamageOptions>& options) {
    const auto with_key = [&](CLI::App* command) {
        command->add_option("--family", options->family, "As `list` shows it; '#1' may be left out")
            ->required();
        command->add_option("--key", options->key, "0x hex; without it the seed draws one");
        command->add_option("--seed", options->seed, "Draws what is not given")
            ->capture_default_str();
    };
    add(app, exit, options, "list", "Families and how many keys each holds", list_families);
    CLI::App* flip = add(app, exit, options, "flip", "Flip one bit of a key or value", flip_bit);
    with_key(flip);
    flip->add_option("--bit", options->bit, "From the first byte's lowest; wraps around");
    flip->add_flag("--in-key", options->in_key, "Of the key instead of the value");
    with_key(add(app, exit, options, "delete", "Delete one key", delete_key));
    CLI::App* put = add(app, exit, options, "put", "Store raw bytes under a key", put_bytes);
    put->add_option("--family", options->family, "As `list` shows it")->required();
    put->add_option("--key", options->key, "0x hex")->required();
    put->add_option("--value", options->value, "0x hex")->required();
}

void add_row_commands(CLI::App& app, ExitCode& exit,
                      const std::shared_ptr<DamageOptions>& options) {
    const auto with_row = [&](CLI::App* command) {
        command->add_option("--entity", options->entity, "The entity's name")->required();
        command->add_option("--key", options->key,
                            "field=value,field=value; without it the seed draws a row");
        command->add_option("--seed", options->seed, "Draws what is not given")
            ->capture_default_str();
    };
    CLI::App* set =
        add(app, exit, options, "set-field",
            "Change a field of a row, leaving indexes and digests as they are", set_field);
    with_row(set);
    set->add_option("--field", options->field, "The field's name")->required();
    set->add_option("--value", options->value, "What it says from now on")->required();
    CLI::App* index =
        add(app, exit, options, "drop-index", "Remove a row's entry from an index", drop_index);
    with_row(index);
    index->add_option("--index", options->index, "Which index, counted from 0")
        ->capture_default_str();
    CLI::App* event =
        add(app, exit, options, "drop-event", "Remove an event from the log", drop_event);
    event->add_option("--block", options->block, "Its block; without it the seed draws an event");
    event->add_option("--log-index", options->log_index, "Its log index in the block")
        ->capture_default_str();
    event->add_option("--seed", options->seed, "Draws what is not given")->capture_default_str();
}

}  // namespace
}  // namespace plumbline::tools

int main(int argc, char** argv) {
    using plumbline::tools::ExitCode;
    CLI::App app{
        "plumbline_damage: breaks a plumbline database on purpose, so that one can see the "
        "proofs find it"};
    app.name("plumbline_damage");
    app.require_subcommand(1);
    app.footer(
        "Examples:\n"
        "  plumbline_damage set-field ./db --entity vote --seed 7 --field support --value false\n"
        "  plumbline_damage drop-event ./db --seed 7\n"
        "  plumbline_damage drop-index ./db --entity question --index 0\n"
        "  plumbline_damage flip ./db --family log --seed 7\n"
        "What it did goes to standard output. The database must not be open elsewhere.");
    ExitCode exit = ExitCode::kDone;
    const auto options = std::make_shared<plumbline::tools::DamageOptions>();
    plumbline::tools::add_raw_commands(app, exit, options);
    plumbline::tools::add_row_commands(app, exit, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
    }
    return static_cast<int>(exit);
}
