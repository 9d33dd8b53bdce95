// Since which block a state mismatch stands: looked up once for each, as that costs requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/proof/finding.hpp"

namespace plumbline::engine {

/// Of one process. One thread.
class BeginningMemory {
  public:
    /// The first block after which row and contract differ; empty where the node does not know.
    using Find = std::function<std::optional<uint64_t>(const Finding&)>;

    /// Adds "since block N" to the details of state findings. Asks for at most three a call, and
    /// for a row that has not changed since never again; forgets all of more than 10,000.
    void tell(Findings& findings, const Find& find);

  private:
    std::map<std::string, std::optional<uint64_t>> known_;
};

}  // namespace plumbline::engine
