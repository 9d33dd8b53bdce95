#include "tests/support/paths.hpp"

namespace plumbline {

const std::string& source_dir() {
    static const std::string dir = PLUMBLINE_SOURCE_DIR;
    return dir;
}

const std::string& binary_dir() {
    static const std::string dir = PLUMBLINE_BINARY_DIR;
    return dir;
}

}  // namespace plumbline
