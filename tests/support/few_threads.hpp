// A process that has no address space for the stacks of many more threads, as under `ulimit -v`.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace plumbline::test {

/// Until it goes. Sanitizers reserve address space of their own: not under them.
class FewThreads {
  public:
    explicit FewThreads(rlim_t bytes) {
        ::getrlimit(RLIMIT_AS, &before_);
        rlim_t pages = 0;
        std::ifstream{"/proc/self/statm"} >> pages;
        rlimit low = before_;
        low.rlim_cur = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + bytes;
        ::setrlimit(RLIMIT_AS, &low);
    }
    FewThreads(const FewThreads&) = delete;
    FewThreads& operator=(const FewThreads&) = delete;
    ~FewThreads() { ::setrlimit(RLIMIT_AS, &before_); }

  private:
    rlimit before_{};
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCanLimitThreads = false;
#else
inline constexpr bool kCanLimitThreads = true;
#endif

}  // namespace plumbline::test
