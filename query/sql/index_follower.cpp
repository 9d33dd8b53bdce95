#include "query/sql/index_follower.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "core/base/clock.hpp"
#include "core/base/sleep.hpp"
#include "engine/mapping/stored_plan.hpp"

namespace plumbline::query::sql {

namespace {

constexpr int64_t kReopenMs = 1'000;
/// Openings that may meet the writer between two of its families.
constexpr int kTriesMax = 5;
constexpr size_t kMemoryBytes = size_t{64} << 20;

}  // namespace

Result<std::shared_ptr<IndexFollower>> IndexFollower::of(const std::string& path) {
    static Mutex mutex;
    static std::map<std::string, std::weak_ptr<IndexFollower>> known;
    std::error_code ignored;
    const std::filesystem::path whole = std::filesystem::canonical(path, ignored);
    const std::string name = whole.empty() ? path : whole.string();
    std::shared_ptr<IndexFollower> out;
    {
        const MutexLock lock{mutex};
        out = known[name].lock();
        if (out == nullptr) {
            out.reset(new IndexFollower{name});
            known[name] = out;
        }
    }
    const auto view = out->newest();
    return view ? Result<std::shared_ptr<IndexFollower>>{out} : view.error();
}

IndexFollower::Mark IndexFollower::read_mark() const {
    struct stat found = {};
    if (stat((path_ + "/PLUMBLINE_HEAD").c_str(), &found) != 0) {
        return {};
    }
    return {found.st_ino, int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

Status IndexFollower::open_again() {
    for (int i = 0; i < kTriesMax; ++i) {
        const Mark mark = read_mark();
        storage::OpenOptions options;
        options.read_only = true;
        options.memory_bytes = kMemoryBytes;
        const auto opened = storage::Database::open(path_, options);
        opened_ms_ = system_clock().monotonic_ms();
        if (!opened) {
            return opened.error();
        }
        // Families that stand at different commits: the writer was between two of its files.
        if ((*opened)->needs_refold()) {
            sleep_ms(20);
            continue;
        }
        view_ = (*opened)->read_view();
        auto plan = engine::stored_plan(**opened);
        plan_ = plan ? *std::move(plan) : nullptr;
        mark_ = mark;
        return ok();
    }
    return Error{ErrorCode::kUnavailable,
                 path_ +
                     ": the entities do not belong to the log as it is: they "
                     "are being folded again, or the writer is too busy to "
                     "be read beside; try again"};
}

Result<std::shared_ptr<const storage::ReadView>> IndexFollower::newest() {
    const MutexLock lock{mutex_};
    const bool is_due =
        view_ == nullptr ||
        (read_mark() != mark_ && system_clock().monotonic_ms() - opened_ms_ >= kReopenMs);
    if (is_due) {
        const Status opened = open_again();
        if (!opened && view_ == nullptr) {
            return opened.error();
        }
    }
    return view_;
}

std::shared_ptr<const engine::Plan> IndexFollower::plan() {
    const MutexLock lock{mutex_};
    return plan_;
}

}  // namespace plumbline::query::sql
