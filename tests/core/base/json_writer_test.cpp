// The writer against nlohmann's, which was the other writer once: same text for the same document.
#include "core/base/json_writer.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace plumbline::json_writer_test {
namespace {

using nlohmann::ordered_json;

/// A document with every kind of value, empty brackets and brackets in brackets.
void write_all(JsonWriter& json) {
    json.open_object()
        .member("text", "a\"b\n")
        .member("number", 5)
        .member("negative", int64_t{-7})
        .member("large", UINT64_MAX)
        .member("yes", true)
        .member("none", std::optional<uint64_t>{})
        .member("some", std::optional{9})
        .member("texts", std::vector<std::string>{"x", "y"});
    json.key("empty").open_object().close_object();
    json.key("empty_list").open_array().close_array();
    json.key("rows").open_array();
    json.open_object().member("id", 1).close_object();
    json.open_object().key("deep").open_array().value(2).null().close_array().close_object();
    json.close_array().close_object();
}

ordered_json all() {
    return {{"text", "a\"b\n"},
            {"number", 5},
            {"negative", -7},
            {"large", UINT64_MAX},
            {"yes", true},
            {"none", nullptr},
            {"some", 9},
            {"texts", {"x", "y"}},
            {"empty", ordered_json::object()},
            {"empty_list", ordered_json::array()},
            {"rows",
             ordered_json::array({{{"id", 1}}, {{"deep", ordered_json::array({2, nullptr})}}})}};
}

TEST(JsonWriterTest, CompactTextHasNoBlanks) {
    std::string out;
    JsonWriter json{out};
    write_all(json);
    EXPECT_EQ(out, all().dump());
}

TEST(JsonWriterTest, IndentedTextHasALineAValueAndEmptyBracketsOnOne) {
    std::string out;
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    write_all(json);
    EXPECT_EQ(out, all().dump(2));
}

TEST(JsonWriterTest, WhatIsNotUtf8IsReplacedInNamesAndValues) {
    const std::string bad = "caf\xE9";
    std::string out;
    JsonWriter{out}.open_object().member(bad, bad).close_object();
    EXPECT_EQ(out, "{\"caf\xEF\xBF\xBD\":\"caf\xEF\xBF\xBD\"}");
    EXPECT_TRUE(ordered_json::accept(out));
}

TEST(JsonWriterTest, ValuesThatOthersAppendGetTheirCommas) {
    std::string out;
    JsonWriter json{out};
    json.open_array().raw("1");
    json.raw_value() += "2";
    json.value(3).close_array();
    EXPECT_EQ(out, "[1,2,3]");
}

}  // namespace
}  // namespace plumbline::json_writer_test
