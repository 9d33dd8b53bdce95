#include "engine/proof/calls/call_storage_proof.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/callback_guard.hpp"
#include "core/evm/header.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/proof.hpp"
#include "engine/proof/storage_word.hpp"

namespace plumbline::engine {

namespace {

using storage::CallFact;
using storage::CallOutcome;

constexpr int64_t kProofWaitMs = 50;
constexpr size_t kProofsOutMax = 32;
constexpr size_t kSelector = 4;
constexpr size_t kWord = 32;

/// The bytes that an argument adds to the hash of a mapping's place; empty where the input is none
/// of the function's.
std::optional<Bytes> key_bytes(const CallStorage::Key& key, ByteView args) {
    Bytes out;
    if (!key.arg) {
        if (key.is_dynamic) {
            const ByteView text = as_bytes(key.bytes);
            out.assign(text.begin(), text.end());
        } else {
            evm::append_word(out, key.word);
        }
        return out;
    }
    const size_t head = size_t{*key.arg} * kWord;
    if (args.size() < head + kWord) {
        return std::nullopt;
    }
    ByteView part = args.subspan(head, kWord);
    if (key.is_dynamic) {
        const evm::U256 offset = evm::U256::from_be(part);
        if (offset > evm::U256{args.size()} || args.size() - offset.limb[0] < kWord) {
            return std::nullopt;
        }
        const ByteView tail = args.subspan(offset.limb[0]);
        const evm::U256 size = evm::U256::from_be(tail.first(kWord));
        if (size > evm::U256{tail.size() - kWord}) {
            return std::nullopt;
        }
        part = tail.subspan(kWord, size.limb[0]);
    }
    out.assign(part.begin(), part.end());
    return out;
}

std::optional<evm::Hash> place_of(const CallStorage::Slot& slot, ByteView args) {
    evm::Hash place;
    slot.base.to_be(place.data());
    for (const CallStorage::Key& key : slot.keys) {
        std::optional<Bytes> hashed = key_bytes(key, args);
        if (!hashed) {
            return std::nullopt;
        }
        place = mapping_place(*std::move(hashed), place);
    }
    return place_behind(place, slot.word);
}

bool has_no_code(const evm::Account& account) {
    return account.code_hash == evm::keccak256(ByteView{}) || account.code_hash.is_zero();
}

/// What a node itself runs at an address needs no account there.
bool may_be_precompile(const evm::Address& address) {
    constexpr size_t kZeros = 18;  // Of its 20 bytes: 0x1 to 0xffff.
    return !address.is_zero() && std::all_of(address.bytes.begin(), address.bytes.begin() + kZeros,
                                             [](uint8_t byte) { return byte == 0; });
}

}  // namespace

/// All facts of one contract at one block.
struct CallStorageProver::Question {
    evm::BlockId block;
    evm::Address address;
    std::vector<CallFact> facts;
    std::vector<const CallStorage*> storage;     ///< of each
    std::vector<std::vector<evm::Hash>> places;  ///< of each, of its slots
    std::optional<evm::Hash> state_root;
    std::optional<rpc::AccountProof> proof;
};

CallStorageProver::CallStorageProver(rpc::ChainSource& source, const storage::ReadView& view,
                                     std::span<const CallStorage> storage,
                                     const std::function<bool()>& is_cancelled)
    : source_{source},
      view_{view},
      storage_{storage},
      is_cancelled_{is_cancelled} {}

const CallStorage* CallStorageProver::find(const CallFact& fact) const {
    const bool is_told =
        fact.outcome == CallOutcome::kAnswered || fact.outcome == CallOutcome::kNothing;
    if (!is_told || fact.call.input.size() < kSelector || storage::is_in_doubt(fact)) {
        return nullptr;
    }
    const CallStorage* out = nullptr;
    for (const CallStorage& one : storage_) {
        const bool is_of = equal(one.selector.view(), as_bytes(fact.call.input).first(kSelector)) &&
                           (!one.at || *one.at == fact.call.to);
        if (is_of && (out == nullptr || one.at)) {
            out = &one;
        }
    }
    const bool is_short = out != nullptr && fact.outcome == CallOutcome::kAnswered &&
                          fact.data.size() < size_t{out->values} * kWord;
    return is_short ? nullptr : out;
}

Result<StorageVerdict> CallStorageProver::prove(std::vector<CallFact> facts) {
    StorageVerdict out;
    std::map<std::pair<evm::Hash, evm::Address>, Question> grouped;
    for (CallFact& fact : facts) {
        const CallStorage* const found = find(fact);
        std::vector<evm::Hash> places;
        if (found != nullptr) {
            for (const CallStorage::Slot& slot : found->slots) {
                if (const auto place =
                        place_of(slot, as_bytes(fact.call.input).subspan(kSelector))) {
                    places.push_back(*place);
                }
            }
        }
        if (found == nullptr || places.size() != found->slots.size()) {
            out.open.push_back(std::move(fact));
            continue;
        }
        evm::BlockId block = fact.asked;
        if (fact.pin != storage::CallPin::kHead) {
            PLUMBLINE_TRY(const storage::BlockRow row, view_.get_block(fact.block_num));
            block = {fact.block_num, row.hash};
        }
        Question& question = grouped[{block.hash, fact.call.to}];
        question.block = block;
        question.address = fact.call.to;
        question.storage.push_back(found);
        question.places.push_back(std::move(places));
        question.facts.push_back(std::move(fact));
    }
    std::vector<Question> questions;
    for (auto& [key, question] : grouped) {
        questions.push_back(std::move(question));
    }
    PLUMBLINE_TRY_VOID(ask_headers(questions));
    PLUMBLINE_TRY_VOID(ask_proofs(questions));
    for (const Question& question : questions) {
        for (size_t i = 0; i < question.facts.size(); ++i) {
            judge(question, i, out);
        }
    }
    return out;
}

Status CallStorageProver::wait(const size_t& open) {
    while (open > 0) {
        if (is_cancelled_ && is_cancelled_()) {
            return Error{ErrorCode::kCancelled, "stopped"};
        }
        source_.poll(kProofWaitMs);
    }
    return ok();
}

/// A header counts where it hashes to the block's hash: then its state root does.
Status CallStorageProver::ask_headers(std::vector<Question>& questions) {
    std::vector<uint64_t> numbers;
    for (const Question& question : questions) {
        numbers.push_back(question.block.block_num);
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    if (numbers.empty()) {
        return ok();
    }
    size_t open = 1;
    const CallbackGuard answers;
    std::map<evm::Hash, evm::Hash> roots;
    source_.get_headers(
        std::move(numbers), answers.wrap([&](const Result<std::vector<evm::Header>>& headers) {
            --open;
            for (const evm::Header& header : headers ? *headers : std::vector<evm::Header>{}) {
                roots.emplace(evm::compute_hash(header), header.state_root);
            }
        }));
    PLUMBLINE_TRY_VOID(wait(open));
    for (Question& question : questions) {
        if (const auto root = roots.find(question.block.hash); root != roots.end()) {
            question.state_root = root->second;
        }
    }
    return ok();
}

Status CallStorageProver::ask_proofs(std::vector<Question>& questions) {
    size_t open = 0;
    const CallbackGuard answers;
    for (Question& question : questions) {
        if (!question.state_root) {
            continue;
        }
        std::vector<evm::Hash> slots;
        for (const std::vector<evm::Hash>& places : question.places) {
            slots.insert(slots.end(), places.begin(), places.end());
        }
        ++open;
        source_.get_proof(question.address, std::move(slots), {question.block, false}, std::nullopt,
                          answers.wrap([&open, &question](Result<rpc::AccountProof> proof) {
                              --open;
                              if (proof) {
                                  question.proof = *std::move(proof);
                              }
                          }));
        while (open >= kProofsOutMax) {
            if (is_cancelled_ && is_cancelled_()) {
                return Error{ErrorCode::kCancelled, "stopped"};
            }
            source_.poll(kProofWaitMs);
        }
    }
    return wait(open);
}

void CallStorageProver::judge(const Question& question, size_t at, StorageVerdict& out) {
    const CallFact& fact = question.facts[at];
    const CallStorage& storage = *question.storage[at];
    const auto leave_open = [&] { out.open.push_back(fact); };
    evm::Account account;
    if (!question.proof ||
        evm::verify_account_proof(*question.state_root, question.address, question.proof->nodes,
                                  account) != evm::ProofError::kNone) {
        leave_open();
        return;
    }
    if (fact.outcome == CallOutcome::kNothing) {
        if (has_no_code(account) && !may_be_precompile(question.address)) {
            ++out.proven;
        } else {
            leave_open();  // Whether what runs there answers nothing no storage tells.
        }
        return;
    }
    size_t first = 0;  // of its slots in the proof
    for (size_t i = 0; i < at; ++i) {
        first += question.places[i].size();
    }
    StorageDifference difference{fact, fact, {}};
    for (size_t i = 0; i < storage.slots.size(); ++i) {
        const CallStorage::Slot& slot = storage.slots[i];
        evm::U256 word;
        if (first + i >= question.proof->slots.size() ||
            prove_word(account.storage_root, question.places[at][i],
                       question.proof->slots[first + i].nodes, word) != evm::ProofError::kNone) {
            leave_open();
            return;
        }
        const evm::U256 proven = unpack_word(word, slot.type, slot.offset);
        Bytes expected;
        evm::append_word(expected, proven);
        std::string& data = difference.proven.data;
        const size_t place = size_t{slot.value} * kWord;
        if (std::string_view{data}.substr(place, kWord) != as_chars(expected)) {
            data.replace(place, kWord, as_chars(expected));
            difference.evidence += fmt::format(
                "{}slot {} is proven against the state root of "
                "block {}",
                difference.evidence.empty() ? "" : "; ", evm::to_hex(question.places[at][i]),
                question.block.block_num);
        }
    }
    if (difference.evidence.empty()) {
        ++out.proven;
    } else {
        out.differing.push_back(std::move(difference));
    }
}

}  // namespace plumbline::engine
