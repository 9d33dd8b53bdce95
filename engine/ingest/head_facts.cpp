#include "engine/ingest/head_facts.hpp"

#include "storage/asked_blocks.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

/// Facts in one commit that marks them: an answer has up to 8 kB.
constexpr size_t kMarkedMax = 2'000;

}  // namespace

Result<bool> is_asked_above(const storage::Database& database, const Plan& plan, uint64_t target) {
    if (!plan.asks_head()) {
        return false;
    }
    if (target < database.cursor()->finalized) {
        return true;
    }
    PLUMBLINE_TRY(const auto asked,
                  storage::list_asked(*database.read_view(), target + 1, UINT64_MAX, 1));
    return !asked.empty();
}

Result<bool> doubt_head_facts(storage::Database& database, uint64_t from) {
    const auto batch = database.make_batch();
    const auto view = database.read_view();
    bool is_any = false;
    size_t marked = 0;
    const auto write = [&] {
        marked = 0;
        return database.commit(*batch, storage::Durability::kBuffered);
    };
    const auto scan = view->scan_calls(0, UINT64_MAX);
    for (; scan->valid(); scan->next()) {
        if (scan->fact().pin != storage::CallPin::kHead || scan->fact().asked.block_num < from) {
            continue;
        }
        is_any = true;
        if (storage::is_in_doubt(scan->fact())) {
            continue;
        }
        storage::CallFact fact = scan->fact();
        fact.asked.hash = {};
        batch->put_call(fact);
        if (++marked == kMarkedMax) {
            PLUMBLINE_TRY_VOID(write());
        }
    }
    PLUMBLINE_TRY_VOID(scan->status());
    PLUMBLINE_TRY_VOID(write());
    return is_any;
}

Status owe_refold(storage::Database& database, uint64_t from) {
    const auto batch = database.make_batch();
    PLUMBLINE_TRY(const auto asked,
                  storage::list_asked(*database.read_view(), from, UINT64_MAX, SIZE_MAX));
    for (const evm::BlockId& block : asked) {
        storage::forget_asked(*batch, block);
    }
    batch->require_refold();
    return database.commit(*batch, storage::Durability::kSync);
}

}  // namespace plumbline::engine
