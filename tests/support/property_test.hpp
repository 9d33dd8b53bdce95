// What tests of a property over many seeds share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/logging.hpp"

namespace plumbline::test {

/// Silent, unless PLUMBLINE_LOUD is set.
class PropertyTest : public ::testing::Test {
  protected:
    PropertyTest() {
        const char* loud = std::getenv("PLUMBLINE_LOUD");
        logging::configure(loud == nullptr ? logging::Level::kOff : logging::Level::kDebug,
                           logging::Format::kText);
    }
    /// The seeds of a property; PLUMBLINE_SEED runs one alone, PLUMBLINE_SEEDS more of them.
    static std::vector<uint64_t> seeds(uint64_t count) {
        if (const char* one = std::getenv("PLUMBLINE_SEED")) {
            return {std::strtoull(one, nullptr, 10)};
        }
        if (const char* many = std::getenv("PLUMBLINE_SEEDS")) {
            count = std::strtoull(many, nullptr, 10);
        }
        std::vector<uint64_t> out;
        for (uint64_t seed = 1; seed <= count; ++seed) {
            out.push_back(seed);
        }
        return out;
    }
};

}  // namespace plumbline::test
