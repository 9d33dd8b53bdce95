#include "engine/service/known_head.hpp"

#include <algorithm>
#include <optional>

#include "engine/ingest/head_clock.hpp"

namespace plumbline::engine {

void raise_head(ProgressNumbers& now, const storage::Cursor& stored, int64_t unix_ms) {
    if (now.head_block && stored.block_num <= *now.head_block) {
        return;
    }
    const bool is_told = now.head_block.has_value();
    now.head_block = stored.block_num;
    now.next_block = std::max(now.next_block, stored.block_num + 1);
    const std::optional<int64_t> made = timestamp_to_unix_ms(stored.timestamp);
    if (now.ages.head_ms && made) {
        // By how much the clocks differ is known of the head that was told only.
        now.ages.head_ms = std::clamp<int64_t>(unix_ms - *made, 0, *now.ages.head_ms);
    }
    if (is_told && !now.ages.is_old()) {
        now.lag = 0;
    }
}

void grow_older(ProgressNumbers& now, int64_t elapsed_ms) {
    HeadAges& ages = now.ages;
    ages.ready_ms += elapsed_ms;
    if (ages.head_ms) {
        *ages.head_ms += elapsed_ms;
    }
    if (ages.risen_ms) {
        *ages.risen_ms += elapsed_ms;
    }
    if (ages.is_old()) {
        now.lag.reset();
    }
}

}  // namespace plumbline::engine
