#include "core/base/logging.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include "core/base/json_text.hpp"
#include "core/base/terminal.hpp"
#include "core/base/visible_text.hpp"

namespace plumbline::logging {

namespace {

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::kDebug: return spdlog::level::debug;
        case Level::kInfo: return spdlog::level::info;
        case Level::kWarning: return spdlog::level::warn;
        case Level::kError: return spdlog::level::err;
        case Level::kOff: return spdlog::level::off;
    }
    return spdlog::level::info;
}

std::string_view name_of(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
        case spdlog::level::debug: return "debug";
        case spdlog::level::warn: return "warning";
        case spdlog::level::err:
        case spdlog::level::critical: return "error";
        default: return "info";
    }
}

std::string utc_time(spdlog::log_clock::time_point time, bool with_date) {
    const std::time_t seconds = spdlog::log_clock::to_time_t(time);
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::string clock = fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
    if (!with_date) {
        return clock;
    }
    return fmt::format("{:04}-{:02}-{:02}T{}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, clock, since_epoch % 1000);
}

size_t terminal_width() noexcept {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U
                                                                           : SIZE_MAX;
}

std::string cut_lines(std::string_view text, size_t width) {
    std::string out;
    size_t column = 0;
    for (const char c : text) {
        column = c == '\n' ? 0 : column + 1;
        if (column <= width) {
            out += c;
        }
    }
    return out;
}

std::string shown_level(spdlog::level::level_enum level, bool has_colour) {
    const std::string text = fmt::format("{:<7}", name_of(level));
    if (!has_colour || level <= spdlog::level::info) {
        return text;
    }
    return in_colour(level == spdlog::level::warn ? Colour::kYellow : Colour::kRed, text);
}

/// Two spaces begin a field: a text of others must not look like one.
std::string one_space(std::string text) {
    text.erase(
        std::unique(text.begin(), text.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
        text.end());
    return text;
}

/// Writes whole lines to standard error and keeps the status line below them. The payload of a
/// message is already in its format, but for time and level.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    void set_json(bool json) {
        const std::scoped_lock lock{mutex_};
        json_ = json;
    }
    void set_status(std::string_view whole) {
        // A line that wraps would be two when it is to be erased.
        const std::string text = cut_lines(whole, terminal_width());
        const std::scoped_lock lock{mutex_};
        if (text == status_) {
            return;
        }
        std::string out = erase();
        status_ = text;
        put(out + status_);
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const std::string_view payload{message.payload.data(), message.payload.size()};
        std::string line;
        if (!status_.empty()) {
            line += erase();
        }
        if (json_) {
            line += fmt::format(R"({{"time":"{}","level":"{}",{}}})", utc_time(message.time, true),
                                name_of(message.level), payload);
        } else {
            line += fmt::format("{} {} {}", utc_time(message.time, false),
                                shown_level(message.level, has_colour_), payload);
        }
        line += '\n';
        line += status_;
        put(line);
    }
    void flush_() override {}

  private:
    /// Back to where the status begins, nothing below.
    [[nodiscard]] std::string erase() const {
        const auto lines = std::ranges::count(status_, '\n');
        return lines == 0 ? "\r\x1b[J" : fmt::format("\x1b[{}A\r\x1b[J", lines);
    }
    static void put(const std::string& text) {
        std::fwrite(text.data(), 1, text.size(), stderr);
        std::fflush(stderr);
    }
    bool json_ = false;
    bool has_colour_ = wants_colour(STDERR_FILENO);
    std::string status_;
};

struct Output {
    std::shared_ptr<StderrSink> sink = std::make_shared<StderrSink>();
    spdlog::logger logger{"plumbline", sink};
    Format format = Format::kText;
};

Output& output() {
    static Output instance;
    return instance;
}

}  // namespace

void configure(Level level, Format format) {
    Output& out = output();
    out.format = format;
    out.sink->set_json(format == Format::kJson);
    out.logger.set_level(to_spdlog(level));
}

void set_level(Level level) {
    output().logger.set_level(to_spdlog(level));
}

Level parse_level(std::string_view name) noexcept {
    return name == "debug"     ? Level::kDebug
           : name == "warning" ? Level::kWarning
           : name == "error"   ? Level::kError
                               : Level::kInfo;
}

Format format() noexcept {
    return output().format;
}

bool is_enabled(Level level) noexcept {
    return output().logger.should_log(to_spdlog(level));
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
    Output& out = output();
    if (!out.logger.should_log(to_spdlog(level))) {
        return;
    }
    std::string text;
    if (out.format == Format::kJson) {
        text += "\"message\":";
        append_json_string(text, message);
        for (const Field& field : fields) {
            if (field.name.empty()) {
                continue;
            }
            text += ',';
            append_json_string(text, field.name);
            text += ':';
            if (field.is_number) {
                text += field.value;
            } else {
                append_json_string(text, field.value);
            }
        }
    } else {
        text += one_space(visible_text(message));
        for (const Field& field : fields) {
            if (field.name.empty()) {
                continue;
            }
            const std::string value = visible_text(field.value);
            fmt::format_to(std::back_inserter(text), "  {}=", field.name);
            if (value.find("  ") == std::string::npos) {
                text += value;
            } else {
                append_json_string(text, value);
            }
        }
    }
    out.logger.log(to_spdlog(level), spdlog::string_view_t{text.data(), text.size()});
}

size_t terminal_columns() noexcept {
    return terminal_width();
}

bool is_terminal() noexcept {
    return takes_escapes(STDERR_FILENO);
}

void set_status_line(std::string_view text) {
    if (is_terminal()) {
        output().sink->set_status(text);
    }
}

}  // namespace plumbline::logging
