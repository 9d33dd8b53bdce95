#include "core/base/process_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

#include <malloc.h>

namespace plumbline {

namespace {

constexpr int kHeaps = 2;

}  // namespace

size_t resident_bytes() noexcept {
    // "size resident shared ..." in pages.
    std::array<char, 128> text{};
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    const ssize_t size = read(file, text.data(), text.size());
    close(file);
    const std::string_view read_text{text.data(), size > 0 ? static_cast<size_t>(size) : 0};
    const size_t at = read_text.find(' ');
    size_t pages = 0;
    if (at == std::string_view::npos ||
        std::from_chars(read_text.data() + at + 1, read_text.data() + read_text.size(), pages).ec !=
            std::errc{}) {
        return 0;
    }
    return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void set_up_heap() noexcept {
    mallopt(M_ARENA_MAX, kHeaps);
}

void give_back_memory(size_t mark) noexcept {
    if (resident_bytes() > mark) {
        malloc_trim(0);
    }
}

}  // namespace plumbline
