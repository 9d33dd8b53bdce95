// How a piece of a range becomes one request, and what a refusal makes of it. Decides only; asks
// nobody.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/evm/log.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::rpc {

/// What the provider that is about to be asked takes in one request.
struct RequestLimits {
    uint64_t blocks_max = 1;  ///< by its range controller
    size_t addresses_max = 1;
    size_t batch_max = 1;          ///< calls; 1: it knows no batches
    std::optional<uint64_t> head;  ///< its last block, where known
};

/// Writes the calls of pieces: headers by number first, then the logs. Sent as one batch, one
/// backend answers all of it, and the headers show which branch and how far it knows. Where a
/// provider takes no batches, or the batch gets too long, that has to be made sure otherwise.
class PieceCutter {
  public:
    /// `all_headers`: of all blocks, else of a piece's first and last, which tie it to its
    /// neighbours.
    PieceCutter(std::shared_ptr<const LogFilter> filter, bool all_headers);

    /// How many blocks from the start of `piece` on the next request covers: 1 to `piece.size()`.
    [[nodiscard]] uint64_t request_size(const evm::BlockRange& piece,
                                        const RequestLimits& limits) const;
    /// A single block from a provider without batches. Its backends may differ, and the one that
    /// is asked for logs by number may be behind and have none for that reason; by hash it says
    /// so. So the header goes first, and then `write_calls_of_block`.
    [[nodiscard]] static bool asks_by_hash(const evm::BlockRange& piece,
                                           const RequestLimits& limits) {
        return limits.batch_max == 1 && piece.size() == 1;
    }
    /// The blocks of `piece` whose headers are asked for by number, ascending, without doubles.
    [[nodiscard]] std::vector<uint64_t> header_nums(const evm::BlockRange& piece) const;
    /// All calls for `piece`, which `request_size` has approved of. Long address lists become
    /// several calls.
    [[nodiscard]] std::vector<Call> write_calls(const evm::BlockRange& piece,
                                                const RequestLimits& limits) const;
    /// The headers of all blocks of `piece`.
    [[nodiscard]] static std::vector<Call> write_header_calls(const evm::BlockRange& piece);
    /// The logs of the block with this hash.
    [[nodiscard]] std::vector<Call> write_calls_of_block(const evm::Hash& block_hash,
                                                         size_t addresses_max) const;

  private:
    /// Calls that the filter's addresses take; 1 for a filter without.
    [[nodiscard]] size_t count_log_calls(size_t addresses_max) const;

    std::shared_ptr<const LogFilter> filter_;
    bool all_headers_;
};

/// What to do about a refused piece.
enum class RefusalStep : uint8_t {
    kFewerAddresses,  ///< the provider learns; the same piece again
    kShorterRange,    ///< the provider learns; the same piece again
    kSplit,           ///< the piece is dense: cut it (`find_cut`)
    kReceipts,        ///< a single block, which cannot be cut: take its logs from the receipts
    kAskAnother,
};

/// A refusal that lasts always leads somewhere else, whatever its words are: to fewer addresses, to
/// fewer blocks, to another provider or to receipts. `addresses_asked`: in one call. `others_left`:
/// another provider has not refused the piece yet.
[[nodiscard]] RefusalStep choose_step(const Refusal& refusal, const evm::BlockRange& piece,
                                      size_t addresses_asked, bool others_left);

struct PieceCut {
    uint64_t first_size = 0;  ///< 1 to one less than the piece has
    /// The provider said where. The rest is then a piece like any other; after a cut by halves it
    /// is as likely to be dense.
    bool by_hint = false;
};

/// Where to cut a refused piece of at least two blocks: where the provider says it should work,
/// else in the middle.
[[nodiscard]] PieceCut find_cut(const Refusal& refusal, const evm::BlockRange& piece);

}  // namespace plumbline::rpc
