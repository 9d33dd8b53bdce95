#include "engine/proof/standing.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace plumbline::engine {
namespace {

/// The last part of a detail, which is for people and is read back: a reason may have joints in it.
constexpr std::string_view kNotLooked = "not looked at again: ";
constexpr std::string_view kJoint = "; ";

/// Where the part begins in `detail`, its joint included; npos: nowhere.
size_t find_part(std::string_view detail) {
    if (detail.starts_with(kNotLooked)) {
        return 0;
    }
    return detail.find(fmt::format("{}{}", kJoint, kNotLooked));
}

}  // namespace

const storage::ProofRecord* find_record(const std::vector<storage::ProofRecord>& records,
                                        std::string_view proof, std::string_view entity) {
    const auto found = std::ranges::find_if(records, [&](const storage::ProofRecord& record) {
        return record.proof == proof && record.entity == entity;
    });
    return found == records.end() ? nullptr : &*found;
}

storage::ProofRecord keep_standing(const storage::ProofRecord& record, std::string_view reason) {
    storage::ProofRecord out = record;
    const std::string_view before = looked_detail(record);
    out.detail = fmt::format("{}{}{}{}", before, before.empty() ? "" : kJoint, kNotLooked, reason);
    return out;
}

std::string_view not_looked_at(const storage::ProofRecord& record) {
    const std::string_view detail = record.detail;
    const size_t begin = find_part(detail);
    return begin == std::string_view::npos
               ? std::string_view{}
               : detail.substr(detail.find(kNotLooked, begin) + kNotLooked.size());
}

std::string_view looked_detail(const storage::ProofRecord& record) {
    return std::string_view{record.detail}.substr(0, find_part(record.detail));
}

}  // namespace plumbline::engine
