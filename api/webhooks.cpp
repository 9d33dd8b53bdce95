#include "api/webhooks.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/check.hpp"
#include "core/base/deadline.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/hmac.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/hex.hpp"
#include "engine/task/tasks.hpp"
#include "engine/text/duration.hpp"
#include "rpc/curl_transport.hpp"
#include "storage/task_store.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kKnownMax = 16;
constexpr size_t kMessagesMax = 100;         ///< in one post
constexpr size_t kBodyBytesMax = 1U << 20U;  ///< of a post with more than one message
constexpr size_t kAnswerBytesMax = 64U << 10U;
constexpr int64_t kTimeoutMs = 10'000;
constexpr int64_t kLookMs = 100;
/// Before what a receiver stands on, in the words of its task: it may have come further.
constexpr std::string_view kRestored = "restored";
constexpr std::string_view kTaskPrefix = "webhook.";

std::string sign(std::string_view secret, std::string_view text) {
    std::string out = "sha256=";
    evm::append_hex(out, hmac_sha256(secret, text));
    return out;
}

/// One POST; kUnavailable with the reason where it was not taken, kCancelled where `context` says
/// so first.
Status post(engine::TaskContext& context, const engine::WebhookConfig& webhook, std::string body) {
    // The time is signed too, so that a receiver can refuse what is replayed.
    const std::string time = fmt::format("{}", context.indexer().clock().unix_ms() / 1'000);
    rpc::HttpRequest request;
    request.url = webhook.url;
    request.timeout_ms = kTimeoutMs;
    request.body_size_max = kAnswerBytesMax;
    request.headers = {
        {"X-Plumbline-Webhook", webhook.name},
        {"X-Plumbline-Timestamp", time},
        {"X-Plumbline-Signature", sign(webhook.secret, fmt::format("{}.{}", time, body))}};
    request.body = std::move(body);
    rpc::CurlTransport transport;
    transport.submit(std::move(request));
    std::vector<rpc::HttpCompletion> done;
    while (done.empty()) {
        if (context.should_stop()) {
            return Error{ErrorCode::kCancelled, "stopped before the receiver had answered"};
        }
        transport.poll(kLookMs, done);
    }
    const rpc::HttpCompletion& answer = done.front();
    if (answer.error != rpc::TransportError::kNone) {
        return Error{ErrorCode::kUnavailable,
                     answer.error == rpc::TransportError::kTimeout
                         ? fmt::format("no answer in {} s", kTimeoutMs / 1'000)
                         : answer.error_text};
    }
    if (answer.status < 200 || answer.status >= 300) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("the receiver answers {}{}", answer.status,
                                 answer.status >= 300 && answer.status < 400
                                     ? ": redirects are not followed, so give its final url"
                                     : "")};
    }
    return ok();
}

std::string to_args(const std::vector<StreamPlace>& known) {
    std::string out;
    for (const StreamPlace& place : known) {
        out += fmt::format("{}{}", out.empty() ? "" : " ", to_text(place));
    }
    return out;
}

std::vector<std::string> tasks_of(const std::vector<engine::WebhookConfig>& webhooks) {
    std::vector<std::string> out;
    for (const engine::WebhookConfig& webhook : webhooks) {
        out.push_back(webhook_task(webhook.name));
    }
    return out;
}

/// What the webhook wants of the stream, from where its receiver stands.
Result<StreamFilter> make_filter(const engine::Plan& plan, const engine::WebhookConfig& webhook,
                                 std::string_view args) {
    Target target;
    for (const std::string& name : webhook.entities) {
        target.query.emplace_back("entity", name);
    }
    for (const std::string& name : webhook.events) {
        target.query.emplace_back("event", name);
    }
    bool may_have_more = false;
    for (const std::string_view word : engine::split_args(args)) {
        if (word == kRestored) {
            may_have_more = true;
        } else {
            target.query.emplace_back("known", std::string{word});
        }
    }
    PLUMBLINE_TRY(StreamFilter filter, read_stream_filter(plan, target));
    filter.may_have_more = may_have_more;
    filter.has_proofs = false;
    return filter;
}

/// Where a receiver stands once it has taken `parsed`, a message of the live stream; `known` is
/// where it stood, newest first, at most 16. False where the message tells it nothing: then it need
/// not be sent.
bool advance_known(std::vector<StreamPlace>& known, const nlohmann::json& parsed) {
    const std::string type = parsed.value("type", "");
    if (type == "resume" || type == "wait" || type == "drop") {
        return false;
    }
    if (type == "reset") {
        known.clear();
    }
    if (parsed.value("more", false)) {
        return true;
    }
    if (!parsed.contains("hash") && type != "range") {
        return false;  // Before the first block there is nothing to tell.
    }
    if (parsed.contains("hash")) {
        const auto hash = evm::parse_hash(parsed["hash"].get_ref<const std::string&>());
        PLUMBLINE_CHECK(hash.has_value());
        const StreamPlace now{{parsed["block"].get<uint64_t>(), *hash},
                              parse_basis(parsed.value("basis", "")).value_or(0)};
        std::erase_if(known, [&](const StreamPlace& one) {
            return one.block.block_num >= now.block.block_num;
        });
        known.insert(known.begin(), now);
        known.resize(std::min(known.size(), kKnownMax));
    }
    const bool is_empty_block =
        type == "block" && parsed["rows"].empty() && parsed["events"].empty();
    return type != "ready" && !is_empty_block;
}

/// One post.
struct Parcel {
    std::string body;
    size_t messages = 0;
    std::vector<StreamPlace> known;  ///< to the receiver, once it has taken it
    std::string dropped;             ///< why the stream ended, where it did: more is to come

    /// Not where it would have to be told again after the next block all the same.
    [[nodiscard]] bool is_worth_a_post(const std::vector<StreamPlace>& before) const {
        return messages > 0 && (known != before || before.empty());
    }
};

Parcel collect(StreamReader& reader, const engine::WebhookConfig& webhook,
               std::vector<StreamPlace> known, const engine::TaskContext& context) {
    Parcel out;
    out.known = std::move(known);
    JsonWriter json{out.body};
    json.open_object().member("webhook", webhook.name).key("messages").open_array();
    bool is_in_block = false;
    while (is_in_block || (out.messages < kMessagesMax && out.body.size() < kBodyBytesMax &&
                           !context.should_stop())) {
        const std::optional<std::string> message = reader.next();
        if (!message) {
            break;
        }
        const nlohmann::json parsed = nlohmann::json::parse(*message, nullptr, false);
        PLUMBLINE_CHECK(parsed.is_object());
        if (advance_known(out.known, parsed)) {
            json.raw(*message);
            ++out.messages;
            // A block that comes in parts is put away as one.
            is_in_block = parsed.value("more", false);
        }
        if (reader.is_over()) {
            out.dropped = parsed.value("reason", "the stream ended");
        }
    }
    json.close_array().close_object();
    return out;
}

}  // namespace

std::string webhook_task(std::string_view webhook) {
    return fmt::format("{}{}", kTaskPrefix, webhook);
}

Status doubt_receivers(storage::Database& database) {
    storage::TaskStore store{database};
    PLUMBLINE_TRY(const std::vector<storage::TaskRow> rows, store.list());
    std::vector<storage::TaskRow> doubted;
    std::vector<storage::TaskChange> changes;
    doubted.reserve(rows.size());
    for (const storage::TaskRow& row : rows) {
        if (row.kind.starts_with(kTaskPrefix) && !row.args.empty() &&
            !row.args.starts_with(kRestored)) {
            doubted.push_back(row);
            doubted.back().args = fmt::format("{} {}", kRestored, row.args);
            changes.push_back({&row, &doubted.back()});
        }
    }
    return changes.empty() ? ok() : store.write(changes);
}

void leave_unnamed_webhooks(engine::Service& service) {
    engine::WorkQueue* queue = service.queue();
    if (queue == nullptr) {
        return;
    }
    std::set<std::string> left;
    const Result<size_t> cancelled = queue->cancel_all([&](const storage::TaskRow& row) {
        const bool is_left = row.kind.starts_with(kTaskPrefix) &&
                             std::ranges::none_of(service.config().webhooks, [&](const auto& one) {
                                 return webhook_task(one.name) == row.kind;
                             });
        if (is_left) {
            left.insert(row.kind.substr(kTaskPrefix.size()));
        }
        return is_left;
    });
    if (!cancelled) {
        logging::warning("what waits for webhooks that the config does not name stays in the queue",
                         {{"why", cancelled.error().message}});
        return;
    }
    for (const std::string& name : left) {
        logging::info(
            "the config does not name a webhook any more: what waited for it is cancelled, and "
            "goes on where its receiver stood once it is put back",
            {{"webhook", name}});
    }
}

WebhookModule::WebhookModule(engine::Service& service, StreamHub& hub)
    : service_{service},
      hub_{hub},
      tasks_{tasks_of(service.config().webhooks)} {
    for (const engine::WebhookConfig& webhook : service.config().webhooks) {
        service.metrics().expect_webhook(webhook.name);
        service.add_task_kind(
            {webhook_task(webhook.name), "[BLOCK-HASH-BASIS...]", "Post what is new to the webhook",
             [this, &webhook](engine::TaskContext& context) { return deliver(context, webhook); },
             engine::TaskLane::kDelivery});
    }
}

Status WebhookModule::start(engine::Service& /*service*/) {
    wake_ = hub_.add_wake([this] {
        {
            const MutexLock lock{mutex_};
            has_news_ = true;
        }
        changed_.notify_one();
    });
    thread_ = std::jthread{[this] { run(); }};
    return ok();
}

void WebhookModule::stop() {
    if (!thread_.joinable()) {
        return;
    }
    hub_.remove_wake(wake_);
    {
        const MutexLock lock{mutex_};
        is_over_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

/// Puts a task into the queue for each webhook whenever there is news.
void WebhookModule::run() {
    MutexLock lock{mutex_};
    while (!is_over_) {
        while (!has_news_ && !is_over_) {
            changed_.wait(mutex_);
        }
        has_news_ = false;
        lock.unlock();
        bool all_added = false;
        if (const Status added = catch_exceptions("webhooks", [&] { all_added = add_tasks(); });
            !added) {
            logging::error(added.error().message);
        }
        lock.lock();
        if (!all_added) {
            has_news_ = true;
            const auto again = deadline_after(std::chrono::milliseconds{kLookMs});
            while (!is_over_ && changed_.wait_until(mutex_, again)) {
            }
        }
    }
}

/// False where a webhook could not get its task now and must get it soon.
bool WebhookModule::add_tasks() {
    const uint64_t newest = hub_.newest_seq();
    if (tasks_.has_all(newest)) {
        return true;
    }
    engine::WorkQueue* queue = service_.queue();
    // While the index catches up its rows are of the past; receivers hear of the present.
    if (queue == nullptr ||
        service_.indexer().progress().state.load() != engine::Lifecycle::kLive) {
        return false;
    }
    recall_troubles(*queue);
    return tasks_.add(*queue, newest);
}

/// What an earlier process could not deliver is tried again in its time, which may be minutes:
/// until then its task knows.
void WebhookModule::recall_troubles(const engine::WorkQueue& queue) {
    if (std::exchange(is_recalled_, true)) {
        return;
    }
    for (const engine::WebhookConfig& webhook : service_.config().webhooks) {
        const std::optional<storage::TaskRow> last = queue.newest(webhook_task(webhook.name));
        if (last && last->state == storage::TaskState::kWaiting && !last->error.empty()) {
            // Where a part of it was taken, it is known only that the last attempt was not.
            const int64_t since_ms = last->result.empty() ? last->created_ms : last->started_ms;
            const MutexLock lock{mutex_};
            troubles_.recall(webhook.name, since_ms, last->error);
        }
    }
}

void WebhookModule::describe(engine::ServiceStatus& status) const {
    const int64_t now_ms = service_.indexer().clock().unix_ms();
    const MutexLock lock{mutex_};
    for (std::string& reason : troubles_.reasons(now_ms)) {
        status.degraded.push_back(std::move(reason));
    }
}

/// A line where something changes; attempts that fail as before are none.
void WebhookModule::tell(const std::string& webhook, const Status& posted, int64_t begun_ms) {
    const int64_t now_ms = service_.indexer().clock().unix_ms();
    service_.metrics().count_webhook(webhook, posted.has_value());
    const MutexLock lock{mutex_};
    if (!posted && troubles_.failed(webhook, posted.error().message, begun_ms)) {
        logging::warning("a webhook's receiver takes nothing: it is tried again",
                         {{"webhook", webhook}, {"why", posted.error().message}});
    } else if (posted) {
        if (const auto lasted = troubles_.taken(webhook, now_ms)) {
            logging::info(
                "a webhook's receiver takes messages again",
                {{"webhook", webhook}, {"after", engine::format_duration(*lasted / 1'000)}});
        }
    }
}

engine::TaskOutcome WebhookModule::deliver(engine::TaskContext& context,
                                           const engine::WebhookConfig& webhook) {
    using Kind = engine::TaskOutcome::Kind;
    Result<StreamFilter> filter = make_filter(hub_.plan(), webhook, context.row().args);
    if (!filter) {
        return engine::TaskOutcome::from(filter.error());
    }
    const std::vector<StreamPlace> known = filter->known;
    const Result<std::unique_ptr<StreamReader>> reader = hub_.subscribe(*std::move(filter));
    if (!reader) {
        return engine::TaskOutcome::from(reader.error());
    }
    const Parcel parcel = collect(**reader, webhook, known, context);
    if (!parcel.is_worth_a_post(known)) {
        if (!parcel.dropped.empty()) {
            return engine::TaskOutcome::from(Error{ErrorCode::kUnavailable, parcel.dropped});
        }
        return {Kind::kDone, "nothing new", to_args(parcel.known), 0};
    }
    const int64_t begun_ms = service_.indexer().clock().unix_ms();
    const Status posted = post(context, webhook, parcel.body);
    if (posted || posted.error().code != ErrorCode::kCancelled) {
        tell(webhook.name, posted, begun_ms);
    }
    if (!posted) {
        return engine::TaskOutcome::from(posted.error());
    }
    // Mostly this was all: then one write to the disk says both that it was taken and that it ends.
    const Parcel more = collect(**reader, webhook, parcel.known, context);
    const bool is_all = !more.is_worth_a_post(parcel.known) && parcel.dropped.empty() &&
                        more.dropped.empty() && !context.should_stop();
    return {
        is_all ? Kind::kDone : Kind::kMore,
        fmt::format("{} {} taken", parcel.messages, parcel.messages == 1 ? "message" : "messages"),
        to_args(is_all ? more.known : parcel.known), 0};
}

}  // namespace plumbline::api
