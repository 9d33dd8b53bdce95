// Readers and stream clients beside a running service, and afterwards the check of every answer
// they got: the log is folded once more, block by block, and each row that an answer showed must be
// the row of the block that the answer named. Used by bench/http.
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/fold/fold.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/proof/replay/replay_proof.hpp"
#include "engine/text/entity_text.hpp"
#include "tests/api/http_client.hpp"
#include "tests/api/stream_client.hpp"

namespace {

using namespace plumbline;
using nlohmann::json;
using plumbline::test::HttpClient;
using plumbline::test::StreamClient;
using Clock = std::chrono::steady_clock;

struct LoadOptions {
    uint16_t port = 0;
    unsigned readers = 200;
    unsigned streams = 50;
    unsigned pause_ms = 200;
    uint64_t seed = 1;
    std::string out;
};

std::atomic<bool> stop_asked{false};

/// What answers said of rows, each thing once: block, entity and key to the row, empty = not there.
class Answers {
  public:
    void note(uint64_t block, const std::string& entity, const std::string& key, std::string row) {
        const std::scoped_lock lock{mutex_};
        ++count_;
        const auto [at, is_new] = rows_[block].try_emplace(entity + "\t" + key, std::move(row));
        if (!is_new && at->second != row && !row.empty()) {
            ++unequal_;
        }
        if (is_new && keys_.size() < 50'000) {
            keys_.emplace_back(entity, key);
        }
    }
    std::optional<std::pair<std::string, std::string>> pick(uint64_t random) {
        const std::scoped_lock lock{mutex_};
        if (keys_.empty()) {
            return std::nullopt;
        }
        return keys_[random % keys_.size()];
    }
    [[nodiscard]] uint64_t count() const { return count_; }
    [[nodiscard]] size_t blocks() const { return rows_.size(); }
    [[nodiscard]] uint64_t unequal() const { return unequal_; }
    void write(const std::string& path) const {
        std::ofstream out{path};
        for (const auto& [block, rows] : rows_) {
            for (const auto& [name, row] : rows) {
                out << block << '\t' << name << '\t' << row << '\n';
            }
        }
    }

  private:
    std::mutex mutex_;
    std::map<uint64_t, std::map<std::string, std::string>> rows_;
    std::vector<std::pair<std::string, std::string>> keys_;
    std::atomic<uint64_t> count_{0};
    std::atomic<uint64_t> unequal_{0};
};

std::string encoded(const std::string& text) {
    std::string out;
    for (const char c : text) {
        out += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'
                   ? std::string{c}
                   : fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

/// One reader: rows by key and pages, as fast as it pauses.
class Reader {
  public:
    Reader(const LoadOptions& options, Answers& answers, unsigned number)
        : options_{options},
          answers_{answers},
          random_{options.seed + number} {}

    void run() {
        client_ = std::make_unique<HttpClient>(options_.port);
        while (!stop_asked) {
            const auto known = answers_.pick(random_());
            if (known && random_() % 4 != 0) {
                ask_row(known->first, known->second);
            } else {
                ask_page();
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{options_.pause_ms});
        }
    }

    uint64_t requests = 0;
    uint64_t failures = 0;
    std::vector<double> ms;

  private:
    plumbline::test::Answer get(const std::string& target) {
        const auto start = Clock::now();
        auto answer = client_->get(target);
        ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        ++requests;
        if (answer.status == 0) {
            client_ = std::make_unique<HttpClient>(options_.port);
        }
        return answer;
    }
    void ask_row(const std::string& entity, const std::string& key) {
        const auto answer = get("/v1/entities/" + entity + "/" + encoded(key));
        const json body = json::parse(answer.body, nullptr, false);
        if (!body.is_object() || !body.contains("block") ||
            (answer.status != 200 && answer.status != 404)) {
            ++failures;
        } else if (answer.status == 404) {
            answers_.note(body["block"]["number"], entity, key, "");
        } else {
            answers_.note(body["block"]["number"], entity, body["key"], body["row"].dump());
        }
    }
    void ask_page() {
        constexpr const char* kEntities[] = {"user",     "community", "membership",
                                             "question", "option",    "vote"};
        const std::string entity = kEntities[random_() % std::size(kEntities)];
        const auto cursor = cursors_.find(entity);
        const auto answer = get("/v1/entities/" + entity + "?limit=20" +
                                (cursor == cursors_.end() ? "" : "&cursor=" + cursor->second));
        const json body = json::parse(answer.body, nullptr, false);
        if (answer.status != 200 || !body.is_object()) {
            failures += answer.status == 503 ? 0U : 1U;  // There is no index in the first moments.
            return;
        }
        if (body["block"].is_null()) {
            return;
        }
        for (const json& row : body["rows"]) {
            answers_.note(body["block"]["number"], entity, row["key"], row["row"].dump());
        }
        cursors_.erase(entity);
        if (!body["next"].is_null()) {
            cursors_[entity] = body["next"];
        }
    }

    const LoadOptions& options_;
    Answers& answers_;
    std::mt19937_64 random_;
    std::unique_ptr<HttpClient> client_;
    std::map<std::string, std::string> cursors_;
};

/// One stream client: its copy must be the index's rows in the end.
void follow(const LoadOptions& options, StreamClient& client, std::atomic<uint64_t>& messages) {
    std::unique_ptr<HttpClient> socket;
    while (!stop_asked) {
        if (!socket || socket->is_closed() || client.is_over) {
            client.is_over = false;
            socket = std::make_unique<HttpClient>(options.port);
            if (socket->upgrade("/v1/stream?entity=community&snapshot=true" + client.cursors())
                    .status != 101) {
                socket.reset();
                std::this_thread::sleep_for(std::chrono::milliseconds{200});
                continue;
            }
        }
        if (const auto message = socket->message(200)) {
            client.take(*message);
            ++messages;
        }
    }
}

/// Rows of an entity as the API shows them at the end.
std::map<std::string, std::string> all_rows(uint16_t port, const std::string& entity) {
    std::map<std::string, std::string> out;
    HttpClient client{port};
    std::string cursor;
    do {
        const json page = json::parse(client
                                          .get("/v1/entities/" + entity + "?limit=1000" +
                                               (cursor.empty() ? "" : "&cursor=" + cursor))
                                          .body);
        for (const json& row : page["rows"]) {
            out[entity + " " + row["key"].get<std::string>()] = row["row"].dump();
        }
        cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
    } while (!cursor.empty());
    return out;
}

bool answers_with_200(uint16_t port, const std::string& target) {
    HttpClient client{port};
    return client.get(target).status == 200;
}

int load(const LoadOptions& options) {
    Answers answers;
    std::vector<std::unique_ptr<Reader>> readers;
    std::vector<StreamClient> clients(options.streams);
    std::atomic<uint64_t> messages{0};
    double seconds = 0;
    const auto start = Clock::now();
    while (!answers_with_200(options.port, "/v1/health")) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < options.readers; ++i) {
            readers.push_back(std::make_unique<Reader>(options, answers, i));
            threads.emplace_back([reader = readers.back().get()] { reader->run(); });
        }
        for (StreamClient& client : clients) {
            threads.emplace_back([&] { follow(options, client, messages); });
        }
        while (!answers_with_200(options.port, "/v1/ready")) {
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        seconds = std::chrono::duration<double>(Clock::now() - start).count();
        // Streams that were told of ranges now get their rows; readers go on meanwhile.
        std::this_thread::sleep_for(std::chrono::seconds{3});
        stop_asked = true;
    }
    const auto wanted = all_rows(options.port, "community");
    size_t right = 0;
    for (const StreamClient& client : clients) {
        right += client.rows == wanted ? 1U : 0U;
    }
    std::vector<double> ms;
    uint64_t requests = 0;
    uint64_t failures = 0;
    for (const auto& reader : readers) {
        ms.insert(ms.end(), reader->ms.begin(), reader->ms.end());
        requests += reader->requests;
        failures += reader->failures;
    }
    std::ranges::sort(ms);
    const auto part = [&ms](double share) {
        return ms.empty() ? 0.0
                          : ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1))];
    };
    answers.write(options.out);
    fmt::print("{}\n", json{{"seconds_to_ready", seconds},
                            {"requests", requests},
                            {"failures", failures},
                            {"p50_ms", part(0.5)},
                            {"p99_ms", part(0.99)},
                            {"rows_shown", answers.count()},
                            {"blocks_named", answers.blocks()},
                            {"unequal_at_one_block", answers.unequal()},
                            {"stream_messages", messages.load()},
                            {"streams_right", right},
                            {"streams", clients.size()}}
                           .dump());
    return failures == 0 && answers.unequal() == 0 && right == clients.size() ? 0 : 1;
}

struct Shown {
    size_t entity = 0;
    std::string key;
    std::string row;  ///< JSON; empty = not there
};

/// Holds what was shown of the blocks below `block_num` that come next against the fold.
class Checker {
  public:
    Checker(const storage::ReadView& view, const std::string& path) : view_{view} {
        std::ifstream in{path};
        for (std::string line; std::getline(in, line);) {
            const size_t a = line.find('\t');
            const size_t b = line.find('\t', a + 1);
            const size_t c = line.find('\t', b + 1);
            const std::string entity = line.substr(a + 1, b - a - 1);
            const auto& layouts = view.bundle().entities;
            const size_t number = static_cast<size_t>(
                std::ranges::find(layouts, entity, &storage::EntityLayout::name) - layouts.begin());
            const auto key = engine::key_from_text(layouts[number], line.substr(b + 1, c - b - 1));
            shown_[std::stoull(line.substr(0, a))].push_back(
                {number, key.value(), line.substr(c + 1)});
        }
    }
    void check_below(uint64_t block_num, engine::Fold& fold) {
        for (; !shown_.empty() && shown_.begin()->first < block_num; shown_.erase(shown_.begin())) {
            for (const Shown& one : shown_.begin()->second) {
                const auto& layout = view_.bundle().entities[one.entity];
                const std::string_view row = fold.peek(one.entity, one.key).value();
                std::string text;
                if (!row.empty() && !storage::RowCodec::is_tombstone(row)) {
                    engine::append_row_json(text, layout, storage::RowCodec{layout}, one.key, row)
                        .ignore("a row of the fold");
                    text = json::parse(text).dump();
                }
                ++checked;
                if (text != one.row && ++wrong < 10) {
                    fmt::print(stderr, "block {}: {} was shown as {}, is {}\n",
                               shown_.begin()->first, layout.name, one.row, text);
                }
            }
        }
    }
    uint64_t checked = 0;
    uint64_t wrong = 0;

  private:
    const storage::ReadView& view_;
    std::map<uint64_t, std::vector<Shown>> shown_;
};

int check(const std::string& path, const std::string& answers) {
    storage::OpenOptions options;
    options.read_only = true;
    const auto database = storage::Database::open(path, std::move(options)).value();
    const auto plan = engine::stored_plan(*database).value();
    const auto scratch =
        engine::ScratchDatabase::create(path + "/..", plan->bundle(), size_t{64} << 20).value();
    const auto view = database->read_view();
    Checker checker{*view, answers};
    engine::Fold fold{plan, scratch->database(), engine::FoldOptions{size_t{4} << 30, true}};
    uint64_t block_num = UINT64_MAX;
    for (const auto logs = view->scan_logs(0, UINT64_MAX); logs->valid(); logs->next()) {
        const storage::LogRecord& record = logs->record();
        if (record.log.block_num != block_num) {
            block_num = record.log.block_num;
            checker.check_below(block_num, fold);
            const auto block = view->get_block(block_num).value();
            fold.begin_block({block_num, block.hash, block.timestamp, false});
        }
        fold.apply(record.log, record.data, record.txn ? &*record.txn : nullptr)
            .ignore("checked below");
    }
    checker.check_below(UINT64_MAX, fold);
    fmt::print("{}\n", json{{"answers_checked", checker.checked}, {"wrong", checker.wrong}}.dump());
    return checker.wrong == 0 && checker.checked > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Readers and stream clients beside a running service, and the check of what they got"};
    app.require_subcommand(1);
    LoadOptions options;
    CLI::App* run = app.add_subcommand("run", "Ask until the service is ready");
    run->add_option("--port", options.port)->required();
    run->add_option("--readers", options.readers)->capture_default_str();
    run->add_option("--streams", options.streams)->capture_default_str();
    run->add_option("--pause-ms", options.pause_ms, "Of each reader between two requests")
        ->capture_default_str();
    run->add_option("--out", options.out, "Where what was shown is written")->required();
    std::string db;
    std::string answers;
    CLI::App* verify = app.add_subcommand("check", "Hold what was shown against the log");
    verify->add_option("DB", db)->required();
    verify->add_option("ANSWERS", answers)->required();
    CLI11_PARSE(app, argc, argv);
    return run->parsed() ? load(options) : check(db, answers);
}
