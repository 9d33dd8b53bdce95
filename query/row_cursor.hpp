// Rows of an entity by an access plan, one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "query/access_plan.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"

namespace plumbline::query {

struct RowCursorOptions {
    std::string after;       ///< a `position` that an earlier cursor of the same plan gave
    bool keys_only = false;  ///< rows are not looked up; only where nothing is left to check
    /// Asked every 256 rows: true ends the walk, and `is_stopped` says so. May be empty.
    std::function<bool()> should_stop{};
    uint64_t visits_max = UINT64_MAX;  ///< after so many rows the walk ends likewise
};

/// The encoded value of a column: what conditions are compared with.
class ColumnReader {
  public:
    explicit ColumnReader(const storage::EntityLayout& layout) : layout_{layout}, codec_{layout} {}
    /// Valid until the next call, and as long as key and row. kCorruption for a damaged key.
    [[nodiscard]] Result<std::string_view> read(std::string_view key, std::string_view row,
                                                uint16_t column);
    [[nodiscard]] const storage::RowCodec& codec() const noexcept { return codec_; }
    /// Whether a row may have no value there.
    [[nodiscard]] bool is_optional(uint16_t column) const {
        return layout_.column(column).type.optional;
    }

  private:
    const storage::EntityLayout& layout_;
    storage::RowCodec codec_;
    std::string scratch_;
};

/// One thread. The view must outlive it; key and row are valid until it moves.
class RowCursor {
  public:
    RowCursor(const storage::ReadView& view, size_t entity, Access access, const Question& question,
              RowCursorOptions options);

    [[nodiscard]] bool valid() const noexcept { return rows_ != nullptr; }
    void next();
    [[nodiscard]] std::string_view key() const { return rows_->key(); }
    [[nodiscard]] std::string_view row() const { return rows_->row(); }
    /// Behind which a later cursor goes on: of this row, or once stopped of the last one visited.
    [[nodiscard]] std::string position() const;
    /// The walk ended before its end, by `should_stop` or `visits_max`.
    [[nodiscard]] bool is_stopped() const noexcept { return is_stopped_; }
    [[nodiscard]] const Status& status() const noexcept { return status_; }
    /// Rows, or places of an index, that were read.
    [[nodiscard]] uint64_t visited() const noexcept { return visited_; }
    [[nodiscard]] const storage::RowCodec& codec() const noexcept { return columns_.codec(); }

  private:
    void skip_to(const std::string& after);
    void open_span();
    void settle();
    [[nodiscard]] bool is_wanted();

    const storage::ReadView& view_;
    size_t entity_;
    Access access_;
    std::vector<Condition> left_;
    RowCursorOptions options_;
    ColumnReader columns_;
    size_t span_ = 0;  ///< the next to be opened, counted in the direction of the walk
    std::unique_ptr<storage::RowScanner> rows_;  ///< null: at the end
    std::string last_;                           ///< position of the row visited last
    Status status_;
    uint64_t visited_ = 0;
    bool is_stopped_ = false;
};

}  // namespace plumbline::query
