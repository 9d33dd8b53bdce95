// The edge where a provider's words come in: they lose what is secret of its endpoint before
// anything is learnt from them, cut, kept or shown.
#pragma once

#include <string>
#include <vector>

#include "core/base/redactor.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

/// What the transport says of a request.
void redact(const Redactor& redactor, HttpCompletion& completion);

/// The texts among a provider's answers. Values stay: they are the chain's.
void redact(const Redactor& redactor, RpcError& error);
void redact(const Redactor& redactor, std::vector<Answer>& answers);

/// As much of a body that is no answer as people may want to see.
[[nodiscard]] std::string redacted_body(const Redactor& redactor, const Bytes& body);

}  // namespace plumbline::rpc
