// Where a fold finds what contract calls answered: beside the range of logs that it folds, or in
// the database beside the log.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "storage/call_fact.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// What one answer goes by: of a `once` call the call, of others the block as well.
[[nodiscard]] std::string answer_key(const storage::CallKey& call, uint64_t block_num,
                                     bool is_once);

/// One thread.
class CallSource {
  public:
    virtual ~CallSource() = default;

    /// The fact of `call` for a log of block `block_num`; with `is_once` that of any block at or
    /// below it. Null where there is none. Valid until the next call.
    [[nodiscard]] virtual Result<const storage::CallFact*> find(const storage::CallKey& call,
                                                                uint64_t block_num,
                                                                bool is_once) = 0;

  protected:
    CallSource() = default;
    CallSource(const CallSource&) = default;
    CallSource(CallSource&&) = default;
    CallSource& operator=(const CallSource&) = default;
    CallSource& operator=(CallSource&&) = default;
};

/// The facts that one range of logs needs.
class CallSet final : public CallSource {
  public:
    /// `is_new`: to be stored with the range. One that is there already stays, but is for good
    /// where either is.
    void add(storage::CallFact fact, bool is_new);
    [[nodiscard]] Result<const storage::CallFact*> find(const storage::CallKey& call,
                                                        uint64_t block_num, bool is_once) override;
    [[nodiscard]] bool empty() const noexcept { return facts_.empty(); }
    /// Those to be stored, of block `block_num`, in order of call.
    [[nodiscard]] std::vector<const storage::CallFact*> new_of(uint64_t block_num) const;
    /// All that are to be stored, in order of block and call.
    [[nodiscard]] std::vector<const storage::CallFact*> all_new() const;
    [[nodiscard]] size_t size_bytes() const noexcept { return bytes_; }

  private:
    struct Entry {
        storage::CallFact fact;
        bool is_new = false;
    };
    std::map<std::string, Entry> facts_;              ///< by storage::call_key
    std::unordered_map<std::string, uint64_t> once_;  ///< by storage::once_key: the lowest block
    size_t bytes_ = 0;
};

/// Those that a view holds; asked for in order of block. The view must outlive it.
class StoredCalls final : public CallSource {
  public:
    explicit StoredCalls(const storage::ReadView& view) : view_{view} {}
    [[nodiscard]] Result<const storage::CallFact*> find(const storage::CallKey& call,
                                                        uint64_t block_num, bool is_once) override;

  private:
    [[nodiscard]] Status read_block(uint64_t block_num);

    const storage::ReadView& view_;
    std::unique_ptr<storage::CallScanner> scan_;
    uint64_t block_num_ = 0;
    std::map<storage::CallKey, storage::CallFact> block_;      ///< those of `block_num_`
    std::unordered_map<std::string, storage::CallFact> once_;  ///< by storage::once_key; bounded
};

}  // namespace plumbline::engine
