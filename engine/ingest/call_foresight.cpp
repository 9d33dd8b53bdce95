#include "engine/ingest/call_foresight.hpp"

#include <unordered_set>
#include <utility>

namespace plumbline::engine {

CallForesight::CallForesight(const Plan& plan, const storage::Database* database)
    : finder_{plan.has_calls() ? std::make_unique<CallFinder>(plan) : nullptr},
      known_{database} {}

std::vector<CallQuestion> CallForesight::foresee(const RangeAnswers& answers, const SourceMap& map,
                                                 uint64_t range) {
    known_.refresh();
    std::vector<CallQuestion> questions;
    std::unordered_set<std::string> seen;
    std::vector<NeededCall> needed;
    for (const rpc::RangeLogs& part : answers.parts) {
        std::unordered_map<uint64_t, const evm::Header*> headers;
        for (const evm::Header& header : part.headers) {
            headers[header.block_num] = &header;
        }
        for (const evm::Log& log : part.logs.logs) {
            const auto header = headers.find(log.block_num);
            if (header == headers.end() || header->second->hash != log.block_hash) {
                continue;
            }
            needed.clear();
            map.for_each_source(log, [&](uint32_t source) {
                if (answers.wants(source)) {
                    finder_
                        ->find(source, log, part.logs.data(log),
                               {log.block_num, log.block_hash, header->second->timestamp}, nullptr,
                               known_, needed)
                        .ignore("what cannot be told now is told when the range is built");
                }
            });
            for (NeededCall& need : needed) {
                const bool is_once = need.call->is_once;
                std::string key = answer_key(need.key, log.block_num, is_once);
                const auto known = known_.find(need.key, log.block_num, is_once);
                if (!known || *known != nullptr || (is_once && claimed_.contains(key)) ||
                    !seen.insert(key).second) {
                    continue;
                }
                questions.push_back(question_of(std::move(need), {log.block_num, log.block_hash}));
            }
        }
    }
    for (const CallQuestion& question : questions) {
        if (question.is_once) {
            claimed_.emplace(answer_key(question.call, 0, true), range);
        }
    }
    return questions;
}

void CallForesight::hand_over(uint64_t range, const CallSet& calls) {
    known_.learn(calls);
    std::erase_if(claimed_, [range](const auto& item) { return item.second == range; });
}

}  // namespace plumbline::engine
