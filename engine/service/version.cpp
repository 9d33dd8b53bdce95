#include "engine/service/version.hpp"

namespace plumbline::engine {

std::string_view version() noexcept {
    return "0.1.0";
}

}  // namespace plumbline::engine
