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
#include "rpc/curl_transport.hpp"
#include "rpc/provider.hpp"
#include "tools/state_look.hpp"

namespace plumbline::tools {

namespace {

constexpr int64_t kAnswerMs = 5'000;
/// Of one that limits the rate, in all: the next one is asked, or nobody, and the index begins.
constexpr int64_t kPausesMs = 3'000;
constexpr size_t kAnswerBytesMax = 4U << 20U;

/// Tells it as soon as it is known, and afterwards with the status of the service.
class FirstLookModule final : public engine::ServiceModule {
  public:
    explicit FirstLookModule(const FirstLook& look) : look_{look} {}
    Status start(engine::Service& /*service*/) override { return ok(); }
    void stop() override {}
    void describe(engine::ServiceStatus& status) const override {
        const std::vector<std::string> seen = look_.warnings();
        status.notes.insert(status.notes.end(), seen.begin(), seen.end());
    }

  private:
    const FirstLook& look_;
};

}  // namespace

std::string FirstLook::look(const engine::Config& config, const std::stop_token& stop) {
    const auto plan = engine::Plan::compile(config);
    if (!plan) {
        return {};  // Whoever opens the index tells it.
    }
    engine::EndpointPatience patience;
    patience.timeout_ms = kAnswerMs;
    patience.silence_ms_max = kAnswerMs;
    patience.body_size_max = kAnswerBytesMax;
    patience.pauses_ms_max = kPausesMs;
    patience.should_stop = [&stop] { return stop.stop_requested(); };
    std::string other_chain;
    bool are_all_of_others = true;
    for (const rpc::Endpoint& endpoint : engine::pool_options(config).endpoints) {
        rpc::CurlTransport transport;
        engine::EndpointClient client{endpoint, transport, system_clock(), patience};
        const engine::ConfigLook seen = engine::look_at_config(config, **plan, client);
        if (stop.stop_requested()) {
            return {};
        }
        if (!seen.has_chain) {
            are_all_of_others = are_all_of_others && !seen.other_chain.empty();
            if (!seen.other_chain.empty()) {
                other_chain =
                    fmt::format("{}: {}", rpc::display_name(endpoint.url, endpoint.is_host_public),
                                seen.other_chain);
                logging::warning(other_chain);
            }
            continue;
        }
        std::vector<std::string> warnings = seen.warnings;
        std::ranges::copy((*plan)->unused(), std::back_inserter(warnings));
        if (std::string states =
                look_at_states(config, engine::pool_options(config).endpoints, patience);
            !states.empty()) {
            warnings.push_back(std::move(states));
        }
        for (const std::string& warning : warnings) {
            logging::warning(warning);
        }
        const MutexLock lock{mutex_};
        warnings_ = std::move(warnings);
        return seen.in_vain;
    }
    return are_all_of_others ? other_chain : std::string{};
}

FirstLook::FirstLook(const engine::Config& config)
    : thread_{[this, &config](const std::stop_token& stop) {
          catch_exceptions("looking at the contracts", [&] {
              in_vain_ = look(config, stop);
          }).ignore("it only warns");
      }} {}

std::vector<std::string> FirstLook::warnings() const {
    const MutexLock lock{mutex_};
    return warnings_;
}

void FirstLook::forget() {
    const MutexLock lock{mutex_};
    warnings_.clear();
}

void FirstLook::tell_with(engine::Service& service) const {
    service.add_module(std::make_unique<FirstLookModule>(*this));
}

Status FirstLook::wait(const std::stop_token& stop) {
    {
        const std::stop_callback on_stop{stop, [this] { thread_.request_stop(); }};
        thread_.join();
    }
    return in_vain_.empty() ? ok() : Status{Error{ErrorCode::kInvalidArgument, in_vain_}};
}

}  // namespace plumbline::tools
