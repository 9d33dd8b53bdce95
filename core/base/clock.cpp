#include "core/base/clock.hpp"

#include <chrono>

namespace plumbline {

namespace {

class SystemClock final : public Clock {
  public:
    [[nodiscard]] int64_t monotonic_ms() const override {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }
    [[nodiscard]] int64_t unix_ms() const override {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock kClock;
    return kClock;
}

}  // namespace plumbline
