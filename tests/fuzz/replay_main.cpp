// Runs a fuzz target over saved inputs, so that g++ builds and ctest keep the targets alive.
// usage: NAME_fuzz [--mutate SECONDS [--seed N]] CORPUS...    --mutate: also over random changes of
// them
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<char>;

void run(const Input& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

void load(const std::filesystem::path& path, std::vector<Input>& inputs) {
    std::ifstream in{path, std::ios::binary};
    inputs.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
}

/// A few bytes changed, put in or taken out, or the tail of another input.
Input mutate(const std::vector<Input>& inputs, std::mt19937_64& random) {
    Input out = inputs[random() % inputs.size()];
    for (uint64_t left = 1 + random() % 8; left > 0; --left) {
        const size_t at = random() % (out.size() + 1);
        const auto place = out.begin() + static_cast<std::ptrdiff_t>(at);
        switch (random() % 5) {
            case 0: out.insert(place, static_cast<char>(random())); break;
            case 1: {
                const size_t count = std::min<size_t>(1 + random() % 16, out.size() - at);
                out.erase(place, place + static_cast<std::ptrdiff_t>(count));
                break;
            }
            case 2: {
                const Input& other = inputs[random() % inputs.size()];
                const size_t from = random() % (other.size() + 1);
                out.resize(at);
                out.insert(out.end(), other.begin() + static_cast<std::ptrdiff_t>(from),
                           other.end());
                break;
            }
            default:
                if (at < out.size()) {
                    const auto bit = static_cast<uint8_t>(1U << random() % 8);
                    const auto byte = static_cast<uint8_t>(out[at]);
                    out[at] = static_cast<char>(random() % 2 == 0 ? random() : byte ^ bit);
                }
        }
    }
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<Input> inputs;
    uint64_t seconds = 0;
    uint64_t seed = 1;
    const std::vector<std::string_view> args{argv + 1, argv + argc};
    for (size_t i = 0; i < args.size(); ++i) {
        if (i + 1 < args.size() && (args[i] == "--mutate" || args[i] == "--seed")) {
            const uint64_t number = std::strtoull(args[i + 1].data(), nullptr, 10);
            (args[i] == "--seed" ? seed : seconds) = number;
            ++i;
        } else if (std::filesystem::is_directory(args[i])) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator{args[i]}) {
                if (entry.is_regular_file()) {
                    load(entry.path(), inputs);
                }
            }
        } else {
            load(args[i], inputs);
        }
    }
    for (const Input& input : inputs) {
        run(input);
    }
    std::printf("replayed %zu inputs\n", inputs.size());
    if (inputs.empty()) {
        return 1;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
    std::mt19937_64 random{seed};
    uint64_t count = 0;
    for (; std::chrono::steady_clock::now() < end; ++count) {
        run(mutate(inputs, random));
    }
    if (seconds > 0) {
        std::printf("and %llu changed ones, seed %llu\n", static_cast<unsigned long long>(count),
                    static_cast<unsigned long long>(seed));
    }
    return 0;
}
