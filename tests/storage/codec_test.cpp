// Keys, rows and records: golden bytes, order, round trips, and what damage does to them.
#include <algorithm>

#include "core/evm/hex.hpp"
#include "storage/asked_blocks.hpp"
#include "storage/digest.hpp"
#include "storage/entity_key.hpp"
#include "storage/log_codec.hpp"
#include "storage/meta_codec.hpp"
#include "storage/named_row.hpp"
#include "storage/record_codec.hpp"
#include "storage/task_store.hpp"
#include "tests/storage/storage_test_util.hpp"

// Bytes are written in the groups of the formats: the field, then the next one.
// clang-format off
namespace plumbline::storage::codec_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

std::string hex(std::string_view bytes) {
    return evm::to_hex(as_bytes(bytes));
}

FieldType type(std::string_view text) {
    return *parse_field_type(text);
}

TEST(EntityKeyTest, GoldenBytes) {
    std::string key;
    append_key_word(key, type("uint16"), evm::U256{0x1234});
    append_key_word(key, type("int8"), evm::negate(evm::U256{1}));
    append_key_word(key, type("bool"), evm::U256{1});
    append_key_word(key, type("bytes2"), evm::U256::from_be(Bytes(32, 0xab)));
    append_key_dynamic(key, std::string_view{"a\0b", 3});
    EXPECT_EQ(hex(key), "0x1234" "7f" "01" "abab" "6100ff620001");
}

TEST(EntityKeyTest, OrderIsTheOrderOfValues) {
    const uint64_t seed = test_seed(7);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    const auto text = [&] {
        std::string out(random() % 4, '\0');
        for (char& c : out) {
            c = "\0\x01\xff"
                "a"[random() % 4];
        }
        return out;
    };
    const std::vector<Field> fields = {field("s", "string"), field("n", "int16"),
                                       field("b", "bytes"), field("u", "uint24")};
    for (int i = 0; i < 20000; ++i) {
        struct Value {
            std::string s;
            int64_t n;
            std::string b;
            uint64_t u;
            auto operator<=>(const Value&) const = default;
        };
        Value values[2];
        std::string keys[2];
        for (int k = 0; k < 2; ++k) {
            values[k] = {text(), static_cast<int64_t>(random() % 7) - 3, text(), random() % 3};
            if (k == 1 && random() % 2 == 0) {
                values[1].s = values[0].s;
            }
            evm::U256 word{static_cast<uint64_t>(std::abs(values[k].n))};
            word = values[k].n < 0 ? evm::negate(word) : word;
            append_key_dynamic(keys[k], values[k].s);
            append_key_word(keys[k], fields[1].type, word);
            append_key_dynamic(keys[k], values[k].b);
            append_key_word(keys[k], fields[3].type, evm::U256{values[k].u});
            const auto decoded = decode_key(keys[k], fields);
            ASSERT_OK(decoded);
            EXPECT_EQ((*decoded)[0].bytes, values[k].s);
            EXPECT_EQ((*decoded)[1].word, word);
            EXPECT_EQ((*decoded)[2].bytes, values[k].b);
            EXPECT_EQ((*decoded)[3].word, evm::U256{values[k].u});
        }
        ASSERT_EQ(values[0] < values[1], keys[0] < keys[1]);
        ASSERT_EQ(values[0] == values[1], keys[0] == keys[1]);
        ASSERT_TRUE(keys[0] == keys[1] || !keys[1].starts_with(keys[0])) << "a prefix of another";
    }
}

TEST(EntityKeyTest, RefusesWhatDoesNotFit) {
    const std::vector<Field> fields = {field("s", "string"), field("b", "bool")};
    for (const std::string_view bad :
         {std::string_view{""}, std::string_view{"a"}, std::string_view{"a\0", 2},
          std::string_view{"a\0\x01", 3}, std::string_view{"a\0\x02\0", 4},
          std::string_view{"a\0\x01\x02", 4}, std::string_view{"a\0\x01\x01\0", 5}}) {
        EXPECT_ERROR(decode_key(bad, fields), ErrorCode::kCorruption);
    }
}

TEST(RowTest, GoldenBytes) {
    const RowCodec codec{test_bundle().entities[0]};
    std::string row = user_row(codec, 1, "eve", -2, {0x0102, 7});
    codec.set_word(row, 3, evm::U256{1});
    EXPECT_EQ(hex(row), "0x01" "00" "0000000000000102" "00000007" +
                            evm::to_hex(address_of(1)).substr(2) + "fffffffffffffffe" "01"
                            "00000003" "657665");
    EXPECT_EQ(hex(codec.make_tombstone({1, 2})), "0x0101" "0000000000000001" "00000002");
    ASSERT_OK(codec.check(row));
    codec.set_dynamic(row, 1, "a much longer name");
    ASSERT_OK(codec.check(row));
    EXPECT_EQ(codec.raw(row, 1), "a much longer name");
    EXPECT_EQ(codec.word(row, 2), evm::negate(evm::U256{2}));
    EXPECT_EQ(RowCodec::changed_at(row), (ChangedAt{0x0102, 7}));
}

TEST(RowTest, RefusesWhatIsNoRow) {
    const RowCodec codec{test_bundle().entities[0]};
    const std::string row = user_row(codec, 1, "eve", -2, {1, 2});
    for (size_t size = 0; size < row.size(); ++size) {
        EXPECT_ERROR(codec.check(row.substr(0, size)), ErrorCode::kCorruption);
    }
    EXPECT_ERROR(codec.check(row + "x"), ErrorCode::kCorruption);
    for (const size_t place : {size_t{0}, size_t{1}, row.size() - 4}) {
        std::string damaged = row;
        damaged[place] = '\x7f';
        EXPECT_ERROR(codec.check(damaged), ErrorCode::kCorruption);
    }
}

TEST(LogCodecTest, GoldenWords) {
    const auto packed = [](std::string_view digits) {
        std::string out;
        put_packed_word(out, evm::parse_hash(digits)->data());
        return hex(out);
    };
    EXPECT_EQ(packed("0x0000000000000000000000000000000000000000000000000000000000000000"), "0x00");
    EXPECT_EQ(packed("0x0000000000000000000000000000000000000000000000000000000000000102"),
              "0x020102");
    EXPECT_EQ(packed("0x6869000000000000000000000000000000000000000000000000000000000000"),
              "0x226869");
    EXPECT_EQ(packed("0x00ff000000000000000000000000000000000000000000000000000000000000"),
              "0x2200ff");
    EXPECT_EQ(packed("0x1111111111111111111111111111111111111111111111111111111111111111"),
              "0x201111111111111111111111111111111111111111111111111111111111111111");
}

struct DecodedLog {
    evm::Log log;
    Bytes data;
    std::optional<TxnFields> txn;
    bool operator==(const DecodedLog& other) const {
        return log.block_num == other.log.block_num && log.log_index == other.log.log_index &&
               log.txn_index == other.log.txn_index && log.txn_hash == other.log.txn_hash &&
               log.address == other.log.address && log.topic_count == other.log.topic_count &&
               log.topics == other.log.topics && data == other.data && txn == other.txn;
    }
};

class LogBytesTest : public testing::Test {
  protected:
    LogBytesTest() {
        for (uint64_t i = 0; i < 3; ++i) {
            addresses_.push(dict_value(address_of(i)), i);
            topics_.push(hash_of(i, 9), i);
        }
    }
    Result<DecodedLog> decode(std::string_view key, std::string_view value) {
        LogRecord record;
        Bytes buffer;
        PLUMBLINE_TRY_VOID(
            decode_log(key, value, addresses_.view(), topics_.view(), record, buffer));
        return DecodedLog{record.log, Bytes(record.data.begin(), record.data.end()), record.txn};
    }
    Dictionary addresses_;
    Dictionary topics_;
};

TEST_F(LogBytesTest, GoldenBytes) {
    evm::Log log;
    log.topic_count = 2;
    log.txn_index = 300;
    log.topics[1].bytes[31] = 5;
    Bytes data(34, 0);
    data[31] = 9;
    data[32] = 0xaa;
    std::string value;
    append_log_value(value, log, data, nullptr, {0, 2});
    EXPECT_EQ(hex(value), "0x01" "02" "01" "03" "0105" "ac02" + std::string(64, '0') +
                              "22" "0109" "aa00");
    std::string key;
    append_log_key(key, 0x10, 3);
    EXPECT_EQ(hex(key), "0x000000000000001000000003");
}

TEST_F(LogBytesTest, EveryFlippedByteIsSeen) {
    for (uint64_t number = 0; number < 12; ++number) {
        TestLog made = make_log(number, static_cast<uint32_t>(number % 3));
        TxnFields txn;
        txn.from = address_of(8);
        txn.to = number % 2 == 0 ? std::optional{address_of(9)} : std::nullopt;
        txn.value = evm::U256{number * 1000};
        if (number % 6 == 1) {
            txn.body = evm::TxnBody{number, 300, 2, std::string(number, 'i')};
        }
        if (number % 4 == 0 || number == 7) {
            txn.receipt = evm::TxnReceipt{21'000, 1, evm::U256{number}};
        }
        const LogDictIds ids{
            number % 3 == 0 ? std::nullopt : std::optional<uint32_t>{1},
            number % 4 == 0 ? std::nullopt : std::optional<uint32_t>{2}};
        made.log.address = address_of(1);
        if (made.log.topic_count > 0) {
            made.log.topics[0] = hash_of(2, 9);
        }
        std::string key;
        append_log_key(key, made.log.block_num, made.log.log_index);
        std::string value;
        append_log_value(value, made.log, made.data, number % 3 == 1 ? &txn : nullptr, ids);
        const auto whole = decode(key, value);
        ASSERT_OK(whole);
        EXPECT_EQ(whole->data, made.data);
        EXPECT_EQ(whole->txn, number % 3 == 1 ? std::optional{txn} : std::nullopt);
        EXPECT_EQ(whole->log.address, made.log.address);
        EXPECT_EQ(whole->log.topics, made.log.topics);
        for (size_t i = 0; i < value.size(); ++i) {
            for (int flip = 1; flip < 256; ++flip) {
                std::string damaged = value;
                damaged[i] = static_cast<char>(damaged[i] ^ flip);
                const auto seen = decode(key, damaged);
                if (seen) {
                    EXPECT_FALSE(*seen == *whole) << "byte " << i << " flip " << flip;
                } else {
                    EXPECT_EQ(seen.error().code, ErrorCode::kCorruption);
                }
            }
            EXPECT_ERROR(decode(key, value.substr(0, i)), ErrorCode::kCorruption);
        }
        EXPECT_ERROR(decode(key, value + "x"), ErrorCode::kCorruption);
    }
}

TEST_F(LogBytesTest, WordsRoundTrip) {
    const uint64_t seed = test_seed(11);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    for (int i = 0; i < 3000; ++i) {
        evm::Log log;
        Bytes data(random() % 200, 0);
        for (uint8_t& byte : data) {
            byte = random() % 3 == 0 ? static_cast<uint8_t>(random()) : 0;
        }
        // Words with a run of zeros at either end.
        for (size_t at = 0; at + 32 <= data.size(); at += 32) {
            const size_t zeros = random() % 33;
            const size_t start = random() % 2 == 0 ? at : at + 32 - zeros;
            std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(start), zeros, uint8_t{0});
        }
        std::string key;
        append_log_key(key, 1, 2);
        std::string value;
        append_log_value(value, log, data, nullptr, {});
        const auto decoded = decode(key, value);
        ASSERT_OK(decoded);
        ASSERT_EQ(decoded->data, data);
    }
}

/// One kind of record: its bytes, and how to read them.
struct RecordCase {
    std::string name;
    std::string key;
    std::string value;
    std::string golden_key;
    std::string golden_value;
    /// The record written out again, or empty where it was refused.
    std::function<Result<std::string>(std::string_view, std::string_view)> again;
};

/// Reads and writes again: equal bytes mean an equal record, because each has one spelling.
template <typename Decode, typename Encode>
auto rewrite(Decode decode, Encode encode) {
    return [=](std::string_view key, std::string_view value) -> Result<std::string> {
        auto record = decode(key, value);
        if (!record) {
            return std::move(record).error();
        }
        return encode(*record);
    };
}
template <typename Decode, typename Encode>
auto rewrite_value(Decode decode, Encode encode) {
    return rewrite([=](std::string_view, std::string_view value) { return decode(value); }, encode);
}

std::vector<RecordCase> record_cases() {
    const evm::Hash hash = evm::Hash::from(Bytes(32, 0x11));
    const evm::Hash parent = evm::Hash::from(Bytes(32, 0x22));
    const evm::Address address = evm::Address::from(Bytes(20, 0x33));
    const std::string hash_hex(64, '1');
    const std::string address_hex(40, '3');
    const BlockRow block{258, hash, parent, 300, 5, ProofLevel::kBloom};
    const DictRow dict{DictKind::kAddress, 3, 200, dict_value(address)};
    const DictRow topic{DictKind::kTopic, 4, 1, hash};
    const ChildRow child{"v", address, 1, 2};
    const CoverageRow coverage{"s", {4, 300}, "p", ProofLevel::kReceipts};
    const QuarantineRow quarantine{1, 2, "c.E", "no"};
    std::string undo_key;
    append_undo_key(undo_key, 5, 6);
    std::string undo;
    append_undo_value(undo, 1, "k", "row");
    const Watermark mark{300, 7, 6, 5, 4};
    const Cursor cursor{7, hash, 8, 9, 0, 0};
    SchemaBundle bundle;
    bundle.fingerprint = "f";
    bundle.config_text = "c";
    bundle.abis = {{"a", "[]"}};
    bundle.entities = {{"e", {field("k", "uint8")}, {field("t", "string")}, {{1}}, true}};
    const Counts counts{1, {2, 300}};
    DigestPage page{};
    page[0] = {1, {0, 5}};
    page[15] = {300, {1, 2}};
    const JournalRow journal{3, 300, "k", "e", "i=1", 7, 8, "b", "a", "r", "p", "w"};
    const ProofRecord proof{"replay", "e", 7, hash, 300, true, 8, 2, "l", "d"};
    const CorrectionRow correction{258, 1, "e", "k", "row", "why"};
    const LastKeys tails{std::string(12, 'l'), std::string(8, 'b')};
    TaskRow task{7, TaskState::kDead, 5, 300, "n", "k", "a", "cli", 3, 4, 1, 1, 2, 300, "e", "r"};
    return {
        {"task", task_key(task), encode_task(task), "0x03" "05" "000000000000012c" "0000000000000007",
         "0x01" "016e" "016b" "0161" "03636c69" "03" "04" "01" "01" "02" "ac02" "0165" "0172",
         rewrite(decode_task, encode_task)},
        {"block", block_key(258), encode_block(block), "0x0000000000000102",
         "0x01" "03" "ac02" "05" + hash_hex + std::string(64, '2'),
         rewrite(decode_block, encode_block)},
        {"dict address", dict_key(dict.kind, dict.id), encode_dict(dict), "0x0000000003",
         "0x01" "c801" + address_hex, rewrite(decode_dict, encode_dict)},
        {"dict topic", dict_key(topic.kind, topic.id), encode_dict(topic), "0x0100000004",
         "0x01" "01" + hash_hex, rewrite(decode_dict, encode_dict)},
        {"child", child_key(child), encode_child(child),
         "0x0000000000000001" "00000002" "760001" + address_hex, "0x01",
         rewrite(decode_child, encode_child)},
        {"coverage", coverage_key("s", 4), encode_coverage(coverage),
         "0x730001" "0000000000000004", "0x01" "04" "ac02" "0170",
         rewrite(decode_coverage, encode_coverage)},
        {"quarantine", quarantine_key(1, 2), encode_quarantine(quarantine),
         "0x0000000000000001" "00000002", "0x01" "03632e45" "026e6f",
         rewrite(decode_quarantine, encode_quarantine)},
        {"undo", undo_key, undo, "0x0000000000000005" "00000006", "0x01" "01" "016b" "726f77",
         rewrite(decode_undo,
                 [](const UndoRow& row) {
                     std::string out;
                     append_undo_value(out, row.entity, row.key, row.before);
                     return out;
                 })},
        {"watermark", "", encode_watermark(mark), "0x", "0x01" "ac02" "07" "06" "05" "04",
         rewrite_value(decode_watermark, encode_watermark)},
        {"format", "format", encode_format(1), "0x666f726d6174", "0x01" "00000001",
         rewrite_value(decode_format, encode_format)},
        {"migration", "migration", encode_migration("hub"), "0x6d6967726174696f6e", "0x01" "03687562",
         rewrite_value(decode_migration, encode_migration)},
        {"identity", "identity", encode_identity({1, hash}), "0x6964656e74697479",
         "0x01" "0000000000000001" + hash_hex, rewrite_value(decode_identity, encode_identity)},
        {"cursor", "cursor", encode_cursor(cursor), "0x637572736f72",
         "0x01" "0000000000000007" + hash_hex + "0000000000000008" "0000000000000009",
         rewrite_value(decode_cursor, encode_cursor)},
        {"generation", "generation", encode_generations({2, 3}), "0x67656e65726174696f6e",
         "0x01" "00000002" "00000003", rewrite_value(decode_generations, encode_generations)},
        {"totals", "totals", encode_totals({300, 2}), "0x746f74616c73", "0x01" "ac02" "02",
         rewrite_value(decode_totals, encode_totals)},
        {"tails", "tails", encode_tails(tails), "0x7461696c73",
         "0x01" "0c6c6c6c6c6c6c6c6c6c6c6c6c" "086262626262626262",
         rewrite_value(decode_tails, encode_tails)},
        {"counts", "counts#1", encode_counts(counts), "0x636f756e74732331",
         "0x01" "01" "02" "02" "ac02", rewrite_value(decode_counts, encode_counts)},
        {"bundle", "bundle#1", encode_bundle(bundle), "0x62756e646c652331",
         "0x01" "0166" "0163" "01" "0161" "025b5d" "01" "0165" "01" "016b" "0108" "01" "0174"
         "0700" "01" "0101" "01",
         rewrite_value(decode_bundle, encode_bundle)},
        {"digest node", log_digest_key(2, 258), encode_digest_node({300, {1, 2}}),
         "0x02" "0000000000000102", "0x01" "ac02" "0000000000000001" "0000000000000002",
         rewrite_value(decode_digest_node, encode_digest_node)},
        {"digest page", entity_digest_key(3, 1, 255), encode_digest_page(page),
         "0x00000003" "01" "00ff",
         "0x01" "8001" "01" "0000000000000000" "0000000000000005" "ac02" "0000000000000001"
         "0000000000000002",
         rewrite_value(decode_digest_page, encode_digest_page)},
        {"journal", journal_key(3), encode_journal(journal), "0x0000000000000003",
         "0x01" "ac02" "07" "08" "016b" "0165" "03693d31" "0162" "0161" "0172" "0170" "0177",
         rewrite(decode_journal, encode_journal)},
        {"correction", correction_key(258, 1), encode_correction(correction),
         "0x0000000000000102" "00000001", "0x01" "0165" "016b" "03726f77" "03776879",
         rewrite(decode_correction, encode_correction)},
        {"proof", proof_key("replay", "e"), encode_proof(proof), "0x70726f6f663a7265706c61793a65",
         "0x01" "01" "07" + hash_hex + "ac02" "08" "02" "016c" "0164",
         rewrite(decode_proof, encode_proof)},
        {"asked", "asked:", encode_asked({300, hash}), "0x61736b65643a", "0x01" "ac02" + hash_hex,
         rewrite_value(decode_asked, encode_asked)},
        {"undo floor", "undo_floor#1", encode_number(300), "0x756e646f5f666c6f6f722331",
         "0x01" "ac02", rewrite_value(decode_number, encode_number)},
    };
}

TEST(RecordCodecTest, GoldenBytes) {
    for (const RecordCase& record : record_cases()) {
        SCOPED_TRACE(record.name);
        EXPECT_EQ(hex(record.key), record.golden_key);
        EXPECT_EQ(hex(record.value), record.golden_value);
        const auto again = record.again(record.key, record.value);
        ASSERT_OK(again);
        EXPECT_EQ(*again, record.value);
    }
}

TEST(RecordCodecTest, EveryFlippedByteIsSeen) {
    for (const RecordCase& record : record_cases()) {
        SCOPED_TRACE(record.name);
        for (size_t i = 0; i < record.value.size(); ++i) {
            for (int flip = 1; flip < 256; ++flip) {
                std::string damaged = record.value;
                damaged[i] = static_cast<char>(damaged[i] ^ flip);
                const auto again = record.again(record.key, damaged);
                if (again) {
                    EXPECT_EQ(*again, damaged) << "byte " << i << ": two spellings of one record";
                } else {
                    EXPECT_EQ(again.error().code, ErrorCode::kCorruption);
                }
            }
        }
    }
}

TEST(RecordCodecTest, ANewerRecordFormatIsRefused) {
    for (const RecordCase& record : record_cases()) {
        std::string newer = record.value;
        newer[0] = 2;
        EXPECT_ERROR(record.again(record.key, newer), ErrorCode::kCorruption);
        EXPECT_ERROR(record.again(record.key, ""), ErrorCode::kCorruption);
    }
}

TEST(NamedRowTest, HasOneSpelling) {
    const NamedRow row{{{"i", "uint8", "1"}}, {{"f", "bool", "true"}}, true};
    const std::string value = encode_named_row(row);
    EXPECT_EQ(hex(value), "0x02" "01" "01" "01" "0169" "0575696e7438" "0131" "01" "0166" "04626f6f6c"
                          "0474727565");
    EXPECT_EQ(decode_named_row(value).value(), row);
    for (size_t i = 0; i < value.size(); ++i) {
        for (int flip = 1; flip < 256; ++flip) {
            std::string damaged = value;
            damaged[i] = static_cast<char>(damaged[i] ^ flip);
            if (const auto again = decode_named_row(damaged)) {
                EXPECT_EQ(encode_named_row(*again), damaged) << "byte " << i;
            } else {
                EXPECT_EQ(again.error().code, ErrorCode::kCorruption);
            }
        }
        EXPECT_ERROR(decode_named_row(value.substr(0, i)), ErrorCode::kCorruption);
    }
}

}  // namespace
}  // namespace plumbline::storage::codec_test
// clang-format on
