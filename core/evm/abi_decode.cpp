#include "core/evm/abi_decode.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/base/near_name.hpp"

namespace plumbline::evm {

namespace {

uint64_t load_be64(const uint8_t* bytes) noexcept {
    uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof(value));
    return __builtin_bswap64(value);
}

U256 load_word(const uint8_t* bytes) noexcept {
    U256 out;
    out.limb[3] = load_be64(bytes);
    out.limb[2] = load_be64(bytes + 8);
    out.limb[1] = load_be64(bytes + 16);
    out.limb[0] = load_be64(bytes + 24);
    return out;
}

/// Ones from bit `from` up.
U256 bits_from(uint32_t from) noexcept {
    U256 out;
    for (uint32_t bit = from; bit < 256; ++bit) {
        out.limb[bit / 64] |= uint64_t{1} << (bit % 64);
    }
    return out;
}

/// Ones below bit `to`.
U256 bits_below(uint32_t to) noexcept {
    U256 out = bits_from(to);
    for (uint64_t& limb : out.limb) {
        limb = ~limb;
    }
    return out;
}

bool has_none_of(const U256& word, const U256& mask) noexcept {
    return ((word.limb[0] & mask.limb[0]) | (word.limb[1] & mask.limb[1]) |
            (word.limb[2] & mask.limb[2]) | (word.limb[3] & mask.limb[3])) == 0;
}

bool has_all_of(const U256& word, const U256& mask) noexcept {
    return ((~word.limb[0] & mask.limb[0]) | (~word.limb[1] & mask.limb[1]) |
            (~word.limb[2] & mask.limb[2]) | (~word.limb[3] & mask.limb[3])) == 0;
}

}  // namespace

std::string_view to_string(AbiError error) noexcept {
    switch (error) {
        case AbiError::kNone: return "no error";
        case AbiError::kTopicCount: return "the number of topics is not the event's";
        case AbiError::kWrongEvent: return "topic0 is another event's";
        case AbiError::kTruncated: return "the data ends inside a value";
        case AbiError::kOffsetOutside: return "an offset points behind the data";
        case AbiError::kOffsetInHead: return "an offset points into its own head";
        case AbiError::kOverlap: return "two values overlap or are out of order";
        case AbiError::kLength: return "a length is larger than the data";
        case AbiError::kTooManyValues: return "too many values";
        case AbiError::kBadUint: return "an unsigned integer is out of its type's range";
        case AbiError::kBadInt: return "a signed integer is not sign-extended";
        case AbiError::kBadBool: return "a bool is neither 0 nor 1";
        case AbiError::kBadAddress: return "an address has more than 20 bytes";
        case AbiError::kBadFixedBytes: return "fixed bytes are not padded with zeros";
    }
    return "unknown error";
}

Address to_address(const U256& word) noexcept {
    Address out;
    word.to_be(out.data(), Address::size());
    return out;
}

bool ValuePath::is_each() const noexcept {
    return std::ranges::find(steps, kEach) != steps.end();
}

/// One pass over one log's data. Reads depth first, so that canonical data is read from front to
/// back: `end_` is where the values read so far end, and no tail may start before it.
class EventReader {
  public:
    EventReader(const EventDecoder& decoder, ByteView data, DecodedEvent& out)
        : nodes_{decoder.nodes_.data()},
          data_{data},
          out_{out},
          end_{decoder.head_size_} {}

    /// Reads the node that stands at `head` into slot `slot`; offsets count from `frame`, whose
    /// head has `frame_size` bytes. The caller has checked that the head is inside the data.
    AbiError read(const EventDecoder::Node& node, uint64_t head, uint64_t frame,
                  uint64_t frame_size, uint32_t slot) {
        using Op = EventDecoder::Op;
        if (node.op <= Op::kSigned) {
            return check_word(node, load_word(data_.data() + head), slot);
        }
        if (!node.dynamic) {
            return read_parts(node, head, node.count, slot);
        }
        const U256 offset = load_word(data_.data() + head);
        if (!offset.fits_u64() || offset.limb[0] > data_.size() - frame) {
            return AbiError::kOffsetOutside;
        }
        if (offset.limb[0] < frame_size) {
            return AbiError::kOffsetInHead;
        }
        const uint64_t start = frame + offset.limb[0];
        if (start < end_) {
            return AbiError::kOverlap;
        }
        if (node.op == Op::kTuple || node.op == Op::kFixedArray) {
            return read_frame(node, start, node.frame_size, node.count, slot);
        }
        return read_sized(node, start, slot);
    }

    AbiError check_word(const EventDecoder::Node& node, const U256& word, uint32_t slot) {
        if (!has_none_of(word, node.mask) &&
            (node.op != EventDecoder::Op::kSigned || !has_all_of(word, node.mask))) [[unlikely]] {
            return node.bad;
        }
        Value& value = out_.values_[slot];
        value.word = word;
        value.kind = ValueKind::kWord;
        return AbiError::kNone;
    }

    /// Takes `count` slots side by side.
    bool take(uint64_t count, uint32_t& first) {
        if (count > kEventValuesMax - out_.used_) {
            return false;
        }
        first = out_.used_;
        out_.used_ += static_cast<uint32_t>(count);
        if (out_.used_ > out_.values_.size()) [[unlikely]] {
            out_.values_.resize(std::max<size_t>(out_.used_, 2 * out_.values_.size()));
        }
        return true;
    }

  private:
    /// bytes, string, T[]: what begins with a length.
    AbiError read_sized(const EventDecoder::Node& node, uint64_t start, uint32_t slot) {
        if (data_.size() - start < 32) {
            return AbiError::kTruncated;
        }
        const U256 length = load_word(data_.data() + start);
        const uint64_t content = start + 32;
        const uint64_t left = data_.size() - content;
        if (!length.fits_u64() || length.limb[0] > left) {
            return AbiError::kLength;
        }
        if (node.op == EventDecoder::Op::kBytes) {
            Value& value = out_.values_[slot];
            value.kind = ValueKind::kBytes;
            value.data = data_.data() + content;
            value.size = static_cast<uint32_t>(length.limb[0]);
            end_ = content + length.limb[0];
            return AbiError::kNone;
        }
        const uint64_t element_size = nodes_[node.child].head_size;
        if (length.limb[0] > left / element_size) {
            return AbiError::kLength;
        }
        return read_frame(node, content, length.limb[0] * element_size, length.limb[0], slot);
    }

    /// A head of `size` bytes at `start`, and the tails that belong to it.
    AbiError read_frame(const EventDecoder::Node& node, uint64_t start, uint64_t size,
                        uint64_t count, uint32_t slot) {
        if (size > data_.size() - start) {
            return AbiError::kTruncated;
        }
        end_ = start + size;
        frame_size_ = size;
        return read_parts(node, start, count, slot);
    }

    /// The parts of a list whose heads stand side by side at `start`.
    AbiError read_parts(const EventDecoder::Node& node, uint64_t start, uint64_t count,
                        uint32_t slot) {
        const uint64_t frame_size = frame_size_;
        uint32_t first = 0;
        if (!take(count, first)) {
            return AbiError::kTooManyValues;
        }
        Value& list = out_.values_[slot];
        list.kind = ValueKind::kList;
        list.first = first;
        list.size = static_cast<uint32_t>(count);
        const uint32_t stride = node.op == EventDecoder::Op::kTuple ? 1 : 0;
        uint64_t head = start;
        for (uint32_t i = 0; i < count; ++i) {
            const EventDecoder::Node& part = nodes_[node.child + i * stride];
            const AbiError error = read(part, head, start, frame_size, first + i);
            if (error != AbiError::kNone) [[unlikely]] {
                return error;
            }
            head += part.head_size;
        }
        return AbiError::kNone;
    }

    const EventDecoder::Node* nodes_;
    ByteView data_;
    DecodedEvent& out_;
    uint64_t end_;
    uint64_t frame_size_ = 0;  ///< of the frame just entered; static parts need none
};

Result<EventDecoder> EventDecoder::compile(AbiEvent event) {
    EventDecoder decoder;
    if (event.inputs.size() > kAbiComponentsMax) {
        return Error{ErrorCode::kInvalidArgument, "more than 256 parameters"};
    }
    if (event.topic_count() > 4) {
        return Error{ErrorCode::kInvalidArgument, "more topics than a log can have"};
    }
    decoder.nodes_.resize(event.inputs.size());
    int8_t topic = event.anonymous ? 0 : 1;
    for (uint32_t i = 0; i < event.inputs.size(); ++i) {
        const AbiParam& input = event.inputs[i];
        PLUMBLINE_TRY_VOID(check_type(input.type));
        decoder.fill_node(i, input.type);
        Param param;
        if (input.indexed) {
            param.topic = topic++;
            param.hashed = !input.type.is_word();
        } else {
            param.head = decoder.head_size_;
            decoder.head_size_ += decoder.nodes_[i].head_size;
        }
        decoder.params_.push_back(param);
    }
    decoder.topic_count_ = event.topic_count();
    decoder.topic0_ = event.topic0();
    decoder.event_ = std::move(event);
    return decoder;
}

void EventDecoder::fill_node(uint32_t index, const AbiType& type) {
    Node node;
    node.dynamic = type.is_dynamic();
    node.head_size = type.head_size();
    switch (type.kind) {
        case TypeKind::kUint:
            node.mask = bits_from(type.bits);
            node.bad = AbiError::kBadUint;
            break;
        case TypeKind::kInt:
            node.op = Op::kSigned;
            node.mask = bits_from(type.bits - 1U);
            node.bad = AbiError::kBadInt;
            break;
        case TypeKind::kBool:
            node.mask = bits_from(1);
            node.bad = AbiError::kBadBool;
            break;
        case TypeKind::kAddress:
            node.mask = bits_from(160);
            node.bad = AbiError::kBadAddress;
            break;
        case TypeKind::kFixedBytes:
            node.mask = bits_below(256U - type.bits);
            node.bad = AbiError::kBadFixedBytes;
            break;
        case TypeKind::kBytes:
        case TypeKind::kString: node.op = Op::kBytes; break;
        case TypeKind::kFixedArray: node.op = Op::kFixedArray; break;
        case TypeKind::kArray: node.op = Op::kArray; break;
        case TypeKind::kTuple: node.op = Op::kTuple; break;
    }
    if (!type.children.empty()) {
        node.child = static_cast<uint32_t>(nodes_.size());
        node.count = type.kind == TypeKind::kFixedArray
                         ? type.length
                         : static_cast<uint32_t>(type.children.size());
        for (const AbiType& child : type.children) {
            node.frame_size += child.head_size();
        }
        node.frame_size *= type.kind == TypeKind::kFixedArray ? type.length : 1;
        nodes_.resize(nodes_.size() + type.children.size());
        for (uint32_t i = 0; i < type.children.size(); ++i) {
            fill_node(node.child + i, type.children[i]);
        }
    }
    nodes_[index] = node;
}

AbiError EventDecoder::decode(std::span<const Hash> topics, ByteView data,
                              DecodedEvent& out) const noexcept {
    out.used_ = 0;
    out.param_count_ = 0;
    out.failed_param_ = 0;
    if (topics.size() != topic_count_) {
        return AbiError::kTopicCount;
    }
    if (!event_.anonymous && topics[0] != topic0_) {
        return AbiError::kWrongEvent;
    }
    if (data.size() < head_size_) {
        return AbiError::kTruncated;
    }
    // Sizes and positions of values are 32 bits wide.
    if (data.size() > UINT32_MAX) {
        return AbiError::kTooManyValues;
    }
    EventReader reader{*this, data, out};
    uint32_t first = 0;
    const auto count = static_cast<uint32_t>(params_.size());
    if (!reader.take(count, first)) {
        return AbiError::kTooManyValues;
    }
    for (uint32_t i = 0; i < count; ++i) {
        const Param& param = params_[i];
        AbiError error = AbiError::kNone;
        if (param.topic < 0) {
            error = reader.read(nodes_[i], param.head, 0, head_size_, i);
        } else {
            const U256 word = load_word(topics[static_cast<size_t>(param.topic)].data());
            if (param.hashed) {
                out.values_[i].word = word;
                out.values_[i].kind = ValueKind::kHashed;
            } else {
                error = reader.check_word(nodes_[i], word, i);
            }
        }
        if (error != AbiError::kNone) [[unlikely]] {
            out.failed_param_ = i;
            return error;
        }
    }
    out.param_count_ = count;
    return AbiError::kNone;
}

namespace {

/// One part of a path's text: a name, a position, or an index in brackets.
struct PathPart {
    std::string_view name;  ///< "" for positions and indexes
    uint32_t index = 0;
    bool bracket = false;
};

Error path_error(std::string_view text, std::string_view what) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("\"{}\": {}", text, what)};
}

bool parse_index(std::string_view digits, uint32_t& out) {
    if (digits.empty() || digits.size() > 9) {
        return false;
    }
    out = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') {
            return false;
        }
        out = out * 10 + static_cast<uint32_t>(c - '0');
    }
    return true;
}

Result<std::vector<PathPart>> split_path(std::string_view text) {
    constexpr std::string_view kPositional = "$arg.";
    std::vector<PathPart> parts;
    std::string_view rest = text;
    if (rest.starts_with(kPositional)) {
        rest.remove_prefix(kPositional.size());
        if (rest.empty() || rest.front() < '0' || rest.front() > '9') {
            return path_error(text, "a position is expected after \"$arg.\"");
        }
    }
    while (true) {
        const std::string_view name = rest.substr(0, rest.find_first_of(".["));
        PathPart part;
        if (name.empty()) {
            return path_error(text, "a name is missing");
        }
        if (!parse_index(name, part.index)) {
            part.name = name;
        }
        parts.push_back(part);
        rest.remove_prefix(name.size());
        while (rest.starts_with('[')) {
            const size_t close = rest.find(']');
            PathPart element;
            element.bracket = true;
            if (close == std::string_view::npos ||
                !parse_index(rest.substr(1, close - 1), element.index)) {
                return path_error(text, "an index is written [0]");
            }
            parts.push_back(element);
            rest.remove_prefix(close + 1);
        }
        if (rest.empty()) {
            return parts;
        }
        if (rest.front() != '.') {
            return path_error(text, R"("." is expected after "]")");
        }
        rest.remove_prefix(1);
    }
}

std::string join_names(std::span<const std::string> names) {
    std::string out;
    for (size_t i = 0; i < names.size(); ++i) {
        out += i == 0 ? "" : ", ";
        out += names[i].empty() ? fmt::format("{} (unnamed)", i) : names[i];
    }
    return out.empty() ? "none" : out;
}

/// Position of `part` among `names`, or an error that lists them.
Result<uint32_t> find_part(std::string_view text, const PathPart& part, std::string_view what,
                           std::span<const std::string> names) {
    if (part.name.empty()) {
        if (part.index < names.size()) {
            return part.index;
        }
        return path_error(text,
                          fmt::format("no {} {}; there are {}", what, part.index, names.size()));
    }
    const auto found = std::ranges::find(names, part.name);
    if (found == names.end()) {
        return path_error(text, fmt::format("no {} \"{}\"{} there are: {}", what, part.name,
                                            did_you_mean(part.name, names), join_names(names)));
    }
    return static_cast<uint32_t>(found - names.begin());
}

/// One more step down from `path`.
Status take_step(std::string_view text, const PathPart& part, ValuePath& path) {
    if (path.hashed) {
        return path_error(
            text, "an indexed array, tuple, string or bytes is in the log only as its hash");
    }
    if (part.bracket) {
        if (!path.type.is_array()) {
            return path_error(text, fmt::format("{} is not an array", to_string(path.type)));
        }
        if (path.type.kind == TypeKind::kFixedArray && part.index >= path.type.length) {
            return path_error(
                text, fmt::format("{} has no element {}", to_string(path.type), part.index));
        }
        path.steps.push_back(part.index);
        path.type = AbiType{path.type.children[0]};
        return ok();
    }
    if (path.type.kind != TypeKind::kTuple) {
        return path_error(text,
                          fmt::format("{} has no components{}", to_string(path.type),
                                      path.type.is_array()
                                          ? "; an element of it is [0], and each walks through all"
                                          : ""));
    }
    PLUMBLINE_TRY(const uint32_t index, find_part(text, part, "component", path.type.names));
    path.steps.push_back(index);
    path.type = AbiType{path.type.children[index]};
    return ok();
}

}  // namespace

void DecodedEvent::get_all(const ValuePath& path, std::vector<const Value*>& out) const {
    std::vector<const Value*> at;
    for (size_t i = 0; i < path.steps.size(); ++i) {
        std::vector<const Value*> next;
        const auto take = [&](std::span<const Value> values) {
            const uint32_t step = path.steps[i];
            for (size_t n = 0; n < values.size(); ++n) {
                if (step == ValuePath::kEach || step == n) {
                    next.push_back(&values[n]);
                }
            }
        };
        if (i == 0) {
            take(params());
        }
        for (const Value* value : at) {
            take(children(*value));
        }
        at = std::move(next);
    }
    out.insert(out.end(), at.begin(), at.end());
}

/// Which arrays a path goes through element by element.
struct EventDecoder::PathWalk {
    std::vector<std::vector<uint32_t>> arrays;
    bool all = false;
};

Result<ValuePath> EventDecoder::compile_path(std::string_view text,
                                             std::span<const std::string> each) const {
    PathWalk walk;
    for (const std::string& array : each) {
        PLUMBLINE_TRY(ValuePath path, compile_path(array));
        if (path.hashed || !path.type.is_array()) {
            return path_error(array, path.hashed ? "an indexed array is in the log only as its hash"
                                                 : "is not an array");
        }
        walk.arrays.push_back(std::move(path.steps));
    }
    return compile_any_named(text, walk);
}

Result<ValuePath> EventDecoder::compile_walk(std::string_view text) const {
    PathWalk walk;
    walk.all = true;
    return compile_any_named(text, walk);
}

/// By the event's own names, or else by a twin's.
Result<ValuePath> EventDecoder::compile_any_named(std::string_view text,
                                                  const PathWalk& walk) const {
    Result<ValuePath> out = compile_named(text, event_.inputs, walk);
    for (const std::vector<AbiParam>& twin : event_.twins) {
        Result<ValuePath> other = compile_named(text, twin, walk);
        if (!other) {
            continue;
        }
        if (out && out->steps != other->steps) {
            return path_error(text, fmt::format("names parameter {} in one ABI and {} in another; "
                                                "write $arg.N for the one that is meant, from 0",
                                                out->steps.front(), other->steps.front()));
        }
        if (!out) {
            out = std::move(other);
        }
    }
    return out;
}

/// `inputs` are the event's, with its names or a twin's.
Result<ValuePath> EventDecoder::compile_named(std::string_view text,
                                              const std::vector<AbiParam>& inputs,
                                              const PathWalk& walk) const {
    PLUMBLINE_TRY(const std::vector<PathPart> parts, split_path(text));
    std::vector<std::string> names;
    for (const AbiParam& input : inputs) {
        names.push_back(input.name);
    }
    ValuePath path;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i == 0) {
            PLUMBLINE_TRY(const uint32_t index, find_part(text, parts[0], "parameter", names));
            path.steps.push_back(index);
            path.hashed = params_[index].hashed;
            path.type = inputs[index].type;
        } else {
            PLUMBLINE_TRY_VOID(take_step(text, parts[i], path));
        }
        const bool has_index = i + 1 < parts.size() && parts[i + 1].bracket;
        while (!path.hashed && path.type.is_array() &&
               ((walk.all && !has_index) ||
                std::ranges::find(walk.arrays, path.steps) != walk.arrays.end())) {
            path.steps.push_back(ValuePath::kEach);
            path.type = AbiType{path.type.children[0]};
        }
    }
    if (path.hashed) {
        path.type = AbiType{};
        path.type.kind = TypeKind::kFixedBytes;
    }
    return path;
}

}  // namespace plumbline::evm
