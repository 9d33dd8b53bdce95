// Runs the table in config_mistakes.txt: every mistake a config can have gets exactly its message.
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/config/config.hpp"
#include "engine/config/config_text.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::engine::config_mistakes_test {
namespace {

const std::map<std::string, std::string, std::less<>> kParts{
    {"chain", "[chain]\nid = 1\nrpc = \"http://node\"\n"},
    {"hub",
     "[contracts.hub]\nabi = \"hub.json\"\n"
     "address = \"0x0000000000000000000000000000000000000001\"\n"},
    {"item",
     "[entities.item]\nkey = { id = \"uint256\" }\n"
     "fields = { owner = \"address\", n = \"uint64\" }\n"},
};

struct Case {
    std::string name;
    std::vector<std::string> parts;
    std::string text;
    std::string message;

    [[nodiscard]] std::string whole() const {
        std::string out;
        bool has_text = false;
        for (const std::string& part : parts) {
            out += part == "text" ? text : kParts.find(part)->second;
            has_text = has_text || part == "text";
        }
        return has_text ? out : out + text;
    }
};

std::vector<Case> read_cases() {
    std::ifstream in{source_dir() + "/tests/engine/config/config_mistakes.txt"};
    std::vector<Case> out;
    std::string line;
    bool is_open = false;
    while (std::getline(in, line)) {
        if (line.starts_with("=== ")) {
            Case item;
            const size_t colon = line.find(':');
            item.name = line.substr(4, colon == std::string::npos ? colon : colon - 4);
            std::istringstream parts{colon == std::string::npos ? "" : line.substr(colon + 1)};
            for (std::string part; parts >> part;) {
                item.parts.push_back(part);
            }
            out.push_back(std::move(item));
            is_open = true;
        } else if (line.starts_with(">>> ") && !out.empty()) {
            std::string& message = out.back().message;
            message += (message.empty() ? "" : "\n") + line.substr(4);
            is_open = false;
        } else if (is_open) {
            out.back().text += line + "\n";
        }
    }
    return out;
}

Result<std::string> only_hub(const std::string& name) {
    if (name == "hub.json") {
        return std::string{"[]"};
    }
    return Error{ErrorCode::kInvalidArgument, "no such file"};
}

class ConfigMistakesTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ::setenv("PLUMBLINE_TEST_EMPTY", "", 1);
        ::setenv("PLUMBLINE_TEST_SECRET", "s3cr3t", 1);
        ::unsetenv("PLUMBLINE_TEST_UNSET");
    }
};

TEST_F(ConfigMistakesTest, EachGetsItsMessage) {
    const std::vector<Case> cases = read_cases();
    EXPECT_GE(cases.size(), 240U);
    std::set<std::string> names;
    for (const Case& item : cases) {
        SCOPED_TRACE(item.name);
        EXPECT_TRUE(names.insert(item.name).second) << "the name is used twice";
        const auto config = parse_config(item.whole(), "config.toml", only_hub);
        if (config.has_value()) {
            ADD_FAILURE() << "was accepted:\n" << item.whole();
            continue;
        }
        EXPECT_EQ(config.error().message, item.message);
        EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
    }
}

std::string parts(std::initializer_list<std::string_view> names) {
    std::string out;
    for (const std::string_view name : names) {
        out += kParts.find(name)->second;
    }
    return out;
}

std::string message_of(const std::string& text) {
    const auto config = parse_config(text, "config.toml", only_hub);
    return config.has_value() ? "accepted" : config.error().message;
}

// What is too long for the table.

TEST_F(ConfigMistakesTest, TooManyContracts) {
    std::string text = parts({"chain"});
    for (int i = 0; i < 257; ++i) {
        text += fmt::format("[contracts.c{}]\nabi = \"hub.json\"\naddress = \"0x{:040x}\"\n", i, i);
    }
    EXPECT_EQ(message_of(text), "config.toml:4:1: at most 256 contracts, not 257");
}

TEST_F(ConfigMistakesTest, TooManyAddresses) {
    std::string text = parts({"chain"}) + "[contracts.hub]\nabi = \"hub.json\"\naddress = [";
    for (int i = 0; i < 1025; ++i) {
        text += fmt::format("\"0x{:040x}\",", i);
    }
    EXPECT_EQ(message_of(text + "]\n"),
              "config.toml:6:11: address in [contracts.hub] may have at most 1024 items, not 1025");
}

TEST_F(ConfigMistakesTest, TooManyEntities) {
    std::string text = parts({"chain", "hub"});
    for (int i = 0; i < 257; ++i) {
        text += fmt::format("[entities.e{}]\nkey = {{ id = \"bool\" }}\n", i);
    }
    EXPECT_EQ(message_of(text), "config.toml:7:1: at most 256 entities, not 257");
}

TEST_F(ConfigMistakesTest, TooManyFields) {
    std::string text = parts({"chain", "hub"}) +
                       "[entities.item]\nkey = { id = \"bool\" }\n[entities.item.fields]\n";
    for (int i = 0; i < 257; ++i) {
        text += fmt::format("f{} = \"bool\"\n", i);
    }
    EXPECT_EQ(message_of(text),
              "config.toml:9:1: [entities.item] may have at most 256 fields, not 257");
}

TEST_F(ConfigMistakesTest, TooManyHandlers) {
    std::string text = parts({"chain", "hub", "item"});
    for (int i = 0; i < 4097; ++i) {
        text += "[[on]]\nevent = \"hub.E\"\ninsert = \"item\"\nkey = { id = \"a\" }\n";
    }
    EXPECT_EQ(message_of(text), "config.toml:10:1: at most 4096 [[on]] handlers, not 4097");
}

TEST_F(ConfigMistakesTest, ValueTooLong) {
    const std::string text = parts({"chain", "hub", "item"}) +
                             "[[on]]\nevent = \"hub.E\"\ninsert = \"item\"\nkey = { id = \"" +
                             std::string(1025, 'a') + "\" }\n";
    EXPECT_EQ(message_of(text),
              "config.toml:13:15: in '" + std::string(120, 'a') +
                  "...': a value may have at most 1024 characters, this one has 1025");
}

TEST_F(ConfigMistakesTest, FileTooLarge) {
    EXPECT_EQ(message_of(std::string((size_t{4} << 20U) + 1, ' ')),
              "config.toml: a config may have at most 4 MiB, this one has 4194305 bytes");
}

TEST_F(ConfigMistakesTest, ZeroByte) {
    EXPECT_EQ(message_of(std::string{"a\0b", 3}), "config.toml: not a text file: byte 1 is zero");
}

TEST_F(ConfigMistakesTest, LongListsOfKnownNamesAreCut) {
    std::string text = parts({"chain", "hub"}) +
                       "[entities.item]\nkey = { id = \"bool\" }\nindex = [[\"none\"]]\n"
                       "[entities.item.fields]\n";
    for (int i = 0; i < 40; ++i) {
        text += fmt::format("f{} = \"bool\"\n", i);
    }
    const std::string message = message_of(text);
    EXPECT_TRUE(message.ends_with("f21, f22 and 17 more")) << message;
}

TEST_F(ConfigMistakesTest, SecretsAreNotInMessages) {
    for (const std::string_view rpc :
         {R"("ws://user:s3cr3t@node")", R"([{ url = "s3cr3t" }])", R"("env:PLUMBLINE_TEST_SECRET")",
          R"([{ url = "http://node", headers = { a = "s3cr3t\n" } }])"}) {
        const std::string message =
            message_of(fmt::format("[chain]\nid = 1\nrpc = {}\n{}", rpc, parts({"hub"})));
        EXPECT_NE(message, "accepted");
        EXPECT_EQ(message.find("s3cr3t"), std::string::npos) << message;
    }
}

TEST_F(ConfigMistakesTest, MissingFileIsSaid) {
    const auto config = load_config("/nonexistent/plumbline.toml");
    ASSERT_FALSE(config.has_value());
    EXPECT_EQ(config.error().message,
              "cannot read the config /nonexistent/plumbline.toml: no such file");
    const auto folder = load_config(source_dir());
    ASSERT_FALSE(folder.has_value());
    EXPECT_TRUE(folder.error().message.ends_with(": it is a directory"));
}

TEST(MistakesTest, StandInTheOrderOfTheirPlacesInTheFileWhicheverStageFoundThem) {
    Mistakes first;
    first.add(Status{mistake_at("a:b.toml", {30, 2}, "c: of 5:1: all")});
    first.add(Status{mistake_at("a:b.toml", {4, 0}, "a")});
    first.add(Status{mistake_at("a:b.toml", {}, "of no line")});
    Mistakes all;
    all.add(first.all());
    all.add(Status{mistake_at("a:b.toml", {30, 1}, "b")});
    EXPECT_EQ(all.all().error().message,
              "a:b.toml:4: a\na:b.toml: of no line\na:b.toml:30:1: b\n"
              "a:b.toml:30:2: c: of 5:1: all");
}

TEST(MistakesTest, ThoseBeyondTwentyAreCounted) {
    Mistakes mistakes;
    for (int i = 1; i <= 23; ++i) {
        mistakes.add(Status{Error{ErrorCode::kInvalidArgument, fmt::format("mistake {}", i)}});
    }
    const Status all = mistakes.all();
    ASSERT_FALSE(all);
    EXPECT_TRUE(all.error().message.ends_with("\nmistake 20\n... and 3 more"));
}

}  // namespace
}  // namespace plumbline::engine::config_mistakes_test
