// Whether the families of a database hold the same commit, and how far the log can be trusted where
// they do not. Pure: no database inside. Internal to storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/meta_codec.hpp"

namespace plumbline::storage {

/// What the open found, family after family.
class WatermarkCheck {
  public:
    /// `own` is meta's watermark: the commit that the database as a whole says it is at.
    explicit WatermarkCheck(const Watermark& own);

    /// A family outside the generations that carries the watermark of every commit.
    void add_base(const std::string& name, const Watermark& mark);
    /// `log` or `blocks`: they carry the watermarks only of commits that removed or filled in
    /// blocks; what they hold otherwise shows in their last key, which must be `tail`. Empty = no
    /// rows.
    void add_append(const std::string& name, const Watermark& mark, const std::string& last_key,
                    const std::string& tail);
    /// A family of the published generation.
    void add_derived(const std::string& name, const Watermark& mark);

    /// Some family outside the generations stands at another commit.
    [[nodiscard]] bool log_differs() const noexcept { return log_differs_; }
    [[nodiscard]] bool is_equal() const noexcept { return !log_differs_ && !derived_differs_; }
    /// " NAME (commit)" for each family that stands elsewhere.
    [[nodiscard]] const std::string& differing() const noexcept { return differing_; }
    /// The highest commit that any family has seen: the next one must be numbered above it.
    [[nodiscard]] uint64_t highest_commit() const noexcept { return highest_commit_; }
    /// Every family holds the log up to this block for sure; empty = none of it can be trusted. Of
    /// use where `log_differs`.
    [[nodiscard]] std::optional<uint64_t> safe_block() const noexcept;

  private:
    /// Notes a family; gives whether it stands elsewhere.
    bool differs(const std::string& name, const Watermark& mark, bool fits);

    Watermark own_;
    uint64_t highest_commit_;
    uint64_t safe_;        ///< the lowest block that any family's cursor stood at
    uint64_t safe_final_;  ///< the lowest block that any family called final
    bool log_differs_ = false;
    bool derived_differs_ = false;
    /// Blocks below the cursor were filled in by a commit that not all families have: which ones
    /// they were is not known, so no block below is safe.
    bool fill_lost_ = false;
    /// Blocks were removed by a commit that not all families have, so some still hold orphaned
    /// blocks. A rollback never reaches below the finalized block.
    bool rollback_lost_ = false;
    std::string differing_;
};

}  // namespace plumbline::storage
