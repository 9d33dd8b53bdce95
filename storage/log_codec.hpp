// The bytes of a stored log. Layout in docs/formats.md ("log").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/dictionary.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

constexpr uint8_t kLogFormat = 1;
constexpr size_t kLogKeySize = 12;

/// Ids under which the log's address and first topic are known; empty = stored in full.
struct LogDictIds {
    std::optional<uint32_t> address;
    std::optional<uint32_t> topic;
};

/// Appends one 32-byte word without its leading or its trailing zero bytes, whichever are more:
/// a control byte 0..32 = that many low bytes follow; 33..63 = that many minus 32 high bytes
/// follow.
void put_packed_word(std::string& out, const uint8_t* word);

void append_log_key(std::string& out, uint64_t block_num, uint32_t log_index);
/// Appends the value of a log with `topic_count` of at most 4.
void append_log_value(std::string& out, const evm::Log& log, ByteView data, const TxnFields* txn,
                      const LogDictIds& ids);

/// Reads key and value into `record`, whose data then lies in `data_buffer` (kept between calls so
/// that it need not grow again). kCorruption where they are not what `append_log_value` writes.
[[nodiscard]] Status decode_log(std::string_view key, std::string_view value,
                                const DictView& addresses, const DictView& topics,
                                LogRecord& record, Bytes& data_buffer);

}  // namespace plumbline::storage
