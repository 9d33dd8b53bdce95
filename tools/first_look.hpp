// Before a run: what its config is about, seen on the chain.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "rpc/pool_options.hpp"

namespace plumbline::engine {
class Service;
}

namespace plumbline::tools {

/// Asks one endpoint after the other until one answers, each for at most five seconds, on a thread
/// of its own, and warns of what would end in an empty index. Those that have not answered are
/// given more time then, so that it can be told who is slow and who is silent. `config` must
/// outlive it.
class FirstLook {
  public:
    /// `is_waited_for`: somebody will `wait`, who tells then why a run would be in vain.
    FirstLook(const engine::Config& config, bool is_waited_for);
    FirstLook(const FirstLook&) = delete;
    FirstLook& operator=(const FirstLook&) = delete;
    /// Whoever leaves does not wait for the answers.
    ~FirstLook() = default;

    /// Waits for it, but not for those that take their time. kInvalidArgument: as things are, a run
    /// to the head has nothing to do.
    [[nodiscard]] Status wait(const std::stop_token& stop);

    /// A sentence each; any thread.
    [[nodiscard]] std::vector<std::string> warnings() const;
    /// What is said of those of `providers` that are slow or silent, and have not answered in time
    /// since; any thread.
    [[nodiscard]] std::vector<std::string> paces(const std::vector<rpc::ProviderStats>& providers);
    /// The config is no longer the one that runs: ends looking, at once as the end of this does,
    /// and says nothing more. By the thread that made it.
    void forget();
    /// They are told with the service's status from now on; this must outlive `service`.
    void tell_with(engine::Service& service);

  private:
    /// Why nothing can come of a run to the head; empty: something can. `is_heard` is set for each
    /// endpoint that answered.
    [[nodiscard]] std::string look(const engine::Config& config, const std::stop_token& stop,
                                   std::vector<bool>& is_heard);
    void look_at_paces(const engine::Config& config, const std::stop_token& stop,
                       const std::vector<bool>& is_heard);

    bool is_waited_for_;
    mutable Mutex mutex_;
    std::vector<std::string> warnings_ PLUMBLINE_GUARDED_BY(mutex_);
    std::map<std::string, std::string> paces_ PLUMBLINE_GUARDED_BY(mutex_);  ///< by provider
    std::string in_vain_;  ///< of the thread until it `has_looked_`
    std::promise<void> has_looked_;
    std::jthread thread_;
};

}  // namespace plumbline::tools
