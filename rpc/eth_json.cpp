#include "rpc/eth_json.hpp"

#include <charconv>
#include <cstdlib>

#include <simdjson.h>

#include "rpc/json_values.ipp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

namespace {

using namespace json;  // NOLINT(google-build-using-namespace): the readers this file is made of

// ---- Errors and the envelope ---------------------------------------------------------------

constexpr size_t kErrorTextMax = 2048;

std::string clipped(std::string_view text) {
    return std::string{text.substr(0, kErrorTextMax)};
}

// Any JSON value's text, nested or not; false where it is broken JSON.
bool read_raw_text(ondemand::value& value, std::string& out) {
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) {
        return false;
    }
    std::string_view text;
    if (type == ondemand::json_type::object) {
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS ||
            object.raw_json().get(text) != simdjson::SUCCESS) {
            return false;
        }
    } else if (type == ondemand::json_type::array) {
        ondemand::array array;
        if (value.get_array().get(array) != simdjson::SUCCESS ||
            array.raw_json().get(text) != simdjson::SUCCESS) {
            return false;
        }
    } else if (type == ondemand::json_type::string) {
        if (value.get_string().get(text) != simdjson::SUCCESS) {
            return false;
        }
    } else if (type != ondemand::json_type::null) {
        text = value.raw_json_token();
    }
    out = clipped(text);
    return true;
}

// {code, message, data}; a bare string is taken as the message.
std::optional<Fail> read_rpc_error(ondemand::value& value, RpcError& error) {
    if (string_of(value)) {
        return read_raw_text(value, error.message)
                   ? std::nullopt
                   : std::optional{Fail{"the error is broken JSON"}};
    }
    return for_each_field(
        value, "the error", [&](const char* key, ondemand::value& field) -> const char* {
            if (key_is(key, "code")) {
                // A code in quotes or with a fraction says nothing that the message does not.
                if (string_of(field)) {
                    std::string text;
                    if (!read_raw_text(field, text)) {
                        return "broken code";
                    }
                    error.code = std::strtoll(text.c_str(), nullptr, 10);
                } else if (field.get_int64().get(error.code) != simdjson::SUCCESS) {
                    error.code = 0;
                }
            } else if (key_is(key, "message")) {
                return read_raw_text(field, error.message) ? nullptr : "broken message";
            } else if (key_is(key, "data")) {
                return read_raw_text(field, error.data) ? nullptr : "broken data";
            }
            return nullptr;
        });
}

Error decode_error(std::string why) {
    return Error{ErrorCode::kDecode, std::move(why)};
}

// Reads one {id, result | error}. `whole` receives an error object that has no id of ours.
class EnvelopeReader {
  public:
    EnvelopeReader(ondemand::document& document, std::span<const Call> calls, uint64_t first_id,
                   std::vector<Answer>& answers)
        : document_{document},
          calls_{calls},
          first_id_{first_id},
          answers_{answers},
          seen_(calls.size(), false) {}

    Status read(ondemand::object& object) {
        ondemand::value id_value;
        std::optional<size_t> slot;
        const auto found = object.find_field_unordered("id").get(id_value);
        // After any other error the object may not be touched again.
        if (found != simdjson::SUCCESS && found != simdjson::NO_SUCH_FIELD) {
            return decode_error(std::string{"broken JSON: "} + simdjson::error_message(found));
        }
        if (found == simdjson::SUCCESS && !is_null(id_value)) {
            uint64_t id = 0;
            if (!read_id(id_value, id) || id < first_id_ || id - first_id_ >= calls_.size()) {
                return decode_error("an answer has an id that was not asked");
            }
            slot = static_cast<size_t>(id - first_id_);
            if (seen_[*slot]) {
                return decode_error("two answers have the same id");
            }
            seen_[*slot] = true;
        }
        return slot ? read_for(object, *slot) : read_without_id(object);
    }

    /// An error object for the request as a whole, if one came.
    std::optional<RpcError> whole;

  private:
    // Gateways that keep ids as strings give "7" for 7.
    static bool read_id(ondemand::value& value, uint64_t& id) {
        if (const auto text = string_of(value)) {
            const auto [end, error] =
                std::from_chars(text->data(), text->data() + text->size(), id);
            return error == std::errc{} && end == text->data() + text->size();
        }
        return value.get_uint64().get(id) == simdjson::SUCCESS;
    }

    Status read_for(ondemand::object& object, size_t slot) {
        Answer& answer = answers_[slot];
        ondemand::value result;
        const auto found = object.find_field_unordered("result").get(result);
        if (found == simdjson::SUCCESS && !is_null(result)) {
            if (auto fail = read_result(result, calls_[slot], answer)) {
                // Broken JSON ends the reading of the whole; a wrong value only spoils this answer.
                if (!document_.is_alive()) {
                    return decode_error(std::move(fail->why));
                }
                answer.value = Answer::Malformed{std::move(fail->why)};
            }
            return ok();
        }
        if (found != simdjson::SUCCESS && found != simdjson::NO_SUCH_FIELD) {
            return decode_error(std::string{"broken JSON: "} + simdjson::error_message(found));
        }
        RpcError error;
        PLUMBLINE_TRY(const bool has_error, read_error_field(object, error));
        if (has_error) {
            answer.value = std::move(error);
        } else if (found == simdjson::SUCCESS) {
            answer.value = Answer::Null{};
        } else {
            answer.value = Answer::Malformed{"an answer has neither result nor error"};
        }
        return ok();
    }

    Status read_without_id(ondemand::object& object) {
        RpcError error;
        PLUMBLINE_TRY(const bool has_error, read_error_field(object, error));
        if (!has_error) {
            return decode_error("an answer has no id");
        }
        whole = std::move(error);
        whole->is_of_whole = true;
        return ok();
    }

    static Result<bool> read_error_field(ondemand::object& object, RpcError& error) {
        ondemand::value value;
        const auto found = object.find_field_unordered("error").get(value);
        if (found == simdjson::NO_SUCH_FIELD || (found == simdjson::SUCCESS && is_null(value))) {
            return false;
        }
        if (found != simdjson::SUCCESS) {
            return decode_error(std::string{"broken JSON: "} + simdjson::error_message(found));
        }
        if (auto fail = read_rpc_error(value, error)) {
            return decode_error(std::move(fail->why));
        }
        return true;
    }

    ondemand::document& document_;
    std::span<const Call> calls_;
    uint64_t first_id_;
    std::vector<Answer>& answers_;
    std::vector<bool> seen_;
};

}  // namespace

struct AnswerReader::Impl {
    ondemand::parser parser;

    Status open(Bytes& body, ondemand::document& document) {
        static_assert(kBodyPadding >= simdjson::SIMDJSON_PADDING);
        if (body.empty()) {
            return decode_error("the response is empty");
        }
        if (body.capacity() < body.size() + simdjson::SIMDJSON_PADDING) {
            body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
        }
        const auto error =
            parser.iterate(simdjson::padded_string_view{body.data(), body.size(), body.capacity()})
                .get(document);
        if (error != simdjson::SUCCESS) {
            return decode_error(std::string{"the response is not JSON: "} +
                                simdjson::error_message(error));
        }
        return ok();
    }

    Status read_document(ondemand::document& document, EnvelopeReader& reader, bool& is_array) {
        ondemand::json_type type{};
        if (const auto error = document.type().get(type); error != simdjson::SUCCESS) {
            return decode_error(std::string{"the response is not JSON: "} +
                                simdjson::error_message(error));
        }
        if (type == ondemand::json_type::object) {
            // Not by way of get_value(), which does not look at the closing brace.
            ondemand::object object;
            if (const auto error = document.get_object().get(object); error != simdjson::SUCCESS) {
                return decode_error(std::string{"broken JSON: "} + simdjson::error_message(error));
            }
            PLUMBLINE_TRY_VOID(reader.read(object));
        } else if (type == ondemand::json_type::array) {
            is_array = true;
            ondemand::array array;
            if (document.get_array().get(array) != simdjson::SUCCESS) {
                return decode_error("broken JSON");
            }
            for (auto item : array) {
                ondemand::value value;
                if (const auto error = std::move(item).get(value); error != simdjson::SUCCESS) {
                    return decode_error(std::string{"broken JSON: "} +
                                        simdjson::error_message(error));
                }
                ondemand::object object;
                if (value.get_object().get(object) != simdjson::SUCCESS) {
                    return decode_error("an answer is not a JSON object");
                }
                PLUMBLINE_TRY_VOID(reader.read(object));
            }
        } else {
            return decode_error("the response is neither a JSON object nor an array");
        }
        return ok();
    }
};

AnswerReader::AnswerReader() : impl_{std::make_unique<Impl>()} {}
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

Result<std::vector<Answer>> AnswerReader::read(Bytes& body, std::span<const Call> calls,
                                               uint64_t first_id) {
    ondemand::document document;
    PLUMBLINE_TRY_VOID(impl_->open(body, document));
    std::vector<Answer> answers(calls.size());
    EnvelopeReader reader{document, calls, first_id, answers};
    bool is_array = false;
    PLUMBLINE_TRY_VOID(impl_->read_document(document, reader, is_array));
    if (reader.whole) {
        for (Answer& answer : answers) {
            answer.value = *reader.whole;
        }
        return answers;
    }
    if (is_array != (calls.size() != 1)) {
        return decode_error(is_array ? "an array came in answer to a single call"
                                     : "a single answer came to a batch");
    }
    return answers;
}

std::optional<RpcError> AnswerReader::read_error(Bytes& body) {
    ondemand::document document;
    ondemand::json_type type{};
    if (!impl_->open(body, document) || document.type().get(type) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    ondemand::object object;
    bool found = false;
    if (type == ondemand::json_type::object) {
        found = document.get_object().get(object) == simdjson::SUCCESS;
    } else if (type == ondemand::json_type::array) {
        ondemand::array array;
        if (document.get_array().get(array) != simdjson::SUCCESS) {
            return std::nullopt;
        }
        for (auto item : array) {
            ondemand::value first;
            found = std::move(item).get(first) == simdjson::SUCCESS &&
                    first.get_object().get(object) == simdjson::SUCCESS;
            break;
        }
    }
    ondemand::value value;
    RpcError error;
    if (!found || object.find_field_unordered("error").get(value) != simdjson::SUCCESS ||
        is_null(value) || read_rpc_error(value, error)) {
        return std::nullopt;
    }
    error.is_of_whole = true;
    return error;
}

}  // namespace plumbline::rpc
