// The state program inside a real node: digests of every shape of getter, drift, low gas, both
// forms. Skipped where node or anvil are not installed (npm ci --prefix tools/node).
#include "tests/engine/proof/state/state_node.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "core/evm/keccak.hpp"
#include "engine/proof/state/state_digest.hpp"
#include "engine/proof/state/state_walk.hpp"
#include "tests/engine/proof/state/state_plans.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::engine::state_node_test {
namespace {

using evm::Address;
using evm::Hash;
using evm::U256;
using storage::EntityLayout;

constexpr std::array kForms{StateForm::kOverride, StateForm::kCreate};

const RowReader kNoOtherRows = [](uint32_t,
                                  std::string_view) -> Result<std::optional<std::string>> {
    return std::optional<std::string>{};
};

std::string read_file(const std::string& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

struct Deployed {
    evm::Abi abi;
    Address address;
};

/// Keys and rows of one entity, ready to be compared.
struct Subject {
    EntityLayout layout;
    StatePlan plan;
    std::vector<StoredRow> rows;
    std::optional<Address> target;
    std::vector<EntityLayout> entities{};
    std::optional<StateDigester> digester{};

    StateWalk walk(StateForm form, const StateLimits& limits = {}) {
        entities = {layout};
        plan.entity = 0;
        auto made = StateDigester::make(plan, entities, target);
        EXPECT_TRUE(made.has_value()) << made.error().message;
        digester.emplace(*std::move(made));
        StateQuestions questions{digester->getter()};
        std::vector<Hash> leaves;
        for (const StoredRow& row : rows) {
            EXPECT_TRUE(digester->can_ask(row.row));
            EXPECT_TRUE(digester->append(row.key, row.row, kNoOtherRows, questions, leaves));
        }
        return {digester->getter(), std::move(questions), std::move(leaves), form, limits};
    }
};

class StateNodeTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        node_ = TestNode::start();
        if (node_ == nullptr) {
            std::fputs("no anvil: run npm ci --prefix tools/node\n", stderr);
        }
    }
    static void TearDownTestSuite() { node_.reset(); }
    void SetUp() override {
        if (node_ == nullptr) {
            GTEST_SKIP() << "no anvil: run npm ci --prefix tools/node";
        }
    }

    static std::string compile(const std::string& contract) {
        const std::string out = binary_dir() + "/" + contract + ".json";
        output_of("node " + source_dir() + "/tools/node/compile.mjs " + source_dir() +
                  "/tests/contracts/StateCases.sol " + out + " --contract " + contract);
        return read_file(out);
    }
    static Deployed deploy(const std::string& contract) {
        const std::string text = compile(contract);
        const Json receipt = node_->transact("", Json::parse(text)["bytecode"]);
        return {*evm::read_abi(text),
                *evm::parse_address(receipt["contractAddress"].get<std::string>())};
    }

    /// Runs a walk to its end.
    static void finish(StateWalk& walk) {
        const Hash block = node_->head_hash();
        for (size_t calls = 0; auto call = walk.next(); calls++) {
            ASSERT_LT(calls, 200U);
            const Bytes answer = node_->run(*call, block);
            if (answer.empty()) {
                walk.refuse();
                continue;
            }
            const Status accepted = walk.accept(answer);
            ASSERT_TRUE(accepted) << accepted.error().message;
        }
    }

    static void explain(const Subject& subject, const StateWalk& walk, size_t i) {
        const auto answer =
            node_->ask(walk.questions().target(i), walk.questions().calldata(walk.getter(), i));
        const auto differences = subject.digester->differences(
            subject.rows[i].key, subject.rows[i].row, answer.value_or(Bytes{}));
        if (!differences) {
            std::printf("  %zu: %s\n", i, differences.error().message.c_str());
            return;
        }
        for (const StateDifference& item : *differences) {
            std::printf("  %zu: value %zu is %s %s, not %s %s\n", i, item.place,
                        item.actual.word.to_decimal().c_str(),
                        evm::to_hex(as_bytes(item.actual.bytes)).c_str(),
                        item.expected.word.to_decimal().c_str(),
                        evm::to_hex(as_bytes(item.expected.bytes)).c_str());
        }
    }

    /// All equal, in both forms, and the plain answers give the same leaves.
    static void expect_equal(Subject& subject, StateLimits limits = {}) {
        for (const StateForm form : kForms) {
            StateWalk walk = subject.walk(form, limits);
            finish(walk);
            EXPECT_EQ(walk.equal(), subject.rows.size());
            EXPECT_TRUE(walk.mismatches().empty())
                << walk.mismatches().size() << " differ, first " << walk.mismatches()[0].question
                << ": " << to_string(walk.mismatches()[0].status);
            EXPECT_TRUE(walk.unsettled().empty());
            for (const StateMismatch& mismatch : walk.mismatches()) {
                explain(subject, walk, mismatch.question);
            }
            for (size_t i = 0; i < std::min<size_t>(walk.leaves().size(), 5); i++) {
                const auto answer = node_->ask(walk.questions().target(i),
                                               walk.questions().calldata(walk.getter(), i));
                EXPECT_EQ(state_leaf(walk.getter(),
                                     answer ? LeafStatus::kAnswered : LeafStatus::kReverted,
                                     answer ? ByteView{*answer} : ByteView{}),
                          walk.leaves()[i]);
            }
        }
    }

    static Subject make(const Deployed& at, const std::string& function, const std::string& key,
                        const std::string& fields, const std::vector<std::string>& args,
                        const std::vector<std::string>& returns) {
        Subject out;
        out.layout.name = function;
        out.layout.key = columns_of(key);
        out.layout.fields = columns_of(fields);
        out.plan = plan_of(at.abi, function, out.layout, args, returns);
        out.target = at.address;
        return out;
    }
    static void add(Subject& subject, const std::vector<std::string>& texts) {
        subject.rows.push_back(row_of(subject.layout, texts));
    }

    static const Deployed& cases() {
        static const Deployed at = deploy("StateCases");
        return at;
    }
    static std::unique_ptr<TestNode> node_;
};
std::unique_ptr<TestNode> StateNodeTest::node_;

std::string text_of(size_t i) {
    std::string out(i * 3, '\0');
    for (size_t at = 0; at < out.size(); at++) {
        out[at] = static_cast<char>(97 + (i + at) % 26);
    }
    return out;
}

TEST_F(StateNodeTest, PassesTheSelfTestInBothForms) {
    for (const StateForm form : kForms) {
        const Bytes answer = node_->run(make_self_test(form), node_->head_hash());
        EXPECT_TRUE(passes_self_test(answer)) << node_->refusal;
        EXPECT_FALSE(passes_self_test(ByteView{answer}.first(answer.size() - 32)));
    }
}

TEST_F(StateNodeTest, StructsWithStrings) {
    Subject subject = make(cases(), "item", "id:uint64",
                           "owner:address name:string delta:int64 data:bytes ok:bool tag:bytes4",
                           {"id"}, {"owner", "name", "delta", "data", "ok", "tag", "_"});
    for (uint32_t id = 0; id < 30; id++) {
        const U256 owner{uint64_t{id} * 1001};
        Address address;
        owner.to_be(address.data(), 20);
        std::array<uint8_t, 4> tag{};
        U256{id}.to_be(tag.data(), 4);
        add(subject,
            {std::to_string(id), evm::to_hex(address), text_of(id),
             id == 0 ? "0" : "-" + std::to_string(id), evm::to_hex(as_bytes(text_of(id + 1))),
             id % 2 == 1 ? "true" : "false", evm::to_hex(tag)});
    }
    expect_equal(subject);
}

TEST_F(StateNodeTest, StructsOfFixedSizeWithPartsLeftOut) {
    Subject subject =
        make(cases(), "fixedItem", "id:uint16", "a:uint256 b:bytes32", {"id"}, {"a", "_", "b"});
    for (uint64_t id = 0; id < 200; id += 7) {
        Hash b;
        U256{id << 8}.to_be(b.data());
        add(subject, {std::to_string(id), std::to_string(id), evm::to_hex(b)});
    }
    expect_equal(subject);
}

TEST_F(StateNodeTest, SeveralStringsAndSignedKeys) {
    Subject subject = make(cases(), "texts", "key:int256", "a:string b:uint64 d:string", {"key"},
                           {"a", "b", "_", "d"});
    for (int key = -20; key < 20; key += 3) {
        const auto id = static_cast<size_t>(std::abs(key));
        add(subject, {std::to_string(key), text_of(id), std::to_string(id), text_of(id + 2)});
    }
    expect_equal(subject);
}

TEST_F(StateNodeTest, KeysOfEveryKind) {
    Subject flags = make(cases(), "flags", "id:bytes4", "on:bool", {"id"}, {"on"});
    Subject sides = make(cases(), "sides", "side:bool", "n:int128", {"side"}, {"n"});
    Subject names = make(cases(), "byName", "name:string", "n:uint256", {"name"}, {"n"});
    Subject pairs =
        make(cases(), "byPair", "group:bytes32 name:string", "n:uint64", {"group", "name"}, {"n"});
    Subject mirrored = make(cases(), "mirrored", "n:int32", "m:int32", {"n"}, {"m"});
    for (uint32_t i = 0; i < 40; i++) {
        std::array<uint8_t, 4> id{};
        U256{i << 8}.to_be(id.data(), 4);
        add(flags, {evm::to_hex(id), i % 3 == 0 ? "true" : "false"});
        add(names, {text_of(i), std::to_string(i * 7)});
        Hash group;
        U256{i % 4}.to_be(group.data());
        add(pairs, {evm::to_hex(group), text_of(i), std::to_string(i)});
        const int n = static_cast<int>(i) - 20;
        add(mirrored, {std::to_string(n), std::to_string(-n)});
    }
    add(sides, {"true", "-1"});
    add(sides, {"false", "170141183460469231731687303715884105727"});
    for (Subject* subject : {&flags, &sides, &names, &pairs, &mirrored}) {
        SCOPED_TRACE(subject->layout.name);
        expect_equal(*subject);
        // And the digest sees a difference.
        subject->rows[0].row = subject->rows[1].row;
        StateWalk walk = subject->walk(StateForm::kOverride);
        finish(walk);
        ASSERT_EQ(walk.mismatches().size(), 1U);
        EXPECT_EQ(walk.mismatches()[0].question, 0U);
    }
}

TEST_F(StateNodeTest, RevertsAreWhatADeletedRowMayExpect) {
    Subject subject = make(cases(), "mustExist", "id:uint256", "n:uint256", {"id"}, {"n"});
    subject.plan.has_gone = true;
    subject.plan.deleted_reverts = true;
    for (uint64_t id = 0; id < 100; id++) {
        add(subject, {std::to_string(id), std::to_string(id + 1)});
        if (id % 4 == 0) {
            subject.rows.back().row = storage::RowCodec{subject.layout}.make_tombstone({});
        }
    }
    expect_equal(subject);

    subject.rows[8].row = subject.rows[9].row;  // the index has what the contract has not
    subject.rows[9].row = subject.rows[4].row;  // the index lost what the contract has
    StateWalk walk = subject.walk(StateForm::kOverride);
    finish(walk);
    ASSERT_EQ(walk.mismatches().size(), 2U);
    EXPECT_EQ(walk.mismatches()[0].question, 8U);
    EXPECT_EQ(walk.mismatches()[0].status, LeafStatus::kReverted);
    EXPECT_EQ(walk.mismatches()[1].question, 9U);
    EXPECT_EQ(walk.mismatches()[1].status, LeafStatus::kAnswered);

    // Where the config does not say what a deleted row looks like, it cannot be asked for.
    subject.plan.has_gone = false;
    const auto other = StateDigester::make(subject.plan, subject.entities, subject.target);
    ASSERT_TRUE(other);
    EXPECT_FALSE(other->can_ask(subject.rows[4].row));
    EXPECT_TRUE(other->can_ask(subject.rows[5].row));
}

TEST_F(StateNodeTest, NoContractAtTheTarget) {
    Subject subject = make(cases(), "mustExist", "id:uint256", "n:uint256", {"id"}, {"n"});
    add(subject, {"1", "2"});
    subject.target = state_program_address();
    subject.target->bytes[0] ^= 1;
    for (const StateForm form : kForms) {
        StateWalk walk = subject.walk(form);
        finish(walk);
        EXPECT_TRUE(walk.no_code());
        EXPECT_EQ(walk.equal(), 0U);
    }
}

TEST_F(StateNodeTest, ManyContractsOfOneKind) {
    const Deployed factory = deploy("StateFactory");
    const evm::Abi child = *evm::read_abi(compile("StateChild"));
    EntityLayout layout;
    layout.name = "child";
    layout.key = columns_of("child:address id:uint256");
    layout.fields = columns_of("n:uint256");
    Subject subject;
    subject.layout = layout;
    subject.plan = plan_of(child, "numbers", layout, {"id"}, {"n"});
    subject.plan.at = operand_of(layout, "child");
    const auto selector = (*factory.abi.find_function("children"))->selector();
    for (uint64_t i = 0; i < 12; i++) {
        Bytes call(36);
        std::ranges::copy(selector.bytes, call.begin());
        U256{i}.to_be(call.data() + 4);
        const auto answer = node_->ask(factory.address, call);
        ASSERT_TRUE(answer && answer->size() == 32);
        const Address at = Address::from(ByteView{*answer}.subspan(12));
        add(subject, {evm::to_hex(at), "1", std::to_string(2 * (100 + i))});
        add(subject, {evm::to_hex(at), "2", "0"});
    }
    expect_equal(subject);

    Address nobody = state_program_address();
    nobody.bytes[3] ^= 1;
    add(subject, {evm::to_hex(nobody), "1", "0"});  // "answers" nothing, and that is not zero
    StateWalk walk = subject.walk(StateForm::kCreate);
    finish(walk);
    ASSERT_EQ(walk.mismatches().size(), 1U);
    EXPECT_EQ(walk.mismatches()[0].question, 24U);
    EXPECT_EQ(walk.mismatches()[0].status, LeafStatus::kNoCode);

    // A child alone: the target is a column even where it is the same for all.
    subject.rows = {subject.rows[2]};
    expect_equal(subject);
}

TEST_F(StateNodeTest, AGetterThatEatsItsGasIsFoundAndTheOthersSettled) {
    Subject subject = make(cases(), "hungry", "id:uint256", "n:uint256", {"id"}, {"n"});
    for (uint64_t id = 0; id < 300; id++) {
        add(subject, {std::to_string(id), std::to_string(id)});
    }
    StateLimits limits;
    limits.key_gas = 300'000;
    for (const StateForm form : kForms) {
        for (const uint64_t gas : {25'000'000U, 2'000'000U, 600'000U}) {
            SCOPED_TRACE(gas);
            limits.gas = gas;
            StateWalk walk = subject.walk(form, limits);
            finish(walk);
            EXPECT_EQ(walk.equal(), 299U);
            ASSERT_EQ(walk.mismatches().size() + walk.unsettled().size(), 1U);
            if (!walk.mismatches().empty()) {
                EXPECT_EQ(walk.mismatches()[0].question, 5U);
                EXPECT_EQ(walk.mismatches()[0].status, LeafStatus::kOutOfGas);
            } else {
                EXPECT_EQ(walk.unsettled()[0], 5U);
            }
        }
    }
    limits.gas = 5'000'000;
    limits.key_gas = 100'000'000;  // more than the call has: the key cannot be told from low gas
    StateWalk walk = subject.walk(StateForm::kOverride, limits);
    finish(walk);
    EXPECT_EQ(walk.equal(), 299U);
    EXPECT_EQ(walk.unsettled(), std::vector<uint32_t>{5});
}

TEST_F(StateNodeTest, BombsShortAnswersAndLongContents) {
    Subject bombs = make(cases(), "bomb", "id:uint256", "n:uint256", {"id"}, {"n"});
    for (uint64_t id = 0; id < 10; id++) {
        add(bombs, {std::to_string(id), std::to_string(id)});
    }
    Subject longs = make(cases(), "long", "id:uint256", "s:string", {"id"}, {"s"});
    for (uint64_t id = 0; id < 40; id += 8) {
        add(longs, {std::to_string(id), std::string(id * 1024, '\0')});
    }
    add(longs, {"33", std::string(size_t{33} * 1024, '\0')});
    for (const StateForm form : kForms) {
        StateWalk bomb_walk = bombs.walk(form);
        finish(bomb_walk);
        EXPECT_EQ(bomb_walk.equal(), 9U);  // a megabyte costs little: only its first word is read
        ASSERT_EQ(bomb_walk.mismatches().size(), 1U);
        EXPECT_EQ(bomb_walk.mismatches()[0].question, 4U);
        EXPECT_EQ(bomb_walk.mismatches()[0].status, LeafStatus::kShape);

        // 32 KiB is the most that is hashed in the node; what is longer is asked for by itself.
        StateWalk long_walk = longs.walk(form);
        finish(long_walk);
        EXPECT_EQ(long_walk.equal(), 5U);
        ASSERT_EQ(long_walk.mismatches().size(), 1U);
        EXPECT_EQ(long_walk.mismatches()[0].question, 5U);
        EXPECT_EQ(long_walk.mismatches()[0].status, LeafStatus::kShape);
    }
    const StateWalk walk = longs.walk(StateForm::kOverride);
    const auto answer =
        node_->ask(walk.questions().target(5), walk.questions().calldata(walk.getter(), 5));
    ASSERT_TRUE(answer);
    const auto differences =
        longs.digester->differences(longs.rows[5].key, longs.rows[5].row, *answer);
    ASSERT_TRUE(differences);
    EXPECT_TRUE(differences->empty());
}

TEST_F(StateNodeTest, LowGasStopsEarlyAndGoesOn) {
    Subject subject =
        make(cases(), "costly", "id:uint256 gas:uint64", "n:uint256", {"id", "gas"}, {"n"});
    for (uint64_t id = 0; id < 1000; id++) {
        add(subject, {std::to_string(id), "20000", std::to_string(id)});
    }
    for (const StateForm form : kForms) {
        for (const uint64_t gas : {50'000'000U, 10'000'000U, 3'000'000U, 1'000'000U}) {
            SCOPED_TRACE(gas);
            StateLimits limits;
            limits.gas = gas;
            limits.bucket = 16;
            StateWalk walk = subject.walk(form, limits);
            finish(walk);
            EXPECT_EQ(walk.equal(), 1000U);
            EXPECT_TRUE(walk.mismatches().empty()) << to_string(walk.mismatches()[0].status);
            EXPECT_TRUE(walk.unsettled().empty());
        }
    }
    // One call by hand: what is told is right up to where it stopped.
    StateWalk walk = subject.walk(StateForm::kOverride);
    std::vector<uint32_t> which(1000);
    for (uint32_t i = 0; i < 1000; i++) {
        which[i] = i;
    }
    StateCallSpec spec;
    spec.bucket = 8;
    const Bytes answer = node_->run(
        make_state_call(StateForm::kOverride, 3'000'000,
                        StatePacking{walk.getter(), walk.questions(), which}.arguments(1000, spec)),
        node_->head_hash());
    const auto parsed = parse_state_answer(answer, 1000, 8);
    ASSERT_TRUE(parsed) << node_->refusal;
    EXPECT_EQ(parsed->outcome, StateAnswer::Outcome::kStopped);
    EXPECT_GT(parsed->done, 60U);
    EXPECT_LT(parsed->done, 150U);
    EXPECT_GT(parsed->bucket_gas, 8U * 20'000);
    for (size_t i = 0; i < parsed->digests.size(); i++) {
        EXPECT_EQ(parsed->digests[i], bucket_digest(std::span{walk.leaves()}.subspan(8 * i, 8)));
    }
}

TEST_F(StateNodeTest, FillsTheCapsOfTheCreateForm) {
    Subject subject =
        make(cases(), "fixedItem", "id:uint256", "a:uint256", {"id"}, {"a", "_", "_"});
    for (uint64_t id = 0; id < 1000; id++) {
        add(subject, {std::to_string(id * id), std::to_string(id * id)});
    }
    StateLimits limits;
    limits.bucket = 1;
    limits.gas = 100'000'000;
    StateWalk walk = subject.walk(StateForm::kCreate, limits);
    const auto call = walk.next();
    ASSERT_TRUE(call);
    const Bytes answer = node_->run(*call, node_->head_hash());
    EXPECT_EQ(answer.size(), 24'576U) << node_->refusal;  // to the byte
    ASSERT_TRUE(walk.accept(answer));
    finish(walk);
    EXPECT_EQ(walk.equal(), 1000U);

    // As much initcode as may be.
    StateGetter getter = walk.getter();
    getter.arg_words = 1;
    StateQuestions questions{getter};
    std::vector<uint32_t> which;
    for (uint32_t i = 0; which.size() < 1600; i++) {
        Hash key = evm::keccak256(ByteView{reinterpret_cast<const uint8_t*>(&i), 4});
        questions.add(std::array{U256::from_be(key.view())});
        which.push_back(i);
    }
    const StatePacking packing{getter, questions, which};
    const size_t head = state_program().size() + packing.head_size();
    const size_t most = (49'152 - head) / packing.key_size();
    StateCallSpec spec;
    spec.byte_gas = 200;
    for (const size_t count : {most, most + 1}) {
        const Bytes got = node_->run(
            make_state_call(StateForm::kCreate, 100'000'000, packing.arguments(count, spec)),
            node_->head_hash());
        EXPECT_EQ(parse_state_answer(got, static_cast<uint32_t>(count), 128).has_value(),
                  count == most);
    }
}

// ---- the community example -------------------------------------------------------------------

class StateCommunityTest : public StateNodeTest {
  protected:
    static Config config() {
        auto loaded = load_config(source_dir() + "/examples/community/plumbline.toml");
        EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
        return *std::move(loaded);
    }
    /// Deploys the contract, lets people act and reads back what each entity must be.
    static const Json& activity() {
        static const Json result = Json::parse(
            output_of("node " + source_dir() +
                      "/examples/community/activity.mjs --steps 900 --users 30 --seed 3 --rpc " +
                      node_->url() + " | tail -1"));
        return result;
    }
    static std::vector<Subject> subjects() {
        const Config parsed = config();
        const std::string address = activity()["address"];
        std::vector<Subject> out;
        for (const EntityConfig& entity : parsed.entities) {
            EntityLayout layout;
            layout.name = entity.name;
            layout.key = entity.key;
            layout.fields = entity.fields;
            const std::string lines = output_of(
                "node " + source_dir() + "/tests/contracts/community_state.mjs --rpc " +
                node_->url() + " --address " + address + " --all --entity " + entity.name);
            std::vector<StoredRow> rows;
            for (size_t at = 0; at < lines.size();) {
                const size_t end = lines.find('\n', at);
                const Json row = Json::parse(lines.substr(at, end - at));
                std::vector<std::string> texts;
                for (size_t i = 0; i < layout.column_count(); i++) {
                    const Json& value = row[layout.column(i).name];
                    texts.push_back(value.is_string() ? value.get<std::string>() : value.dump());
                }
                rows.push_back(row_of(layout, texts));
                at = end + 1;
            }
            for (const StateConfig& state : entity.state) {
                const evm::Abi abi = *evm::read_abi(parsed.contracts[0].abis[0].text);
                out.push_back(
                    {layout, plan_of(abi, state, layout, 0), rows, evm::parse_address(address)});
            }
        }
        return out;
    }
};

TEST_F(StateCommunityTest, EveryRowOfEveryEntityIsEqual) {
    ASSERT_FALSE(activity().is_discarded());
    size_t rows = 0;
    for (Subject& subject : subjects()) {
        SCOPED_TRACE(subject.plan.signature);
        EXPECT_EQ(subject.rows.size(), activity()["counts"][subject.layout.name]);
        expect_equal(subject);
        rows += subject.rows.size();
    }
    EXPECT_GT(rows, 500U);
}

TEST_F(StateCommunityTest, DeletedRowsAreAskedFor) {
    for (Subject& subject : subjects()) {
        if (subject.layout.name != "vote" && subject.layout.name != "membership") {
            continue;
        }
        const storage::RowCodec codec{subject.layout};
        // Nobody is member of community 999, nobody voted on question 999.
        for (StoredRow& row : subject.rows) {
            row.key[30] = 3;
            row.key[31] = static_cast<char>(0xE7);
            row.row = codec.make_tombstone({1, 1});
        }
        expect_equal(subject);
    }
}

TEST_F(StateCommunityTest, OneDamagedSlotIsFoundInItsBucketAndKey) {
    for (Subject& subject : subjects()) {
        if (subject.layout.name != "vote") {
            continue;
        }
        StateLimits limits;
        limits.bucket = 8;
        const size_t damaged = subject.rows.size() / 2;
        // votes is slot 10: keccak(voter, keccak(question, 10))
        Bytes place(64);
        std::ranges::copy(as_bytes(subject.rows[damaged].key).first(32), place.begin());
        place[63] = 10;
        const Hash inner = evm::keccak256(ByteView{place});
        Bytes outer(64);
        std::ranges::copy(as_bytes(subject.rows[damaged].key).subspan(32, 20), outer.begin() + 12);
        std::ranges::copy(inner.bytes, outer.begin() + 32);
        const std::string slot = evm::to_hex(evm::keccak256(ByteView{outer}));
        const std::string address = evm::to_hex(*subject.target);
        const Json before = node_->call("eth_getStorageAt", {address, slot, "latest"});
        std::string after = before.get<std::string>();
        after.back() = after.back() == '0' ? '1' : '0';  // the option
        node_->call("anvil_setStorageAt", {address, slot, after});
        node_->call("evm_mine");
        for (const StateForm form : kForms) {
            StateWalk walk = subject.walk(form, limits);
            finish(walk);
            ASSERT_EQ(walk.mismatches().size(), 1U);
            EXPECT_EQ(walk.mismatches()[0].question, damaged);
            EXPECT_EQ(walk.equal(), subject.rows.size() - 1);
            EXPECT_EQ(walk.calls(), 2U);
            const auto answer = node_->ask(walk.questions().target(damaged),
                                           walk.questions().calldata(walk.getter(), damaged));
            const StoredRow& row = subject.rows[damaged];
            const auto differences = subject.digester->differences(row.key, row.row, *answer);
            ASSERT_TRUE(differences);
            ASSERT_EQ(differences->size(), 1U);
            EXPECT_EQ((*differences)[0].place, 0U);
            EXPECT_NE((*differences)[0].expected.word, (*differences)[0].actual.word);
        }
        node_->call("anvil_setStorageAt", {address, slot, before});
        node_->call("evm_mine");
        expect_equal(subject, limits);
    }
}

// ---- figures ---------------------------------------------------------------------------------

class StateNodeFigures : public StateNodeTest {
  protected:
    struct Cost {
        size_t requests = 0, sent = 0, received = 0;
        int64_t ms = 0;
    };
    template <typename Work>
    static Cost measure(Work work) {
        node_->requests = node_->sent = node_->received = 0;
        const auto start = std::chrono::steady_clock::now();
        work();
        const auto took = std::chrono::steady_clock::now() - start;
        return {node_->requests, node_->sent, node_->received,
                std::chrono::duration_cast<std::chrono::milliseconds>(took).count()};
    }
    static void print(const char* what, const Cost& cost) {
        std::printf("%-44s %5zu requests %9zu sent %9zu received %6ld ms\n", what, cost.requests,
                    cost.sent, cost.received, static_cast<long>(cost.ms));
    }
    /// The getter asked key by key, a hundred in a request.
    static Cost plain(const StateWalk& walk) {
        const std::string block = evm::to_hex(node_->head_hash());
        return measure([&] {
            for (size_t first = 0; first < walk.leaves().size(); first += 100) {
                std::string body = "[";
                for (size_t i = first; i < std::min(first + 100, walk.leaves().size()); i++) {
                    body += i == first ? "" : ",";
                    body += R"({"jsonrpc":"2.0","id":)" + std::to_string(i) +
                            R"(,"method":"eth_call","params":[{"to":")" +
                            evm::to_hex(walk.questions().target(i)) + R"(","data":")" +
                            evm::to_hex(walk.questions().calldata(walk.getter(), i)) +
                            R"("},{"blockHash":")" + block + R"("}]})";
                }
                (void)node_->post(body + "]");
            }
        });
    }
};

TEST_F(StateNodeFigures, TenThousandVotesAndTenThousandDenseIds) {
    const Deployed at = deploy("StateLoad");
    const std::string address = evm::to_hex(at.address);
    const auto fill = [&](const char* name) {
        const auto selector = (*at.abi.find_function(name))->selector();
        for (uint64_t first = 0; first < 10'000; first += 250) {
            Bytes data(68);
            std::ranges::copy(selector.bytes, data.begin());
            U256{first}.to_be(data.data() + 4);
            U256{first + 250}.to_be(data.data() + 36);
            node_->transact(address, evm::to_hex(data));
        }
    };
    fill("fillVotes");
    fill("fillItems");
    Subject votes =
        make(at, "votes", "question:uint256 voter:address",
             "option:uint8 weight:uint128 cast_at:uint64 changed_at:uint64 changes:uint32",
             {"question", "voter"}, {"option", "weight", "cast_at", "changed_at", "changes"});
    Subject items = make(at, "items", "id:uint256", "a:uint128 b:uint128 c:uint256 owner:address",
                         {"id"}, {"a", "b", "c", "owner"});
    for (uint64_t i = 0; i < 10'000; i++) {
        std::array<uint8_t, 32> word{};
        U256{i}.to_be(word.data());
        const Hash hash = evm::keccak256(ByteView{word});
        const std::string who = evm::to_hex(Address::from(hash.view().subspan(12)));
        add(votes,
            {std::to_string(1 + i / 200), who, std::to_string(i % 4),
             "1000000000000" + std::string(6 - std::to_string(i).size(), '0') + std::to_string(i),
             std::to_string(1700000000 + i), "0", std::to_string(i % 3)});
        std::array<uint8_t, 32> c{};
        for (size_t b = 0; b < 8; b++) {  // i << 100
            const uint64_t shifted = i << 4;
            c[19 - b] = static_cast<uint8_t>(shifted >> (8 * b));
        }
        add(items,
            {std::to_string(i), std::to_string(i), std::to_string(i * i), evm::to_hex(c), who});
    }
    // As the database has them: in key order.
    std::ranges::sort(votes.rows, {}, &StoredRow::key);

    StateLimits large;
    large.gas = 550'000'000;
    for (Subject* subject : {&votes, &items}) {
        const bool dense = subject == &items;
        std::printf("10,000 x %s\n", subject->plan.signature.c_str());
        const Cost batch = plain(subject->walk(StateForm::kOverride));
        print("  plain batches of 100", batch);
        for (const StateForm form : kForms) {
            for (const StateLimits& limits : {StateLimits{}, large}) {
                StateWalk walk = subject->walk(form, limits);
                const Hash block = node_->head_hash();
                const Cost cost = measure([&] {
                    while (const auto call = walk.next()) {
                        const Bytes answer = node_->run(*call, block);
                        ASSERT_FALSE(answer.empty()) << node_->refusal;
                        ASSERT_TRUE(walk.accept(answer));
                    }
                });
                EXPECT_EQ(walk.equal(), 10'000U);
                const std::string what =
                    std::string{form == StateForm::kOverride ? "  override" : "  create"} + ", " +
                    std::to_string(limits.gas / 1'000'000) + " M gas";
                print(what.c_str(), cost);
                std::printf("    gas a key: %lu\n", static_cast<unsigned long>(walk.gas_a_key()));
                EXPECT_LE(cost.requests, dense ? 5U : 10U);
                if (dense) {
                    EXPECT_LE(cost.sent + cost.received, 20'000U);
                } else {
                    EXPECT_LE(5 * (cost.sent + cost.received), batch.sent + batch.received);
                }
            }
        }
        const auto start = std::chrono::steady_clock::now();
        const StateWalk local = subject->walk(StateForm::kOverride);
        const auto took = std::chrono::steady_clock::now() - start;
        std::printf(
            "  local leaves: %ld ms\n",
            static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    }
}

}  // namespace
}  // namespace plumbline::engine::state_node_test
