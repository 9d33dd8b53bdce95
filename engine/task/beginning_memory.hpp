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
    /// Since when row and contract differ, in words; empty where the node does not know.
    using Find = std::function<std::optional<std::string>(const Finding&)>;

    /// Adds it to the details of state findings. Asks for at most three a call, and
    /// for a row that has not changed since never again; forgets all of more than 10,000.
    void tell(Findings& findings, const Find& find);

  private:
    std::map<std::string, std::optional<std::string>> known_;
};

}  // namespace plumbline::engine
