#include "api/stream/stream_message.hpp"

#include "core/evm/hex.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

void write_place(JsonWriter& json, const StreamPlace& place) {
    json.member("block", place.block.block_num).member("hash", evm::to_hex(place.block.hash));
    if (place.basis != 0) {
        json.member("basis", basis_text(place.basis));
    }
}

void write_head(JsonWriter& json, std::string_view type, const StreamPlace& place) {
    json.open_object().member("type", type);
    write_place(json, place);
}

std::string head_message(std::string_view type, const StreamPlace& place) {
    std::string out;
    JsonWriter json{out};
    write_head(json, type, place);
    json.close_object();
    return out;
}

std::string drop_message(std::string_view reason) {
    std::string out;
    JsonWriter{out}.open_object().member("type", "drop").member("reason", reason).close_object();
    return out;
}

std::string range_message(const StreamRecord& record) {
    std::string out;
    JsonWriter{out}
        .open_object()
        .member("type", "range")
        .member("from", record.from)
        .member("block", record.to)
        .member("event_count", record.event_count)
        .close_object();
    return out;
}

std::string bare_retract_message(const StreamRecord& record) {
    std::string out;
    JsonWriter{out}
        .open_object()
        .member("type", "retract")
        .member("block", record.to)
        .close_object();
    return out;
}

std::string proof_message(const StreamRecord& record) {
    std::string out;
    JsonWriter json{out};
    json.open_object().member("type", "proof").key("result").raw(record.text).close_object();
    return out;
}

std::string changes_message(const StreamRecord& record, const StreamFilter& filter) {
    const bool is_retract = record.kind == StreamRecord::Kind::kRetract;
    std::string out;
    JsonWriter json{out};
    write_head(json, is_retract ? "retract" : "block",
               {{record.to, record.hash}, filter.basis(record.basis)});
    if (!is_retract) {
        json.member("from", record.from)
            .member("timestamp", record.timestamp)
            .member("finalized", record.finalized)
            .member("event_count", record.event_count);
    }
    json.key("rows").open_array();
    for (const StreamRecord::Row& row : record.rows) {
        if (filter.wants_row(row.entity, row.key)) {
            json.raw(row.json);
        }
    }
    json.close_array();
    if (!is_retract) {
        json.key("events").open_array();
        for (const StreamRecord::Event& event : record.events) {
            if (filter.wants_event(event.contract, event.name)) {
                json.raw(event.json);
            }
        }
        json.close_array();
    }
    json.close_object();
    return out;
}

std::string row_json(const storage::EntityLayout& layout, const storage::RowCodec& codec,
                     std::string_view key, std::string_view row) {
    std::string out;
    JsonWriter json{out};
    json.open_object().member("entity", layout.name);
    json.member("key", engine::key_to_text(layout, key).value_or(""));
    json.key("row");
    std::string shown;
    if (!storage::RowCodec::is_live(row) ||
        !engine::append_row_json(shown, layout, codec, key, row)) {
        json.null();
    } else {
        json.raw(shown);
    }
    json.close_object();
    return out;
}

std::string proof_json(const storage::ProofRecord& proof) {
    std::string out;
    JsonWriter{out}
        .open_object()
        .member("proof", proof.proof)
        .member("entity", proof.entity)
        .member("block", proof.block_num)
        .member("equal", proof.is_equal)
        .member("checked", proof.checked)
        .member("mismatches", proof.mismatches)
        .member("detail", proof.detail)
        .close_object();
    return out;
}

}  // namespace plumbline::api
