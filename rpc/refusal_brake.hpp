// How many requests a provider may refuse, whatever it says: what no rule understood, or understood
// wrongly, must not become a storm. Neither clock nor network.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "rpc/eth_json.hpp"

namespace plumbline::rpc {

/// Calls that stand for each other when one of them is refused, as logs and receipts do.
enum class CallFamily : uint8_t { kBlockData, kHeaders, kState };
inline constexpr size_t kCallFamilies = 3;
[[nodiscard]] CallFamily family_of(Call::Kind kind) noexcept;
[[nodiscard]] std::set<CallFamily> families_of(const std::vector<Call>& calls);

/// Of one provider and one family. So many refused requests are free, each that is answered earns
/// one, and so does some time. Once they are used up one request goes at a time, and after each
/// that is refused comes a pause, longer each time, until enough are earned. Times are monotonic
/// ms. One thread.
class RefusalBrake {
  public:
    /// A request of this family was sent.
    void on_sent(int64_t now_ms);
    /// Most of its calls were refused, for neither their size nor their rate. Those that were out
    /// together, as `sent_ms` tells, make one pause.
    void on_refused(int64_t sent_ms, int64_t now_ms);
    void on_answered(int64_t now_ms);
    /// What came back, or did not come, says nothing of it.
    void on_back(int64_t now_ms);
    [[nodiscard]] bool is_on() const { return is_on_; }
    /// The next one goes then; may be past.
    [[nodiscard]] int64_t free_at_ms() const { return free_at_ms_; }

  private:
    static constexpr double kFree = 40;
    static constexpr double kEarnedUntilOff = 20;
    static constexpr double kEarnMs = 3'000;  ///< for one
    static constexpr int64_t kPauseMsFirst = 2'000;
    static constexpr int64_t kPauseMsMax = 20'000;

    void earn(double requests, int64_t now_ms);

    double left_ = kFree;
    int64_t left_at_ms_ = 0;
    bool is_on_ = false;
    uint32_t pauses_ = 0;  ///< since one was answered
    int64_t paused_ms_ = 0;
    bool is_one_out_ = false;  ///< the one that goes at a time
    int64_t free_at_ms_ = 0;
};

using RefusalBrakes = std::array<RefusalBrake, kCallFamilies>;

/// Of one provider and one kind of filter: eth_getLogs that were refused in words that name no way
/// to ask for them. Others are asked then, and it once after a pause, longer each time.
class VainLogs {
  public:
    /// True where it is believed from now on.
    [[nodiscard]] bool on_refused(int64_t now_ms);
    void on_answered() { *this = VainLogs{}; }
    /// It is being asked: who is next waits for what becomes of that.
    void on_asked(int64_t now_ms);
    [[nodiscard]] bool holds(int64_t now_ms) const { return is_known() && now_ms < until_ms_; }

  private:
    static constexpr uint32_t kBelieved = 3;  ///< in a row
    static constexpr int64_t kPauseMsFirst = 60'000;
    static constexpr int64_t kPauseMsMax = 3'600'000;

    [[nodiscard]] bool is_known() const { return in_row_ >= kBelieved; }

    uint32_t in_row_ = 0;
    int64_t until_ms_ = 0;
    int64_t pause_ms_ = kPauseMsFirst;
};

}  // namespace plumbline::rpc
