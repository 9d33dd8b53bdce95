// One text of the mapping while it is read: where it stands, what it says next, and the values that
// need no grammar. Only engine/config/operand_parse includes it.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/config/operand_parse.hpp"

namespace plumbline::engine {

[[nodiscard]] bool is_name_start(char c) noexcept;

/// One pass over one text, which must outlive it. One thread.
class OperandScanner {
  public:
    OperandScanner(std::string_view text, const TextOrigin& origin)
        : text_{text},
          origin_{origin} {}

    [[nodiscard]] size_t at() const noexcept { return at_; }
    void go_to(size_t at) noexcept { at_ = at; }
    [[nodiscard]] bool is_over() const noexcept { return at_ >= text_.size(); }
    [[nodiscard]] std::string_view from(size_t begin) const {
        return text_.substr(begin, at_ - begin);
    }
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
    [[nodiscard]] bool peek(char c) const noexcept { return at_ < text_.size() && text_[at_] == c; }
    void skip_blanks() noexcept;
    /// The letters, digits, `_` and `$` from here on.
    std::string_view name_chars() noexcept;

    [[nodiscard]] SourcePos pos_of(size_t offset) const;
    /// "file:line:column: in 'text': message"
    [[nodiscard]] Error fail(size_t offset, std::string_view message) const;
    /// "expected WHAT, found .." at this place.
    [[nodiscard]] Error expected(std::string_view what) const;
    [[nodiscard]] Status check_length() const;

    // Each reads what starts here into `out`.

    [[nodiscard]] Status string_literal(Operand& out);
    /// Decimal digits, with `-` in front or not and with places behind a point or not, or 0x and
    /// hex digits.
    [[nodiscard]] Status number(Operand& out);
    /// `$block.number` and its like, or `$arg.3`, `$arg.3.amount`.
    [[nodiscard]] Status builtin(Operand& out);
    /// What follows a path's first part: `.name`, `.0`, and `[2]` as part of what it stands behind.
    [[nodiscard]] Status path_rest(Operand& out);
    /// `[2]` at this place, of an array: its digits with the brackets, which it passes. Empty where
    /// there is none.
    [[nodiscard]] std::string_view element_index();

  private:
    [[nodiscard]] Result<std::string_view> places();
    [[nodiscard]] Status hex(Operand& out, std::string_view digits, size_t begin);
    [[nodiscard]] Status argument(Operand& out, size_t begin);
    [[nodiscard]] Status call_name(Operand& out, size_t begin);
    [[nodiscard]] Status value_rest(Operand& out);

    std::string_view text_;
    TextOrigin origin_;
    size_t at_ = 0;
};

}  // namespace plumbline::engine
