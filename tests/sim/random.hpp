// Numbers by chance that are the same on every machine, unlike those of the standard distributions.
#pragma once

#include <cstdint>
#include <random>

namespace plumbline::sim {

class Random {
  public:
    explicit Random(uint64_t seed) : engine_{seed} {}
    uint64_t below(uint64_t bound) { return bound == 0 ? 0 : engine_() % bound; }
    uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
    bool chance(double probability) {
        return static_cast<double>(engine_() >> 11U) * 0x1.0p-53 < probability;
    }
    uint64_t next() { return engine_(); }

  private:
    std::mt19937_64 engine_;
};

}  // namespace plumbline::sim
