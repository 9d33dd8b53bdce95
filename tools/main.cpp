#include <cstdio>

#include "engine/version.hpp"

int main() {
    std::puts(plumbline::engine::version().data());
    return 0;
}
