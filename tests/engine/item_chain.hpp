// A small contract with most of what a fold can meet: inserts, deletes, violations, factory
// children.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::test {

inline const Abis kAbis{
    {"Hub.json", abi_json({"event Put(uint256 indexed id, uint256 amount)",
                           "event Del(uint256 indexed id)", "event Deployed(address vault)"})},
    {"Vault.json", abi_json({"event Paid(uint256 amount)"})}};

inline const std::string kMapping = R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[contracts.vault]
abi = "Vault.json"
factory = { event = "hub.Deployed", address = "vault" }
[entities.item]
key = { id = "uint256" }
fields = { amount = "uint64", at = "uint64", hash = "bytes32" }
index = [["amount"]]
[entities.total]
key = { vault = "address" }
fields = { amount = "uint256" }
[[on]]
event = "hub.Put"
insert = "item"
key = { id = "id" }
set = { amount = "amount", at = "$block.timestamp", hash = "$block.hash" }
[[on]]
event = "hub.Del"
delete = "item"
key = { id = "id" }
[[on]]
event = "vault.Paid"
upsert = "total"
key = { vault = "$log.address" }
add = { amount = "amount" }
)";

/// Blocks with gaps between them, children and violations.
inline void grow(World& world, const Mapping& mapping, uint64_t seed, uint64_t blocks) {
    std::mt19937_64 random{seed};
    uint64_t block_num = 0;
    uint64_t vaults = 0;
    for (uint64_t i = 0; i < blocks; ++i) {
        block_num += 1 + (random() % 10 == 0 ? random() % 5'000 : 0);
        std::vector<Emitted> events;
        const uint64_t count = 1 + random() % 5;
        for (uint32_t at = 0; at < count; ++at) {
            const uint64_t id = random() % 200;
            switch (random() % 5) {
                case 0:
                case 1:
                    events.push_back(
                        mapping.emit("hub.Put", {num(id), num(random() % 1000)}, block_num, at));
                    break;
                case 2: events.push_back(mapping.emit("hub.Del", {num(id)}, block_num, at)); break;
                case 3:
                    if (vaults < 10) {
                        events.push_back(
                            mapping.emit("hub.Deployed", {acc(100 + vaults++)}, block_num, at));
                        break;
                    }
                    [[fallthrough]];
                default:
                    events.push_back(mapping.emit("vault.Paid", {num(id)}, block_num, at,
                                                  address_of(100 + random() % 12)));
            }
        }
        world.block(block_num, events);
    }
    world.commit();
}

inline std::vector<std::string> whole(const storage::Database& database) {
    storage::DumpOptions options;
    options.want = [](std::string_view family) { return family != "default"; };
    auto lines = storage::dump_lines(database, options);
    EXPECT_TRUE(lines.has_value()) << message_of(lines);
    return *std::move(lines);
}

}  // namespace plumbline::engine::test
