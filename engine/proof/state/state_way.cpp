#include "engine/proof/state/state_way.hpp"

#include <memory>
#include <utility>

#include "engine/proof/state/state_program.hpp"

namespace plumbline::engine {

using rpc::CallRequest;
using rpc::CallResult;

namespace {

/// The identity precompile answers what it is told, on every chain.
constexpr std::string_view kPlainTest = "plumbline";

}  // namespace

std::vector<StateWay> ways_to_try(const std::vector<uint64_t>& gas_to_try) {
    std::vector<StateWay> out;
    for (const bool by_num : {false, true}) {
        for (const uint64_t gas : gas_to_try) {
            out.push_back({StateWay::Kind::kOverride, gas, by_num});
            out.push_back({StateWay::Kind::kCreate, gas, by_num});
        }
        out.push_back({StateWay::Kind::kPlain, 0, by_num});
    }
    return out;
}

CallRequest make_way_test(const StateWay& way) {
    CallRequest out;
    if (way.kind == StateWay::Kind::kPlain) {
        out.to.emplace().bytes[19] = 4;
        const ByteView text = as_bytes(kPlainTest);
        out.data.assign(text.begin(), text.end());
        return out;
    }
    const bool create = way.kind == StateWay::Kind::kCreate;
    StateCall call = make_self_test(create ? StateForm::kCreate : StateForm::kOverride, way.gas);
    out.gas = call.gas;
    out.data = std::move(call.data);
    if (!create) {
        out.to = state_program_address();
        out.code = std::make_shared<const Bytes>(state_program());
    }
    return out;
}

bool passes_way_test(const StateWay& way, const CallResult& result) {
    if (result.kind != CallResult::Kind::kAnswered) {
        return false;
    }
    return way.kind == StateWay::Kind::kPlain ? as_chars(result.data) == kPlainTest
                                              : passes_self_test(result.data);
}

std::string_view name_of(StateWay::Kind kind) noexcept {
    switch (kind) {
        case StateWay::Kind::kOverride: return "program by override";
        case StateWay::Kind::kCreate: return "program by create";
        case StateWay::Kind::kPlain: break;
    }
    return "getters";
}

}  // namespace plumbline::engine
