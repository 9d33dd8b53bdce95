#include "tools/config_watch.hpp"

#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::tools {

ConfigWatch::ConfigWatch(const engine::Config& config, std::function<Status()> check,
                         std::function<void()> on_change, std::chrono::milliseconds turn)
    : check_{std::move(check)},
      on_change_{std::move(on_change)} {
    const std::filesystem::path file{config.path};
    files_.push_back(file.string());
    for (const engine::ContractConfig& contract : config.contracts) {
        for (const engine::AbiFile& abi : contract.abis) {
            files_.push_back((file.parent_path() / abi.file).string());
        }
    }
    thread_ = std::jthread{[this, turn, begin = stamps()](const std::stop_token& done) mutable {
        if (const Status ran = catch_exceptions("watching the config",
                                                [&] { watch(done, turn, std::move(begin)); });
            !ran) {
            logging::error(ran.error().message);
        }
    }};
}

void ConfigWatch::watch(const std::stop_token& done, std::chrono::milliseconds turn,
                        std::string running) {
    std::mutex mutex;
    std::condition_variable_any news;
    std::string last = running;
    while (true) {
        std::unique_lock lock{mutex};
        if (news.wait_for(lock, done, turn, [&] { return done.stop_requested(); })) {
            return;
        }
        std::string now = stamps();
        const bool is_settled = now == last;
        last = std::move(now);
        if (!is_settled || last == running) {
            continue;
        }
        running = last;  // whatever comes of it, it is not looked at again
        if (const Status right = catch_exceptions("", check_); !right) {
            logging::error("the saved config has a mistake; the index goes on by the one before",
                           {{"why", right.error().message}});
            continue;
        }
        has_changed_ = true;
        on_change_();
        return;
    }
}

/// What tells one state of the files from another.
std::string ConfigWatch::stamps() const {
    std::string out;
    for (const std::string& file : files_) {
        struct stat found {};
        if (::stat(file.c_str(), &found) == 0) {
            out += fmt::format("{}.{} {} {};", found.st_mtim.tv_sec, found.st_mtim.tv_nsec,
                               found.st_size, found.st_ino);
        } else {
            out += "none;";
        }
    }
    return out;
}

}  // namespace plumbline::tools
