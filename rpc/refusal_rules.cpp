// How a rule is read: `near`, `has_sequence` and `has` look for word stems ("limit" is also
// "limits" and "limited"; "log$" is the whole word). The order matters more than the rules: what
// names its reason goes first (a method, a batch, the head, a bill, a rate), then what counts
// something (bytes, results, addresses, blocks), then what only sounds like trouble, and last what
// has no words but a code or an HTTP status.
#include "rpc/refusal_rules.hpp"

#include <algorithm>
#include <array>

namespace plumbline::rpc {

namespace {

using Words = const RefusalWords&;
using In = const RefusalText&;
using enum RefusalClass;

constexpr std::string_view kOwnGuess = "own guess";

constexpr std::array kResultNouns = std::to_array<std::string_view>(
    {"result", "log$", "logs$", "event", "record", "entries", "item", "match"});
constexpr std::array kAddressNouns =
    std::to_array<std::string_view>({"address", "topic", "contracts$", "filters$"});
constexpr std::array kExcess = std::to_array<std::string_view>(
    {"exceed",  "too$",     "limit",  "max",     "more$",  "greater", "larger",   "bigger",
     "wider",   "higher",   "longer", "smaller", "less$",  "fewer",   "over$",    "threshold",
     "most$",   "up$",      "cap$",   "least$",  "narrow", "reduc",   "oversize", "allow",
     "support", "restrict", "beyond", "above",   "big$",   "large$"});

bool names_method(Words t) {
    return t.has({"method", "module"});
}
bool names_range_or_results(Words t) {
    return t.has({"block", "range", "result", "log$", "logs$"});
}
bool names_size_for_billing(Words t) {
    return t.has({"block", "range", "result"});
}

/// The rest of a sentence like "not permitted as part of a batch".
bool is_not_allowed(Words t) {
    return t.has_sequence({"not$", "allowed"}, 2) || t.has_sequence({"not$", "permitted"}, 2) ||
           t.has_sequence({"not$", "supported"}, 2);
}
bool names_rate(Words t) {
    return t.has_sequence({"rate", "limit"}, 1) || t.has({"ratelimit"});
}
/// A number of calls that is used up, and not how fast they come.
bool is_call_limit_reached(Words t) {
    return t.near({"call$", "calls$", "request$", "requests$"}, {"limit"}, 2) &&
           t.has({"reach", "exhaust"}) && !names_rate(t) &&
           !t.near({"per$", "/"}, {"second", "sec$", "minute"}, 2);
}

bool is_not_found(Words t) {
    return t.has_sequence({"not$", "found"}, 2) || t.has_sequence({"not$", "be$", "found"}, 1) ||
           t.has_sequence({"not$", "find"}, 1) || t.has_sequence({"not$", "have"}, 1) ||
           t.has_sequence({"not$", "contain"}, 1) || t.has_sequence({"no$", "such"}) ||
           t.has_sequence({"no$", "snapshot"}, 1) ||
           (t.has({"cannot"}) && t.has({"found", "find"}));
}
bool is_not_available(Words t) {
    return t.has_sequence({"not$", "available"}, 2) || t.has_sequence({"not$", "exist"}, 1) ||
           t.has_sequence({"not$", "stored"}, 1) || t.has_sequence({"neither", "stored"});
}
/// "is not included in your current plan".
bool is_not_in_plan(Words t) {
    return t.has_sequence({"not$", "included"}, 1) && t.has({"plan$", "tier", "subscription"});
}
/// It serves other chains than this one.
bool is_chain_unknown(Words t) {
    return t.has_sequence({"not$", "support", "chain"}, 1) ||
           t.has_sequence({"unsupported", "chain"}) || t.has_sequence({"unsupported", "network"});
}
bool is_failed_read(Words t) {
    return t.near({"fail", "unable", "cannot", "could$"},
                  {"get$", "load", "retriev", "read$", "fetch", "find", "access", "comput"}, 3);
}
bool is_missing(Words t) {
    return t.has({"missing", "unknown", "unavailable"});
}
// Something that a node keeps, and not a service that is away.
bool is_chain_data(Words t) {
    return t.has({"block$",     "blocks$",  "header",   "state",  "trie",  "history",
                  "historical", "receipt",  "resource", "height", "data$", "ancient",
                  "body",       "log$",     "logs$",    "tipset", "tree$", "transaction",
                  "record",     "metadata", "index$"}) &&
           !t.has({"method", "backend", "server", "upstream", "service", "provider"});
}

// "logs over more than 50000 blocks" has a result noun and counts blocks.
bool counts_results(Words t) {
    return t.has(kResultNouns) && (!t.any_number_counts({"block"}) ||
                                   t.any_number_counts(kResultNouns) || t.has({"result"}));
}

/// "from block larger than to block": the two ends are held against each other, and no limit.
bool is_reversed(Words t) {
    return t.near({"from$", "start", "begin"}, {"to$", "end$"}, 6) &&
           t.has({"greater", "larger", "bigger", "higher", "after$", "less$", "lower", "smaller",
                  "before$", ">", "<", "revers", "invert"}) &&
           !t.has({"limit", "max", "allow", "exceed", "head$", "latest", "current", "tip$",
                   "last$"}) &&
           !t.any_number_counts({"block", "range"});
}

constexpr auto kRules = std::to_array<RefusalRule>({
    // ---- It knows the method, and takes no batch of it
    {kBatchTooLarge,
     [](Words t, In) {
         return names_method(t) && t.has({"batch", "batches"}) && is_not_allowed(t);
     },
     "hedera",
     {200, -32007, "Method eth_getLogs is not permitted as part of batch requests", {}}},

    // ---- What it keeps, or has room for, said by the code of an unknown method
    {kMissingData,
     [](Words t, In) {
         return t.has_sequence({"only$", "recent"}, 2) && is_chain_data(t) && !names_method(t);
     },
     "blockreq", {200, -32601, "public endpoint only serves recent blocks (last 1024)", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"endpoint", "capacity"}); }, "eRPC",
     {200, -32601, "The method eth_getBlockByNumber does not exist/is not available",
      R"({"code":"ErrUpstreamsExhausted","cause":{"code":"ErrEndpointCapacityExceeded"}})"}},

    // ---- It does not know the method
    {kUnsupported, [](Words, In in) { return in.code == -32601; }, "geth",
     {200, -32601, "the method eth_getBlockReceipts does not exist/is not available", {}}},
    {kUnsupported,
     [](Words t, In) {
         return names_method(t) && !t.near({"on$", "at$"}, {"height", "block$"}, 1) &&
                (t.has_sequence({"not$", "found"}, 2) || t.has_sequence({"not$", "exist"}, 2) ||
                 t.has({"unknown"}));
     },
     "hardhat", {200, -32004, "Method eth_getBlockReceipts not found", {}}},
    {kUnsupported,
     [](Words t, In) {
         return names_method(t) &&
                (t.has_sequence({"not$", "support"}, 2) || t.has({"unsupported"}));
     },
     "alchemy",
     {200, -32600,
      "Unsupported method: eth_getBlockReceipts. See available methods at "
      "https://docs.alchemy.com/alchemy/documentation/apis",
      {}}},
    {kUnsupported,
     [](Words t, In) {
         return names_method(t) &&
                (t.has_sequence({"not$", "available"}, 2) || is_not_in_plan(t));
     },
     "dRPC",
     {200, 35, "method is not available on freetier, please upgrade to paid tier", {}}},
    {kUnsupported,
     [](Words t, In) {
         return names_method(t) && (t.has_sequence({"not$", "allowed"}, 2) ||
                                    t.has_sequence({"not$", "permitted"}, 2) ||
                                    t.has({"whitelist", "disabled"}));
     },
     "optimism proxyd", {403, -32001, "rpc method is not whitelisted", {}}},

    {kUnsupported,
     [](Words t, In) {
         return t.has_sequence({"not$", "implement"}, 1) || t.has({"unimplemented"}) ||
                (names_method(t) && t.has_sequence({"not$", "enabled"}, 1));
     },
     kOwnGuess, {200, -32000, "this call is not implemented", {}}},
    {kUnsupported,
     [](Words t, In) {
         return (t.has({"tag$", "tags$"}) && t.has_sequence({"not$", "supported"}, 1)) ||
                t.has_sequence({"disabled", "please", "enable"}, 2);
     },
     "java-tron",
     {200, -32602, "TAG [earliest | pending | finalized | safe] not supported", {}}},
    // A kind of transaction that it cannot write down.
    {kUnsupported,
     [](Words t, In) { return t.has_sequence({"type$", "not$", "supported"}, 1); }, "geth",
     {200, -32000, "transaction type not supported", {}}},
    {kUnsupported, [](Words t, In) { return t.has_sequence({"not$", "support", "api$"}, 1); },
     "java-tron", {200, 0, "this node is a lite fullnode and does not support this api", {}}},
    {kUnsupported,
     [](Words t, In in) {
         return in.message.starts_with("eth_") && t.has_sequence({"is$", "disabled"}) &&
                !names_range_or_results(t);
     },
     "hardhat",
     {200, 0, "eth_getLogs is disabled. It only works with the Berlin hardfork or a later one.",
      {}}},

    // ---- Fewer calls a batch
    {kBatchTooLarge,
     [](Words t, In) {
         return t.has({"batch", "batches"}) && !names_rate(t) &&
                (t.has(kExcess) || t.has({"size", "many", "disabled", "forbidden"}));
     },
     "geth", {200, -32600, "batch too large", {}}},
    // Another call of the batch is wrong: alone, this one gets its own answer.
    {kBatchTooLarge,
     [](Words t, In) { return t.has({"batch"}) && t.has_sequence({"validation", "error"}); },
     "blast",
     {200, -32600, "Invalid Request",
      R"({"message":"Cancelled due to validation errors in batch request"})"}},
    // By its meaning HTTP 413 is of the question, whatever the words call it.
    {kBatchTooLarge,
     [](Words t, In in) {
         return in.http_status == 413 && t.has({"content", "body", "payload"}) &&
                !t.has({"response", "result"});
     },
     "geth", {413, 0, "content length too large (10485834>5242880)", {}}},
    {kBatchTooLarge, [](Words t, In) { return t.has_sequence({"entity", "too$", "large"}); },
     "nginx", {413, 0, "413 Request Entity Too Large", {}}},

    {kBatchTooLarge,
     [](Words t, In) {
         return (t.has_sequence({"request$", "too$", "large"}, 2) ||
                 t.has_sequence({"request$", "too$", "big"}, 2) ||
                 (t.has_sequence({"request$", "size"}, 1) && t.has(kExcess)) ||
                 (t.has_sequence({"request$", "body"}) && t.has(kExcess))) &&
                !names_range_or_results(t);
     },
     "1rpc", {200, -32600, "JSON RPC Request is too large", {}}},

    // ---- The question contradicts itself
    {kBadRequest, [](Words t, In) { return is_reversed(t); }, "conflux confura",
     {200, 0, "invalid block range (from block larger than to block)", {}}},
    {kBadRequest,
     [](Words t, In) {
         return t.has_sequence({"must", "provide"}, 1) || t.has_sequence({"unsupported", "filter"}) ||
                (t.has_sequence({"not$", "match"}) && t.has({"format", "schema"}));
     },
     "conflux confura",
     {200, 0,
      "Filter must provide one of the following: (1) a block number range through `fromBlock` and "
      "`toBlock`, (2) a set of block hashes through `blockHash`",
      {}}},
    {kBadRequest,
     [](Words t, In) { return t.any_number_counts({"hash"}) && t.has(kExcess); },
     "conflux confura",
     {200, 0, "filter.block_hashes can contain up to 128 hashes; 200 were provided.", {}}},
    {kBadRequest, [](Words t, In) { return t.has_sequence({"bad$", "param"}); }, "maticvigil",
     {200, -32005,
      "Bad parameters in JSONRPC batched request. Check params passed to eth_getLogs or eth_call "
      "requests.",
      {}}},
    {kBadRequest,
     [](Words t, In) {
         return t.has_sequence({"without", "specif"}, 1) || t.has_sequence({"unknown", "field"}) ||
                t.has_sequence({"content", "type$"}) ||
                t.has_sequence({"filter", "not$", "found"});
     },
     "parity",
     {200, -32602,
      "Invalid params: unknown field addresses, expected one of fromBlock, toBlock, blockHash, "
      "address, topics, limit.",
      {}}},
    // The called program's own end.
    {kBadRequest,
     [](Words t, In) {
         return t.near({"stack$"}, {"limit", "overflow", "underflow"}, 1) ||
                t.has_sequence({"invalid", "opcode"}) || t.has_sequence({"invalid", "jump"});
     },
     "quicknode", {200, -32000, "stack limit reached 1024 (1023)", {}}},
    // The call itself burns too much.
    {kBadRequest,
     [](Words t, In) {
         return t.has_sequence({"gas$", "limit"}) && t.has({"exceed", "max"});
     },
     "monad", {200, -32603, "provider-specified max eth_call gas limit exceeded", {}}},

    // ---- What an old block takes, it does not give on this plan
    {kMissingData,
     [](Words t, In) {
         return t.has({"archive", "archival"}) && t.has({"plan$", "tier", "token", "upgrade"}) &&
                (is_not_available(t) || is_not_in_plan(t) ||
                 t.has({"require", "need", "only", "upgrade", "allow"}));
     },
     "chainstack",
     {403, -32002, "Archive, Debug and Trace requests are not available on your current plan.",
      {}}},

    // ---- It will have it soon, whatever it is called
    {kHeadRace, [](Words t, In) { return t.has_sequence({"available", "only$", "after$"}, 1); },
     "hedera",
     {200, -32007, "Historical balance data is available only after 15 minutes.", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.has_sequence({"not$", "executed"}, 1) && t.has({"block", "epoch", "latest"});
     },
     "conflux",
     {200, -32602, "Invalid parameters: num",
      "Specified epoch 226979060 is not executed, the latest state epoch is 134633298"}},
    {kHeadRace,
     [](Words t, In) {
         return t.has({"immature"}) ||
                (t.has({"upstream"}) && t.has_sequence({"less", "than"}) && t.has({"height"}));
     },
     "dRPC",
     {200, 1,
      "no available upstreams to process a request. Cause - node-1 - Upstream height 75651020 is "
      "less than 75651022",
      {}}},
    {kHeadRace,
     [](Words t, In) { return t.has_sequence({"pending", "block"}) && is_not_available(t); },
     "geth", {200, -32000, "pending block is not available", {}}},

    // ---- It no longer has it: words that say nothing else
    {kMissingData, [](Words t, In) { return t.has_sequence({"missing", "trie"}); }, "geth",
     {200, -32000, "missing trie node 1c1c (path ) state 0x1c1c is not available", {}}},
    {kMissingData, [](Words t, In) { return t.has({"prun", "purged", "canonical", "lookback"}); },
     "geth",
     {200, -32000, "hash 0x1234 is not currently canonical", {}}},
    {kMissingData,
     [](Words t, In) {
         return (t.has({"oldest", "earliest"}) ||
                 t.near({"too$", "older"}, {"old$", "stale", "than$"}, 2)) &&
                (is_chain_data(t) || t.has({"event", "snapshot"})) && !t.has({"version"});
     },
     kOwnGuess, {200, -32000, "block 5 is before the earliest block 900 that is kept", {}}},

    {kMissingData,
     [](Words t, In) {
         return t.has_sequence({"invalid", "block", "height"}, 1) ||
                t.has_sequence({"unsupported", "block", "number"});
     },
     "hyperliquid", {200, -32603, "invalid block height: 1786", {}}},
    // Why none of those behind it was asked, and not that they are away.
    {kMissingData,
     [](Words t, In) {
         return t.near({"lower", "lowest"}, {"height", "bound"}, 1) && t.has({"greater", "above"});
     },
     "dRPC",
     {200, 1,
      "no available upstreams to process a request. Cause - Upstream lower height 42810022 of type "
      "RECEIPTS is greater than 35662252",
      {}}},
    {kMissingData,
     [](Words t, In) {
         return t.has_sequence({"no$", "state"}) || t.has_sequence({"no$", "receipts"}) ||
                t.has_sequence({"no$", "header"}) || t.has_sequence({"no$", "block"});
     },
     "nethermind", {200, -32002, "No state available for block 15659481", {}}},
    {kMissingData,
     [](Words t, In) { return t.has({"unsupported"}) && t.has({"historical", "history"}); },
     "hedera",
     {200, -32609, "Unsupported historical block identifier encountered: 0x1a4", {}}},
    {kMissingData,
     [](Words t, In) {
         return t.has_sequence({"null", "round"}) || t.near({"less$", "fewer"}, {"receipts"}, 1);
     },
     "erigon",
     {200, -32000, "block has less receipts than expected: 0 <= 0, block: 32015808", {}}},
    {kMissingData, [](Words t, In) { return t.has_sequence({"non$", "exist"}, 1); }, "hedera",
     {200, -32013,
      "Non Existing Contract Address: 0x67D8d32E9Bf1a9968a5ff53B87d777Aa8EBBEe69. Expected a "
      "Contract or Token Address.",
      {}}},
    {kMissingData, [](Words t, In) { return t.has_sequence({"unexpected", "state", "root"}); },
     "fantom", {200, 0, "unexpected state root", {}}},
    {kMissingData, [](Words t, In) { return t.has_sequence({"too$", "far$", "past$"}, 3); },
     "lotus",
     {200, 1, "invalid epoch range: from block is too far in the past (maximum: 60480)", {}}},

    // ---- It has not got that block yet
    {kHeadRace,
     [](Words t, In) {
         // "has either been pruned, or is for a future block": it is the first, nearly always.
         return t.near({"beyond", "ahead", "past$", "future"},
                       {"head$", "latest", "tip$", "current$", "chain$"}, 4) &&
                !t.has({"prun"});
     },
     "geth", {200, -32602, "block range extends beyond current head block", {}}},
    {kHeadRace, [](Words t, In) { return t.has_sequence({"last", "accepted"}); }, "avalanche",
     {200, -32000, "requested from block 5 to block 9 after last accepted block 4", {}}},
    {kHeadRace,
     [](Words t, In) {
         return (t.has_sequence({"future", "block"}) ||
                 (t.has_sequence({"in$", "future"}, 1) && t.has({"block", "height"}))) &&
                !t.has({"prun"});
     },
     kOwnGuess, {200, -32000, "cannot query a future block", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.near({"greater", "higher", "bigger", "larger", "above"}, {"chain$"}, 4) &&
                t.near({"chain$"}, {"length", "height"}, 1);
     },
     "lava",
     {200, 3, "requested block height is bigger then the chain length", R"({"details":[]})"}},
    {kHeadRace,
     [](Words t, In) {
         return t.has_sequence({"in$", "progress"}) && t.has({"indexing", "sync"});
     },
     "geth", {200, 0, "transaction indexing is in progress", {}}},
    {kHeadRace, [](Words t, In) { return t.has({"unfinalized", "unfinalised"}); }, "avalanche",
     {200, -32000, "cannot query unfinalized data", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.near({"not$", "yet$"},
                       {"finalized", "finalised", "synced", "imported", "indexed", "produced"}, 3);
     },
     kOwnGuess, {200, -32000, "block 120 is not yet indexed", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.has_sequence({"not$", "yet$"}, 4) && t.has({"block", "height", "header"});
     },
     kOwnGuess, {200, -32000, "block 120 is not available yet", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.has_sequence({"out$", "of$", "range"}) &&
                t.near({"block$", "height", "number"}, {"out$"}, 4);
     },
     "megaeth", {400, -32019, "block is out of range", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.has({"height"}) && t.has_sequence({"less", "than", "or$", "equal"}) &&
                t.has({"current"});
     },
     "CometBFT",
     {200, -32603, "Internal error",
      "height 120 must be less than or equal to the current blockchain height 118"}},
    {kHeadRace,
     [](Words t, In) {
         return t.near(
             {"greater", "higher", "above", "exceed", "after$", "larger", "newer", "more$"},
             {"head$", "latest", "tip$", "highest"}, 4);
     },
     kOwnGuess, {200, -32000, "requested block 120 is greater than the latest block 118", {}}},
    {kHeadRace, [](Words t, In) { return t.has_sequence({"greater", "than", "current"}, 1); }, kOwnGuess,
     {200, -32000, "block number is greater than the current height", {}}},
    {kHeadRace,
     [](Words t, In) {
         return t.has({"node$", "server"}) && t.has({"behind", "syncing", "lagging"});
     },
     kOwnGuess, {200, -32000, "the node is syncing", {}}},

    // ---- It cannot even tell its head
    {kOutage,
     [](Words t, In) {
         return (is_failed_read(t) ||
                 t.near({"error$", "encountered"}, {"retriev", "getting", "fetching"}, 2)) &&
                t.near({"latest"}, {"block$", "number"}, 1) && !t.has({"archive", "state"});
     },
     "hedera", {200, -32607, "Error encountered retrieving latest block", {}}},

    // ---- Those behind it failed, each in words of its own
    {kOutage,
     [](Words t, In in) {
         return (in.code == -32503 && !is_chain_unknown(t)) ||
                t.has_sequence({"providers", "prevented"}, 1);
     },
     "uniblock",
     {200, -32503,
      "Errors from the following providers prevented the request from being fulfilled: dRPC",
      R"({"DRPC":{"error":{"code":10,"message":"User balance exceeded"}}})"},
     true},

    // A fault of its own program: what it read when it fell says nothing.
    {kOutage,
     [](Words t, In) {
         return t.has_sequence({"cannot", "read", "propert"}) ||
                t.has_sequence({"null", "pointer"}, 1) || t.has_sequence({"nil$", "pointer"}, 1);
     },
     "node.js",
     {200, 6969, "Error: Cannot read properties of null (reading 'blockNumber')", {}}},

    // ---- The user must do something
    {kBilling, [](Words t, In) { return is_not_in_plan(t); }, "chainstack",
     {200, -32000, "Debug and trace requests are not included in your current plan", {}}},
    {kBilling,
     [](Words t, In) {
         return (is_not_available(t) || t.has_sequence({"not$", "support"}, 2)) &&
                t.has({"tier", "freetier", "plan$"}) && !names_range_or_results(t);
     },
     "dRPC",
     {400, 35, "chain is not available on freetier, please upgrade to paid tier", {}}},
    // Of a chain that it does not serve it will have no answer either.
    {kBilling,
     [](Words t, In) {
         return is_chain_unknown(t);
     },
     "uniblock", {200, -32503, "ProviderA does not support chainId(s): 98867 for JsonRpc.", {}}},
    // How often, and not which key.
    {kRateLimit,
     [](Words t, In) { return t.has_sequence({"frequency", "limit"}); }, "trongrid",
     {429, 0,
      R"({"Error":"The key exceeds the frequency limit(15), and the query server is suspended for 27 s"})",
      {}}},
    // Whoever is behind it said so.
    {kRateLimit,
     [](Words t, In) { return t.has({"status", "statuscode"}) && t.has_number(429); }, "hedera",
     {200, -32020,
      "Mirror node upstream failure: statusCode=429, message=Request failed with status code 429",
      {}}},
    {kBilling, [](Words, In in) { return in.http_status == 402; }, "HTTP", {402, 0, {}, {}}},
    {kBilling, [](Words t, In) { return t.has_sequence({"payment", "required"}); }, kOwnGuess,
     {200, -32000, "Payment Required", {}}},
    {kBilling,
     [](Words t, In) {
         return t.has({"monthly", "daily", "month$", "day$"}) &&
                t.has({"limit", "capacity", "quota", "credit", "exceed", "reach", "exhaust",
                       "count"}) &&
                !names_size_for_billing(t);
     },
     "alchemy",
     {429, 429,
      "Monthly capacity limit exceeded. Visit https://dashboard.alchemyapi.io/settings/billing to "
      "upgrade your scaling policy for continued service.",
      {}}},
    {kBilling,
     [](Words t, In) {
         return t.near({"spend", "spending", "budget"},
                       {"limit", "over$", "exceed", "reach", "cap$"}, 2);
     },
     "conduit", {403, -32403, "account is over spend limit", {}}},
    // What is advised tells here which limit it is.
    {kBilling,
     [](Words t, In in) {
         return is_call_limit_reached(t) &&
                RefusalWords{in.message}.near({"upgrad"}, {"subscription", "plan$"}, 3);
     },
     "blockvision",
     {200, -32607, "The call limit has been reached, please upgrade your subscription", {}}},
    {kBilling, [](Words t, In) { return t.has({"blocked$"}); }, "moralis",
     {401, 0, R"({"message":"SUPPORT BLOCKED: Please contact support@moralis.io"})", {}}},
    {kBilling, [](Words t, In) { return t.has({"billing", "invoice", "unpaid", "overdue"}); }, kOwnGuess,
     {200, -32000, "your last invoice is overdue", {}}},
    {kBilling,
     [](Words t, In) {
         return t.near({"reach", "exceed", "exhaust", "used"},
                       {"tier", "freetier", "plan", "subscription"}, 5) &&
                !names_size_for_billing(t);
     },
     "eRPC's list", {200, -32000, "You have reached the free tier limit", {}}},
    {kBilling,
     [](Words t, In) {
         return t.near({"limit"}, {"plan", "subscription"}, 4) && !names_size_for_billing(t) &&
                !t.near({"per$", "/"}, {"second", "sec$", "minute"}, 2);
     },
     "eRPC's list", {200, -32000, "you have hit the limit for your current plan", {}}},
    {kBilling,
     [](Words t, In) {
         return t.has({"subscription", "account", "project", "key$", "app$"}) &&
                t.has({"expired", "suspend", "disabled", "inactive", "deactivat", "blocked"});
     },
     kOwnGuess, {200, -32000, "your account has been suspended", {}}},
    {kBilling,
     [](Words t, In) {
         return t.near({"scope"}, {"project", "key$", "token", "plan", "app$"}, 3);
     },
     "lab.au.ro", {200, -32011, "chain \"bsc\" not in project scope", {}}},
    {kBilling,
     [](Words t, In) {
         // Not the account that a call is made from.
         return t.has({"insufficient", "out$"}) && t.has({"credit", "balance"}) &&
                !t.has({"gas$", "transfer"});
     },
     kOwnGuess, {200, -32000, "Insufficient credits", {}}},

    {kBilling,
     [](Words t, In) {
         return t.near({"balance", "credit", "credits", "funds$"},
                       {"exceed", "insufficient", "low$", "negative", "empty", "deplet", "exhaust",
                        "zero$", "enough", "top$", "ran$"},
                       3) &&
                !t.has({"gas$", "transfer", "value"});
     },
     "dRPC", {200, 10, "User balance exceeded", {}}},
    // An endpoint that everybody may use has no bill.
    {kRateLimit,
     [](Words t, In) {
         return t.near({"usage"}, {"limit"}, 3) && t.has({"public$", "throughput"});
     },
     "nodereal",
     {200, -32005,
      "You have reached the maximum API usage limit of public. If you need higher throughput, "
      "please check out https://meganode.nodereal.io/",
      {}}},
    {kBilling,
     [](Words t, In) {
         return t.near({"usage"}, {"limit", "reach", "exceed"}, 3) && !names_size_for_billing(t) &&
                !t.has({"quota"});
     },
     kOwnGuess, {200, -32000, "usage limit reached", {}}},
    {kBilling,
     [](Words t, In) {
         return t.has({"authenticat", "authoriz", "authoris", "unauthoriz", "unauthoris",
                       "unauthentic", "credential", "forbidden", "permission", "banned", "whitelist", "allowlist",
                       "blacklist", "blocklist"}) ||
                t.has_sequence({"access", "denied"}) || t.has_sequence({"not$", "permitted"});
     },
     kOwnGuess, {200, -32000, "must be authenticated", {}}},
    {kBilling,
     [](Words t, In) {
         return t.near({"project", "app$", "application", "account", "token", "key$", "apikey",
                        "user$", "subscription", "origin"},
                       {"invalid", "found", "unknown", "missing", "wrong", "incorrect", "expired",
                        "exist", "revoked", "required", "allowed"},
                       4) &&
                !is_chain_data(t) && !names_range_or_results(t);
     },
     kOwnGuess, {200, -32000, "project not found", {}}},

    // ---- Slow down
    // A rate has HTTP 429: this may be how many calls came at once.
    {kRateLimit,
     [](Words t, In in) {
         return in.http_status == 400 && t.has_sequence({"too$", "many", "request"}, 1);
     },
     "ronin", {400, -32600, "too many requests", {}}, true},
    {kRateLimit,
     [](Words t, In) {
         return t.near({"per$", "/", "a$", "each"}, {"second", "sec$", "minute", "min$", "hour"},
                       2);
     },
     "quicknode", {200, -32012, "credits limited to 6000/sec", {}}},
    {kRateLimit,
     [](Words t, In) { return t.has({"rps$", "qps$", "throttl", "ratelimit", "cups$"}); },
     "infura",
     {429, -32005, "project ID request rate exceeded",
      R"({"rate":{"allowed_rps":1,"backoff_seconds":30,"current_rps":1.433},"see":"https://infura.io/dashboard"})"}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"rate", "limit"}, 2); },
     "optimism proxyd", {429, -32016, "over rate limit", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"limit", "rate$"}, 4); }, kOwnGuess,
     {200, -32000, "requests are limited to a certain rate", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"request", "rate"}, 1); }, "infura",
     {429, -32005, "project ID request rate exceeded", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"too$", "many", "request$"}, 1) ||
                                   t.has_sequence({"too$", "many", "requests$"}, 1); },
     "cloudflare", {200, -32055, "Too many requests", {}}},
    {kRateLimit,
     [](Words t, In) {
         return t.has_sequence({"too$", "many", "calls$"}, 1) && !t.has({"batch"});
     },
     kOwnGuess, {200, -32000, "too many calls", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"compute", "unit"}); }, kOwnGuess,
     {200, -32000, "compute units used up", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"too$", "many", "concurrent"}); }, kOwnGuess,
     {200, -32000, "too many concurrent connections", {}}},
    {kRateLimit,
     [](Words t, In) { return t.has({"quota", "credit", "concurren"}) && t.has(kExcess); },
     "eRPC's list", {200, -32000, "Exceeded the quota usage", {}}},
    {kRateLimit, [](Words t, In) { return t.has({"quota"}) && t.has({"reach"}); }, "eRPC's list",
     {200, -32000, "You have reached the quota, please upgrade your tier", {}}},
    {kRateLimit,
     [](Words t, In) {
         // "Request timeout on the free tier, please upgrade": how long it took, not how often.
         return t.has({"upgrade"}) && t.has({"tier", "account", "plan"}) &&
                !names_range_or_results(t) && !t.has({"timeout"});
     },
     "eRPC's list", {200, -32000, "upgrade your tier to make more requests", {}}},
    {kRateLimit,
     [](Words t, In) {
         return t.near({"request", "requests", "call", "calls", "relay"}, {"limit", "limited"}, 4) &&
                !names_range_or_results(t) && !t.has({"batch", "size", "large", "body"});
     },
     "eRPC's list", {200, -32000, "request limit reached", {}}},
    {kRateLimit,
     [](Words t, In) {
         return t.near({"throughput", "bandwidth", "traffic", "frequen"},
                       {"limit", "exceed", "reach", "too$", "high"}, 4);
     },
     "pokt", {200, 0, "Application POKT_APP_ID has exceeded its throughput limit", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"slow", "down"}); }, kOwnGuess,
     {200, -32000, "please slow down", {}}},
    {kRateLimit, [](Words t, In) { return t.has_sequence({"network", "busy"}, 2); }, "ordofi",
     {200, -32005, "network is busy", {}}},
    {kRateLimit,
     [](Words t, In) { return t.has({"full$"}) && t.has_sequence({"try$", "again", "later"}, 1); },
     "megaeth", {200, -32022, "rabbit hole is full. Please try again later", {}}},
    {kRateLimit,
     [](Words t, In) { return t.has_sequence({"error$", "code$"}) && t.has_number(1015); },
     "cloudflare", {200, 0, "error code: 1015", {}}},

    // ---- It gave up
    {kTimeout, [](Words t, In) { return t.has({"timeout", "timedout"}); }, "infura",
     {200, -32005, "query timeout exceeded", {}}},
    {kTimeout, [](Words t, In) { return t.has_sequence({"timed", "out"}); }, "geth",
     {200, -32002, "request timed out", {}}},
    {kTimeout, [](Words t, In) { return t.has_sequence({"timing", "out$"}); }, "kong",
     {504, 0, R"({"message":"The upstream server is timing out"})", {}}},
    {kTimeout, [](Words t, In) { return t.has_sequence({"time$", "out$"}); }, kOwnGuess,
     {200, -32000, "the query ran into a time out", {}}},
    {kTimeout, [](Words t, In) { return t.has({"deadline"}); }, "Go",
     {200, -32000, "context deadline exceeded", {}}},
    {kTimeout,
     [](Words t, In) {
         return t.has_sequence({"too$", "long"}) &&
                t.has({"took", "taking", "execut", "run", "query"});
     },
     kOwnGuess, {200, -32000, "execution took too long and was aborted", {}}},
    {kTimeout, [](Words t, In) { return t.has_sequence({"execution", "aborted"}); }, kOwnGuess,
     {200, -32000, "execution aborted", {}}},
    {kTimeout,
     [](Words t, In) {
         return t.has_sequence({"longer", "than"}, 1) &&
                t.has({"second", "seconds", "sec$", "ms$", "minute", "took", "execut"});
     },
     kOwnGuess, {200, -32000, "the query ran longer than 10 seconds", {}}},
    {kTimeout,
     [](Words t, In) {
         return t.near({"request", "query", "operation", "statement", "execution"},
                       {"abort", "cancel", "interrupt"}, 3);
     },
     kOwnGuess, {200, -32000, "the operation was interrupted", {}}},
    {kTimeout, [](Words t, In) { return t.has_sequence({"context", "cancel"}); }, "Go",
     {200, -32000, "context canceled", {}}},

    // ---- A number of blocks is named as the limit, whatever was too large
    {kTooManyBlocks,
     [](Words t, In) {
         return t.has_sequence({"number", "of$", "block"}, 2) && t.has({"max", "limit", "allow"});
     },
     "thirdweb",
     {200, -32005,
      "Log response size exceeded. Maximum allowed number of requested blocks is 112", {}}},

    // ---- Blocks by another name
    {kTooManyBlocks,
     [](Words t, In) {
         return t.near({"rounds$", "epochs$", "tipsets$", "slots$"},
                       {"max", "limit", "exceed", "many$", "most$", "up$", "over$"}, 3);
     },
     "oasis",
     {200, -32602, "invalid request: max allowed of rounds in logs query is: 100", {}}},

    // ---- Too many bytes
    {kResponseTooLarge,
     [](Words t, In) {
         return t.near({"response", "payload", "body", "content", "output"},
                       {"size", "large", "big$", "exceed", "bytes", "too$", "limit"}, 4) ||
                t.near({"message"}, {"size", "large", "big$", "bytes", "too$"}, 4);
     },
     "geth", {200, -32003, "response too large", {}}},
    {kResponseTooLarge,
     [](Words t, In) {
         return (t.has({"returndata"}) || t.has_sequence({"return", "data$"}) ||
                 t.has_sequence({"result", "length"}, 1)) &&
                t.has(kExcess);
     },
     "erigon",
     {200, -32000,
      "call returned result on length 150012 exceeding --rpc.returndata.limit 100000", {}}},
    {kResponseTooLarge,
     [](Words t, In) { return t.has({"bytes", "byte$", "mb$", "mib$"}) && t.has(kExcess); }, kOwnGuess,
     {200, -32000, "the logs of this range exceed 10 MB", {}}},
    {kResponseTooLarge,
     [](Words t, In) { return t.has_sequence({"result", "size"}, 1) && t.has(kExcess); }, kOwnGuess,
     {200, -32000, "result size exceeds the limit", {}}},

    // ---- Too many logs
    {kTooManyResults,
     [](Words t, In) {
         return counts_results(t) && t.has({"exceed", "limit", "max", "more$", "over$", "greater",
                                            "larger", "too$", "cap$", "most$"});
     },
     "infura", {200, -32005, "query returned more than 10000 results", {}}},
    {kTooManyResults, [](Words t, In) { return counts_results(t) && t.has({"paginat"}); }, kOwnGuess,
     {200, -32000, "please paginate the results", {}}},

    {kResponseTooLarge,
     [](Words t, In) {
         return t.near({"max", "many$"}, {"transactions"}, 1) && t.has({"return"});
     },
     "hedera",
     {200, -32000, "Exceeded max transactions that can be returned in a block: 1000", {}}},
    {kTooManyResults,
     [](Words t, In) { return t.has({"paginat"}) && t.has({"exceed", "max", "limit"}); }, "hedera",
     {200, -32011, "Exceeded maximum mirror node pagination count: 100", {}}},

    // ---- Too many addresses
    {kTooManyAddresses,
     [](Words t, In) {
         return t.near(kAddressNouns,
                       {"exceed", "too$", "many", "max", "limit", "less$", "fewer", "number$",
                        "more$", "up$"},
                       4);
     },
     "geth", {200, -32000, "exceed max addresses or topics per search position", {}}},
    {kTooManyAddresses,
     [](Words t, In) { return t.any_number_counts(kAddressNouns) && t.has(kExcess); }, kOwnGuess,
     {200, -32000, "this filter has 6000 addresses, only 5000 are allowed", {}}},

    // ---- It no longer has it, or not on its chain
    {kMissingData, [](Words, In in) { return in.code == 4444; }, "geth",
     {200, 4444, {}, {}}},
    {kMissingData,
     [](Words t, In) {
         return t.has({"archive", "historical", "history"}) &&
                (is_not_found(t) || is_not_available(t) || is_missing(t) ||
                 t.has_sequence({"no$", "available"}, 3) ||
                 t.has({"require", "only", "need", "access"}));
     },
     "geth", {200, -32000, "historical state 0xabcd is not available", {}}},
    {kMissingData, [](Words t, In) { return is_not_found(t) && is_chain_data(t); }, "geth",
     {200, -32000, "header not found", {}}},
    {kMissingData, [](Words t, In) { return is_not_available(t) && is_chain_data(t); }, kOwnGuess,
     {200, -32000, "block 120 does not exist", {}}},
    {kMissingData, [](Words t, In) { return is_missing(t) && is_chain_data(t); }, "geth",
     {200, -32000, "unknown block", {}}},

    {kMissingData, [](Words t, In) { return is_failed_read(t) && is_chain_data(t); }, "geth",
     {200, -32000, "failed to get logs for block #0 (0xd4e567..cb8fa3)", {}}},
    // How far back it reaches, and not how much may be asked for at once.
    {kMissingData,
     [](Words t, In) {
         return t.near({"window", "retention"}, {"proof", "state", "history", "historical"}, 3) &&
                t.has({"exceed", "outside", "beyond", "out$", "too$"});
     },
     "reth", {200, -32602, "distance to target block exceeds maximum proof window", {}}},

    // ---- Too many blocks
    {kTooManyBlocks,
     [](Words t, In) { return t.has({"block", "range", "distance"}) && t.has(kExcess); }, "reth",
     {200, -32602, "query exceeds max block range 100000", {}}},
    {kTooManyBlocks,
     [](Words t, In) {
         return t.has({"block", "range", "distance"}) && t.has({"wide$", "high$", "long$"});
     },
     kOwnGuess, {200, -32000, "that is a long block range", {}}},

    // ---- It is ill
    // A load balancer says this also when each backend choked on the range.
    {kOutage, [](Words t, In) { return t.has({"backend"}); }, "optimism proxyd",
     {503, -32011, "no backend is currently healthy to serve traffic", {}}, true},
    {kOutage,
     [](Words t, In) {
         return t.has({"route"}) && t.has({"provider"});
     },
     "dRPC",
     {400, 12,
      "Can't route your request to suitable provider, if you specified certain providers revise "
      "the list",
      {}}, true},
    {kOutage,
     [](Words t, In in) {
         return t.has_sequence({"unable", "to$", "complete", "request"}) || in.code == -32046;
     },
     "alchemy (cloudflare: code -32046)",
     {503, -32001, "Unable to complete request at this time.", {}}, true},
    // A bot check or a login that came in place of an answer: it may be gone in a minute.
    {kOutage,
     [](Words t, In in) { return in.http_status == 403 && t.has_sequence({"web", "page"}); },
     "cloudflare, as body_text() shows it",
     {403, 0, "HTTP 403 with a web page \"Just a moment...\" in place of JSON", {}}},
    {kOutage,
     [](Words t, In) {
         return t.has({"upstream"}) || t.has_sequence({"proxy", "error"}) ||
                t.has_sequence({"incorrect", "response"});
     },
     "envoy",
     {503, 0, "upstream connect error or disconnect/reset before headers", {}}},
    {kOutage,
     [](Words t, In) {
         return t.has({"unhealthy", "overload", "maintenance", "unavailable", "crash", "panic",
                       "unreachable"});
     },
     "nginx", {503, 0, "<html><body><h1>503 Service Unavailable</h1></body></html>", {}}},
    {kOutage, [](Words t, In) { return t.has({"econnrefused"}); }, "node.js",
     {200, -32000, "connect ECONNREFUSED 127.0.0.1:8545", {}}},
    {kOutage,
     [](Words t, In) {
         return t.near({"lack", "insufficient", "exhaust"}, {"resource"}, 3);
     },
     "java-tron",
     {200, 0, R"({"Error":"class java.lang.IllegalAccessException : lack of computing resources"})",
      {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"too$", "much", "load"}); }, "eRPC's list",
     {200, -32000, "under too much load", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"no$", "server"}); }, "eRPC's list",
     {200, -32000, "No server available", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"no$", "available"}, 2); }, kOwnGuess,
     {200, -32000, "no nodes available", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"bad", "gateway"}); }, "nginx",
     {502, 0, "Bad Gateway", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"internal", "error"}, 2); }, "JSON-RPC",
     {200, -32603, "Internal error", {}}},
    {kOutage,
     [](Words t, In) {
         return t.has_sequence({"server", "error"}, 1) || t.has_sequence({"went", "wrong"}) ||
                t.has_sequence({"unexpected", "error"}) || t.has_sequence({"unknown", "error"});
     },
     kOwnGuess, {200, -32000, "something went wrong", {}}},
    {kOutage,
     [](Words t, In) {
         return t.has({"econn", "socket", "eof$", "handshake", "dns$", "unreachable",
                       "disconnect"}) ||
                t.has_sequence({"broken", "pipe"}) ||
                t.has_sequence({"hang", "up$"}) || t.has_sequence({"network", "error"}) ||
                t.has_sequence({"connection", "closed"}, 2) || t.has_sequence({"connect", "error"}, 2);
     },
     kOwnGuess, {200, -32000, "socket hang up", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"not$", "ready"}, 1); }, kOwnGuess,
     {200, -32000, "the node is not ready", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"server", "busy"}, 2); }, kOwnGuess,
     {200, -32000, "the server is busy", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"connection", "refused"}, 1); }, "Go",
     {200, -32000, "dial tcp 127.0.0.1:8545: connect: connection refused", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"connection", "reset"}, 1); }, "Go",
     {200, -32000, "connection reset by peer", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"try", "again", "later"}, 1); }, kOwnGuess,
     {200, -32000, "please try again later", {}}},
    {kOutage, [](Words t, In) { return t.has({"temporar"}); }, "glibc",
     {200, -32000, "Temporary failure in name resolution", {}}},
    {kOutage, [](Words t, In) { return t.has_sequence({"service", "not"}, 2); }, kOwnGuess,
     {200, -32000, "the service is not up", {}}},

    // ---- A limit on something that is not named
    {kTooManyBlocks,
     [](Words t, In) {
         return t.has({"query", "filter", "request"}) && t.has({"smaller", "narrow"});
     },
     "harmony", {200, -32000, "GetLogs query must be smaller than size 1024", {}}},
    {kTooManyResults,
     [](Words t, In) {
         return t.has({"query", "filter", "request"}) &&
                t.has({"exceed", "reduce", "large$", "big$", "limit"});
     },
     "eRPC's list", {200, -32000, "query exceeds limit 10000", {}}},
    {kRateLimit,
     [](Words t, In in) {
         return t.has({"limit"}) && t.has({"exceed", "reach", "over$"}) &&
                (in.http_status == 429 || in.code == 429);
     },
     kOwnGuess, {429, -32005, "limit exceeded", {}}},
    {kTooManyResults,
     [](Words t, In) { return t.has({"limit"}) && t.has({"exceed", "reach", "over$"}); },
     "bsc dataseed", {200, -32005, "limit exceeded", {}}, true},

    // ---- No words that say anything: the code, or the HTTP status
    {kRateLimit, [](Words, In in) { return in.http_status == 429; }, "HTTP", {429, 0, {}, {}}},
    {kRateLimit,
     [](Words, In in) { return in.code == 429 || in.code == -32029 || in.code == -32055; },
     "alchemy (429), sei (-32029), cloudflare (-32055)", {200, -32055, {}, {}}},
    {kBatchTooLarge, [](Words, In in) { return in.http_status == 413; }, "HTTP", {413, 0, {}, {}}},
    {kTimeout,
     [](Words, In in) {
         return in.http_status == 408 || in.http_status == 499 || in.http_status == 504 ||
                in.http_status == 524;
     },
     "HTTP (499: nginx, 524: cloudflare)", {504, 0, {}, {}}},
    {kTimeout, [](Words, In in) { return in.code == 408 || in.code == 504; }, kOwnGuess,
     {200, 504, {}, {}}},
    {kBilling,
     [](Words, In in) {
         return in.http_status == 401 || in.http_status == 403 || in.code == 401 || in.code == 403;
     },
     "HTTP", {401, 0, {}, {}}},
    {kOutage,
     [](Words, In in) { return in.http_status >= 500 || (in.code >= 500 && in.code < 600); },
     "HTTP", {500, 0, {}, {}}},
    {kMissingData, [](Words, In in) { return in.code == -32001; }, "EIP-1474",
     {200, -32001, {}, {}}, true},
    {kBadRequest,
     [](Words, In in) { return in.code == -32600 || in.code == -32602 || in.code == -32700; },
     "geth", {200, -32602, "invalid block range params", {}}},
    {kBadRequest, [](Words t, In) { return t.has({"invalid", "malformed", "parse"}); }, kOwnGuess,
     {200, -32000, "invalid argument", {}}},
    {kOutage, [](Words, In in) { return in.code == -32603; }, "JSON-RPC", {200, -32603, {}, {}}},
    {kBadRequest, [](Words, In in) { return in.http_status >= 400; }, "HTTP", {400, 0, {}, {}}},
});

}  // namespace

std::span<const RefusalRule> refusal_rules() noexcept {
    return kRules;
}

namespace {

const RefusalRule* find_first(const RefusalWords& words, const RefusalText& text) {
    const auto* const found = std::ranges::find_if(
        kRules, [&](const RefusalRule& rule) { return rule.fits(words, text); });
    return found == kRules.end() ? nullptr : found;
}

}  // namespace

/// What a text advises to buy or to read counts only where the rest of it says nothing.
const RefusalRule* find_refusal_rule(const RefusalWords& words, const RefusalText& text) {
    const RefusalWords plain = words.without_advice();
    if (plain.tokens().size() < words.tokens().size()) {
        const RefusalRule* const found = find_first(plain, text);
        if (found != nullptr && !found->fits(RefusalWords{""}, text)) {
            return found;
        }
    }
    return find_first(words, text);
}

}  // namespace plumbline::rpc
