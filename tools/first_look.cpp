#include "tools/first_look.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/service/service.hpp"
#include "engine/setup/config_look.hpp"
#include "engine/setup/pace_look.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider.hpp"
#include "tools/state_look.hpp"

namespace plumbline::tools {

namespace {

constexpr int64_t kAnswerMs = 5'000;
/// Of one that limits the rate, in all: the next one is asked, or nobody, and the index begins.
constexpr int64_t kPausesMs = 3'000;
/// Of one that did not: after that it is silent.
constexpr int64_t kSilentMs = 30'000;
constexpr size_t kAnswerBytesMax = 4U << 20U;

/// Tells it as soon as it is known, and afterwards with the status of the service.
class FirstLookModule final : public engine::ServiceModule {
  public:
    explicit FirstLookModule(FirstLook& look) : look_{look} {}
    Status start(engine::Service& /*service*/) override { return ok(); }
    void stop() override {}
    void describe(engine::ServiceStatus& status) const override {
        const std::vector<std::string> seen = look_.warnings();
        status.notes.insert(status.notes.end(), seen.begin(), seen.end());
        // What is waited for, and who is down for it, comes of that.
        const std::vector<std::string> paces = look_.paces(status.providers);
        status.degraded.insert(status.degraded.begin(), paces.begin(), paces.end());
    }

  private:
    FirstLook& look_;
};

engine::EndpointPatience make_patience(const std::stop_token& stop, int64_t answer_ms) {
    engine::EndpointPatience out;
    out.timeout_ms = answer_ms;
    out.silence_ms_max = answer_ms;
    out.body_size_max = kAnswerBytesMax;
    out.pauses_ms_max = kPausesMs;
    out.should_stop = [stop] { return stop.stop_requested(); };
    return out;
}

}  // namespace

std::string FirstLook::look(const engine::Config& config, const std::stop_token& stop,
                            std::vector<bool>& is_heard) {
    const auto plan = engine::Plan::compile(config);
    if (!plan) {
        return {};  // Whoever opens the index tells it.
    }
    const engine::EndpointPatience patience = make_patience(stop, kAnswerMs);
    std::string other_chain;
    std::vector<std::string> others;
    bool are_all_of_others = true;
    const auto tell = [this](const std::vector<std::string>& texts, const std::string& in_vain) {
        for (const std::string& text : texts) {
            if (!is_waited_for_ || text != in_vain) {
                logging::warning(text);
            }
        }
    };
    const std::vector<rpc::Endpoint> endpoints = engine::pool_options(config).endpoints;
    for (const rpc::Endpoint& endpoint : endpoints) {
        is_heard.push_back(true);
        rpc::CurlTransport transport;
        engine::EndpointClient client{endpoint, transport, system_clock(), patience};
        const engine::ConfigLook seen = engine::look_at_config(config, **plan, client);
        if (stop.stop_requested()) {
            return {};
        }
        if (!seen.has_chain) {
            are_all_of_others = are_all_of_others && !seen.other_chain.empty();
            is_heard.back() = !seen.other_chain.empty();
            if (!seen.other_chain.empty()) {
                other_chain = fmt::format("{}: {}", rpc::display_name(endpoint), seen.other_chain);
                others.push_back(other_chain);
            }
            continue;
        }
        std::vector<std::string> warnings = seen.warnings;
        std::ranges::copy((*plan)->unused(), std::back_inserter(warnings));
        const StateLook states = look_at_states(config, endpoints, patience, false);
        if (stop.stop_requested()) {
            return {};
        }
        for (const std::string& one : {states.missing, states.off_block}) {
            if (!one.empty()) {
                warnings.push_back(one);
            }
        }
        std::string in_vain = seen.in_vain.empty() ? states.off_block : seen.in_vain;
        tell(others, {});
        tell(warnings, in_vain);
        const MutexLock lock{mutex_};
        warnings_ = std::move(warnings);
        return in_vain;
    }
    std::string in_vain = are_all_of_others ? other_chain : std::string{};
    tell(others, in_vain);
    return in_vain;
}

/// Of those that the look did not hear, or did not need.
void FirstLook::look_at_paces(const engine::Config& config, const std::stop_token& stop,
                              const std::vector<bool>& is_heard) {
    const rpc::PoolOptions pool = engine::pool_options(config);
    for (size_t i = 0; i < pool.endpoints.size() && !stop.stop_requested(); ++i) {
        if (i < is_heard.size() && is_heard[i]) {
            continue;
        }
        const rpc::Endpoint& endpoint = pool.endpoints[i];
        rpc::CurlTransport transport;
        const engine::PaceLook seen =
            engine::look_at_pace(endpoint, transport, system_clock(),
                                 make_patience(stop, kSilentMs), pool.head_timeout_ms);
        const std::string name = rpc::display_name(endpoint);
        const std::string said = engine::describe_pace(name, seen, pool.head_timeout_ms);
        if (!said.empty() && !stop.stop_requested()) {
            logging::warning(said);
            const MutexLock lock{mutex_};
            paces_[name] = said;
        }
    }
}

FirstLook::FirstLook(const engine::Config& config, bool is_waited_for)
    : is_waited_for_{is_waited_for},
      thread_{[this, &config](const std::stop_token& stop) {
          std::vector<bool> is_heard;
          catch_exceptions("looking at the contracts", [&] {
              in_vain_ = look(config, stop, is_heard);
          }).ignore("it only warns");
          has_looked_.set_value();
          catch_exceptions("looking at the providers", [&] {
              look_at_paces(config, stop, is_heard);
          }).ignore("it only warns");
      }} {}

std::vector<std::string> FirstLook::warnings() const {
    const MutexLock lock{mutex_};
    return warnings_;
}

std::vector<std::string> FirstLook::paces(const std::vector<rpc::ProviderStats>& providers) {
    const MutexLock lock{mutex_};
    std::vector<std::string> out;
    for (const rpc::ProviderStats& provider : providers) {
        const auto found = paces_.find(provider.name);
        if (found == paces_.end()) {
            continue;
        }
        if (provider.head) {
            paces_.erase(found);  // What it does from now on, others tell.
        } else {
            out.push_back(found->second);
        }
    }
    return out;
}

void FirstLook::forget() {
    thread_.request_stop();
    if (thread_.joinable()) {
        thread_.join();
    }
    const MutexLock lock{mutex_};
    warnings_.clear();
    paces_.clear();
}

void FirstLook::tell_with(engine::Service& service) {
    service.add_module(std::make_unique<FirstLookModule>(*this));
}

Status FirstLook::wait(const std::stop_token& stop) {
    {
        const std::stop_callback on_stop{stop, [this] { thread_.request_stop(); }};
        has_looked_.get_future().wait();
    }
    return in_vain_.empty() ? ok() : Status{Error{ErrorCode::kInvalidArgument, in_vain_}};
}

}  // namespace plumbline::tools
