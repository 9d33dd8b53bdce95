#include "tools/stop_signal.hpp"

#include <pthread.h>

#include <cstdlib>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::tools {

namespace {

/// Who ends a process and then its group, as timeout(1) does, means one signal.
constexpr int64_t kOneSignalMs = 200;

/// What fails of it must not keep the signal from having its effect.
template <typename Work, typename... Arguments>
void do_work(std::string_view where, const Work& work, Arguments... arguments) {
    if (!work) {
        return;
    }
    if (const Status ran = catch_exceptions(where, [&] { work(arguments...); }); !ran) {
        logging::error(ran.error().message);
    }
}

}  // namespace

StopSignal::StopSignal(SignalWork work) : work_{std::move(work)} {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    if (work_.on_hangup) {
        sigaddset(&signals_, SIGHUP);
    }
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::jthread{[this](const std::stop_token& done) { wait(done); }};
}

void StopSignal::wait(const std::stop_token& done) {
    constexpr timespec kTurn{0, 100'000'000};
    while (!done.stop_requested()) {
        const int signal = sigtimedwait(&signals_, nullptr, &kTurn);
        if (signal == SIGHUP) {
            do_work("reloading", work_.on_hangup);
        } else if (signal > 0) {
            take(signal);
        }
    }
}

void StopSignal::take(int signal) {
    constexpr int kExitBySignal = 128;  // as a shell says of it
    if (work_.ends_at_first) {
        do_work("clearing away", work_.clear_away);
        std::signal(signal, SIG_DFL);
        pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
        std::raise(signal);
    }
    const int64_t now_ms = system_clock().monotonic_ms();
    if (stop_.stop_requested() && first_ == signal && now_ms - first_ms_ < kOneSignalMs) {
        return;
    }
    if (stop_.stop_requested()) {
        // Not 0: the work in hand was not brought to its end.
        do_work("stopping", work_.on_second, kExitBySignal + signal);
        do_work("clearing away", work_.clear_away);
        std::_Exit(kExitBySignal + signal);
    }
    first_ = signal;
    first_ms_ = now_ms;
    do_work("stopping", work_.on_first);
    stop_.request_stop();
}

}  // namespace plumbline::tools
