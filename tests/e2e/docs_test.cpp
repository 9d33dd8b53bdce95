// The documents' shell commands are run as they stand, or at least checked against the command's
// own help: an example that does not work is worse than none.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::test::docs_test {
namespace {

/// Before each block. Left out are, by name, commands that build or start what the test has
/// already; `run` ends at the head instead of following the chain.
constexpr const char* kPrelude = R"(set -euo pipefail
cmake() { :; }
tools/demo() { :; }
tools/test() { :; }
bench/run() { :; }
plumbline() {
    if [ "$1" != run ]; then command plumbline "$@"; return; fi
    case "$*" in *--until*) ;; *) set -- "$@" --until head ;; esac
    command plumbline "$@" --rpc "$CHAIN" --quiet
}
node() {
    case "$1" in *anvil.mjs) ;; *) command node "$@" --rpc "$CHAIN" ;; esac
}
)";

struct Block {
    std::string document;
    size_t line = 0;
    std::string text;
};

std::vector<std::string> documents() {
    std::vector<std::string> out{"README.md"};
    for (const char* folder : {"docs", "examples", "bench"}) {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator{source_path(folder)}) {
            if (entry.path().extension() == ".md") {
                out.push_back(std::filesystem::relative(entry.path(), source_path("")).string());
            }
        }
    }
    return out;
}

/// The fenced blocks that say they are shell commands.
std::vector<Block> shell_blocks(const std::string& document) {
    std::vector<Block> out;
    std::istringstream lines{read_file(source_path(document))};
    size_t number = 0;
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (!inside && line == "```sh") {
            inside = true;
            out.push_back({document, number + 1, ""});
        } else if (inside && line == "```") {
            inside = false;
        } else if (inside) {
            out.back().text += line + "\n";
        }
    }
    return out;
}

/// "plumbline SUB ..." wherever a line of a block has it, continued lines joined, up to the end of
/// that command.
std::vector<std::string> plumbline_calls(const std::string& text) {
    const std::string joined = std::regex_replace(text, std::regex{"\\\\\n *"}, " ");
    const std::regex call{R"((?:^|[\s(/])plumbline +([a-z]+[^|;&#)\n]*))"};
    std::vector<std::string> out;
    for (auto it = std::sregex_iterator{joined.begin(), joined.end(), call};
         it != std::sregex_iterator{}; ++it) {
        out.push_back((*it)[1]);
    }
    return out;
}

void expect_runs(const Block& block, const std::map<std::string, std::string>& replacements,
                 const std::string& folder, const Anvil& chain) {
    // So that a failure says what the service said.
    std::string script = std::regex_replace(block.text, std::regex{"curl -sf "},
                                            "curl -sS --retry 3 --fail-with-body ");
    for (const auto& [from, to] : replacements) {
        for (size_t at = 0; (at = script.find(from, at)) != std::string::npos; at += to.size()) {
            script.replace(at, from.size(), to);
        }
    }
    const auto done = run_command({"env", "-C", folder, "CHAIN=" + chain.url(),
                                   "PATH=" + binary_dir() + ":" + std::string{std::getenv("PATH")},
                                   "bash", "-c", kPrelude + script});
    EXPECT_EQ(done.code, 0) << block.document << ":" << block.line << "\n"
                            << script << "\n"
                            << done.out.substr(done.out.size() -
                                               std::min<size_t>(done.out.size(), 500))
                            << done.err;
}

TEST(DocsTest, TheReadmesCommandsWorkInTheirOrder) {
    Anvil anvil;
    TempDir dir;
    const auto acted =
        run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"});
    ASSERT_EQ(acted.code, 0) << acted.err;
    const auto compiled =
        run_script("tools/node/compile.mjs",
                   {source_path("tests/contracts/Tokens.sol"), dir.sub("MyContract.json"),
                    "--contract", "TestToken", "--abi-only"});
    ASSERT_EQ(compiled.code, 0) << compiled.err;
    // The example's contract, chain and row are another's.
    std::map<std::string, std::string> replacements{{"https://your.node", anvil.url()},
                                                    {"19000000", "0"}};
    const std::set<std::string> can_be_run{"init",   "run",     "status",     "get",    "list",
                                           "dump",   "rebuild", "doctor",     "sql",    "verify",
                                           "repair", "journal", "quarantine", "codegen"};
    const std::string usual = "127.0.0.1:8080";
    size_t count = 0;
    size_t asked = 0;
    for (const Block& block : shell_blocks("README.md")) {
        if (block.text.starts_with("tools/package")) {
            continue;  // tests/package installs it, on a root of its own
        }
        const std::vector<std::string> calls = plumbline_calls(block.text);
        if (!std::ranges::all_of(calls, [&](const std::string& call) {
                return can_be_run.contains(call.substr(0, call.find(' ')));
            })) {
            continue;
        }
        std::unique_ptr<Child> service;
        if (block.text.find(usual + "/") != std::string::npos) {
            const std::string place = "127.0.0.1:" + std::to_string(free_port());
            replacements[usual] = place;
            // `init` writes the usual place, which may be taken where tests run.
            std::string config = read_file(dir.sub("myindex/plumbline.toml"));
            const size_t at = config.find(usual);
            ASSERT_NE(at, std::string::npos) << config;
            write_file(dir.sub("myindex/http.toml"), config.replace(at, usual.size(), place));
            service = std::make_unique<Child>(
                plumbline_command({"run", dir.sub("myindex/http.toml"), "--quiet"}));
            ASSERT_TRUE(eventually([&] {
                return run_command({"curl", "-sf", "http://" + place + "/v1/ready"}).code == 0;
            }));
            ++asked;
        }
        expect_runs(block, replacements, dir.path(), anvil);
        if (service) {
            service->send_signal(SIGTERM);
            EXPECT_EQ(service->wait(), 0);
        }
        count += calls.size();
        const auto row = plumbline({"list", dir.sub("myindex/db"), "transfer", "--limit", "1"});
        if (row.code == 0) {
            const auto first = nlohmann::json::parse(row.out, nullptr, false);
            ASSERT_TRUE(first.is_object()) << row.out;
            replacements["block=19000123 log_index=4"] =
                "block=" + first["block"].dump() + " log_index=" + first["log_index"].dump();
        }
    }
    EXPECT_GE(count, 6U);
    EXPECT_GE(asked, 1U);
    EXPECT_TRUE(std::filesystem::exists(dir.sub("events.csv")));
}

TEST(DocsTest, TheCommunityExamplesCommandsWorkInTheirOrder) {
    Anvil anvil;
    TempDir dir;
    const std::vector<Block> blocks = shell_blocks("examples/community/README.md");
    EXPECT_GE(blocks.size(), 3U);
    for (const Block& block : blocks) {
        expect_runs(block, {{"/tmp/hub", dir.sub("hub")}}, source_path(""), anvil);
    }
}

TEST(DocsTest, TheApisExamplesWorkOnARunningIndex) {
    Anvil anvil;
    TempDir dir;
    const auto acted = run_script("examples/community/activity.mjs",
                                  {"--rpc", anvil.url(), "--steps", "120", "--seed", "3"});
    ASSERT_EQ(acted.code, 0) << acted.err;
    const std::string api = "http://127.0.0.1:" + std::to_string(free_port());
    const std::string token = "a-token-for-the-examples";
    write_file(dir.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    write_file(dir.sub("plumbline.toml"),
               read_file(source_path("examples/community/plumbline.toml")) +
                   "\n[http]\nlisten = \"" + api.substr(7) + "\"\ntoken = \"" + token + "\"\n");
    Child service{
        plumbline_command({"run", dir.sub("plumbline.toml"), "--rpc", anvil.url(), "--quiet"})};
    ASSERT_TRUE(eventually([&] {
        return run_command({"curl", "-sf", api + "/v1/ready"}).code == 0;
    }));
    const std::vector<Block> blocks = shell_blocks("docs/api.md");
    EXPECT_GE(blocks.size(), 7U);
    for (const Block& block : blocks) {
        expect_runs(block, {{"$API", api}, {"$TOKEN", token}}, dir.path(), anvil);
    }
    for (const Block& block : shell_blocks("docs/clients.md")) {
        expect_runs(block, {{"$API", api}}, dir.path(), anvil);
    }
    const std::vector<Block> sql = shell_blocks("docs/sql.md");
    EXPECT_GE(sql.size(), 4U);
    for (const Block& block : sql) {
        expect_runs(block, {{"$API", api}}, dir.path(), anvil);
    }
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST(DocsTest, EveryOptionThatADocumentNamesIsInTheCommandsHelp) {
    std::map<std::string, std::string> helps;
    size_t checked = 0;
    for (const std::string& document : documents()) {
        for (const std::string& call : plumbline_calls(read_file(source_path(document)))) {
            const std::regex option{"--[a-z][a-z-]*"};
            const auto first = std::sregex_iterator{call.begin(), call.end(), option};
            if (first == std::sregex_iterator{}) {
                continue;
            }
            const std::string command = call.substr(0, call.find(' '));
            std::string& help = helps[command];
            if (help.empty()) {
                const auto asked = plumbline({command, "--help"});
                help = asked.code == 0 ? asked.out : "no command";
            }
            if (help == "no command") {
                continue;  // a sentence that goes on after the name
            }
            for (auto it = first; it != std::sregex_iterator{}; ++it, ++checked) {
                EXPECT_NE(help.find(it->str()), std::string::npos)
                    << document << ": plumbline " << call;
            }
        }
    }
    EXPECT_GT(checked, 8U);
}

}  // namespace
}  // namespace plumbline::test::docs_test
