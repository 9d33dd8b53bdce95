// What the service waits for, of the chain and of the disk, and what slows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/ingest/chain_wait.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/service/service_status.hpp"
#include "engine/service/task_ear.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// Tells each reason once in the log, and that nothing is waited for any more. The network
/// thread's. What is given must outlive it.
class WaitWatch {
  public:
    WaitWatch(const Indexer& indexer, const rpc::ChainSource& source, const TaskEar& ear)
        : indexer_{indexer},
          source_{source},
          ear_{ear} {}

    /// All that is waited for longer than is good, the gravest first: `waits` and
    /// `progress.is_waiting` of `status`, by its providers and its progress.
    void find(ServiceStatus& status, int64_t now_ms);
    /// How far the index is behind is not known where no provider tells a head as high as ours.
    void doubt_lag(ProgressNumbers& now, int64_t now_ms) const;

  private:
    [[nodiscard]] std::vector<std::string> find_chain_waits(
        const std::vector<rpc::ProviderStats>& providers, int64_t now_ms);
    void add_head_waits(ServiceStatus& status);
    void add_limitations(ServiceStatus& status) const;
    void add_disk_wait(int64_t now_ms, std::vector<std::string>& out) const;

    const Indexer& indexer_;
    const rpc::ChainSource& source_;
    const TaskEar& ear_;
    ReasonLog told_;
    bool is_told_ = false;
    Calm calm_;
    std::optional<int64_t> late_ms_;  ///< when a question was last open for longer than is good
    bool is_old_head_told_ = false;
};

}  // namespace plumbline::engine
