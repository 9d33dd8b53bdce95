// Counting a report over one state.
#include <algorithm>
#include <map>
#include <set>

#include "api/report/report.hpp"
#include "core/base/json_writer.hpp"
#include "core/evm/json_integer.hpp"
#include "engine/text/entity_text.hpp"
#include "engine/text/event_text.hpp"

namespace plumbline::api {

namespace {

using storage::FieldKind;
using storage::FieldType;
using storage::KeyValue;

constexpr size_t kDistinctMax = 1'000'000;

struct Sum {
    uint64_t count = 0;
    evm::U256 of;
    evm::U256 to;
    std::set<std::string> distinct;
    std::vector<KeyValue> by;
};

double to_double(const evm::U256& value) {
    double out = 0;
    for (size_t i = 4; i-- > 0;) {
        out = out * 18446744073709551616.0 + static_cast<double>(value.limb[i]);
    }
    return out;
}

bool is_less(FieldType type, const evm::U256& a, const evm::U256& b) {
    return type.kind == FieldKind::kInt ? evm::compare_signed(a, b) < 0 : a < b;
}

evm::U256 plus(const evm::U256& a, const evm::U256& b) {
    bool ignored = false;
    return evm::add(a, b, ignored);
}

/// A row at hand: what columns and look-ups are read from.
class RowValues {
  public:
    explicit RowValues(const storage::ReadView& view) : view_{view} {
        for (const auto& layout : view.bundle().entities) {
            codecs_.emplace_back(layout);
        }
    }
    Status set(size_t entity, std::string_view key, std::string_view row) {
        entity_ = entity;
        row_ = row;
        PLUMBLINE_TRY(key_, storage::decode_key(key, view_.bundle().entities[entity].key));
        return ok();
    }
    [[nodiscard]] KeyValue get(const ReportValue& value) const {
        KeyValue out;
        if (value.kind == ReportValue::Kind::kColumn) {
            out = value.column < key_.size() ? key_[value.column]
                                             : field(entity_, row_, value.column - key_.size());
        } else if (value.kind == ReportValue::Kind::kLiteral) {
            out = {value.word, value.bytes};
        } else if (value.kind == ReportValue::Kind::kLookup) {
            std::string key;
            for (const ReportValue& part : value.keys) {
                engine::append_key_value(key, part.type, get(part));
            }
            // A row that is not there has zeros and nothing.
            if (const auto row = view_.get_row(value.entity, key)) {
                out = field(value.entity, *row, value.column);
            }
        }
        return out;
    }

  private:
    [[nodiscard]] KeyValue field(size_t entity, std::string_view row, size_t at) const {
        const auto& layout = view_.bundle().entities[entity];
        if (layout.fields[at].type.is_dynamic()) {
            return {{}, std::string{codecs_[entity].raw(row, at)}};
        }
        return {codecs_[entity].word(row, at), {}};
    }

    const storage::ReadView& view_;
    std::vector<storage::RowCodec> codecs_;
    size_t entity_ = 0;
    std::string_view row_;
    std::vector<KeyValue> key_;
};

bool holds(const ReportCondition& condition, const RowValues& row) {
    const KeyValue left = row.get(condition.left);
    const KeyValue& right = {condition.right.word, condition.right.bytes};
    const FieldType type = condition.left.type;
    const bool is_equal = left == right;
    const bool less =
        type.is_dynamic() ? left.bytes < right.bytes : is_less(type, left.word, right.word);
    switch (condition.op) {
        case engine::CompareOp::kEq: return is_equal;
        case engine::CompareOp::kNe: return !is_equal;
        case engine::CompareOp::kLt: return less;
        case engine::CompareOp::kLe: return less || is_equal;
        case engine::CompareOp::kGt: return !less && !is_equal;
        case engine::CompareOp::kGe: return !less;
    }
    return false;
}

KeyValue rounded(KeyValue value, uint64_t step) {
    if (step > 0 && value.word.fits_u64()) {
        value.word = evm::U256{value.word.limb[0] / step * step};
    }
    return value;
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
    Status add(Sum& sum, const RowValues& row) {
        const bool is_first = sum.count++ == 0;
        if (!report_.of) {
            return ok();
        }
        const KeyValue of = row.get(*report_.of);
        switch (report_.metric) {
            case ReportMetric::kCount: break;
            case ReportMetric::kSum: sum.of = plus(sum.of, of.word); break;
            case ReportMetric::kMin:
                sum.of = is_first || is_less(report_.of->type, of.word, sum.of) ? of.word : sum.of;
                break;
            case ReportMetric::kMax:
                sum.of = is_first || is_less(report_.of->type, sum.of, of.word) ? of.word : sum.of;
                break;
            case ReportMetric::kDistinct: {
                std::string key;
                engine::append_key_value(key, report_.of->type, of);
                distinct_ += sum.distinct.insert(std::move(key)).second ? 1U : 0U;
                if (distinct_ > kDistinctMax) {
                    return Error{ErrorCode::kTooLarge,
                                 fmt::format("more than {} distinct values", kDistinctMax)};
                }
                break;
            }
            case ReportMetric::kRatio:
                sum.of = plus(sum.of, of.word);
                sum.to = plus(sum.to, row.get(*report_.to).word);
                break;
        }
        return ok();
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
    [[nodiscard]] bool beats(const Sum& a, const Sum& b) const {
        switch (report_.metric) {
            case ReportMetric::kCount: return a.count > b.count;
            case ReportMetric::kDistinct: return a.distinct.size() > b.distinct.size();
            case ReportMetric::kRatio: return ratio(a) > ratio(b);
            default: return is_less(report_.of->type, b.of, a.of);
        }
    }
    [[nodiscard]] static double ratio(const Sum& sum) {
        return sum.to.is_zero() ? 0 : to_double(sum.of) / to_double(sum.to);
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
                if (report_.of->type.kind == FieldKind::kInt) {
                    evm::append_json_int(out, sum.of, 256);
                } else {
                    evm::append_json_uint(out, sum.of, 256);
                }
                break;
            default: engine::append_value_json(out, report_.of->type, {sum.of, {}}); break;
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

Status count_rows(const Report& report, const storage::ReadView& view, Counter& counter) {
    RowValues values{view};
    const auto rows = view.scan_entity(*report.entity, {}, {});
    for (; rows->valid(); rows->next()) {
        PLUMBLINE_TRY_VOID(counter.scan());
        PLUMBLINE_TRY_VOID(values.set(*report.entity, rows->key(), rows->row()));
        if (!std::ranges::all_of(report.where,
                                 [&](const auto& each) { return holds(each, values); })) {
            continue;
        }
        std::vector<KeyValue> by;
        for (const ReportValue& value : report.group_by) {
            by.push_back(rounded(values.get(value), value.step));
        }
        PLUMBLINE_TRY(Sum* const sum, counter.group(std::move(by)));
        PLUMBLINE_TRY_VOID(counter.add(*sum, values));
    }
    return rows->status();
}

Status count_events(const Report& report, const storage::ReadView& view,
                    const std::shared_ptr<const engine::Plan>& plan, Counter& counter) {
    PLUMBLINE_TRY(const auto children, view.list_children());
    engine::EventText text{plan, children};
    uint64_t block_num = UINT64_MAX;
    uint64_t timestamp = 0;
    const auto logs = view.scan_logs(0, UINT64_MAX);
    for (; logs->valid(); logs->next()) {
        PLUMBLINE_TRY_VOID(counter.scan());
        const storage::LogRecord& record = logs->record();
        const engine::EventText::Name name = text.name(record);
        if (name.event == nullptr || name.contract == nullptr || *name.event != report.event ||
            *name.contract != report.contract) {
            continue;
        }
        if (record.log.block_num != block_num) {
            block_num = record.log.block_num;
            const auto block = view.get_block(block_num);
            timestamp = block ? block->timestamp : 0;
        }
        std::vector<KeyValue> by;
        for (const ReportValue& value : report.group_by) {
            const bool is_number = value.kind == ReportValue::Kind::kBlockNumber;
            by.push_back(rounded({evm::U256{is_number ? block_num : timestamp}, {}}, value.step));
        }
        PLUMBLINE_TRY(Sum* const sum, counter.group(std::move(by)));
        ++sum->count;
    }
    return logs->status();
}

}  // namespace

Result<ReportResult> count_report(const Report& report, const storage::ReadView& view,
                                  const std::shared_ptr<const engine::Plan>& plan,
                                  const Clock& clock, const ReportLimits& limits) {
    Counter counter{report, limits, clock};
    PLUMBLINE_TRY_VOID(report.entity ? count_rows(report, view, counter)
                                     : count_events(report, view, plan, counter));
    ReportResult out;
    out.scanned = counter.scanned();
    out.groups = counter.finish();
    return out;
}

}  // namespace plumbline::api
