#include "storage/entity_storage.hpp"

#include <algorithm>

#include "storage/entity_key.hpp"
#include "storage/key_parts.hpp"

namespace plumbline::storage {

EntityStorage::EntityStorage(const EntityLayout& layout)
    : codec{layout},
      keep_tombstones{layout.keep_tombstones} {
    for (const Field& field : layout.key) {
        key_types.push_back(field.type);
    }
    for (const auto& columns : layout.indexes) {
        std::vector<Column> index;
        for (const uint16_t column : columns) {
            const bool is_key = column < layout.key.size();
            index.push_back({is_key,
                             static_cast<uint16_t>(is_key ? column : column - layout.key.size()),
                             layout.column(column).type});
        }
        indexes.push_back(std::move(index));
    }
}

void EntityStorage::append_index_key(std::string& out, size_t index, std::string_view key,
                                     std::string_view row) const {
    for (const Column& column : indexes[index]) {
        if (column.is_key) {
            std::string_view rest = key;
            for (uint16_t i = 0; i < column.place; ++i) {
                rest.remove_prefix(std::min(rest.size(), key_part_size(rest, key_types[i])));
            }
            out.append(rest.substr(0, std::min(rest.size(), key_part_size(rest, column.type))));
            continue;
        }
        if (column.type.optional) {
            const bool is_null = codec.is_null(row, column.place);
            append_key_presence(out, is_null);
            if (is_null) {
                continue;
            }
        }
        const std::string_view value = codec.raw(row, column.place);
        if (column.type.is_dynamic()) {
            append_key_dynamic(out, value);
            continue;
        }
        const size_t at = out.size();
        out.append(value);
        if (column.type.is_signed()) {
            out[at] = static_cast<char>(out[at] ^ '\x80');
        }
    }
    out.append(key);
}

}  // namespace plumbline::storage
