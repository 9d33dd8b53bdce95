// Words of Solidity, The Graph and Ponder, for messages: what they are called here.
#pragma once

#include <string>
#include <string_view>

namespace plumbline::engine {

/// How a config writes what `path` says elsewhere, for the end of a message: "; write
/// $block.timestamp". Empty where it is no such word. `event.params.x`, `block.timestamp`,
/// `msg.sender`, `this`.
[[nodiscard]] std::string hint_for_name(std::string_view path);
/// The same of a function or method that is called: `a.plus`, `x.toHexString`.
[[nodiscard]] std::string hint_for_function(std::string_view path);

}  // namespace plumbline::engine
