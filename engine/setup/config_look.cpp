#include "engine/setup/config_look.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/evm/checksum.hpp"
#include "core/evm/hex.hpp"
#include "engine/setup/contract_look.hpp"

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

/// Of all contracts at `address`: each of them knows some of its events.
evm::Abi abi_at(const Config& config, const Plan& plan, const evm::Address& address) {
    evm::Abi out;
    for (const ContractConfig& contract : config.contracts) {
        const int source = plan.find_source(contract.name);
        if (source >= 0 &&
            std::ranges::find(contract.addresses, address) != contract.addresses.end()) {
            out.add(plan.abi(static_cast<size_t>(source)));
        }
    }
    return out;
}

void look_at_address(const ContractConfig& contract, const evm::Address& address,
                     const evm::Abi& abi, const ChainLook& chain, EndpointClient& client,
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
    const auto sample = sample_events(client, address, abi, contract.start_block, chain.head);
    if (sample && sample->unknown > 0) {
        out.warnings.push_back(
            fmt::format("{} ({}): {}; they are stored, and nothing is made of them{}",
                        evm::to_hex(address), contract.name, describe(*sample),
                        look->proxy.empty()
                            ? std::string{}
                            : fmt::format("; it is an {} of {}, whose ABI is needed", look->proxy,
                                          evm::to_checksum(look->implementation))));
    }
}

}  // namespace

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
    if (chain->chain_id != config.chain.id) {
        out.other_chain = fmt::format(
            "it serves chain {}, and the config says chain {}: correct id in [chain], or give an "
            "endpoint of chain {}",
            chain->chain_id, config.chain.id, config.chain.id);
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
                look_at_address(contract, address, abi_at(config, plan, address), *chain, client,
                                out);
            }
        }
    }
    return out;
}

}  // namespace plumbline::engine
