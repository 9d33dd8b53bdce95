#include "engine/setup/init.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/evm/abi_json.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config_text.hpp"
#include "engine/setup/init_abi.hpp"
#include "engine/setup/init_fields.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxEntities = 256;

/// A TOML basic string.
std::string in_toml(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\u{:04x}", byte);
            continue;
        }
        out += c == '"' || c == '\\' ? "\\" : "";
        out += c;
    }
    return out + '"';
}

void append_table(std::string& out, std::string_view mark, std::string_view key,
                  const std::vector<std::pair<std::string, std::string>>& items) {
    std::string line = fmt::format("{}{} = {{ ", mark, key);
    for (size_t i = 0; i < items.size(); ++i) {
        line +=
            fmt::format("{}{} = {}", i == 0 ? "" : ", ", items[i].first, in_toml(items[i].second));
    }
    line += " }\n";
    out += line;
}

void append_fields(std::string& out, std::string_view mark, const std::vector<FieldPlan>& fields) {
    std::vector<std::pair<std::string, std::string>> items;
    items.reserve(fields.size());
    for (const FieldPlan& field : fields) {
        items.emplace_back(field.name, field.type);
    }
    if (!items.empty()) {
        append_table(out, mark, "fields", items);
    }
}

void append_values(std::string& out, std::string_view mark, const std::vector<FieldPlan>& fields) {
    std::vector<std::pair<std::string, std::string>> items;
    items.reserve(fields.size());
    for (const FieldPlan& field : fields) {
        items.emplace_back(field.name, field.value);
    }
    if (!items.empty()) {
        append_table(out, mark, "set", items);
    }
}

/// Writes one config. One thread.
class ConfigWriter {
  public:
    ConfigWriter(const InitOptions& options, const evm::Abi& abi, const InitFiles& files)
        : options_{options},
          abi_{abi},
          contract_{files.contract},
          abi_file_{files.abi_file} {}

    [[nodiscard]] std::string write() {
        head();
        size_t count = 0;
        for (const evm::AbiEvent& event : abi_.events) {
            if (event.anonymous) {
                out_ += fmt::format(
                    "\n# {} is left out: it is anonymous, and no topic tells it. Say which logs it "
                    "is "
                    "with `when`,\n# or with `anonymous` in [contracts]: docs/config.md.\n",
                    event.signature());
            } else if (++count > kMaxEntities) {
                out_ += fmt::format("\n# {} is left out: a config has at most {} entities.\n",
                                    event.signature(), kMaxEntities);
            } else {
                add_event(event);
            }
        }
        for (const auto& [name, why] : abi_.skipped_events) {
            out_ += fmt::format("\n# {} is left out: {}\n", name, why);
        }
        if (count == 0) {
            out_ += "\n# The ABI has no events to make entities of.\n";
        }
        how_to_go_on();
        return std::move(out_);
    }

  private:
    void head() {
        out_ += fmt::format(
            "# Indexes {0}: every event becomes one row of the entity named after it.\n"
            "#   plumbline run plumbline.toml\n"
            "# Change it as you like: entities are derived again from the stored events.\n"
            "# Lines that start with # and no blank are examples to uncomment.\n\n"
            "[chain]\n",
            contract_);
        out_ += fmt::format("id = {}\n", options_.chain_id);
        out_ += fmt::format(
            "rpc = [{}]  # several: failover. A key is better kept outside: \"env:NAME\"\n"
            "finality = \"finalized\"  # or a number of blocks, where the node does not know it\n\n"
            "{}\n"
            "[contracts.{}]\n"
            "abi = {}\n"
            "address = \"{}\"\n"
            "start_block = {}{}\n",
            in_toml(options_.rpc_url), kHttpSection, contract_, in_toml(abi_file_),
            evm::to_hex(options_.address), options_.start_block,
            options_.is_start_found     ? "  # the first block with its code"
            : options_.start_block == 0 ? "  # the block of its deployment saves a long search"
                                        : "");
    }

    /// `hub.Event`, with types where the name has overloads or several shapes.
    [[nodiscard]] std::string event_name(const evm::AbiEvent& event) const {
        return fmt::format("{}.{}", contract_, abi_.name_of(event));
    }

    void add_event(const evm::AbiEvent& event) {
        const Flattened parts = flatten(event);
        const std::string entity =
            entities_.claim(to_snake_case(event.name).substr(0, kMaxBaseName));
        out_ += fmt::format("\n# ---- {}\n\n", event.shape());
        for (const std::string& note : parts.notes) {
            out_ += fmt::format("# {}.\n", note);
        }
        out_ += fmt::format(
            "[entities.{}]\nkey = {{ block = \"uint64\", log_index = \"uint32\" }}\n", entity);
        append_fields(out_, "", parts.fields);
        for (const FieldPlan& field : parts.fields) {
            if (field.type == "address") {
                out_ += fmt::format("#index = [[\"{}\"]]\n", field.name);
                break;
            }
        }
        out_ += fmt::format("\n[[on]]\nevent = {}\ninsert = \"{}\"\n", in_toml(event_name(event)),
                            entity);
        out_ += "key = { block = \"$block.number\", log_index = \"$log.index\" }\n";
        append_values(out_, "", parts.fields);
        for (const ArrayPlan& array : parts.arrays) {
            add_array(event, entity, array);
        }
        remember_example(event, entity, parts);
    }

    /// An array does not fit a field: shows, commented out, one row for each item.
    void add_array(const evm::AbiEvent& event, const std::string& entity, const ArrayPlan& array) {
        out_ += fmt::format("\n# {} ({}) is an array and does not fit a field.", array.path,
                            array.type_text);
        const evm::AbiType& element = array.type->children.front();
        if (element.is_array()) {
            out_ += fmt::format(
                " Its items are arrays themselves: each = [{}] walks through it, and {}[0] is then "
                "an item's first element.\n",
                in_toml(array.path), array.path);
            return;
        }
        out_ += " One row for each item:\n";
        const Flattened parts = flatten_item(array.path, element);
        const std::string name =
            entities_.claim(fmt::format("{}_{}", entity, array.name).substr(0, kMaxBaseName));
        out_ += fmt::format(
            "#[entities.{}]\n"
            "#key = {{ block = \"uint64\", log_index = \"uint32\", item = \"uint64\" }}\n",
            name);
        append_fields(out_, "#", parts.fields);
        out_ += fmt::format(
            "#[[on]]\n#event = {}\n#each = [{}]\n#insert = \"{}\"\n"
            "#key = {{ block = \"$block.number\", log_index = \"$log.index\", item = "
            "\"$each.index\" }}\n",
            in_toml(event_name(event)), in_toml(array.path), name);
        append_values(out_, "#", parts.fields);
    }

    /// The counter at the end is about the first event that tells an address, else the first one
    /// that tells anything.
    void remember_example(const evm::AbiEvent& event, const std::string& entity,
                          const Flattened& parts) {
        for (const FieldPlan& field : parts.fields) {
            const bool is_address = field.type == "address";
            if (example_field_.name.empty() || (is_address && example_field_.type != "address")) {
                example_event_ = event_name(event);
                example_entity_ = entity;
                example_field_ = field;
            }
        }
    }

    void how_to_go_on() {
        out_ += "\n# ---- How to go on (docs/config.md has the whole language)\n";
        if (!example_field_.name.empty()) {
            counter();
        }
        getter();
    }

    void counter() {
        const std::string counter = entities_.claim(
            fmt::format("{}_by_{}", example_entity_, example_field_.name).substr(0, kMaxBaseName));
        const std::string total = entities_.claim(counter + "_total");
        const FieldPlan& field = example_field_;
        out_ += fmt::format(
            "\n# A counter: how many {0} there are for each {2}. Event data the row does not need\n"
            "# is simply not named; $block.timestamp, $txn.hash, $txn.from and others are there "
            "too.\n"
            "#[entities.{1}]\n"
            "#key = {{ {2} = \"{3}\" }}\n"
            "#fields = {{ events = \"uint64\", last_block = \"uint64\" }}\n"
            "#[[on]]\n"
            "#event = {4}\n"
            "#upsert = \"{1}\"\n"
            "#key = {{ {2} = {5} }}\n"
            "#add = {{ events = 1 }}\n"
            "#max = {{ last_block = \"$block.number\" }}\n",
            example_event_, counter, field.name, field.type, in_toml(example_event_),
            in_toml(field.value));
        out_ += fmt::format(
            "\n# A look-up reads a row by its key. Handlers run in file order, so here the counter "
            "is\n"
            "# already up to date, and this one counts how many different {2} there were.\n"
            "#[entities.{1}]\n"
            "#key = {{ name = \"string\" }}\n"
            "#fields = {{ n = \"uint64\" }}\n"
            "#[[on]]\n"
            "#event = {4}\n"
            "#when = \"{0}[{3}].events == 1\"\n"
            "#upsert = \"{1}\"\n"
            "#key = {{ name = \"'different'\" }}\n"
            "#add = {{ n = 1 }}\n",
            counter, total, field.name, field.value, in_toml(example_event_));
    }

    /// A getter from key to values, as public mappings have: what a state proof compares.
    [[nodiscard]] const evm::AbiFunction* find_getter() const {
        for (const evm::AbiFunction& function : abi_.functions) {
            const bool fits =
                function.read_only && function.inputs.size() == 1 && !function.outputs.empty() &&
                function.outputs.size() <= 16 && field_type(function.inputs[0].type) &&
                std::ranges::all_of(function.outputs, [](const evm::AbiParam& output) {
                    return field_type(output.type).has_value();
                });
            if (fits && function.name != "supportsInterface") {
                return &function;
            }
        }
        return nullptr;
    }

    void getter() {
        const evm::AbiFunction* function = find_getter();
        if (function == nullptr) {
            return;
        }
        const std::string entity =
            entities_.claim(to_snake_case(function->name).substr(0, kMaxBaseName));
        NameSet names{{"_", "true", "false", "null"}};
        const evm::AbiParam& input = function->inputs[0];
        const std::string key =
            names.claim(input.name.empty() ? "id" : to_snake_case(input.name).substr(0, 48));
        std::vector<FieldPlan> fields;
        std::string returns;
        for (const evm::AbiParam& output : function->outputs) {
            const std::string wanted =
                output.name.empty() ? "value" : to_snake_case(output.name).substr(0, kMaxBaseName);
            const std::string name = names.claim(wanted);
            fields.push_back({name, storage::to_string(*field_type(output.type)), ""});
            returns += fmt::format("{}\"{}\"", returns.empty() ? "" : ", ", name);
        }
        const auto same =
            std::ranges::count(abi_.functions, function->name, &evm::AbiFunction::name);
        out_ += fmt::format(
            "\n# An entity that handlers keep equal to what {0} tells: it has rows once an\n"
            "# [[on]] of yours writes it. With `state` the contract's own word can be compared "
            "with\n"
            "# every row.\n"
            "#[entities.{1}]\n"
            "#key = {{ {2} = \"{3}\" }}\n",
            function->signature(), entity, key, storage::to_string(*field_type(input.type)));
        append_fields(out_, "#", fields);
        out_ +=
            fmt::format("#state = {{ call = {}, args = [\"{}\"], returns = [{}] }}\n",
                        in_toml(fmt::format("{}.{}", contract_,
                                            same == 1 ? function->name : function->signature())),
                        key, returns);
    }

    const InitOptions& options_;
    const evm::Abi& abi_;
    std::string contract_;
    std::string abi_file_;
    std::string out_;
    NameSet entities_;
    std::string example_event_;
    std::string example_entity_;
    FieldPlan example_field_;
};

std::string file_stem(std::string_view path) {
    if (const size_t slash = path.find_last_of("/\\"); slash != std::string_view::npos) {
        path.remove_prefix(slash + 1);
    }
    return std::string{path.substr(0, path.find('.'))};
}

}  // namespace

Result<InitFiles> make_config(const InitOptions& options) {
    auto abi = evm::read_abi(options.abi_json, options.contract);
    if (!abi) {
        return std::move(abi).error().with_context(options.abi_file);
    }
    const FoundAbi found = find_abi(options);
    std::string name = found.name;
    if (name.empty()) {
        name = options.contract.substr(options.contract.rfind(':') + 1);
    }
    if (name.empty()) {
        name = file_stem(options.abi_file);
    }
    InitFiles out;
    out.contract = name.empty() ? "contract" : to_snake_case(name);
    const bool is_text = found.json.empty() && options.abi_json.find_first_of("[{") != 0;
    out.abi_file = out.contract + (is_text ? ".txt" : ".json");
    out.abi_json = found.json.empty() ? options.abi_json : found.json;
    out.config = ConfigWriter{options, *abi, out}.write();
    return out;
}

}  // namespace plumbline::engine
