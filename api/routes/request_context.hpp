// What a route handler works with. Internal to api.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"
#include "api/http/request_target.hpp"
#include "api/routes/api_context.hpp"
#include "api/routes/caches.hpp"
#include "api/routes/router.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::api {

/// One request on its way through its handler. Lives as long as the handler runs.
struct RequestContext {
    Router& router;
    const Route& route;
    const Request& http;
    const Target& target;
    int64_t deadline_ms = 0;  ///< monotonic

    [[nodiscard]] const ApiContext& context() const noexcept { return router.context(); }
    [[nodiscard]] const RouterOptions& options() const noexcept { return router.options(); }
    /// Part `i` of the path: "/v1/entities/vote" has "vote" as part 2.
    [[nodiscard]] const std::string& part(size_t i) const { return target.parts[i]; }
    [[nodiscard]] bool is_late() const noexcept {
        return router.is_stopping() || context().clock().monotonic_ms() >= deadline_ms;
    }
    /// kInvalidArgument where the parameter is no whole number from `low` to `high`.
    [[nodiscard]] Result<std::optional<uint64_t>> integer(std::string_view name, uint64_t low,
                                                          uint64_t high) const;
    [[nodiscard]] Result<uint64_t> limit() const;
    /// False where it is not given; kInvalidArgument for anything but true and false.
    [[nodiscard]] Result<bool> flag(std::string_view name) const;
};

/// The database and one consistent state of it. kUnavailable before there is one.
struct IndexSnapshot {
    storage::Database* database = nullptr;
    std::shared_ptr<const storage::ReadView> view;  ///< others may read by it, too
    std::optional<storage::Cursor> cursor;
    storage::ProofLevel level = storage::ProofLevel::kNone;  ///< of all blocks up to the cursor
    uint64_t proven_through = 0;
    storage::ProofLevel proven_level = storage::ProofLevel::kNone;  ///< up to there
    std::vector<KnownMismatch> mismatches;
};
[[nodiscard]] Result<IndexSnapshot> open_snapshot(RequestContext& request);

/// "block":{...},"proof":{...}: what every answer that reads the index begins with.
void write_snapshot(JsonWriter& json, const IndexSnapshot& snapshot);

[[nodiscard]] Response reply(std::string body);
[[nodiscard]] Response fail(unsigned status, std::string_view code, std::string_view message);
/// The status that fits the kind of error.
[[nodiscard]] Response fail(const Error& error);
/// The answer to `error`: what a busy machine did not do in time it may later, which is told.
[[nodiscard]] Response with_retry_after(Response answer, const Error& error);
/// For an error that holds for this state only: names its block and proof level, as answers do.
[[nodiscard]] Response fail(const IndexSnapshot& snapshot, const Error& error);

/// For handlers written as Result<std::string>.
template <typename Body>
[[nodiscard]] Response answer(Body&& body) {
    Result<std::string> text = body();
    return text ? reply(*std::move(text)) : fail(text.error());
}

[[nodiscard]] Result<size_t> find_entity(const storage::ReadView& view, std::string_view name);

}  // namespace plumbline::api
