// Includes run one way: core <- storage, core <- rpc, {storage, rpc} <- engine <- api <- tools.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"core", {"core"}},
    {"storage", {"storage", "core"}},
    {"rpc", {"rpc", "core"}},
    {"engine", {"engine", "storage", "rpc", "core"}},
    {"api", {"api", "engine", "storage", "rpc", "core"}},
    {"tools", {"tools", "api", "engine", "storage", "rpc", "core"}},
};

/// Library headers that stay behind one layer's edge.
const std::map<std::string, std::set<std::string>> kEdges = {
    {"rocksdb/", {"storage"}}, {"curl/", {"rpc"}},  {"simdjson", {"rpc"}},
    {"toml++/", {"engine"}},   {"boost/", {"api"}}, {"cryptopp/", {"core"}},
    {"spdlog/", {"core"}},
};

struct Include {
    std::string file;
    std::string target;
    bool quoted = false;
};

std::vector<Include> includes_of(const std::string& layer) {
    std::vector<Include> out;
    const fs::path root{PLUMBLINE_SOURCE_DIR};
    for (const auto& entry : fs::recursive_directory_iterator{root / layer}) {
        const fs::path& path = entry.path();
        if ((path.extension() != ".cpp" && path.extension() != ".hpp") ||
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
            out.push_back(
                {path.lexically_relative(root).string(), line.substr(10, end - 10), open == '"'});
        }
    }
    return out;
}

TEST(LayeringTest, IncludesRunOneWay) {
    for (const auto& [layer, allowed] : kMayInclude) {
        const auto found = includes_of(layer);
        EXPECT_FALSE(found.empty()) << layer;
        for (const Include& include : found) {
            if (include.quoted) {
                EXPECT_TRUE(allowed.contains(include.target.substr(0, include.target.find('/'))))
                    << include.file << " includes " << include.target;
            }
        }
    }
}

TEST(LayeringTest, LibrariesStayBehindTheirLayersEdge) {
    for (const auto& [layer, allowed] : kMayInclude) {
        for (const Include& include : includes_of(layer)) {
            for (const auto& [prefix, owners] : kEdges) {
                if (include.target.starts_with(prefix)) {
                    EXPECT_TRUE(owners.contains(layer))
                        << include.file << " includes " << include.target;
                }
            }
        }
    }
}

}  // namespace
