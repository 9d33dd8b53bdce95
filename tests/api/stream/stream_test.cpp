// The live stream: a chain in memory with reorgs, the real writer, clients that come and go. Their
// copies must equal the database.
#include "api/stream/stream.hpp"

#include <map>
#include <random>

#include "api/server/server.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/text/entity_text.hpp"
#include "tests/api/api_world.hpp"
#include "tests/api/http_client.hpp"
#include "tests/api/stream_client.hpp"
#include "tests/engine/fake_chain.hpp"

namespace plumbline::api::test::stream_test {
namespace {

using nlohmann::json;
using plumbline::test::FakeChain;
using plumbline::test::FakeNode;
using plumbline::test::HttpClient;
using plumbline::test::StreamClient;

/// `balance` is what a deposit sets it to; `child_abi` is a vault's.
engine::Config stream_config(std::string_view balance = "amount",
                             std::string_view child_abi = plumbline::test::kChildAbi) {
    std::string text = fmt::format(R"(
[chain]
id = 31337
rpc = "http://127.0.0.1:1"
finality = 12

[contracts.hub]
abi = "hub.json"
address = "{}"

[contracts.vault]
abi = "child.json"
factory = {{ event = "hub.VaultMade", address = "vault" }}

[entities.account]
key = {{ owner = "address" }}
fields = {{ balance = "uint256", last_block = "uint64" }}
drop = "balance == 0"

[entities.vault_row]
key = {{ place = "address" }}
fields = {{ pings = "uint64", total = "uint256" }}

[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
set = {{ last_block = "$block.number", balance = "{}" }}

[[on]]
event = "vault.Ping"
upsert = "vault_row"
key = {{ place = "$log.address" }}
add = {{ pings = 1, total = "n" }}
)",
                                   evm::to_hex(plumbline::test::hub_address()), balance);
    auto config = engine::parse_config(text, "test.toml", [&](const std::string& name) {
        return Result<std::string>{
            std::string{name == "hub.json" ? plumbline::test::kHubAbi : child_abi}};
    });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

/// The real indexer on one thread, with a hub.
class Rig {
  public:
    Rig(const FakeChain& chain, uint64_t seed, StreamOptions stream_options)
        : node{chain, clock_, {.seed = seed + 1}},
          random_{seed},
          stream_options_{stream_options} {
        open(stream_config());
    }
    ~Rig() { static_cast<void>(indexer->stop()); }

    /// As another process with this config.
    void restart(const engine::Config& config) {
        ASSERT_OK(indexer->stop());
        indexer.reset();
        open(config);
    }
    /// The database is removed, and all is indexed from nothing.
    void begin_anew(const engine::Config& config) {
        ++database_;
        restart(config);
    }

    void open(const engine::Config& config) {
        plan = engine::Plan::compile(config).value();
        hub = std::make_unique<StreamHub>(
            plan, [this] { return indexer ? indexer->database() : nullptr; },
            [this] { return indexer->progress().state.load() == engine::Lifecycle::kLive; },
            stream_options_);
        engine::IndexerOptions options;
        options.config = config;
        options.db_path = directory_.sub(fmt::format("db{}", database_));
        options.clock = &clock_;
        options.tiny_buffers = true;
        options.observer = hub.get();
        auto opened = engine::Indexer::open(std::move(options), node);
        PLUMBLINE_CHECK_MSG(opened.has_value(), message_of(opened).c_str());
        indexer = *std::move(opened);
    }

    void step() {
        switch (random_() % 4) {
            case 0:
            case 1: indexer->step_network(50); break;
            case 2: indexer->step_writer(); break;
            default: hub->step(); break;
        }
    }
    /// Until the index has the chain's head, by this mapping.
    void settle(const FakeChain& chain) {
        for (int i = 0; i < 200'000; ++i) {
            step();
            const storage::Database* database = indexer->database();
            const auto cursor = database == nullptr ? std::nullopt : database->cursor();
            const bool is_folded =
                database != nullptr && database->bundle().fingerprint == plan->bundle().fingerprint;
            if (cursor && cursor->block_hash == chain.blocks().back()->header.hash && is_folded &&
                !hub->step()) {
                return;
            }
            ASSERT_FALSE(indexer->failure().has_value()) << indexer->failure()->message;
        }
        FAIL() << "the index does not reach the head";
    }

  private:
    ManualClock clock_;

  public:
    FakeNode node;

  private:
    std::mt19937_64 random_;
    storage::test::TempDir directory_;
    int database_ = 0;
    StreamOptions stream_options_;

  public:
    std::shared_ptr<const engine::Plan> plan;
    std::unique_ptr<StreamHub> hub;
    std::unique_ptr<engine::Indexer> indexer;
};

using Rows = std::map<std::string, std::string>;  ///< "entity key" to JSON

Rows rows_of(const Rig& rig) {
    Rows out;
    const auto view = rig.indexer->database()->read_view();
    for (size_t i = 0; i < rig.plan->entities().size(); ++i) {
        const storage::EntityLayout& layout = rig.plan->entities()[i];
        for (const auto rows = view->scan_entity(i, {}, {}); rows->valid(); rows->next()) {
            std::string text;
            EXPECT_OK(engine::append_row_json(text, layout, storage::RowCodec{layout}, rows->key(),
                                              rows->row()));
            out[layout.name + " " + engine::key_to_text(layout, rows->key()).value()] =
                json::parse(text).dump();
        }
    }
    return out;
}

std::vector<std::string> events_of(const Rig& rig) {
    std::vector<std::string> out;
    engine::EventText text{rig.plan, rig.indexer->database()->children().value()};
    const auto view = rig.indexer->database()->read_view();
    for (const auto logs = view->scan_logs(0, UINT64_MAX); logs->valid(); logs->next()) {
        std::string line;
        text.append_json(line, logs->record());
        out.push_back(json::parse(line).dump());
    }
    return out;
}

/// A client on the hub itself that disconnects whenever it likes.
class Follower {
  public:
    Follower(Rig& rig, std::string question) : rig_{rig}, question_{std::move(question)} {}

    void disconnect() { reader_.reset(); }
    /// At most `count` messages.
    void follow(size_t count) {
        for (size_t i = 0; i < count; ++i) {
            if (!reader_ || client.is_over) {
                client.is_over = false;
                connect();
                if (!reader_) {
                    return;
                }
            }
            const auto message = reader_->next();
            if (!message) {
                return;
            }
            client.take(*message);
        }
    }

    StreamClient client;

  private:
    void connect() {
        reader_.reset();
        const auto target = parse_target("/v1/stream?" + question_ + client.cursors());
        ASSERT_OK(target);
        auto filter = read_stream_filter(*rig_.plan, *target);
        ASSERT_OK(filter);
        auto reader = rig_.hub->subscribe(*std::move(filter));
        if (reader) {
            reader_ = *std::move(reader);
        }
    }
    Rig& rig_;
    std::string question_;
    std::unique_ptr<StreamReader> reader_;
};

/// Mines, reorganises `reorgs` times and lets the followers come and go all the while.
void live_through(uint64_t seed, int reorgs, uint64_t deepest, StreamOptions options) {
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    FakeChain chain{seed + 100};
    chain.mine(30);
    Rig rig{chain, seed, options};
    std::vector<std::unique_ptr<Follower>> followers;
    followers.push_back(std::make_unique<Follower>(rig, "entity=*&snapshot=true"));
    followers.push_back(std::make_unique<Follower>(rig, "entity=account&snapshot=true"));
    followers.push_back(std::make_unique<Follower>(rig, "event=*&from=0"));
    int done = 0;
    while (done < reorgs) {
        for (int i = 0; i < 60; ++i) {
            rig.step();
            if (random() % 8 == 0) {
                Follower& one = *followers[random() % followers.size()];
                if (random() % 3 == 0) {
                    one.disconnect();
                }
                one.follow(random() % 5);
            }
        }
        if (random() % 2 == 0) {
            chain.reorg(1 + random() % deepest, 1 + random() % (deepest + 3));
            ++done;
        } else {
            chain.mine(1 + random() % 3);
        }
        if (random() % 3 == 0) {
            ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
        }
    }
    chain.mine(2);
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    for (int i = 0; i < 100; ++i) {
        rig.step();
    }
    while (rig.hub->step()) {
    }
    for (const auto& follower : followers) {
        follower->follow(100'000);
    }
    const Rows wanted = rows_of(rig);
    Rows accounts;
    for (const auto& [name, row] : wanted) {
        if (name.starts_with("account ")) {
            accounts.emplace(name, row);
        }
    }
    EXPECT_FALSE(wanted.empty());
    EXPECT_EQ(followers[0]->client.rows, wanted);
    EXPECT_EQ(followers[1]->client.rows, accounts);
    EXPECT_EQ(followers[2]->client.event_texts(), events_of(rig));
    EXPECT_GT(followers[0]->client.seen["resume"], 0);
    for (const auto& follower : followers) {
        follower->disconnect();
    }
}

TEST(StreamTest, AClientThatReconnectsAtRandomThroughReorgsEndsWithTheDatabase) {
    live_through(storage::test::test_seed(1), 100, 8, {});
}

TEST(StreamTest, TheSameWithARingThatForgets) {
    for (uint64_t seed = 10; seed < 13; ++seed) {
        live_through(storage::test::test_seed(seed), 25, 8,
                     {.ring_bytes_max = 6'000, .snapshot_rows = 2});
    }
}

TEST(StreamTest, TheSameWhereCommitsAreTooLargeToTell) {
    for (uint64_t seed = 20; seed < 23; ++seed) {
        live_through(storage::test::test_seed(seed), 25, 8,
                     {.commit_bytes_max = 600, .commit_events_max = 3});
    }
}

TEST(StreamTest, TheSameThroughReorgsBeyondFinality) {
    for (uint64_t seed = 30; seed < 32; ++seed) {
        live_through(storage::test::test_seed(seed), 10, 25, {});
    }
}

/// A client that has all, and the service started again meanwhile.
void come_back_after(const engine::Config& config, std::string_view first_message) {
    FakeChain chain{9};
    chain.mine(40);
    Rig rig{chain, 9, {}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    for (const char* question : {"entity=account&snapshot=true", "event=*&from=0"}) {
        SCOPED_TRACE(question);
        ASSERT_NO_FATAL_FAILURE(rig.restart(stream_config()));
        ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
        Follower follower{rig, question};
        follower.follow(100'000);
        follower.disconnect();
        const auto before = follower.client.seen;
        ASSERT_NO_FATAL_FAILURE(rig.restart(config));
        ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
        follower.follow(1);
        EXPECT_EQ(follower.client.seen[std::string{first_message}],
                  before.contains(std::string{first_message})
                      ? before.at(std::string{first_message}) + 1
                      : 1);
        follower.follow(100'000);
        Rows accounts = rows_of(rig);
        std::erase_if(accounts, [](const auto& row) { return !row.first.starts_with("account "); });
        if (std::string_view{question}.starts_with("entity")) {
            EXPECT_EQ(follower.client.rows, accounts);
        } else {
            EXPECT_EQ(follower.client.event_texts(), events_of(rig));
        }
        follower.disconnect();
    }
}

TEST(StreamTest, AClientGoesOnAfterARestartWithWhatItKnows) {
    come_back_after(stream_config(), "resume");
}

TEST(StreamTest, AClientOfAnotherMappingIsResetThoughTheBlockIsTheSame) {
    come_back_after(stream_config("amount + 1"), "reset");
}

/// A follower of all events that is away while `then` happens, and how it went on: the first
/// message's type. In the end its events are the log's.
std::string come_back_to_events(Rig& rig, const FakeChain& chain,
                                const std::function<void()>& then) {
    Follower follower{rig, "event=*&from=0"};
    follower.follow(100'000);
    EXPECT_EQ(follower.client.event_texts(), events_of(rig));
    follower.disconnect();
    then();
    rig.settle(chain);
    const auto before = follower.client.seen;
    follower.follow(1);
    std::string first;
    for (const auto& [type, count] : follower.client.seen) {
        const auto was = before.find(type);
        if (was == before.end() || was->second != count) {
            first = type;
        }
    }
    follower.follow(100'000);
    EXPECT_EQ(follower.client.event_texts(), events_of(rig));
    follower.disconnect();
    return first;
}

TEST(StreamTest, AFollowerOfEventsGoesOnInADatabaseThatWasMadeAnewOfTheSameLog) {
    FakeChain chain{9};
    chain.mine(40);
    Rig rig{chain, 9, {}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    EXPECT_EQ(come_back_to_events(rig, chain, [&] { rig.begin_anew(stream_config()); }), "resume");
}

TEST(StreamTest, AFollowerOfEventsGoesBackToWhereItHasAllThatADatabaseMadeAnewHas) {
    FakeChain chain{9};
    chain.mine(40);
    chain.mine_logs({plumbline::test::deposited(plumbline::test::hub_address(),
                                                plumbline::test::make_address(5, 1), 7)});
    const std::vector<std::pair<uint64_t, std::string>> cases = {{0, "reset"},
                                                                 {chain.head(), "retract"}};
    for (const auto& [lacks_from, first] : cases) {
        Rig rig{chain, 9, {}};
        rig.node.options.drops = [from = lacks_from](const evm::Log& log) {
            return log.block_num >= from && log.log_index == 0;
        };
        ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
        const size_t lacking = events_of(rig).size();
        rig.node.options.drops = {};
        EXPECT_EQ(come_back_to_events(rig, chain, [&] { rig.begin_anew(stream_config()); }), first)
            << "lacks some from block " << lacks_from;
        EXPECT_GT(events_of(rig).size(), lacking);
    }
}

TEST(StreamTest, AFollowerOfEventsIsResetWhereAnAbiTellsThemOtherwise) {
    FakeChain chain{9};
    chain.mine(40);
    Rig rig{chain, 9, {}};
    // An event that nobody handles: no row depends on it.
    const engine::Config config = stream_config("amount", R"([
{"type":"event","name":"Ping","inputs":[{"name":"n","type":"uint256","indexed":false}]}])");
    ASSERT_NO_FATAL_FAILURE(rig.restart(config));
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    const std::string fingerprint = rig.plan->bundle().fingerprint;
    EXPECT_EQ(come_back_to_events(rig, chain, [&] { rig.restart(stream_config()); }), "reset");
    EXPECT_EQ(rig.plan->bundle().fingerprint, fingerprint) << "else it is reset for that";
}

TEST(StreamTest, LogsAreCountedUpToEachBlock) {
    FakeChain chain{9};
    chain.mine(300);
    Rig rig{chain, 9, {}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    const auto view = rig.indexer->database()->read_view();
    uint64_t count = 0;
    const auto logs = view->scan_logs(0, UINT64_MAX);
    for (uint64_t block = 0; block <= chain.head(); ++block) {
        for (; logs->valid() && logs->record().log.block_num == block; logs->next()) {
            ++count;
        }
        ASSERT_EQ(count_logs(*view, block).value(), count) << block;
    }
    EXPECT_EQ(count_logs(*view, UINT64_MAX).value(), count);
    EXPECT_EQ(view->cursor().value().event_count, count);
}

TEST(StreamTest, ABlockWithoutItsBasisIsNotGoneOnFrom) {
    FakeChain chain{9};
    chain.mine(10);
    Rig rig{chain, 9, {}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    const auto cursor = rig.indexer->database()->cursor();
    ASSERT_TRUE(cursor.has_value());
    for (const char* question : {"entity=account", "event=*"}) {
        const auto target =
            parse_target(fmt::format("/v1/stream?{}&known={}-{}", question, cursor->block_num,
                                     evm::to_hex(cursor->block_hash)));
        auto reader = rig.hub->subscribe(read_stream_filter(*rig.plan, *target).value());
        ASSERT_OK(reader);
        EXPECT_THAT((*reader)->next().value(), testing::HasSubstr(R"("type":"reset")")) << question;
    }
}

TEST(StreamTest, ABlockOfManyEventsComesInPartsOfWhichTheLastOneHasTheHash) {
    FakeChain chain{6};
    chain.mine(30);
    Rig rig{chain, 6, {.commit_bytes_max = 1}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    Follower follower{rig, "event=*&from=0"};
    std::map<uint64_t, int> parts;
    const auto target = parse_target("/v1/stream?event=*&from=0");
    auto reader = rig.hub->subscribe(read_stream_filter(*rig.plan, *target).value());
    ASSERT_OK(reader);
    std::optional<uint64_t> open;
    while (const auto message = (*reader)->next()) {
        const json body = json::parse(*message);
        if (body["type"] != "block") {
            EXPECT_FALSE(open.has_value()) << "nothing comes between the parts";
            continue;
        }
        EXPECT_EQ(body["events"].size(), 1U) << "each is larger than a byte";
        EXPECT_EQ(body.contains("more"), !body.contains("hash"));
        EXPECT_TRUE(!open || *open == body["block"]);
        open = body.contains("more") ? std::optional<uint64_t>{body["block"]} : std::nullopt;
        ++parts[body["block"]];
    }
    EXPECT_TRUE(std::ranges::any_of(parts, [](const auto& one) { return one.second > 1; }));
    follower.follow(100'000);
    EXPECT_EQ(follower.client.event_texts(), events_of(rig));
}

TEST(StreamTest, AClientThatDoesNotReadIsToldAndLetGo) {
    FakeChain chain{5};
    chain.mine(20);
    Rig rig{chain, 5, {.ring_bytes_max = 2'000}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    auto reader = rig.hub->subscribe({});
    ASSERT_OK(reader);
    EXPECT_THAT((*reader)->next().value(), testing::HasSubstr("\"hello\""));
    chain.mine(60);
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    std::string last;
    while (const auto message = (*reader)->next()) {
        last = *message;
    }
    EXPECT_TRUE((*reader)->is_over());
    EXPECT_THAT(last, testing::HasSubstr("too slow"));
}

TEST(StreamTest, MistakesInTheQuestionAreNamed) {
    const auto plan = engine::Plan::compile(stream_config()).value();
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"entity=acount", "no entity 'acount'; did you mean 'account'? there are: account"},
        {"event=hub.Depsited", "no event 'Depsited' of hub; did you mean 'Deposited'?"},
        {"event=hubb.*", "no contract 'hubb'; did you mean 'hub'? known: hub, vault"},
        {"event=Deposited", "write CONTRACT.EVENT or CONTRACT.*"},
        {"key=owner=0x12", "exactly one entity"},
        {"entity=account&key=owner=0x12", "expected 20 bytes"},
        {"entity=account&key=0x12", "expected 20 bytes"},
        {"known=5", "BLOCK-HASH"},
        {"known=5-0x12", "BLOCK-HASH"},
        {"known=", "BLOCK-HASH"},
        {"known=5-0x0101010101010101010101010101010101010101010101010101010101010101-12", "BASIS"},
        {"from=1", "with event"},
        {"event=*&from=x", "block number"},
        {"snapshot=1", "true or false"},
        {"colour=red", "entity, key, event"},
    };
    for (const auto& [question, message] : cases) {
        const auto filter =
            read_stream_filter(*plan, parse_target("/v1/stream?" + question).value());
        ASSERT_FALSE(filter.has_value()) << question;
        EXPECT_THAT(filter.error().message, testing::HasSubstr(message)) << question;
    }
}

TEST(StreamTest, OverAWebSocketMessagesComeAsTheyHappen) {
    FakeChain chain{8};
    chain.mine(20);
    Rig rig{chain, 8, {.clients_max = 2}};
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    TestContext context{rig.plan};
    context.shown = rig.indexer->database();
    Router router{context, {}};
    auto server = Server::start(router, rig.hub.get(), {});
    ASSERT_OK(server);
    {
        HttpClient stranger{(*server)->port()};
        EXPECT_EQ(stranger.upgrade("/v1/stream", "Origin: http://evil.example\r\n").status, 403U);
        HttpClient lost{(*server)->port()};
        EXPECT_EQ(lost.upgrade("/v1/nothing").status, 404U);
        EXPECT_EQ(lost.upgrade("/v1/stream?entity=nobody").status, 400U);
        HttpClient own{(*server)->port()};
        EXPECT_EQ(own.upgrade("/v1/stream", "Origin: http://localhost\r\n").status, 101U);
        EXPECT_THAT(own.message().value_or(""), testing::HasSubstr("hello"));
    }
    HttpClient socket{(*server)->port()};
    EXPECT_EQ(socket.upgrade("/v1/stream?snapshot=true").status, 101U);
    StreamClient client;
    while (client.seen["ready"] == 0) {
        const auto message = socket.message();
        ASSERT_TRUE(message.has_value());
        client.take(*message);
    }
    socket.send_frame(1, "what a client says is not heard");
    chain.mine(3);
    chain.reorg(5, 7);
    ASSERT_NO_FATAL_FAILURE(rig.settle(chain));
    rig.hub->on_proof(R"({"kind":"state"})");
    while (rig.hub->step()) {
    }
    while (client.seen["proof"] == 0) {
        const auto message = socket.message();
        ASSERT_TRUE(message.has_value());
        client.take(*message);
    }
    EXPECT_EQ(client.rows, rows_of(rig));
    // Broken frames end the connection and nothing else.
    socket.send(std::string(32, '\xff'));
    while (socket.message(5'000)) {
    }
    EXPECT_TRUE(socket.is_closed());
    HttpClient again{(*server)->port()};
    EXPECT_EQ(again.get("/v1/health").status, 200U);
    server->reset();
}

}  // namespace
}  // namespace plumbline::api::test::stream_test
