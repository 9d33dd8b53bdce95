// Random but repeatable work on a database, step by step: commits of blocks with events and row
// changes, finality, rollbacks, syncs, folds into a new generation. The same seed gives the same
// commits on every database, so that a damaged one can be compared with one that had no faults.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>

#include "storage/commit_batch.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::test {

/// One thread. After an error the driver is of no further use, except for a retry of the same step.
class ChainDriver {
  public:
    explicit ChainDriver(uint64_t seed) : random_{seed}, codec_{test_bundle().entities[0]} {}

    struct Step {
        bool synced = false;  ///< everything up to here must survive a power cut
        Status status;
    };
    /// Does the next step.
    Step next(Database& db) {
        const uint64_t dice = random_() % 20;
        if (dice == 0 && head_ > finalized_ + 2) {
            const uint64_t target = head_ - 1 - random_() % (head_ - finalized_ - 1);
            Step step{true, db.rollback(target)};
            if (step.status.has_value()) {
                head_ = target;
                ++fork_;
                rows_ = history_.at(target);
                history_.erase(history_.upper_bound(target), history_.end());
            }
            return step;
        }
        if (dice == 1) {
            return {true, db.sync()};
        }
        const bool synced = dice % 3 != 2;
        const auto batch = db.make_batch();
        fill(*batch);
        return {synced, db.commit(*batch, synced ? Durability::kSync : Durability::kBuffered)};
    }
    [[nodiscard]] uint64_t head() const { return head_; }

  private:
    using Rows = std::map<uint64_t, std::string>;

    void fill(CommitBatch& batch) {
        ++head_;
        const auto events = static_cast<uint32_t>(random_() % 5);
        batch.append_block(make_block(head_, events, fork_));
        for (uint32_t i = 0; i < events; ++i) {
            const TestLog log = make_log(head_, i, fork_);
            batch.append_log(log.log, log.data);
        }
        Rows changed;
        for (uint64_t left = random_() % 8; left > 0; --left) {
            const uint64_t id = random_() % 12;
            changed[id] = random_() % 4 == 0
                              ? std::string{}
                              : user_row(codec_, random_() % 5, std::string(random_() % 300, 'x'),
                                         static_cast<int64_t>(random_() % 9) - 4, {head_, 0});
        }
        for (const auto& [id, row] : changed) {
            batch.change_row(0, user_key(id), rows_[id], row, head_);
            rows_[id] = row;
        }
        if (random_() % 6 == 0) {
            batch.quarantine({head_, 0, "hub.Odd", "why"});
        }
        if (random_() % 6 == 0) {
            batch.append_child({"vault", address_of(head_), head_, 0});
        }
        batch.extend_coverage({"src", {head_, head_}, "node", ProofLevel::kLinked});
        batch.set_cursor(head_, hash_of(head_, fork_), make_block(head_, 0).timestamp);
        history_[head_] = rows_;
        if (random_() % 5 == 0 && head_ > 6 && head_ - 6 > finalized_) {
            finalized_ = head_ - 6;
            batch.set_finalized(finalized_);
        }
    }

    std::mt19937_64 random_;
    RowCodec codec_;
    uint64_t head_ = 0;
    uint64_t finalized_ = 0;
    uint64_t fork_ = 0;
    Rows rows_;
    std::map<uint64_t, Rows> history_;
};

}  // namespace plumbline::storage::test
