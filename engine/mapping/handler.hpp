// Handlers written in C++, for what the mapping of the config cannot say. They read and write the
// same entities under the same rules: of an event's handlers all apply or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "core/evm/uint256.hpp"
#include "storage/layout.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

struct FoldBlock;

/// A field's value with its type.
struct Value {
    storage::FieldType type;
    evm::U256 word;     ///< fixed-width types, as the EVM holds them
    std::string bytes;  ///< bytes and string
    /// An optional field is not set: `get` tells it, and `insert`, `upsert` and `update` take it.
    bool is_null = false;

    [[nodiscard]] static Value null();
    [[nodiscard]] static Value number(const evm::U256& value);
    [[nodiscard]] static Value signed_number(int64_t value);
    /// `units` of 10^-places, for a field `decimal(places)`.
    [[nodiscard]] static Value decimal(const evm::U256& units, uint8_t places);
    [[nodiscard]] static Value boolean(bool value);
    [[nodiscard]] static Value address(const evm::Address& value);
    [[nodiscard]] static Value hash(const evm::Hash& value);
    [[nodiscard]] static Value string(std::string_view text);
    [[nodiscard]] static Value byte_string(ByteView bytes);

    /// The low bits of a number; the caller knows that it fits.
    [[nodiscard]] uint64_t as_u64() const noexcept { return word.limb[0]; }
    [[nodiscard]] bool as_bool() const noexcept { return !word.is_zero(); }
    [[nodiscard]] evm::Address as_address() const noexcept;
    [[nodiscard]] evm::Hash as_hash() const noexcept;

    friend bool operator==(const Value&, const Value&) = default;
};

/// field = value
using FieldValue = std::pair<std::string_view, Value>;

/// One event and the entities, for the length of one handler call. Keys are given in the order of
/// the entity's key fields. Values are converted as in the config: numbers to any number
/// field they fit, all else only to its own type.
///
/// Every error of kind kInvalidArgument or kNotFound that a handler returns, its own or one passed
/// on from here, is a rule violation: the event's changes are taken back and it goes to quarantine
/// with the error's message. Other errors are storage trouble and stop the fold.
class HandlerContext {
  public:
    HandlerContext() = default;
    HandlerContext(const HandlerContext&) = delete;
    HandlerContext& operator=(const HandlerContext&) = delete;
    virtual ~HandlerContext() = default;

    [[nodiscard]] virtual const FoldBlock& block() const = 0;
    [[nodiscard]] virtual const evm::Log& log() const = 0;
    [[nodiscard]] virtual ByteView data() const = 0;
    /// Null unless a handler of the event said that it needs it.
    [[nodiscard]] virtual const storage::TxnFields* txn() const = 0;

    /// `EventHandler::params[i]` of this event.
    [[nodiscard]] virtual Result<Value> param(size_t i) const = 0;
    /// Where `params[i]` is an array: its length, and one element.
    [[nodiscard]] virtual Result<size_t> array_size(size_t i) const = 0;
    [[nodiscard]] virtual Result<Value> element(size_t i, size_t element) const = 0;

    /// False where there is no such row.
    [[nodiscard]] virtual Result<bool> exists(std::string_view entity,
                                              std::span<const Value> key) = 0;
    /// One field of a row, `is_null` where an optional one is not set; kNotFound where there is no
    /// such row.
    [[nodiscard]] virtual Result<Value> get(std::string_view entity, std::span<const Value> key,
                                            std::string_view field) = 0;

    [[nodiscard]] virtual Status insert(std::string_view entity, std::span<const Value> key,
                                        std::span<const FieldValue> set) = 0;
    [[nodiscard]] virtual Status upsert(std::string_view entity, std::span<const Value> key,
                                        std::span<const FieldValue> set) = 0;
    [[nodiscard]] virtual Status update(std::string_view entity, std::span<const Value> key,
                                        std::span<const FieldValue> set) = 0;
    [[nodiscard]] virtual Status erase(std::string_view entity, std::span<const Value> key) = 0;
    /// Of an existing row; a rule violation where the sum leaves the field's width.
    [[nodiscard]] virtual Status add(std::string_view entity, std::span<const Value> key,
                                     std::string_view field, const Value& amount) = 0;
    [[nodiscard]] virtual Status sub(std::string_view entity, std::span<const Value> key,
                                     std::string_view field, const Value& amount) = 0;
};

/// A C++ function for one event. Must depend on nothing but the context: backfill, live following
/// and rebuild call it again and expect the same.
struct EventHandler {
    std::string name;     ///< for messages; with `version` part of the schema fingerprint
    std::string version;  ///< change it whenever the function does: the log is folded again
    std::string event;    ///< contract.Event or contract.Event(types)
    std::vector<std::string> params;  ///< what `param(i)` gives: `voter`, `result.winner`, `$arg.2`
    bool needs_txn = false;           ///< sender, receiver and value are fetched for this event
    std::function<Status(HandlerContext&)> run;
    bool needs_txn_body = false;  ///< `TxnFields::body` is fetched too
    bool needs_receipt = false;   ///< `TxnFields::receipt` is
};

}  // namespace plumbline::engine
