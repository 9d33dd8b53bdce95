#include "tests/sim/sim_config.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "tests/sim/sim_chain.hpp"

namespace plumbline::sim {

namespace {

constexpr const char* kVaultMade = "VaultMade(address)";
constexpr const char* kChildMade = "ChildMade(address)";

std::string since_text(const Since& since) {
    switch (since.kind) {
        case engine::ChildSince::kBlock: return "\"block\"";
        case engine::ChildSince::kAnnouncement: return "\"announcement\"";
        case engine::ChildSince::kNumber: break;
    }
    return std::to_string(since.block);
}

std::string list_text(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) {
        out += (out.size() == 1 ? "\"" : ", \"") + item + "\"";
    }
    return out + "]";
}

std::string contract_text(const SimContract& contract) {
    std::string out = fmt::format("\n[contracts.{}]\nabi = \"{}\"\n", contract.name, contract.abi);
    if (contract.factory.empty()) {
        std::vector<std::string> addresses;
        for (const evm::Address& address : contract.addresses) {
            addresses.push_back(evm::to_hex(address));
        }
        out += "address = " + list_text(addresses) + "\n";
    } else {
        out += fmt::format("factory = {{ event = \"{}\", address = \"{}\", since = {} }}\n",
                           contract.factory, contract.parameter, since_text(contract.since));
    }
    if (contract.start_block > 0) {
        out += fmt::format("start_block = {}\n", contract.start_block);
    }
    if (contract.end_block != UINT64_MAX) {
        out += fmt::format("end_block = {}\n", contract.end_block);
    }
    return contract.events.empty() ? out : out + "events = " + list_text(contract.events) + "\n";
}

/// One answer a block, and another one: for good and the first one's argument where `is_once`.
std::string calls_text(bool is_once) {
    return fmt::format(R"x(
[on.calls]
first = {{ call = "function first(address) view returns (address)", at = "{0}", args = "who"{1} }}
price = {{ call = "function price(address) view returns (uint256)", at = "{0}", args = "{2}", default = 7 }}
)x",
                       evm::to_hex(hub_address()), is_once ? ", once = true" : "",
                       is_once ? "$call.first" : "who");
}

std::string account_text(const ConfigOptions& options) {
    std::vector<std::string> deposits{"hub.Deposited"};
    if (options.annex == Annex::kContract) {
        deposits.emplace_back("annex.Deposited");
    }
    const bool they_call = options.names_calls && options.withdrawals_call;
    return fmt::format(R"(
[entities.account]
key = {{ owner = "address" }}
fields = {{ balance = "uint256", moves = "uint64", last_block = "uint64", sender = "address", price = "uint256" }}
index = [["last_block"]]
drop = "balance == 0"

[[on]]
event = {}
upsert = "account"
key = {{ owner = "who" }}
set = {{ last_block = "$block.number"{}{} }}
add = {{ balance = "amount", moves = {} }}
{}
[[on]]
event = "hub.Withdrawn"
update = "account"
key = {{ owner = "who" }}
add = {{ moves = 1 }}
sub = {{ balance = "amount" }}{}
{})",
                       list_text(deposits), options.names_txns ? ", sender = \"$txn.from\"" : "",
                       options.names_calls ? ", price = \"$call.price\"" : "",
                       options.doubles ? 2 : 1,
                       options.names_calls ? calls_text(options.is_first_once) : "",
                       they_call ? "\nset = { price = \"$call.price\" }" : "",
                       they_call ? calls_text(options.is_their_first_once) : "");
}

constexpr const char* kNotes = R"(
[entities.note]
key = { id = "uint256" }
fields = { text = "string", opened_in = "uint64" }
index = [["text"], ["opened_in"]]

[[on]]
event = "hub.NoteOpened"
insert = "note"
key = { id = "id" }
set = { text = "text", opened_in = "$block.number" }

[[on]]
event = "hub.NoteClosed"
delete = "note"
key = { id = "id" }
)";

std::string places_text(const std::vector<std::string>& pings) {
    return fmt::format(R"(
[entities.place]
key = {{ place = "address" }}
fields = {{ pings = "uint64", total = "uint256", highest = "uint256" }}

[[on]]
event = {}
upsert = "place"
key = {{ place = "$log.address" }}
add = {{ pings = 1, total = "n" }}
max = {{ highest = "n" }}
)",
                       list_text(pings));
}

std::string ticks_text(uint64_t every_blocks) {
    return every_blocks == 0 ? ""
                             : fmt::format(R"(
[entities.tick]
key = {{ block = "uint64" }}
fields = {{ hash = "bytes32", at = "uint64" }}

[[on]]
every = {{ blocks = {} }}
insert = "tick"
key = {{ block = "$block.number" }}
set = {{ hash = "$block.hash", at = "$block.timestamp" }}
)",
                                           every_blocks);
}

Since pick_since(Random& random, uint64_t blocks) {
    switch (random.below(4)) {
        case 0: return {engine::ChildSince::kAnnouncement, 0};
        case 1: return {engine::ChildSince::kNumber, random.below(blocks)};
        default: return {};
    }
}

}  // namespace

std::vector<SimContract> contracts_of(const ConfigOptions& options) {
    std::vector<SimContract> out;
    SimContract hub{"hub", "hub.json", {hub_address()}, {}, {}, {}, options.start_block, {}};
    if (options.annex == Annex::kSecondAddress) {
        hub.addresses.push_back(annex_address());
    }
    if (!options.hub_notes) {
        hub.events = {"Deposited(address,uint256)", "Withdrawn(address,uint256)", kVaultMade};
    }
    out.push_back(hub);
    if (options.annex == Annex::kContract) {
        out.push_back({"annex", "hub.json", {annex_address()}, {}, {}, {}, 0, {}});
        out.push_back(
            {"shed", "child.json", {}, std::string{"annex."} + kVaultMade, "vault", {}, 0, {}});
    }
    if (options.has_vaults) {
        SimContract vault{"vault",
                          "child.json",
                          {},
                          std::string{"hub."} + kVaultMade,
                          "vault",
                          options.vault_since,
                          options.vault_start,
                          {},
                          options.vault_end < options.vault_start ? UINT64_MAX : options.vault_end};
        if (!options.vault_pings) {
            vault.events = {kChildMade};
        }
        out.push_back(vault);
        if (options.has_pods) {
            out.push_back({"pod",
                           "child.json",
                           {},
                           std::string{"vault."} + kChildMade,
                           "child",
                           options.pod_since,
                           0,
                           {},
                           options.pod_end});
        }
    }
    return out;
}

uint64_t pick_every_blocks(Random& random) {
    constexpr std::array<uint64_t, 6> kEvery{0, 1, 2, 7, 25, 100};
    return kEvery[random.below(kEvery.size())];
}

uint64_t first_tick_block(const ConfigOptions& options) {
    std::map<std::string, uint64_t> firsts;  // parents come before their children
    uint64_t first = UINT64_MAX;
    for (const SimContract& contract : contracts_of(options)) {
        uint64_t own = 0;
        if (contract.since.kind == engine::ChildSince::kNumber) {
            own = contract.since.block;
        } else if (!contract.factory.empty()) {
            own = firsts.at(contract.factory.substr(0, contract.factory.find('.')));
        }
        own = std::max(own, contract.start_block);
        firsts.emplace(contract.name, own);
        first = std::min(first, own);
    }
    return first;
}

engine::Config make_config(const ConfigOptions& options) {
    std::string text = fmt::format(
        R"(
[chain]
id = {}
rpc = "http://node0.sim:8545"
finality = {}
poll_interval = "{}ms"

[proof]
range_blocks = {}
requests_per_second = 0
)",
        options.chain_id,
        options.finality_depth == 0 ? std::string{"\"finalized\""}
                                    : std::to_string(options.finality_depth),
        options.poll_interval_ms, options.proof_range_blocks);
    std::vector<std::string> pings;
    for (const SimContract& contract : contracts_of(options)) {
        text += contract_text(contract);
        if (!contract.factory.empty() && contract.events.empty()) {
            pings.push_back(contract.name + ".Ping");
        }
    }
    text += account_text(options);
    text += options.hub_notes ? kNotes : "";
    text += pings.empty() ? "" : places_text(pings);
    text += ticks_text(options.every_blocks);
    Result<engine::Config> config =
        engine::parse_config(text, "sim.toml", [](const std::string& name) {
            return Result<std::string>{name == "hub.json" ? test::kHubAbi : test::kChildAbi};
        });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

std::string describe(const ConfigOptions& options) {
    std::string out;
    for (const SimContract& contract : contracts_of(options)) {
        out += fmt::format("{}{} from {}", out.empty() ? "" : ", ", contract.name,
                           contract.start_block);
        out += contract.factory.empty() ? "" : " since " + since_text(contract.since);
        out += contract.end_block == UINT64_MAX ? "" : fmt::format(" to {}", contract.end_block);
        out += contract.addresses.size() > 1 ? " and annex" : "";
        out += contract.events.empty() ? "" : " narrowed";
    }
    out += options.doubles ? ", doubles" : "";
    if (options.names_calls) {
        out += fmt::format(", calls{}{}", options.is_first_once ? " once" : "",
                           !options.withdrawals_call     ? ""
                           : options.is_their_first_once ? ", withdrawals' once"
                                                         : ", withdrawals'");
    }
    return options.every_blocks == 0 ? out : out + fmt::format(", every {}", options.every_blocks);
}

namespace {

/// Children whose logs count from a block of the config's on may have to be found far behind the
/// last one that counts: half of them end.
void change_since(Since& since, uint64_t& end_block, Random& random, uint64_t blocks) {
    since = pick_since(random, blocks);
    end_block = since.kind == engine::ChildSince::kNumber && since.block % 2 == 0
                    ? since.block + blocks / 4
                    : UINT64_MAX;
}

/// By how often it was changed before, so that other changes stay as they are for a seed.
void change_calls(ConfigOptions& options, uint64_t blocks) {
    const uint64_t salt = (++options.call_changes * 0x9E3779B97F4A7C15U + blocks) >> 32U;
    switch (salt % 4) {
        case 0: options.withdrawals_call = !options.withdrawals_call; break;
        case 1: options.is_first_once = !options.is_first_once; break;
        case 2: options.is_their_first_once = !options.is_their_first_once; break;
        default: break;
    }
}

}  // namespace

void change_config(ConfigOptions& options, Random& random, uint64_t blocks) {
    if (options.names_calls) {
        change_calls(options, blocks);
    }
    if (options.changes_every && random.chance(0.3)) {
        options.every_blocks = pick_every_blocks(random);
        return;
    }
    switch (random.below(12)) {
        case 11: options.names_calls = !options.names_calls; break;
        case 0:
        case 1:
        case 2: options.start_block = random.below(4) * blocks / 4; break;
        case 3:
        case 4: options.annex = static_cast<Annex>(random.below(3)); break;
        case 5: options.has_vaults = !options.has_vaults; break;
        case 6: options.has_pods = !options.has_pods; break;
        case 7: options.vault_pings = !options.vault_pings; break;
        case 8: options.vault_start = random.below(2) * blocks / 2; break;
        case 9:
            if (random.chance(0.3)) {
                options.doubles = !options.doubles;
            } else {
                options.hub_notes = !options.hub_notes;
            }
            break;
        default:
            if (random.chance(0.5)) {
                change_since(options.pod_since, options.pod_end, random, blocks);
            } else {
                change_since(options.vault_since, options.vault_end, random, blocks);
            }
    }
}

}  // namespace plumbline::sim
