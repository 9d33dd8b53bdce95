#include "engine/repair/unknown_events.hpp"

#include <utility>

#include "engine/mapping/block_tick.hpp"
#include "engine/text/event_text.hpp"
#include "storage/raw_scan.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::engine {

namespace {

void count_unnamed(const evm::Address& address, UnknownEvents& out) {
    constexpr size_t kAddressesMax = 16;
    if (out.unnamed.size() < kAddressesMax || out.unnamed.contains(address)) {
        ++out.unnamed[address];
    } else {
        ++out.unnamed_others;
    }
}

/// The places of the events in quarantine, asked for in the log's order.
class QuarantinedPlaces {
  public:
    explicit QuarantinedPlaces(const storage::ReadView& view)
        : scan_{storage::scan_raw_quarantine(view)} {}

    [[nodiscard]] Result<bool> contains(const evm::Log& log) {
        const std::pair wanted{log.block_num, log.log_index};
        for (; scan_->valid(); scan_->next()) {
            PLUMBLINE_TRY(const storage::QuarantineRow row,
                          storage::decode_quarantine(scan_->key(), scan_->value()));
            const std::pair at{row.block_num, row.log_index};
            if (at >= wanted) {
                return at == wanted;
            }
        }
        PLUMBLINE_TRY_VOID(scan_->status());
        return false;
    }

  private:
    std::unique_ptr<storage::RawScanner> scan_;
};

}  // namespace

uint64_t UnknownEvents::of_no_abi() const noexcept {
    uint64_t out = total - unnamed_others;
    for (const auto& [address, count] : unnamed) {
        out -= count;
    }
    for (const auto& [what, count] : uncounted) {
        out -= count;
    }
    for (const auto& [what, count] : other_shapes) {
        out -= count;
    }
    return out;
}

Result<UnknownEvents> count_unknown_events(const storage::ReadView& view,
                                           const std::shared_ptr<const Plan>& plan,
                                           const std::function<bool()>& is_cancelled) {
    constexpr uint64_t kLookEvery = 4'096;
    PLUMBLINE_TRY(const auto children, view.list_children());
    EventText text{plan, children};
    UnknownEvents out;
    QuarantinedPlaces quarantined{view};
    const auto logs = view.scan_logs(0, UINT64_MAX);
    uint64_t walked = 0;
    for (; logs->valid(); logs->next()) {
        if (++walked % kLookEvery == 0 && is_cancelled && is_cancelled()) {
            return Error{ErrorCode::kCancelled, "stopped"};
        }
        const storage::LogRecord& record = logs->record();
        out.seen += is_tick(record.log) ? 0U : 1U;
        const EventText::Name found = text.name(record);
        if (found.event != nullptr) {
            continue;
        }
        PLUMBLINE_TRY(const bool is_quarantined, quarantined.contains(record.log));
        if (is_quarantined) {
            continue;
        }
        ++out.total;
        if (found.contract == nullptr) {
            if (auto left_out = text.uncounted(record.log)) {
                ++out.uncounted[*std::move(left_out)];
            } else {
                count_unnamed(record.log.address, out);
            }
            continue;
        }
        if (const auto misfit = text.misfit(record.log)) {
            ++out.other_shapes[{*found.contract, misfit->event, misfit->why}];
        }
    }
    PLUMBLINE_TRY_VOID(logs->status());
    return out;
}

}  // namespace plumbline::engine
