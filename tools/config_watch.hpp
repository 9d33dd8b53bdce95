// Notices that a config, or an ABI it names, was saved, and whether what was saved can be run.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::tools {

/// Looks at the files of `config` twice a second, on a thread of its own. An editor may write in
/// several steps, so a change counts once the files are the same for two turns.
class ConfigWatch {
  public:
    /// `check` reads the files anew and says what is wrong with them; `on_change` is called once,
    /// after a change that is right. A mistake is told in the log, and the next change looked for.
    ConfigWatch(const engine::Config& config, std::function<Status()> check,
                std::function<void()> on_change,
                std::chrono::milliseconds turn = std::chrono::milliseconds{500});
    ConfigWatch(const ConfigWatch&) = delete;
    ConfigWatch& operator=(const ConfigWatch&) = delete;
    /// Ends looking.
    ~ConfigWatch() = default;

    [[nodiscard]] bool has_changed() const noexcept { return has_changed_.load(); }

  private:
    void watch(const std::stop_token& done, std::chrono::milliseconds turn, std::string running);
    [[nodiscard]] std::string stamps() const;

    std::vector<std::string> files_;
    const std::function<Status()> check_;
    const std::function<void()> on_change_;
    std::atomic<bool> has_changed_{false};
    std::jthread thread_;
};

}  // namespace plumbline::tools
