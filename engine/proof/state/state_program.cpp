#include "engine/proof/state/state_program.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::engine {
namespace {

using evm::U256;

// What state_program.yul compiles to; tools/node/state_program.mjs --write puts it here.
constexpr char kProgramHex[] =
    "36801561016c578060006080375b60845160f01c9060865160e01c608a5160e01c916080019283926020840192"
    "81600181038201046020028401916001810160200283019286810360925160f01c02620186a001602052610100"
    "93600095609551610156575b848710610084575b505050505060005160201b9060e81b171782520390f35b9695"
    "965a9660056000510260021c602051018810610140578886038511610136575b83895b84878c0182106100f157"
    "5b505050600187166100e95760208581028520825201978401965a900360005181116100e0575b50610065565b"
    "600052386100da565b97965061006d565b816100fd92939561017e565b92600460405111610126576020600191"
    "82870360405181538060605103902081520191016100a9565b50509550610101953880846100b4565b88860394"
    "506100a6565b979650505050505050610101388080808061006d565b6095513b61006557610102955060009450"
    "610065565b5061036138038061036160803961000d565b92919260805160f01c915b60825160f01c83106102f7"
    "575060b5918260805160f01c03916001607551166102e0575b945a9160009360205184116102d4575b608e5160"
    "e01c958686116102cc575b600091829160955188fa80604052826060526102035750508160031c8203905a9003"
    "116101f7575050565b14600302600503604052565b92509250506000906002607551166102b4575b82915b6084"
    "5160f01c821061025457505060016040511461024b575b506095513b3d17156102415750565b60046040526060"
    "52565b60605238610232565b9091600290835160011a908115820160051b9161027b83875160001a60051b8701"
    "84610336565b501561028b575b01920190610219565b6102ab8151850161029e60208285610336565b50602083"
    "51910183610336565b81208152610282565b90506102c36020600084610336565b50815190610216565b869550"
    "6101cc565b602051840394506101bd565b809350600291925001915160f01c908183016101ad565b9180602491"
    "51848160021a80610320575b508160031a1b6004830151019060f01c520191610189565b905084518160031b61"
    "0100031c94019338610308565b9060009392916180008311823d0384113d8411171761035757829394503e9056"
    "5b505050600360405256";

constexpr size_t kMemory = 0x80;  ///< where the program puts its arguments
constexpr size_t kHeaderSize = 21;
constexpr size_t kTargetSize = 32;
constexpr size_t kSelectorSize = 4;
constexpr size_t kColumnSize = 36;
constexpr size_t kReturnSize = 2;
constexpr size_t kRawLengthSize = 2;

constexpr uint8_t kFlagRaw = 1;
constexpr uint8_t kFlagTuple = 2;

void append_be(Bytes& out, uint64_t value, size_t size) {
    for (size_t i = size; i-- > 0;) {
        out.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
}

void append(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

uint64_t read_be(ByteView bytes) {
    uint64_t value = 0;
    for (const uint8_t byte : bytes) {
        value = value << 8 | byte;
    }
    return value;
}

U256 to_word(const evm::Address& address) {
    return U256::from_be(address.view());
}

U256 distance(const U256& from, const U256& to) {
    bool borrow = false;
    return sub(to, from, borrow);
}

U256 bit_or(U256 a, const U256& b) {
    for (size_t i = 0; i < a.limb.size(); i++) {
        a.limb[i] |= b.limb[i];
    }
    return a;
}

int trailing_zeros(const U256& word) {
    int zeros = 0;
    for (const uint64_t limb : word.limb) {
        if (limb != 0) {
            return zeros + std::countr_zero(limb);
        }
        zeros += 64;
    }
    return zeros;
}

U256 shift_left(uint64_t value, int bits) {
    U256 out;
    const auto at = static_cast<size_t>(bits / 64);
    const int rest = bits % 64;
    out.limb[at] = value << rest;
    if (rest != 0 && at + 1 < out.limb.size()) {
        out.limb[at + 1] = value >> (64 - rest);
    }
    return out;
}

/// The part of `data` from `from` on, `size` bytes long; empty optional where there is no such
/// part.
std::optional<ByteView> part(ByteView data, const U256& from, const U256& size) {
    if (!from.fits_u64() || !size.fits_u64() || from.limb[0] > data.size() ||
        size.limb[0] > data.size() - from.limb[0] || size.limb[0] > kStateContentsMax) {
        return std::nullopt;
    }
    return data.subspan(from.limb[0], size.limb[0]);
}

U256 plus(const U256& a, const U256& b) {
    bool carry = false;
    return add(a, b, carry);
}

/// Appends what the program hashes of an answer; false where it has another shape.
bool append_answer(const StateGetter& getter, ByteView data, Bytes& out) {
    U256 base;
    if (getter.tuple) {
        const auto offset = part(data, 0, 32);
        if (!offset) {
            return false;
        }
        base = U256::from_be(*offset);
    }
    for (const StateReturn& item : getter.returns) {
        const uint64_t size = 32 * uint64_t{std::max<uint8_t>(item.words, 1)};
        const auto head = part(data, plus(base, 32 * uint64_t{item.word}), size);
        if (!head) {
            return false;
        }
        if (item.words != 0) {
            append(out, *head);
            continue;
        }
        const U256 start = plus(base, U256::from_be(*head));
        const auto length = part(data, start, 32);
        const auto contents =
            length ? part(data, plus(start, 32), U256::from_be(*length)) : std::nullopt;
        if (!contents) {
            return false;
        }
        append(out, evm::keccak256(*contents).view());
    }
    return true;
}

Bytes decode_program() {
    const std::string_view digits{kProgramHex};
    Bytes code(digits.size() / 2);
    PLUMBLINE_CHECK(evm::decode_hex(digits, code.data()));
    return code;
}

void append_hex_field(std::string& out, std::string_view name, ByteView bytes) {
    out += '"';
    out += name;
    out += "\":\"0x";
    evm::append_hex(out, bytes);
    out += '"';
}

}  // namespace

const Bytes& state_program() {
    static const Bytes code = decode_program();
    return code;
}

std::string_view to_string(LeafStatus status) noexcept {
    switch (status) {
        case LeafStatus::kReverted: return "reverted";
        case LeafStatus::kAnswered: return "answered";
        case LeafStatus::kOutOfGas: return "used up its gas";
        case LeafStatus::kShape: return "answered in another shape";
        case LeafStatus::kNoCode: return "no contract there";
    }
    return "unknown";
}

evm::Hash state_leaf(const StateGetter& getter, LeafStatus status, ByteView data) {
    Bytes hashed{static_cast<uint8_t>(status)};
    if (status == LeafStatus::kAnswered && !append_answer(getter, data, hashed)) {
        hashed = {static_cast<uint8_t>(LeafStatus::kShape)};
    }
    return evm::keccak256(ByteView{hashed});
}

evm::Hash bucket_digest(std::span<const evm::Hash> leaves) {
    static_assert(sizeof(evm::Hash) == 32);
    return evm::keccak256(
        ByteView{leaves.empty() ? nullptr : leaves.front().data(), leaves.size() * 32});
}

void StateQuestions::add_target(const evm::Address* target) {
    PLUMBLINE_CHECK((target != nullptr) == !target_.has_value());
    words_.push_back(to_word(target != nullptr ? *target : *target_));
}

void StateQuestions::add(std::span<const U256> args, const evm::Address* target) {
    PLUMBLINE_CHECK(!raw_ && args.size() + 1 == columns_);
    add_target(target);
    words_.insert(words_.end(), args.begin(), args.end());
}

void StateQuestions::add_raw(ByteView args, const evm::Address* target) {
    PLUMBLINE_CHECK(raw_ && columns_ == 1 && args.size() <= kRawArgumentsMax);
    add_target(target);
    append(raw_bytes_, args);
    raw_end_.push_back(raw_bytes_.size());
}

evm::Address StateQuestions::target(size_t i) const noexcept {
    evm::Address out;
    words_[i * columns_].to_be(out.data(), out.size());
    return out;
}

Bytes StateQuestions::calldata(const StateGetter& getter, size_t i) const {
    Bytes out;
    append(out, getter.selector.view());
    if (raw_) {
        const size_t start = i == 0 ? 0 : raw_end_[i - 1];
        append(out, ByteView{raw_bytes_}.subspan(start, raw_end_[i] - start));
        return out;
    }
    for (size_t column = 1; column < columns_; column++) {
        append_word(out, words_[i * columns_ + column]);
    }
    return out;
}

StatePacking::StatePacking(const StateGetter& getter, const StateQuestions& questions,
                           std::span<const uint32_t> which)
    : getter_{getter},
      questions_{questions},
      which_{which} {
    PLUMBLINE_CHECK(!which.empty());
    for (size_t column = 0; column < questions.columns_; column++) {
        if (const auto packed = pack_column(column)) {
            columns_.push_back(*packed);
            key_size_ += packed->width;
        }
    }
    if (questions.raw_) {
        size_t longest = 0;
        for (const uint32_t i : which) {
            longest =
                std::max(longest, questions.raw_end_[i] - (i == 0 ? 0 : questions.raw_end_[i - 1]));
        }
        key_size_ += kRawLengthSize + kSelectorSize + longest;
    }
}

const U256& StatePacking::word(size_t i, size_t column) const noexcept {
    return questions_.words_[which_[i] * questions_.columns_ + column];
}

std::optional<StatePacking::Column> StatePacking::pack_column(size_t column) const {
    const U256& first = word(0, column);
    U256 low = first;
    U256 low_signed = first;
    bool constant = true;
    for (size_t i = 1; i < which_.size(); i++) {
        const U256& value = word(i, column);
        constant = constant && value == first;
        low = std::min(low, value);
        low_signed = compare_signed(value, low_signed) < 0 ? value : low_signed;
    }
    const auto place = static_cast<uint16_t>(column);
    if (constant) {
        // The target's template word says "one contract for all"; without one it stays a column.
        if (column == 0 && !getter_.target) {
            return Column{place, 1, 0, first};
        }
        return std::nullopt;
    }
    const int step = trailing_zeros(distance(first, word(1, column)));
    const auto is_dense = [&](size_t i) {
        return distance(first, word(i, column)) == shift_left(i, step);
    };
    bool dense = step <= UINT8_MAX;
    for (size_t i = 1; dense && i < which_.size(); i++) {
        dense = is_dense(i);
    }
    if (dense) {
        return Column{place, 0, static_cast<uint8_t>(step), first};
    }
    std::optional<Column> best;
    for (const U256& base : {low, low_signed}) {
        U256 bits;
        for (size_t i = 0; i < which_.size(); i++) {
            bits = bit_or(bits, distance(base, word(i, column)));
        }
        const int shift = trailing_zeros(bits) / 8 * 8;
        const auto width = static_cast<uint8_t>((bits.bit_length() - shift + 7) / 8);
        if (!best || width < best->width) {
            best = Column{place, width, static_cast<uint8_t>(shift), base};
        }
    }
    return best;
}

size_t StatePacking::head_size() const noexcept {
    return kHeaderSize + kTargetSize + kSelectorSize + 32 * (questions_.columns_ - 1) +
           kColumnSize * columns_.size() + kReturnSize * getter_.returns.size();
}

Bytes StatePacking::arguments(size_t count, const StateCallSpec& spec) const {
    PLUMBLINE_CHECK(count > 0 && count <= which_.size() && spec.bucket > 0);
    const size_t columns_at =
        kMemory + kHeaderSize + kTargetSize + kSelectorSize + 32 * (questions_.columns_ - 1);
    const size_t returns_at = columns_at + kColumnSize * columns_.size();
    const size_t keys_at = returns_at + kReturnSize * getter_.returns.size();
    PLUMBLINE_CHECK(keys_at <= UINT16_MAX);

    Bytes out;
    out.reserve(head_size() + count * key_size_);
    append_be(out, columns_at, 2);
    append_be(out, returns_at, 2);
    append_be(out, keys_at, 2);
    append_be(out, count, 4);
    append_be(out, std::min<size_t>(spec.bucket, count), 4);
    append_be(out, spec.key_gas, 4);
    append_be(out, spec.byte_gas, 2);
    append_be(out, (getter_.raw ? kFlagRaw : 0U) | (getter_.tuple ? kFlagTuple : 0U), 1);
    append_word(out, getter_.target ? to_word(*getter_.target) : U256{});
    append(out, getter_.selector.view());
    for (size_t column = 1; column < questions_.columns_; column++) {
        append_word(out, word(0, column));
    }
    for (const Column& column : columns_) {
        const size_t place =
            column.place == 0 ? 0 : kTargetSize + kSelectorSize + 32 * (column.place - 1U);
        append_be(out, kMemory + kHeaderSize + place, 2);
        out.push_back(column.width);
        out.push_back(column.shift);
        append_word(out, column.base);
    }
    for (const StateReturn& item : getter_.returns) {
        out.push_back(item.word);
        out.push_back(item.words);
    }
    std::array<uint8_t, 32> bytes{};
    for (size_t i = 0; i < count; i++) {
        for (const Column& column : columns_) {
            distance(column.base, word(i, column.place)).to_be(bytes.data());
            append(out,
                   ByteView{bytes}.subspan(32U - column.shift / 8U - column.width, column.width));
        }
        if (questions_.raw_) {
            const Bytes call = questions_.calldata(getter_, which_[i]);
            append_be(out, call.size(), kRawLengthSize);
            append(out, call);
        }
    }
    return out;
}

StateCall make_state_call(StateForm form, uint64_t gas, Bytes arguments) {
    if (form == StateForm::kCreate) {
        const Bytes& code = state_program();
        arguments.insert(arguments.begin(), code.begin(), code.end());
    }
    return {form, gas, std::move(arguments)};
}

const evm::Address& state_program_address() {
    static const evm::Address address = evm::Address::from(
        evm::keccak256(std::string_view{"plumbline state program"}).view().subspan(12));
    return address;
}

std::string state_call_params(const StateCall& call, const evm::Hash& block_hash) {
    const std::string address = evm::to_hex(state_program_address());
    std::string out;
    out.reserve(state_call_params_size(call.form, call.data.size()));
    out += "[{";
    if (call.form == StateForm::kOverride) {
        append_hex_field(out, "to", state_program_address().view());
        out += ',';
    }
    append_hex_field(out, "data", call.data);
    out += ",\"gas\":\"" + evm::to_quantity(call.gas) + "\"},{";
    append_hex_field(out, "blockHash", block_hash.view());
    out += '}';
    if (call.form == StateForm::kOverride) {
        out += ",{\"" + address + "\":{";
        append_hex_field(out, "code", state_program());
        out += "}}";
    }
    out += ']';
    return out;
}

size_t state_call_params_size(StateForm form, size_t argument_size) {
    constexpr size_t kEnvelope = 300;  // names, addresses, hash, gas
    (void)form;                        // the program travels in either form
    return kEnvelope + 2 * (state_program().size() + argument_size);
}

Result<StateAnswer> parse_state_answer(ByteView answer, uint32_t count, uint32_t bucket) {
    const auto bad = [&](std::string_view what) {
        return Error{ErrorCode::kDecode, "the state program's answer of " +
                                             std::to_string(answer.size()) +
                                             " bytes is not one: " + std::string{what}};
    };
    bucket = std::min(bucket, count);
    if (answer.size() < 32 || answer.size() % 32 != 0) {
        return bad("no whole words");
    }
    if (answer[0] != 0 || answer[1] != kStateProgramVersion || answer[2] > 2) {
        return bad("another version or status");
    }
    if (std::ranges::any_of(answer.subspan(3, 17), [](uint8_t byte) { return byte != 0; })) {
        return bad("unused bytes are set");
    }
    StateAnswer out;
    out.outcome = static_cast<StateAnswer::Outcome>(answer[2]);
    out.bucket_gas = read_be(answer.subspan(20, 8));
    out.done = static_cast<uint32_t>(read_be(answer.subspan(28, 4)));
    const bool all = out.outcome == StateAnswer::Outcome::kDone;
    if (out.done > count || (out.done == count) != all ||
        (out.outcome == StateAnswer::Outcome::kNoCode && out.done != 0) ||
        (!all && out.done % bucket != 0)) {
        return bad("the number of keys does not fit the status");
    }
    const size_t digests = (out.done + size_t{bucket} - 1) / bucket;
    if (answer.size() != 32 * (digests + 1)) {
        return bad("not one digest a bucket");
    }
    out.digests.reserve(digests);
    for (size_t i = 1; i <= digests; i++) {
        out.digests.push_back(evm::Hash::from(answer.subspan(32 * i, 32)));
    }
    return out;
}

namespace {

/// Asks the identity precompile, which answers with the call data: selector and arguments make a
/// string's offset, a word, and the string. And an address without code.
struct SelfTest {
    SelfTest() {
        getter.raw = true;
        getter.returns = {{0, 0}, {1, 1}};
        StateQuestions questions{getter};
        // Four zero bytes of selector go before: 0x40, a word, length 5, the contents.
        Bytes args(92);
        args[27] = 0x40;
        args[28] = 0x01;
        args[59] = 0xEF;
        args[91] = 5;
        append(args, as_bytes("plumb"));
        evm::Address identity;
        identity.bytes[19] = 4;
        questions.add_raw(args, &identity);
        questions.add_raw({}, &no_code_address());
        const std::array<uint32_t, 2> which{0, 1};
        StateCallSpec spec;
        spec.bucket = 1;
        arguments = StatePacking{getter, questions, which}.arguments(2, spec);
        const std::array leaves{
            state_leaf(getter, LeafStatus::kAnswered, questions.calldata(getter, 0)),
            state_leaf(getter, LeafStatus::kNoCode, {})};
        expected = {bucket_digest(std::span{leaves}.first(1)),
                    bucket_digest(std::span{leaves}.last(1))};
    }
    static const evm::Address& no_code_address() {
        static const evm::Address address = evm::Address::from(
            evm::keccak256(std::string_view{"plumbline no code here"}).view().subspan(12));
        return address;
    }
    StateGetter getter;
    Bytes arguments;
    std::vector<evm::Hash> expected;
};

const SelfTest& self_test() {
    static const SelfTest test;
    return test;
}

}  // namespace

StateCall make_self_test(StateForm form, uint64_t gas) {
    return make_state_call(form, gas, self_test().arguments);
}

bool passes_self_test(ByteView answer) {
    const auto parsed = parse_state_answer(answer, 2, 1);
    return parsed && parsed->outcome == StateAnswer::Outcome::kDone &&
           parsed->digests == self_test().expected;
}

}  // namespace plumbline::engine
