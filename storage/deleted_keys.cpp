#include "storage/deleted_keys.hpp"

#include <utility>

#include <rocksdb/write_batch.h>

#include "core/base/clock.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kKeysMax = 16;

}  // namespace

/// Walks a batch.
class DeletedKeys::Counter final : public rocksdb::WriteBatch::Handler {
  public:
    explicit Counter(DeletedKeys& to) : to_{to} {}
    rocksdb::Status PutCF(uint32_t /*id*/, const rocksdb::Slice& /*key*/,
                          const rocksdb::Slice& /*value*/) override {
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteCF(uint32_t id, const rocksdb::Slice& key) override
        PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS {
        to_.add(id, to_view(key));
        return rocksdb::Status::OK();
    }

  private:
    DeletedKeys& to_;  ///< `note` has its lock
};

void DeletedKeys::open() {
    const MutexLock lock{mutex_};
    is_open_ = true;
}

void DeletedKeys::close() {
    {
        const MutexLock lock{mutex_};
        is_open_ = false;
        is_due_ = false;
        families_.clear();
    }
    changed_.notify_all();
}

void DeletedKeys::note(const rocksdb::WriteBatch& batch) {
    if (!batch.HasDelete()) {
        return;
    }
    bool is_due = false;
    {
        const MutexLock lock{mutex_};
        if (!is_open_) {
            return;
        }
        Counter counter{*this};
        batch.Iterate(&counter).PermitUncheckedError();
        is_due = is_due_;
    }
    if (is_due) {
        changed_.notify_all();
    }
}

/// Every key of the family has the same chance to be among those that are kept.
void DeletedKeys::add(uint32_t id, std::string_view key) {
    Family& family = families_[id];
    family.id = id;
    ++family.deletes;
    if (family.keys.size() < kKeysMax) {
        family.keys.emplace_back(key);
    } else {
        random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
        const uint64_t place = (random_ >> 33U) % family.deletes;
        if (place < kKeysMax) {
            family.keys[place].assign(key);
        }
    }
    is_due_ = is_due_ || family.deletes >= kDeletedRunMin;
}

void DeletedKeys::note_key(uint32_t id, std::string key) {
    {
        const MutexLock lock{mutex_};
        if (!is_open_) {
            return;
        }
        Family& family = families_[id];
        family.id = id;
        family.deletes += kDeletedRunMin;
        family.keys.insert(family.keys.begin(), std::move(key));
        if (family.keys.size() > kKeysMax) {
            family.keys.pop_back();
        }
        is_due_ = true;
    }
    changed_.notify_all();
}

bool DeletedKeys::wait_until_due() {
    const MutexLock lock{mutex_};
    while (is_open_ && !is_due_) {
        changed_.wait(mutex_);
    }
    return is_open_;
}

bool DeletedKeys::pause(std::chrono::milliseconds time) {
    const int64_t end = system_clock().monotonic_ms() + time.count();
    const MutexLock lock{mutex_};
    for (int64_t left = time.count(); is_open_ && left > 0;
         left = end - system_clock().monotonic_ms()) {
        changed_.wait_for(mutex_, std::chrono::milliseconds{left});
    }
    return is_open_;
}

std::vector<DeletedKeys::Family> DeletedKeys::take_due() {
    std::vector<Family> out;
    const MutexLock lock{mutex_};
    for (auto at = families_.begin(); at != families_.end();) {
        if (at->second.deletes < kDeletedRunMin) {
            ++at;
            continue;
        }
        out.push_back(std::move(at->second));
        at = families_.erase(at);
    }
    is_due_ = false;
    return out;
}

}  // namespace plumbline::storage
