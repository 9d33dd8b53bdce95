// The state program in C++, written from the layout in its source and not from the code that builds
// calls: what the builder sends can be checked without a node.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/evm/keccak.hpp"
#include "core/evm/uint256.hpp"
#include "engine/proof/state/state_program.hpp"

namespace plumbline::engine {

struct EmulatedContract {
    /// What the contract at `target` answers to `call`; empty: it reverts.
    std::function<std::optional<Bytes>(const evm::Address& target, ByteView call)> answer;
    uint32_t keys_max = UINT32_MAX;  ///< after so many keys the gas is used up
};

class StateEmulator {
  public:
    explicit StateEmulator(EmulatedContract contract) : contract_{std::move(contract)} {}

    Bytes run(const StateCall& call) {
        args_ = call.data;
        if (call.form == StateForm::kCreate) {
            args_.erase(args_.begin(),
                        args_.begin() + static_cast<ptrdiff_t>(state_program().size()));
        }
        const size_t columns = number(0, 2) - 0x80;
        const size_t returns = number(2, 2) - 0x80;
        size_t at = number(4, 2) - 0x80;
        const size_t count = number(6, 4);
        const size_t bucket = number(10, 4);
        const size_t flags = number(20, 1);

        StateGetter getter;
        getter.tuple = (flags & 2) != 0;
        for (size_t item = returns; item < at; item += 2) {
            getter.returns.push_back({args_[item], args_[item + 1]});
        }
        std::vector<evm::Hash> digests;
        std::vector<evm::Hash> leaves;
        size_t done = 0;
        for (size_t i = 0; i < count; i++) {
            Bytes memory{args_.begin(), args_.begin() + static_cast<ptrdiff_t>(columns)};
            for (size_t column = columns; column < returns; column += 36) {
                at = set_column(memory, column, at, i);
            }
            Bytes call_data{memory.begin() + 53, memory.end()};
            if ((flags & 1) != 0) {
                const size_t size = number(at, 2);
                call_data.assign(args_.begin() + static_cast<ptrdiff_t>(at + 2),
                                 args_.begin() + static_cast<ptrdiff_t>(at + 2 + size));
                at += 2 + size;
            }
            if (i >= contract_.keys_max) {
                return answer(1, done, digests);
            }
            const auto target = evm::Address::from(ByteView{memory}.subspan(33, 20));
            const auto data = contract_.answer(target, call_data);
            leaves.push_back(state_leaf(getter,
                                        data ? LeafStatus::kAnswered : LeafStatus::kReverted,
                                        data ? ByteView{*data} : ByteView{}));
            if (leaves.size() == bucket || i + 1 == count) {
                digests.push_back(bucket_digest(leaves));
                leaves.clear();
                done = i + 1;
            }
        }
        if (at != args_.size()) {
            return {};
        }
        return answer(0, done, digests);
    }

  private:
    size_t number(size_t at, size_t size) const {
        size_t value = 0;
        for (size_t i = 0; i < size; i++) {
            value = value << 8 | args_.at(at + i);
        }
        return value;
    }

    size_t set_column(Bytes& memory, size_t column, size_t at, size_t i) const {
        const size_t place = number(column, 2) - 0x80;
        const size_t width = args_.at(column + 2);
        const size_t shift = args_.at(column + 3);
        evm::U256 value{i};
        if (width > 0) {
            value = evm::U256::from_be(ByteView{args_}.subspan(at, width));
        }
        bool carry = false;
        for (size_t bit = 0; bit < shift; bit++) {
            value = add(value, value, carry);
        }
        value = add(value, evm::U256::from_be(ByteView{args_}.subspan(column + 4, 32)), carry);
        value.to_be(memory.data() + place);
        return at + width;
    }

    static Bytes answer(uint8_t status, size_t done, const std::vector<evm::Hash>& digests) {
        Bytes out(32);
        out[1] = 1;
        out[2] = status;
        out[26] = 0x27;  // 10,000 gas
        out[27] = 0x10;
        for (size_t i = 0; i < 4; i++) {
            out[28 + i] = static_cast<uint8_t>(done >> (24 - 8 * i));
        }
        for (const evm::Hash& digest : digests) {
            out.insert(out.end(), digest.bytes.begin(), digest.bytes.end());
        }
        return out;
    }

    EmulatedContract contract_;
    Bytes args_;
};

}  // namespace plumbline::engine
