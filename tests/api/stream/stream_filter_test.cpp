// Which rows and events a client's question asks for.
#include "api/stream/stream_filter.hpp"

#include <gtest/gtest.h>

namespace plumbline::api::stream_filter_test {
namespace {

TEST(StreamFilterTest, AnEmptyQuestionWantsEverything) {
    const StreamFilter all;
    EXPECT_TRUE(all.wants_entity(3));
    EXPECT_TRUE(all.wants_row(3, "k"));
    EXPECT_TRUE(all.wants_event("hub", "Voted"));
    EXPECT_TRUE(all.wants_event("", "")) << "an event that no ABI knows";
}

TEST(StreamFilterTest, RowsAreThoseOfTheEntitiesAndKeys) {
    StreamFilter filter;
    filter.entities = {1, 2};
    EXPECT_TRUE(filter.wants_row(2, "k"));
    EXPECT_FALSE(filter.wants_row(0, "k"));
    filter.entities = {1};
    filter.keys = {"a", "b"};
    EXPECT_TRUE(filter.wants_row(1, "b"));
    EXPECT_FALSE(filter.wants_row(1, "c"));
    EXPECT_FALSE(filter.wants_row(2, "a"));
    filter.has_rows = false;
    EXPECT_FALSE(filter.wants_entity(1));
    EXPECT_FALSE(filter.wants_row(1, "a"));
}

struct EventCase {
    const char* wanted;
    const char* contract;
    const char* event;
    bool is_wanted;
};

TEST(StreamFilterTest, EventsAreNamedByContractAndEventOrAll) {
    constexpr EventCase kCases[] = {
        {"hub.Voted", "hub", "Voted", true},
        {"hub.Voted", "hub", "Vot", false},
        {"hub.Voted", "hub2", "Voted", false},
        {"hub.*", "hub", "Voted", true},
        {"hub.*", "hub", "", true},
        {"hub.*", "vault", "Voted", false},
        {"Voted", "", "Voted", false},
        {"hub.Voted", "", "", false},
    };
    for (const EventCase& one : kCases) {
        StreamFilter filter;
        filter.events = {"other.Thing", one.wanted};
        EXPECT_EQ(filter.wants_event(one.contract, one.event), one.is_wanted)
            << one.wanted << " against " << one.contract << "." << one.event;
        filter.has_events = false;
        EXPECT_FALSE(filter.wants_event(one.contract, one.event));
    }
}

}  // namespace
}  // namespace plumbline::api::stream_filter_test
