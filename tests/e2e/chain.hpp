// A real anvil for one test, the scripts that act on it, and the plumbline binary.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"

namespace plumbline::test {

/// An anvil on a free port of 127.0.0.1 that ends with the object.
class Anvil {
  public:
    explicit Anvil(const std::vector<std::string>& options = {});
    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    /// One JSON-RPC call; the result. Fails the test on an error answer.
    nlohmann::json call(const std::string& method,
                        const nlohmann::json& params = nlohmann::json::array());
    void mine(unsigned blocks = 1);
    [[nodiscard]] uint64_t head();

  private:
    Child child_;
    std::string url_;
};

[[nodiscard]] std::string source_path(const std::string& relative);
/// Runs a script of the source tree with node; its output, parsed where it is JSON.
[[nodiscard]] Finished run_script(const std::string& script,
                                  const std::vector<std::string>& arguments,
                                  const std::string& input = {});
/// Runs plumbline to its end.
[[nodiscard]] Finished plumbline(const std::vector<std::string>& arguments);
[[nodiscard]] std::vector<std::string> plumbline_command(const std::vector<std::string>& arguments);
/// The same with its log in a file.
[[nodiscard]] std::vector<std::string> plumbline_with_log(const std::vector<std::string>& arguments,
                                                          const std::string& log);

}  // namespace plumbline::test
