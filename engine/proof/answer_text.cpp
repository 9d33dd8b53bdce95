#include "engine/proof/answer_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kShownBytes = 64;
constexpr size_t kBytesBefore = 16;

}  // namespace

std::string answer_text(const storage::CallFact& fact, const storage::CallFact* other) {
    std::string out{storage::to_string(fact.outcome)};
    if (fact.data.empty()) {
        return out;
    }
    size_t from = 0;
    if (other != nullptr && fact.data.size() > kShownBytes) {
        const auto differs = std::ranges::mismatch(fact.data, other->data).in1;
        const auto at = static_cast<size_t>(differs - fact.data.begin());
        // From a whole word of the ABI on, so that the eye finds it again.
        from = at < kShownBytes ? 0 : (at - kBytesBefore) / 32 * 32;
    }
    const ByteView shown =
        as_bytes(fact.data).subspan(from).first(std::min(kShownBytes, fact.data.size() - from));
    out += from == 0 ? " " : fmt::format(" from byte {}: ", from);
    out += evm::to_hex(shown);
    return from + shown.size() < fact.data.size() ? out + ".." : out;
}

}  // namespace plumbline::engine
