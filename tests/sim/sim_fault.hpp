// The kinds of faults that the simulation injects, and how often each was.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace plumbline::sim {

enum class Fault : uint8_t {
    // The network and honest providers.
    kDelay,
    kTimeout,
    kUnreachable,
    kCut,
    kTruncated,
    kMalformed,
    kWrongId,
    kEmptyBody,
    kHtml,
    kHttp5xx,
    kHttp429,
    kBody429,
    kRefusal,    ///< a spurious refusal of any class
    kNull,       ///< null where there is something
    kCap,        ///< a range, result, address or batch limit was hit
    kBehind,     ///< asked for a block beyond its head
    kOtherFork,  ///< a whole answer from a branch that is not canonical any more
    kDown,       ///< a request while the node is away for long
    // Answers that are wrong in themselves.
    kDoubled,
    kReordered,
    kRemoved,
    kOutside,    ///< a log outside the asked blocks
    kBlockHash,  ///< a log with another block's hash
    // Lies of one node that the bloom can tell.
    kDropped,
    kDroppedWeak,  ///< only another provider can tell, where the bloom lets ask
    kAltered,
    kInvented,
    // Lies that nothing below receipts can tell; only on request.
    kHidden,
    // Lies that a hash or a root convicts of.
    kHeaderLie,
    kReceiptLie,
    // The file system.
    kCrash,
    kPowerCut,
    kIoOnce,
    kIoForAWhile,
    kDiskFull,
    kStopped,  ///< no fault: a clean stop and start
    kChanged,  ///< no fault: a start by another config
    kCount,
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Fault::kCount)> kFaultNames{
    "delay",
    "timeout",
    "unreachable",
    "cut connection",
    "truncated body",
    "malformed JSON",
    "wrong id",
    "empty body",
    "HTML page",
    "HTTP 5xx",
    "HTTP 429",
    "429 in the body",
    "refusal",
    "null answer",
    "limit hit",
    "behind",
    "other fork",
    "node down",
    "doubled log",
    "reordered logs",
    "removed log",
    "log outside the range",
    "wrong block hash",
    "dropped log",
    "dropped log, weak evidence",
    "altered log",
    "invented log",
    "hidden lie",
    "header that does not hash",
    "receipts not of their root",
    "crash",
    "power cut",
    "I/O error once",
    "I/O errors for a while",
    "disk full for a while",
    "clean restart",
    "another config"};

class FaultCounts {
  public:
    void add(Fault fault, uint64_t count = 1) { counts_[static_cast<size_t>(fault)] += count; }
    void add(const FaultCounts& other) {
        for (size_t i = 0; i < counts_.size(); ++i) {
            counts_[i] += other.counts_[i];
        }
    }
    [[nodiscard]] uint64_t of(Fault fault) const { return counts_[static_cast<size_t>(fault)]; }

  private:
    std::array<uint64_t, static_cast<size_t>(Fault::kCount)> counts_{};
};

}  // namespace plumbline::sim
