// Who may include whom. Every folder with sources has a line here; includes run down only, so the
// folders can be read, built and tested from the bottom up.
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

using Folders = std::set<std::string>;

Folders operator+(Folders a, const Folders& b) {
    a.insert(b.begin(), b.end());
    return a;
}

const Folders kCore = {"core/base", "core/evm"};
const Folders kStored = kCore + Folders{"storage"};
const Folders kProofs = {"engine/proof", "engine/proof/log", "engine/proof/replay",
                         "engine/proof/state", "engine/proof/calls"};
/// What a log becomes, without a network.
const Folders kLocal = kStored + Folders{"engine/calls", "engine/config", "engine/mapping",
                                         "engine/fold", "engine/text"};

// A folder may always include itself. From the bottom up.
const std::map<std::string, Folders> kMayInclude = {
    {"core/base", {}},
    {"core/evm", {"core/base"}},
    {"storage", kCore},
    {"rpc", kCore},
    {"engine/config", kStored},
    {"engine/mapping", kStored + Folders{"engine/config"}},
    {"engine/text", kStored + Folders{"engine/config", "engine/mapping"}},
    {"engine/calls", kStored + Folders{"rpc"}},
    {"engine/fold",
     kStored + Folders{"engine/calls", "engine/config", "engine/mapping", "engine/text"}},
    {"engine/ingest", kLocal + Folders{"rpc"}},
    {"engine/proof", kStored + Folders{"engine/config", "engine/mapping", "engine/text"}},
    {"engine/proof/log",
     kStored + Folders{"rpc", "engine/config", "engine/mapping", "engine/text", "engine/proof"}},
    {"engine/proof/replay", kLocal + Folders{"engine/proof"}},
    {"engine/proof/state", kLocal + Folders{"rpc", "engine/proof"}},
    {"engine/proof/calls", kLocal + Folders{"rpc", "engine/proof"}},
    {"engine/repair", kLocal + kProofs + Folders{"rpc"}},
    {"engine/task", kLocal + kProofs + Folders{"rpc", "engine/ingest", "engine/repair"}},
    {"engine/service",
     kLocal + kProofs + Folders{"rpc", "engine/ingest", "engine/repair", "engine/task"}},
    {"engine/setup", kStored + Folders{"rpc", "engine/calls", "engine/config", "engine/mapping",
                                       "engine/text", "engine/proof", "engine/proof/log"}},
    {"query", kStored + Folders{"engine/config", "engine/mapping", "engine/text"}},
    {"query/sql", kStored + Folders{"engine/config", "engine/mapping", "engine/text", "query"}},
    {"api/http", kCore},
    {"api/report", kLocal + Folders{"api/http"}},
    {"api/stream", kLocal + Folders{"api/http", "engine/ingest"}},
    {"api/rpc", kStored + Folders{"engine/config", "engine/mapping", "rpc", "api/http"}},
    {"api/routes", kLocal + kProofs +
                       Folders{"api/http", "api/report", "api/rpc", "rpc", "engine/ingest",
                               "engine/task", "engine/service", "query", "query/sql"}},
    {"api/server", kCore + Folders{"api/http", "api/routes", "api/rpc", "api/stream"}},
    {"api", kLocal + kProofs +
                Folders{"api/http", "api/report", "api/routes", "api/rpc", "api/server",
                        "api/stream", "rpc", "engine/ingest", "engine/task", "engine/service"}},
    {"sink", kLocal + kProofs +
                 Folders{"rpc", "engine/ingest", "engine/task", "engine/service", "engine/setup"}},
    {"tools", kLocal + kProofs +
                  Folders{"api", "sink", "rpc", "engine/ingest", "engine/repair", "engine/task",
                          "engine/service", "engine/setup", "query", "query/sql"}},
};

/// Library headers that stay behind one folder's edge.
const std::map<std::string, Folders> kEdges = {
    {"rocksdb/", {"storage"}},  {"curl/", {"rpc"}},
    {"simdjson", {"rpc"}},      {"toml++/", {"engine/config"}},
    {"boost/", {"api/server"}}, {"prometheus/", {"engine/service"}},
    {"libpq", {"sink"}},        {"sqlite3", {"query/sql"}},
    {"cryptopp/", kCore},       {"spdlog/", {"core/base"}},
    {"CLI/", {"tools"}},
};

struct Include {
    std::string file;
    std::string target;
    bool quoted = false;
};

std::string folder_of(const std::string& path) {
    return fs::path{path}.parent_path().string();
}

/// What is wrong with it; empty: nothing.
std::optional<std::string> complaint(const Include& include) {
    const auto known = kMayInclude.find(folder_of(include.file));
    if (known == kMayInclude.end()) {
        return include.file + " is in a folder that this test does not know";
    }
    if (include.quoted) {
        const std::string target = folder_of(include.target);
        if (target == known->first || known->second.contains(target)) {
            return std::nullopt;
        }
        return include.file + " must not include " + include.target;
    }
    for (const auto& [prefix, owners] : kEdges) {
        if (include.target.starts_with(prefix) && !owners.contains(known->first)) {
            return include.file + " must not include <" + include.target + ">";
        }
    }
    return std::nullopt;
}

std::vector<Include> all_includes() {
    std::vector<Include> out;
    const fs::path root{plumbline::source_dir()};
    for (const char* layer :
         {"core", "storage", "rpc", "engine", "query", "api", "sink", "tools"}) {
        for (const auto& entry : fs::recursive_directory_iterator{root / layer}) {
            const fs::path& path = entry.path();
            const std::string ext = path.extension().string();
            if ((ext != ".cpp" && ext != ".hpp" && ext != ".ipp") ||
                path.string().find("node_modules") != std::string::npos) {
                continue;
            }
            std::ifstream in{path};
            for (std::string line; std::getline(in, line);) {
                if (!line.starts_with("#include ")) {
                    continue;
                }
                const char open = line[9];
                const size_t end = line.find(open == '<' ? '>' : '"', 10);
                out.push_back({path.lexically_relative(root).string(), line.substr(10, end - 10),
                               open == '"'});
            }
        }
    }
    return out;
}

TEST(LayeringTest, EveryIncludeIsAllowed) {
    const std::vector<Include> found = all_includes();
    EXPECT_GT(found.size(), 1'000U);
    Folders seen;
    for (const Include& include : found) {
        seen.insert(folder_of(include.file));
        const auto wrong = complaint(include);
        EXPECT_FALSE(wrong) << *wrong;
    }
    for (const auto& [folder, allowed] : kMayInclude) {
        EXPECT_TRUE(seen.contains(folder)) << folder << " has no sources: take its line out";
    }
}

/// Folders are taken away whose allowed ones are all gone; a circle stays.
TEST(LayeringTest, TheTableHasNoCircle) {
    std::map<std::string, Folders> left = kMayInclude;
    for (bool changed = true; changed;) {
        changed = false;
        for (auto i = left.begin(); i != left.end();) {
            const bool is_free = std::ranges::none_of(
                i->second, [&](const std::string& folder) { return left.contains(folder); });
            changed |= is_free;
            i = is_free ? left.erase(i) : std::next(i);
        }
    }
    EXPECT_THAT(left, IsEmpty());
}

TEST(LayeringTest, AWrongIncludeIsTold) {
    const auto told = [](const char* file, const char* target, bool quoted) {
        return complaint({file, target, quoted}).has_value();
    };
    EXPECT_TRUE(told("core/base/hmac.cpp", "core/evm/hex.hpp", true));
    EXPECT_TRUE(told("storage/open.cpp", "rpc/transport.hpp", true));
    EXPECT_TRUE(told("engine/fold/fold.cpp", "engine/ingest/writer.hpp", true));
    EXPECT_TRUE(told("engine/mapping/plan.cpp", "engine/fold/fold.hpp", true));
    EXPECT_TRUE(told("engine/proof/log/log_proof.cpp", "engine/proof/state/state_walk.hpp", true));
    EXPECT_TRUE(told("engine/service/service.cpp", "api/server/server.hpp", true));
    EXPECT_TRUE(told("engine/new_room/x.cpp", "core/base/result.hpp", true));
    EXPECT_TRUE(told("engine/loose.cpp", "core/base/result.hpp", true));
    EXPECT_TRUE(told("engine/fold/fold.cpp", "rocksdb/db.h", false));
    EXPECT_FALSE(told("storage/open.cpp", "rocksdb/db.h", false));
    EXPECT_FALSE(told("engine/ingest/writer.cpp", "engine/fold/fold.hpp", true));
}

}  // namespace
