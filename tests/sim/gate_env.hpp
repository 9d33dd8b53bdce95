// RocksDB's background work under the simulation's control, so that a run repeats exactly: flushes
// and compactions run one after the other, in the order they were scheduled, and only while the
// simulation lets them or itself waits for one.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <rocksdb/env.h>
#include <rocksdb/system_clock.h>

namespace plumbline::sim {

/// Background work that failed waits a second before it is tried again; here it does not.
class RestlessClock final : public rocksdb::SystemClockWrapper {
  public:
    using SystemClockWrapper::SystemClockWrapper;
    [[nodiscard]] const char* Name() const override { return "RestlessClock"; }
    void SleepForMicroseconds(int /*micros*/) override {}
};

class GateEnv final : public rocksdb::EnvWrapper {
  public:
    /// `target` must outlive it. The thread that makes it is the simulation's.
    explicit GateEnv(rocksdb::Env* target)
        : rocksdb::EnvWrapper{target},
          status_path_{"/proc/self/task/" + std::to_string(syscall(SYS_gettid)) + "/stat"} {
        file_system_ = target->GetFileSystem();
        system_clock_ = std::make_shared<RestlessClock>(target->GetSystemClock());
        worker_ = std::thread{[this] { work(); }};
    }
    ~GateEnv() override {
        {
            const std::scoped_lock lock{mutex_};
            ending_ = true;
        }
        changed_.notify_all();
        worker_.join();
    }

    /// Lets what is scheduled run, and waits for it. On a disk that fails, jobs come back for ever:
    /// so only some of them.
    void drain() {
        std::unique_lock lock{mutex_};
        open_ = kJobsADrain;
        changed_.notify_all();
        changed_.wait(lock, [this] { return (jobs_.empty() || open_ == 0) && !busy_; });
        open_ = 0;
    }

    void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                  void (*unscheduled)(void*)) override {
        {
            const std::scoped_lock lock{mutex_};
            jobs_.push_back({function, argument, priority, tag, unscheduled});
        }
        changed_.notify_all();
    }
    int UnSchedule(void* tag, Priority priority) override {
        std::deque<Job> dropped;
        {
            const std::scoped_lock lock{mutex_};
            for (auto job = jobs_.begin(); job != jobs_.end();) {
                if (job->tag == tag && job->priority == priority) {
                    dropped.push_back(*job);
                    job = jobs_.erase(job);
                } else {
                    ++job;
                }
            }
        }
        for (const Job& job : dropped) {
            if (job.unscheduled != nullptr) {
                job.unscheduled(job.argument);
            }
        }
        changed_.notify_all();
        return static_cast<int>(dropped.size());
    }

  private:
    static constexpr int kJobsADrain = 8;
    struct Job {
        void (*function)(void*);
        void* argument;
        Priority priority;
        void* tag;
        void (*unscheduled)(void*);
    };

    /// The simulation's thread sleeps: it waits for a job.
    [[nodiscard]] bool is_waited_for() const {
        std::ifstream file{status_path_};
        std::string text;
        std::getline(file, text);
        const size_t at = text.rfind(')');
        return at != std::string::npos && at + 2 < text.size() && text[at + 2] == 'S';
    }

    void work() {
        std::unique_lock lock{mutex_};
        int asleep = 0;
        while (!ending_) {
            if (jobs_.empty()) {
                asleep = 0;
                changed_.wait(lock);
                continue;
            }
            if (open_ == 0 && asleep < 3) {
                changed_.wait_for(lock, std::chrono::milliseconds{1});
                asleep = open_ == 0 && is_waited_for() ? asleep + 1 : 0;
                continue;
            }
            asleep = 0;
            const Job job = jobs_.front();
            jobs_.pop_front();
            open_ -= open_ > 0 ? 1 : 0;
            busy_ = true;
            lock.unlock();
            job.function(job.argument);
            lock.lock();
            busy_ = false;
            changed_.notify_all();
        }
    }

    std::string status_path_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;
    int open_ = 0;  ///< how many may start
    bool busy_ = false;
    bool ending_ = false;
    std::thread worker_;
};

}  // namespace plumbline::sim
