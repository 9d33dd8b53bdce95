// What providers say of one final block before anything is stored: are they of one chain?
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

struct Disagreement {
    std::string text;  ///< who has which block, for people
    /// More than half of those that have the block have the same one.
    bool has_majority = false;
};

/// Empty where all that have block `block_num` have the same one; those that lack it do not count.
[[nodiscard]] inline std::optional<Disagreement> find_disagreement(
    const std::vector<rpc::BlockWord>& words, uint64_t block_num) {
    std::map<evm::Hash, std::vector<std::string>> names;
    size_t count = 0;
    for (const rpc::BlockWord& word : words) {
        if (word.hash) {
            names[*word.hash].push_back(word.provider);
            ++count;
        }
    }
    if (names.size() < 2) {
        return std::nullopt;
    }
    Disagreement out;
    out.text = fmt::format("providers disagree about block {}, which is final: ", block_num);
    bool is_first = true;
    for (const auto& [hash, who] : names) {
        out.has_majority = out.has_majority || who.size() * 2 > count;
        for (const std::string& name : who) {
            out.text += fmt::format("{}{} has {}", is_first ? "" : ", ", name, evm::to_hex(hash));
            is_first = false;
        }
    }
    return out;
}

}  // namespace plumbline::engine
