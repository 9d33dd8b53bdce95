#include "core/base/secret_words.hpp"

#include <algorithm>
#include <string>

#include "core/base/ascii.hpp"

namespace plumbline {

namespace {

/// Keys are longer; so short a word would be found in every second text.
constexpr size_t kShortMax = 3;
constexpr size_t kDigitsMax = 2;
constexpr size_t kPartsMax = 4;

// Sorted.
constexpr std::string_view kWords[] = {
    "account",   "address",   "addresses",  "amoy",     "arbitrum", "archive",   "avalanche",
    "avax",      "base",      "basic",      "batch",    "bearer",   "berachain", "binance",
    "blast",     "block",     "blocks",     "bnbchain", "celo",     "chain",     "chains",
    "client",    "core",      "cronos",     "data",     "debug",    "devnet",    "error",
    "ethereum",  "evmos",     "fantom",     "filecoin", "flare",    "fuji",      "full",
    "fullnode",  "gateway",   "geth",       "gnosis",   "goerli",   "harmony",   "header",
    "headers",   "holesky",   "hoodi",      "http",     "https",    "infura",    "json",
    "jsonrpc",   "klaytn",    "kroma",      "latest",   "limit",    "linea",     "lisk",
    "localhost", "logs",      "mainnet",    "manta",    "mantle",   "metis",     "mode",
    "moonbeam",  "moonriver", "node",       "nodes",    "optimism", "polygon",   "project",
    "proxy",     "public",    "query",      "range",    "rate",     "request",   "requests",
    "response",  "rest",      "result",     "results",  "rinkeby",  "rollup",    "ronin",
    "ropsten",   "scroll",    "sepolia",    "service",  "size",     "smart",     "sonic",
    "taiko",     "test",      "testnet",    "timeout",  "token",    "trace",     "unichain",
    "wallet",    "websocket", "worldchain", "xdai",     "zircuit",  "zksync",    "zora"};
static_assert(std::ranges::is_sorted(kWords));

bool is_public_part(std::string_view part) noexcept {
    size_t digits = 0;
    while (digits < part.size() && digits < kDigitsMax &&
           is_ascii_digit(part[part.size() - 1 - digits])) {
        ++digits;
    }
    part.remove_suffix(digits);
    if (part.size() <= kShortMax) {
        return std::ranges::none_of(part, is_ascii_digit);
    }
    const auto found =
        std::ranges::lower_bound(kWords, part, [](std::string_view a, std::string_view b) {
            return std::ranges::lexicographical_compare(a, b, {}, ascii_lower, ascii_lower);
        });
    return found != std::ranges::end(kWords) && equal_ignoring_case(*found, part);
}

}  // namespace

bool is_public_word(std::string_view word) noexcept {
    if (word.size() <= kShortMax) {
        return true;
    }
    for (size_t parts = 1; parts <= kPartsMax; ++parts) {
        const size_t end = std::min(word.find_first_of("-_."), word.size());
        if (!is_public_part(word.substr(0, end))) {
            return false;
        }
        if (end == word.size()) {
            return true;
        }
        word.remove_prefix(end + 1);
    }
    return false;
}

}  // namespace plumbline
