#include "rpc/error_text.hpp"

#include <algorithm>

namespace plumbline::rpc {

std::string shown_text(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size() && out.size() < kShownTextMax;) {
        const std::string_view rest = text.substr(i);
        if (rest.starts_with("http://") || rest.starts_with("https://")) {
            out += "(url)";
            i += std::min(rest.find_first_of(" \t\r\n\"'<>)"), rest.size());
            continue;
        }
        const char c = text[i++];
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
}

std::string error_text(const RpcError& error, int http_status) {
    std::string out =
        "error " + std::to_string(error.code) + " \"" + shown_text(error.message) + "\"";
    if (!error.data.empty()) {
        out += " (" + shown_text(error.data) + ")";
    }
    if (http_status != 200) {
        out += ", HTTP " + std::to_string(http_status);
    }
    return out;
}

}  // namespace plumbline::rpc
