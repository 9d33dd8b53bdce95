#pragma once

#include <string>

namespace plumbline {

// Root of the source tree that the tests belong to, and of the build that they run from; absolute,
// no '/' at the end. Functions and not macros: a test's object file is then the same in every
// clone, and is found in the compiler's cache.
const std::string& source_dir();
const std::string& binary_dir();

}  // namespace plumbline
