// Waiting by holding the thread. Only for the glue between threads: what decides takes a clock.
#pragma once

#include <cstdint>

namespace plumbline {

void sleep_ms(int64_t ms);

}  // namespace plumbline
