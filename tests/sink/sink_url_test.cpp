// A password must be seen by nobody, however its URL is written.
#include <cstdlib>

#include "core/base/postgres_url.hpp"
#include "engine/config/config.hpp"
#include "sink/sink_doctor.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_url_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// libpq would take part of each one's password as a host, a port, a database or a parameter.
const std::vector<std::string> kTornUrls = {
    "postgresql://u:hunting@terriers@127.0.0.1:1/app",
    "postgresql://u:hunting/terriers@127.0.0.1:1/app",
    "postgresql://u:hunting@b/terriers@127.0.0.1:1/app",
    "postgresql://u:hunting@b?terriers@127.0.0.1:1/app",
    "postgresql://u:hunting/b?terriers=1@127.0.0.1:1/app",
    "postgresql://u:hunting%terriers@127.0.0.1:1/app",
    "postgres://127.0.0.1:1/app?user=u&password=hunting&terriers",
    "postgres://127.0.0.1:1/app?user=u&password=hunting=terriers",
    "postgresql://u:hunting-terriers-127.0.0.1:1/app",
};

TEST(SinkUrlTest, AUrlThatLibpqWouldTearIsRefusedByTheConfigAndNoneOfItShown) {
    const auto any_abi = [](const std::string& name) -> Result<std::string> {
        return sink_abis().at(name);
    };
    for (const std::string& url : kTornUrls) {
        ASSERT_EQ(setenv("PLUMBLINE_TEST_PG", url.c_str(), 1), 0);
        for (const std::string& written : {url, std::string{"env:PLUMBLINE_TEST_PG"}}) {
            const auto config = engine::parse_config(
                "chain.id = 1\n" + sink_toml() + "[sinks.main]\nurl = \"" + written + "\"\n",
                "config.toml", any_abi);
            ASSERT_FALSE(config.has_value()) << url;
            EXPECT_THAT(config.error().message,
                        AllOf(HasSubstr("url in [sinks.main]"), HasSubstr("write %40 for @, %2F "),
                              Not(HasSubstr("hunt")), Not(HasSubstr("terriers"))));
        }
    }
    unsetenv("PLUMBLINE_TEST_PG");
}

/// A parameter that libpq does not know is told by it, before anything is connected to.
TEST(SinkUrlTest, ANameThatLibpqDoesNotKnowIsAMistakeAndNoServerThatIsAway) {
    const auto report =
        examine_database("postgresql://u:hunting@127.0.0.1:1/app?sslmod=off", 1'000);
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(report.error().message,
                AllOf(HasSubstr("the URL of PostgreSQL, which is not shown"),
                      HasSubstr("\"sslmod\""), Not(HasSubstr("hunting"))));
}

TEST(SinkUrlTest, WordsThatLibpqWouldRefuseAreMistakesOfTheConfig) {
    const auto any_abi = [](const std::string& name) -> Result<std::string> {
        return sink_abis().at(name);
    };
    const auto parse = [&](const std::string& url) {
        return engine::parse_config("chain.id = 1\nchain.rpc = \"http://node\"\n" + sink_toml() +
                                        "[sinks.main]\nurl = \"" + url + "\"\n",
                                    "config.toml", any_abi);
    };
    for (const char* word : {"sslmode=bogus", "target_session_attrs=first", "gssencmode=on"}) {
        const auto config =
            parse(std::string{"postgresql://u:p?sslmode=x@h/app?application_name=a&"} + word);
        ASSERT_FALSE(config.has_value()) << word;
        EXPECT_THAT(config.error().message,
                    AllOf(HasSubstr("url in [sinks.main], which is not shown"),
                          HasSubstr(" must be one of "), Not(HasSubstr("u:p"))));
    }
    EXPECT_OK(parse("postgresql://u:p?sslmode=x@h/app?sslmode=verify-full"));
}

TEST(SinkUrlTest, NorIsItConnectedToOrLookedOver) {
    for (const std::string& url : kTornUrls) {
        const auto report = examine_database(url, 1'000);
        ASSERT_FALSE(report.has_value()) << url;
        EXPECT_THAT(report.error().message,
                    AllOf(HasSubstr("write %40 for @"), Not(HasSubstr("hunt")),
                          Not(HasSubstr("terriers"))));
    }
}

TEST(SinkUrlTest, WhatLibpqTakesAsItIsMeantIsTaken) {
    for (const char* url : {
             "postgresql://",
             "postgresql://localhost",
             "postgresql:///app?host=/var/run/postgresql&user=me@somewhere",
             "postgresql://u:p@db.example.com/app?sslmode=verify-full",
             "postgres://u:p%40ss%2Fw@h1:5432,h2:5433/app?target_session_attrs=primary",
             "postgresql://u:what?#=&;,x@[::1]:5432/app",
             "postgresql://u@%2Fvar%2Frun/app",
             "postgresql://u:@host:/app?",
             "postgresql://host/app?options=-c%20search_path%3Dx&application_name=a",
         }) {
        EXPECT_TRUE(check_postgres_url(url).has_value()) << url;
    }
}

TEST(SinkUrlTest, EveryPieceOfAPasswordIsTakenOutOfWhatOthersSay) {
    std::vector<std::string> urls = kTornUrls;
    urls.pop_back();  // Where no @ is, nobody can tell.
    urls.insert(urls.end(), {"postgresql://u:hunting?terriers@host/app",
                             "postgresql://u:hunting#terriers@host/app",
                             "postgresql://u:hunting:terriers@host/app",
                             "postgresql://host/app?sslpassword=hunting&password=terriers"});
    for (const std::string& url : urls) {
        const Redactor redactor = redactor_of(url);
        EXPECT_THAT(redactor.redact("could not translate \"hunting\" of u"),
                    AllOf(Not(HasSubstr("hunting")), HasSubstr("of u")))
            << url;
        if (!url.ends_with("&terriers")) {
            EXPECT_THAT(redactor.redact("\"terriers@127.0.0.1\""), Not(HasSubstr("terriers")))
                << url;
        }
    }
    EXPECT_EQ(redactor_of("postgresql://u:hun%40ters@host/app").redact("of u: \"hun@ters\""),
              "of u: \"(redacted)\"");
}

}  // namespace
}  // namespace plumbline::sink::test::sink_url_test
