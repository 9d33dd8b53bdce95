#include "engine/ingest/start_words.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine {

std::optional<Disagreement> find_disagreement(const std::vector<rpc::BlockWord>& words,
                                              uint64_t block_num) {
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

std::string StartAgreement::hear(const std::vector<rpc::BlockWord>& words) {
    std::set<std::string> have;
    for (const rpc::BlockWord& word : words) {
        if (word.hash) {
            have.insert(word.provider);
        }
    }
    if (const auto found = find_disagreement(words, block_num_)) {
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
