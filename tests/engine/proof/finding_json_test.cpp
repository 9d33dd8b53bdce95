#include "engine/proof/finding_json.hpp"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace plumbline::engine::finding_json_test {
namespace {

std::string json_of(const Finding& finding) {
    std::string out;
    JsonWriter json{out};
    write_finding(json, finding);
    return out;
}

TEST(FindingJsonTest, AFindingSaysWhatAppliesAndLeavesOutTheRest) {
    Finding row;
    row.kind = FindingKind::kRowDiffers;
    row.entity = "user";
    row.key = "id=1";
    row.field = "name";
    row.stored = "a";
    row.expected = "b";
    row.block_num = 7;
    EXPECT_EQ(json_of(row),
              R"({"kind":"row differs","entity":"user","key":"id=1","field":"name","stored":"a",)"
              R"("expected":"b","block":7,"text":")" +
                  describe(row) + "\"}");
    Finding log;
    log.kind = FindingKind::kLogMissing;
    log.block_num = 7;
    log.log_index = 2;
    EXPECT_EQ(json_of(log),
              R"({"kind":"log missing","block":7,"log_index":2,"text":")" + describe(log) + "\"}");
}

TEST(FindingJsonTest, OfSeveralWhoAnsweredItIsSaidThatItWasOneOfThem) {
    Finding log;
    log.kind = FindingKind::kLogMissing;
    log.provider = "http://a.example";
    EXPECT_TRUE(describe(log).ends_with(", as http://a.example had answered")) << describe(log);
    log.provider = "http://a.example, http://b.example";
    EXPECT_TRUE(
        describe(log).ends_with(", as one of http://a.example, http://b.example had answered"))
        << describe(log);
}

/// A contract may store any bytes in a string, and a damaged row holds any: that must not end the
/// command that tells of it.
TEST(FindingJsonTest, AStoredStringThatIsNotUtf8IsShownAndNotRefused) {
    Finding finding;
    finding.kind = FindingKind::kRowDiffers;
    finding.entity = "user";
    finding.stored = "caf\xE9";
    const std::string out = json_of(finding);
    EXPECT_NE(out.find("\"stored\":\"caf\xEF\xBF\xBD\""), std::string::npos) << out;
    EXPECT_EQ(out.find('\xE9'), std::string::npos) << out;
}

TEST(FindingJsonTest, AListEndsAtItsLimit) {
    Findings findings;
    EXPECT_EQ(([&] {
                  std::string out;
                  JsonWriter json{out};
                  write_findings(json, findings, 2);
                  return out;
              }()),
              "[]");
    for (uint64_t block = 1; block <= 3; ++block) {
        Finding finding;
        finding.kind = FindingKind::kLogMissing;
        finding.block_num = block;
        findings.add(finding);
    }
    std::string out;
    JsonWriter json{out};
    write_findings(json, findings, 2);
    EXPECT_EQ(out, "[" + json_of(findings.kept[0]) + "," + json_of(findings.kept[1]) + "]");
}

TEST(FindingJsonTest, WhatWouldBeTooLongIsLeftOutWholeAndNeverCut) {
    Findings findings;
    for (int i = 0; i < 10; ++i) {
        Finding one;
        one.kind = FindingKind::kLogMissing;
        one.block_num = 7;
        one.expected = std::string(1'000, 'a');
        findings.add(std::move(one));
    }
    const auto written = [&](size_t bytes_max) {
        std::string out;
        JsonWriter json{out};
        write_findings(json, findings, 8, bytes_max);
        return out;
    };
    EXPECT_EQ(nlohmann::json::parse(written(SIZE_MAX)).size(), 8U);
    const std::string some = written(5'000);
    EXPECT_LE(some.size(), 5'002U);
    EXPECT_GE(nlohmann::json::parse(some).size(), 2U);
    EXPECT_EQ(written(10), "[]");
}

}  // namespace
}  // namespace plumbline::engine::finding_json_test
