#include "api/report/report_values.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "engine/mapping/expression_program.hpp"
#include "storage/key_text.hpp"

namespace plumbline::api {

namespace {

using engine::ExprLeaves;
using engine::ExprValue;
using engine::PlanOperand;
using engine::ValueView;
using storage::FieldType;
using Kind = PlanOperand::Kind;

evm::U256 word_of(ByteView bytes) {
    return evm::U256::from_be(bytes);
}

}  // namespace

class ReportValues::Leaves final : public ExprLeaves {
  public:
    Leaves(const storage::ReadView& view, const engine::CompiledPlan& plan,
           engine::ExpressionRunner& runner)
        : view_{view},
          plan_{plan},
          runner_{runner} {}

    [[nodiscard]] Status set_row(size_t entity, std::string_view key, std::string_view row) {
        forget();
        entity_ = entity;
        row_ = row;
        PLUMBLINE_TRY_VOID(plan_.codecs[entity].check(row));
        PLUMBLINE_TRY(key_, storage::decode_key(key, plan_.entities[entity].key));
        place_ = [this, key] {
            const storage::EntityLayout& layout = plan_.entities[entity_];
            return fmt::format("'{}' ({})", layout.name, storage::key_text(layout, key));
        };
        return ok();
    }
    [[nodiscard]] bool set_event(const engine::PlanEvent& event, const storage::LogRecord& record,
                                 uint64_t timestamp) {
        forget();
        record_ = &record;
        timestamp_ = timestamp;
        place_ = [&event, &record] {
            return fmt::format("{} at block {}, log {}", event.name, record.log.block_num,
                               record.log.log_index);
        };
        return event.decoder.decode(record.log, record.data, decoded_) == evm::AbiError::kNone;
    }
    [[nodiscard]] std::string place() const { return place_(); }
    [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return trouble_; }

    [[nodiscard]] State read(const PlanOperand& leaf, bool is_tolerated, ValueView& out) override {
        switch (leaf.kind) {
            case Kind::kLiteral: out = {leaf.word, leaf.bytes}; return State::kOk;
            case Kind::kKeyField: out = {key_[leaf.field].word, key_[leaf.field].bytes}; break;
            case Kind::kField: return field(leaf, row_, is_tolerated, out);
            case Kind::kLookup: return look_up(leaf, is_tolerated, out);
            case Kind::kParam: return param(leaf, out);
            case Kind::kBlockNumber: out.word = record_->log.block_num; break;
            case Kind::kBlockTimestamp: out.word = timestamp_; break;
            case Kind::kTxnHash: out.word = word_of(record_->log.txn_hash.view()); break;
            case Kind::kTxnIndex: out.word = record_->log.txn_index; break;
            case Kind::kLogIndex: out.word = record_->log.log_index; break;
            case Kind::kLogAddress: out.word = word_of(record_->log.address.view()); break;
            default: return failed(fmt::format("'{}' is not known of a stored event", leaf.source));
        }
        return State::kOk;
    }
    [[nodiscard]] State exists(const PlanOperand& row, bool is_tolerated, bool& out) override {
        const Result<std::string>* found = nullptr;
        const State state = find(row, is_tolerated, found);
        if (state == State::kOk) {
            out = found->has_value();
        }
        return state;
    }
    [[nodiscard]] State elements(const PlanOperand& list, uint64_t& out) override {
        const evm::Value* value = decoded_.get(list.path, 0);
        out = value == nullptr ? 0 : value->size;
        return State::kOk;
    }

  private:
    void forget() {
        rows_.clear();
        trouble_.reset();
    }
    [[nodiscard]] State failed(std::string why) {
        trouble_ = Error{ErrorCode::kInvalidArgument, std::move(why)};
        return State::kFailed;
    }
    /// What is not set is zero where nothing else is said.
    [[nodiscard]] State field(const PlanOperand& leaf, std::string_view row, bool is_tolerated,
                              ValueView& out) const {
        const storage::RowCodec& codec = plan_.codecs[leaf.entity];
        out.is_null = codec.is_null(row, leaf.field);
        if (out.is_null && !leaf.takes_null && is_tolerated) {
            return State::kMissing;
        }
        if (leaf.type.is_dynamic()) {
            out.bytes = codec.raw(row, leaf.field);
        } else {
            out.word = codec.word(row, leaf.field);
        }
        return State::kOk;
    }
    [[nodiscard]] State param(const PlanOperand& leaf, ValueView& out) {
        const evm::Value* value = decoded_.get(leaf.path, 0);
        if (value == nullptr) {
            return failed(fmt::format("'{}' is not there", leaf.source));
        }
        out.word = value->word;
        if (value->kind == evm::ValueKind::kBytes) {
            out.bytes = as_chars(value->bytes());
        }
        return State::kOk;
    }

    /// A part of a look-up's key; false in `fits` where no row can have such a key.
    [[nodiscard]] State key_part(const PlanOperand& part, bool is_tolerated, ValueView& out,
                                 bool& fits) {
        if (part.kind != Kind::kExpression) {
            const State state = read(part, is_tolerated, out);
            fits = state == State::kOk &&
                   (!part.check_fit || engine::fits_number(out.word, part.type, part.target));
            return state;
        }
        ExprValue value;
        switch (runner_.run(*part.program, *this, is_tolerated, value)) {
            case engine::ExpressionRunner::Outcome::kOk: break;
            case engine::ExpressionRunner::Outcome::kNull:  // of no key
            case engine::ExpressionRunner::Outcome::kMissing: return State::kMissing;
            case engine::ExpressionRunner::Outcome::kFailed: return State::kFailed;
            case engine::ExpressionRunner::Outcome::kViolation:
                return failed(std::move(runner_.reason()));
        }
        out = {value.number.low_word(), value.bytes};
        fits =
            !part.target.is_number() || engine::number_to_word(value.number, part.target, out.word);
        return State::kOk;
    }
    /// The row of a look-up's key, or why there is none.
    [[nodiscard]] State find(const PlanOperand& operand, bool is_tolerated,
                             const Result<std::string>*& out) {
        std::string key;
        bool can_be = true;
        for (const PlanOperand& part : operand.keys) {
            ValueView value;
            bool fits = true;
            if (const State state = key_part(part, is_tolerated, value, fits);
                state != State::kOk) {
                return state;
            }
            can_be = can_be && fits;
            if (part.target.is_dynamic()) {
                storage::append_key_dynamic(key, value.bytes);
            } else {
                storage::append_key_word(key, part.target, value.word);
            }
        }
        rows_.push_back(can_be ? view_.get_row(operand.entity, key)
                               : Result<std::string>{Error{ErrorCode::kNotFound, {}}});
        out = &rows_.back();
        if (*out) {
            if (Status whole = plan_.codecs[operand.entity].check(**out); !whole) {
                trouble_ = std::move(whole).error();
                return State::kFailed;
            }
        } else if (out->error().code != ErrorCode::kNotFound) {
            trouble_ = out->error();
            return State::kFailed;
        }
        return State::kOk;
    }
    [[nodiscard]] State look_up(const PlanOperand& leaf, bool is_tolerated, ValueView& out) {
        const Result<std::string>* row = nullptr;
        if (const State state = find(leaf, is_tolerated, row); state != State::kOk) {
            return state;
        }
        if (row->has_value()) {
            return field(leaf, **row, is_tolerated, out);
        }
        out.is_null = true;
        return is_tolerated && !leaf.takes_null ? State::kMissing : State::kOk;
    }

    const storage::ReadView& view_;
    const engine::CompiledPlan& plan_;
    engine::ExpressionRunner& runner_;
    size_t entity_ = 0;
    std::string_view row_;
    std::vector<storage::KeyValue> key_;
    const storage::LogRecord* record_ = nullptr;
    uint64_t timestamp_ = 0;
    evm::DecodedEvent decoded_;
    std::deque<Result<std::string>> rows_;  ///< looked up; values point into them
    std::function<std::string()> place_;
    std::optional<Error> trouble_;
};

ReportValues::ReportValues(const storage::ReadView& view, const engine::CompiledPlan& plan)
    : leaves_{std::make_unique<Leaves>(view, plan, runner_)} {}
ReportValues::~ReportValues() = default;

Status ReportValues::at_row(size_t entity, std::string_view key, std::string_view row) {
    runner_.forget();
    return leaves_->set_row(entity, key, row);
}

bool ReportValues::at_event(const engine::PlanEvent& event, const storage::LogRecord& record,
                            uint64_t timestamp) {
    runner_.forget();
    return leaves_->set_event(event, record, timestamp);
}

Result<ExprValue> ReportValues::calculate(const engine::ExpressionProgram& program) {
    ExprValue out;
    switch (runner_.run(program, *leaves_, false, out)) {
        case engine::ExpressionRunner::Outcome::kOk: return out;
        case engine::ExpressionRunner::Outcome::kViolation:
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{}: {}", leaves_->place(), runner_.reason())};
        case engine::ExpressionRunner::Outcome::kNull:  // reports do not ask for one
        case engine::ExpressionRunner::Outcome::kMissing:
        case engine::ExpressionRunner::Outcome::kFailed: break;
    }
    PLUMBLINE_CHECK(leaves_->trouble().has_value());
    return Error{*leaves_->trouble()}.with_context(leaves_->place());
}

}  // namespace plumbline::api
