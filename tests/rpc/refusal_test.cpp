#include "rpc/refusal.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rpc/refusal_rules.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::rpc::refusal_test {
namespace {

std::vector<std::vector<std::string>> read_table(const std::filesystem::path& path) {
    std::ifstream in{path};
    std::vector<std::vector<std::string>> rows;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::vector<std::string>& row = rows.emplace_back();
        std::istringstream fields{line};
        for (std::string field; std::getline(fields, field, '\t');) {
            row.push_back(field);
        }
        row.resize(7);
    }
    return rows;
}

std::string hints_of(const Refusal& refusal) {
    std::string out;
    const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : " ") + text; };
    if (refusal.ambiguous) {
        add("ambiguous");
    }
    if (refusal.blocks_max) {
        add("blocks=" + std::to_string(*refusal.blocks_max));
    }
    if (refusal.results_max) {
        add("results=" + std::to_string(*refusal.results_max));
    }
    if (refusal.addresses_max) {
        add("addresses=" + std::to_string(*refusal.addresses_max));
    }
    if (refusal.batch_max) {
        add("batch=" + std::to_string(*refusal.batch_max));
    }
    if (refusal.range_hint) {
        add("range=" + std::to_string(refusal.range_hint->from) + "-" +
            std::to_string(refusal.range_hint->to));
    }
    if (refusal.retry_after_ms) {
        add("retry=" + std::to_string(*refusal.retry_after_ms));
    }
    return out;
}

TEST(RefusalTest, EveryKnownTextHasItsClassAndHints) {
    const auto rows = read_table(source_dir() + "/tests/rpc/data/refusals.tsv");
    ASSERT_GT(rows.size(), 100U);
    size_t right = 0;
    for (const auto& row : rows) {
        const Refusal refusal =
            classify_refusal({std::stoi(row[2]), std::stoll(row[1]), row[3], row[4]});
        EXPECT_EQ(to_string(refusal.kind), row[5]) << row[0] << ": " << row[3] << " | " << row[4];
        EXPECT_EQ(hints_of(refusal), row[6]) << row[0] << ": " << row[3];
        right += to_string(refusal.kind) == row[5] && hints_of(refusal) == row[6] ? 1U : 0U;
    }
    std::printf("refusals classed rightly, hints included: %zu of %zu\n", right, rows.size());
}

// The collection outside of the repository, where it is at hand: its texts must have the classes
// that the committed table gives the same texts.
TEST(RefusalTest, TheSharedCollectionAgreesWithTheTable) {
    const char* shared = std::getenv("PLUMBLINE_SHARED");  // NOLINT(concurrency-mt-unsafe)
    const std::filesystem::path path =
        std::filesystem::path{shared != nullptr ? shared : source_dir() + "/../shared"} /
        "data/provider_errors.tsv";
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is not here; the committed table holds its lines";
    }
    std::map<std::string, std::string> expected;
    for (const auto& row : read_table(source_dir() + "/tests/rpc/data/refusals.tsv")) {
        expected[row[1] + "|" + row[3]] = row[5];
    }
    size_t right = 0;
    const auto rows = read_table(path);
    for (const auto& row : rows) {
        const auto known = expected.find(row[1] + "|" + row[2]);
        ASSERT_NE(known, expected.end()) << "not in tests/rpc/data/refusals.tsv: " << row[2];
        const Refusal refusal = classify_refusal({200, std::stoll(row[1]), row[2], row[3]});
        EXPECT_EQ(to_string(refusal.kind), known->second) << row[0];
        right += to_string(refusal.kind) == known->second ? 1U : 0U;
    }
    std::printf("provider_errors.tsv: %zu of %zu\n", right, rows.size());
}

// A rule that an earlier one always forestalls is dead, and says so here.
TEST(RefusalTest, EveryRuleIsTheOneThatTakesItsOwnExample) {
    const auto rules = refusal_rules();
    for (const RefusalRule& rule : rules) {
        const RefusalText& text = rule.example;
        std::string whole{text.message};
        whole += " . ";
        whole += text.data;
        const RefusalRule* taken_by = find_refusal_rule(RefusalWords{whole}, text);
        ASSERT_NE(taken_by, nullptr) << text.message;
        EXPECT_EQ(taken_by - rules.data(), &rule - rules.data())
            << "'" << text.message << "' is taken by the rule for '" << taken_by->example.message
            << "'";
        const Refusal refusal = classify_refusal(text);
        EXPECT_EQ(to_string(refusal.kind), to_string(rule.kind)) << text.message;
        EXPECT_EQ(refusal.ambiguous, rule.ambiguous) << text.message;
    }
}

TEST(RefusalTest, EveryClassHasARuleAndNoTwoRulesShareAnExample) {
    std::set<RefusalClass> classes;
    std::set<std::string> examples;
    for (const RefusalRule& rule : refusal_rules()) {
        classes.insert(rule.kind);
        const RefusalText& text = rule.example;
        EXPECT_TRUE(examples
                        .insert(std::to_string(text.http_status) + " " + std::to_string(text.code) +
                                " " + std::string{text.message} + " " + std::string{text.data})
                        .second)
            << text.message;
    }
    EXPECT_EQ(classes.size(), static_cast<size_t>(RefusalClass::kUnknown));
}

TEST(RefusalTest, TheCodeAloneDecidesNothing) {
    EXPECT_EQ(classify_refusal({200, -32005, "request rate limited", ""}).kind,
              RefusalClass::kRateLimit);
    EXPECT_EQ(classify_refusal({200, -32005, "query returned more than 10 results", ""}).kind,
              RefusalClass::kTooManyResults);
    EXPECT_EQ(classify_refusal({200, -32005, "max is 10k blocks", ""}).kind,
              RefusalClass::kTooManyBlocks);
    EXPECT_EQ(classify_refusal({200, -32005, "", ""}).kind, RefusalClass::kUnknown);
}

TEST(RefusalTest, ALimitOnRequestsIsNotALimitOnBlocks) {
    const Refusal refusal =
        classify_refusal({200, -32000, "requests are limited to a rate of 10 per second", ""});
    EXPECT_EQ(refusal.kind, RefusalClass::kRateLimit);
    EXPECT_FALSE(refusal.blocks_max);
}

TEST(RefusalTest, AnyTextIsReadWithoutHarm) {
    for (const std::string text :
         {"", "99999999999999999999999999999 blocks too many", "[", "[0x, ]", "0x", "-", "1k",
          "9,9,9,9 max block", "[5, 1] block range too large", "\xff\xfe\x00"}) {
        static_cast<void>(classify_refusal({200, 0, text, text}));
    }
    EXPECT_FALSE(
        classify_refusal(RefusalText{200, 0, "block range too large [5, 1]", ""}).range_hint);
}

}  // namespace
}  // namespace plumbline::rpc::refusal_test
