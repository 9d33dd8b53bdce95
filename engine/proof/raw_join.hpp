// Two raw scans of the same kind of family walked side by side. Internal to engine.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/raw_scan.hpp"

namespace plumbline::engine {

/// Calls `each(key, left, right)` for every key, in order; a side that lacks it is empty. `each`
/// gives a Status; an error ends the walk.
template <typename Each>
[[nodiscard]] Status join_raw(storage::RawScanner& left, storage::RawScanner& right, Each&& each) {
    using Side = std::optional<std::string_view>;
    while (left.valid() || right.valid()) {
        const int order = !right.valid() ? -1 : !left.valid() ? 1 : left.key().compare(right.key());
        if (order == 0) {
            PLUMBLINE_TRY_VOID(each(left.key(), Side{left.value()}, Side{right.value()}));
            left.next();
            right.next();
        } else if (order < 0) {
            PLUMBLINE_TRY_VOID(each(left.key(), Side{left.value()}, Side{}));
            left.next();
        } else {
            PLUMBLINE_TRY_VOID(each(right.key(), Side{}, Side{right.value()}));
            right.next();
        }
    }
    PLUMBLINE_TRY_VOID(left.status());
    return right.status();
}

}  // namespace plumbline::engine
