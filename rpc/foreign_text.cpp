#include "rpc/foreign_text.hpp"

namespace plumbline::rpc {

namespace {

/// Below what the reader cuts texts at, so that a secret at the end of it is still whole.
constexpr size_t kTextMax = 1536;
constexpr size_t kBodyMax = 4096;

}  // namespace

void redact(const Redactor& redactor, HttpCompletion& completion) {
    if (!completion.error_text.empty()) {
        completion.error_text = redactor.redact(completion.error_text, kTextMax);
    }
    if (!completion.redirect.empty()) {
        completion.redirect = redactor.redact(completion.redirect, kTextMax);
    }
}

void redact(const Redactor& redactor, RpcError& error) {
    error.message = redactor.redact(error.message, kTextMax);
    error.data = redactor.redact(error.data, kTextMax);
}

void redact(const Redactor& redactor, std::vector<Answer>& answers) {
    for (Answer& answer : answers) {
        if (auto* error = answer.get<RpcError>()) {
            redact(redactor, *error);
        } else if (auto* malformed = answer.get<Answer::Malformed>()) {
            malformed->why = redactor.redact(malformed->why, kTextMax);
        }
    }
}

std::string redacted_body(const Redactor& redactor, const Bytes& body) {
    return redactor.redact(as_chars(body), kBodyMax);
}

}  // namespace plumbline::rpc
