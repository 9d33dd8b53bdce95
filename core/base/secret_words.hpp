// Which words of a URL are nobody's secret.
#pragma once

#include <string_view>

namespace plumbline {

/// True for names of chains, providers' path words ("v2", "rpc", "eth-mainnet") and the words that
/// providers' refusals are made of, in any case and also several with `-`, `_` or `.` between and
/// digits behind; and for what is too short to be a key. Everything else may be one.
[[nodiscard]] bool is_public_word(std::string_view word) noexcept;

}  // namespace plumbline
