// JSON Schema from a short notation, so that the shape of an answer is read at a glance:
//
//   {name: string, count?: integer, rows: [Row], level: "a"|"b", by: {*: integer}}
//
// `?` behind a name: it may be missing; `*`: any other names; a capital or a point in a name:
// another schema of the document; any other name (uint256, bytes32): a string of that format.
// Internal to api.
#pragma once

#include <string>
#include <string_view>

#include "core/evm/abi_type.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/layout.hpp"

namespace plumbline::api {

/// The schema as JSON. Notations are our own: one that is wrong is a broken invariant.
[[nodiscard]] std::string schema_of(std::string_view shape);

/// The whole document of a service with this plan.
[[nodiscard]] std::string write_openapi(const engine::Plan& plan);

/// The notation of a column's values, as rows show them.
[[nodiscard]] std::string shape_of(storage::FieldType type);
/// The notation of a parameter's values, as events show them.
[[nodiscard]] std::string shape_of(const evm::AbiType& type);
/// Of a component: OpenAPI takes letters, digits, `.`, `_` and `-`, and contracts ("every 10
/// blocks") and foreign ABIs' events ("$Sent") have others. Each becomes `_`, and a hash behind the
/// name keeps it apart from one that has `_` there.
[[nodiscard]] std::string schema_name(std::string_view name);
/// A member's name in a notation.
[[nodiscard]] std::string shape_name(std::string_view name);

}  // namespace plumbline::api
