#include "api/server/connection_table.hpp"

#include <gtest/gtest.h>

namespace plumbline::api::connection_table_test {
namespace {

class ConnectionTableTest : public ::testing::Test {
  protected:
    /// The number, 0 where it was refused.
    uint64_t admit(const std::string& client, bool has_limit = true) {
        auto name = std::make_shared<std::string>();
        const auto id = table_.admit(client, has_limit, [this, name] { closed_ += *name; });
        *name = client;
        return id.value_or(0);
    }
    ConnectionTable table_{{.max = 4, .client_max = 2}};
    std::string closed_;
};

TEST_F(ConnectionTableTest, ANewOneTakesThePlaceOfItsOwnClientsLongestSilentOne) {
    EXPECT_NE(admit("b"), 0U);
    EXPECT_NE(admit("a"), 0U);
    EXPECT_NE(admit("a"), 0U);
    EXPECT_EQ(closed_, "");
    EXPECT_NE(admit("a"), 0U);
    EXPECT_EQ(closed_, "a");
    EXPECT_EQ(table_.size(), 3U);
}

TEST_F(ConnectionTableTest, WhereAllPlacesAreTakenTheLongestSilentOneGoes) {
    admit("a");
    const uint64_t b = admit("b");
    admit("c");
    admit("d");
    EXPECT_NE(admit("e"), 0U);
    EXPECT_EQ(closed_, "a");
    // Who spoke is not the longest silent one any more.
    table_.set_waiting(b, false);
    table_.set_waiting(b, true);
    EXPECT_NE(admit("f"), 0U);
    EXPECT_EQ(closed_, "ac");
}

TEST_F(ConnectionTableTest, WhoIsBeingAnsweredKeepsItsPlace) {
    table_.set_waiting(admit("a"), false);
    table_.set_waiting(admit("a"), false);
    EXPECT_EQ(admit("a"), 0U);
    EXPECT_NE(admit("b"), 0U);
    EXPECT_EQ(closed_, "");
}

TEST_F(ConnectionTableTest, AProxysConnectionsAreThoseOfManyClients) {
    for (int i = 0; i < 4; ++i) {
        EXPECT_NE(admit("proxy", false), 0U);
    }
    EXPECT_EQ(closed_, "");
}

TEST_F(ConnectionTableTest, APlaceIsGivenBackOnceAndByItsLastOwner) {
    {
        ConnectionPlace place{table_, admit("a")};
        ConnectionPlace moved{std::move(place)};
        EXPECT_EQ(table_.size(), 1U);
        place = ConnectionPlace{};
        EXPECT_EQ(table_.size(), 1U);
    }
    EXPECT_EQ(table_.size(), 0U);
    table_.leave(1);
    EXPECT_EQ(table_.size(), 0U);
}

}  // namespace
}  // namespace plumbline::api::connection_table_test
