// The rows that a commit changed, kept for those who tell others of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline::engine {

/// Whole rows; empty = absent.
struct RowChange {
    size_t entity = 0;
    std::string key;
    std::string before;
    std::string after;
};

/// Copies up to so many bytes; beyond that it only notes that there was more.
struct RowChanges {
    size_t bytes_max = 0;
    size_t bytes = 0;
    std::vector<RowChange> rows;

    void clear() {
        bytes = 0;
        rows.clear();
    }
    [[nodiscard]] bool is_whole() const noexcept { return bytes <= bytes_max; }
    void add(size_t entity, std::string_view key, std::string_view before, std::string_view after) {
        bytes += sizeof(RowChange) + key.size() + before.size() + after.size();
        if (is_whole()) {
            rows.push_back({entity, std::string{key}, std::string{before}, std::string{after}});
        }
    }
};

}  // namespace plumbline::engine
