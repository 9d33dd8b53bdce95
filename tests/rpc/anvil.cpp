#include "tests/rpc/anvil.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <spawn.h>

#include "core/evm/bytes.hpp"
#include "rpc/curl_transport.hpp"
#include "tests/support/paths.hpp"

extern char** environ;  // NOLINT: POSIX

namespace plumbline::rpc::test {

namespace {

constexpr const char* kSender = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

std::string find_binary() {
    if (const char* path = std::getenv("PLUMBLINE_ANVIL")) {  // NOLINT(concurrency-mt-unsafe)
        return path;
    }
    return source_dir() + "/tools/node/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
}

// Reads until "Listening on 127.0.0.1:PORT" has come, for at most 20 s.
uint16_t read_port(int fd) {
    std::string text;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (std::chrono::steady_clock::now() < end) {
        pollfd waiting{fd, POLLIN, 0};
        if (::poll(&waiting, 1, 200) <= 0) {
            continue;
        }
        char buffer[4096];
        const ssize_t count = ::read(fd, buffer, sizeof(buffer));
        if (count <= 0) {
            return 0;
        }
        text.append(buffer, static_cast<size_t>(count));
        constexpr std::string_view kMark = "Listening on 127.0.0.1:";
        const size_t at = text.find(kMark);
        if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
            return static_cast<uint16_t>(
                std::strtoul(text.c_str() + at + kMark.size(), nullptr, 10));
        }
    }
    return 0;
}

}  // namespace

Anvil::Anvil(std::vector<std::string> arguments) {
    const std::string binary = find_binary();
    if (!std::filesystem::exists(binary)) {
        ADD_FAILURE() << "anvil is not at " << binary
                      << ": run tools/setup, or set PLUMBLINE_ANVIL";
        return;
    }
    arguments.insert(arguments.begin(),
                     {binary, "--port", "0", "--host", "127.0.0.1", "--timestamp", "1700000000"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    int pipe_fds[2];
    if (::pipe2(pipe_fds, O_CLOEXEC) != 0) {
        ADD_FAILURE() << "no pipe";
        return;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int failed =
        ::posix_spawn(&pid_, binary.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe_fds[1]);
    out_ = pipe_fds[0];
    if (failed != 0) {
        pid_ = 0;
        ADD_FAILURE() << "anvil cannot be started";
        return;
    }
    port_ = read_port(out_);
    if (port_ == 0) {
        ADD_FAILURE() << "anvil did not say where it listens";
        return;
    }
    // Nobody reads its output from here on; a full pipe must not stop it.
    ::fcntl(out_, F_SETPIPE_SZ, 1 << 20);
}

Anvil::~Anvil() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        int status = 0;
        ::waitpid(pid_, &status, 0);
    }
    if (out_ >= 0) {
        ::close(out_);
    }
}

std::string Anvil::call(const std::string& method, const std::string& params) {
    CurlTransport transport;
    HttpRequest request;
    request.url = url();
    request.body =
        R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params + "}";
    transport.submit(std::move(request));
    std::vector<HttpCompletion> completions;
    for (int i = 0; i < 100 && completions.empty(); ++i) {
        transport.poll(100, completions);
    }
    return completions.empty() ? std::string{} : std::string{as_chars(completions.front().body)};
}

std::string Anvil::call_for_string(const std::string& method, const std::string& params) {
    const std::string response = call(method, params);
    constexpr std::string_view kMark = "\"result\":\"";
    const size_t at = response.find(kMark);
    if (at == std::string::npos) {
        ADD_FAILURE() << method << ": " << response;
        return {};
    }
    const size_t start = at + kMark.size();
    return response.substr(start, response.find('"', start) - start);
}

std::string Anvil::deploy_emitter() {
    // calldatacopy(0, 0, calldatasize); push4 cafebabe; caller as second topic; log2(0,
    // calldatasize)
    const std::string runtime =
        "365f5f37"
        "33"
        "63cafebabe"
        "365f"
        "a2"
        "00";
    // codecopy the runtime behind these 11 bytes and return it
    const std::string init =
        "60"
        "0e"
        "80"
        "60"
        "0a"
        "5f"
        "39"
        "5f"
        "f3"
        "00";
    const std::string txn = call_for_string(
        "eth_sendTransaction", std::string{R"([{"from":")"} + kSender +
                                   R"(","gas":"0x100000","data":"0x)" + init + runtime + R"("}])");
    const std::string receipt = wait_for_receipt(txn);
    constexpr std::string_view kMark = "\"contractAddress\":\"";
    const size_t at = receipt.find(kMark);
    if (at == std::string::npos) {
        ADD_FAILURE() << receipt;
        return {};
    }
    return receipt.substr(at + kMark.size(), 42);
}

// anvil answers before the block is mined.
std::string Anvil::wait_for_receipt(const std::string& txn) {
    for (int i = 0; i < 500; ++i) {
        std::string receipt = call("eth_getTransactionReceipt", "[\"" + txn + "\"]");
        if (receipt.find("\"result\":null") == std::string::npos) {
            return receipt;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return {};
}

void Anvil::emit(const std::string& emitter, const std::string& data) {
    const std::string txn = call_for_string(
        "eth_sendTransaction", std::string{R"([{"from":")"} + kSender + R"(","to":")" + emitter +
                                   R"(","gas":"0x100000","data":"0x)" + data + R"("}])");
    wait_for_receipt(txn);
}

}  // namespace plumbline::rpc::test
