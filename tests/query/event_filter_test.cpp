// Events by the values of their parameters: what an event shows is taken back.
#include "query/event_filter.hpp"

#include <nlohmann/json.hpp>

#include "core/evm/keccak.hpp"
#include "storage/read_view.hpp"
#include "storage/scanner.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::query::event_filter_test {

namespace {

using namespace plumbline::engine::test;
using testing::HasSubstr;

/// Three events ev.E with the indexed text "s0", "s1" and the hash of "s1" in words; and one ev.F.
class EventFilterTest : public ::testing::Test {
  protected:
    EventFilterTest() {
        const auto event = [&](uint64_t i, const std::string& name) {
            return mapping_.emit(
                "ev.E",
                {num(i), text(name), text("b" + std::to_string(i)), list({num(i)}), num(i * 10)}, 1,
                static_cast<uint32_t>(i));
        };
        world_.block(1, {event(0, "s0"), event(1, "s1"), event(2, hash_of_text("s1")),
                         mapping_.emit("ev.F", {num(5), num(6)}, 1, 3)});
        world_.commit();
        view_ = world_.database->read_view();
        text_.emplace(mapping_.plan, view_->list_children().value());
    }
    static std::string hash_of_text(std::string_view text) {
        return evm::to_hex(evm::keccak256(as_bytes(text)));
    }
    /// Places of the events, "0,2,", or why it is refused.
    std::string found(const std::string& name, const std::string& value) {
        EventFilter filter{"ev", ""};
        const auto asked = read_condition_name(name).value();
        if (const Status added = filter.add(*text_, asked, value); !added) {
            return added.error().message;
        }
        std::string out;
        const auto logs =
            view_->scan_logs(0, 10, storage::OnDamage::kStop, storage::ScanOrder::kForward);
        for (; logs->valid(); logs->next()) {
            if (filter.wants(text_->decode(logs->record()))) {
                out += std::to_string(logs->record().log.log_index) + ",";
            }
        }
        return out;
    }
    nlohmann::json params(uint32_t log_index) {
        const auto logs =
            view_->scan_logs(0, 10, storage::OnDamage::kStop, storage::ScanOrder::kForward);
        for (; logs->valid(); logs->next()) {
            if (logs->record().log.log_index == log_index) {
                std::string out;
                text_->append_json(out, logs->record());
                return nlohmann::json::parse(out)["params"];
            }
        }
        return {};
    }

    Mapping mapping_{
        R"(
[contracts.ev]
abi = "ev.json"
address = "0x00000000000000000000000000000000000000a1"
[entities.item]
key = { id = "uint256" }
fields = { n = "uint256" }
[[on]]
event = "ev.F"
insert = "item"
key = { id = "arg1" }
set = { n = 1 }
)",
        {{"ev.json", abi_json({"event E(uint256, string indexed s, bytes indexed b, uint8[] "
                               "indexed l, uint256 v)",
                               "event F(uint256, uint256 arg1)"})}}};
    World world_{mapping_};
    std::shared_ptr<const storage::ReadView> view_;
    std::optional<engine::EventText> text_;
};

TEST_F(EventFilterTest, AnIndexedTextIsFoundByItselfAndByTheHashThatIsShown) {
    const std::string shown = params(1)["s"];
    EXPECT_EQ(shown, hash_of_text("s1"));
    EXPECT_EQ(found("s", "s1"), "1,");
    EXPECT_EQ(found("s", shown), "1,2,");  // The text of the third is that hash in words.
    EXPECT_EQ(found("s.ne", shown), "0,");
    EXPECT_EQ(found("s.ne", "s1"), "0,2,");
    EXPECT_EQ(found("s.in", "s0," + shown), "0,1,2,");
    EXPECT_EQ(found("s.in", "s0,s1"), "0,1,");
    EXPECT_EQ(found("b", params(1)["b"]), "1,");
    EXPECT_EQ(found("b", evm::to_hex(as_bytes(std::string{"b1"}))), "1,");
    EXPECT_EQ(found("l", params(2)["l"]), "2,");
    EXPECT_THAT(found("s.gt", "s1"), HasSubstr("only eq, ne and in"));
    EXPECT_THAT(found("l", "[1]"), HasSubstr("0x and 64 digits"));
}

TEST_F(EventFilterTest, AParameterWithoutANameHasOneNameAndIsFoundByItsPlaceToo) {
    EXPECT_EQ(params(2)["arg0"], "2");
    EXPECT_EQ(found("arg0", "2"), "2,");
    EXPECT_EQ(found("0", "2"), "2,");
    EXPECT_EQ(found("0.in", "0,1"), "0,1,");
    EXPECT_EQ(found("arg1", "6"), "3,");
    EXPECT_THAT(found("nothing", "1"), HasSubstr("there are: arg0, s, b, l, v, arg1"));
}

}  // namespace

}  // namespace plumbline::query::event_filter_test
