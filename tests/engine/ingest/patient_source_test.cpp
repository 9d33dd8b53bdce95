#include "engine/ingest/patient_source.hpp"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"

namespace plumbline::engine::patient_source_test {
namespace {

using ::testing::HasSubstr;

/// Keeps questions open until told to answer them.
class MuteSource final : public rpc::ChainSource {
  public:
    explicit MuteSource(ManualClock& clock) : clock_{clock} {}

    std::vector<Callback<uint64_t>> open;
    std::vector<ReceiptsCallback> open_receipts;
    std::vector<rpc::OpenWait> waiting;
    size_t asked = 0;

    void get_chain_id(Callback<uint64_t> done) override {
        ++asked;
        open.push_back(std::move(done));
    }
    void get_heads(Callback<rpc::Heads> /*done*/) override { ++asked; }
    void get_headers(std::vector<uint64_t> /*nums*/,
                     Callback<std::vector<evm::Header>> /*done*/) override {
        ++asked;
    }
    void get_header_by_hash(evm::Hash /*hash*/, Callback<evm::Header> /*done*/) override {}
    void get_range(rpc::LogFilter /*filter*/, evm::BlockRange /*range*/, bool /*all*/,
                   Callback<rpc::RangeLogs> /*done*/) override {}
    void get_txns(std::vector<evm::Hash> /*hashes*/,
                  Callback<std::vector<rpc::TxnInfo>> /*done*/) override {}
    void get_proven_receipts(std::vector<evm::Header> /*headers*/, ReceiptsCallback done) override {
        open_receipts.push_back(std::move(done));
    }
    uint64_t suggest_range_size(const rpc::LogFilter& /*filter*/, uint64_t /*from*/) override {
        return 1;
    }
    size_t poll(int64_t wait_ms) override {
        clock_.advance(wait_ms);
        return 0;
    }
    [[nodiscard]] size_t in_flight() const override { return open.size(); }
    [[nodiscard]] std::vector<rpc::OpenWait> waits(int64_t waiting_ms) const override {
        std::vector<rpc::OpenWait> out;
        for (const rpc::OpenWait& one : waiting) {
            if (one.waiting_ms >= waiting_ms) {
                out.push_back(one);
            }
        }
        return out;
    }

  private:
    ManualClock& clock_;
};

class PatientSourceTest : public ::testing::Test {
  protected:
    PatientSourceTest() {
        logging::configure(logging::Level::kOff, logging::Format::kText);
        auto inner = std::make_unique<MuteSource>(clock_);
        inner_ = inner.get();
        source_ = std::make_unique<PatientSource>(std::move(inner), 60'000, clock_);
    }
    void ask() {
        source_->get_chain_id([this](Result<uint64_t> answer) {
            answers_.push_back(answer ? std::to_string(*answer) : answer.error().message);
        });
    }
    void poll_for(int64_t ms) {
        for (const int64_t end = clock_.monotonic_ms() + ms; clock_.monotonic_ms() < end;) {
            source_->poll(100);
        }
    }

    ManualClock clock_;
    MuteSource* inner_ = nullptr;
    std::unique_ptr<PatientSource> source_;
    std::vector<std::string> answers_;
};

TEST_F(PatientSourceTest, AfterTheTimeoutEveryQuestionEndsWithWhatIsInTheWay) {
    ask();
    ask();
    size_t receipts = 0;
    source_->get_proven_receipts(std::vector<evm::Header>(3), [&](auto results) {
        for (const auto& result : results) {
            receipts += result ? 0U : 1U;
        }
    });
    rpc::OpenWait wait;
    wait.method = "eth_getLogs";
    wait.provider = "http://node.example";
    wait.reason = "the moon is not in the right house";
    wait.waiting_ms = 60'000;
    inner_->waiting = {wait};
    poll_for(59'000);
    EXPECT_TRUE(answers_.empty());
    EXPECT_EQ(source_->in_flight(), 3U);
    poll_for(2'000);
    ASSERT_EQ(answers_.size(), 2U);
    EXPECT_THAT(answers_[0], HasSubstr("nothing has come from the chain for 1m"));
    EXPECT_THAT(answers_[0], HasSubstr("http://node.example: eth_getLogs"));
    EXPECT_THAT(answers_[0], HasSubstr("the moon is not in the right house"));
    EXPECT_EQ(receipts, 3U);
    EXPECT_EQ(source_->in_flight(), 0U);
    // And later ones are not asked; an answer that comes late is nobody's.
    ask();
    inner_->open[0](uint64_t{1});
    source_->poll(100);
    EXPECT_EQ(answers_.size(), 3U);
    EXPECT_EQ(inner_->asked, 2U);
}

TEST_F(PatientSourceTest, AnAnswerBeginsTheWaitAnewAndARefusalDoesNot) {
    ask();
    ask();
    ask();
    poll_for(50'000);
    inner_->open[0](uint64_t{7});
    poll_for(50'000);
    EXPECT_EQ(answers_, std::vector<std::string>{"7"});
    inner_->open[1](Error{ErrorCode::kUnavailable, "no"});
    poll_for(11'000);
    EXPECT_EQ(answers_.size(), 3U);
}

TEST_F(PatientSourceTest, APartOfAnAnswerIsOne) {
    ask();
    rpc::OpenWait wait;
    wait.waiting_ms = 5'000;
    inner_->waiting = {wait};
    poll_for(600'000);
    EXPECT_TRUE(answers_.empty());
    inner_->waiting[0].waiting_ms = 60'000;
    poll_for(100);
    EXPECT_EQ(answers_.size(), 1U);
}

TEST_F(PatientSourceTest, TimeWithoutAQuestionIsNoSilence) {
    ask();
    inner_->open[0](uint64_t{7});
    clock_.advance(3'600'000);
    ask();
    poll_for(50'000);
    EXPECT_EQ(answers_.size(), 1U);
}

TEST_F(PatientSourceTest, TheTimeThatIsToldIsThatOfTheQuestionThatWaited) {
    ask();
    rpc::OpenWait wait;
    wait.reason = "no answer yet";
    wait.waiting_ms = 5'000;
    inner_->waiting = {wait};
    poll_for(600'000);
    inner_->waiting[0].waiting_ms = 60'000;
    poll_for(100);
    ASSERT_EQ(answers_.size(), 1U);
    EXPECT_THAT(answers_[0], HasSubstr("nothing has come from the chain for 1m"));
}

TEST_F(PatientSourceTest, WhoeverAsksAgainWhatHasFailedHasWaitedAllTheWhile) {
    rpc::OpenWait wait;
    wait.reason = "no answer yet";
    wait.waiting_ms = 60'000;
    inner_->waiting = {wait};
    for (int i = 0; i < 5; ++i) {
        ask();
        poll_for(11'000);
        ASSERT_FALSE(source_->has_given_up());
        inner_->open.back()(Error{ErrorCode::kUnavailable, "no"});
    }
    ask();
    poll_for(6'000);
    EXPECT_TRUE(source_->has_given_up());
    EXPECT_THAT(answers_.back(), HasSubstr("for 1m"));
}

TEST_F(PatientSourceTest, AQuestionBehindOthersThatCameToNothingHasWaitedWithThem) {
    rpc::OpenWait wait;
    wait.reason = "no answer yet";
    inner_->waiting = {wait};
    for (int i = 0; i < 2; ++i) {
        ask();
        poll_for(25'000);
        inner_->open.back()(Error{ErrorCode::kUnavailable, "no"});
    }
    ask();
    for (int i = 0; i < 101; ++i) {  // Of this one's own age.
        inner_->waiting[0].waiting_ms = i * 100;
        poll_for(100);
    }
    EXPECT_TRUE(source_->has_given_up());
    EXPECT_THAT(answers_.back(), HasSubstr("for 1m"));
}

TEST_F(PatientSourceTest, WhoeverWaitsBeforeAskingAgainIsToldWhenTheTimeIsOver) {
    ask();
    poll_for(1'000);
    inner_->open[0](Error{ErrorCode::kUnavailable, "the node is being moved"});
    poll_for(58'000);
    EXPECT_FALSE(source_->has_given_up());
    poll_for(2'000);
    EXPECT_TRUE(source_->has_given_up());
    ask();
    source_->poll(100);
    EXPECT_THAT(answers_.back(), HasSubstr("for 1m00s: the node is being moved"));
    EXPECT_EQ(inner_->asked, 1U);
}

}  // namespace
}  // namespace plumbline::engine::patient_source_test
