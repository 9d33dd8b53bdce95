#include "storage/call_fact.hpp"

#include <xxhash.h>

#include "storage/field_codec.hpp"

namespace plumbline::storage {

namespace {

constexpr char kCallMark = 'C';
constexpr size_t kCallHeadSize = sizeof(uint64_t) + evm::Address::size();

Error damaged_call() {
    return Error{ErrorCode::kCorruption, "stored call is damaged"};
}

constexpr auto kCallFields = [](auto& to, auto& fact) {
    to.code(fact.outcome);
    to.require(fact.outcome <= CallOutcome::kTooLarge);
    to.code(fact.pin);
    to.require(fact.pin <= CallPin::kHead);
    to.flag(fact.is_once);
    if (fact.pin == CallPin::kHead) {
        to.varint(fact.asked.block_num);
        to.fixed(fact.asked.hash);
    }
    to.text(fact.provider);
    to.rest(fact.data);
};

void put_call(std::string& out, const CallKey& call) {
    put_bytes(out, call.to.view());
    out += call.input;
}

}  // namespace

std::string_view to_string(CallOutcome outcome) noexcept {
    switch (outcome) {
        case CallOutcome::kAnswered: return "answered";
        case CallOutcome::kReverted: return "reverted";
        case CallOutcome::kNothing: return "answered nothing";
        case CallOutcome::kOutOfGas: return "ran out of gas";
        case CallOutcome::kTooLarge: return "answered too much";
    }
    return "unknown";
}

Digest hash_call(const CallFact& fact) {
    if (fact.pin == CallPin::kHead) {
        return {};
    }
    std::string bytes(1, kCallMark);
    put_be64(bytes, fact.block_num);
    put_u8(bytes, static_cast<uint8_t>(fact.outcome));
    put_u8(bytes, fact.is_once ? 1 : 0);
    put_be32(bytes, static_cast<uint32_t>(fact.call.input.size()));
    put_call(bytes, fact.call);
    bytes += fact.data;
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

std::string call_key(uint64_t block_num, const CallKey& call) {
    std::string key;
    put_be64(key, block_num);
    put_call(key, call);
    return key;
}

std::string encode_call(const CallFact& fact) {
    return encode_record(kCallFields, fact);
}

Result<CallFact> decode_call(std::string_view key, std::string_view value) {
    CallFact fact;
    if (key.size() < kCallHeadSize || !decode_record(kCallFields, value, fact)) {
        return damaged_call();
    }
    fact.block_num = load_be64(key.data());
    key.remove_prefix(sizeof(uint64_t));
    fact.call.to = evm::Address::from(as_bytes(key.substr(0, evm::Address::size())));
    fact.call.input = key.substr(evm::Address::size());
    return fact;
}

std::string once_key(const CallKey& call) {
    std::string key;
    put_call(key, call);
    return key;
}

std::string encode_once(uint64_t block_num) {
    return encode_record([](auto& to, auto& number) { to.varint(number); }, block_num);
}

Result<uint64_t> decode_once(std::string_view value) {
    uint64_t block_num = 0;
    if (!decode_record([](auto& from, auto& number) { from.varint(number); }, value, block_num)) {
        return damaged_call();
    }
    return block_num;
}

}  // namespace plumbline::storage
