// How one entity is stored: its row codec and what its indexes are made of. Internal to storage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/layout.hpp"
#include "storage/row.hpp"

namespace plumbline::storage {

/// Immutable, so thread-safe.
struct EntityStorage {
    /// One column of an index.
    struct Column {
        bool is_key = false;
        uint16_t place = 0;  ///< among the key fields or among the fields
        FieldType type;
    };
    RowCodec codec;
    std::vector<FieldType> key_types;  ///< to cut a stored key into its fields
    std::vector<std::vector<Column>> indexes;
    bool keep_tombstones = false;

    explicit EntityStorage(const EntityLayout& layout);
    /// Appends the indexed values and then the key: the key of the index family.
    void append_index_key(std::string& out, size_t index, std::string_view key,
                          std::string_view row) const;
};

}  // namespace plumbline::storage
