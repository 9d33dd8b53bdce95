#include "tools/chain_access.hpp"

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/ingest/patient_source.hpp"
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

void warn_of_repeated(std::string_view option,
                      const std::vector<engine::EndpointConfig>& endpoints) {
    for (const std::string& repeated : engine::find_repeated(option, endpoints)) {
        logging::warning(repeated);
    }
}

Result<std::unique_ptr<rpc::ChainSource>> open_chain(const engine::Config& stored,
                                                     const GivenEndpoints& given,
                                                     int64_t timeout_s) {
    static WarningLog observer;
    engine::Config asked = stored;
    if (!given.rpc.empty()) {
        PLUMBLINE_TRY(asked.chain.rpc, engine::read_endpoints("--rpc", given.rpc));
        warn_of_repeated("--rpc", asked.chain.rpc);
    } else if (!given.config.empty()) {
        PLUMBLINE_TRY(const engine::Config file, engine::load_config(given.config));
        if (file.chain.id != stored.chain.id) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} is of chain {}, the database of chain {}", given.config,
                                     file.chain.id, stored.chain.id)};
        }
        asked.chain.rpc = file.chain.rpc;
        warn_of_repeated(engine::kRpcOfChain, asked.chain.rpc);
    } else {
        std::erase_if(asked.chain.rpc, engine::is_redacted);
        if (asked.chain.rpc.empty() && !stored.chain.rpc.empty()) {
            return Error{ErrorCode::kInvalidArgument,
                         "the database does not keep the keys of its endpoints: give the config "
                         "file as --config, or an endpoint as --rpc env:NAME"};
        }
    }
    std::unique_ptr<rpc::ChainSource> chain;
    if (!asked.chain.rpc.empty()) {
        chain = std::make_unique<engine::PatientSource>(
            rpc::make_chain_source(engine::pool_options(asked), &observer), timeout_s * 1000,
            system_clock());
    }
    return chain;
}

}  // namespace plumbline::tools
