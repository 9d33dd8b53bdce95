// Event decoding for the hot path: an `EventDecoder` is compiled once from an ABI event, decodes
// a log into flat values without allocating, and resolves names into paths at start-up only.
//
// What is accepted. An event is decoded only where every reader must get the same values:
//   strict, an error:  topic count; words out of their type's range (uint and address high bits,
//   int sign
//                      extension, bool above 1, bytesN low bytes); offsets outside the data or into
//                      their own head; tails that overlap or are not in the order of their heads;
//                      lengths that the data does not back.
//   tolerant, as Solidity's decoder is: bytes after the last value; gaps between tails; what is in
//   the
//                      padding behind bytes and string, and whether it is there at all (old
//                      compilers left dirt in it); offsets that are no multiple of 32.
// Every value is backed by bytes of its own, so time and memory are bounded by the data's size.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/abi_type.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// Why a log is not the event. Values are stored in the quarantine: never renumber.
enum class [[nodiscard]] AbiError : uint8_t{
    kNone = 0,
    kTopicCount = 1,     ///< not as many topics as the event has indexed parameters
    kWrongEvent = 2,     ///< topic0 is another event's
    kTruncated = 3,      ///< the data ends inside a value
    kOffsetOutside = 4,  ///< an offset points behind the data
    kOffsetInHead = 5,   ///< an offset points into its own head
    kOverlap = 6,        ///< a tail starts before the end of the one before it
    kLength = 7,         ///< more elements or bytes than the data holds
    kTooManyValues = 8,  ///< above `kEventValuesMax`
    kBadUint = 9,       kBadInt = 10, kBadBool = 11, kBadAddress = 12, kBadFixedBytes = 13,
};

/// For people: "an offset points behind the data".
[[nodiscard]] std::string_view to_string(AbiError error) noexcept;

/// Values of one event, lists counted. 32 MiB of data hold as many, no chain allows them.
inline constexpr uint32_t kEventValuesMax = uint32_t{1} << 20;

enum class ValueKind : uint8_t {
    kWord,    ///< `word`
    kBytes,   ///< bytes and string: `bytes()`
    kList,    ///< arrays and tuples: `size` values, `DecodedEvent::children`
    kHashed,  ///< an indexed value of a type that does not fit a topic: `word` is its keccak
};

/// One decoded value. The type it has is known from the path or the event it was read by.
struct Value {
    /// uint, bool, address: the number; int: sign-extended; bytesN: left-aligned, as on chain.
    U256 word;
    const uint8_t* data = nullptr;  ///< of kBytes, inside the data given to `decode`
    uint32_t size = 0;              ///< kBytes: bytes; kList: elements or components
    uint32_t first = 0;             ///< kList: where its children start in the event
    ValueKind kind = ValueKind::kWord;

    [[nodiscard]] ByteView bytes() const noexcept { return {data, size}; }
};

/// The address in a word: its low 20 bytes.
[[nodiscard]] Address to_address(const U256& word) noexcept;

/// A name resolved to positions: where in an event a value is. Made by
/// `EventDecoder::compile_path`.
struct ValuePath {
    /// Stands for the index that `DecodedEvent::get` is given.
    static constexpr uint32_t kEach = UINT32_MAX;

    std::vector<uint32_t> steps;  ///< parameter, then components and array indexes
    AbiType type;                 ///< what `get` returns; bytes32 when `hashed`
    bool hashed = false;          ///< only the keccak is known
    [[nodiscard]] bool is_each() const noexcept;
};

/// The values of one log. One thread; meant to be reused, it keeps its memory. Its kBytes values
/// point into the data that was decoded, which must live as long as they are read.
class DecodedEvent {
  public:
    /// The value at `path`, of the decoder that filled this; `each` replaces the step kEach. Null
    /// where an array is shorter than the index, and for all paths when the last decode failed.
    /// Never allocates.
    [[nodiscard]] const Value* get(const ValuePath& path, uint32_t each = 0) const noexcept {
        uint32_t first = 0;
        uint32_t size = param_count_;
        const Value* value = nullptr;
        for (const uint32_t step : path.steps) {
            const uint32_t index = step == ValuePath::kEach ? each : step;
            if (index >= size) {
                return nullptr;
            }
            value = &values_[first + index];
            if (value->kind == ValueKind::kList) {
                first = value->first;
                size = value->size;
            } else {
                size = 0;
            }
        }
        return value;
    }
    /// The parameters in the order of the event's declaration, indexed or not; empty after a
    /// failure.
    [[nodiscard]] std::span<const Value> params() const noexcept {
        return std::span<const Value>{values_}.first(param_count_);
    }
    /// Elements or components of a kList value of this event; empty for other kinds.
    [[nodiscard]] std::span<const Value> children(const Value& value) const noexcept {
        return value.kind == ValueKind::kList
                   ? std::span<const Value>{values_}.subspan(value.first, value.size)
                   : std::span<const Value>{};
    }
    /// All values at `path`, of as many arrays as it walks (`EventDecoder::compile_walk`), in their
    /// order. Appends to `out`.
    void get_all(const ValuePath& path, std::vector<const Value*>& out) const;
    /// Which parameter the last failed `decode` stopped at, for messages; 0 where none is to blame.
    [[nodiscard]] uint32_t failed_param() const noexcept { return failed_param_; }

  private:
    friend class EventDecoder;
    friend class EventReader;

    std::vector<Value> values_;  ///< parameters, then the children of each list side by side
    uint32_t used_ = 0;          ///< of `values_`, which never shrinks
    uint32_t param_count_ = 0;
    uint32_t failed_param_ = 0;
};

/// An event's layout with all offsets resolved. Immutable once compiled: many threads may decode.
class EventDecoder {
  public:
    /// Fails only where a type put together by hand breaks its limits.
    [[nodiscard]] static Result<EventDecoder> compile(AbiEvent event);

    /// Fills `out` from a log. Checks everything once; `out` then needs no further checks. No
    /// allocation as soon as `out` has grown to the largest event seen.
    AbiError decode(std::span<const Hash> topics, ByteView data, DecodedEvent& out) const noexcept;
    AbiError decode(const Log& log, ByteView data, DecodedEvent& out) const noexcept {
        return decode(std::span{log.topics}.first(log.topic_count), data, out);
    }

    /// Resolves "a", "a.b", "a[2].b", "$arg.3" (third parameter counted from 0), "a.0" (component
    /// by position). `each` names arrays that are walked together: where `text` starts with one of
    /// them, its element is meant, so with each = {"orders"} "orders.price" is one order's price.
    /// Without `each` an array's name is the array. Names are those of the event or of its twins;
    /// one that means different parameters there is an error. Errors list the names there are.
    [[nodiscard]] Result<ValuePath> compile_path(std::string_view text,
                                                 std::span<const std::string> each = {}) const;
    /// The same, but every array that `text` names without an index is walked: "orders.price" is
    /// the price of each order, whatever is inside what. For `DecodedEvent::get_all`.
    [[nodiscard]] Result<ValuePath> compile_walk(std::string_view text) const;

    [[nodiscard]] const AbiEvent& event() const noexcept { return event_; }
    [[nodiscard]] const Hash& topic0() const noexcept { return topic0_; }
    [[nodiscard]] size_t topic_count() const noexcept { return topic_count_; }
    /// True for an indexed parameter of which a log has only the keccak.
    [[nodiscard]] bool is_hashed(size_t param) const noexcept { return params_[param].hashed; }

  private:
    friend class EventReader;

    enum class Op : uint8_t {
        kMasked,  ///< the bits in `mask` are zero
        kSigned,  ///< the bits in `mask` are all equal
        kBytes,
        kArray,
        kFixedArray,
        kTuple,
    };
    struct Node {
        Op op = Op::kMasked;
        bool dynamic = false;
        AbiError bad = AbiError::kNone;  ///< what a word out of range is called
        uint32_t child = 0;              ///< index of the element, or of the first component
        uint32_t count = 0;              ///< components, or elements of a fixed array
        uint64_t head_size = 32;         ///< in the head it stands in
        uint64_t frame_size = 0;         ///< tuples, fixed arrays: the head of its own parts
        U256 mask;
    };
    struct Param {
        int8_t topic = -1;  ///< index among the topics; -1: in the data
        bool hashed = false;
        uint64_t head = 0;  ///< offset in the data
    };

    EventDecoder() = default;
    struct PathWalk;
    [[nodiscard]] Result<ValuePath> compile_named(std::string_view text,
                                                  const std::vector<AbiParam>& inputs,
                                                  const PathWalk& walk) const;
    [[nodiscard]] Result<ValuePath> compile_any_named(std::string_view text,
                                                      const PathWalk& walk) const;
    void fill_node(uint32_t index, const AbiType& type);

    AbiEvent event_;
    Hash topic0_;
    size_t topic_count_ = 0;
    uint64_t head_size_ = 0;
    std::vector<Param> params_;
    std::vector<Node> nodes_;  ///< parameters first, then the parts of each side by side
};

}  // namespace plumbline::evm
