// The parts that reading a config is made of. Private to the parser.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_toml.hpp"

namespace plumbline::engine {

/// [chain] into `out`; `edits` takes secrets out of the text that is stored.
[[nodiscard]] Status read_chain(std::string_view path, const TomlValue& value, ChainConfig& out,
                                std::vector<TextEdit>& edits);
/// [proof] and [repair].
[[nodiscard]] Status read_proof(std::string_view path, const TomlValue& value, ProofConfig& out);
[[nodiscard]] Status read_repair(std::string_view path, const TomlValue& value, RepairConfig& out);
/// [contracts.NAME] tables into `config.contracts`, with the ABI files they name.
[[nodiscard]] Status read_contracts(std::string_view path, const TomlValue& table,
                                    const FileReader& read_file, Config& config);
/// [entities.NAME] tables into `config.entities`.
[[nodiscard]] Status read_entities(std::string_view path, const TomlValue& table, Config& config);
/// [[on]] tables into `config.handlers`.
[[nodiscard]] Status read_handlers(std::string_view path, const TomlValue& list, Config& config);
/// The kinds of tasks that [schedule] may name.
[[nodiscard]] const std::vector<std::string>& schedulable_tasks();
/// [backup] and the entities must have been read before.
[[nodiscard]] Status read_schedule(std::string_view path, const TomlValue& value, Config& config);
[[nodiscard]] Status read_http(std::string_view path, const TomlValue& value, Config& config,
                               std::vector<TextEdit>& edits);
[[nodiscard]] Status read_webhooks(std::string_view path, const TomlValue& value, Config& config,
                                   std::vector<TextEdit>& edits);
/// Contracts and entities must have been read before.
[[nodiscard]] Status read_sinks(std::string_view path, const TomlValue& value, Config& config,
                                std::vector<TextEdit>& edits);
/// `entities = ["vote"]` of a section; they must be known.
[[nodiscard]] Status read_entity_names(const Section& section, const Config& config,
                                       std::vector<std::string>& out);
/// `events = ["hub.VoteCast", "hub.*", "*"]` of a section; their contracts must be known.
[[nodiscard]] Status read_event_names(const Section& section, const Config& config,
                                      std::vector<std::string>& out);
[[nodiscard]] Status read_backup(std::string_view path, const TomlValue& value, Config& config);
[[nodiscard]] Status read_log(std::string_view path, const TomlValue& value, Config& config);
/// Addresses in mixed case, in operands too, have a right checksum (EIP-55). Of what a person
/// wrote: a config that is stored already stays readable.
[[nodiscard]] Status check_address_case(std::string_view path, const TomlValue& root);
/// What only the whole config can tell: that every contract, entity and field named exists and
/// fits.
[[nodiscard]] Status check_config(std::string_view path, const Config& config);

}  // namespace plumbline::engine
