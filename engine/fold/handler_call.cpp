// What a handler written in C++ sees: the event's values, and the cached rows through the same
// operations that the config's handlers use.
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/fold/handler_runner.hpp"
#include "engine/mapping/handler.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_text.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldType;

Error bad(std::string message) {
    return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

/// Empty where `value` may go into something of type `target`.
std::string misfit(const Value& value, FieldType field) {
    if (value.is_null) {
        return field.optional ? std::string{}
                              : fmt::format("it is {}, which is never null", to_string(field));
    }
    const FieldType target = field.required();
    if (value.type.is_number() && target.is_number() && value.type.places == target.places) {
        return fits_number(value.word, value.type, target)
                   ? std::string{}
                   : fmt::format("it is {}, which cannot hold {}", to_string(target),
                                 show_value({value.word, value.bytes}, value.type));
    }
    if (value.type.is_integer() && target.kind == storage::FieldKind::kEnum) {
        return value.word.fits_u64() && value.word.limb[0] < target.names->size()
                   ? std::string{}
                   : fmt::format("it is {}, which has no name {}", to_string(target),
                                 show_value({value.word, value.bytes}, value.type));
    }
    return value.type == target
               ? std::string{}
               : fmt::format("it is {}, not {}", to_string(target), to_string(value.type));
}

/// What one call of a C++ handler sees. One thread.
class Context final : public HandlerContext {
  public:
    Context(const PlanFunction& function, const CompiledPlan& plan, HandlerRunner& runner,
            const EventScope& scope)
        : function_{function},
          plan_{plan},
          runner_{runner},
          scope_{scope} {}

    [[nodiscard]] const FoldBlock& block() const override { return scope_.block; }
    [[nodiscard]] const evm::Log& log() const override { return scope_.log; }
    [[nodiscard]] ByteView data() const override { return scope_.data; }
    [[nodiscard]] const storage::TxnFields* txn() const override { return scope_.txn; }

    [[nodiscard]] Result<Value> param(size_t i) const override {
        PLUMBLINE_TRY(const PlanFunction::Param* param, param_at(i));
        if (param->is_array) {
            return bad(fmt::format("parameter {} is an array: use element", i));
        }
        return value_of(*param, 0);
    }
    [[nodiscard]] Result<size_t> array_size(size_t i) const override {
        PLUMBLINE_TRY(const PlanFunction::Param* param, param_at(i));
        if (!param->is_array) {
            return bad(fmt::format("parameter {} is no array", i));
        }
        const evm::Value* list = scope_.decoded.get(param->array);
        if (list == nullptr) {
            return bad("a parameter lies outside its array");
        }
        return size_t{list->size};
    }
    [[nodiscard]] Result<Value> element(size_t i, size_t element) const override {
        PLUMBLINE_TRY(const size_t size, array_size(i));
        if (element >= size) {
            return bad(
                fmt::format("parameter {} has {} elements, so none at {}", i, size, element));
        }
        return value_of(function_.params[i], static_cast<uint32_t>(element));
    }

    [[nodiscard]] Result<bool> exists(std::string_view entity,
                                      std::span<const Value> key) override {
        PLUMBLINE_TRY(const Row row, find(entity, key));
        return storage::RowCodec::is_live(row.entry->row);
    }
    [[nodiscard]] Result<Value> get(std::string_view entity, std::span<const Value> key,
                                    std::string_view field) override {
        PLUMBLINE_TRY(const Row row, find(entity, key));
        PLUMBLINE_TRY(const uint16_t index, field_of(row.entity, field));
        const storage::EntityLayout& layout = plan_.entities[row.entity];
        if (!storage::RowCodec::is_live(row.entry->row)) {
            return Error{ErrorCode::kNotFound,
                         fmt::format("there is no '{}' ({})", entity,
                                     storage::key_text(layout, row.entry->key))};
        }
        Value out;
        out.type = layout.fields[index].type.required();
        out.is_null = plan_.codecs[row.entity].is_null(row.entry->row, index);
        if (out.type.is_dynamic()) {
            out.bytes = plan_.codecs[row.entity].raw(row.entry->row, index);
        } else {
            out.word = plan_.codecs[row.entity].word(row.entry->row, index);
        }
        return out;
    }

    [[nodiscard]] Status insert(std::string_view entity, std::span<const Value> key,
                                std::span<const FieldValue> set) override {
        return write(HandlerAction::kInsert, entity, key, set);
    }
    [[nodiscard]] Status upsert(std::string_view entity, std::span<const Value> key,
                                std::span<const FieldValue> set) override {
        return write(HandlerAction::kUpsert, entity, key, set);
    }
    [[nodiscard]] Status update(std::string_view entity, std::span<const Value> key,
                                std::span<const FieldValue> set) override {
        return write(HandlerAction::kUpdate, entity, key, set);
    }
    [[nodiscard]] Status erase(std::string_view entity, std::span<const Value> key) override {
        PLUMBLINE_TRY(const Row row, find(entity, key));
        return settled(runner_.open_row(HandlerAction::kDelete, row.entity, *row.entry, scope_));
    }
    [[nodiscard]] Status add(std::string_view entity, std::span<const Value> key,
                             std::string_view field, const Value& amount) override {
        return calculate(OpKind::kAdd, entity, key, field, amount);
    }
    [[nodiscard]] Status sub(std::string_view entity, std::span<const Value> key,
                             std::string_view field, const Value& amount) override {
        return calculate(OpKind::kSub, entity, key, field, amount);
    }

  private:
    struct Row {
        uint32_t entity = 0;
        EntityCache::Entry* entry = nullptr;
    };

    [[nodiscard]] Status settled(bool done) const {
        if (done) {
            return ok();
        }
        return runner_.trouble() ? *runner_.trouble() : bad(runner_.violation());
    }

    [[nodiscard]] Result<const PlanFunction::Param*> param_at(size_t i) const {
        if (i >= function_.params.size()) {
            return bad(
                fmt::format("it asks for parameter {}, but names {}", i, function_.params.size()));
        }
        return &function_.params[i];
    }
    [[nodiscard]] Result<Value> value_of(const PlanFunction::Param& param, uint32_t each) const {
        const evm::Value* value = scope_.decoded.get(param.path, each);
        if (value == nullptr) {
            return bad("a parameter lies outside its array");
        }
        Value out;
        out.type = param.type;
        if (value->kind == evm::ValueKind::kBytes) {
            out.bytes = as_chars(value->bytes());
        } else {
            out.word = value->word;
        }
        return out;
    }

    [[nodiscard]] Result<uint32_t> entity_of(std::string_view name) const {
        std::vector<std::string> known;
        for (uint32_t i = 0; i < plan_.entities.size(); ++i) {
            if (plan_.entities[i].name == name) {
                return i;
            }
            known.push_back(plan_.entities[i].name);
        }
        return bad(fmt::format("unknown entity '{}'{}", name, suggest(name, known)));
    }
    [[nodiscard]] Result<uint16_t> field_of(uint32_t entity, std::string_view name) const {
        const storage::EntityLayout& layout = plan_.entities[entity];
        const int field = find_field(layout.fields, name);
        if (field < 0) {
            return bad(fmt::format("'{}' has no field '{}'{}", layout.name, name,
                                   suggest(name, names_of(layout.fields))));
        }
        return static_cast<uint16_t>(field);
    }

    [[nodiscard]] Result<Row> find(std::string_view entity, std::span<const Value> key) {
        Row row;
        PLUMBLINE_TRY(row.entity, entity_of(entity));
        const storage::EntityLayout& layout = plan_.entities[row.entity];
        if (key.size() != layout.key.size()) {
            return bad(fmt::format("the key of '{}' has {} fields, not {}", entity,
                                   layout.key.size(), key.size()));
        }
        std::string bytes;
        for (size_t i = 0; i < key.size(); ++i) {
            const FieldType type = layout.key[i].type;
            if (const std::string why = misfit(key[i], type); !why.empty()) {
                return bad(fmt::format("key field '{}.{}': {}", entity, layout.key[i].name, why));
            }
            if (type.is_dynamic()) {
                storage::append_key_dynamic(bytes, key[i].bytes);
            } else {
                storage::append_key_word(bytes, type, key[i].word);
            }
        }
        row.entry = runner_.find(row.entity, bytes);
        if (row.entry == nullptr) {
            return *runner_.trouble();
        }
        return row;
    }

    [[nodiscard]] Status write(HandlerAction action, std::string_view entity,
                               std::span<const Value> key, std::span<const FieldValue> set) {
        PLUMBLINE_TRY(const Row row, find(entity, key));
        PLUMBLINE_TRY_VOID(settled(runner_.open_row(action, row.entity, *row.entry, scope_)));
        for (const auto& [name, value] : set) {
            PLUMBLINE_TRY(const uint16_t field, field_of(row.entity, name));
            const FieldType type = plan_.entities[row.entity].fields[field].type;
            if (const std::string why = misfit(value, type); !why.empty()) {
                return bad(fmt::format("field '{}.{}': {}", entity, name, why));
            }
            PLUMBLINE_TRY_VOID(
                settled(runner_.change(OpKind::kSet, row.entity, field, *row.entry,
                                       {value.word, value.bytes, value.is_null}, value.type)));
        }
        return settled(runner_.close_row(row.entity, *row.entry, scope_));
    }

    [[nodiscard]] Status calculate(OpKind kind, std::string_view entity, std::span<const Value> key,
                                   std::string_view name, const Value& amount) {
        PLUMBLINE_TRY(const Row row, find(entity, key));
        PLUMBLINE_TRY(const uint16_t field, field_of(row.entity, name));
        const FieldType type = plan_.entities[row.entity].fields[field].type;
        if (amount.is_null) {
            return bad(fmt::format("field '{}.{}': the amount is null", entity, name));
        }
        if (!type.is_number() || !amount.type.is_number()) {
            return bad(fmt::format("field '{}.{}' is {}, the amount is {}: both must be numbers",
                                   entity, name, to_string(type), to_string(amount.type)));
        }
        if (type.places != amount.type.places) {
            return bad(
                fmt::format("field '{}.{}' is {}, the amount is {}: both must have as many "
                            "decimal places",
                            entity, name, to_string(type), to_string(amount.type)));
        }
        PLUMBLINE_TRY_VOID(
            settled(runner_.open_row(HandlerAction::kUpdate, row.entity, *row.entry, scope_)));
        PLUMBLINE_TRY_VOID(settled(runner_.change(kind, row.entity, field, *row.entry,
                                                  {amount.word, amount.bytes}, amount.type)));
        return settled(runner_.close_row(row.entity, *row.entry, scope_));
    }

    const PlanFunction& function_;
    const CompiledPlan& plan_;
    HandlerRunner& runner_;
    const EventScope& scope_;
};

}  // namespace

Status call_function(const PlanFunction& function, const CompiledPlan& plan, HandlerRunner& runner,
                     const EventScope& scope) {
    Context context{function, plan, runner, scope};
    return function.handler.run(context);
}

}  // namespace plumbline::engine
