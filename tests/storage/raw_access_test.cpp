// The tool that makes damage must make the damage it says, and no other.
#include "storage/raw_access.hpp"

#include <set>

#include "core/evm/hex.hpp"
#include "storage/families.hpp"
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::raw_access_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

void fill(const std::string& path) {
    auto db = must_open(path, create_options());
    ChainDriver driver{1};
    for (int i = 0; i < 20; ++i) {
        ASSERT_OK(driver.next(*db).status);
    }
}

std::set<std::string> lines(const std::string& path) {
    const auto db = must_open(path, open_options(true));
    const auto dump = dump_lines(*db);
    EXPECT_OK(dump);
    return {dump->begin(), dump->end()};
}

size_t count_missing(const std::set<std::string>& of, const std::set<std::string>& in) {
    return static_cast<size_t>(
        std::ranges::count_if(of, [&](const std::string& line) { return !in.contains(line); }));
}

TEST(RawAccessTest, OneFlippedBitChangesOneLine) {
    const TempDir dir;
    fill(dir.sub("db"));
    for (const bool in_key : {false, true}) {
        const auto before = lines(dir.sub("db"));
        std::string key;
        {
            const auto raw = RawAccess::open(dir.sub("db"));
            ASSERT_OK(raw);
            const auto picked = (*raw)->pick_key("entity.user", 3);
            ASSERT_OK(picked);
            key = *picked;
            if (in_key) {
                const auto changed = (*raw)->flip_key_bit("entity.user", key, 9);
                ASSERT_OK(changed);
                EXPECT_NE(*changed, key);
                EXPECT_FALSE((*raw)->get("entity.user", key)->has_value());
            } else {
                ASSERT_OK((*raw)->flip_value_bit("entity.user", key, 8 * 13));
            }
        }
        const auto after = lines(dir.sub("db"));
        EXPECT_EQ(count_missing(before, after), 1U);
        EXPECT_EQ(count_missing(after, before), 1U);
    }
}

TEST(RawAccessTest, RemovesAndPuts) {
    const TempDir dir;
    fill(dir.sub("db"));
    const auto before = lines(dir.sub("db"));
    std::string key;
    std::string value;
    {
        const auto raw = RawAccess::open(dir.sub("db"));
        ASSERT_OK(raw);
        key = *(*raw)->pick_key("log", 1);
        value = **(*raw)->get("log", key);
        ASSERT_OK((*raw)->remove("log", key));
        EXPECT_EQ((*raw)->list_keys("log", key.substr(0, 8))->size() + 1, [&] {
            size_t count = 0;
            for (const std::string& line : before) {
                count +=
                    line.starts_with("log " + evm::to_hex(as_bytes(key)).substr(0, 18)) ? 1U : 0U;
            }
            return count;
        }());
        ASSERT_OK((*raw)->put("log", key, value));
    }
    EXPECT_EQ(lines(dir.sub("db")), before);
}

TEST(RawAccessTest, SaysWhatIsNotThere) {
    const TempDir dir;
    EXPECT_ERROR(RawAccess::open(dir.sub("none")), ErrorCode::kNotFound);
    fill(dir.sub("db"));
    {
        const auto raw = RawAccess::open(dir.sub("db"));
        ASSERT_OK(raw);
        EXPECT_ERROR((*raw)->pick_key("corrections", 1), ErrorCode::kNotFound);
        EXPECT_ERROR((*raw)->pick_key("nonsense", 1), ErrorCode::kNotFound);
        EXPECT_ERROR((*raw)->flip_value_bit("log", "nonsense", 1), ErrorCode::kNotFound);
        EXPECT_EQ((*raw)->list_families()->size(), kBaseFamilyCount + 8);
    }
    const auto db = must_open(dir.sub("db"), open_options());
    EXPECT_ERROR(RawAccess::open(dir.sub("db")), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace plumbline::storage::raw_access_test
