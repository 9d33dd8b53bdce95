// Whether programs are run (call_program.hpp), and in which form: found out with one request at a
// time, so that a provider that runs none bills no more calls than there are.
//
//   1. Nothing is known: one request goes out, all else waits for it.
//   2. It is answered: from now on all go out at once.
//   3. It is refused, as often as `kRefusedMax` in a row: the other form is tried in the same way.
//   4. That is refused, too: calls go one by one. After `kAloneFirst` of them one request tries it
//      again, in each form by turns, and after twice as many each time, up to `kAloneMax`: another
//      node may stand there by then.
#pragma once

#include <algorithm>
#include <cstddef>

#include "engine/calls/call_program.hpp"

namespace plumbline::engine {

/// Of one provider, or of whoever answers. Asks nobody itself.
class ProgramTrial {
  public:
    static constexpr unsigned kRefusedMax = 2;
    static constexpr size_t kAloneFirst = 10'000;
    static constexpr size_t kAloneMax = 640'000;

    enum class Next {
        kAll,    ///< programs are run: all requests may go out
        kOne,    ///< one, whose end is to be told by `end_trial`
        kWait,   ///< until the one that is out has ended
        kAlone,  ///< no program
    };
    [[nodiscard]] Next next() const noexcept {
        if (alone_left_ > 0) {
            return Next::kAlone;
        }
        return is_run_ ? Next::kAll : is_out_ ? Next::kWait : Next::kOne;
    }
    [[nodiscard]] ProgramForm form() const noexcept { return form_; }

    void begin_trial() noexcept { is_out_ = true; }
    /// However it went.
    void end_trial() noexcept { is_out_ = false; }
    void on_run(ProgramForm form) noexcept {
        form_ = form;
        is_run_ = true;
        is_known_ = false;
        refused_in_row_ = 0;
        alone_left_ = 0;
        alone_next_ = kAloneFirst;
    }
    void on_refused(ProgramForm form) noexcept {
        if (form != form_ || alone_left_ > 0) {
            return;  // It was on its way when that was known already.
        }
        is_run_ = false;
        if (!is_known_ && ++refused_in_row_ < kRefusedMax) {
            return;
        }
        refused_in_row_ = 0;
        is_known_ = is_known_ || form_ == ProgramForm::kOverride;
        form_ = form_ == ProgramForm::kCreate ? ProgramForm::kOverride : ProgramForm::kCreate;
        if (is_known_) {
            alone_left_ = alone_next_;
            alone_next_ = std::min(2 * alone_next_, kAloneMax);
        }
    }
    /// So many calls went out for want of a program.
    void on_alone(size_t calls) noexcept { alone_left_ -= std::min(calls, alone_left_); }

  private:
    ProgramForm form_ = ProgramForm::kCreate;
    bool is_run_ = false;
    bool is_out_ = false;
    bool is_known_ = false;  ///< that both forms are refused
    unsigned refused_in_row_ = 0;
    size_t alone_left_ = 0;  ///< calls that go alone before the next trial
    size_t alone_next_ = kAloneFirst;
};

}  // namespace plumbline::engine
