// Words of Solidity, The Graph and Ponder, for messages: what they are called here.
#pragma once

#include <string>
#include <string_view>

namespace plumbline::engine {

/// How a config writes what `path` says elsewhere, for the end of a message: "; write
/// $block.timestamp". Empty where it is no such word. `event.params.x`, `block.timestamp`,
/// `msg.sender`, `this`.
[[nodiscard]] std::string hint_for_name(std::string_view path);
/// Of digits that are none of ours because of `odd`, the first that is none: " (1e18 is written 10
/// ** 18)", " (1_000 is written 1000)"; else empty.
[[nodiscard]] std::string hint_for_number(std::string_view digits, char odd);
/// What stands where a value has ended, and what to write for it: `&&`, `=`, `is null`. Empty where
/// it is no such sign.
[[nodiscard]] std::string_view hint_for_sign(std::string_view rest);
/// `x` of `event.params.x` and `event.args.x`, which is how a parameter is written here; else
/// `path`.
[[nodiscard]] std::string_view without_event(std::string_view path);
/// The same of a function or method that is called: `a.plus`, `x.toHexString`.
[[nodiscard]] std::string hint_for_function(std::string_view path);

}  // namespace plumbline::engine
