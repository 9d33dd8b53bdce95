// How a question is planned, and what its rows are, held against a plain walk over all rows.
#include "query/access_plan.hpp"

#include <algorithm>
#include <map>
#include <random>

#include "query/question_text.hpp"
#include "tests/query/row_world.hpp"
#include "tests/support/property_test.hpp"

namespace plumbline::query::access_plan_test {

namespace {

using storage::EntityLayout;
using storage::Field;
using storage::test::field;
using test::encode_text;
using test::RowWorld;
using test::TextRow;
using testing::HasSubstr;

EntityLayout vote_layout() {
    EntityLayout out;
    out.name = "vote";
    out.key = {field("proposal", "uint256"), field("voter", "address")};
    out.fields = {field("support", "uint8"), field("weight", "uint256"), field("at", "uint64")};
    out.indexes = {{1}, {2, 3}, {4}};
    return out;
}

Question ask(const EntityLayout& layout, const std::vector<std::string>& where,
             const std::string& order = "") {
    Question out;
    for (const std::string& one : where) {
        const size_t equals = one.find('=');
        const ConditionName name = read_condition_name(one.substr(0, equals)).value();
        out.where.push_back(read_condition(layout, name, one.substr(equals + 1)).value());
    }
    if (!order.empty()) {
        out.order = read_order(layout, order).value();
    }
    return out;
}

TEST(AccessPlanTest, TheFirstPathThatAnswersAllIsTaken) {
    const EntityLayout layout = vote_layout();
    const std::string voter = "voter=" + evm::to_hex(storage::test::address_of(1));
    const auto index = [&](const std::vector<std::string>& where, const std::string& order = "") {
        const auto access = plan_served(layout, ask(layout, where, order));
        return access ? access->path.index : -100;
    };
    EXPECT_EQ(index({}), -1);
    EXPECT_EQ(index({"proposal=7"}), -1);
    EXPECT_EQ(index({"proposal=7", voter}), -1);
    EXPECT_EQ(index({"proposal.gt=7"}, "-proposal"), -1);
    EXPECT_EQ(index({voter}), 0);
    EXPECT_EQ(index({"support=1"}), 1);
    EXPECT_EQ(index({"support=1"}, "-weight"), 1);
    EXPECT_EQ(index({"support=1", "weight.gte=5", "weight.lt=9"}), 1);
    EXPECT_EQ(index({"support.in=0,1"}, "support"), 1);
    EXPECT_EQ(index({}, "-at"), 2);
    EXPECT_EQ(index({}, "-at,-proposal"), 2);
    EXPECT_EQ(index({"at.ne=3"}), 2);
    // No path: the order behind several values, bounds on two columns, an order that turns.
    EXPECT_EQ(index({"support.in=0,1"}, "weight"), -100);
    EXPECT_EQ(index({"support.gt=0", "weight.gt=1"}), -100);
    EXPECT_EQ(index({}, "-at,proposal"), -100);
    // One value several times, and none at all, are no obstacle.
    EXPECT_EQ(index({"support.in=1,1"}, "weight"), 1);
    EXPECT_EQ(index({"support=1", "support=2"}, "weight"), 1);
}

TEST(AccessPlanTest, RowsThatAreEqualInTheOrderComeByKeyInItsDirection) {
    const EntityLayout layout = vote_layout();
    for (const std::vector<std::string>& where :
         std::vector<std::vector<std::string>>{{"at=3"}, {"at.in=3"}, {"at.gte=3", "at.lte=3"}}) {
        EXPECT_TRUE(plan_served(layout, ask(layout, where, "-at"))->descending) << where[0];
        EXPECT_FALSE(plan_served(layout, ask(layout, where, "at"))->descending) << where[0];
    }
}

TEST(AccessPlanTest, ARefusalNamesTheIndexThatWouldServe) {
    const EntityLayout layout = vote_layout();
    const auto why = [&](const std::vector<std::string>& where, const std::string& order = "") {
        return plan_served(layout, ask(layout, where, order)).error().message;
    };
    EXPECT_THAT(why({"weight.gte=5"}),
                AllOf(HasSubstr("no key or index of vote answers weight >= ...; it has"),
                      HasSubstr("an index (support, weight)"),
                      HasSubstr("index = [[\"weight\"]] in [entities.vote]")));
    EXPECT_THAT(why({"proposal=1"}, "-at"), HasSubstr("index = [[\"proposal\", \"at\"]]"));
    EXPECT_THAT(why({"support=1", "at.gt=3"}), HasSubstr("index = [[\"support\", \"at\"]]"));
    EXPECT_THAT(why({"weight.gt=1", "at.gt=3"}), HasSubstr("no index can"));
    // What it names does serve.
    EntityLayout wider = layout;
    wider.indexes.push_back({0, 4});
    EXPECT_TRUE(plan_served(wider, ask(wider, {"proposal=1"}, "-at")));
}

TEST(AccessPlanTest, AnOrderOrComparisonThatIsNoneSaysWhatThereIs) {
    const EntityLayout layout = vote_layout();
    EXPECT_THAT(read_order(layout, "nope").error().message,
                HasSubstr("key | voter | support,weight | at"));
    EXPECT_THAT(read_condition_name("at.like").error().message, HasSubstr("gte, in"));
    EXPECT_THAT(read_condition(layout, {"at", Compare::kEq}, "x").error().message,
                HasSubstr("at: 'x' is not a value of type uint64"));
    EXPECT_THAT(read_condition(layout, {"nope", Compare::kEq}, "x").error().message,
                ::testing::StartsWith("vote has no field 'nope'; known: "));
    EXPECT_THAT(read_condition(layout, {"votre", Compare::kEq}, "x").error().message,
                HasSubstr("did you mean 'voter'? known: "));
}

/// A random shape: two or three key fields, some fields, some indexes.
EntityLayout random_layout(std::mt19937_64& random) {
    const std::vector<storage::FieldType> types = {
        field("x", "uint256").type,
        field("x", "uint8").type,
        field("x", "int128").type,
        field("x", "int8").type,
        field("x", "bool").type,
        field("x", "address").type,
        field("x", "bytes4").type,
        field("x", "bytes").type,
        field("x", "string").type,
        field("x", "decimal(4)").type,
        {storage::FieldKind::kEnum, 8, 0, false, storage::intern_enum({"open", "closed", "a"})}};
    EntityLayout out;
    out.name = "thing";
    const size_t columns = 4 + random() % 4;
    const size_t key = 1 + random() % 3;
    for (size_t i = 0; i < columns; ++i) {
        Field one{"c" + std::to_string(i), types[random() % types.size()]};
        // Enough keys that differ.
        if (i == 0) {
            one.type = field("x", random() % 2 == 0 ? "uint256" : "string").type;
        }
        (i < key ? out.key : out.fields).push_back(one);
    }
    for (size_t i = 0; i < 3; ++i) {
        std::vector<uint16_t> index;
        for (size_t j = 0; j < 1 + random() % 2; ++j) {
            const auto column = static_cast<uint16_t>(random() % columns);
            if (std::ranges::find(index, column) == index.end()) {
                index.push_back(column);
            }
        }
        if (std::ranges::find(out.indexes, index) == out.indexes.end()) {
            out.indexes.push_back(index);
        }
    }
    return out;
}

Question random_question(std::mt19937_64& random, const EntityLayout& layout) {
    Question out;
    for (size_t i = random() % 4; i > 0; --i) {
        Condition one;
        one.column = static_cast<uint16_t>(random() % layout.column_count());
        one.compare = static_cast<Compare>(random() % 7);
        const storage::FieldType type = layout.column(one.column).type;
        for (size_t j = one.compare == Compare::kIn ? random() % 4 : 1; j > 0; --j) {
            one.values.push_back(encode_text(type, test::random_text(random, type)));
        }
        out.where.push_back(std::move(one));
    }
    const bool descending = random() % 2 == 0;
    for (size_t i = random() % 3; i > 0; --i) {
        out.order.push_back({static_cast<uint16_t>(random() % layout.column_count()), descending});
    }
    return out;
}

/// Keys and values, encoded, of the rows that a walk over all finds.
struct PlainRow {
    std::string key;
    std::vector<std::string> columns;
};

std::vector<PlainRow> plain_answer(const RowWorld& world, const Question& question) {
    const EntityLayout& layout = world.layouts()[0];
    std::vector<PlainRow> out;
    for (const TextRow& row : world.rows[0]) {
        PlainRow plain;
        for (size_t i = 0; i < row.size(); ++i) {
            plain.columns.push_back(encode_text(layout.column(i).type, row[i]));
            plain.key += i < layout.key.size() ? plain.columns.back() : "";
        }
        if (std::ranges::all_of(question.where, [&](const Condition& asked) {
                return holds(asked, plain.columns[asked.column]);
            })) {
            out.push_back(std::move(plain));
        }
    }
    return out;
}

/// Negative where `a` comes first, 0 where the order does not say.
int compare_by(const Question& question, const PlainRow& a, const PlainRow& b) {
    for (const OrderColumn& order : question.order) {
        const int found = a.columns[order.column].compare(b.columns[order.column]);
        if (found != 0) {
            return order.descending ? -found : found;
        }
    }
    return 0;
}

struct Answer {
    std::vector<std::string> keys;
    uint64_t visited = 0;
};

/// All keys, in pages of `page` rows with a cursor of its own each.
Answer ask_in_pages(const RowWorld& world, const Access& access, const Question& question,
                    size_t page, bool keys_only = false) {
    Answer out;
    const auto view = world.database->read_view();
    std::string after;
    while (true) {
        RowCursor rows{*view, 0, access, question, {.after = after, .keys_only = keys_only}};
        for (size_t i = 0; i < page && rows.valid(); ++i) {
            out.keys.emplace_back(rows.key());
            after = rows.position();
            if (i + 1 < page) {
                rows.next();
            }
        }
        EXPECT_OK(rows.status());
        out.visited += rows.visited();
        if (!rows.valid()) {
            return out;
        }
    }
}

void check_question(const RowWorld& world, const Question& question, std::mt19937_64& random) {
    const EntityLayout& layout = world.layouts()[0];
    const std::vector<PlainRow> plain = plain_answer(world, question);
    std::map<std::string, const PlainRow*> by_key;
    for (const PlainRow& row : plain) {
        by_key[row.key] = &row;
    }
    for (AccessPath& path : paths_of(layout)) {
        const Access access = plan_path(layout, std::move(path), question);
        for (const size_t page : {size_t{1000}, 1 + random() % 5}) {
            const Answer answer = ask_in_pages(world, access, question, page);
            ASSERT_EQ(answer.keys.size(), plain.size());
            std::map<std::string, int> seen;
            for (size_t i = 0; i < answer.keys.size(); ++i) {
                ASSERT_TRUE(by_key.contains(answer.keys[i]));
                ASSERT_EQ(++seen[answer.keys[i]], 1) << "a row came twice";
                if (access.is_ordered && i > 0) {
                    ASSERT_LE(
                        compare_by(question, *by_key[answer.keys[i - 1]], *by_key[answer.keys[i]]),
                        0);
                }
            }
            if (access.left.empty()) {
                EXPECT_EQ(answer.visited, plain.size()) << "rows that are no answer were read";
                EXPECT_EQ(ask_in_pages(world, access, question, page, true).keys, answer.keys);
            }
        }
    }
    const auto served = plan_served(layout, question);
    EXPECT_EQ(served.has_value(), std::ranges::any_of(paths_of(layout), [&](AccessPath& path) {
                  const Access access = plan_path(layout, path, question);
                  return access.left.empty() && access.is_ordered;
              }));
}

class AccessPlanProperty : public plumbline::test::PropertyTest {};

TEST_F(AccessPlanProperty, EveryPathGivesWhatAWalkOverAllRowsGives) {
    for (const uint64_t seed : seeds(12)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random{seed};
        RowWorld world{{random_layout(random)}};
        world.fill(0, random, 120);
        for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
            check_question(world, random_question(random, world.layouts()[0]), random);
        }
    }
}

TEST(RowCursorTest, AStoppedWalkGoesOnWhereItStopped) {
    RowWorld world{{vote_layout()}};
    std::mt19937_64 random{3};
    world.fill(0, random, 60);
    const EntityLayout& layout = world.layouts()[0];
    const Question question = ask(layout, {"weight.gt=0"});
    const Access access = plan_cheapest(layout, question, 60);
    ASSERT_EQ(access.left.size(), 1U);
    const std::vector<PlainRow> plain = plain_answer(world, question);
    const auto view = world.database->read_view();
    size_t found = 0;
    std::string after;
    for (int walks = 0;; ++walks) {
        ASSERT_LT(walks, 100);
        RowCursor rows{*view, 0, access, question, {.after = after, .visits_max = 7}};
        for (; rows.valid(); rows.next()) {
            ++found;
        }
        EXPECT_OK(rows.status());
        EXPECT_LE(rows.visited(), 7U);
        after = rows.position();
        if (!rows.is_stopped()) {
            break;
        }
    }
    EXPECT_EQ(found, plain.size());
}

}  // namespace

}  // namespace plumbline::query::access_plan_test
