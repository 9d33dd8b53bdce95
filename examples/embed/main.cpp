// An indexer inside another program, with a handler written in C++: counts how often each user
// changed a vote, which the config language could say too, and keeps the longest comment, which it
// could not.
//
// usage: embed CONFIG DB RPC_URL
#include <cstdio>
#include <stop_token>
#include <utility>

#include "engine/config/config.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/mapping/handler.hpp"
#include "rpc/provider_pool.hpp"

namespace {

using namespace plumbline;

/// VoteCast(questionId, voter, option, weight, comment) -> longest_comment[question_id].text, which
/// is null as long as nobody has written one
Status keep_longest_comment(engine::HandlerContext& event) {
    PLUMBLINE_TRY(const engine::Value question, event.param(0));
    PLUMBLINE_TRY(const engine::Value comment, event.param(1));
    const engine::Value key[] = {question};
    PLUMBLINE_TRY(const bool known, event.exists("longest_comment", key));
    if (known) {
        PLUMBLINE_TRY(const engine::Value longest, event.get("longest_comment", key, "text"));
        if (!longest.is_null && longest.bytes.size() >= comment.bytes.size()) {
            return ok();
        }
    }
    const engine::FieldValue set[] = {
        {"text", comment.bytes.empty() ? engine::Value::null() : comment}};
    return event.upsert("longest_comment", key, set);
}

Status run(const char* config_path, const char* db_path, const char* url) {
    engine::IndexerOptions options;
    PLUMBLINE_TRY(options.config, engine::load_config(config_path));
    options.db_path = db_path;
    options.until.head = true;
    engine::EventHandler handler;
    handler.name = "keep_longest_comment";
    handler.version = "1";
    handler.event = "hub.VoteCast";
    handler.params = {"questionId", "comment"};
    handler.run = keep_longest_comment;
    options.handlers.push_back(std::move(handler));

    rpc::PoolOptions pool;
    pool.chain_id = options.config.chain.id;
    pool.endpoints = {{url, {}, {}}};
    const auto chain = rpc::make_chain_source(std::move(pool));
    PLUMBLINE_TRY(const auto indexer, engine::Indexer::open(std::move(options), *chain));
    PLUMBLINE_TRY_VOID(indexer->run(std::stop_token{}, nullptr));

    storage::Database& database = *indexer->database();
    for (size_t i = 0; i < database.entities().size(); ++i) {
        std::printf("%s %llu\n", database.entities()[i].name.c_str(),
                    static_cast<unsigned long long>(database.entity_count(i)));
    }
    return ok();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: embed CONFIG DB RPC_URL\n");
        return 2;
    }
    if (const auto status = run(argv[1], argv[2], argv[3]); !status) {
        std::fprintf(stderr, "embed: %s\n", status.error().message.c_str());
        return 1;
    }
    return 0;
}
