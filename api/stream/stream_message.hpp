// The messages of the live stream as JSON: docs/api.md, "Live stream", tells what each means.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/stream/stream_filter.hpp"
#include "api/stream/stream_place.hpp"
#include "api/stream/stream_record.hpp"
#include "core/base/json_writer.hpp"
#include "storage/layout.hpp"
#include "storage/records.hpp"
#include "storage/row.hpp"

namespace plumbline::api {

/// Opens an object with `"type":..,"block":..,"hash":..,"basis":..`: where the client's copy stands
/// after the message.
void write_head(JsonWriter& json, std::string_view type, const StreamPlace& place);
/// The last three of these.
void write_place(JsonWriter& json, const StreamPlace& place);
/// The same as a whole message: "hello", "resume", "ready".
[[nodiscard]] std::string head_message(std::string_view type, const StreamPlace& place);
/// The last message: why the stream ends.
[[nodiscard]] std::string drop_message(std::string_view reason);
/// A commit or a rollback with the rows and events that `filter` wants.
[[nodiscard]] std::string changes_message(const StreamRecord& record, const StreamFilter& filter);
/// Blocks with too much to tell. No hash: a client that missed rows has nothing to resume from.
[[nodiscard]] std::string range_message(const StreamRecord& record);
/// A rollback to a client that waits for a reset: no hash and no rows.
[[nodiscard]] std::string bare_retract_message(const StreamRecord& record);
[[nodiscard]] std::string proof_message(const StreamRecord& record);

/// {"entity":..,"key":..,"row":{..}}; the row is null where it is empty or deleted.
[[nodiscard]] std::string row_json(const storage::EntityLayout& layout,
                                   const storage::RowCodec& codec, std::string_view key,
                                   std::string_view row);
/// "result" of a proof message.
[[nodiscard]] std::string proof_json(const storage::ProofRecord& proof);

}  // namespace plumbline::api
