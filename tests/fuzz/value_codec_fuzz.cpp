// Any bytes as a stored record of each kind: refused, or the one spelling of what was read.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/check.hpp"
#include "storage/head_file.hpp"
#include "storage/log_codec.hpp"
#include "storage/meta_codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/row.hpp"

namespace {

using namespace plumbline;
using namespace plumbline::storage;

template <typename T, typename Encode>
void expect_same(const Result<T>& record, std::string_view value, Encode encode) {
    if (record) {
        PLUMBLINE_CHECK(encode(*record) == value);
    } else {
        PLUMBLINE_CHECK(record.error().code == ErrorCode::kCorruption);
    }
}

void check_log(std::string_view value) {
    const std::string key(kLogKeySize, '\1');
    LogRecord record;
    Bytes buffer;
    if (!decode_log(key, value, DictView{}, DictView{}, record, buffer)) {
        return;
    }
    std::string again;
    append_log_value(again, record.log, record.data, record.txn ? &*record.txn : nullptr, {});
    PLUMBLINE_CHECK(again == value);
}

void check_row(std::string_view value) {
    EntityLayout layout;
    layout.name = "e";
    layout.key = {{"k", *parse_field_type("uint8")}};
    layout.fields = {{"b", *parse_field_type("bool")},
                     {"s", *parse_field_type("string")},
                     {"n", *parse_field_type("int40")},
                     {"h", *parse_field_type("bytes5")},
                     {"t", *parse_field_type("bytes")}};
    const RowCodec codec{layout};
    if (!codec.check(value) || RowCodec::is_tombstone(value)) {
        return;
    }
    std::string again = codec.empty_row();
    for (const size_t field : {size_t{0}, size_t{2}, size_t{3}}) {
        codec.set_word(again, field, codec.word(value, field));
    }
    for (const size_t field : {size_t{1}, size_t{4}}) {
        codec.set_dynamic(again, field, codec.raw(value, field));
    }
    RowCodec::set_changed_at(again, RowCodec::changed_at(value));
    PLUMBLINE_CHECK(again == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    // The first byte chooses the kind.
    const std::string_view value = as_chars({data + 1, size - 1});
    const std::string key8(8, '\1');
    const std::string key12(12, '\1');
    switch (data[0] % 19) {
        case 0: check_log(value); break;
        case 1: check_row(value); break;
        case 2: expect_same(decode_block(key8, value), value, encode_block); break;
        case 3:
            expect_same(decode_dict(dict_key(DictKind::kAddress, 1), value), value, encode_dict);
            break;
        case 4:
            expect_same(decode_coverage(coverage_key("s", 0), value), value, encode_coverage);
            break;
        case 5: expect_same(decode_quarantine(key12, value), value, encode_quarantine); break;
        case 6:
            expect_same(decode_undo(key12, value), value, [](const UndoRow& row) {
                std::string out;
                append_undo_value(out, row.entity, row.key, row.before);
                return out;
            });
            break;
        case 7: expect_same(decode_watermark(value), value, encode_watermark); break;
        case 8: expect_same(decode_bundle(value), value, encode_bundle); break;
        case 9: expect_same(decode_counts(value), value, encode_counts); break;
        case 10: expect_same(decode_cursor(value), value, encode_cursor); break;
        case 11: expect_same(decode_tails(value), value, encode_tails); break;
        case 12: expect_same(decode_totals(value), value, encode_totals); break;
        case 13: expect_same(decode_identity(value), value, encode_identity); break;
        case 14: expect_same(decode_head(value), value, encode_head); break;
        case 15: expect_same(decode_journal(key8, value), value, encode_journal); break;
        case 16: expect_same(decode_correction(key12, value), value, encode_correction); break;
        case 17: expect_same(decode_proof(proof_key("p", "e"), value), value, encode_proof); break;
        default:
            // As a key: reading it must not fall over.
            decode_child(value, "\x01").ignore("any bytes");
            decode_coverage(value, "").ignore("any bytes");
            decode_proof(value, "").ignore("any bytes");
            break;
    }
    return 0;
}
