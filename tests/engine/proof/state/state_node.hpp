// An anvil of our own and the little JSON-RPC that the tests of the state proof need. Counts bytes.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"
#include "engine/proof/state/state_program.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::engine {

using Json = nlohmann::json;

/// Everything a shell command prints; empty when it fails.
inline std::string output_of(const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string out;
    std::string buffer(65536, '\0');
    while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        out.append(buffer, 0, size);
    }
    return ::pclose(pipe) == 0 ? out : "";
}

class TestNode {
  public:
    /// Null where node or anvil are not installed.
    static std::unique_ptr<TestNode> start(const std::string& options = "") {
        const std::string command = "exec node " + source_dir() +
                                    "/tools/node/anvil.mjs --with-parent --timestamp 1700000000 " +
                                    options + " 2>/dev/null";
        auto node = std::unique_ptr<TestNode>{new TestNode};
        node->pipe_ = ::popen(command.c_str(), "r");
        std::string line(4096, '\0');
        if (std::fgets(line.data(), static_cast<int>(line.size()), node->pipe_) == nullptr) {
            return nullptr;
        }
        const Json started = Json::parse(line.c_str());
        node->pid_ = started["pid"].get<pid_t>();
        node->url_ = started["url"].get<std::string>();
        return node;
    }
    ~TestNode() {
        if (pid_ > 0) {
            ::kill(pid_, SIGTERM);
        }
        if (pipe_ != nullptr) {
            ::pclose(pipe_);
        }
        curl_easy_cleanup(curl_);
    }
    TestNode(const TestNode&) = delete;
    TestNode& operator=(const TestNode&) = delete;

    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    size_t sent = 0;
    size_t received = 0;
    size_t requests = 0;

    std::string post(const std::string& body) {
        std::string answer;
        curl_easy_reset(curl_);
        curl_slist* headers = curl_slist_append(nullptr, "content-type: application/json");
        curl_easy_setopt(curl_, CURLOPT_URL, url_.c_str());
        curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 60L);
        curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
        curl_easy_setopt(
            curl_, CURLOPT_WRITEFUNCTION,
            +[](char* data, size_t size, size_t count, void* out) -> size_t {
                static_cast<std::string*>(out)->append(data, size * count);
                return size * count;
            });
        EXPECT_EQ(curl_easy_perform(curl_), CURLE_OK);
        curl_slist_free_all(headers);
        requests++;
        sent += body.size();
        received += answer.size();
        return answer;
    }
    /// The whole answer, with `result` or `error`; `params` is JSON text.
    Json request(std::string_view method, std::string_view params) {
        std::string body = R"({"jsonrpc":"2.0","id":1,"method":")";
        body += method;
        body += R"(","params":)";
        body += params;
        body += '}';
        return Json::parse(post(body));
    }
    Json call(std::string_view method, const Json& params = Json::array()) {
        Json answer = request(method, params.dump());
        EXPECT_TRUE(answer.contains("result")) << method << ": " << answer.dump().substr(0, 500);
        return answer["result"];
    }
    [[nodiscard]] evm::Hash head_hash() {
        return *evm::parse_hash(
            call("eth_getBlockByNumber", {"latest", false})["hash"].get<std::string>());
    }
    /// The program's answer; empty where the node refused, which `refusal` then tells.
    Bytes run(const StateCall& state_call, const evm::Hash& block) {
        const Json answer = request("eth_call", state_call_params(state_call, block));
        refusal = answer.contains("result") ? "" : answer.dump();
        return answer.contains("result")
                   ? evm::parse_hex(answer["result"].get<std::string>()).value_or(Bytes{})
                   : Bytes{};
    }
    /// The getter's own answer; empty where it reverted.
    std::optional<Bytes> ask(const evm::Address& to, ByteView data) {
        const Json answer = request(
            "eth_call",
            Json::array({{{"to", evm::to_hex(to)}, {"data", evm::to_hex(data)}}, "latest"}).dump());
        if (!answer.contains("result")) {
            return std::nullopt;
        }
        return evm::parse_hex(answer["result"].get<std::string>());
    }
    /// Sends from the node's first account and mines; gives the receipt.
    Json transact(const std::string& to, const std::string& data) {
        Json txn{{"from", call("eth_accounts")[0]}, {"data", data}, {"gas", "0x1c9c380"}};
        if (!to.empty()) {
            txn["to"] = to;
        }
        const Json hash = call("eth_sendTransaction", Json::array({txn}));
        Json receipt = call("eth_getTransactionReceipt", Json::array({hash}));
        for (int i = 0; receipt.is_null() && i < 5000; i++) {  // mined by another thread of anvil
            ::usleep(2000);
            receipt = call("eth_getTransactionReceipt", Json::array({hash}));
        }
        EXPECT_EQ(receipt["status"], "0x1");
        return receipt;
    }
    std::string refusal;

  private:
    TestNode() = default;
    CURL* curl_ = curl_easy_init();
    FILE* pipe_ = nullptr;
    pid_t pid_ = 0;
    std::string url_;
};

}  // namespace plumbline::engine
