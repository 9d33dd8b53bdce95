#include "storage/meta_codec.hpp"

#include <fmt/format.h>

#include "storage/field_codec.hpp"
#include "storage/log_codec.hpp"

namespace plumbline::storage {

namespace {

Error damaged(std::string_view what) {
    return Error{ErrorCode::kCorruption, fmt::format("stored {} is damaged", what)};
}

bool is_type(FieldType type) noexcept {
    if (type.kind == FieldKind::kDecimal) {
        return type.bits == 256 && type.places >= 1 && type.places <= kDecimalPlacesMax;
    }
    if (type.kind == FieldKind::kEnum) {
        return type.bits == 8 && !type.names->empty() && type.names->size() <= kEnumNamesMax;
    }
    switch (type.kind) {
        case FieldKind::kUint:
        case FieldKind::kInt:
        case FieldKind::kFixedBytes:
            return type.bits >= 8 && type.bits <= 256 && type.bits % 8 == 0;
        case FieldKind::kBool: return type.bits == 8;
        case FieldKind::kAddress: return type.bits == 160;
        case FieldKind::kBytes:
        case FieldKind::kString: return type.bits == 0;
        case FieldKind::kDecimal:
        case FieldKind::kEnum: break;
    }
    return false;
}

bool is_key_of_size(std::string_view key, size_t size) noexcept {
    return key.empty() || key.size() == size;
}

constexpr auto kWatermarkFields = [](auto& to, auto& watermark) {
    to.varint(watermark.commit_num);
    to.varint(watermark.block_num);
    to.varint(watermark.finalized);
    to.varint(watermark.last_rollback);
    to.varint(watermark.last_fill);
};

constexpr auto kFormatFields = [](auto& to, auto& version) {
    to.be32(version);
    to.require(version != 0);
};

constexpr auto kMigrationFields = [](auto& to, auto& position) { to.text(position); };

constexpr auto kIdentityFields = [](auto& to, auto& identity) {
    to.be64(identity.chain_id);
    to.fixed(identity.genesis_hash);
};

/// On a kind: the field may be unset.
constexpr uint8_t kOptionalKind = 0x80;

constexpr auto kColumnFields = [](auto& to, auto& field) {
    to.text(field.name);
    auto kind = static_cast<uint8_t>(static_cast<uint8_t>(field.type.kind) |
                                     (field.type.optional ? kOptionalKind : 0));
    to.code(kind);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(field)>>) {
        field.type.kind = static_cast<FieldKind>(kind & ~kOptionalKind);
        field.type.optional = (kind & kOptionalKind) != 0;
    }
    to.varint(field.type.bits);
    if (field.type.kind == FieldKind::kDecimal) {
        to.varint(field.type.places);
    }
    if (field.type.kind == FieldKind::kEnum) {
        EnumNames names = field.type.names == nullptr ? EnumNames{} : *field.type.names;
        to.list(names, [&to](auto& name) { to.text(name); });
        if constexpr (!std::is_const_v<std::remove_reference_t<decltype(field)>>) {
            field.type.names = intern_enum(std::move(names));
        }
    }
    to.require(is_type(field.type));
};

constexpr auto kLayoutFields = [](auto& to, auto& layout) {
    const auto column = [&to](auto& field) { kColumnFields(to, field); };
    to.text(layout.name);
    to.list(layout.key, column);
    to.list(layout.fields, column);
    to.list(layout.indexes, [&](auto& index) {
        to.list(index, [&](auto& of_column) {
            to.varint(of_column);
            to.require(of_column < layout.column_count());
        });
    });
    to.flag(layout.keep_tombstones);
};

constexpr auto kBundleFields = [](auto& to, auto& bundle) {
    to.text(bundle.fingerprint);
    to.text(bundle.config_text);
    to.list(bundle.abis, [&to](auto& abi) {
        to.text(abi.first);
        to.text(abi.second);
    });
    to.list(bundle.entities, [&to](auto& layout) { kLayoutFields(to, layout); });
};

constexpr auto kCursorFields = [](auto& to, auto& cursor) {
    to.be64(cursor.block_num);
    to.fixed(cursor.block_hash);
    to.be64(cursor.timestamp);
    to.be64(cursor.finalized);
};

constexpr auto kGenerationsFields = [](auto& to, auto& generations) {
    to.be32(generations.published);
    to.be32(generations.building);
    to.require(generations.published != 0);
};

constexpr auto kTotalsFields = [](auto& to, auto& totals) {
    to.varint(totals.events);
    to.varint(totals.block_rows);
};

constexpr auto kTailsFields = [](auto& to, auto& tails) {
    to.text(tails.log);
    to.text(tails.block);
    to.require(is_key_of_size(tails.log, kLogKeySize) &&
               is_key_of_size(tails.block, sizeof(uint64_t)));
};

constexpr auto kCountsFields = [](auto& to, auto& counts) {
    to.varint(counts.quarantined);
    to.list(counts.rows, [&to](auto& rows) { to.varint(rows); });
};

constexpr auto kNumberFields = [](auto& to, auto& number) { to.varint(number); };

template <typename Record, typename List>
Result<Record> decode_or_damaged(List list, std::string_view value, std::string_view what) {
    Record record{};
    if (!decode_record(list, value, record)) {
        return damaged(what);
    }
    return record;
}

}  // namespace

std::string meta_name(std::string_view name, uint32_t generation) {
    return fmt::format("{}#{}", name, generation);
}

std::string encode_watermark(const Watermark& watermark) {
    return encode_record(kWatermarkFields, watermark);
}
Result<Watermark> decode_watermark(std::string_view value) {
    return decode_or_damaged<Watermark>(kWatermarkFields, value, "watermark");
}

std::string encode_format(uint32_t version) {
    return encode_record(kFormatFields, version);
}
Result<uint32_t> decode_format(std::string_view value) {
    return decode_or_damaged<uint32_t>(kFormatFields, value, "format version");
}

Error newer_format(std::string_view path, uint32_t version) {
    return {ErrorCode::kIncompatible,
            fmt::format("{} has format {}, this program knows formats up to {}: use a newer "
                        "plumbline",
                        path, version, kFormatVersion)};
}

std::string encode_migration(std::string_view position) {
    return encode_record(kMigrationFields, std::string{position});
}
Result<std::string> decode_migration(std::string_view value) {
    return decode_or_damaged<std::string>(kMigrationFields, value, "place of a migration");
}

std::string encode_identity(const ChainIdentity& identity) {
    return encode_record(kIdentityFields, identity);
}
Result<ChainIdentity> decode_identity(std::string_view value) {
    return decode_or_damaged<ChainIdentity>(kIdentityFields, value, "chain identity");
}

std::string encode_bundle(const SchemaBundle& bundle) {
    return encode_record(kBundleFields, bundle);
}
Result<SchemaBundle> decode_bundle(std::string_view value) {
    return decode_or_damaged<SchemaBundle>(kBundleFields, value, "schema");
}

std::string encode_cursor(const Cursor& cursor) {
    return encode_record(kCursorFields, cursor);
}
Result<Cursor> decode_cursor(std::string_view value) {
    return decode_or_damaged<Cursor>(kCursorFields, value, "cursor");
}

std::string encode_generations(const Generations& generations) {
    return encode_record(kGenerationsFields, generations);
}
Result<Generations> decode_generations(std::string_view value) {
    return decode_or_damaged<Generations>(kGenerationsFields, value, "generation record");
}

std::string encode_totals(const LogTotals& totals) {
    return encode_record(kTotalsFields, totals);
}
Result<LogTotals> decode_totals(std::string_view value) {
    return decode_or_damaged<LogTotals>(kTotalsFields, value, "totals");
}

std::string encode_tails(const LastKeys& tails) {
    return encode_record(kTailsFields, tails);
}
Result<LastKeys> decode_tails(std::string_view value) {
    return decode_or_damaged<LastKeys>(kTailsFields, value, "record of last keys");
}

std::string encode_counts(const Counts& counts) {
    return encode_record(kCountsFields, counts);
}
Result<Counts> decode_counts(std::string_view value) {
    return decode_or_damaged<Counts>(kCountsFields, value, "row counts");
}

std::string encode_number(uint64_t number) {
    return encode_record(kNumberFields, number);
}
Result<uint64_t> decode_number(std::string_view value) {
    return decode_or_damaged<uint64_t>(kNumberFields, value, "number");
}

}  // namespace plumbline::storage
