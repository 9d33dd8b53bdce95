// Reads one table of the config with checks on its keys and types. Private to the config's parser.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"
#include "engine/config/operand_parse.hpp"

namespace plumbline::engine {

/// A table and how to speak of it. Refers to the tree and the path it was made from.
class Section {
  public:
    /// `name` is how a person finds it: "[chain]", "state of [entities.vote]". `pos` is for what
    /// is missing.
    Section(std::string_view path, std::string name, const TomlValue& table, SourcePos pos)
        : path_{path},
          name_{std::move(name)},
          table_{table},
          pos_{pos} {}

    /// The same, but a mistake where `value` is no table.
    [[nodiscard]] static Result<Section> open(std::string_view path, std::string name,
                                              const TomlValue& value);

    [[nodiscard]] Status allow_only(const std::vector<std::string>& known) const;
    [[nodiscard]] const TomlValue* find(std::string_view key) const { return table_.find(key); }
    [[nodiscard]] Result<const TomlValue*> need(std::string_view key) const;
    [[nodiscard]] const std::vector<TomlEntry>& entries() const { return table_.entries; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] SourcePos pos() const { return pos_; }
    [[nodiscard]] std::string_view path() const { return path_; }

    /// "path:line:column: key in [name] must be `wanted`, not a float".
    [[nodiscard]] Error wrong_type(const TomlValue& value, std::string_view key,
                                   std::string_view wanted) const;
    [[nodiscard]] Error mistake(SourcePos pos, std::string_view message) const;

    [[nodiscard]] Result<std::string> string(const TomlValue& value, std::string_view key) const;
    [[nodiscard]] Result<uint64_t> integer(const TomlValue& value, std::string_view key,
                                           uint64_t low, uint64_t high) const;
    /// The place of the value in `words`; another word is a mistake that lists them.
    [[nodiscard]] Result<size_t> choice(const TomlValue& value, std::string_view key,
                                        std::initializer_list<std::string_view> words) const;
    /// One string or a list of them; pointers into the tree. An empty list is a mistake.
    [[nodiscard]] Result<std::vector<const TomlValue*>> strings(const TomlValue& value,
                                                                std::string_view key,
                                                                size_t count_max) const;
    /// A string in the operand language, a whole number, true or false.
    [[nodiscard]] Result<Operand> operand(const TomlValue& value, std::string_view key) const;
    [[nodiscard]] Result<Condition> condition(const TomlValue& value, std::string_view key) const;
    [[nodiscard]] TextOrigin origin(const TomlValue& value) const;

  private:
    std::string_view path_;
    std::string name_;
    const TomlValue& table_;
    SourcePos pos_;
};

/// The mistakes of one table, all told together.
class SectionMistakes {
  public:
    /// Keys other than `known` are mistakes.
    SectionMistakes(const Section& section, const std::vector<std::string>& known)
        : section_{section},
          are_known_{all_.add(section.allow_only(known))} {}

    /// Null where it is missing, which is a mistake, unless a key is misspelt: it may be that one.
    [[nodiscard]] const TomlValue* need(std::string_view key) {
        const auto found = section_.need(key);
        if (!found && are_known_) {
            all_.add(found);
        }
        return found ? *found : nullptr;
    }
    /// True where there is none.
    template <typename T>
    bool add(const Result<T>& result) {
        return all_.add(result);
    }
    /// Puts the value into `out` where there is one.
    template <typename T, typename Out>
    bool take(Out& out, Result<T> result) {
        if (all_.add(result)) {
            out = *std::move(result);
            return true;
        }
        return false;
    }
    /// Where `key` is given and one of `words`: its place among them.
    [[nodiscard]] std::optional<size_t> choice(std::string_view key,
                                               std::initializer_list<std::string_view> words) {
        const TomlValue* value = section_.find(key);
        if (value == nullptr) {
            return std::nullopt;
        }
        const auto found = section_.choice(*value, key, words);
        return all_.add(found) ? std::optional{*found} : std::nullopt;
    }
    /// No key was misspelt.
    [[nodiscard]] bool are_known() const { return are_known_; }
    [[nodiscard]] Status all() const { return all_.all(); }

  private:
    const Section& section_;
    Mistakes all_;
    bool are_known_;
};

/// `contract.Name` or `contract.Name(types)`, as events and functions are named.
struct MemberName {
    std::string contract;
    std::string member;  ///< as `parse_signature` gives it
};
/// Empty where `text` is not of that form.
[[nodiscard]] std::optional<MemberName> parse_member(std::string_view text);
/// `Name` or `Name(types)`, blanks taken out but for the one before `indexed`:
/// "Transfer( indexed address,uint256 )" is "Transfer(address indexed,uint256)".
[[nodiscard]] std::optional<std::string> parse_signature(std::string_view text);

}  // namespace plumbline::engine
