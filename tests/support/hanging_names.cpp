#include "tests/support/hanging_names.hpp"

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

#include <dlfcn.h>

namespace plumbline::test {

namespace {

std::mutex mutex;
std::condition_variable changed;
bool is_down = false;
int waiting_now = 0;

void wait_for_an_answer() {
    std::unique_lock lock{mutex};
    ++waiting_now;
    changed.wait(lock, [] { return !is_down; });
    --waiting_now;
    changed.notify_all();
}

}  // namespace

HangingNames::HangingNames() {
    const std::lock_guard lock{mutex};
    is_down = true;
}

HangingNames::~HangingNames() {
    std::unique_lock lock{mutex};
    is_down = false;
    changed.notify_all();
    changed.wait(lock, [] { return waiting_now == 0; });
}

void HangingNames::fail() {
    const std::lock_guard lock{mutex};
    is_down = false;
    changed.notify_all();
}

int HangingNames::waiting() const {
    const std::lock_guard lock{mutex};
    return waiting_now;
}

}  // namespace plumbline::test

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** out) {
    if (name != nullptr && std::strcmp(name, plumbline::test::kHangs) == 0) {
        plumbline::test::wait_for_an_answer();
        return EAI_AGAIN;
    }
    static const auto libc =
        reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return libc(name, service, hints, out);
}
