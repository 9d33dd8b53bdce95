// Before a run: what its config is about, seen on the chain.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {
class Service;
}

namespace plumbline::tools {

/// Asks one endpoint after the other until one answers, each for at most five seconds, on a thread
/// of its own, and warns of what would end in an empty index. `config` must outlive it.
class FirstLook {
  public:
    explicit FirstLook(const engine::Config& config);
    FirstLook(const FirstLook&) = delete;
    FirstLook& operator=(const FirstLook&) = delete;
    /// Whoever leaves does not wait for the answers.
    ~FirstLook() = default;

    /// Waits for it. kInvalidArgument: as things are, a run to the head has nothing to do.
    [[nodiscard]] Status wait(const std::stop_token& stop);

    /// A sentence each; any thread.
    [[nodiscard]] std::vector<std::string> warnings() const;
    /// Of a config that is no longer the one that runs.
    void forget();
    /// They are notes of the service's status from now on; this must outlive `service`.
    void tell_with(engine::Service& service) const;

  private:
    /// Why nothing can come of a run to the head; empty: something can.
    [[nodiscard]] std::string look(const engine::Config& config, const std::stop_token& stop);

    mutable Mutex mutex_;
    std::vector<std::string> warnings_ PLUMBLINE_GUARDED_BY(mutex_);
    std::string in_vain_;  ///< of the thread until it is joined
    std::jthread thread_;
};

}  // namespace plumbline::tools
