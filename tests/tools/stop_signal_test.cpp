// Each case is a process of its own, which sends itself the signals.
#include "tools/stop_signal.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/base/sleep.hpp"
#include "tests/support/process.hpp"

namespace plumbline::tools::stop_signal_test {
namespace {

using plumbline::test::eventually;

void send(int signal) {
    ::kill(::getpid(), signal);
}

/// Of a case that another thread ends.
[[noreturn]] void stay() {
    for (;;) {
        sleep_ms(1'000);
    }
}

void say(const char* text) {
    std::fputs(text, stderr);
}

class StopSignalTest : public testing::Test {
  protected:
    StopSignalTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(StopSignalTest, TheFirstAsksForAStopAndTheSecondEndsTheProcess) {
    const auto twice = [] {
        StopSignal signals{{.clear_away = [] { say("cleared;"); },
                            .on_first = [] { say("first;"); },
                            .on_second = [](int code) { say(code == 143 ? "143;" : "other;"); }}};
        send(SIGINT);
        if (eventually([&] { return signals.token().stop_requested(); })) {
            send(SIGTERM);
        }
        stay();
    };
    EXPECT_EXIT(twice(), testing::ExitedWithCode(128 + SIGTERM), "^first;143;cleared;$");
}

TEST_F(StopSignalTest, OneThatComesTwiceAtOnceIsOne) {
    const auto twice = [] {
        std::atomic<int> heard{0};
        StopSignal signals{{.on_first =
                                [&heard] {
                                    ++heard;
                                    send(SIGTERM);
                                },
                            .on_hangup = [&heard] { ++heard; }}};
        send(SIGTERM);
        if (eventually([&] { return heard == 1; })) {
            send(SIGHUP);  // Is taken after the other.
        }
        std::_Exit(eventually([&] { return heard == 2; }) ? 7 : 1);
    };
    EXPECT_EXIT(twice(), testing::ExitedWithCode(7), "");
}

TEST_F(StopSignalTest, WhereNobodyLooksTheFirstEndsTheProcessAsEverAfterItsWork) {
    const auto once = [] {
        const StopSignal signals{{.clear_away = [] { say("cleared;"); }, .ends_at_first = true}};
        send(SIGINT);
        stay();
    };
    EXPECT_EXIT(once(), testing::KilledBySignal(SIGINT), "^cleared;$");
}

TEST_F(StopSignalTest, AHangupIsWorkWhereThereIsSomeAndWhatItThrowsStopsNothing) {
    const auto hang_up = [] {
        std::atomic<int> count{0};
        StopSignal signals{{.on_hangup = [&count] {
            ++count;
            throw std::runtime_error{"out of something"};
        }}};
        for (int sent = 1; sent <= 2; ++sent) {
            send(SIGHUP);
            if (!eventually([&] { return count == sent; })) {
                std::_Exit(1);
            }
        }
        std::_Exit(signals.token().stop_requested() ? 2 : 7);
    };
    EXPECT_EXIT(hang_up(), testing::ExitedWithCode(7), "");
    const auto without = [] {
        const StopSignal signals;
        send(SIGHUP);
        stay();
    };
    EXPECT_EXIT(without(), testing::KilledBySignal(SIGHUP), "");
}

}  // namespace
}  // namespace plumbline::tools::stop_signal_test
