// Expressions: casts, and work on bytes and text.
#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/expression_compiler.hpp"

namespace plumbline::engine {

using storage::FieldKind;

Result<ExprFragment> ExpressionCompiler::cast(const Operand& call, FieldType to) {
    PLUMBLINE_TRY_VOID(count_is(call, 1, 1));
    const Operand& side = call.keys[0];
    // A literal is read as what it becomes, but for numbers, which are checked as all are.
    const bool is_hex_for_text = to.kind == FieldKind::kString && side.kind == Operand::Kind::kHex;
    PLUMBLINE_TRY(Fragment from, part(side, is_hex_for_text ? kBytes : to));
    const FieldType is = from.type;
    if (is == to) {
        from.is_hash = false;  // bytes32(s) says that the hash is meant
        return from;
    }
    PLUMBLINE_TRY_VOID(refuse_hash(call, side, from));
    const auto as = [&](ExprOp op, FieldType type) {
        return then(std::move(from), instruction(op, call, 0, 0, type), to);
    };
    if (to.is_number()) {
        PLUMBLINE_TRY_VOID(may_fit(call, to));
        return cast_to_number(call, std::move(from), to);
    }
    if (to.kind == FieldKind::kFixedBytes || to.kind == FieldKind::kAddress) {
        if (is.is_number() && is.places == 0) {
            return as(ExprOp::kNumberToWord, to);
        }
        if (is.kind == FieldKind::kBytes) {
            return as(ExprOp::kBytesToWord, to);
        }
        if (is_bytes_like(is) && is.width() == to.width()) {
            from = then(std::move(from), instruction(ExprOp::kWordToBytes, call, 0, 0, is), kBytes);
            return as(ExprOp::kBytesToWord, to);
        }
        return wants(call, side, "a number, or as many bytes", is);
    }
    if (to.kind == FieldKind::kBytes && is_bytes_like(is)) {
        return as(ExprOp::kWordToBytes, is);
    }
    if (to.kind == FieldKind::kString && is_bytes_like(is) && !is.is_dynamic()) {
        return as(ExprOp::kWordToBytes, is);
    }
    if (to.is_dynamic() && is.is_dynamic()) {
        from.type = to;
        return from;
    }
    return wants(call, side,
                 to.kind == FieldKind::kBool ? "a comparison (as in x != 0)" : "bytes or text", is);
}

Result<ExprFragment> ExpressionCompiler::cast_to_number(const Operand& call, Fragment from,
                                                        FieldType to) {
    const FieldType is = from.type;
    if (is.kind == FieldKind::kBool || is.kind == FieldKind::kEnum) {
        from = then(std::move(from), instruction(ExprOp::kBoolToNumber, call), kAnyNumber);
    } else if (is_bytes_like(is)) {
        const ExprOp op = is.is_dynamic() ? ExprOp::kBytesToNumber : ExprOp::kWordToNumber;
        from = then(std::move(from), instruction(op, call, 0, 0, is), kAnyNumber);
    } else if (!is.is_number() || is.places > 0) {
        return wants(call, call.keys[0],
                     is.is_number() ? "a whole number (round_down(x, 0) makes one)"
                                    : "a number, true or false, or bytes",
                     is);
    }
    return then(std::move(from), instruction(ExprOp::kFit, call, 0, 0, to), to);
}

Status ExpressionCompiler::refuse_hash(const Operand& call, const Operand& side,
                                       const Fragment& part) const {
    if (!part.is_hash) {
        return ok();
    }
    return mistake(call, fmt::format("works on what {} is, but that is indexed: a log holds only "
                                     "its hash, which is bytes32({})",
                                     in_quotes(side.source), side.source));
}

Result<ExprFragment> ExpressionCompiler::text_or_bytes(const Operand& call, const Operand& side) {
    PLUMBLINE_TRY(Fragment out, part(side));
    PLUMBLINE_TRY_VOID(refuse_hash(call, side, out));
    if (out.type == kText || out.type == kBytes) {
        return out;
    }
    if (!is_bytes_like(out.type)) {
        return wants(call, side, fmt::format("text or bytes (text({}) is one)", side.source),
                     out.type);
    }
    const FieldType is = out.type;
    return then(std::move(out), instruction(ExprOp::kWordToBytes, call, 0, 0, is), kBytes);
}

Result<ExprFragment> ExpressionCompiler::of_bytes(const Operand& call) {
    if (call.call == "concat") {
        return concat(call);
    }
    if (call.call == "abi.encode") {
        return abi_encode(call);
    }
    if (call.call == "slice") {
        return slice(call);
    }
    PLUMBLINE_TRY_VOID(count_is(call, 1, 1));
    const Operand& side = call.keys[0];
    if (call.call == "text") {
        PLUMBLINE_TRY(Fragment out, part(side));
        PLUMBLINE_TRY_VOID(refuse_hash(call, side, out));
        const FieldType is = out.type;
        return is == kText
                   ? std::move(out)
                   : then(std::move(out), instruction(ExprOp::kToText, call, 0, 0, is), kText);
    }
    if (call.call == "len") {
        return length(call);
    }
    PLUMBLINE_TRY(Fragment out, text_or_bytes(call, side));
    if (call.call == "keccak256") {
        return then(std::move(out), instruction(ExprOp::kKeccak, call), kHash);
    }
    const bool is_lower = call.call == "lower";
    if ((out.type == kText) != is_lower) {
        return wants(call, side, is_lower ? "text" : "bytes", out.type);
    }
    return then(std::move(out),
                is_lower ? instruction(ExprOp::kLower, call)
                         : instruction(ExprOp::kToText, call, 0, 0, kBytes),
                kText);
}

Result<ExprFragment> ExpressionCompiler::slice(const Operand& call) {
    PLUMBLINE_TRY_VOID(count_is(call, 3, 3));
    std::vector<Fragment> parts(1);
    PLUMBLINE_TRY(parts[0], text_or_bytes(call, call.keys[0]));
    const FieldType type = parts[0].type;
    for (size_t i = 1; i < 3; ++i) {
        PLUMBLINE_TRY(Fragment side, integer(call, call.keys[i]));
        parts.push_back(std::move(side));
    }
    return joined(std::move(parts), instruction(ExprOp::kSlice, call, 0, 0, type), type);
}

Result<ExprFragment> ExpressionCompiler::length(const Operand& call) {
    const Operand& side = call.keys[0];
    if (side.kind == Operand::Kind::kName && scope_.event != nullptr) {
        const auto path = scope_.event->decoder.compile_path(join_path(side.path), scope_.each);
        if (path && path->type.is_array() && !path->hashed) {
            PlanOperand leaf;
            leaf.kind = PlanOperand::Kind::kParam;
            leaf.path = *path;
            leaf.source = side.source;
            out_.leaves.push_back(std::move(leaf));
            Fragment out;
            out.type = kAnyNumber;
            out.code.push_back(instruction(ExprOp::kElements, call,
                                           static_cast<uint32_t>(out_.leaves.size() - 1)));
            return out;
        }
    }
    PLUMBLINE_TRY(Fragment out, text_or_bytes(call, side));
    return then(std::move(out), instruction(ExprOp::kLength, call), kAnyNumber);
}

Result<ExprFragment> ExpressionCompiler::concat(const Operand& call) {
    PLUMBLINE_TRY_VOID(count_is(call, 2, kMaxArguments));
    std::vector<Fragment> parts;
    for (const Operand& side : call.keys) {
        PLUMBLINE_TRY(Fragment next, text_or_bytes(call, side));
        parts.push_back(std::move(next));
        if (parts.back().type != parts.front().type) {
            return wants(call, side, fmt::format("{} all through", to_string(parts.front().type)),
                         parts.back().type);
        }
    }
    const FieldType type = parts.front().type;
    return joined(
        std::move(parts),
        instruction(ExprOp::kConcat, call, static_cast<uint32_t>(call.keys.size()), 0, type), type);
}

namespace {

/// Nothing tells whether it is a number, an address or bytes, and Solidity encodes each otherwise.
bool is_untyped_hex(const Operand& operand) {
    return operand.kind == Operand::Kind::kHex ||
           (operand.kind == Operand::Kind::kCall && operand.call == "if" &&
            operand.keys.size() == 3 && is_untyped_hex(operand.keys[1]) &&
            is_untyped_hex(operand.keys[2]));
}

/// Bytes of the literal, or of each that an `if` may give; 0 where those differ.
size_t size_of(const Operand& operand) {
    if (operand.kind == Operand::Kind::kHex) {
        return operand.bytes.size();
    }
    const size_t size = size_of(operand.keys[1]);
    return size == size_of(operand.keys[2]) ? size : 0;
}

std::string how_to_type(const Operand& operand) {
    const size_t size = size_of(operand);
    std::vector<std::string> ways;
    if (size == storage::FieldType{FieldKind::kAddress, 160}.width()) {
        ways.emplace_back("address");
    }
    if (size >= 1 && size <= 32) {
        ways.push_back(fmt::format("bytes{}", size));
        ways.emplace_back("uint256");
    }
    ways.emplace_back("bytes");
    std::string out = fmt::format("wants a type for {}: write ", in_quotes(operand.source));
    for (size_t i = 0; i < ways.size(); ++i) {
        out += fmt::format("{}{}({})",
                           i == 0                 ? ""
                           : i + 1 == ways.size() ? " or "
                                                  : ", ",
                           ways[i], operand.source);
    }
    return out;
}

}  // namespace

Result<ExprFragment> ExpressionCompiler::abi_encode(const Operand& call) {
    std::vector<Fragment> parts;
    std::vector<FieldType> types;
    for (const Operand& side : call.keys) {
        if (is_untyped_hex(side)) {
            return mistake(call, how_to_type(side));
        }
        PLUMBLINE_TRY(Fragment next, part(side));
        PLUMBLINE_TRY_VOID(refuse_hash(call, side, next));
        if (next.type.places > 0) {
            return wants(call, side, "whole numbers (to_units(x, places) makes them)", next.type);
        }
        types.push_back(next.type);
        parts.push_back(std::move(next));
    }
    const auto first = static_cast<uint8_t>(out_.types.size());
    if (out_.types.size() + types.size() > UINT8_MAX) {
        return mistake(call, "is one of too many abi.encode in one value");
    }
    out_.types.insert(out_.types.end(), types.begin(), types.end());
    return joined(
        std::move(parts),
        instruction(ExprOp::kAbiEncode, call, static_cast<uint32_t>(call.keys.size()), first),
        kBytes);
}

}  // namespace plumbline::engine
