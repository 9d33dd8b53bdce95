#include "engine/ingest/start_words.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine {

size_t count_words(const std::vector<rpc::BlockWord>& words, const evm::Hash& hash) {
    return static_cast<size_t>(std::ranges::count(words, hash, &rpc::BlockWord::hash));
}

bool does_one_lack_it(const std::vector<rpc::BlockWord>& words) {
    return std::ranges::any_of(words, [](const rpc::BlockWord& word) { return !word.hash; });
}

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
    for (const auto& [hash, tellers] : chains) {
        if (tellers * 2 > count) {
            out.majority = hash;
        }
    }
    for (const auto& [name, hash] : told) {
        out.text +=
            fmt::format("{}{} has {}", out.text.empty() ? "" : ", ", name, evm::to_hex(hash));
    }
    return out;
}

std::set<std::string> find_apart(const std::vector<rpc::BlockWord>& words, const evm::Hash& ours,
                                 const std::set<std::string>& before) {
    std::set<std::string> of_ours;  // two endpoints may have one name
    std::set<std::string> of_others;
    size_t ours_count = 0;
    size_t others_count = 0;
    for (const rpc::BlockWord& word : words) {
        if (word.hash == ours) {
            ++ours_count;
            of_ours.insert(word.provider);
        } else if (word.hash) {
            ++others_count;
            of_others.insert(word.provider);
        }
    }
    if (others_count >= 2 && others_count > ours_count) {
        const std::optional<Disagreement> found = find_disagreement(words);
        return found && found->majority ? find_apart(words, *found->majority, {})
                                        : std::set<std::string>{};
    }
    std::set<std::string> out = before;
    if (ours_count >= 2 && ours_count > others_count) {
        out.insert(of_others.begin(), of_others.end());
    }
    std::erase_if(out, [&](const std::string& name) { return of_ours.contains(name); });
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
        if (found->majority) {
            apart_ = find_apart(words, *found->majority, {});
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
