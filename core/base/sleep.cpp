#include "core/base/sleep.hpp"

#include <chrono>
#include <thread>

namespace plumbline {

void sleep_ms(int64_t ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds{ms});
}

}  // namespace plumbline
