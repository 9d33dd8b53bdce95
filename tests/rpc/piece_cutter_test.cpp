#include "rpc/piece_cutter.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::piece_cutter_test {
namespace {

std::shared_ptr<const LogFilter> filter_of(size_t addresses) {
    auto filter = std::make_shared<LogFilter>();
    for (size_t i = 0; i < addresses; ++i) {
        filter->addresses.push_back(test::make_address(static_cast<uint8_t>(i + 1)));
    }
    return filter;
}

// "H5" a header by number, "L5-9[0,2)" logs with a part of the addresses, "B[0,2)" of a block.
std::string text_of(const std::vector<Call>& calls) {
    std::string out;
    for (const Call& call : calls) {
        const std::string part =
            "[" + std::to_string(call.address_begin) + "," + std::to_string(call.address_end) + ")";
        out += out.empty() ? "" : " ";
        switch (call.kind) {
            case Call::Kind::kHeaderByNum: out += "H" + std::to_string(call.block_num); break;
            case Call::Kind::kLogs:
                out += "L" + std::to_string(call.range.from) + "-" + std::to_string(call.range.to) +
                       part;
                break;
            case Call::Kind::kLogsOfBlock: out += "B" + part; break;
            default: out += "?";
        }
    }
    return out;
}

TEST(PieceCutterTest, ARequestTakesNoMoreThanTheTightestLimit) {
    struct Case {
        const char* why;
        evm::BlockRange piece;
        RequestLimits limits;  // blocks, addresses, batch, head
        bool all_headers;
        size_t addresses;
        uint64_t size;
    };
    const std::vector<Case> cases = {
        {"the piece itself", {10, 19}, {100, 5, 50, {}}, false, 0, 10},
        {"the controller", {10, 19}, {3, 5, 50, {}}, false, 0, 3},
        {"a controller that says nothing", {10, 19}, {0, 5, 50, {}}, false, 0, 1},
        {"the head", {10, 19}, {100, 5, 50, 12}, false, 0, 3},
        {"the head is the first block", {10, 19}, {100, 5, 50, 10}, false, 0, 1},
        {"a head below the piece says nothing", {10, 19}, {100, 5, 50, 9}, false, 0, 10},
        {"no batches: to where all backends are", {900, 999}, {500, 5, 1, 1'000}, false, 0, 37},
        {"no batches: above that one by one", {937, 999}, {500, 5, 1, 1'000}, false, 0, 1},
        {"all headers and one log call fill the batch", {10, 99}, {100, 5, 8, {}}, true, 0, 7},
        {"each address chunk is a call", {10, 99}, {100, 5, 8, {}}, true, 11, 5},
        {"more log calls than a batch holds", {10, 99}, {100, 1, 8, {}}, true, 20, 1},
        {"a batch counts only where all headers are wanted",
         {10, 99},
         {90, 5, 8, {}},
         false,
         11,
         90},
        {"the whole chain", {0, UINT64_MAX - 1}, {UINT64_MAX, 5, 50, {}}, false, 0, UINT64_MAX},
    };
    for (const Case& c : cases) {
        const PieceCutter cutter{filter_of(c.addresses), c.all_headers};
        EXPECT_EQ(cutter.request_size(c.piece, c.limits), c.size) << c.why;
    }
}

TEST(PieceCutterTest, HeadersGoFirstAndEveryAddressIsAskedForOnce) {
    struct Case {
        const char* why;
        evm::BlockRange piece;
        RequestLimits limits;
        bool all_headers;
        size_t addresses;
        const char* calls;
    };
    const std::vector<Case> cases = {
        {"the first and the last header", {5, 9}, {9, 5, 50, {}}, false, 0, "H5 H9 L5-9[0,0)"},
        {"two blocks", {5, 6}, {9, 5, 50, {}}, false, 2, "H5 H6 L5-6[0,2)"},
        {"one block", {5, 5}, {9, 5, 50, {}}, false, 2, "H5 L5-5[0,2)"},
        {"all headers", {5, 8}, {9, 5, 50, {}}, true, 0, "H5 H6 H7 H8 L5-8[0,0)"},
        {"chunks of addresses",
         {5, 9},
         {9, 2, 50, {}},
         false,
         5,
         "H5 H9 L5-9[0,2) L5-9[2,4) L5-9[4,5)"},
        {"a further batch begins with a header",
         {5, 9},
         {9, 2, 3, {}},
         false,
         5,
         "H5 H9 L5-9[0,2) H9 L5-9[2,4) L5-9[4,5)"},
        {"no batches, a range", {5, 9}, {9, 5, 1, {}}, false, 2, "H5 H9 L5-9[0,2)"},
        {"no batches, one block: its logs are asked for by hash",
         {5, 5},
         {9, 5, 1, {}},
         false,
         2,
         "H5"},
        {"a provider that takes no address at all is asked with one",
         {5, 5},
         {9, 0, 50, {}},
         false,
         2,
         "H5 L5-5[0,1) L5-5[1,2)"},
    };
    for (const Case& c : cases) {
        const PieceCutter cutter{filter_of(c.addresses), c.all_headers};
        EXPECT_EQ(text_of(cutter.write_calls(c.piece, c.limits)), c.calls) << c.why;
    }
    EXPECT_EQ(text_of(PieceCutter{filter_of(0), false}.write_calls_of_block({}, 5)), "B[0,0)");
    EXPECT_EQ(text_of(PieceCutter{filter_of(5), false}.write_calls_of_block({}, 2)),
              "B[0,2) B[2,4) B[4,5)");
}

TEST(PieceCutterTest, ARefusalThatLastsAlwaysLeadsSomewhereElse) {
    using enum RefusalClass;
    using enum RefusalStep;
    struct Case {
        RefusalClass kind;
        bool ambiguous;
        uint64_t blocks;
        size_t addresses;
        bool others_left;
        RefusalStep step;
        std::optional<uint64_t> blocks_max;
    };
    const std::vector<Case> cases = {
        // Addresses are no matter of blocks, as long as there are several.
        {kTooManyAddresses, false, 9, 4, false, kFewerAddresses, {}},
        {kTooManyAddresses, false, 1, 4, true, kFewerAddresses, {}},
        {kTooManyAddresses, false, 9, 1, true, kSplit, {}},
        {kTooManyAddresses, false, 1, 0, false, kReceipts, {}},
        // A limit on blocks is learnt, unless the piece keeps it; all else says that this place is
        // dense.
        {kTooManyBlocks, false, 9, 4, true, kShorterRange, {}},
        {kTooManyBlocks, false, 9, 4, true, kShorterRange, 8},
        {kTooManyBlocks, false, 9, 4, true, kSplit, 9},
        {kTooManyBlocks, false, 9, 4, true, kSplit, 1'000},
        {kTooManyResults, false, 9, 4, true, kSplit, {}},
        {kTooManyResults, true, 9, 4, true, kSplit, {}},
        {kResponseTooLarge, false, 2, 4, true, kSplit, {}},
        {kTimeout, false, 9, 4, true, kSplit, {}},
        // One block: receipts where it is the reason for sure, or where all others refused it too.
        {kTooManyResults, false, 1, 4, true, kReceipts, {}},
        {kResponseTooLarge, false, 1, 4, true, kReceipts, {}},
        {kTooManyResults, true, 1, 4, true, kAskAnother, {}},
        {kTooManyResults, true, 1, 4, false, kReceipts, {}},
        {kTimeout, false, 1, 4, true, kAskAnother, {}},
        {kTimeout, false, 1, 4, false, kReceipts, {}},
    };
    for (const Case& c : cases) {
        Refusal refusal;
        refusal.kind = c.kind;
        refusal.ambiguous = c.ambiguous;
        refusal.blocks_max = c.blocks_max;
        EXPECT_EQ(choose_step(refusal, {100, 99 + c.blocks}, c.addresses, c.others_left), c.step)
            << to_string(c.kind) << " " << c.blocks << " blocks";
    }
    // Whatever the class is.
    for (size_t kind = 0; kind <= static_cast<size_t>(kUnknown); ++kind) {
        Refusal refusal;
        refusal.kind = static_cast<RefusalClass>(kind);
        EXPECT_EQ(choose_step(refusal, {5, 5}, 1, false), kReceipts) << to_string(refusal.kind);
        EXPECT_NE(choose_step(refusal, {5, 6}, 1, false), kAskAnother) << to_string(refusal.kind);
    }
}

TEST(PieceCutterTest, ACutFollowsTheHintWhereItFitsElseHalves) {
    struct Case {
        const char* why;
        std::optional<evm::BlockRange> hint;
        std::optional<uint64_t> blocks_max;
        uint64_t first_size;
        bool by_hint;
    };
    const evm::BlockRange piece{100, 109};
    const std::vector<Case> cases = {
        {"no hint", {}, {}, 5, false},
        {"a range", evm::BlockRange{100, 102}, {}, 3, true},
        {"a range of one", evm::BlockRange{100, 100}, {}, 1, true},
        {"a range before a number", evm::BlockRange{100, 102}, 7, 3, true},
        {"a number", {}, 7, 7, true},
        {"a number of nothing", {}, 0, 1, true},
        {"a range that starts elsewhere", evm::BlockRange{99, 102}, {}, 5, false},
        {"a range that ends where the piece does", evm::BlockRange{100, 109}, {}, 5, false},
        {"a number that allows what was refused", {}, 10, 5, false},
        {"a range that does not fit and a number", evm::BlockRange{1, 2}, 4, 4, true},
    };
    for (const Case& c : cases) {
        Refusal refusal;
        refusal.range_hint = c.hint;
        refusal.blocks_max = c.blocks_max;
        const PieceCut cut = find_cut(refusal, piece);
        EXPECT_EQ(cut.first_size, c.first_size) << c.why;
        EXPECT_EQ(cut.by_hint, c.by_hint) << c.why;
    }
    EXPECT_EQ(find_cut({}, {7, 8}).first_size, 1U);
    EXPECT_EQ(find_cut({}, {7, 9}).first_size, 1U);
}

TEST(PieceCutterDeathTest, ASingleBlockIsNotCut) {
    EXPECT_DEATH(static_cast<void>(find_cut({}, {7, 7})), "cannot be cut");
}

}  // namespace
}  // namespace plumbline::rpc::piece_cutter_test
