// Notices that a served database is no longer where it was.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace plumbline::tools {

/// Looks once a second, from when the database is there. A deleted one would go on being written
/// to: its files live as long as they are open, and are gone with the process.
class DirectoryWatch {
  public:
    /// `on_gone` is called once, on the watch's own thread.
    DirectoryWatch(std::string path, std::function<void()> on_gone,
                   std::chrono::milliseconds turn = std::chrono::seconds{1});
    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;
    /// Ends looking.
    ~DirectoryWatch() = default;

    [[nodiscard]] bool is_gone() const noexcept { return is_gone_.load(); }

  private:
    void watch(const std::stop_token& done, std::chrono::milliseconds turn);
    bool look();

    const std::string path_;
    const std::function<void()> on_gone_;
    std::atomic<bool> is_gone_{false};
    std::optional<ino_t> seen_;  ///< of the directory; the constructor's, then the thread's
    std::jthread thread_;
};

}  // namespace plumbline::tools
