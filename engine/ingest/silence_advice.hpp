// What to do where nobody tells the chain's head, for people.
#pragma once

#include <string>
#include <vector>

#include "rpc/pool_options.hpp"

namespace plumbline::engine {

/// What fits the state of each of `providers`, as the end of a sentence: "look at the key or the
/// account of http://a; check that http://b runs". Never empty.
[[nodiscard]] std::string advice_on_silence(const std::vector<rpc::ProviderStats>& providers);

}  // namespace plumbline::engine
