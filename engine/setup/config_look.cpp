#include "engine/setup/config_look.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "core/evm/checksum.hpp"
#include "core/evm/hex.hpp"
#include "engine/setup/contract_look.hpp"
#include "engine/setup/event_sample.hpp"
#include "engine/setup/getter_look.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kAddressesMax = 16;

void look_at_starts(const Config& config, uint64_t head, ConfigLook& out) {
    size_t above = 0;
    for (const ContractConfig& contract : config.contracts) {
        if (contract.start_block <= head) {
            continue;
        }
        ++above;
        const std::string text = fmt::format(
            "start_block {} of {} is above the chain's head, block {}: nothing is "
            "indexed before the chain is there; the block of the deployment is meant",
            contract.start_block, contract.name, head);
        if (above == config.contracts.size()) {
            out.in_vain = text;
        }
        out.warnings.push_back(text);
    }
}

/// What is wanted of all contracts at `address`: each of them knows some of its events.
struct WantedAt {
    evm::Abi abi;
    std::vector<evm::Hash> topics0;  ///< empty: all
};

WantedAt wanted_at(const Config& config, const Plan& plan, const evm::Address& address) {
    WantedAt out;
    bool are_all = false;
    for (const ContractConfig& contract : config.contracts) {
        const int source = plan.find_source(contract.name);
        if (source < 0 ||
            std::ranges::find(contract.addresses, address) == contract.addresses.end()) {
            continue;
        }
        const auto place = static_cast<size_t>(source);
        out.abi.add(plan.abi(place));
        const std::vector<evm::Hash>& topics0 = plan.sources()[place].topics0;
        are_all = are_all || topics0.empty();
        out.topics0.insert(out.topics0.end(), topics0.begin(), topics0.end());
    }
    if (are_all) {
        out.topics0.clear();
    }
    return out;
}

/// What is to be said of its events; empty: nothing.
std::string judge_events(const EventSample& sample, const ContractLook& look,
                         const ContractConfig& contract) {
    // Of a part of its blocks it says little that one of them is not there.
    const bool is_whole = sample.range.from == contract.start_block;
    if (is_whole && sample.events == 0) {
        return describe_silence(sample) +
               ": is it the contract that emits what the config indexes?";
    }
    if (is_whole && sample.chosen == 0) {
        return fmt::format(
            "none of its {} in blocks {} to {} is one of `events` in the config",
            sample.events == 1 ? "one event" : format_count(sample.events) + " events",
            sample.range.from, sample.range.to);
    }
    if (sample.unknown_chosen == 0) {
        return {};
    }
    return fmt::format("{}; {}{}", describe(sample), fate_of_unknown(sample),
                       look.proxy.empty()
                           ? std::string{}
                           : fmt::format("; it is an {} of {}, whose ABI is needed", look.proxy,
                                         evm::to_checksum(look.implementation)));
}

void look_at_address(const ContractConfig& contract, const evm::Address& address,
                     const WantedAt& wanted, const ChainLook& chain, EndpointClient& client,
                     ConfigLook& out) {
    const auto look = look_at_contract(client, address, chain, false);
    if (!look) {
        return;
    }
    if (!look->has_code) {
        out.warnings.push_back(fmt::format(
            "there is no contract code at {} ({}) at block {} of chain {}: check the address and "
            "the chain; it counts from where it is deployed",
            evm::to_hex(address), contract.name, chain.head, chain.chain_id));
        return;
    }
    if (!contract.filters.empty()) {
        return;  // Its other events are not wanted, so nobody is asked for them.
    }
    const auto sample = sample_events(client, address, {wanted.abi, wanted.topics0},
                                      contract.start_block, chain.head);
    const std::string said = sample ? judge_events(*sample, *look, contract) : std::string{};
    if (!said.empty()) {
        out.warnings.push_back(
            fmt::format("{} ({}): {}", evm::to_hex(address), contract.name, said));
    }
}

}  // namespace

std::string other_chain(const ChainLook& seen, const Config& config) {
    if (seen.chain_id == config.chain.id) {
        return {};
    }
    return fmt::format(
        "it serves chain {}, and the config says chain {}: correct id in [chain], or give an "
        "endpoint of chain {}",
        seen.chain_id, config.chain.id, config.chain.id);
}

ConfigLook look_at_config(const Config& config, const Plan& plan, EndpointClient& client) {
    ConfigLook out;
    for (size_t i = 0; i < plan.sources().size(); ++i) {
        if (plan.abi(i).events.empty()) {
            out.warnings.push_back(fmt::format(
                "the ABI of {} has no events, so nothing of it can be indexed: of a proxy the "
                "implementation's ABI is needed",
                plan.sources()[i].contract));
        }
    }
    const auto chain = look_at_chain(client);
    if (!chain) {
        return out;
    }
    out.other_chain = other_chain(*chain, config);
    if (!out.other_chain.empty()) {
        return out;
    }
    out.has_chain = true;
    look_at_starts(config, chain->head, out);
    std::vector<evm::Address> seen;
    for (const ContractConfig& contract : config.contracts) {
        for (const evm::Address& address : contract.addresses) {
            if (contract.start_block <= chain->head && seen.size() < kAddressesMax &&
                std::ranges::find(seen, address) == seen.end() && !client.has_given_up()) {
                seen.push_back(address);
                look_at_address(contract, address, wanted_at(config, plan, address), *chain, client,
                                out);
            }
        }
    }
    std::ranges::copy(find_missing_getters(plan, client), std::back_inserter(out.warnings));
    return out;
}

}  // namespace plumbline::engine
