// Accounts and slots with their proofs, as eth_getProof answers them.
#include <algorithm>

#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

std::optional<Fail> read_nodes(ondemand::value& value, std::vector<Bytes>& nodes) {
    return for_each_item(value, "a proof", [&](ondemand::value& item) -> std::optional<Fail> {
        return read_bytes(item, nodes.emplace_back())
                   ? std::nullopt
                   : std::optional{Fail{"a node of a proof is not hex"}};
    });
}

// Keys come back as they were sent, or as quantities.
bool read_slot_key(ondemand::value& value, evm::Hash& key) {
    if (read_fixed(value, key)) {
        return true;
    }
    evm::U256 number;
    if (!read_u256(value, number)) {
        return false;
    }
    number.to_be(key.data());
    return true;
}

std::optional<Fail> read_slot(ondemand::value& value, AccountProof::Slot& slot) {
    uint32_t has = 0;
    if (auto fail = for_each_field(
            value, "a slot's proof", [&](const char* key, ondemand::value& field) -> const char* {
                if (key_is(key, "key")) {
                    has |= 1U;
                    return read_slot_key(field, slot.key) ? nullptr : "key is not a number";
                }
                if (key_is(key, "value")) {
                    has |= 2U;
                    return read_u256(field, slot.value) ? nullptr : "value is not a number";
                }
                if (key_is(key, "proof")) {
                    has |= 4U;
                    return read_nodes(field, slot.nodes) ? "proof is not a list of hex" : nullptr;
                }
                return nullptr;
            })) {
        return fail;
    }
    return has == 7U ? std::nullopt
                     : std::optional{Fail{"a slot's proof lacks one of key, value, proof"}};
}

std::optional<Fail> read_slots(ondemand::value& value, const Call& call, AccountProof& proof) {
    if (auto fail = for_each_item(value, "storageProof", [&](ondemand::value& item) {
            return read_slot(item, proof.slots.emplace_back());
        })) {
        return fail;
    }
    const bool asked = std::ranges::equal(proof.slots, *call.slots, {}, &AccountProof::Slot::key);
    return asked ? std::nullopt : std::optional{Fail{"the proof is of other slots than asked"}};
}

}  // namespace

std::optional<Fail> read_proof(ondemand::value& value, const Call& call, AccountProof& proof) {
    uint32_t has = 0;
    std::optional<Fail> inner;
    const auto read_field = [&](const char* key, ondemand::value& field) -> const char* {
        if (key_is(key, "address")) {
            evm::Address address;
            return read_fixed(field, address) && address == call.address
                       ? nullptr
                       : "it is of another account than asked";
        }
        if (key_is(key, "balance")) {
            has |= 1U;
            return read_u256(field, proof.account.balance) ? nullptr : "balance is not a number";
        }
        if (key_is(key, "nonce")) {
            has |= 2U;
            return read_quantity(field, proof.account.nonce) ? nullptr : "nonce is not a number";
        }
        if (key_is(key, "codeHash")) {
            has |= 4U;
            return read_fixed(field, proof.account.code_hash) ? nullptr : "codeHash is no hash";
        }
        if (key_is(key, "storageHash")) {
            has |= 8U;
            return read_fixed(field, proof.account.storage_root) ? nullptr
                                                                 : "storageHash is no hash";
        }
        if (key_is(key, "accountProof")) {
            has |= 16U;
            inner = read_nodes(field, proof.nodes);
            return inner ? inner->why.c_str() : nullptr;
        }
        if (key_is(key, "storageProof")) {
            has |= 32U;
            inner = read_slots(field, call, proof);
            return inner ? inner->why.c_str() : nullptr;
        }
        return nullptr;
    };
    if (auto fail = for_each_field(value, "the account's proof", read_field)) {
        return fail;
    }
    if (has != 63U) {
        return Fail{
            "the account's proof lacks one of balance, nonce, codeHash, storageHash, "
            "accountProof, storageProof"};
    }
    // Some nodes answer zeros for an account that does not exist.
    if (proof.account.code_hash.is_zero() && proof.account.storage_root.is_zero()) {
        proof.account = evm::empty_account();
    }
    return std::nullopt;
}

}  // namespace plumbline::rpc::json
