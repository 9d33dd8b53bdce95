// What is known of contract calls without asking: what the database holds, and facts on their way
// to it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/calls/call_set.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// One thread.
class KnownCalls final : public CallSource {
  public:
    /// `database` may be null: then only what was learnt is known. It must outlive this.
    explicit KnownCalls(const storage::Database* database) : database_{database} {}

    /// The database may have moved on: looks at it anew.
    void refresh();
    /// The facts of `once` calls of a range that goes to the writer.
    void learn(const CallSet& calls);
    /// From now on what these told of block `from` and later is not known, where it is stored.
    void distrust(std::set<std::string> providers, uint64_t from) {
        distrusted_ = std::move(providers);
        distrusted_from_ = from;
    }
    /// What was learnt and never came to the writer, or was taken back, is forgotten.
    void forget();
    [[nodiscard]] Result<const storage::CallFact*> find(const storage::CallKey& call,
                                                        uint64_t block_num, bool is_once) override;

  private:
    const storage::Database* database_;
    std::unique_ptr<storage::ReadView> view_;
    std::optional<uint64_t> stored_to_;                          ///< the view's cursor
    std::unordered_map<std::string, storage::CallFact> learnt_;  ///< by storage::once_key
    std::optional<storage::CallFact> found_;
    std::set<std::string> distrusted_;
    uint64_t distrusted_from_ = 0;
};

}  // namespace plumbline::engine
