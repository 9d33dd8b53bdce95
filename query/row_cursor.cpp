#include "query/row_cursor.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "storage/key_parts.hpp"

namespace plumbline::query {

namespace {

constexpr uint64_t kRowsBetweenQuestions = 256;

}  // namespace

Result<std::string_view> ColumnReader::read(std::string_view key, std::string_view row,
                                            uint16_t column) {
    const size_t key_columns = layout_.key.size();
    if (column >= key_columns) {
        const size_t field = column - key_columns;
        const storage::FieldType type = layout_.fields[field].type;
        scratch_.clear();
        if (type.optional) {
            const bool is_null = codec_.is_null(row, field);
            storage::append_key_presence(scratch_, is_null);
            if (is_null) {
                return std::string_view{scratch_};
            }
        }
        if (type.is_dynamic()) {
            storage::append_key_dynamic(scratch_, codec_.raw(row, field));
        } else {
            storage::append_key_word(scratch_, type, codec_.word(row, field));
        }
        return std::string_view{scratch_};
    }
    for (uint16_t i = 0;; ++i) {
        const size_t size = storage::key_part_size(key, layout_.key[i].type);
        if (size == storage::kBadKeyPart) {
            return Error{ErrorCode::kCorruption, "stored key is damaged"};
        }
        if (i == column) {
            return key.substr(0, size);
        }
        key.remove_prefix(size);
    }
}

RowCursor::RowCursor(const storage::ReadView& view, size_t entity, Access access,
                     const Question& question, RowCursorOptions options)
    : view_{view},
      entity_{entity},
      access_{std::move(access)},
      options_{std::move(options)},
      columns_{view.bundle().entities[entity]} {
    for (const size_t place : access_.left) {
        left_.push_back(question.where[place]);
    }
    PLUMBLINE_CHECK(left_.empty() || !options_.keys_only);
    if (access_.descending) {
        std::ranges::reverse(access_.spans);
    }
    last_ = options_.after;
    if (!options_.after.empty()) {
        skip_to(options_.after);
    }
    open_span();
    settle();
}

void RowCursor::skip_to(const std::string& after) {
    const std::string behind = after + '\0';
    for (Span& span : access_.spans) {
        if (access_.descending) {
            span.to = span.to.empty() ? after : std::min(span.to, after);
        } else {
            span.from = std::max(span.from, behind);
        }
    }
    std::erase_if(access_.spans,
                  [](const Span& span) { return !span.to.empty() && span.from >= span.to; });
}

void RowCursor::open_span() {
    if (span_ == access_.spans.size()) {
        rows_.reset();
        return;
    }
    Span& span = access_.spans[span_++];
    rows_ = view_.scan_rows(
        entity_, access_.path.index,
        {std::move(span.from), std::move(span.to),
         access_.descending ? storage::ScanOrder::kBackward : storage::ScanOrder::kForward,
         options_.keys_only});
}

void RowCursor::next() {
    PLUMBLINE_CHECK(rows_ != nullptr);
    rows_->next();
    settle();
}

/// Goes on to the next row that is wanted, or to the end.
void RowCursor::settle() {
    while (rows_ != nullptr) {
        if (!rows_->valid()) {
            status_ = rows_->status();
            if (!status_) {
                rows_.reset();
                return;
            }
            open_span();
            continue;
        }
        if (visited_ >= options_.visits_max ||
            (options_.should_stop && visited_ > 0 && visited_ % kRowsBetweenQuestions == 0 &&
             options_.should_stop())) {
            is_stopped_ = true;
            rows_.reset();
            return;
        }
        ++visited_;
        last_ = rows_->position();
        if (is_wanted()) {
            return;
        }
        if (!status_) {
            rows_.reset();
            return;
        }
        rows_->next();
    }
}

bool RowCursor::is_wanted() {
    for (const Condition& condition : left_) {
        const auto value = columns_.read(rows_->key(), rows_->row(), condition.column);
        if (!value) {
            status_ = value.error();
            return false;
        }
        if (!holds(condition, *value, columns_.is_optional(condition.column))) {
            return false;
        }
    }
    return true;
}

std::string RowCursor::position() const {
    return last_;
}

}  // namespace plumbline::query
