#include "tools/stop_signal.hpp"

#include <pthread.h>

#include <cstdlib>

namespace plumbline::tools {

StopSignal::StopSignal() {
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
        if (stop_.stop_requested()) {
            std::_Exit(kExitBySignal + signal);
        }
        stop_.request_stop();
    }
}

}  // namespace plumbline::tools
