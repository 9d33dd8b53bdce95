// What a proof had found the last time, so that a mismatch that stands is told once and not at
// every run.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/proof/finding.hpp"

namespace plumbline::engine {

/// Since the start of the process: the first run tells all that it finds. One thread.
class FindingMemory {
  public:
    struct News {
        Findings findings;     ///< those that the run before had not found, by place, not by value
        bool is_over = false;  ///< the run before found something and this one does not
    };
    /// `proof` with what it was asked to look at; of more than 64 different ones all are forgotten.
    /// `is_whole`: all was looked at; else what the run before had found stands, found again or
    /// not.
    [[nodiscard]] News take(std::string_view proof, const Findings& found, bool is_whole = true);

  private:
    std::map<std::string, std::unordered_set<size_t>, std::less<>> last_;
};

}  // namespace plumbline::engine
