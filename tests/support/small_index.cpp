#include "tests/support/small_index.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/read_view.hpp"
#include "storage/scanner.hpp"

namespace plumbline::engine::test {

namespace {

/// One parameter list, "uint256 indexed id, (uint8 kind, string name) policy", as ABI JSON.
class ParamReader {
  public:
    explicit ParamReader(std::string_view text) : text_{text} {}

    /// From behind '(' to behind its ')'.
    std::string list() {
        std::string out = "[";
        skip();
        while (text_[at_] != ')') {
            out += out.size() > 1 ? "," : "";
            out += param();
            skip();
            if (text_[at_] == ',') {
                ++at_;
                skip();
            }
        }
        ++at_;
        return out + "]";
    }
    void open() {
        skip();
        PLUMBLINE_CHECK(text_[at_] == '(');
        ++at_;
    }
    std::string word() {
        skip();
        const size_t from = at_;
        while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != ',' && text_[at_] != '(' &&
               text_[at_] != ')') {
            ++at_;
        }
        return std::string{text_.substr(from, at_ - from)};
    }

  private:
    void skip() {
        while (at_ < text_.size() && text_[at_] == ' ') {
            ++at_;
        }
    }
    std::string param() {
        std::string components;
        std::string type;
        if (text_[at_] == '(') {
            ++at_;
            components = fmt::format(R"(,"components":{})", list());
            type = "tuple";
        }
        if (at_ < text_.size() && text_[at_] != ' ') {
            type += word();
        }
        std::string name = word();
        const bool indexed = name == "indexed";
        if (indexed) {
            name = word();
        }
        return fmt::format(R"({{"name":"{}","type":"{}","indexed":{}{}}})", name, type, indexed,
                           components);
    }
    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

std::string abi_json(const std::vector<std::string>& lines) {
    std::string out = "[";
    for (const std::string& line : lines) {
        ParamReader reader{line};
        const std::string kind = reader.word();
        const std::string name = reader.word();
        reader.open();
        const std::string inputs = reader.list();
        const std::string rest = reader.word();
        out += out.size() > 1 ? "," : "";
        out += fmt::format(R"({{"type":"{}","name":"{}","inputs":{})", kind, name, inputs);
        if (kind == "function") {
            reader.open();
            out += fmt::format(R"(,"stateMutability":"{}","outputs":{}}})", rest, reader.list());
        } else {
            out += fmt::format(R"(,"anonymous":{}}})", rest == "anonymous");
        }
    }
    return out + "]";
}

Result<Config> read_config(std::string_view mapping, const Abis& abis) {
    return parse_config(std::string{kChainToml} + std::string{mapping}, "test.toml",
                        [&abis](const std::string& name) -> Result<std::string> {
                            const auto found = abis.find(name);
                            if (found == abis.end()) {
                                return Error{ErrorCode::kNotFound, "no file " + name};
                            }
                            return found->second;
                        });
}

Config must_read_config(std::string_view mapping, const Abis& abis) {
    auto config = read_config(mapping, abis);
    PLUMBLINE_CHECK_MSG(config.has_value(), message_of(config).c_str());
    return *std::move(config);
}

std::string refusal(std::string_view mapping, const Abis& abis) {
    const auto config = read_config(mapping, abis);
    if (!config) {
        return config.error().message;
    }
    const auto plan = Plan::compile(*config);
    return plan ? "" : plan.error().message;
}

const Abis& chain_abis() {
    static const Abis kFiles{{"hub.json", plumbline::test::kHubAbi},
                             {"child.json", plumbline::test::kChildAbi}};
    return kFiles;
}

std::string deposits_toml() {
    return fmt::format(R"(
[contracts.hub]
abi = "hub.json"
address = "{}"
[entities.account]
key = {{ owner = "address" }}
fields = {{ balance = "uint256" }}
[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
add = {{ balance = "amount" }}
)",
                       evm::to_hex(plumbline::test::hub_address()));
}

Mapping::Mapping(std::string_view toml, const Abis& abis, std::vector<EventHandler> handlers,
                 const std::function<void(Config&)>& edit)
    : config{must_read_config(toml, abis)} {
    if (edit) {
        edit(config);
    }
    auto compiled = Plan::compile(config, std::move(handlers));
    PLUMBLINE_CHECK_MSG(compiled.has_value(), message_of(compiled).c_str());
    plan = *std::move(compiled);
}

Emitted Mapping::emit(const std::string& name, const std::vector<AbiValue>& values,
                      uint64_t block_num, uint32_t log_index,
                      std::optional<evm::Address> from) const {
    const size_t dot = name.find('.');
    const int source = plan->find_source(name.substr(0, dot));
    PLUMBLINE_CHECK(source >= 0);
    const auto index = static_cast<size_t>(source);
    const auto event = plan->abi(index).find_event(name.substr(dot + 1));
    PLUMBLINE_CHECK_MSG(event.has_value(), name.c_str());
    const auto encoded = evm::encode_event(**event, values);
    PLUMBLINE_CHECK_MSG(encoded.has_value(), message_of(encoded).c_str());
    Emitted out;
    out.log.block_num = block_num;
    out.log.log_index = log_index;
    out.log.txn_index = log_index / 2;
    out.log.txn_hash = hash_of(block_num * 100 + log_index, 3);
    out.log.address = from ? *from : plan->sources()[index].addresses.at(0);
    out.log.topic_count = static_cast<uint8_t>(encoded->topics.size());
    std::ranges::copy(encoded->topics, out.log.topics.begin());
    out.data = encoded->data;
    return out;
}

World::World(const Mapping& mapping, Pace pace) : mapping_{mapping}, pace_{pace} {
    storage::OpenOptions options = storage::test::create_options();
    options.bundle = mapping.plan->bundle();
    database = storage::test::must_open(dir.sub("db"), options);
    start();
}

void World::start() {
    fold = std::make_unique<Fold>(mapping_.plan, *database, pace_.cache_bytes);
    batch = database->make_batch();
    const auto children = database->children();
    for (const storage::ChildRow& child : children.value()) {
        fold->add_child(child);
    }
}

void World::stop() {
    fold.reset();
    batch.reset();
}

void World::reopen() {
    stop();
    database.reset();
    database = storage::test::must_open(dir.sub("db"), storage::test::open_options());
    start();
}

void World::block(uint64_t block_num, const std::vector<Emitted>& events, uint64_t fork) {
    const bool keep_undo = block_num > pace_.finalized;
    if (keep_undo) {
        commit();
    }
    const evm::Hash hash = hash_of(block_num, fork);
    fold->begin_block({block_num, hash, time_of(block_num), keep_undo});
    storage::TxnFields txn;
    txn.from = address_of(9);
    txn.value = evm::U256{77};
    logs_.clear();
    for (const Emitted& event : events) {
        logs_.push(event.log, event.data);
        logs_.logs.back().block_hash = hash;
    }
    for (const Emitted& event : events) {
        announce(event);
    }
    for (size_t i = 0; i < events.size(); ++i) {
        const storage::TxnFields* fields = pace_.needs_txn ? &txn : nullptr;
        if (pace_.look_ahead) {
            fold->look_ahead(logs_, i);
        }
        const evm::Log& log = logs_.logs[i];
        if (pace_.store_logs) {
            batch->append_log(log, logs_.data(log), fields);
        }
        ASSERT_OK(fold->apply(log, logs_.data(log), fields));
    }
    if (pace_.store_logs) {
        batch->append_block({block_num, hash, hash_of(block_num - 1, fork), time_of(block_num),
                             static_cast<uint32_t>(events.size()), storage::ProofLevel::kFetched});
    }
    last_ = {block_num, hash};
    if (keep_undo || ++waiting_ >= pace_.blocks_per_commit) {
        commit();
    }
}

void World::commit() {
    waiting_ = 0;
    if (!last_.first) {
        return;
    }
    RowChanges changes{SIZE_MAX / 2, 0, {}};
    ASSERT_OK(fold->flush(*batch, told ? &changes : nullptr));
    batch->set_cursor(last_.first, last_.second, time_of(last_.first));
    batch->set_finalized(std::min(pace_.finalized, last_.first));
    ASSERT_OK(database->commit(*batch, storage::Durability::kBuffered));
    batch->clear();
    if (told) {
        told(changes.rows, last_.first, std::min(pace_.finalized, last_.first));
    }
    last_ = {};
}

void World::rollback(uint64_t target) {
    commit();
    stop();
    ASSERT_OK(database->rollback(target));
    start();
}

std::string World::row(const std::string& entity, const std::string& key) {
    commit();
    const int index = mapping_.plan->find_entity(entity);
    PLUMBLINE_CHECK(index >= 0);
    const auto at = static_cast<size_t>(index);
    const storage::EntityLayout& layout = mapping_.plan->entities()[at];
    const auto encoded = key_from_text(layout, key);
    PLUMBLINE_CHECK_MSG(encoded.has_value(), message_of(encoded).c_str());
    const auto found = database->read_view()->get_row(at, *encoded);
    if (!found) {
        EXPECT_EQ(found.error().code, ErrorCode::kNotFound) << found.error().message;
        return "";
    }
    std::string out;
    const Status shown = append_row_json(out, layout, mapping_.plan->codec(at), *encoded, *found);
    EXPECT_TRUE(shown.has_value());
    return out;
}

std::vector<std::string> World::quarantine() {
    commit();
    std::vector<std::string> out;
    const auto rows = database->read_view()->list_quarantine(10'000);
    for (const storage::QuarantineRow& found : rows.value()) {
        out.push_back(fmt::format("{}/{} {}: {}", found.block_num, found.log_index, found.event,
                                  found.reason));
    }
    return out;
}

std::string World::row_or_reason(const std::string& entity, const std::string& key) {
    const std::vector<std::string> bad = quarantine();
    return bad.empty() ? row(entity, key) : bad.back();
}

std::vector<std::string> World::derived(bool with_undo) {
    commit();
    storage::DumpOptions options;
    options.want = [with_undo](std::string_view family) {
        return family.starts_with("entity.") || family.starts_with("index.") ||
               family.starts_with("quarantine") || (with_undo && family.starts_with("undo"));
    };
    auto lines = storage::dump_lines(*database, options);
    EXPECT_TRUE(lines.has_value()) << message_of(lines);
    return *std::move(lines);
}

void World::announce(const Emitted& event) {
    std::vector<ChildAnnouncement> found;
    for (uint32_t source = 0; source < mapping_.plan->sources().size(); ++source) {
        const Source& declared = mapping_.plan->sources()[source];
        if (std::ranges::find(declared.addresses, event.log.address) != declared.addresses.end() &&
            event.log.block_num <= declared.end_block) {
            mapping_.plan->find_children(source, event.log, event.data, found);
        }
    }
    for (const ChildAnnouncement& child : found) {
        const storage::ChildRow child_row{mapping_.plan->sources()[child.source].contract,
                                          child.address, event.log.block_num, event.log.log_index};
        batch->append_child(child_row);
        fold->add_child(child_row);
    }
}

}  // namespace plumbline::engine::test
