#include "tests/e2e/chain.hpp"

#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace plumbline::test {

namespace {

std::vector<std::string> anvil_command(const std::vector<std::string>& options) {
    std::vector<std::string> command{"node",          source_path("tools/node/anvil.mjs"),
                                     "--port",        "0",
                                     "--with-parent", "--timestamp",
                                     "1700000000",    "--log",
                                     "/dev/null"};
    command.insert(command.end(), options.begin(), options.end());
    return command;
}

}  // namespace

std::string source_path(const std::string& relative) {
    return source_dir() + "/" + relative;
}

Anvil::Anvil(const std::vector<std::string>& options) : child_{anvil_command(options)} {
    const std::string line = child_.read_line();
    const auto ready = nlohmann::json::parse(line, nullptr, false);
    if (!ready.is_object()) {
        ADD_FAILURE() << "anvil did not start: '" << line << "'; run tools/setup";
        std::abort();
    }
    url_ = ready.at("url").get<std::string>();
}

nlohmann::json Anvil::call(const std::string& method, const nlohmann::json& params) {
    const nlohmann::json request{
        {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    const Finished done = run_command({"curl", "-sS", "--max-time", "60", "-H",
                                       "content-type: application/json", "-d", "@-", url_},
                                      request.dump());
    const auto answer = nlohmann::json::parse(done.out, nullptr, false);
    if (!answer.is_object() || !answer.contains("result")) {
        ADD_FAILURE() << method << ": " << done.out << done.err;
        return {};
    }
    return answer["result"];
}

void Anvil::mine(unsigned blocks) {
    call("anvil_mine", {blocks});
}

uint64_t Anvil::head() {
    return std::stoull(call("eth_blockNumber").get<std::string>(), nullptr, 16);
}

Finished run_script(const std::string& script, const std::vector<std::string>& arguments,
                    const std::string& input) {
    std::vector<std::string> command{"node", source_path(script)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_command(command, input);
}

std::vector<std::string> plumbline_command(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{binary_dir() + "/plumbline"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

std::vector<std::string> plumbline_with_log(const std::vector<std::string>& arguments,
                                            const std::string& log) {
    std::vector<std::string> command{"bash", "-c", "exec \"$@\" 2>\"$0\"", log};
    const std::vector<std::string> words = plumbline_command(arguments);
    command.insert(command.end(), words.begin(), words.end());
    return command;
}

Finished plumbline(const std::vector<std::string>& arguments) {
    return run_command(plumbline_command(arguments));
}

}  // namespace plumbline::test
