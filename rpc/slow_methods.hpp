// Which methods a provider does not answer, or not in time, though it may answer others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "rpc/eth_json.hpp"

namespace plumbline::rpc {

/// Of one provider and one method. Who is late, or refuses to run it, is asked for it last for a
/// while, longer each time that this comes again. Times are monotonic ms. One thread.
class SlowMethod {
  public:
    /// So many requests that are late in a row, not counting those that were out together, are
    /// believed; the first answer after `patience_ms_min` is waited for.
    SlowMethod(uint32_t believed, int64_t patience_ms_min)
        : believed_{believed},
          patience_ms_min_{patience_ms_min} {}

    /// It said that it does not run this, or not in time.
    void on_refused(int64_t now_ms);
    /// Another one is asked what was sent at `sent_ms` and is not answered.
    void on_overdue(int64_t sent_ms, int64_t now_ms);
    /// The transport has given up on what was sent at `sent_ms`.
    void on_timeout(int64_t sent_ms, int64_t now_ms);
    /// Its answers show illness, and a probe was answered: whoever is asked about its health asks
    /// another method.
    void on_ill(int64_t now_ms);
    void on_answered(int64_t elapsed_ms, int64_t now_ms);

    /// Of this method alone; until it answers one.
    [[nodiscard]] bool is_ill() const { return is_ill_; }
    /// Others are asked first.
    [[nodiscard]] bool is_last(int64_t now_ms) const { return now_ms < until_ms_; }
    /// That, and it has let more than one run out of time and answered none since: whoever can ask
    /// another one does. One alone may have asked for too much.
    [[nodiscard]] bool hangs(int64_t now_ms) const {
        return has_timed_out_ && late_in_row_ > 1 && is_last(now_ms);
    }
    /// Another one was asked what it did not answer, and it has answered nothing since.
    [[nodiscard]] bool is_overdue() const { return is_overdue_; }
    /// So long an answer is waited for before another one is asked as well: several times what
    /// answers have taken.
    [[nodiscard]] int64_t patience_ms() const;

  private:
    void count_late(int64_t sent_ms, int64_t now_ms);

    uint32_t believed_;
    int64_t patience_ms_min_;
    int64_t until_ms_ = 0;
    uint32_t times_last_ = 0;  ///< in a row, for the length of the next time
    uint32_t late_in_row_ = 0;
    int64_t late_ms_ = -1;  ///< when the last of these was noticed
    bool has_timed_out_ = false;
    bool is_overdue_ = false;
    bool is_ill_ = false;
    int64_t answer_ms_ = 0;  ///< what answers take, a moving average that is quick to grow
};

/// The same of each method, as `Call::Kind` has them.
class SlowMethods {
  public:
    [[nodiscard]] SlowMethod& of(Call::Kind kind) { return methods_[static_cast<size_t>(kind)]; }
    [[nodiscard]] const SlowMethod& of(Call::Kind kind) const {
        return methods_[static_cast<size_t>(kind)];
    }
    /// Logs of a range and of a block are one method.
    void on_ill(Call::Kind kind, int64_t now_ms) { of(method_of(kind)).on_ill(now_ms); }
    [[nodiscard]] bool is_ill(Call::Kind kind) const { return of(method_of(kind)).is_ill(); }
    [[nodiscard]] static constexpr Call::Kind method_of(Call::Kind kind) noexcept {
        return kind == Call::Kind::kLogsOfBlock ? Call::Kind::kLogs : kind;
    }

  private:
    static constexpr size_t kKinds = static_cast<size_t>(Call::Kind::kProof) + 1;
    static std::array<SlowMethod, kKinds> make();
    std::array<SlowMethod, kKinds> methods_ = make();
};

}  // namespace plumbline::rpc
