#include "api/server/fair_pool.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::api {

FairPool::FairPool(FairPoolOptions options) : options_{options} {
    for (unsigned i = 0; i < std::max(1U, options_.threads); ++i) {
        // Also where the next one cannot be started: those that run are told then.
        threads_.emplace_back([this](const std::stop_token& done) {
            const std::stop_callback on_end{done, [this] { drop_waiting(); }};
            work();
        });
    }
}

FairPool::~FairPool() {
    stop();
}

FairPool::Taken FairPool::submit(const std::string& client, std::function<void()> job) {
    {
        const MutexLock lock{mutex_};
        if (is_stopped_ || waiting_ >= options_.waiting_max) {
            return Taken::kFull;
        }
        Client& asking = clients_[client];
        if (asking.waiting.size() >= options_.client_waiting_max) {
            return Taken::kClientFull;
        }
        if (asking.waiting.empty()) {
            turns_.push_back(client);
        }
        asking.waiting.push_back(std::move(job));
        ++waiting_;
    }
    news_.notify_one();  // Who wakes up finds the lock free.
    return Taken::kYes;
}

bool FairPool::choose(std::string& client) {
    for (auto next = turns_.begin(); next != turns_.end(); ++next) {
        if (clients_.at(*next).running < options_.client_running_max) {
            client = std::move(*next);
            turns_.erase(next);
            return true;
        }
    }
    return false;
}

void FairPool::work() {
    if (options_.niceness != 0) {
        // On Linux a thread has a niceness of its own. Without the right to it things go on as
        // well.
        static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()),
                                        ::getpriority(PRIO_PROCESS, 0) + options_.niceness));
    }
    MutexLock lock{mutex_};
    while (!is_stopped_) {
        std::string name;
        if (!choose(name)) {
            news_.wait(mutex_);
            continue;
        }
        Client& client = clients_.at(name);
        std::function<void()> job = std::move(client.waiting.front());
        client.waiting.pop_front();
        --waiting_;
        ++client.running;
        if (!client.waiting.empty()) {
            turns_.push_back(name);
        }
        // Whoever takes a job looks after the next one: a thread that ends a job makes room for one
        // of the same client, and takes it, or another, itself.
        const bool has_more = !turns_.empty();
        lock.unlock();
        if (has_more) {
            news_.notify_one();
        }
        if (const Status ran = catch_exceptions("serving HTTP", job); !ran) {
            logging::error(ran.error().message);
        }
        job = nullptr;  // What it held goes without the lock.
        lock.lock();
        --client.running;
        if (client.running == 0 && client.waiting.empty()) {
            clients_.erase(name);
        }
    }
}

void FairPool::drop_waiting() {
    std::map<std::string, Client> dropped;
    {
        const MutexLock lock{mutex_};
        is_stopped_ = true;
        turns_.clear();
        waiting_ = 0;
        for (auto& [name, client] : clients_) {
            dropped[name].waiting.swap(client.waiting);
        }
        news_.notify_all();
    }
}

void FairPool::stop() {
    drop_waiting();
    threads_.clear();  // Joins.
}

}  // namespace plumbline::api
