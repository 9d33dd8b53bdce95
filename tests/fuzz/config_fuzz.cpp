// A config is any text: parsing ends in a config or in a message that names the file. What was
// accepted gives a stored text that is accepted too and stays as it is, with the same shape.
#include "engine/config/config.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/check.hpp"
#include "engine/config/operand_parse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using plumbline::Error;
using plumbline::ErrorCode;
using plumbline::Result;

Result<std::string> read_file(const std::string& name) {
    if (name.size() % 7 == 6) {
        return Error{ErrorCode::kInvalidArgument, "no such file"};
    }
    return std::string{R"([{"type":"event","name":"E","inputs":[]}])"};
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using plumbline::engine::parse_config;
    const std::string_view text{reinterpret_cast<const char*>(data), size};

    const plumbline::engine::TextOrigin origin{"fuzz.toml", {1, 1}, true};
    parse_operand(text, origin).ignore("only that it returns");
    parse_condition(text, origin).ignore("only that it returns");

    const auto config = parse_config(text, "fuzz.toml", read_file);
    if (!config.has_value()) {
        PLUMBLINE_CHECK(config.error().message.starts_with("fuzz.toml"));
        PLUMBLINE_CHECK(config.error().code == ErrorCode::kInvalidArgument);
        return 0;
    }
    const auto again = parse_config(config->text, "fuzz.toml", read_file);
    PLUMBLINE_CHECK_MSG(again.has_value(), again.error().message.c_str());
    PLUMBLINE_CHECK(again->text == config->text);
    PLUMBLINE_CHECK(again->chain.rpc.size() == config->chain.rpc.size());
    PLUMBLINE_CHECK(again->contracts.size() == config->contracts.size());
    PLUMBLINE_CHECK(again->entities.size() == config->entities.size());
    PLUMBLINE_CHECK(again->handlers.size() == config->handlers.size());
    return 0;
}
