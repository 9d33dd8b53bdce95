// Which providers answer an eth_call from another block than it is asked about: a cache that drops
// the parameter, a proxy that sets it. What such a one says of a contract is silently wrong, so
// that each is looked at before its answers to calls that name nobody count, and once in a while.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "rpc/block_probe.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/provider_set.hpp"

namespace plumbline::rpc {

/// A look runs programs that tell their block's time and number (block_probe.hpp): two requests,
/// of five calls in all; of who runs no program, up to twelve in four. Who runs none or lacks the
/// state is not held for one that is off. One that is away gets no calls until it could be looked
/// at, while there is another. One thread, that of the dispatcher, which must outlive it.
class CallBlockWatch {
  public:
    using Ready = std::function<void(Status)>;

    explicit CallBlockWatch(Dispatcher& dispatcher)
        : dispatcher_{dispatcher},
          seen_(dispatcher.providers().size()) {}

    /// Runs `ready` once somebody may be asked for calls at block `block_num`: now, or from `poll`.
    /// kUnavailable: nobody may, and why.
    void when_any_known(uint64_t block_num, Ready ready);
    /// The same of one provider, where calls that name nobody were asked before; else at once.
    /// kIncompatible: it is off, with a sentence.
    void when_known(size_t provider, uint64_t block_num, Ready ready);

    /// Who gets no calls that name nobody.
    [[nodiscard]] ProviderSet kept_from() const;
    /// "answers eth_call from another block than it is asked about ..."; empty of who does not, as
    /// far as is known.
    [[nodiscard]] const std::string& why_off(size_t provider) const {
        return seen_[provider].why_off;
    }

  private:
    /// On its way: `older` is looked at, seen from `newer`.
    struct Look {
        size_t provider = 0;
        ProbedBlock older;
        ProbedBlock newer;
        size_t way = 0;
    };
    struct Told {
        bool is_any = false;  ///< it ran a program
        std::string wrong;
    };
    struct Seen {
        bool is_known = false;  ///< it was asked
        std::string why_off;
        std::string why_away;            ///< the last look could not be made
        std::optional<int64_t> seen_ms;  ///< the last look
        int64_t pause_ms = 0;            ///< until the next one
        bool is_out = false;             ///< a look is on its way
    };

    [[nodiscard]] bool is_good(const Seen& one) const {
        return one.is_known && one.why_off.empty();
    }
    [[nodiscard]] bool is_any_good() const;
    [[nodiscard]] bool is_any_out() const;
    void look_at(size_t provider, uint64_t block_num);
    void ask_headers(size_t provider, uint64_t block_num);
    void take_headers(size_t provider, const GroupResult& result);
    void ask_programs(Look look);
    void take_programs(Look look, const GroupResult& result);
    void end(size_t provider, const Result<Told>& told);
    void run_waiting();
    [[nodiscard]] Status standing_of(size_t provider) const;
    [[nodiscard]] Status standing_of_all() const;

    Dispatcher& dispatcher_;
    std::vector<Seen> seen_;  ///< by provider
    bool has_begun_ = false;
    std::vector<Ready> waiting_for_any_;
    std::vector<std::pair<size_t, Ready>> waiting_;
};

}  // namespace plumbline::rpc
