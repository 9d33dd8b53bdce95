// A name server that does not answer, for libraries that look names up themselves. What includes
// this has a getaddrinfo of its own in place of libc's.
#pragma once

namespace plumbline::test {

/// The one name that is looked up for ever.
inline constexpr const char* kHangs = "hangs.example";

/// While it lives, whoever looks `kHangs` up waits. One at a time.
class HangingNames {
  public:
    HangingNames();
    HangingNames(const HangingNames&) = delete;
    HangingNames& operator=(const HangingNames&) = delete;
    /// Waits until nobody looks up any more.
    ~HangingNames();

    /// From now on the name is not found, also by those that wait.
    void fail();
    [[nodiscard]] int waiting() const;
};

}  // namespace plumbline::test
