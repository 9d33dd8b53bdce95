#include "storage/row.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "storage/codec.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kHeadSize = 14;
constexpr size_t kLengthSize = 4;

Error bad_row(std::string_view why) {
    return Error{ErrorCode::kCorruption, fmt::format("stored row is damaged: {}", why)};
}

}  // namespace

RowCodec::RowCodec(const EntityLayout& layout) {
    const auto optional_count =
        static_cast<uint32_t>(std::count_if(layout.fields.begin(), layout.fields.end(),
                                            [](const Field& f) { return f.type.optional; }));
    presence_end_ = kHeadSize + (optional_count + 7) / 8;
    uint32_t offset = presence_end_;
    uint32_t optional = 0;
    slots_.reserve(layout.fields.size());
    for (const Field& field : layout.fields) {
        Slot slot{field.type};
        if (field.type.optional) {
            slot.presence = static_cast<uint16_t>(kHeadSize + optional / 8);
            slot.bit = static_cast<uint8_t>(1U << (optional % 8));
            ++optional;
        }
        if (field.type.is_dynamic()) {
            slot.offset = dynamic_count_++;
        } else {
            slot.offset = offset;
            offset += static_cast<uint32_t>(field.type.width());
        }
        slots_.push_back(slot);
    }
    dynamic_start_ = offset;
    empty_.assign(dynamic_start_ + dynamic_count_ * kLengthSize, '\0');
    empty_[0] = static_cast<char>(kRowFormat);
}

Status RowCodec::check(std::string_view row) const {
    if (row.size() < kHeadSize) {
        return bad_row("too short");
    }
    if (static_cast<uint8_t>(row[0]) != kRowFormat) {
        return bad_row(fmt::format("format {}", static_cast<uint8_t>(row[0])));
    }
    const auto flags = static_cast<uint8_t>(row[1]);
    if ((flags & ~kRowTombstone) != 0) {
        return bad_row(fmt::format("flags {:#x}", flags));
    }
    if (is_tombstone(row)) {
        return row.size() == kHeadSize ? ok() : Status{bad_row("a tombstone with fields")};
    }
    if (row.size() < dynamic_start_) {
        return bad_row("fields cut off");
    }
    for (const Slot& slot : slots_) {
        if (slot.type.kind == FieldKind::kBool && static_cast<uint8_t>(row[slot.offset]) > 1) {
            return bad_row("a bool that is neither 0 nor 1");
        }
        if (slot.type.kind == FieldKind::kEnum &&
            static_cast<uint8_t>(row[slot.offset]) >= slot.type.names->size()) {
            return bad_row("an enum's value that has no name");
        }
    }
    size_t at = dynamic_start_;
    for (uint32_t i = 0; i < dynamic_count_; ++i) {
        if (row.size() - at < kLengthSize) {
            return bad_row("length cut off");
        }
        const size_t size = load_be32(row.data() + at);
        at += kLengthSize;
        if (row.size() - at < size) {
            return bad_row("text cut off");
        }
        at += size;
    }
    if (at != row.size()) {
        return bad_row("bytes after the last field");
    }
    return presence_end_ == kHeadSize ? ok() : check_nulls(row);
}

Status RowCodec::check_nulls(std::string_view row) const {
    std::string known(presence_end_ - kHeadSize, '\0');
    for (size_t field = 0; field < slots_.size(); ++field) {
        const Slot& slot = slots_[field];
        if (slot.bit == 0) {
            continue;
        }
        char& bits = known[slot.presence - kHeadSize];
        bits = static_cast<char>(bits | slot.bit);
        const std::string_view value = raw(row, field);
        if (is_null(row, field) &&
            (slot.type.is_dynamic() ? !value.empty()
                                    : value.find_first_not_of('\0') != std::string_view::npos)) {
            return bad_row("a null with a value");
        }
    }
    for (size_t i = 0; i < known.size(); ++i) {
        if ((row[kHeadSize + i] & ~known[i]) != 0) {
            return bad_row("a value of no field");
        }
    }
    return ok();
}

bool RowCodec::is_null(std::string_view row, size_t field) const noexcept {
    const Slot& slot = slots_[field];
    return slot.bit != 0 && (static_cast<uint8_t>(row[slot.presence]) & slot.bit) == 0;
}

void RowCodec::set_presence(std::string& row, const Slot& slot, bool is_there) const noexcept {
    if (slot.bit != 0) {
        char& bits = row[slot.presence];
        bits = static_cast<char>(is_there ? bits | slot.bit : bits & ~slot.bit);
    }
}

void RowCodec::set_null(std::string& row, size_t field) const {
    const Slot& slot = slots_[field];
    PLUMBLINE_DCHECK(slot.bit != 0);
    if (slot.type.is_dynamic()) {
        set_dynamic(row, field, {});
    } else {
        row.replace(slot.offset, slot.type.width(), slot.type.width(), '\0');
    }
    set_presence(row, slot, false);
}

std::string_view RowCodec::raw(std::string_view row, size_t field) const noexcept {
    const Slot& slot = slots_[field];
    if (!slot.type.is_dynamic()) {
        return row.substr(slot.offset, slot.type.width());
    }
    size_t at = dynamic_start_;
    for (uint32_t i = 0; i < slot.offset; ++i) {
        at += kLengthSize + load_be32(row.data() + at);
    }
    return row.substr(at + kLengthSize, load_be32(row.data() + at));
}

evm::U256 RowCodec::word(std::string_view row, size_t field) const noexcept {
    const FieldType type = slots_[field].type;
    const ByteView bytes = as_bytes(row.substr(slots_[field].offset, type.width()));
    if (type.is_signed()) {
        return evm::U256::from_be_signed(bytes);
    }
    if (type.kind == FieldKind::kFixedBytes) {
        uint8_t word[32] = {};
        std::memcpy(word, bytes.data(), bytes.size());
        return evm::U256::from_be(word);
    }
    return evm::U256::from_be(bytes);
}

void RowCodec::set_word(std::string& row, size_t field, const evm::U256& value) const noexcept {
    const FieldType type = slots_[field].type;
    set_presence(row, slots_[field], true);
    auto* out = reinterpret_cast<uint8_t*>(row.data() + slots_[field].offset);
    if (type.kind == FieldKind::kFixedBytes) {
        uint8_t word[32];
        value.to_be(word);
        std::memcpy(out, word, type.width());
        return;
    }
    value.to_be(out, type.width());
}

void RowCodec::set_dynamic(std::string& row, size_t field, std::string_view value) const {
    set_presence(row, slots_[field], true);
    const std::string_view old = raw(row, field);
    const auto at = static_cast<size_t>(old.data() - row.data());
    store_be32(row.data() + at - kLengthSize, static_cast<uint32_t>(value.size()));
    row.replace(at, old.size(), value);
}

KeyValue RowCodec::value(std::string_view row, size_t field) const {
    KeyValue out;
    out.is_null = is_null(row, field);
    if (slots_[field].type.is_dynamic()) {
        out.bytes = raw(row, field);
    } else {
        out.word = word(row, field);
    }
    return out;
}

void RowCodec::set_value(std::string& row, size_t field, const KeyValue& value) const {
    if (value.is_null) {
        set_null(row, field);
    } else if (slots_[field].type.is_dynamic()) {
        set_dynamic(row, field, value.bytes);
    } else {
        set_word(row, field, value.word);
    }
}

ChangedAt RowCodec::changed_at(std::string_view row) noexcept {
    return {load_be64(row.data() + 2), load_be32(row.data() + 10)};
}

void RowCodec::set_changed_at(std::string& row, ChangedAt at) noexcept {
    store_be64(row.data() + 2, at.block_num);
    store_be32(row.data() + 10, at.log_index);
}

std::string RowCodec::make_tombstone(ChangedAt at) const {
    std::string row(kHeadSize, '\0');
    row[0] = static_cast<char>(kRowFormat);
    row[1] = static_cast<char>(kRowTombstone);
    set_changed_at(row, at);
    return row;
}

}  // namespace plumbline::storage
