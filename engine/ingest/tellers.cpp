#include "engine/ingest/tellers.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace plumbline::engine {

namespace {

/// The first block of each part, of all answers.
std::set<uint64_t> find_cuts(const evm::BlockRange& range,
                             const std::vector<rpc::RangeLogs>& answers) {
    std::set<uint64_t> cuts{range.from};
    for (const rpc::RangeLogs& answer : answers) {
        for (const rpc::ToldBy& part : answer.told_by) {
            if (part.range.from > range.from && part.range.from <= range.to) {
                cuts.insert(part.range.from);
            }
        }
    }
    while (cuts.size() > kTellersMax) {
        bool is_kept = false;
        std::erase_if(cuts, [&](uint64_t cut) {
            is_kept = !is_kept;
            return !is_kept && cut != range.from;
        });
    }
    return cuts;
}

std::string names_of(const evm::BlockRange& range, const std::vector<rpc::RangeLogs>& answers) {
    std::set<std::string> names;
    for (const rpc::RangeLogs& answer : answers) {
        for (const rpc::ToldBy& part : answer.told_by) {
            if (part.range.from <= range.to && range.from <= part.range.to) {
                names.insert(part.provider);
            }
        }
    }
    std::string out;
    for (const std::string& name : names) {
        out += (out.empty() ? "" : ", ") + name;
    }
    return out;
}

}  // namespace

std::vector<rpc::ToldBy> join_tellers(const evm::BlockRange& range,
                                      const std::vector<rpc::RangeLogs>& answers) {
    std::vector<rpc::ToldBy> out;
    const std::set<uint64_t> cuts = find_cuts(range, answers);
    for (auto at = cuts.begin(); at != cuts.end();) {
        evm::BlockRange part{*at, range.to};
        if (++at != cuts.end()) {
            part.to = *at - 1;
        }
        std::string names = names_of(part, answers);
        if (!out.empty() && out.back().provider == names) {
            out.back().range.to = part.to;
        } else {
            out.push_back({part, std::move(names)});
        }
    }
    if (out.size() == 1 && out.front().provider.empty()) {
        out.clear();
    }
    return out;
}

}  // namespace plumbline::engine
