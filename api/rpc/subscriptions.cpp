#include "api/rpc/subscriptions.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace plumbline::api {

Subscriptions::~Subscriptions() {
    for (const std::string& id : ids_) {
        filters_.remove(id);
    }
}

Result<std::string> Subscriptions::add(const LogSource& source, const nlohmann::json& params,
                                       int64_t now_ms) {
    const bool is_named = params.is_array() && !params.empty() && params[0].is_string();
    const std::string kind = is_named ? params[0].get<std::string>() : "";
    FilterStore::Wanted wanted;
    wanted.lives_on = true;
    if (kind == "logs") {
        wanted.written =
            params.size() > 1 && !params[1].is_null() ? params[1] : nlohmann::json::object();
        if (wanted.written->is_object()) {
            // A subscription begins now and has no end, whatever is written.
            wanted.written->erase("fromBlock");
            wanted.written->erase("toBlock");
        }
    } else if (kind == "newHeads") {
        wanted.tells_heads = true;
    } else {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("'{}' cannot be subscribed to: there are logs and newHeads",
                                 kind.substr(0, 80))};
    }
    if (ids_.size() >= kMax) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("a connection has at most {} subscriptions", kMax)};
    }
    PLUMBLINE_TRY(std::string id, filters_.add(source, std::move(wanted), client_, now_ms));
    ids_.push_back(id);
    return id;
}

bool Subscriptions::remove(const std::string& id) {
    return std::erase(ids_, id) > 0 && filters_.remove(id);
}

Result<std::vector<std::string>> Subscriptions::news(const LogSource& source, int64_t now_ms) {
    std::vector<std::string> out;
    for (const std::string& id : ids_) {
        PLUMBLINE_TRY(const std::vector<std::string> items,
                      filters_.take_changes(source, id, now_ms));
        for (const std::string& item : items) {
            out.push_back(fmt::format(
                R"({{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"{}","result":{}}}}})",
                id, item));
        }
    }
    return out;
}

}  // namespace plumbline::api
