// How [database] memory_mib is divided.
#include "engine/config/memory_plan.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::memory_plan_test {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
/// What a process takes with next to no data.
constexpr size_t kAtRest = 46 * kMiB;

/// All that a backfill beside clients, a proof and a question about the past may have at once: a
/// commit is there three times.
size_t most_of_service(const MemoryPlan& plan) {
    return plan.storage + plan.bodies + plan.ahead + plan.queue + 3 * plan.commit +
           plan.fold_cache + plan.scratch_storage + plan.scratch_cache + plan.sql + plan.filters +
           plan.answers + plan.stream_ring + plan.stream_waiting;
}

/// Half of what is changed is a batch, which takes as much again while it grows.
size_t most_of_fold(const MemoryPlan& plan) {
    return plan.storage + plan.fold_cache + plan.refold_commit;
}

size_t most_of_proof(const MemoryPlan& plan) {
    return plan.storage + plan.bodies + plan.scratch_storage + plan.scratch_cache +
           plan.refold_commit;
}

TEST(MemoryPlanTest, AllSharesTogetherFitIntoWhatIsSet) {
    for (const uint64_t mib : {96U, 128U, 256U, 560U, 1024U, 4096U, 65'536U}) {
        const size_t all = mib * kMiB;
        EXPECT_LE(kAtRest + most_of_service(plan_memory(mib, MemoryUse::kService)), all) << mib;
        EXPECT_LE(kAtRest + most_of_fold(plan_memory(mib, MemoryUse::kFold)), all) << mib;
        EXPECT_LE(kAtRest + most_of_proof(plan_memory(mib, MemoryUse::kProof)), all) << mib;
    }
}

TEST(MemoryPlanTest, TheLeastSharesFitInto64MiBAndATenth) {
    const size_t all = 64 * kMiB / 10 * 11;
    EXPECT_LE(kAtRest + most_of_service(plan_memory(64, MemoryUse::kService)), all);
    EXPECT_LE(kAtRest + most_of_fold(plan_memory(64, MemoryUse::kFold)), all);
    EXPECT_LE(kAtRest + most_of_proof(plan_memory(64, MemoryUse::kProof)), all);
}

TEST(MemoryPlanTest, WhatIsTooLittleStillWorksWithTheLeastShares) {
    for (const MemoryUse use : {MemoryUse::kService, MemoryUse::kFold, MemoryUse::kProof}) {
        const MemoryPlan least = plan_memory(16, use);
        EXPECT_EQ(least.storage, 4 * kMiB);
        EXPECT_EQ(least.fold_cache, kMiB);
        EXPECT_EQ(least.commit, kMiB);
        EXPECT_GE(least.body_max, 4 * kMiB);
        EXPECT_EQ(plan_memory(32, use).storage, least.storage);
    }
}

TEST(MemoryPlanTest, MoreMemoryIsNeverASmallerShare) {
    for (const MemoryUse use : {MemoryUse::kService, MemoryUse::kFold, MemoryUse::kProof}) {
        MemoryPlan before = plan_memory(16, use);
        for (const uint64_t mib : {32U, 64U, 256U, 560U, 4096U, 1'048'576U}) {
            const MemoryPlan plan = plan_memory(mib, use);
            for (const auto share :
                 {&MemoryPlan::storage, &MemoryPlan::bodies, &MemoryPlan::body_max,
                  &MemoryPlan::ahead, &MemoryPlan::queue, &MemoryPlan::commit,
                  &MemoryPlan::fold_cache, &MemoryPlan::refold_commit, &MemoryPlan::scratch_storage,
                  &MemoryPlan::scratch_cache, &MemoryPlan::sql, &MemoryPlan::filters,
                  &MemoryPlan::answers, &MemoryPlan::stream_ring, &MemoryPlan::stream_waiting,
                  &MemoryPlan::resident_mark}) {
                EXPECT_GE(plan.*share, before.*share) << mib;
            }
            before = plan;
        }
    }
}

TEST(MemoryPlanTest, AFoldAloneHasMoreThanOneBesideAService) {
    const MemoryPlan service = plan_memory(256, MemoryUse::kService);
    const MemoryPlan fold = plan_memory(256, MemoryUse::kFold);
    EXPECT_GT(fold.fold_cache, service.fold_cache);
    EXPECT_GT(fold.storage, service.storage);
}

}  // namespace
}  // namespace plumbline::engine::memory_plan_test
