// Who runs programs, and what it costs to find out.
#include "engine/calls/program_trial.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::program_trial_test {
namespace {

using Next = ProgramTrial::Next;

/// Refused once, as the trial of its form.
void refuse(ProgramTrial& trial) {
    ASSERT_EQ(trial.next(), Next::kOne);
    trial.begin_trial();
    EXPECT_EQ(trial.next(), Next::kWait);
    trial.on_refused(trial.form());
    trial.end_trial();
}

TEST(ProgramTrialTest, OneGoesFirstAndAllFollowOnceItIsRun) {
    ProgramTrial trial;
    EXPECT_EQ(trial.next(), Next::kOne);
    trial.begin_trial();
    EXPECT_EQ(trial.next(), Next::kWait);
    trial.on_run(trial.form());
    trial.end_trial();
    EXPECT_EQ(trial.next(), Next::kAll);
    EXPECT_EQ(trial.form(), ProgramForm::kCreate);
}

TEST(ProgramTrialTest, EachFormIsRefusedTwiceBeforeCallsGoAlone) {
    ProgramTrial trial;
    for (const ProgramForm form : {ProgramForm::kCreate, ProgramForm::kCreate,
                                   ProgramForm::kOverride, ProgramForm::kOverride}) {
        EXPECT_EQ(trial.form(), form);
        refuse(trial);
    }
    EXPECT_EQ(trial.next(), Next::kAlone);
}

TEST(ProgramTrialTest, ATrialThatSaysNothingIsMadeAgain) {
    ProgramTrial trial;
    trial.begin_trial();
    trial.end_trial();
    EXPECT_EQ(trial.next(), Next::kOne);
}

TEST(ProgramTrialTest, WhoRefusesIsTriedAgainLessAndLessOften) {
    ProgramTrial trial;
    size_t alone = 0;
    size_t refused = 0;
    for (; alone < 1'000'000; ++alone) {
        while (trial.next() != Next::kAlone) {
            refuse(trial);
            ++refused;
        }
        trial.on_alone(1);
    }
    // Once after 10,000, 30,000, 70,000, 150,000, 310,000 and 630,000 calls.
    EXPECT_EQ(refused, 4U + 6U);
}

TEST(ProgramTrialTest, WhoRunsThemAfterAllGetsAllOfThem) {
    ProgramTrial trial;
    for (int i = 0; i < 4; ++i) {
        refuse(trial);
    }
    trial.on_alone(ProgramTrial::kAloneFirst);
    ASSERT_EQ(trial.next(), Next::kOne);
    trial.begin_trial();
    trial.on_run(ProgramForm::kCreate);
    trial.end_trial();
    EXPECT_EQ(trial.next(), Next::kAll);
}

TEST(ProgramTrialTest, WhoIsTriedAgainIsAskedOnceInOneFormAndThenInTheOther) {
    ProgramTrial trial;
    for (int i = 0; i < 4; ++i) {
        refuse(trial);
    }
    size_t pause = ProgramTrial::kAloneFirst;
    for (const ProgramForm form : {ProgramForm::kCreate, ProgramForm::kOverride}) {
        trial.on_alone(pause - 1);
        EXPECT_EQ(trial.next(), Next::kAlone);
        trial.on_alone(1);
        EXPECT_EQ(trial.form(), form);
        refuse(trial);
        EXPECT_EQ(trial.next(), Next::kAlone);
        pause *= 2;
    }
}

TEST(ProgramTrialTest, RefusalsThatCameLateAreNotCounted) {
    ProgramTrial trial;
    trial.on_run(ProgramForm::kCreate);
    for (int i = 0; i < 20; ++i) {
        trial.on_refused(ProgramForm::kCreate);  // All were on their way.
    }
    EXPECT_EQ(trial.form(), ProgramForm::kOverride);
    EXPECT_EQ(trial.next(), Next::kOne);
}

}  // namespace
}  // namespace plumbline::engine::program_trial_test
