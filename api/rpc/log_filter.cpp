#include "api/rpc/log_filter.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

using Json = nlohmann::json;

Error invalid(std::string text) {
    return {ErrorCode::kInvalidArgument, std::move(text)};
}

Result<evm::Address> parse_one_address(const Json& value) {
    const auto address =
        value.is_string() ? evm::parse_address(value.get_ref<const std::string&>()) : std::nullopt;
    if (!address) {
        return invalid("an address is 0x and 40 hex digits");
    }
    return *address;
}

Result<evm::Hash> parse_one_hash(const Json& value, std::string_view what) {
    const auto hash =
        value.is_string() ? evm::parse_hash(value.get_ref<const std::string&>()) : std::nullopt;
    if (!hash) {
        return invalid(fmt::format("{} is 0x and 64 hex digits", what));
    }
    return *hash;
}

bool is_number(const Json& block) {
    return block.is_string() && block.get_ref<const std::string&>().starts_with("0x");
}

Status read_addresses(const Json& value, LogFilter& out) {
    const Json list = value.is_array() ? value : Json::array({value});
    if (list.size() > LogFilter::kAddressesMax) {
        return invalid(fmt::format("a filter has at most {} addresses", LogFilter::kAddressesMax));
    }
    for (const Json& one : list) {
        PLUMBLINE_TRY(const evm::Address address, parse_one_address(one));
        out.addresses.push_back(address);
    }
    return ok();
}

Status read_topics(const Json& value, LogFilter& out) {
    if (!value.is_array() || value.size() > 4) {
        return invalid("topics are a list of at most 4 positions");
    }
    for (const Json& position : value) {
        std::vector<evm::Hash>& allowed = out.topics.emplace_back();
        const Json list = position.is_null()    ? Json::array()
                          : position.is_array() ? position
                                                : Json::array({position});
        if (list.size() > LogFilter::kTopicsMax) {
            return invalid(fmt::format("a position has at most {} topics", LogFilter::kTopicsMax));
        }
        for (const Json& one : list) {
            if (one.is_null()) {
                allowed.clear();
                break;
            }
            PLUMBLINE_TRY(const evm::Hash topic, parse_one_hash(one, "a topic"));
            allowed.push_back(topic);
        }
    }
    return ok();
}

}  // namespace

bool LogFilter::matches(const evm::Log& log) const noexcept {
    if (!addresses.empty() &&
        std::find(addresses.begin(), addresses.end(), log.address) == addresses.end()) {
        return false;
    }
    if (topics.size() > log.topic_count) {
        return false;
    }
    for (size_t i = 0; i < topics.size(); ++i) {
        if (!topics[i].empty() &&
            std::find(topics[i].begin(), topics[i].end(), log.topics[i]) == topics[i].end()) {
            return false;
        }
    }
    return true;
}

Result<uint64_t> parse_block(const Json& value, const BlockTags& tags) {
    if (!value.is_string()) {
        return invalid("a block is 0x and hex digits, or a tag");
    }
    const auto& text = value.get_ref<const std::string&>();
    if (text == "latest" || text == "pending") {
        return tags.latest;
    }
    if (text == "earliest") {
        return tags.earliest;
    }
    if (text == "finalized" || text == "safe") {
        return tags.finalized;
    }
    uint64_t out = 0;
    const char* end = text.data() + text.size();
    if (!text.starts_with("0x") || text.size() < 3 || text.size() > 2 + 16 ||
        std::from_chars(text.data() + 2, end, out, 16).ptr != end) {
        return invalid(
            fmt::format("'{}' is no block: 0x and up to 16 hex digits, latest, "
                        "earliest, finalized, safe or pending",
                        text.substr(0, 80)));
    }
    return out;
}

Result<LogFilter> parse_log_filter(const Json& filter, const BlockTags& tags) {
    if (!filter.is_object()) {
        return invalid("a filter is an object");
    }
    LogFilter out;
    const auto given = [&](const char* name) -> const Json* {
        const auto at = filter.find(name);
        return at == filter.end() || at->is_null() ? nullptr : &*at;
    };
    if (const Json* address = given("address")) {
        PLUMBLINE_TRY_VOID(read_addresses(*address, out));
    }
    if (const Json* topics = given("topics")) {
        PLUMBLINE_TRY_VOID(read_topics(*topics, out));
    }
    const Json* from = given("fromBlock");
    const Json* to = given("toBlock");
    if (const Json* hash = given("blockHash")) {
        if (from != nullptr || to != nullptr) {
            return invalid("a filter has blockHash, or fromBlock and toBlock");
        }
        PLUMBLINE_TRY(out.block_hash, parse_one_hash(*hash, "a block hash"));
        return out;
    }
    out.from = out.to = tags.latest;
    if (from != nullptr) {
        PLUMBLINE_TRY(out.from, parse_block(*from, tags));
    }
    if (to != nullptr) {
        PLUMBLINE_TRY(out.to, parse_block(*to, tags));
    }
    // What a tag means changes: with one it is a range that has no block yet.
    const bool are_numbers = from != nullptr && to != nullptr && is_number(*from) && is_number(*to);
    if (are_numbers && out.from > out.to) {
        return invalid(fmt::format("fromBlock {} is above toBlock {}", out.from, out.to));
    }
    return out;
}

}  // namespace plumbline::api
