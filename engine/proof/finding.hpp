// What a proof found and how far it got: the one vocabulary of the proofs, the reports and repair.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline::engine {

/// Stored in the journal by name; see `to_string`.
enum class FindingKind : uint8_t {
    kLogMissing,         ///< the chain has it, the database does not
    kLogInvented,        ///< the database has it, the chain does not
    kLogAltered,         ///< both have it, the bytes differ
    kBlockDiffers,       ///< a stored block's hash, parent, time or event count is not the chain's
    kRowMissing,         ///< the log makes this row, the database lacks it
    kRowExtra,           ///< the database has a row that the log does not make
    kRowDiffers,         ///< `field` is stored as `stored`, the log makes `expected`
    kIndexMissing,       ///< a row without its index entry
    kIndexExtra,         ///< an index entry without its row
    kQuarantineDiffers,  ///< quarantine is not what the fold of the log puts there
    kCountDiffers,       ///< a maintained count is not what counting gives
    kDigestDiffers,      ///< a maintained digest is not that of the stored bytes
    kStateDiffers,       ///< the contract tells `expected` for `field`, the row has `stored`
    kStateCountDiffers,  ///< the contract counts `expected` rows, the database `stored`
    kCallDiffers,        ///< providers, or storage, tell `expected` of a call, stored is `stored`
    kUnreadable,  ///< stored bytes that cannot be read: `detail` says what RocksDB or the codec
                  ///< said
};
inline constexpr FindingKind kFindingKindLast = FindingKind::kUnreadable;
/// "log missing", "row differs"...: for people, the journal and JSON.
[[nodiscard]] std::string_view to_string(FindingKind kind) noexcept;

/// One thing that is not as it must be. Fields that do not apply are empty or 0.
struct Finding {
    FindingKind kind = FindingKind::kRowDiffers;
    std::string entity;  ///< name
    std::string key;     ///< of the entity, as `plumbline get` takes it: `question_id=1,voter=0x..`
    std::string raw_key;  ///< the same as stored
    std::string field;
    std::string stored;    ///< as text, as `dump` shows it
    std::string expected;  ///< as text
    /// Of the log or block; for rows: of the row's last change; for a contract's count: where it
    /// was asked.
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    std::string provider;  ///< who answered wrongly, where that is known
    std::string detail;    ///< what else a person wants to know
    /// False: the chain's own headers and roots alone do not prove it, some provider's word is part
    /// of it. Nothing is changed for such a one unless somebody asks for it. Of the state: what a
    /// provider's getter tells, and storage or another provider speaks against it, as `detail`
    /// says; nothing is changed for it at all.
    bool is_certain = true;
    /// Of the log: the stored bytes are not those that were committed, so nobody had told it so.
    bool is_damage = false;
    /// Of a contract call: storage holds `expected`; it is no provider's word.
    bool is_by_storage = false;
};

/// One sentence for people, without a full stop.
[[nodiscard]] std::string describe(const Finding& finding);

/// What is found is kept up to a limit; what is beyond it is only counted.
struct Findings {
    static constexpr size_t kKeptMax = 10'000;
    std::vector<Finding> kept;
    uint64_t total = 0;

    void add(Finding finding) {
        ++total;
        if (kept.size() < kKeptMax) {
            kept.push_back(std::move(finding));
        }
    }
    [[nodiscard]] bool empty() const noexcept { return total == 0; }
};

}  // namespace plumbline::engine
