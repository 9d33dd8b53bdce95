#include "rpc/answer_check.hpp"

#include <gtest/gtest.h>

#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::answer_check_test {
namespace {

using test::make_address;
using test::make_topic;

evm::Log make_log(uint64_t block_num, uint32_t log_index, uint8_t address = 1, uint8_t topic = 10) {
    evm::Log log;
    log.block_num = block_num;
    log.log_index = log_index;
    log.txn_index = log_index;
    log.address = make_address(address);
    log.topic_count = 1;
    log.topics[0] = make_topic(topic);
    return log;
}

evm::LogBatch make_batch(std::initializer_list<evm::Log> logs) {
    evm::LogBatch out;
    for (const evm::Log& log : logs) {
        out.push(log, {});
    }
    return out;
}

class AnswerCheckTest : public ::testing::Test {
  protected:
    FilterCheck check_{
        LogFilter{{make_address(1), make_address(2)}, {make_topic(10), make_topic(11)}}};
};

TEST_F(AnswerCheckTest, AnOrderlyAnswerHasNoFault) {
    EXPECT_FALSE(check_.find_fault(make_batch({}), {5, 9}));
    EXPECT_FALSE(check_.find_fault(
        make_batch({make_log(5, 0), make_log(5, 7, 2, 11), make_log(9, 0)}), {5, 9}));
}

TEST_F(AnswerCheckTest, EveryFaultIsNamed) {
    evm::Log back = make_log(5, 2);
    back.txn_index = 0;
    evm::Log other_fork = make_log(5, 2);
    other_fork.block_hash = make_topic(1);
    evm::Log no_topic = make_log(5, 0);
    no_topic.topic_count = 0;
    const std::vector<std::pair<evm::LogBatch, std::string>> cases = {
        {make_batch({make_log(4, 0)}), "outside"},
        {make_batch({make_log(10, 0)}), "outside"},
        {make_batch({make_log(5, 0, 3)}), "not asked"},
        {make_batch({make_log(5, 0, 1, 12)}), "not asked"},
        {make_batch({no_topic}), "not asked"},
        {make_batch({make_log(6, 0), make_log(5, 0)}), "order"},
        {make_batch({make_log(5, 1), make_log(5, 0)}), "order"},
        {make_batch({make_log(5, 1), make_log(5, 1)}), "one index"},
        {make_batch({make_log(5, 1), back}), "transactions"},
        {make_batch({make_log(5, 1), other_fork}), "hashes"},
        {make_batch({make_log(5, UINT32_MAX)}), "no block can have"},
    };
    for (const auto& [batch, word] : cases) {
        const auto fault = check_.find_fault(batch, {5, 9});
        ASSERT_TRUE(fault) << word;
        EXPECT_NE(fault->find(word), std::string::npos) << *fault;
    }
}

TEST_F(AnswerCheckTest, LogsAndHeadersMustBeOfOneBranch) {
    const auto make_headers = [] {
        std::map<uint64_t, evm::Header> headers;
        for (const uint8_t num : {uint8_t{5}, uint8_t{6}, uint8_t{8}}) {
            evm::Header& header = headers[num];
            header.block_num = num;
            header.hash = make_topic(num);
            header.parent_hash = make_topic(static_cast<uint8_t>(num - 1));
        }
        return headers;
    };
    evm::Log log = make_log(6, 0);
    log.block_hash = make_topic(6);
    EXPECT_FALSE(find_branch_fault(make_batch({log}), make_headers()));
    EXPECT_FALSE(find_branch_fault({}, {}));
    log.block_hash = make_topic(66);
    EXPECT_EQ(find_branch_fault(make_batch({log}), make_headers()),
              "a log of block 6 has another block hash than the header");
    EXPECT_TRUE(find_branch_fault(make_batch({make_log(7, 0)}), make_headers()));
    auto torn = make_headers();
    torn.at(6).parent_hash = make_topic(55);
    EXPECT_EQ(find_branch_fault({}, torn), "block 6 is not a child of the block before");
    auto gap = make_headers();
    gap.at(8).parent_hash = make_topic(77);
    EXPECT_FALSE(find_branch_fault({}, gap));  // 7 is not there: nothing to compare with
}

TEST_F(AnswerCheckTest, OnlyMatchingLogsAreTaken) {
    const evm::LogBatch found =
        check_.matching(make_batch({make_log(5, 0), make_log(5, 1, 9), make_log(5, 2, 2, 11)}));
    ASSERT_EQ(found.logs.size(), 2U);
    EXPECT_EQ(found.logs[1].log_index, 2U);
}

TEST_F(AnswerCheckTest, LongAndEmptyFiltersMatchAsShortOnesDo) {
    LogFilter many;
    for (uint8_t tag = 1; tag <= 100; ++tag) {
        many.addresses.push_back(make_address(tag));
    }
    EXPECT_TRUE(FilterCheck{many}.matches(make_log(1, 0, 77, 99)));
    EXPECT_FALSE(FilterCheck{many}.matches(make_log(1, 0, 101, 99)));
    EXPECT_TRUE(FilterCheck{LogFilter{}}.matches(make_log(1, 0, 101, 99)));
}

TEST_F(AnswerCheckTest, TopicsBehindTheFirstMatchAndProveEmptinessToo) {
    LogFilter filter;
    filter.topics0 = {make_topic(10)};
    filter.more_topics[1] = {make_topic(20), make_topic(21)};
    const FilterCheck check{filter};
    evm::Log log = make_log(5, 0);
    EXPECT_FALSE(check.matches(log)) << "it has one topic";
    log.topic_count = 3;
    log.topics[1] = make_topic(99);
    log.topics[2] = make_topic(21);
    EXPECT_TRUE(check.matches(log));
    evm::Header header;
    evm::add(header.logs_bloom, log);
    EXPECT_TRUE(check.may_lack_all(header, {}));
    log.topics[2] = make_topic(22);
    EXPECT_FALSE(check.matches(log));
    header.logs_bloom = {};
    evm::add(header.logs_bloom, log);
    EXPECT_FALSE(check.may_lack_all(header, {})) << "our event, but none with those topics";
}

TEST_F(AnswerCheckTest, ABloomTellsInventedAndMissingLogs) {
    evm::Header header;
    const evm::Log one = make_log(5, 0);
    const evm::Log two = make_log(5, 1, 2, 11);
    evm::add(header.logs_bloom, one);
    EXPECT_TRUE(check_.bloom_has(header, one));
    EXPECT_FALSE(check_.bloom_has(header, two));
    EXPECT_TRUE(check_.may_lack_all(header, {}));
    EXPECT_FALSE(check_.may_lack_all(header, std::span{&one, 1}));
    EXPECT_FALSE(check_.may_lack_some(header, std::span{&one, 1}));
    evm::add(header.logs_bloom, two);
    EXPECT_TRUE(check_.may_lack_some(header, std::span{&one, 1}));
    const std::array both = {one, two};
    EXPECT_FALSE(check_.may_lack_some(header, both));
}

TEST_F(AnswerCheckTest, ABloomWithoutAMatchProvesEmptiness) {
    evm::Header header;
    EXPECT_FALSE(check_.may_lack_all(header, {}));
    evm::add(header.logs_bloom, make_log(5, 0, 9, 10));  // our event of a foreign contract
    EXPECT_FALSE(check_.may_lack_all(header, {}));
}

TEST_F(AnswerCheckTest, AnEmptyFilterDoubtsOnlyWhereTheBloomIsNotEmpty) {
    FilterCheck all{LogFilter{}};
    evm::Header header;
    EXPECT_FALSE(all.may_lack_all(header, {}));
    evm::add(header.logs_bloom, make_log(5, 0));
    EXPECT_TRUE(all.may_lack_all(header, {}));
}

TEST_F(AnswerCheckTest, LogsAreComparedWithTheirData) {
    evm::LogBatch a;
    evm::LogBatch b;
    const Bytes data{1, 2, 3};
    a.push(make_log(5, 0), {});
    a.push(make_log(5, 1), data);
    append_logs(a, {5, 5}, b);
    sort_logs(b);
    EXPECT_TRUE(same_logs(a, b));
    b.arena.back() = 4;
    EXPECT_FALSE(same_logs(a, b));
    b.logs.pop_back();
    EXPECT_FALSE(same_logs(a, b));
}

TEST(BranchFaultTest, AHeaderThatTellsNoParentContradictsNobody) {
    std::map<uint64_t, evm::Header> headers;
    for (const uint64_t num : {uint64_t{5}, uint64_t{6}}) {
        headers[num].block_num = num;
        headers[num].hash.bytes.fill(static_cast<uint8_t>(num));
    }
    EXPECT_FALSE(find_branch_fault({}, headers));
    headers[6].parent_hash.bytes.fill(9);
    EXPECT_TRUE(find_branch_fault({}, headers));
}

}  // namespace
}  // namespace plumbline::rpc::answer_check_test
