#include "engine/service/version.hpp"

namespace plumbline::engine {

std::string_view version() noexcept {
    return PLUMBLINE_VERSION;
}

}  // namespace plumbline::engine
