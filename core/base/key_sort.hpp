// Sorts many things by byte-string keys that begin alike, as storage keys do: what they share is
// looked at once, and mostly the eight bytes behind it decide.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace plumbline {

/// Ascending by `key_of(item)`, a std::string_view that stays valid; equal keys in no certain
/// order.
template <typename Item, typename KeyOf>
void sort_by_key(std::vector<Item>& items, KeyOf key_of) {
    // What comes in order already, as much does, is only looked at.
    if (std::is_sorted(items.begin(), items.end(),
                       [&](const Item& a, const Item& b) { return key_of(a) < key_of(b); })) {
        return;
    }
    const std::string_view first = key_of(items.front());
    size_t shared = first.size();
    for (const Item& item : items) {
        const std::string_view key = key_of(item);
        shared = std::min(shared, key.size());
        if (shared > 0 && std::memcmp(first.data(), key.data(), shared) != 0) {
            shared = static_cast<size_t>(
                std::mismatch(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(shared),
                              key.begin())
                    .first -
                first.begin());
        }
    }
    struct Tagged {
        uint64_t word;  ///< the bytes behind those that all keys share, zeros where there are none
        Item item;
    };
    std::vector<Tagged> tagged;
    tagged.reserve(items.size());
    for (const Item& item : items) {
        const std::string_view rest = key_of(item).substr(shared);
        uint64_t word = 0;
        std::memcpy(&word, rest.data(), std::min(rest.size(), sizeof(word)));
        tagged.push_back({__builtin_bswap64(word), item});
    }
    std::sort(tagged.begin(), tagged.end(), [&](const Tagged& a, const Tagged& b) {
        return a.word != b.word ? a.word < b.word : key_of(a.item) < key_of(b.item);
    });
    std::transform(tagged.begin(), tagged.end(), items.begin(),
                   [](const Tagged& entry) { return entry.item; });
}

}  // namespace plumbline
