// Corrections under mappings that came after them.
#include "engine/fold/corrections.hpp"

#include "engine/fold/rebuild.hpp"
#include "engine/text/entity_text.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::corrections_test {
namespace {

using test::Mapping;
using test::num;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const test::Abis kAbis{{"Hub.json", test::abi_json({"event Ping(uint256 a, uint256 b)"})}};

struct Shape {
    std::string fields =
        R"(total = "uint256", pings = "uint64", kind = { enum = ["odd", "even"] })";
    std::string key = R"(a = "uint256")";
    std::string key_from = R"(a = "a")";
    std::string add = R"(total = "b", pings = 1)";
    std::string entity = "acc";
};

Mapping mapping_of(const Shape& shape) {
    return Mapping{fmt::format(R"~(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.{0}]
key = {{ {1} }}
fields = {{ {2} }}
[[on]]
event = "hub.Ping"
upsert = "{0}"
key = {{ {3} }}
add = {{ {4} }}
)~",
                               shape.entity, shape.key, shape.fields, shape.key_from, shape.add),
                   kAbis};
}

/// What a field of the row `a = 1` is corrected to.
using Values = std::vector<std::pair<std::string, std::string>>;

class CorrectionsTest : public testing::Test {
  protected:
    CorrectionsTest() {
        world_.block(1, {ping(1, 1, 5)});
        world_.block(4, {ping(4, 1, 7), ping(4, 2, 9, 1)});
        world_.block(9, {ping(9, 2, 1)});
        world_.commit();
        world_.stop();
    }
    [[nodiscard]] test::Emitted ping(uint64_t block, uint64_t a, uint64_t b,
                                     uint32_t log = 0) const {
        return first_.emit("hub.Ping", {num(a), num(b)}, block, log);
    }
    void append(const storage::CorrectionRow& row, const Values& told = {}) {
        const auto batch = world_.database->make_batch();
        batch->append_correction(row);
        for (const auto& [field, text] : told) {
            storage::JournalRow journal;
            journal.kind = kRowCorrected;
            journal.entity = row.entity;
            journal.key = "a=1";
            journal.after = field + "=" + text;
            batch->append_journal(journal);
        }
        batch->require_refold();
        ASSERT_OK(world_.database->commit(*batch, storage::Durability::kSync));
    }
    [[nodiscard]] static std::string key_of(const storage::EntityLayout& layout) {
        return key_from_text(layout, layout.key.size() == 1 ? "a=1" : "a=1,b=5").value();
    }
    /// As a repair writes it.
    void correct(uint64_t block, const Values& values, const Shape& shape = {}) {
        const storage::EntityLayout layout = mapping_of(shape).plan->entities()[0];
        std::vector<storage::NamedValue> fields;
        for (const auto& [name, text] : values) {
            const auto field = std::ranges::find(layout.fields, name, &storage::Field::name);
            fields.push_back(name_value(*field, parse_value(field->type, text).value()));
        }
        append(make_correction(block, layout, key_of(layout), fields).value());
    }
    /// As versions before wrote it: the whole row.
    void correct_as_before(uint64_t block, uint64_t total, uint64_t pings,
                           const Values& told = {}) {
        const storage::RowCodec& codec = first_.plan->codec(0);
        std::string row = codec.empty_row();
        codec.set_word(row, 0, evm::U256{total});
        codec.set_word(row, 1, evm::U256{pings});
        append({block, 0, "acc", key_of(first_.plan->entities()[0]), row, "test"}, told);
    }
    /// The row `a = 1` once the log is folded by that mapping.
    [[nodiscard]] std::string folded(const Shape& shape = {}, const std::string& key = "a=1") {
        const Status done = rebuild(*world_.database, mapping_of(shape).plan);
        EXPECT_TRUE(done) << done.error().message;
        return row(key);
    }
    [[nodiscard]] std::string row(const std::string& key) const {
        const storage::EntityLayout& layout = world_.database->entities()[0];
        const std::string encoded = key_from_text(layout, key).value();
        const auto found = world_.database->read_view()->get_row(0, encoded);
        std::string out;
        if (found) {
            EXPECT_TRUE(append_row_json(out, layout, storage::RowCodec{layout}, encoded, *found));
        }
        return out;
    }
    [[nodiscard]] std::vector<std::string> quarantine() const {
        std::vector<std::string> out;
        const auto rows = world_.database->read_view()->list_quarantine(10);
        for (const storage::QuarantineRow& one : rows.value()) {
            out.push_back(
                fmt::format("{}/{} {}: {}", one.block_num, one.log_index, one.event, one.reason));
        }
        return out;
    }

    Mapping first_ = mapping_of({});
    World world_{first_};
};

const std::string kMoreFields =
    R"(x = "uint8", pings = "uint64", y = "string", total = "uint256", z = "uint256")";

TEST_F(CorrectionsTest, AFieldMoreOrLessOrInAnotherPlaceKeepsTheCorrectedOnes) {
    correct(4, {{"total", "100"}});
    for (int round = 0; round < 2; ++round) {
        EXPECT_THAT(folded(), HasSubstr(R"("total":"100","pings":2)"));
        EXPECT_THAT(folded({.fields = kMoreFields}),
                    HasSubstr(R"("pings":2,"y":"","total":"100","z":"0")"));
        EXPECT_THAT(folded({.fields = R"(total = "uint256")", .add = R"(total = "b")"}),
                    HasSubstr(R"("total":"100")"));
        EXPECT_THAT(quarantine(), IsEmpty());
    }
}

TEST_F(CorrectionsTest, LaterEventsAddToTheCorrectedValue) {
    correct(1, {{"total", "100"}});
    EXPECT_THAT(folded({.fields = kMoreFields}), HasSubstr(R"("total":"107")"));
}

TEST_F(CorrectionsTest, OnlyCorrectedFieldsAreWritten) {
    correct(4, {{"total", "100"}});
    EXPECT_THAT(folded({.add = R"(total = "b", pings = 10)"}),
                HasSubstr(R"("total":"100","pings":20)"));
}

TEST_F(CorrectionsTest, OneOfARowThatIsNotThereMakesNone) {
    const storage::EntityLayout& layout = first_.plan->entities()[0];
    append(make_correction(4, layout, *key_from_text(layout, "a=77"),
                           {name_value(layout.fields[0], {evm::U256{3}, {}})})
               .value());
    EXPECT_NE(folded(), "");
    EXPECT_EQ(row("a=77"), "");
}

TEST_F(CorrectionsTest, AFieldOfAnotherTypeIsToldTheOthersKeepTheirs) {
    correct(4, {{"total", "100"}, {"pings", "50"}});
    const Shape narrow{.fields = R"(total = "uint256", pings = "uint32")"};
    for (int round = 0; round < 2; ++round) {
        EXPECT_THAT(folded(narrow), HasSubstr(R"("total":"100","pings":2)"));
        EXPECT_THAT(quarantine(),
                    ElementsAre(HasSubstr("correction of acc: a=1: pings = 50, as the contract "
                                          "told, has no place: 'pings' is uint32 now")));
        EXPECT_THAT(folded(), HasSubstr(R"("total":"100","pings":50)"));
        EXPECT_THAT(quarantine(), IsEmpty());
    }
}

TEST_F(CorrectionsTest, AFieldThatMayBeNullIsOfTheSameTypeUnlessItIsNull) {
    const Shape optional{.fields = R"(total = "uint256?", pings = "uint64")",
                         .add = R"(pings = 1)"};
    correct(1, {{"total", "100"}});
    EXPECT_THAT(folded(optional), HasSubstr(R"("total":"100")"));
    correct(4, {{"total", "null"}}, optional);
    EXPECT_THAT(folded(optional), HasSubstr(R"("total":null)"));
    EXPECT_THAT(folded(), HasSubstr(R"("total":"107")"));
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("'total' is uint256 now")));
}

TEST_F(CorrectionsTest, AnEnumKeepsAValueWhoseNameItHasWhereverThatStands) {
    correct(4, {{"kind", "even"}});
    EXPECT_THAT(
        folded(
            {.fields =
                 R"(total = "uint256", pings = "uint64", kind = { enum = ["none", "even", "odd"] })"}),
        HasSubstr(R"("kind":"even")"));
    EXPECT_THAT(quarantine(), IsEmpty());
    EXPECT_THAT(
        folded({.fields =
                    R"(total = "uint256", pings = "uint64", kind = { enum = ["none", "odd"] })"}),
        HasSubstr(R"("kind":"none")"));
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("kind = even, as the contract told")));
}

TEST_F(CorrectionsTest, OneWithoutAFieldLeftIsToldAndIsThereAgainWithTheField) {
    correct(4, {{"total", "100"}});
    EXPECT_NE(folded({.fields = R"(pings = "uint64")", .add = "pings = 1"}), "");
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("total = 100, as the contract told, has no "
                                                    "place: the entity has no such field")));
    EXPECT_THAT(folded(), HasSubstr(R"("total":"100")"));
    EXPECT_THAT(quarantine(), IsEmpty());
}

TEST_F(CorrectionsTest, OneOfARenamedEntityIsToldAndIsThereAgainWithTheName) {
    correct(4, {{"total", "100"}});
    EXPECT_THAT(folded({.entity = "account"}), HasSubstr(R"("total":"12")"));
    EXPECT_THAT(quarantine(), ElementsAre("4/4294967295 correction of acc: a=1: total = 100, as "
                                          "the contract told, has no place: the mapping has no "
                                          "such entity"));
    EXPECT_THAT(folded(), HasSubstr(R"("total":"100")"));
    EXPECT_THAT(quarantine(), IsEmpty());
}

TEST_F(CorrectionsTest, OneOfAnotherKeyIsToldAndAnotherOrderOfTheColumnsIsNone) {
    const Shape two{.key = R"(a = "uint256", b = "uint256")", .key_from = R"(a = "a", b = "b")"};
    correct(4, {{"total", "100"}});
    EXPECT_THAT(folded(two, "a=1,b=5"), HasSubstr(R"("total":"5")"));
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("a=1: total = 100, as the contract told, has "
                                                    "no place: the entity's key is a uint256, b "
                                                    "uint256 now")));
    correct(9, {{"total", "33"}}, two);
    const Shape turned{.key = R"(b = "uint256", a = "uint256")", .key_from = R"(a = "a", b = "b")"};
    EXPECT_THAT(folded(turned, "a=1,b=5"), HasSubstr(R"("total":"33")"));
    EXPECT_THAT(folded(), HasSubstr(R"("total":"100")"));
}

TEST_F(CorrectionsTest, ALaterOneOfTheRowReplacesOneThatHasNoPlace) {
    const Shape narrow{.fields = R"(total = "uint128", pings = "uint64")",
                       .add = R"~(total = "uint128(b)", pings = 1)~"};
    correct(4, {{"total", "100"}});
    correct(4, {{"total", "101"}});
    EXPECT_THAT(folded(narrow), HasSubstr(R"("total":"12")"));
    EXPECT_THAT(quarantine(), ElementsAre(Not(HasSubstr("100")))) << "the row is told once";
    correct(9, {{"pings", "7"}}, narrow);
    EXPECT_THAT(folded(narrow), HasSubstr(R"("total":"12","pings":7)"));
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("101"))) << "of another field";
    correct(9, {{"total", "102"}}, narrow);
    EXPECT_THAT(folded(narrow), HasSubstr(R"("total":"102","pings":7)"));
    EXPECT_THAT(quarantine(), IsEmpty());
    EXPECT_THAT(folded(), HasSubstr(R"("total":"101","pings":7)"));
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("102"))) << "it is the later one that counts";
}

TEST_F(CorrectionsTest, AllOfABlockAreToldInOneRow) {
    const storage::EntityLayout& layout = first_.plan->entities()[0];
    for (const std::string key : {"a=1", "a=2"}) {
        append(make_correction(9, layout, *key_from_text(layout, key),
                               {name_value(layout.fields[0], {evm::U256{100}, {}})})
                   .value());
    }
    EXPECT_NE(folded({.entity = "account"}), "");
    ASSERT_EQ(quarantine().size(), 1U);
    EXPECT_THAT(quarantine()[0], HasSubstr("acc: a=1: total = 100"));
    EXPECT_THAT(quarantine()[0], HasSubstr("; a=2: total = 100"));
    EXPECT_EQ(refused_corrections(*world_.database->read_view())->size(), 1U);
    EXPECT_FALSE(is_of_older_version(refused_corrections(*world_.database->read_view())->front()));
}

TEST_F(CorrectionsTest, OnesOfOlderVersionsAreKeptByTheNamesOfTheirMapping) {
    correct_as_before(4, 100, 2);
    for (int round = 0; round < 2; ++round) {
        EXPECT_THAT(folded({.fields = kMoreFields}), HasSubstr(R"("total":"100")"));
        EXPECT_THAT(quarantine(), IsEmpty());
        EXPECT_THAT(folded({.fields = R"(total = "uint256")", .add = R"(total = "b")"}),
                    HasSubstr(R"("total":"100")"));
        EXPECT_THAT(folded(), HasSubstr(R"("total":"100","pings":2)"));
    }
}

TEST_F(CorrectionsTest, OfOnesOfOlderVersionsTheFieldsCountThatTheJournalTellsOf) {
    correct_as_before(4, 100, 2, {{"total", "100"}});
    EXPECT_THAT(folded({.add = R"(total = "b", pings = 10)"}),
                HasSubstr(R"("total":"100","pings":20)"));
}

TEST_F(CorrectionsTest, OneOfOlderVersionsWhoseMappingIsGoneIsKeptForItsReturn) {
    const Shape wide{.fields = kMoreFields};
    ASSERT_NE(folded(wide), "");
    correct_as_before(4, 100, 2);  // of the mapping before
    EXPECT_THAT(folded(wide), HasSubstr(R"("total":"12")"));
    EXPECT_THAT(quarantine(), ElementsAre(HasSubstr("whose fields nothing tells any more")));
    EXPECT_THAT(folded(), HasSubstr(R"("total":"100")"));
    EXPECT_THAT(folded(wide), HasSubstr(R"("total":"100")")) << "named once it fitted";
}

TEST_F(CorrectionsTest, AFoldCutOffChangesNothingOfThem) {
    for (const bool is_of_before : {false, true}) {
        is_of_before ? correct_as_before(4, 100, 2) : correct(4, {{"total", "100"}});
        ASSERT_THAT(folded(), HasSubstr(R"("total":"100")"));
        RebuildOptions options;
        options.is_cancelled = [] { return true; };
        const Mapping wide = mapping_of({.fields = kMoreFields});
        EXPECT_ERROR(rebuild(*world_.database, wide.plan, options), ErrorCode::kCancelled);
        world_.reopen();
        world_.stop();
        EXPECT_THAT(row("a=1"), HasSubstr(R"("total":"100")"));
        EXPECT_THAT(folded(), HasSubstr(R"("total":"100","pings":2)"));
        EXPECT_THAT(folded({.fields = kMoreFields}), HasSubstr(R"("total":"100")"));
        EXPECT_THAT(quarantine(), IsEmpty());
    }
}

TEST_F(CorrectionsTest, ARowThatNoVersionWroteIsTold) {
    const std::string key = key_of(first_.plan->entities()[0]);
    for (const std::string& row :
         {std::string("x"), std::string("\x02\x01"), std::string("\x01")}) {
        append({4, 0, "acc", key, row, "test"});
    }
    EXPECT_THAT(folded(), HasSubstr(R"("total":"12")"));
    EXPECT_EQ(quarantine().size(), 1U);
}

}  // namespace
}  // namespace plumbline::engine::corrections_test
