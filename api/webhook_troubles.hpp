// Which webhooks' receivers take nothing, since when and why: what of it is news for the log, and
// what stands among the service's reasons.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline::api {

/// Times are unix ms. Not thread-safe.
class WebhookTroubles {
  public:
    /// What an earlier process left: known, and not told by this one yet.
    void recall(std::string_view webhook, int64_t since_ms, std::string answer);
    /// A post that began then was not taken: a receiver that hangs takes nothing from its beginning
    /// on. True where this is news: the first failure, or one in other words than
    /// any since.
    [[nodiscard]] bool failed(std::string_view webhook, const std::string& answer,
                              int64_t begun_ms);
    /// A post was taken. For how long none was, in ms; empty where nothing was wrong.
    [[nodiscard]] std::optional<int64_t> taken(std::string_view webhook, int64_t now_ms);
    /// "webhook app takes nothing for 5m10s: the receiver answers 500", of those that last.
    [[nodiscard]] std::vector<std::string> reasons(int64_t now_ms) const;

  private:
    struct Trouble {
        int64_t since_ms = 0;
        std::string answer;             ///< the last one
        std::vector<std::string> told;  ///< answers that were a line already; a few
    };
    std::map<std::string, Trouble, std::less<>> open_;
};

}  // namespace plumbline::api
