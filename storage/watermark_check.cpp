#include "storage/watermark_check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "storage/codec.hpp"

namespace plumbline::storage {

WatermarkCheck::WatermarkCheck(const Watermark& own)
    : own_{own},
      highest_commit_{own.commit_num},
      safe_{own.block_num},
      safe_final_{own.finalized} {}

bool WatermarkCheck::differs(const std::string& name, const Watermark& mark, bool fits) {
    highest_commit_ = std::max(highest_commit_, mark.commit_num);
    if (!fits) {
        differing_ += fmt::format(" {} ({})", name, mark.commit_num);
    }
    return !fits;
}

void WatermarkCheck::add_base(const std::string& name, const Watermark& mark) {
    fill_lost_ |= mark.last_fill != own_.last_fill;
    rollback_lost_ |= mark.last_rollback != own_.last_rollback;
    if (differs(name, mark, mark == own_)) {
        log_differs_ = true;
        safe_ = std::min(safe_, mark.block_num);
        safe_final_ = std::min(safe_final_, mark.finalized);
    }
}

void WatermarkCheck::add_append(const std::string& name, const Watermark& mark,
                                const std::string& last_key, const std::string& tail) {
    const bool fill_fits = mark.last_fill == own_.last_fill;
    const bool rollback_fits = mark.last_rollback == own_.last_rollback;
    fill_lost_ |= !fill_fits;
    rollback_lost_ |= !rollback_fits;
    if (!differs(name, mark, fill_fits && rollback_fits && last_key == tail)) {
        return;
    }
    log_differs_ = true;
    if (last_key.size() < sizeof(uint64_t)) {
        // Nothing is left of it, or damage only, whatever the others hold.
        safe_ = 0;
        fill_lost_ = true;
    } else {
        safe_ = std::min(safe_, load_be64(last_key.data()));
    }
}

void WatermarkCheck::add_derived(const std::string& name, const Watermark& mark) {
    derived_differs_ |= differs(name, mark, mark == own_);
}

std::optional<uint64_t> WatermarkCheck::safe_block() const noexcept {
    if (fill_lost_) {
        return std::nullopt;
    }
    return rollback_lost_ ? safe_final_ : safe_;
}

}  // namespace plumbline::storage
