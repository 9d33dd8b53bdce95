// Counting a report over one state.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "api/report/report.hpp"
#include "api/report/report_values.hpp"
#include "core/base/json_writer.hpp"
#include "core/evm/decimal_text.hpp"
#include "core/evm/int512.hpp"
#include "engine/text/entity_text.hpp"
#include "engine/text/event_text.hpp"

namespace plumbline::api {

namespace {

using evm::Int512;
using storage::KeyValue;

constexpr size_t kDistinctMax = 1'000'000;

struct Sum {
    uint64_t count = 0;
    Int512 of;  ///< in units of its type's decimal places
    Int512 to;
    std::set<std::string> distinct;
    std::vector<KeyValue> by;
};

double to_double(const Int512& units, unsigned places) {
    return std::strtod(evm::decimal_text(units.to_decimal(), places).c_str(), nullptr);
}

/// The value as one of `type`, which is `value.type` but for the size of numbers.
Result<KeyValue> stored(const ReportValue& value, const engine::ExprValue& is) {
    KeyValue out{is.number.low_word(), std::string{is.bytes}};
    if (value.type.is_number() && !engine::number_to_word(is.number, value.type, out.word)) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("'{}' is {}, which is no {}", value.name,
                                 evm::decimal_text(is.number.to_decimal(), value.type.places),
                                 to_string(value.type))};
    }
    if (value.step > 0 && out.word.fits_u64()) {
        out.word = evm::U256{out.word.limb[0] / value.step * value.step};
    }
    return out;
}

class Counter {
  public:
    Counter(const Report& report, const ReportLimits& limits, const Clock& clock)
        : report_{report},
          limits_{limits},
          clock_{clock} {}

    /// Before each row or event is looked at.
    Status scan() {
        if (++scanned_ > limits_.scan_max) {
            return Error{
                ErrorCode::kTooLarge,
                fmt::format("the report would look at more than {} rows", limits_.scan_max)};
        }
        if (scanned_ % 1024 == 0 && clock_.monotonic_ms() >= limits_.deadline_ms) {
            return Error{ErrorCode::kTimeout, "counting the report took too long"};
        }
        return ok();
    }
    [[nodiscard]] uint64_t scanned() const noexcept { return scanned_; }

    Result<Sum*> group(std::vector<KeyValue> by) {
        std::string key;
        for (size_t i = 0; i < by.size(); ++i) {
            engine::append_key_value(key, report_.group_by[i].type, by[i]);
        }
        Sum& sum = sums_[key];
        if (sum.count == 0) {
            if (sums_.size() > limits_.groups_max) {
                return Error{ErrorCode::kTooLarge,
                             fmt::format("the report has more than {} groups", limits_.groups_max)};
            }
            sum.by = std::move(by);
        }
        return &sum;
    }
    /// One row or event, at which `values` stands.
    Status count(ReportValues& values) {
        for (const ReportValue& condition : report_.where) {
            PLUMBLINE_TRY(const engine::ExprValue holds, values.calculate(*condition.program));
            if (holds.number.is_zero()) {
                return ok();
            }
        }
        std::vector<KeyValue> by;
        for (const ReportValue& value : report_.group_by) {
            PLUMBLINE_TRY(const engine::ExprValue is, values.calculate(*value.program));
            PLUMBLINE_TRY(KeyValue part, stored(value, is));
            by.push_back(std::move(part));
        }
        PLUMBLINE_TRY(Sum* const sum, group(std::move(by)));
        return add(*sum, values);
    }

    [[nodiscard]] std::vector<ReportGroup> finish() {
        std::vector<const Sum*> order;
        order.reserve(sums_.size());
        for (const auto& [key, sum] : sums_) {
            order.push_back(&sum);
        }
        if (report_.top > 0) {
            std::ranges::stable_sort(order,
                                     [this](const Sum* a, const Sum* b) { return beats(*a, *b); });
            order.resize(std::min<size_t>(order.size(), report_.top));
        }
        std::vector<ReportGroup> out;
        out.reserve(order.size());
        for (const Sum* sum : order) {
            out.push_back({by_json(*sum), value_json(*sum)});
        }
        return out;
    }

  private:
    Status add(Sum& sum, ReportValues& values) {
        const bool is_first = sum.count++ == 0;
        if (!report_.of) {
            return ok();
        }
        PLUMBLINE_TRY(const engine::ExprValue of, values.calculate(*report_.of->program));
        switch (report_.metric) {
            case ReportMetric::kCount: return ok();
            case ReportMetric::kSum: return add_to(sum.of, of.number);
            case ReportMetric::kMin:
                sum.of = is_first ? of.number : std::min(sum.of, of.number);
                return ok();
            case ReportMetric::kMax:
                sum.of = is_first ? of.number : std::max(sum.of, of.number);
                return ok();
            case ReportMetric::kDistinct: return add_distinct(sum, of);
            case ReportMetric::kRatio: break;
        }
        PLUMBLINE_TRY_VOID(add_to(sum.of, of.number));
        PLUMBLINE_TRY(const engine::ExprValue to, values.calculate(*report_.to->program));
        return add_to(sum.to, to.number);
    }
    [[nodiscard]] static Status add_to(Int512& sum, const Int512& value) {
        return evm::add(sum, value, sum)
                   ? ok()
                   : Status{Error{ErrorCode::kTooLarge, "a sum needs more than 512 bits"}};
    }
    Status add_distinct(Sum& sum, const engine::ExprValue& of) {
        PLUMBLINE_TRY(const KeyValue value, stored(*report_.of, of));
        std::string key;
        engine::append_key_value(key, report_.of->type, value);
        distinct_ += sum.distinct.insert(std::move(key)).second ? 1U : 0U;
        return distinct_ <= kDistinctMax
                   ? ok()
                   : Status{Error{ErrorCode::kTooLarge,
                                  fmt::format("more than {} distinct values", kDistinctMax)}};
    }
    [[nodiscard]] bool beats(const Sum& a, const Sum& b) const {
        switch (report_.metric) {
            case ReportMetric::kCount: return a.count > b.count;
            case ReportMetric::kDistinct: return a.distinct.size() > b.distinct.size();
            case ReportMetric::kRatio: return ratio(a) > ratio(b);
            default: return b.of < a.of;
        }
    }
    [[nodiscard]] double ratio(const Sum& sum) const {
        return sum.to.is_zero() ? 0
                                : to_double(sum.of, report_.of->type.places) /
                                      to_double(sum.to, report_.to->type.places);
    }
    [[nodiscard]] std::string by_json(const Sum& sum) const {
        std::string out;
        JsonWriter json{out};
        json.open_object();
        for (size_t i = 0; i < report_.group_by.size(); ++i) {
            json.key(report_.group_by[i].name);
            engine::append_value_json(json.raw_value(), report_.group_by[i].type, sum.by[i]);
        }
        json.close_object();
        return out;
    }
    [[nodiscard]] std::string value_json(const Sum& sum) const {
        std::string out;
        switch (report_.metric) {
            case ReportMetric::kCount: JsonWriter{out}.value(sum.count); break;
            case ReportMetric::kDistinct: JsonWriter{out}.value(sum.distinct.size()); break;
            case ReportMetric::kRatio: JsonWriter{out}.value(ratio(sum)); break;
            case ReportMetric::kSum:
                JsonWriter{out}.value(
                    evm::decimal_text(sum.of.to_decimal(), report_.of->type.places));
                break;
            default:
                if (report_.of->type.bits < 256) {
                    engine::append_value_json(out, report_.of->type, {sum.of.low_word(), {}});
                } else {
                    JsonWriter{out}.value(
                        evm::decimal_text(sum.of.to_decimal(), report_.of->type.places));
                }
                break;
        }
        return out;
    }

    const Report& report_;
    const ReportLimits& limits_;
    const Clock& clock_;
    std::map<std::string, Sum> sums_;
    size_t distinct_ = 0;
    uint64_t scanned_ = 0;
};

Status count_rows(const Report& report, const storage::ReadView& view, ReportValues& values,
                  Counter& counter) {
    const auto rows = view.scan_entity(*report.entity, {}, {});
    for (; rows->valid(); rows->next()) {
        PLUMBLINE_TRY_VOID(counter.scan());
        PLUMBLINE_TRY_VOID(values.at_row(*report.entity, rows->key(), rows->row()));
        PLUMBLINE_TRY_VOID(counter.count(values));
    }
    return rows->status();
}

/// True where the log may be `event`, by its first topic.
bool begins_as(const evm::Log& log, const evm::AbiEvent& event) {
    return event.anonymous || (log.topic_count > 0 && log.topics[0] == event.topic0());
}

Status count_events(const Report& report, const storage::ReadView& view,
                    const std::shared_ptr<const engine::Plan>& plan, ReportValues& values,
                    Counter& counter) {
    PLUMBLINE_TRY(const auto children, view.list_children());
    engine::EventText text{plan, children};
    const engine::PlanEvent& event = *report.event;
    const std::string& contract = plan->sources()[event.source].contract;
    uint64_t block_num = UINT64_MAX;
    uint64_t timestamp = 0;
    const auto logs = view.scan_logs(0, UINT64_MAX);
    for (; logs->valid(); logs->next()) {
        PLUMBLINE_TRY_VOID(counter.scan());
        const storage::LogRecord& record = logs->record();
        if (!begins_as(record.log, event.decoder.event())) {
            continue;
        }
        const engine::EventText::Name name = text.name(record);
        if (name.contract == nullptr || *name.contract != contract) {
            continue;
        }
        if (record.log.block_num != block_num) {
            block_num = record.log.block_num;
            const auto block = view.get_block(block_num);
            timestamp = block ? block->timestamp : 0;
        }
        if (values.at_event(event, record, timestamp)) {
            PLUMBLINE_TRY_VOID(counter.count(values));
        }
    }
    return logs->status();
}

}  // namespace

Result<ReportResult> count_report(const Report& report, const storage::ReadView& view,
                                  const std::shared_ptr<const engine::Plan>& plan,
                                  const Clock& clock, const ReportLimits& limits) {
    Counter counter{report, limits, clock};
    ReportValues values{view, engine::compiled(*plan)};
    PLUMBLINE_TRY_VOID(report.entity ? count_rows(report, view, values, counter)
                                     : count_events(report, view, plan, values, counter));
    ReportResult out;
    out.scanned = counter.scanned();
    out.groups = counter.finish();
    return out;
}

}  // namespace plumbline::api
