#include "tools/chain_access.hpp"

#include "core/base/logging.hpp"
#include "engine/service.hpp"
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

std::unique_ptr<rpc::ChainSource> open_chain(const engine::Config& config,
                                             const std::vector<std::string>& urls) {
    static WarningLog observer;
    engine::Config asked = config;
    if (!urls.empty()) {
        asked.chain.rpc.clear();
        for (const std::string& url : urls) {
            asked.chain.rpc.push_back({url, {}});
        }
    }
    if (asked.chain.rpc.empty()) {
        return nullptr;
    }
    return rpc::make_chain_source(engine::pool_options(asked), &observer);
}

}  // namespace plumbline::tools
