#include "api/routes/request_context.hpp"

#include <algorithm>
#include <charconv>

#include "api/routes/caches.hpp"
#include "api/routes/proof_segments.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/shared_view.hpp"
#include "storage/view_coverage.hpp"

namespace plumbline::api {

namespace {

unsigned status_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kDecode: return 400;
        case ErrorCode::kNotFound: return 404;
        case ErrorCode::kIncompatible: return 409;
        case ErrorCode::kTooLarge: return 413;
        case ErrorCode::kRateLimited: return 429;
        case ErrorCode::kCorruption:
        case ErrorCode::kIo: return 500;
        case ErrorCode::kTimeout:
        case ErrorCode::kUnavailable:
        case ErrorCode::kReorg:
        case ErrorCode::kCancelled: return 503;
    }
    return 500;
}

/// From the stored records of the proofs, as of `view`.
Result<std::vector<KnownMismatch>> known_mismatches(const storage::ReadView& view) {
    std::vector<KnownMismatch> out;
    PLUMBLINE_TRY(const engine::KnownRanges known, engine::KnownRanges::read(view, 0));
    const auto first = std::ranges::find_if(
        known.ranges(), [](const engine::KnownRange& range) { return range.findings > 0; });
    if (first != known.ranges().end()) {
        out.push_back({"log", "", first->range.from, known.finding_count()});
    }
    PLUMBLINE_TRY(const std::vector<storage::ProofRecord> records, view.list_proofs());
    for (const storage::ProofRecord& record : records) {
        if ((record.proof == "replay" || record.proof == "state" || record.proof == "calls") &&
            record.mismatches > 0) {
            out.push_back({record.proof, record.entity, record.block_num, record.mismatches});
        }
    }
    return out;
}

Result<ProofSummary> summarize(const engine::Plan& plan, const storage::ReadView& view,
                               const storage::Cursor& cursor) {
    ProofSummary out;
    out.commit_num = cursor.commit_num;
    PLUMBLINE_TRY(out.mismatches, known_mismatches(view));
    uint64_t first = engine::first_block_of(plan.sources());
    if (first > cursor.block_num) {
        return out;
    }
    PLUMBLINE_TRY(const auto coverage, storage::coverage_of(view));
    for (const storage::CoverageRow& row : coverage) {
        first = row.source == engine::kLeftCoverage ? std::min(first, row.range.from) : first;
    }
    out.level = storage::ProofLevel::kReceipts;
    bool is_proven = true;
    for (const ProofSegment& segment :
         proof_segments(plan.sources(), coverage, first, cursor.block_num)) {
        out.level = std::min(out.level, segment.level);
        is_proven = is_proven && segment.level >= storage::ProofLevel::kBloom;
        if (is_proven) {
            out.proven_through = segment.to;
            out.proven_level = out.level;
        }
    }
    return out;
}

}  // namespace

Result<std::optional<uint64_t>> RequestContext::integer(std::string_view name, uint64_t low,
                                                        uint64_t high) const {
    const std::string* text = target.find(name);
    if (text == nullptr) {
        return std::optional<uint64_t>{};
    }
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size() || value < low || value > high) {
        return Error{ErrorCode::kInvalidArgument,
                     high == UINT64_MAX
                         ? fmt::format("{} must be a whole number, not '{}'", name, *text)
                         : fmt::format("{} must be a whole number from {} to {}, not '{}'", name,
                                       low, high, *text)};
    }
    return std::optional<uint64_t>{value};
}

Result<uint64_t> RequestContext::limit() const {
    PLUMBLINE_TRY(const auto limit, integer("limit", 1, options().page_max));
    return limit.value_or(options().page_default);
}

Result<bool> RequestContext::flag(std::string_view name) const {
    const std::string* text = target.find(name);
    if (text == nullptr || *text == "false") {
        return false;
    }
    if (*text == "true") {
        return true;
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} is true or false, not '{}'", name, *text)};
}

Result<IndexSnapshot> open_snapshot(RequestContext& request) {
    IndexSnapshot out;
    out.database = request.context().database();
    if (out.database == nullptr) {
        return Error{ErrorCode::kUnavailable,
                     "the index does not exist yet: the chain has not been reached"};
    }
    // Asked first: a fold that ends in between must not lend its level to the rows before it.
    const bool is_owed_a_fold = out.database->needs_refold();
    out.view = storage::shared_view(*out.database);
    out.cursor = out.view->cursor();
    if (!out.cursor) {
        return out;
    }
    PLUMBLINE_TRY(const ProofSummary proof,
                  request.router.caches().proof.get(out.cursor->commit_num, [&] {
                      return summarize(*request.context().plan(), *out.view, *out.cursor);
                  }));
    out.mismatches = proof.mismatches;
    // Rows that another mapping, or another log, has made are not proven by this one's.
    if (!is_owed_a_fold &&
        out.view->bundle().fingerprint == request.context().plan()->bundle().fingerprint) {
        out.level = proof.level;
        out.proven_through = std::min(proof.proven_through, out.cursor->block_num);
        out.proven_level = proof.proven_level;
    }
    return out;
}

void write_snapshot(JsonWriter& json, const IndexSnapshot& snapshot) {
    json.key("block");
    if (!snapshot.cursor) {
        json.null();
    } else {
        json.open_object()
            .member("number", snapshot.cursor->block_num)
            .member("hash", evm::to_hex(snapshot.cursor->block_hash))
            .member("timestamp", snapshot.cursor->timestamp)
            .member("finalized", snapshot.cursor->finalized)
            .close_object();
    }
    json.key("proof")
        .open_object()
        .member("level", storage::to_string(snapshot.level))
        .member("proven_through", snapshot.proven_through);
    if (!snapshot.mismatches.empty()) {
        json.key("mismatches").open_array();
        for (const KnownMismatch& one : snapshot.mismatches) {
            json.open_object().member("proof", one.proof);
            if (!one.entity.empty()) {
                json.member("entity", one.entity);
            }
            json.member("block", one.block_num).member("count", one.count).close_object();
        }
        json.close_array();
    }
    json.close_object();
}

Response reply(std::string body) {
    Response out;
    out.body = std::move(body);
    out.body += '\n';
    return out;
}

namespace {

Response fail_with(unsigned status, std::string_view code, std::string_view message,
                   const IndexSnapshot* snapshot) {
    std::string body;
    JsonWriter json{body};
    json.open_object();
    if (snapshot != nullptr) {
        write_snapshot(json, *snapshot);
    }
    json.key("error")
        .open_object()
        .member("code", code)
        .member("message", message)
        .close_object()
        .close_object();
    Response out = reply(std::move(body));
    out.status = status;
    return out;
}

}  // namespace

Response fail(unsigned status, std::string_view code, std::string_view message) {
    return fail_with(status, code, message, nullptr);
}

Response fail(const IndexSnapshot& snapshot, const Error& error) {
    return fail_with(status_of(error.code), to_string(error.code), error.message, &snapshot);
}

Response fail(const Error& error) {
    Response out = fail(status_of(error.code), to_string(error.code), error.message);
    if (out.status == 429) {
        out.headers.emplace_back("Retry-After", "1");
    }
    return out;
}

Response with_retry_after(Response answer, const Error& error) {
    if (error.code == ErrorCode::kTimeout) {
        answer.headers.emplace_back("Retry-After", "5");
    }
    return answer;
}

Result<size_t> find_entity(const storage::ReadView& view, std::string_view name) {
    return engine::find_entity(view.bundle().entities, name);
}

}  // namespace plumbline::api
