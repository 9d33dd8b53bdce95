// What tasks tell while they run, taken to where it is shown.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "engine/ingest/ingest_progress.hpp"
#include "engine/service/metrics.hpp"
#include "engine/task/task_observer.hpp"

namespace plumbline::engine {

/// Figures go to the metrics, waits to who asks for them. Thread-safe. `metrics` must outlive it.
class TaskEar final : public TaskObserver {
  public:
    explicit TaskEar(Metrics& metrics) : metrics_{metrics} {}
    void on_proof(std::string_view proof, std::string_view verdict,
                  const Findings& findings) override {
        metrics_.on_proof(proof, verdict, findings);
    }
    void on_repair(std::string_view kind) override { metrics_.on_repair(kind); }
    void on_wait(std::string_view text) override { waiting_for_.set(std::string{text}); }
    void on_mending_spent() override { is_mending_spent_ = true; }
    [[nodiscard]] bool is_mending_spent() const { return is_mending_spent_; }
    [[nodiscard]] std::string waiting_for() const { return waiting_for_.get(); }

  private:
    Metrics& metrics_;
    SharedText waiting_for_;
    std::atomic<bool> is_mending_spent_{false};
};

}  // namespace plumbline::engine
