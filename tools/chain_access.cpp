#include "tools/chain_access.hpp"

#include "core/base/logging.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/service/service.hpp"
#include "rpc/provider_pool.hpp"

namespace plumbline::tools {

namespace {

class WarningLog final : public rpc::PoolObserver {
  public:
    void on_event(rpc::LogLevel level, const std::string& message) override {
        if (level == rpc::LogLevel::kWarning || level == rpc::LogLevel::kError) {
            logging::warning(message);
        }
    }
};

}  // namespace

Result<std::unique_ptr<rpc::ChainSource>> open_chain(const engine::Config& config,
                                                     const std::vector<std::string>& given) {
    static WarningLog observer;
    rpc::PoolOptions options = engine::pool_options(config);
    if (!given.empty()) {
        PLUMBLINE_TRY(const auto endpoints, engine::read_endpoints("--rpc", given));
        options.endpoints.clear();
        for (const engine::EndpointConfig& endpoint : endpoints) {
            options.endpoints.push_back({endpoint.url, endpoint.headers, {}});
        }
    }
    std::unique_ptr<rpc::ChainSource> chain;
    if (!options.endpoints.empty()) {
        chain = rpc::make_chain_source(std::move(options), &observer);
    }
    return chain;
}

}  // namespace plumbline::tools
