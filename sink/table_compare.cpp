#include "sink/table_compare.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::sink {

namespace {

/// Rows whose hashes are in memory at once, some 150 bytes each.
constexpr uint64_t kPartRows = 400'000;
constexpr uint64_t kLookEvery = 1'024;

__extension__ using Wide = __int128;

/// Of a bucket: as SQL adds it up, in 64-bit numbers with a sign.
struct BucketSum {
    uint64_t count = 0;
    Wide high = 0;
    Wide low = 0;
    friend bool operator==(const BucketSum&, const BucketSum&) = default;
};
using BucketSums = std::array<BucketSum, kSqlBuckets>;

Wide parse_wide(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    Wide out = 0;
    for (const char c : text.substr(is_negative ? 1 : 0)) {
        if (c < '0' || c > '9') {
            break;  // Some engines show a sum of numbers with ".0".
        }
        out = out * 10 + (c - '0');
    }
    return is_negative ? -out : out;
}

int64_t load_be(const char* bytes) {
    uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof(value));
    return static_cast<int64_t>(__builtin_bswap64(value));
}

Result<BucketSums> remote_sums(PgConnection& connection, const SinkTable& table) {
    PLUMBLINE_TRY(const PgRows rows, connection.query(table.digest_sql()));
    BucketSums out{};
    for (size_t row = 0; row < rows.size(); ++row) {
        const auto bucket = static_cast<size_t>(parse_wide(rows.at(row, 0)));
        if (bucket < out.size()) {
            out[bucket] = {static_cast<uint64_t>(parse_wide(rows.at(row, 1))),
                           parse_wide(rows.at(row, 2)), parse_wide(rows.at(row, 3))};
        }
    }
    return out;
}

/// What PostgreSQL has of a row: 16 bytes, and the key's cells as COPY writes them.
struct RemoteRow {
    std::string digest;
    std::string key_line;
};
using RemoteRows = std::unordered_map<std::string, RemoteRow>;

std::string from_hex(std::string_view digits) {
    std::string out(digits.size() / 2, '\0');
    return evm::decode_hex(digits, reinterpret_cast<uint8_t*>(out.data())) ? out : std::string{};
}

Result<RemoteRows> fetch(PgConnection& connection, const SinkTable& table,
                         const std::vector<uint32_t>& buckets) {
    RemoteRows out;
    PLUMBLINE_TRY_VOID(connection.copy_out(table.fetch_sql(buckets), [&](std::string_view line) {
        constexpr size_t kHead = 2 * 33;  // two hashes in hex, each with a tab
        if (line.size() < kHead) {
            return Status{Error{ErrorCode::kDecode, "PostgreSQL gave a line that is none of ours"}};
        }
        std::string_view keys = line.substr(kHead);
        keys.remove_suffix(keys.ends_with('\n') ? 1 : 0);
        out[from_hex(line.substr(0, 32))] = {from_hex(line.substr(33, 32)), std::string{keys}};
        return ok();
    }));
    return out;
}

/// The key's cells out of a line of COPY; the others stay empty.
Cells parse_key_line(const SinkTable& table, std::string_view line) {
    Cells out(table.columns().size());
    size_t at = 0;
    for (size_t i = 0; i < out.size(); ++i) {
        if (!table.columns()[i].is_key) {
            continue;
        }
        for (; at < line.size() && line[at] != '\t'; ++at) {
            if (line[at] != '\\' || at + 1 == line.size()) {
                out[i] += line[at];
                continue;
            }
            const char c = line[++at];
            out[i] += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
        ++at;
    }
    return out;
}

Status compare_part(PgConnection& connection, const SinkTable& table, const RowSource& rows,
                    const std::vector<uint32_t>& buckets,
                    const std::function<Status(const RowDifference&)>& on_difference) {
    PLUMBLINE_TRY(RemoteRows remote, fetch(connection, table, buckets));
    std::vector<bool> is_wanted(kSqlBuckets, false);
    for (const uint32_t bucket : buckets) {
        is_wanted[bucket] = true;
    }
    std::string scratch;
    const auto look = [&](const Cells& cells) -> Result<bool> {
        const CellDigest digest = digest_cells(table.columns(), cells, scratch);
        if (!is_wanted[digest.bucket()]) {
            return true;
        }
        const auto found = remote.find(digest.key);
        if (found == remote.end()) {
            PLUMBLINE_TRY_VOID(on_difference({RowDifference::Kind::kMissing, &cells}));
            return true;
        }
        if (found->second.digest != digest.row) {
            PLUMBLINE_TRY_VOID(on_difference({RowDifference::Kind::kChanged, &cells}));
        }
        remote.erase(found);
        return true;
    };
    PLUMBLINE_TRY_VOID(rows(look));
    for (const auto& [key, row] : remote) {
        const Cells cells = parse_key_line(table, row.key_line);
        PLUMBLINE_TRY_VOID(on_difference({RowDifference::Kind::kExtra, &cells}));
    }
    return ok();
}

}  // namespace

RowSource entity_rows(const storage::ReadView& view, const SinkTable& table,
                      const storage::RowCodec& codec, std::function<bool()> should_stop) {
    return [&view, &table, &codec, stop = std::move(should_stop)](const RowTaker& take) -> Status {
        const auto scanner = view.scan_entity(table.entity(), {}, {});
        Cells cells;
        for (uint64_t seen = 0; scanner->valid(); scanner->next(), ++seen) {
            if (seen % kLookEvery == 0 && stop && stop()) {
                return Error{ErrorCode::kCancelled, "stopped while reading rows"};
            }
            PLUMBLINE_TRY_VOID(table.to_cells(codec, scanner->key(), scanner->row(), cells));
            PLUMBLINE_TRY(const bool goes_on, take(cells));
            if (!goes_on) {
                return ok();
            }
        }
        return scanner->status();
    };
}

Status compare_table(PgConnection& connection, const SinkTable& table, const RowSource& source,
                     const std::function<Status(const RowDifference&)>& on_difference) {
    BucketSums own{};
    std::string scratch;
    PLUMBLINE_TRY_VOID(source([&](const Cells& cells) -> Result<bool> {
        const CellDigest digest = digest_cells(table.columns(), cells, scratch);
        BucketSum& sum = own[digest.bucket()];
        ++sum.count;
        sum.high += load_be(digest.row.data());
        sum.low += load_be(digest.row.data() + 8);
        return true;
    }));
    PLUMBLINE_TRY(const BucketSums remote, remote_sums(connection, table));
    std::vector<uint32_t> part;
    uint64_t rows = 0;
    for (uint32_t bucket = 0; bucket < kSqlBuckets; ++bucket) {
        if (own[bucket] == remote[bucket]) {
            continue;
        }
        part.push_back(bucket);
        rows += remote[bucket].count;
        if (rows >= kPartRows) {
            PLUMBLINE_TRY_VOID(compare_part(connection, table, source, part, on_difference));
            part.clear();
            rows = 0;
        }
    }
    return part.empty() ? ok() : compare_part(connection, table, source, part, on_difference);
}

}  // namespace plumbline::sink
