// The examples that `plumbline init --template` starts from, built in from examples/ by
// cmake/embed_templates.cmake.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::engine {

struct TemplateFile {
    std::string_view name;  ///< "plumbline.toml", or that of an ABI
    std::string_view text;
};
struct Template {
    std::string_view name;
    std::span<const TemplateFile> files;
};
[[nodiscard]] std::span<const Template> templates() noexcept;

/// kInvalidArgument lists those that there are.
[[nodiscard]] Result<Template> find_template(std::string_view name);

/// Contracts of the template's config that stand at an address, in its order, with their ABI's
/// file.
struct TemplateContract {
    std::string name;
    std::string_view abi_json;
};
[[nodiscard]] std::vector<TemplateContract> contracts_of(const Template& from);

struct TemplateValues {
    uint64_t chain_id = 0;
    std::string rpc_url;                  ///< a URL or env:NAME
    std::vector<evm::Address> addresses;  ///< one for each of `contracts_of`
    uint64_t start_block = 0;
};
/// The template's config for this chain and these contracts.
[[nodiscard]] std::string fill_template(const Template& from, const TemplateValues& values);

}  // namespace plumbline::engine
