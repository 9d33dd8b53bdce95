#include "storage/named_row.hpp"

#include "storage/field_codec.hpp"

namespace plumbline::storage {

namespace {

constexpr auto kNamedRowFields = [](auto& to, auto& row) {
    const auto column = [&to](auto& value) {
        to.text(value.name);
        to.text(value.type);
        to.text(value.text);
    };
    to.flag(row.is_whole);
    to.list(row.key, column);
    to.list(row.fields, column);
};

}  // namespace

std::string encode_named_row(const NamedRow& row) {
    return std::string(1, static_cast<char>(kNamedRowFormat)) + encode_record(kNamedRowFields, row);
}

Result<NamedRow> decode_named_row(std::string_view bytes) {
    NamedRow row;
    if (!is_named_row(bytes) || !decode_record(kNamedRowFields, bytes.substr(1), row)) {
        return Error{ErrorCode::kCorruption, "stored row of a correction is damaged"};
    }
    return row;
}

}  // namespace plumbline::storage
