#include "core/evm/abi_human.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/evm/abi_type.hpp"

namespace plumbline::evm {

namespace {

/// Bytes of one declaration.
constexpr size_t kAbiLineMax = size_t{64} << 10;

/// Parameters and members of all declarations, structs taken apart wherever they are named: a few
/// lines could else make any number of types.
constexpr size_t kAbiPartsMax = size_t{1} << 16;

using StructTexts = std::map<std::string, std::string_view, std::less<>>;

bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$';
}

bool is_blank_char(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trim_blanks(std::string_view text) {
    while (!text.empty() && is_blank_char(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank_char(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// Words of a declaration that say nothing about its logs or calls.
bool is_location(std::string_view word) {
    return word == "memory" || word == "calldata" || word == "storage" || word == "payable";
}

/// One declaration, read from left to right. One thread.
class LineReader {
  public:
    /// `part_count` grows with each parameter and member.
    LineReader(const AbiLine& line, std::string_view text, const StructTexts& structs,
               size_t& part_count, uint32_t depth = 0)
        : line_{line},
          text_{text},
          structs_{structs},
          part_count_{part_count},
          depth_{depth} {}

    /// The next word, or nothing where something else stands.
    std::string_view word() {
        skip_blanks();
        const size_t from = at_;
        while (at_ < text_.size() && is_word_char(text_[at_])) {
            ++at_;
        }
        return text_.substr(from, at_ - from);
    }

    [[nodiscard]] bool take(char c) {
        skip_blanks();
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    [[nodiscard]] bool is_at_end() {
        skip_blanks();
        return at_ == text_.size();
    }

    [[nodiscard]] Error mistake(std::string_view what) const {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: {} at \"{}\"", line_.where, what, text_.substr(at_, 40))};
    }

    /// In brackets, behind the open one.
    Result<std::vector<AbiParam>> params(bool of_event) {
        std::vector<AbiParam> out;
        std::set<std::string> names;
        if (take(')')) {
            return out;
        }
        while (true) {
            PLUMBLINE_TRY(AbiParam param, this->param(of_event));
            if (of_event && !param.name.empty() && !names.insert(param.name).second) {
                return mistake(fmt::format("\"{}\" is used twice", param.name));
            }
            out.push_back(std::move(param));
            if (out.size() > kAbiComponentsMax) {
                return mistake("more than 256 parameters");
            }
            if (take(')')) {
                return out;
            }
            if (!take(',')) {
                return mistake("\",\" or \")\" is expected");
            }
        }
    }

    /// Of a struct's body: `address maker; uint256 price;`.
    Result<AbiType> members() {
        std::vector<AbiParam> out;
        while (!is_at_end()) {
            PLUMBLINE_TRY(AbiParam param, this->param(false));
            out.push_back(std::move(param));
            if (!take(';')) {
                return mistake("\";\" is expected");
            }
        }
        return tuple_of(std::move(out));
    }

    /// A type that a file may have and no log or call from outside can.
    [[nodiscard]] bool is_fixed_point() const noexcept { return is_fixed_point_; }

  private:
    void skip_blanks() {
        while (at_ < text_.size() && is_blank_char(text_[at_])) {
            ++at_;
        }
    }

    Result<AbiParam> param(bool of_event) {
        AbiParam out;
        if (++part_count_ > kAbiPartsMax) {
            return mistake("more than 65536 parameters and members in all");
        }
        PLUMBLINE_TRY(out.type, type());
        while (true) {
            const std::string_view next = word();
            if (next == "indexed" && of_event) {
                out.indexed = true;
            } else if (!is_location(next)) {
                if (!next.empty() && next.front() >= '0' && next.front() <= '9') {
                    return mistake("a name does not begin with a digit");
                }
                out.name = next;
                return out;
            }
        }
    }

    Result<AbiType> type() {
        const std::string_view name = word();
        std::optional<AbiType> tuple;
        if (name.empty() || name == "tuple") {
            if (!take('(')) {
                return mistake("a type is expected");
            }
            if (++depth_ > kAbiDepthMax) {
                return mistake("nested deeper than 16 levels");
            }
            PLUMBLINE_TRY(std::vector<AbiParam> parts, params(false));
            --depth_;
            PLUMBLINE_TRY(tuple, tuple_of(std::move(parts)));
        } else if (const auto found = structs_.find(name); found != structs_.end()) {
            if (depth_ >= kAbiDepthMax) {
                return mistake("nested deeper than 16 levels");
            }
            LineReader inner{line_, found->second, structs_, part_count_, depth_ + 1};
            auto members = inner.members();
            is_fixed_point_ = is_fixed_point_ || inner.is_fixed_point();
            if (!members) {
                return std::move(members).error();
            }
            tuple = *std::move(members);
        }
        PLUMBLINE_TRY(const std::string brackets, array_brackets());
        auto out = tuple ? parse_tuple_type("tuple" + brackets, *std::move(tuple))
                         : parse_type(std::string{name} + brackets);
        if (!out) {
            is_fixed_point_ =
                is_fixed_point_ || name.starts_with("fixed") || name.starts_with("ufixed");
            return std::move(out).error().with_context(line_.where);
        }
        return out;
    }

    /// "[2][]", if it follows.
    Result<std::string> array_brackets() {
        std::string out;
        while (take('[')) {
            out += fmt::format("[{}]", word());
            if (!take(']')) {
                return mistake("\"]\" is expected");
            }
        }
        return out;
    }

    Result<AbiType> tuple_of(std::vector<AbiParam> parts) {
        AbiType tuple;
        tuple.kind = TypeKind::kTuple;
        tuple.bits = 0;
        for (AbiParam& part : parts) {
            if (!part.name.empty() &&
                std::ranges::find(tuple.names, part.name) != tuple.names.end()) {
                return mistake(fmt::format("\"{}\" is used twice", part.name));
            }
            tuple.children.push_back(std::move(part.type));
            tuple.names.push_back(std::move(part.name));
        }
        if (const Status fits = check_type(tuple); !fits) {
            return Error{fits.error()}.with_context(line_.where);
        }
        return tuple;
    }

    const AbiLine& line_;
    std::string_view text_;
    const StructTexts& structs_;
    size_t& part_count_;
    uint32_t depth_ = 0;
    size_t at_ = 0;
    bool is_fixed_point_ = false;
};

Result<AbiEvent> read_event_line(LineReader& reader, std::string_view name) {
    AbiEvent event;
    event.name = name;
    PLUMBLINE_TRY(event.inputs, reader.params(true));
    event.anonymous = reader.word() == "anonymous";
    static_cast<void>(reader.take(';'));
    if (!reader.is_at_end()) {
        return reader.mistake("the end of the declaration is expected");
    }
    const auto indexed = std::count_if(event.inputs.begin(), event.inputs.end(),
                                       [](const AbiParam& param) { return param.indexed; });
    if (indexed > (event.anonymous ? 4 : 3)) {
        return reader.mistake(fmt::format("{} indexed parameters, at most {} are possible", indexed,
                                          event.anonymous ? 4 : 3));
    }
    return event;
}

Result<AbiFunction> read_function_line(LineReader& reader, std::string_view name) {
    AbiFunction function;
    function.name = name;
    PLUMBLINE_TRY(function.inputs, reader.params(false));
    for (std::string_view word = reader.word(); !word.empty(); word = reader.word()) {
        function.read_only = function.read_only || word == "view" || word == "pure";
        if (word == "returns") {
            if (!reader.take('(')) {
                return reader.mistake("\"(\" is expected");
            }
            PLUMBLINE_TRY(function.outputs, reader.params(false));
        }
    }
    static_cast<void>(reader.take(';'));
    if (!reader.is_at_end()) {
        return reader.mistake("the end of the declaration is expected");
    }
    return function;
}

Status read_line(const AbiLine& line, const StructTexts& structs, size_t& part_count, Abi& out) {
    LineReader reader{line, line.text, structs, part_count};
    const std::string_view kind = reader.word();
    if (kind == "struct" || kind == "constructor" || kind == "error" || kind == "fallback" ||
        kind == "receive") {
        return ok();
    }
    if (kind != "event" && kind != "function") {
        return LineReader{line, line.text, structs, part_count}.mistake(
            "a declaration starts with event, function, struct, error, "
            "constructor, fallback or receive; this one stands");
    }
    const std::string_view name = reader.word();
    if (name.empty() || (name.front() >= '0' && name.front() <= '9') || !reader.take('(')) {
        return reader.mistake("a name and \"(\" are expected");
    }
    if (kind == "event") {
        auto event = read_event_line(reader, name);
        if (event) {
            out.add(*std::move(event));
        } else if (reader.is_fixed_point()) {
            out.skipped_events.emplace_back(name, event.error().message);
        } else {
            return std::move(event).error();
        }
        return ok();
    }
    auto function = read_function_line(reader, name);
    if (function) {
        out.add(*std::move(function));
    } else if (reader.is_fixed_point()) {
        out.skipped.push_back(function.error().message);
    } else {
        return std::move(function).error();
    }
    return ok();
}

/// The bodies of `struct Name { .. }`.
Result<StructTexts> find_structs(std::span<const AbiLine> lines) {
    StructTexts out;
    const StructTexts none;
    size_t part_count = 0;
    for (const AbiLine& line : lines) {
        LineReader reader{line, line.text, none, part_count};
        if (reader.word() != "struct") {
            continue;
        }
        const std::string_view name = reader.word();
        const size_t open = line.text.find('{');
        const size_t close = line.text.rfind('}');
        if (name.empty() || open == std::string_view::npos || close == std::string_view::npos ||
            close < open) {
            return reader.mistake("a struct is written struct Name { type member; }, in one line,");
        }
        out.insert_or_assign(std::string{name}, line.text.substr(open + 1, close - open - 1));
    }
    return out;
}

}  // namespace

Result<Abi> read_human_abi(std::span<const AbiLine> lines) {
    if (lines.size() > kAbiEntriesMax) {
        return Error{ErrorCode::kTooLarge, "the ABI has more than 4096 entries"};
    }
    for (const AbiLine& line : lines) {
        if (line.text.size() > kAbiLineMax) {
            return Error{ErrorCode::kTooLarge, fmt::format("{}: longer than 64 KiB", line.where)};
        }
    }
    PLUMBLINE_TRY(const StructTexts structs, find_structs(lines));
    Abi out;
    size_t part_count = 0;
    for (const AbiLine& line : lines) {
        PLUMBLINE_TRY_VOID(read_line(line, structs, part_count, out));
    }
    return out;
}

namespace {

/// `text` with blanks where it has `// ..` and `/* .. */`; lines stay where they are. A declaration
/// has no string that could hold one.
Result<std::string> without_comments(std::string_view text) {
    std::string out{text};
    for (size_t at = out.find('/'); at != std::string::npos; at = out.find('/', at + 1)) {
        const std::string_view rest = std::string_view{out}.substr(at);
        size_t end = at;
        if (rest.starts_with("//")) {
            end = std::min(out.find('\n', at), out.size());
        } else if (rest.starts_with("/*")) {
            const size_t close = out.find("*/", at + 2);
            if (close == std::string::npos) {
                const auto line =
                    1 +
                    std::count(text.begin(),
                               text.begin() + static_cast<std::string_view::difference_type>(at),
                               '\n');
                return Error{ErrorCode::kInvalidArgument,
                             fmt::format("line {}: the comment that begins here has no end", line)};
            }
            end = close + 2;
        }
        std::replace_if(
            out.begin() + static_cast<std::ptrdiff_t>(at),
            out.begin() + static_cast<std::ptrdiff_t>(end), [](char c) { return c != '\n'; }, ' ');
    }
    return out;
}

}  // namespace

Result<Abi> read_human_abi(std::string_view whole) {
    PLUMBLINE_TRY(const std::string plain, without_comments(whole));
    std::string_view text = plain;
    std::vector<AbiLine> lines;
    size_t number = 0;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim_blanks(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty() || line.starts_with("#")) {
            continue;
        }
        lines.push_back({fmt::format("line {}", number), line});
        if (lines.size() > kAbiEntriesMax) {
            return Error{ErrorCode::kTooLarge, "the ABI has more than 4096 entries"};
        }
    }
    return read_human_abi(lines);
}

}  // namespace plumbline::evm
