// Runs a fuzz target over saved inputs, so that g++ builds and ctest keep the targets alive.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

int replay(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    const std::vector<char> buffer{std::istreambuf_iterator<char>{in}, {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(buffer.data()), buffer.size());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    int count = 0;
    for (const char* arg : std::span{argv, static_cast<size_t>(argc)}.subspan(1)) {
        if (std::filesystem::is_directory(arg)) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator{arg}) {
                count += entry.is_regular_file() ? replay(entry.path()) : 0;
            }
        } else {
            count += replay(arg);
        }
    }
    std::printf("replayed %d inputs\n", count);
    return count > 0 ? 0 : 1;
}
