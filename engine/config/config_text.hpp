// Helpers for messages about a config: positions, quoting, known names and "did you mean".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/near_name.hpp"
#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

/// kInvalidArgument "path:line:column: message", without what `pos` does not have.
[[nodiscard]] Error mistake_at(std::string_view path, SourcePos pos, std::string_view message);

/// The mistakes of one stage, which are told together: whoever mends one need not start again to
/// hear of the next. What follows from them is left for the next stage; one that is told in the
/// same words again stands there once.
class Mistakes {
  public:
    /// True where there is none.
    template <typename T>
    bool add(const Result<T>& result) {
        if (!result) {
            add_error(result.error());
        }
        return result.has_value();
    }
    /// kInvalidArgument: a line each in the order of their places in the file, the first 20 that
    /// were found, and how many more there are.
    [[nodiscard]] Status all() const;

  private:
    void add_error(const Error& error);
    std::vector<Error> kept_;
    size_t left_out_ = 0;
};

/// `text` in quotes (double ones where it has single ones itself), shortened, with control
/// characters made visible.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// [A-Za-z_][A-Za-z0-9_]* of at most 64 characters.
[[nodiscard]] bool is_identifier(std::string_view text) noexcept;
/// The same with '$' behind the first character and up to 256 characters: names in an ABI.
[[nodiscard]] bool is_solidity_name(std::string_view text) noexcept;

}  // namespace plumbline::engine
