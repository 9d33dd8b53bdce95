// Rules of the source tree that the compiler cannot check.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path kRoot{plumbline::source_dir()};

std::string read(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<fs::path> files(const std::vector<std::string>& folders,
                            const std::vector<std::string>& extensions) {
    std::vector<fs::path> out;
    for (const std::string& folder : folders) {
        for (const auto& entry : fs::recursive_directory_iterator{kRoot / folder}) {
            const std::string path = entry.path().string();
            if (path.find("node_modules") == std::string::npos &&
                std::ranges::find(extensions, entry.path().extension().string()) !=
                    extensions.end()) {
                out.push_back(entry.path());
            }
        }
    }
    return out;
}

/// The text without comments and without what stands in quotes, so that rules look at code only.
std::string code_of(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
        const auto skip_to = [&](std::string_view end, size_t from) {
            const size_t found = text.find(end, from);
            i = found == std::string::npos ? text.size() : found + end.size();
        };
        if (text.compare(i, 2, "//") == 0) {
            skip_to("\n", i);
            out += '\n';
        } else if (text.compare(i, 2, "/*") == 0) {
            skip_to("*/", i);
        } else if (text.compare(i, 3, "R\"(") == 0) {
            skip_to(")\"", i);
        } else if (text[i] == '"') {
            for (++i; i < text.size() && text[i] != '"'; ++i) {
                i += text[i] == '\\' ? 1U : 0U;
            }
            ++i;
        } else if (text[i] == '\'' && i > 0 &&
                   std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0) {
            for (++i; i < text.size() && text[i] != '\''; ++i) {
                i += text[i] == '\\' ? 1U : 0U;
            }
            ++i;
        } else {
            out += text[i++];
        }
    }
    return out;
}

struct Rule {
    const char* pattern;
    const char* instead;
};

const Rule kRules[] = {
    {R"(\bstd::endl\b)", "'\\n'"},
    {R"((^|[^_\w])assert\s*\()", "PLUMBLINE_CHECK or PLUMBLINE_DCHECK"},
    {R"(\brand\s*\(\))", "a seeded generator"},
    {R"(\bstd::regex\b)", "a hand-written scan"},
    {R"(\bstd::sto(i|l|ul|ll|ull)\b)", "std::from_chars"},
    {R"(\bthrow\b)", "a Result"},
    {R"(\bdelete\s+\w)", "an owner"},
    {R"((=|return)\s*new\s+\w)", "std::make_unique"},
    {R"(\bFIXME\b|\bTODO\b)", "finished work"},
};

TEST(SourceRulesTest, BannedWordsHaveABetterOne) {
    std::vector<std::regex> patterns;
    for (const Rule& rule : kRules) {
        patterns.emplace_back(rule.pattern, std::regex::optimize);
    }
    for (const fs::path& path :
         files({"core", "storage", "rpc", "engine", "query", "api", "tools"}, {".cpp", ".hpp"})) {
        const std::string code = code_of(read(path));
        for (size_t i = 0; i < patterns.size(); ++i) {
            EXPECT_FALSE(std::regex_search(code, patterns[i]))
                << path.lexically_relative(kRoot) << " has " << kRules[i].pattern << "; use "
                << kRules[i].instead;
        }
        if (path.extension() == ".hpp") {
            EXPECT_EQ(code.find("using namespace"), std::string::npos) << path;
        }
    }
}

/// In C++20 only what the range itself is lives as long as the loop, not what it was taken out of:
/// `for (x : *status().history)` walks what may be gone.
TEST(SourceRulesTest, NoLoopWalksWhatATemporaryHolds) {
    const std::regex loop{R"(\bfor \([^;()]*:\s\*[\w.:>-]+\()", std::regex::optimize};
    for (const fs::path& path : files({"core", "storage", "rpc", "engine", "query", "api", "sink",
                                       "tools", "tests", "bench"},
                                      {".cpp", ".hpp", ".ipp"})) {
        const std::string code = code_of(read(path));
        EXPECT_FALSE(std::regex_search(code, loop))
            << path.lexically_relative(kRoot) << ": give what the call returns a name first";
    }
}

TEST(SourceRulesTest, TimeAndSleepComeFromOutside) {
    for (const fs::path& path :
         files({"core/evm", "storage", "rpc", "engine", "query", "api"}, {".cpp", ".hpp"})) {
        const std::string code = code_of(read(path));
        for (const char* banned : {"system_clock::now", "steady_clock::now", "sleep_for"}) {
            EXPECT_EQ(code.find(banned), std::string::npos)
                << path.lexically_relative(kRoot) << " has " << banned
                << "; use core/base/clock.hpp";
        }
    }
}

/// It throws where the reader has gone, and what is thrown on the way out ends the process by a
/// signal.
TEST(SourceRulesTest, NobodyPrintsByWhatThrows) {
    for (const fs::path& path :
         files({"core", "storage", "rpc", "engine", "query", "api", "sink", "tools"},
               {".hpp", ".cpp"})) {
        EXPECT_EQ(code_of(read(path)).find("fmt::print("), std::string::npos) << path;
    }
}

/// What a lock of the standard library guards, clang does not know. spdlog's sink has one of its
/// own; a turn at questions about the past guards no data.
TEST(SourceRulesTest, LocksAreOnesThatSayWhatTheyGuard) {
    const std::set<std::string> others{"core/base/mutex.hpp", "core/base/logging.cpp",
                                       "api/routes/past.hpp", "api/routes/past.cpp",
                                       "api/routes/caches.hpp", "api/routes/routes_row.cpp",
                                       // Slept on, and nothing else.
                                       "tools/config_watch.cpp", "tools/directory_watch.cpp"};
    for (const fs::path& path :
         files({"core", "storage", "rpc", "engine", "query", "api", "sink", "tools"},
               {".hpp", ".cpp", ".ipp"})) {
        if (!others.contains(path.lexically_relative(kRoot).string())) {
            EXPECT_EQ(code_of(read(path)).find("std::mutex"), std::string::npos)
                << path << " has a std::mutex; use core/base/mutex.hpp";
        }
    }
}

/// What a library throws on a thread of its own ends the process where nobody catches it.
TEST(SourceRulesTest, WhoStartsAThreadCatchesWhatIsThrownOnIt) {
    const std::regex start{R"(std::j?thread\s*\{\s*\[)"};
    size_t seen = 0;
    for (const fs::path& path :
         files({"core", "storage", "rpc", "engine", "query", "api", "sink", "tools"},
               {".hpp", ".cpp", ".ipp"})) {
        const std::string code = code_of(read(path));
        // What runs there is libpq, which is C.
        const bool is_of_c = path.lexically_relative(kRoot) == "sink/pg_dial.cpp";
        if (std::regex_search(code, start) && !is_of_c) {
            ++seen;
            EXPECT_TRUE(code.find("catch_exceptions") != std::string::npos ||
                        code.find("current_exception") != std::string::npos)
                << path << ": let the thread's body stand within catch_exceptions";
        }
    }
    EXPECT_GT(seen, 5U);
}

TEST(SourceRulesTest, CodeIsAscii) {
    for (const fs::path& path :
         files({"core", "storage", "rpc", "engine", "query", "api", "tools", "bench"},
               {".cpp", ".hpp"})) {
        const std::string text = read(path);
        EXPECT_TRUE(std::ranges::all_of(text, [](char c) {
            return static_cast<unsigned char>(c) < 0x80;
        })) << path.lexically_relative(kRoot);
    }
}

TEST(SourceRulesTest, EveryHeaderGuardsAndIntroducesItself) {
    for (const fs::path& path :
         files({"core", "storage", "rpc", "engine", "query", "api", "tools"}, {".hpp"})) {
        const std::string text = read(path);
        EXPECT_NE(text.find("#pragma once"), std::string::npos) << path;
        EXPECT_TRUE(text.starts_with("//")) << path << " does not say what it is";
    }
}

TEST(SourceRulesTest, EveryAlertHasACaseEitherWayAPanelAndALineInTheRunbook) {
    const std::string rules = read(kRoot / "docs/alerts.yml");
    const std::string cases = read(kRoot / "tests/alerts/alerts_test.yml");
    const std::string panels = read(kRoot / "docs/grafana.json");
    const std::string runbook = read(kRoot / "docs/operations.md");
    const std::regex alert{R"(alert: (\w+)\s+expr: ([^\n]*))"};
    const std::regex metric{R"(plumbline_\w+)"};
    size_t seen = 0;
    for (std::sregex_iterator rule{rules.begin(), rules.end(), alert}, end; rule != end; ++rule) {
        const std::string name = (*rule)[1];
        const std::string expr = (*rule)[2];
        ++seen;
        const std::string head = "alertname: " + name + R"(\s+exp_alerts:)";
        EXPECT_TRUE(std::regex_search(cases, std::regex{head + R"( \[\])"})) << name << " is quiet";
        EXPECT_TRUE(std::regex_search(cases, std::regex{head + R"(\s+- )"})) << name << " fires";
        EXPECT_NE(runbook.find('`' + name + '`'), std::string::npos) << name;
        for (std::sregex_iterator used{expr.begin(), expr.end(), metric}; used != end; ++used) {
            EXPECT_NE(panels.find(used->str()), std::string::npos)
                << used->str() << " has no panel";
        }
    }
    EXPECT_GT(seen, 10U);
}

TEST(SourceRulesTest, NoMergeWasLeftHalfDone) {
    std::vector<fs::path> pages = files(
        {"api", "bench", "clients", "core", "docs", "engine", "examples", "query", "rpc", "sink",
         "storage", "tests", "tools"},
        {".md", ".cpp", ".hpp", ".mjs", ".js", ".css", ".html", ".ts", ".toml", ".txt", ".yml"});
    pages.push_back(kRoot / "README.md");
    pages.push_back(kRoot / "CHANGELOG.md");
    for (const fs::path& page : pages) {
        const std::string text = "\n" + read(page);
        for (const char mark : {'<', '>', '|'}) {
            EXPECT_EQ(text.find("\n" + std::string(7, mark) + " "), std::string::npos)
                << page.lexically_relative(kRoot);
        }
    }
}

TEST(SourceRulesTest, DocumentsLinkOnlyToWhatIsThere) {
    std::vector<fs::path> pages = files({"docs", "examples", "bench"}, {".md"});
    pages.push_back(kRoot / "README.md");
    static const std::regex link{R"(\]\(([^)#\s]+)[^)]*\))"};
    for (const fs::path& page : pages) {
        const std::string text = read(page);
        for (std::sregex_iterator i{text.begin(), text.end(), link}, end; i != end; ++i) {
            const std::string target = (*i)[1];
            if (target.find("://") == std::string::npos) {
                EXPECT_TRUE(fs::exists(page.parent_path() / target))
                    << page.lexically_relative(kRoot) << " links to " << target;
            }
        }
    }
}

}  // namespace
