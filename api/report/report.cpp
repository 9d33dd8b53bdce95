// [reports.NAME] from text.
#include "api/report/report.hpp"

#include <charconv>

#include <fmt/format.h>

#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

using storage::EntityLayout;
using storage::FieldKind;
using storage::FieldType;

constexpr size_t kReportsMax = 100;
constexpr size_t kGroupByMax = 4;
constexpr size_t kWhereMax = 8;
constexpr uint64_t kTopMax = 10'000;
constexpr FieldType kU64{FieldKind::kUint, 64};

class ReportReader {
  public:
    ReportReader(const engine::Section& section, const std::vector<EntityLayout>& entities,
                 Report& report)
        : section_{section},
          entities_{entities},
          report_{report} {}

    Status run() {
        PLUMBLINE_TRY_VOID(section_.allow_only(
            {"about", "entity", "event", "where", "group_by", "metric", "of", "to", "top"}));
        if (const engine::TomlValue* about = section_.find("about")) {
            PLUMBLINE_TRY(report_.about, section_.string(*about, "about"));
        }
        PLUMBLINE_TRY_VOID(subject());
        PLUMBLINE_TRY_VOID(conditions());
        PLUMBLINE_TRY_VOID(groups());
        return metric();
    }

  private:
    Status subject() {
        const engine::TomlValue* entity = section_.find("entity");
        const engine::TomlValue* event = section_.find("event");
        if ((entity == nullptr) == (event == nullptr)) {
            return section_.mistake(section_.pos(),
                                    section_.name() + " needs one of entity and event");
        }
        if (event != nullptr) {
            PLUMBLINE_TRY(const std::string text, section_.string(*event, "event"));
            const auto member = engine::parse_member(text);
            if (!member) {
                return section_.mistake(event->pos, "event must be contract.Event");
            }
            report_.contract = member->contract;
            report_.event = member->member;
            return ok();
        }
        PLUMBLINE_TRY(const std::string name, section_.string(*entity, "entity"));
        for (size_t i = 0; i < entities_.size(); ++i) {
            if (entities_[i].name == name) {
                report_.entity = i;
                layout_ = &entities_[i];
                return ok();
            }
        }
        return section_.mistake(entity->pos,
                                fmt::format("{}: no entity '{}'", section_.name(), name));
    }

    Result<ReportValue> resolve(const engine::Operand& operand, const engine::TomlValue& at) const {
        ReportValue out;
        out.name = operand.source;
        switch (operand.kind) {
            case engine::Operand::Kind::kBlockNumber:
            case engine::Operand::Kind::kBlockTimestamp:
                if (layout_ != nullptr) {
                    break;
                }
                out.kind = operand.kind == engine::Operand::Kind::kBlockNumber
                               ? ReportValue::Kind::kBlockNumber
                               : ReportValue::Kind::kBlockTimestamp;
                out.type = kU64;
                return out;
            case engine::Operand::Kind::kName:
                if (layout_ != nullptr && operand.path.size() == 1) {
                    if (const int column = layout_->find_column(operand.path[0]); column >= 0) {
                        out.column = static_cast<size_t>(column);
                        out.type = layout_->column(out.column).type;
                        return out;
                    }
                }
                break;
            case engine::Operand::Kind::kLookup: return resolve_lookup(operand, at, std::move(out));
            default: break;
        }
        return section_.mistake(
            at.pos,
            fmt::format("{}: '{}' is {}", section_.name(), operand.source,
                        layout_ == nullptr
                            ? "nothing an event report knows: $block.number or $block.timestamp"
                            : "no column of " + layout_->name));
    }

    Result<ReportValue> resolve_lookup(const engine::Operand& operand, const engine::TomlValue& at,
                                       ReportValue out) const {
        out.kind = ReportValue::Kind::kLookup;
        for (size_t i = 0; i < entities_.size() && layout_ != nullptr; ++i) {
            const EntityLayout& other = entities_[i];
            if (other.name != operand.entity) {
                continue;
            }
            const int column = other.find_column(operand.field);
            if (column < static_cast<int>(other.key.size()) ||
                operand.keys.size() != other.key.size()) {
                break;
            }
            out.entity = i;
            out.column = static_cast<size_t>(column) - other.key.size();
            out.type = other.fields[out.column].type;
            for (size_t key = 0; key < other.key.size(); ++key) {
                PLUMBLINE_TRY(ReportValue part, resolve(operand.keys[key], at));
                if (part.type != other.key[key].type) {
                    return section_.mistake(at.pos,
                                            fmt::format("{}: '{}' is not of the type of {}'s key",
                                                        section_.name(), part.name, other.name));
                }
                out.keys.push_back(std::move(part));
            }
            return out;
        }
        return section_.mistake(at.pos, fmt::format("{}: '{}' must be entity[its key fields].field",
                                                    section_.name(), operand.source));
    }

    /// "field", "field/day", "field/hour", "field/1000".
    Result<ReportValue> grouped(const engine::TomlValue& at) const {
        std::string text = at.text;
        uint64_t step = 0;
        if (const size_t slash = text.rfind('/'); slash != std::string::npos) {
            const std::string unit = text.substr(slash + 1);
            const auto [end, error] = std::from_chars(unit.data(), unit.data() + unit.size(), step);
            if (unit == "day" || unit == "hour") {
                step = unit == "day" ? 86'400 : 3'600;
            } else if (error != std::errc{} || end != unit.data() + unit.size() || step == 0) {
                return section_.mistake(
                    at.pos,
                    fmt::format("{}: behind '/' stands day, hour or a number above 0, not '{}'",
                                section_.name(), unit));
            }
            text.resize(slash);
        }
        PLUMBLINE_TRY(const engine::Operand operand, parse_operand(text, section_.origin(at)));
        PLUMBLINE_TRY(ReportValue out, resolve(operand, at));
        if (step > 0 && out.type.kind != FieldKind::kUint) {
            return section_.mistake(at.pos, fmt::format("{}: '{}' is no unsigned number to divide",
                                                        section_.name(), text));
        }
        out.step = step;
        return out;
    }

    Status conditions() {
        const engine::TomlValue* where = section_.find("where");
        if (where == nullptr) {
            return ok();
        }
        if (layout_ == nullptr) {
            return section_.mistake(where->pos, section_.name() + ": where goes with entity");
        }
        PLUMBLINE_TRY(const auto texts, section_.strings(*where, "where", kWhereMax));
        for (const engine::TomlValue* text : texts) {
            PLUMBLINE_TRY(const engine::Condition condition, section_.condition(*text, "where"));
            ReportCondition out;
            out.op = condition.op;
            PLUMBLINE_TRY(out.left, resolve(condition.left, *text));
            out.right.kind = ReportValue::Kind::kLiteral;
            out.right.type = out.left.type;
            const auto value = engine::parse_value(
                out.left.type, condition.right.kind == engine::Operand::Kind::kString
                                   ? condition.right.text
                                   : condition.right.source);
            if (!value) {
                return section_.mistake(
                    text->pos, fmt::format("{}: {}", section_.name(), value.error().message));
            }
            out.right.word = value->word;
            out.right.bytes = value->bytes;
            report_.where.push_back(std::move(out));
        }
        return ok();
    }

    Status groups() {
        const engine::TomlValue* group_by = section_.find("group_by");
        if (group_by == nullptr) {
            return ok();
        }
        PLUMBLINE_TRY(const auto texts, section_.strings(*group_by, "group_by", kGroupByMax));
        for (const engine::TomlValue* text : texts) {
            PLUMBLINE_TRY(ReportValue value, grouped(*text));
            report_.group_by.push_back(std::move(value));
        }
        return ok();
    }

    Status operand(std::string_view key, bool is_needed, std::optional<ReportValue>& out) {
        const engine::TomlValue* value = section_.find(key);
        if ((value != nullptr) != is_needed) {
            return section_.mistake(
                value == nullptr ? section_.pos() : value->pos,
                fmt::format("{}: metric {} goes {} `{}`", section_.name(), report_.metric_name,
                            is_needed ? "with" : "without", key));
        }
        if (value == nullptr) {
            return ok();
        }
        PLUMBLINE_TRY(const engine::Operand parsed, section_.operand(*value, key));
        PLUMBLINE_TRY(out, resolve(parsed, *value));
        if (!out->type.is_number() && report_.metric != ReportMetric::kDistinct) {
            return section_.mistake(
                value->pos, fmt::format("{}: '{}' is no number", section_.name(), out->name));
        }
        return ok();
    }

    Status metric() {
        static constexpr std::pair<std::string_view, ReportMetric> kMetrics[] = {
            {"count", ReportMetric::kCount},       {"sum", ReportMetric::kSum},
            {"min", ReportMetric::kMin},           {"max", ReportMetric::kMax},
            {"distinct", ReportMetric::kDistinct}, {"ratio", ReportMetric::kRatio}};
        if (const engine::TomlValue* value = section_.find("metric")) {
            PLUMBLINE_TRY(report_.metric_name, section_.string(*value, "metric"));
            const auto found = std::ranges::find(kMetrics, report_.metric_name,
                                                 &std::pair<std::string_view, ReportMetric>::first);
            if (found == std::end(kMetrics)) {
                return section_.mistake(
                    value->pos,
                    fmt::format(
                        "{}: metric must be count, sum, min, max, distinct or ratio, not '{}'",
                        section_.name(), report_.metric_name));
            }
            report_.metric = found->second;
        }
        if (layout_ == nullptr && report_.metric != ReportMetric::kCount) {
            return section_.mistake(section_.pos(),
                                    section_.name() + ": events can be counted only");
        }
        PLUMBLINE_TRY_VOID(operand("of", report_.metric != ReportMetric::kCount, report_.of));
        PLUMBLINE_TRY_VOID(operand("to", report_.metric == ReportMetric::kRatio, report_.to));
        if (const engine::TomlValue* top = section_.find("top")) {
            PLUMBLINE_TRY(report_.top, section_.integer(*top, "top", 1, kTopMax));
        }
        return ok();
    }

    const engine::Section& section_;
    const std::vector<EntityLayout>& entities_;
    Report& report_;
    const EntityLayout* layout_ = nullptr;
};

}  // namespace

Result<std::vector<Report>> read_reports(std::string_view config_text, const std::string& path,
                                         const std::vector<EntityLayout>& entities) {
    std::vector<Report> out;
    PLUMBLINE_TRY(const engine::TomlValue root, engine::parse_toml(config_text, path));
    const engine::TomlValue* reports = root.find("reports");
    if (reports == nullptr) {
        return out;
    }
    PLUMBLINE_TRY(const engine::Section all, engine::Section::open(path, "[reports]", *reports));
    if (all.entries().size() > kReportsMax) {
        return all.mistake(all.pos(), fmt::format("at most {} reports", kReportsMax));
    }
    for (const engine::TomlEntry& entry : all.entries()) {
        Report report;
        report.name = entry.key;
        PLUMBLINE_TRY(
            const engine::Section section,
            engine::Section::open(path, fmt::format("[reports.{}]", entry.key), entry.value));
        PLUMBLINE_TRY_VOID(ReportReader(section, entities, report).run());
        out.push_back(std::move(report));
    }
    return out;
}

}  // namespace plumbline::api
