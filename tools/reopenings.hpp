// How often a database is opened again because it stopped writing.
#pragma once

#include <cstdint>

#include <fmt/format.h>

#include "core/base/result.hpp"

namespace plumbline::tools {

/// Opening a database again after a write error helps where the disk was the reason. Where it stops
/// again and again before a commit, something else is.
class Reopenings {
  public:
    /// A run of `commits` commits has ended because the database must be opened again. An error
    /// with `why` once that is of no use.
    [[nodiscard]] Status next(uint64_t commits, const Error& why) {
        in_vain_ = commits > 0 ? 0 : in_vain_ + 1;
        if (in_vain_ < kInVainMax) {
            return ok();
        }
        return Error{why.code,
                     fmt::format("opening the database again does not help, it stopped writing {} "
                                 "times without a commit in between: {}",
                                 in_vain_, why.message)};
    }

  private:
    /// A disk on which others write may be full again at once.
    static constexpr unsigned kInVainMax = 3;
    unsigned in_vain_ = 0;
};

}  // namespace plumbline::tools
