// What a list of rows is asked: conditions, order and place, from the parameters of a request.
// Internal to api.
#pragma once

#include <string>
#include <vector>

#include "api/routes/request_context.hpp"
#include "query/access_plan.hpp"
#include "query/row_cursor.hpp"

namespace plumbline::api {

/// Rows looked at for one page where no key or index answers the whole question; a page may then
/// be short, or empty, and still have a `next`.
inline constexpr uint64_t kRowVisitsMax = 50'000;

struct RowListQuestion {
    query::Question question;
    query::Access access;
    std::string after;  ///< position to go on behind; empty: from the start

    /// The `next` of a page that ended at `position`.
    [[nodiscard]] std::string cursor(const storage::EntityLayout& layout,
                                     std::string_view position) const;
};

/// From `where`, FIELD, FIELD.OP, `order`, `cursor` and `scan`. kInvalidArgument says what is
/// wrong, and which index would serve a question that has none.
[[nodiscard]] Result<RowListQuestion> read_row_list(const RequestContext& request,
                                                    const storage::EntityLayout& layout,
                                                    uint64_t entity_rows);

}  // namespace plumbline::api
