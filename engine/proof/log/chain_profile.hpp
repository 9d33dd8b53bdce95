// What of a chain can be proven: whether its headers, receipts and blooms follow from their content
// the way Ethereum's do. Chosen by trying it on some blocks, never by the chain's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/callback_guard.hpp"
#include "core/base/result.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

enum class ChainKind : uint8_t {
    kUnknown,   ///< no receipt seen
    kEthereum,  ///< types 0 to 4 and nothing else
    kOp,        ///< has deposit receipts
    kArbitrum,  ///< has Arbitrum's types
    kNone,      ///< headers or receipts do not recompute: nothing can be proven
};
/// "ethereum", "op", "arbitrum", "none", "unknown".
[[nodiscard]] std::string_view to_string(ChainKind kind) noexcept;

struct ChainProfile {
    ChainKind kind = ChainKind::kUnknown;
    bool headers = true;   ///< hash to what they claim, at least the youngest
    bool receipts = true;  ///< hash to the header's root
    bool blooms = true;    ///< are those of the block's logs: may be used to pass blocks over
    uint64_t headers_tried = 0;
    uint64_t receipts_tried = 0;
    std::string reason;  ///< why not all of it holds, for people

    /// Takes a block's proven receipts into account.
    void add_receipts(const evm::Header& header, const rpc::BlockReceipts& block);
    /// Nobody's receipts of a block fit its root: blooms, which are checked by them, are out too.
    void add_unprovable(const evm::Header& header, const Error& error);
};

/// The self-test on blocks `block_nums`: asks `source` and calls back once, with an error where
/// nothing could be learnt. Blocks that the source lacks are passed over. At most one test at a
/// time; dropping the object drops the test.
class ProfileTest {
  public:
    ProfileTest(rpc::ChainSource& source, std::vector<uint64_t> block_nums);
    ProfileTest(const ProfileTest&) = delete;
    ProfileTest& operator=(const ProfileTest&) = delete;
    ~ProfileTest() = default;

    [[nodiscard]] bool is_done() const noexcept { return done_; }
    [[nodiscard]] const Result<ChainProfile>& result() const noexcept { return result_; }

  private:
    void ask_header(size_t index);
    void on_header(size_t index, Result<std::vector<evm::Header>> headers);
    void check_elsewhere(const evm::Header& header);
    [[nodiscard]] static std::string name_left_out(const evm::Header& header);
    void take(evm::Header header);
    void ask_receipts();
    void on_receipts(const std::vector<evm::Header>& asked,
                     const std::vector<Result<rpc::BlockReceipts>>& results);
    void note(const Error& error);
    void finish();

    rpc::ChainSource& source_;
    std::vector<uint64_t> block_nums_;
    std::vector<evm::Header> headers_;
    size_t open_ = 0;
    bool done_ = false;
    std::optional<uint64_t> failed_num_;  ///< the highest block whose header does not hash
    std::string last_error_ = "no block to try";
    ErrorCode last_code_ = ErrorCode::kNotFound;
    ChainProfile profile_;
    Result<ChainProfile> result_;
    CallbackGuard guard_;  ///< last: goes first
};

}  // namespace plumbline::engine
