#include "query/sql/whole_watch.hpp"

#include <algorithm>
#include <bit>

namespace plumbline::query::sql {

unsigned bits_of(int64_t number) noexcept {
    const auto value = static_cast<uint64_t>(number);
    return static_cast<unsigned>(std::bit_width(number < 0 ? uint64_t{0} - value : value));
}

bool WholeWatch::takes(const Table* table, size_t column, int64_t number) {
    constexpr Place kColumn = [](WholeBits& bits, const Table* of, size_t at) -> unsigned& {
        return bits.columns[{of, at}];
    };
    return takes(kColumn, table, column, number);
}

bool WholeWatch::takes_sum(int64_t number) {
    constexpr Place kSum = [](WholeBits& bits, const Table*, size_t) -> unsigned& {
        return bits.sum;
    };
    return takes(kSum, nullptr, 0, number);
}

bool WholeWatch::takes(Place place, const Table* table, size_t column, int64_t number) {
    if (!is_watching()) {
        return true;
    }
    unsigned& seen = place(seen_, table, column);
    seen = std::max(seen, bits_of(number));
    if (seen <= place(allowed_, table, column)) {
        return true;
    }
    WholeBits ahead = allowed_;
    place(ahead, table, column) = seen > 56 ? std::max(seen, 63U) : (seen + 7) / 8 * 8;
    if (stays_whole_(ahead)) {
        allowed_ = std::move(ahead);
        return true;
    }
    allowed_ = seen_;
    return stays_whole_(seen_);
}

}  // namespace plumbline::query::sql
