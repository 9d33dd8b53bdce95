// Refusals that providers gave in public threads of 2023 to 2026: the tables of tests/rpc/data.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "rpc/refusal.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::rpc::test {

struct FreshRefusal {
    std::string id;
    int64_t code = 0;  // 0: the thread does not tell
    int http_status = 200;
    std::string message;
    std::string data;
    std::string classes;  // as a human reads it; a|b where the text leaves two open
    std::string hints;
    std::string source;

    [[nodiscard]] RefusalText text() const { return {http_status, code, message, data}; }
};

/// Those that the rules were mended with, those that came after, and those that came after these:
/// texts that none of the first two has, the rarer ones; then those that none of the three has.
constexpr const char* kSeen = "refusals_2024_2026.tsv";
constexpr const char* kUnseen = "refusals_unseen.tsv";
constexpr const char* kRare = "refusals_rare.tsv";
constexpr const char* kLater = "refusals_later.tsv";
constexpr std::array kPublicTables{kSeen, kUnseen, kRare, kLater};

inline std::vector<FreshRefusal> read_fresh_refusals(const char* name) {
    std::ifstream in{source_dir() + "/tests/rpc/data/" + name};
    std::vector<FreshRefusal> out;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream fields{line};
        std::vector<std::string> row;
        for (std::string field; std::getline(fields, field, '\t');) {
            row.push_back(field);
        }
        row.resize(8);
        out.push_back({row[0], std::stoll(row[1]), std::stoi(row[2]), row[3], row[4], row[5],
                       row[6], row[7]});
    }
    return out;
}

}  // namespace plumbline::rpc::test
