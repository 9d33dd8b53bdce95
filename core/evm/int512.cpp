#include "core/evm/int512.hpp"

#include <algorithm>
#include <bit>

#include "core/base/check.hpp"
#include "core/evm/limbs.hpp"

namespace plumbline::evm {

namespace {

__extension__ using Wide = unsigned __int128;
using Limbs = std::array<uint64_t, 8>;

int bit_length(const Limbs& limbs) noexcept {
    for (size_t i = 8; i-- > 0;) {
        if (limbs[i] != 0) {
            return static_cast<int>(i * 64) + 64 - std::countl_zero(limbs[i]);
        }
    }
    return 0;
}

Limbs negated(const Limbs& a) noexcept {
    Limbs out{};
    Wide carry = 1;
    for (size_t i = 0; i < 8; ++i) {
        carry += ~a[i];
        out[i] = static_cast<uint64_t>(carry);
        carry >>= 64;
    }
    return out;
}

/// The absolute value, which for -2^511 needs all 512 bits.
Limbs magnitude(const Int512& a) noexcept {
    return a.is_negative() ? negated(a.limb) : a.limb;
}

/// A number of that magnitude and sign, where there is one.
bool from_magnitude(const Limbs& limbs, bool negative, Int512& out) noexcept {
    if (bit_length(limbs) == 512) {
        // -2^511 is a number, and its negative is none.
        Limbs lowest{};
        lowest[7] = uint64_t{1} << 63;
        if (!negative || limbs != lowest) {
            return false;
        }
    }
    out.limb = negative ? negated(limbs) : limbs;
    return true;
}

size_t limb_count(const Limbs& limbs) noexcept {
    size_t count = 8;
    while (count > 0 && limbs[count - 1] == 0) {
        --count;
    }
    return count;
}

Limbs shifted_left(const Limbs& a, unsigned bits) noexcept {
    Limbs out{};
    const size_t whole = bits / 64;
    const unsigned rest = bits % 64;
    for (size_t i = 8; i-- > whole;) {
        out[i] = a[i - whole] << rest;
        if (rest != 0 && i > whole) {
            out[i] |= a[i - whole - 1] >> (64 - rest);
        }
    }
    return out;
}

/// a -= b << (64 * at); true where it went below zero. `a` has one limb more than `Limbs`.
bool subtract_at(std::array<uint64_t, 9>& a, const std::array<uint64_t, 9>& b, size_t at,
                 size_t count) noexcept {
    uint64_t borrow = 0;
    for (size_t i = 0; i <= count; ++i) {
        const Wide difference = static_cast<Wide>(a[at + i]) - b[i] - borrow;
        a[at + i] = static_cast<uint64_t>(difference);
        borrow = static_cast<uint64_t>(difference >> 64) & 1;
    }
    return borrow != 0;
}

/// Knuth, The Art of Computer Programming 2, algorithm 4.3.1 D. `divisor` has at least two limbs.
void divide_long(Limbs& value, const Limbs& divisor, Limbs& quotient) noexcept {
    const size_t count = limb_count(divisor);
    const size_t value_count = limb_count(value);
    quotient = {};
    if (value_count < count) {
        return;
    }
    // Scaled so that the divisor's first bit is set: then a guessed digit is at most two too high.
    const auto scale = static_cast<unsigned>(std::countl_zero(divisor[count - 1]));
    std::array<uint64_t, 9> rest{};
    std::ranges::copy(shifted_left(value, scale), rest.begin());
    rest[8] = scale == 0 ? 0 : value[7] >> (64 - scale);
    std::array<uint64_t, 9> by{};
    std::ranges::copy(shifted_left(divisor, scale), by.begin());
    for (size_t at = value_count - count + 1; at-- > 0;) {
        const Wide head = (static_cast<Wide>(rest[at + count]) << 64) | rest[at + count - 1];
        Wide digit = head / by[count - 1];
        Wide over = head % by[count - 1];
        while ((digit >> 64) != 0 ||
               static_cast<Wide>(static_cast<uint64_t>(digit)) * by[count - 2] >
                   ((over << 64) | rest[at + count - 2])) {
            --digit;
            over += by[count - 1];
            if ((over >> 64) != 0) {
                break;
            }
        }
        std::array<uint64_t, 9> product{};
        Wide carry = 0;
        for (size_t i = 0; i < count; ++i) {
            carry += static_cast<Wide>(by[i]) * static_cast<uint64_t>(digit);
            product[i] = static_cast<uint64_t>(carry);
            carry >>= 64;
        }
        product[count] = static_cast<uint64_t>(carry);
        if (subtract_at(rest, product, at, count)) {
            --digit;
            Wide sum = 0;
            for (size_t i = 0; i <= count; ++i) {
                sum += static_cast<Wide>(rest[at + i]) + by[i];
                rest[at + i] = static_cast<uint64_t>(sum);
                sum >>= 64;
            }
        }
        quotient[at] = static_cast<uint64_t>(digit);
    }
    for (size_t i = 0; i < 8; ++i) {
        value[i] = rest[i] >> scale;
        if (scale != 0) {
            value[i] |= rest[i + 1] << (64 - scale);
        }
    }
}

}  // namespace

Int512 Int512::from_unsigned(const U256& word) noexcept {
    Int512 out;
    std::ranges::copy(word.limb, out.limb.begin());
    return out;
}

Int512 Int512::from_signed(const U256& word) noexcept {
    Int512 out{word.is_negative() ? -1 : 0};
    std::ranges::copy(word.limb, out.limb.begin());
    return out;
}

bool Int512::is_zero() const noexcept {
    return std::ranges::all_of(limb, [](uint64_t part) { return part == 0; });
}

bool Int512::fits_unsigned(int bits) const noexcept {
    return !is_negative() && bit_length(limb) <= bits;
}

bool Int512::fits_signed(int bits) const noexcept {
    Limbs inverted = limb;
    if (is_negative()) {
        for (uint64_t& part : inverted) {
            part = ~part;
        }
    }
    return bit_length(inverted) <= bits - 1;
}

U256 Int512::low_word() const noexcept {
    U256 out;
    std::copy_n(limb.begin(), 4, out.limb.begin());
    return out;
}

bool Int512::fits_u64() const noexcept {
    return std::all_of(limb.begin() + 1, limb.end(), [](uint64_t part) { return part == 0; });
}

std::string Int512::to_decimal() const {
    Limbs rest = magnitude(*this);
    return (is_negative() ? "-" : "") + limbs_to_decimal(rest);
}

bool add(const Int512& a, const Int512& b, Int512& out) noexcept {
    const bool a_below = a.is_negative();
    const bool b_below = b.is_negative();
    Wide sum = 0;
    for (size_t i = 0; i < 8; ++i) {
        sum += static_cast<Wide>(a.limb[i]) + b.limb[i];
        out.limb[i] = static_cast<uint64_t>(sum);
        sum >>= 64;
    }
    return a_below != b_below || out.is_negative() == a_below;
}

bool sub(const Int512& a, const Int512& b, Int512& out) noexcept {
    const bool a_below = a.is_negative();
    const bool b_below = b.is_negative();
    uint64_t borrow = 0;
    for (size_t i = 0; i < 8; ++i) {
        const Wide difference = static_cast<Wide>(a.limb[i]) - b.limb[i] - borrow;
        out.limb[i] = static_cast<uint64_t>(difference);
        borrow = static_cast<uint64_t>(difference >> 64) & 1;
    }
    return a_below == b_below || out.is_negative() == a_below;
}

bool mul(const Int512& a, const Int512& b, Int512& out) noexcept {
    if (a.fits_u64() && b.fits_u64()) {
        const Wide product = static_cast<Wide>(a.limb[0]) * b.limb[0];
        out.limb = {static_cast<uint64_t>(product), static_cast<uint64_t>(product >> 64)};
        return true;
    }
    const Limbs left = magnitude(a);
    const Limbs right = magnitude(b);
    const size_t left_count = limb_count(left);
    const size_t right_count = limb_count(right);
    if (left_count + right_count > 9) {
        return false;
    }
    std::array<uint64_t, 10> product{};
    for (size_t i = 0; i < left_count; ++i) {
        Wide carry = 0;
        for (size_t j = 0; j < right_count; ++j) {
            carry += static_cast<Wide>(left[i]) * right[j] + product[i + j];
            product[i + j] = static_cast<uint64_t>(carry);
            carry >>= 64;
        }
        product[i + right_count] = static_cast<uint64_t>(carry);
    }
    if (product[8] != 0) {
        return false;
    }
    Limbs low{};
    std::copy_n(product.begin(), 8, low.begin());
    return from_magnitude(low, a.is_negative() != b.is_negative(), out);
}

bool negate(const Int512& a, Int512& out) noexcept {
    return from_magnitude(magnitude(a), !a.is_negative() && !a.is_zero(), out);
}

bool div_mod(const Int512& a, const Int512& b, Int512& quotient, Int512& remainder) noexcept {
    if (b.is_zero()) {
        return false;
    }
    if (a.fits_u64() && b.fits_u64()) {
        const uint64_t value = a.limb[0];
        const uint64_t by = b.limb[0];
        quotient.limb = {value / by};
        remainder.limb = {value % by};
        return true;
    }
    Limbs rest = magnitude(a);
    const Limbs divisor = magnitude(b);
    const bool a_below = a.is_negative();
    const bool is_below = a_below != b.is_negative();
    Limbs whole{};
    if (limb_count(divisor) == 1) {
        whole = rest;
        const uint64_t left = divide_limbs(whole, divisor[0]);
        rest = {};
        rest[0] = left;
    } else {
        divide_long(rest, divisor, whole);
    }
    return from_magnitude(whole, is_below, quotient) && from_magnitude(rest, a_below, remainder);
}

bool pow(const Int512& a, uint64_t exponent, Int512& out) noexcept {
    if (a == Int512{0} || a == Int512{1} || a == Int512{-1}) {
        out = exponent == 0 ? Int512{1} : a == Int512{-1} && exponent % 2 == 0 ? Int512{1} : a;
        return true;
    }
    if (exponent > 511) {
        return false;  // 2^512 is out of range already.
    }
    Int512 base = a;
    Int512 result{1};
    for (uint64_t rest = exponent; rest != 0;) {
        if (rest % 2 == 1 && !mul(result, base, result)) {
            return false;
        }
        rest /= 2;
        if (rest != 0 && !mul(base, base, base)) {
            return false;
        }
    }
    out = result;
    return true;
}

Int512 power_of_ten(unsigned exponent) noexcept {
    Int512 out{1};
    const bool fits = pow(Int512{10}, exponent, out);
    PLUMBLINE_CHECK(fits);
    return out;
}

bool shift_left(const Int512& a, unsigned bits, Int512& out) noexcept {
    Int512 shifted;
    shifted.limb = shifted_left(a.limb, bits);
    if (shift_right(shifted, bits) != a) {
        return false;
    }
    out = shifted;
    return true;
}

Int512 shift_right(const Int512& a, unsigned bits) noexcept {
    const uint64_t fill = a.is_negative() ? ~uint64_t{0} : 0;
    const size_t whole = bits / 64;
    const unsigned rest = bits % 64;
    const auto limb_at = [&](size_t i) { return i < 8 ? a.limb[i] : fill; };
    Int512 out;
    for (size_t i = 0; i < 8; ++i) {
        out.limb[i] = limb_at(i + whole) >> rest;
        if (rest != 0) {
            out.limb[i] |= limb_at(i + whole + 1) << (64 - rest);
        }
    }
    return out;
}

}  // namespace plumbline::evm
