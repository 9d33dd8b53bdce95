// [reports.NAME] from text.
#include "api/report/report.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"
#include "engine/mapping/free_expression.hpp"

namespace plumbline::api {

namespace {

using storage::FieldKind;

constexpr size_t kReportsMax = 100;
constexpr size_t kGroupByMax = 4;
constexpr size_t kWhereMax = 8;
constexpr uint64_t kTopMax = 10'000;
constexpr uint16_t kWordBits = 256;

class ReportReader {
  public:
    ReportReader(const engine::Section& section, const engine::CompiledPlan& plan, Report& report)
        : section_{section},
          plan_{plan},
          report_{report} {}

    Status run() {
        engine::SectionMistakes mistakes{
            section_,
            {"about", "entity", "event", "where", "group_by", "metric", "of", "to", "top"}};
        if (const engine::TomlValue* about = section_.find("about")) {
            mistakes.take(report_.about, section_.string(*about, "about"));
        }
        if (const engine::TomlValue* top = section_.find("top")) {
            mistakes.take(report_.top, section_.integer(*top, "top", 1, kTopMax));
        }
        is_metric_known_ = mistakes.add(metric()) && mistakes.are_known();
        const bool has_subject = section_.find("entity") != nullptr ||  // else one is misspelt
                                 section_.find("event") != nullptr || mistakes.are_known();
        if (has_subject && mistakes.add(subject())) {
            mistakes.add(conditions());
            mistakes.add(groups());
            mistakes.add(operand("of", report_.metric != ReportMetric::kCount, report_.of));
            mistakes.add(operand("to", report_.metric == ReportMetric::kRatio, report_.to));
        }
        return mistakes.all();
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
            PLUMBLINE_TRY(engine::PlanEvent found,
                          engine::find_free_event(plan_, text, event->pos));
            report_.event = std::make_shared<const engine::PlanEvent>(std::move(found));
            return ok();
        }
        PLUMBLINE_TRY(const std::string name, section_.string(*entity, "entity"));
        for (size_t i = 0; i < plan_.entities.size(); ++i) {
            if (plan_.entities[i].name == name) {
                report_.entity = i;
                return ok();
            }
        }
        return section_.mistake(entity->pos,
                                fmt::format("{}: no entity '{}'", section_.name(), name));
    }

    Result<ReportValue> compile(const engine::Operand& operand) const {
        ReportValue out;
        out.name = operand.source;
        PLUMBLINE_TRY(out.program,
                      report_.entity ? engine::compile_over_row(plan_, *report_.entity, operand)
                                     : engine::compile_over_event(plan_, *report_.event, operand));
        out.type = out.program->type;
        if (out.type.bits > kWordBits) {
            out.type.bits = kWordBits;  // as an int256 or a decimal: what is stored and shown
        }
        return out;
    }

    /// "field/1000", "field/day", "field/hour": rounded down; 0 where it is anything else.
    Result<uint64_t> step_of(const engine::Operand& operand, const engine::TomlValue& at) const {
        using Kind = engine::Operand::Kind;
        if (operand.kind != Kind::kCall || operand.call != "/" || at.text.starts_with('(') ||
            operand.keys[0].kind == Kind::kCall) {
            return 0;
        }
        const engine::Operand& unit = operand.keys[1];
        if (unit.kind == Kind::kNumber && unit.places == 0 && !unit.negative &&
            unit.number.fits_u64()) {
            if (unit.number.is_zero()) {
                return section_.mistake(at.pos, fmt::format("{}: behind '/' stands day, hour or a "
                                                            "number above 0, not 0",
                                                            section_.name()));
            }
            return unit.number.limb[0];
        }
        if (unit.kind != Kind::kName) {
            return 0;
        }
        if (unit.source == "day" || unit.source == "hour") {
            if (is_value(unit.source)) {
                const std::string& whole = operand.keys[0].source;
                return section_.mistake(
                    at.pos, fmt::format("{0}: '{1}/{2}' may be the calendar's {2} or a division by "
                                        "the value '{2}': write ({1} / {2}) for the division, "
                                        "{1}/{3} for the {2}",
                                        section_.name(), whole, unit.source,
                                        unit.source == "day" ? 86'400 : 3'600));
            }
            return unit.source == "day" ? 86'400 : 3'600;
        }
        if (!is_value(unit.source)) {
            return section_.mistake(
                at.pos, fmt::format("{}: behind '/' stands day, hour or a number above 0, not '{}'",
                                    section_.name(), unit.source));
        }
        return 0;
    }

    /// Whether the row has a column, or the event a parameter, of that name.
    [[nodiscard]] bool is_value(const std::string& name) const {
        return report_.entity ? plan_.entities[*report_.entity].find_column(name) >= 0
                              : report_.event->decoder.compile_path(name).has_value();
    }

    Result<ReportValue> grouped(const engine::TomlValue& at) const {
        PLUMBLINE_TRY(const engine::Operand operand, section_.operand(at, "group_by"));
        PLUMBLINE_TRY(const uint64_t step, step_of(operand, at));
        PLUMBLINE_TRY(ReportValue out, compile(step > 0 ? operand.keys[0] : operand));
        if (step > 0 && out.type.kind != FieldKind::kUint) {
            return section_.mistake(at.pos, fmt::format("{}: '{}' is no unsigned number to divide",
                                                        section_.name(), out.name));
        }
        out.step = step;
        const auto is_taken = [this](const std::string& name) {
            return std::ranges::find(report_.group_by, name, &ReportValue::name) !=
                   report_.group_by.end();
        };
        if (is_taken(out.name)) {
            out.name = operand.source;  // `at/day` beside `at/hour`
        }
        if (is_taken(out.name)) {
            return section_.mistake(
                at.pos, fmt::format("{}: group_by has '{}' twice", section_.name(), out.name));
        }
        return out;
    }

    Status conditions() {
        const engine::TomlValue* where = section_.find("where");
        if (where == nullptr) {
            return ok();
        }
        PLUMBLINE_TRY(const auto texts, section_.strings(*where, "where", kWhereMax));
        engine::Mistakes mistakes;
        for (const engine::TomlValue* text : texts) {
            auto value = condition(*text);
            if (mistakes.add(value)) {
                report_.where.push_back(*std::move(value));
            }
        }
        return mistakes.all();
    }

    Result<ReportValue> condition(const engine::TomlValue& text) const {
        PLUMBLINE_TRY(const engine::Condition condition, section_.condition(text, "where"));
        PLUMBLINE_TRY(ReportValue value, compile(engine::as_operand(condition)));
        if (value.type.kind != FieldKind::kBool) {
            return section_.mistake(text.pos, fmt::format("{}: '{}' is not true or false",
                                                          section_.name(), value.name));
        }
        return value;
    }

    Status groups() {
        const engine::TomlValue* group_by = section_.find("group_by");
        if (group_by == nullptr) {
            return ok();
        }
        PLUMBLINE_TRY(const auto texts, section_.strings(*group_by, "group_by", kGroupByMax));
        engine::Mistakes mistakes;
        for (const engine::TomlValue* text : texts) {
            auto value = grouped(*text);
            if (mistakes.add(value)) {
                report_.group_by.push_back(*std::move(value));
            }
        }
        return mistakes.all();
    }

    Status operand(std::string_view key, bool is_needed, std::optional<ReportValue>& out) {
        const engine::TomlValue* value = section_.find(key);
        if (is_metric_known_ && (value != nullptr) != is_needed) {
            return section_.mistake(
                value == nullptr ? section_.pos() : value->pos,
                fmt::format("{}: metric {} goes {} `{}`", section_.name(), report_.metric_name,
                            is_needed ? "with" : "without", key));
        }
        if (value == nullptr) {
            return ok();
        }
        PLUMBLINE_TRY(const engine::Operand parsed, section_.operand(*value, key));
        PLUMBLINE_TRY(out, compile(parsed));
        if (is_metric_known_ && !out->type.is_number() &&
            report_.metric != ReportMetric::kDistinct) {
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
        return ok();
    }

    const engine::Section& section_;
    const engine::CompiledPlan& plan_;
    Report& report_;
    bool is_metric_known_ = false;  ///< and no key is misspelt: what goes with it can be judged
};

}  // namespace

Result<std::vector<Report>> read_reports(std::string_view config_text, const std::string& path,
                                         const engine::Plan& plan) {
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
    engine::Mistakes mistakes;
    for (const engine::TomlEntry& entry : all.entries()) {
        Report report;
        report.name = entry.key;
        const auto section =
            engine::Section::open(path, fmt::format("[reports.{}]", entry.key), entry.value);
        if (mistakes.add(section) &&
            mistakes.add(ReportReader(*section, engine::compiled(plan), report).run())) {
            out.push_back(std::move(report));
        }
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    return out;
}

}  // namespace plumbline::api
