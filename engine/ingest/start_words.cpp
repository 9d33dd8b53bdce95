#include "engine/ingest/start_words.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine {

std::optional<Disagreement> find_disagreement(const std::vector<rpc::BlockWord>& words) {
    std::map<evm::Hash, size_t> chains;
    std::map<std::string, evm::Hash> told;
    size_t count = 0;
    for (const rpc::BlockWord& word : words) {
        if (word.hash) {
            ++chains[*word.hash];
            told[word.provider] = *word.hash;
            ++count;
        }
    }
    if (chains.size() < 2) {
        return std::nullopt;
    }
    Disagreement out;
    out.has_majority = std::ranges::any_of(
        chains, [count](const auto& chain) { return chain.second * 2 > count; });
    for (const auto& [name, hash] : told) {
        out.text +=
            fmt::format("{}{} has {}", out.text.empty() ? "" : ", ", name, evm::to_hex(hash));
    }
    return out;
}

std::string StartAgreement::hear(const std::vector<rpc::BlockWord>& words) {
    std::set<std::string> have;
    for (const rpc::BlockWord& word : words) {
        if (word.hash) {
            have.insert(word.provider);
        }
    }
    if (auto found = find_disagreement(words)) {
        found->text = fmt::format("providers disagree about block {}, which is final: {}",
                                  block_num_, found->text);
        if (found->has_majority) {
            disagreement_.clear();
            is_settled_ = true;
            return found->text + "; what most of them have is believed";
        }
        speakers_ = std::move(have);
        disagreement_ = found->text +
                        "; nothing is stored until they agree: take those of another chain out of "
                        "the config";
        return "";
    }
    if (!std::ranges::includes(have, speakers_)) {
        return "";
    }
    disagreement_.clear();
    if (have.size() < words.size() && block_num_ > 0) {
        block_num_ /= 2;
        return "";
    }
    is_settled_ = words.size() >= providers_;
    return "";
}

}  // namespace plumbline::engine
