#include "tools/stop_signal.hpp"

#include <pthread.h>

#include <cstdlib>
#include <utility>

namespace plumbline::tools {

StopSignal::StopSignal(std::function<void()> clear_away) : clear_away_{std::move(clear_away)} {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::jthread{[this](const std::stop_token& done) { wait(done); }};
}

void StopSignal::wait(const std::stop_token& done) {
    constexpr timespec kTurn{0, 100'000'000};
    constexpr int kExitBySignal = 128;  // as a shell says of it
    while (!done.stop_requested()) {
        const int signal = sigtimedwait(&signals_, nullptr, &kTurn);
        if (signal <= 0) {
            continue;
        }
        if (clear_away_) {
            clear_away_();
            std::signal(signal, SIG_DFL);
            pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
            std::raise(signal);
        }
        if (stop_.stop_requested()) {
            std::_Exit(kExitBySignal + signal);
        }
        stop_.request_stop();
    }
}

}  // namespace plumbline::tools
