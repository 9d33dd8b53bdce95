// sim: runs simulated lives of an index, one a seed, and says where one ended with a wrong
// database.
//
//     sim --seeds 300 --first 1       many seeds; a failure prints its seed
//     sim --seed 4711 --verbose       one seed again, with every fault and every log line
//     sim --seeds 20 --long           lives with dozens of stops, crashes and disk faults each
//     sim --canary                    damage behind all checks: every one must be noticed
//     sim --seeds 20 --hidden-lies    lies that only receipts can tell: shows that they do harm
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/sim/sim_run.hpp"

namespace plumbline::sim {
namespace {

struct Arguments {
    uint64_t first = 1;
    uint64_t seeds = 100;
    bool verbose = false;
    bool canary = false;
    bool hidden_lies = false;
    bool long_life = false;
};

struct Total {
    FaultCounts faults;
    ForkCounts forks;
    uint64_t requests = 0;
    uint64_t events = 0;
    uint64_t opens = 0;
    uint64_t reorgs = 0;
    uint64_t lies_named = 0;
    uint64_t level_checks = 0;
    uint64_t answer_checks = 0;
    uint64_t proven_blocks = 0;
    uint64_t mended = 0;
    int64_t simulated_ms = 0;
    std::vector<uint64_t> failed;
    uint64_t wrong_proven = 0;  ///< of `failed`

    void add(const RunResult& result) {
        faults.add(result.faults);
        forks.same_height += result.forks.same_height;
        forks.longer += result.forks.longer;
        forks.shorter += result.forks.shorter;
        forks.back += result.forks.back;
        forks.deep += result.forks.deep;
        requests += result.requests;
        events += result.events;
        opens += result.opens;
        reorgs += result.reorgs;
        lies_named += result.lies_named;
        level_checks += result.level_checks;
        answer_checks += result.answer_checks;
        proven_blocks += result.proven_blocks;
        mended += result.mended;
        simulated_ms += result.simulated_ms;
    }
    void print(uint64_t seeds, double seconds, const char* options) const {
        fmt::print("\n{:<30}{:>12}\n", "fault", "injected");
        for (size_t i = 0; i < kFaultNames.size(); ++i) {
            if (const uint64_t count = faults.of(static_cast<Fault>(i)); count > 0) {
                fmt::print("{:<30}{:>12}\n", kFaultNames[i], count);
            }
        }
        fmt::print("{:<30}{:>12}\n", "fork, same height", forks.same_height);
        fmt::print("{:<30}{:>12}\n", "fork, longer", forks.longer);
        fmt::print("{:<30}{:>12}\n", "fork, shorter", forks.shorter);
        fmt::print("{:<30}{:>12}\n", "fork, back to an old branch", forks.back);
        fmt::print("{:<30}{:>12}\n", "fork, past finality", forks.deep);
        fmt::print(
            "\n{} seeds in {:.0f} s: {} requests, {} opens, {} events committed, {} rollbacks, {} "
            "lies named, "
            "{:.0f} h simulated\n{} looks at proof levels, {} at answers, {} blocks proven to "
            "receipts at the end, {} entries of journals\nwrong databases: {}\nwrong \"proven\": "
            "{}\n",
            seeds, seconds, requests, opens, events, reorgs, lies_named,
            static_cast<double>(simulated_ms) / 3'600'000, level_checks, answer_checks,
            proven_blocks, mended, failed.size() - wrong_proven, wrong_proven);
        for (const uint64_t seed : failed) {
            fmt::print("  sim --seed {} --verbose{}\n", seed, options);
        }
    }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run_seeds(const Arguments& arguments) {
    Total total;
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
        RunOptions options;
        options.seed = seed;
        options.verbose = arguments.verbose;
        options.hidden_lies = arguments.hidden_lies;
        options.long_life = arguments.long_life;
        const RunResult result = run_seed(options);
        total.add(result);
        if (!result.failure.empty()) {
            total.failed.push_back(seed);
            total.wrong_proven += result.failure.find(" is called ") != std::string::npos ? 1U : 0U;
            fmt::print("FAILED seed {}: {}\n", seed, result.failure);
        }
        if (const uint64_t done = seed - arguments.first + 1; done % 100 == 0) {
            fmt::print("{} seeds, {:.0f} s, {} failed\n", done, seconds_since(start),
                       total.failed.size());
        }
        std::fflush(stdout);
    }
    total.print(arguments.seeds, seconds_since(start),
                arguments.long_life     ? " --long"
                : arguments.hidden_lies ? " --hidden-lies"
                                        : "");
    return total.failed.empty() ? 0 : 1;
}

/// Each way of damage on a few seeds: not one may pass.
int run_canary(const Arguments& arguments) {
    int missed = 0;
    for (const Canary canary : {Canary::kChangedRow, Canary::kLostLog, Canary::kExtraRow}) {
        for (uint64_t seed = arguments.first; seed < arguments.first + 3; ++seed) {
            RunOptions options;
            options.seed = seed;
            options.canary = canary;
            const RunResult result = run_seed(options);
            fmt::print("canary {}, seed {}: {}\n", static_cast<int>(canary), seed,
                       result.failure.empty() ? "NOT NOTICED" : result.failure);
            missed += result.failure.empty() || result.failure.starts_with("the canary") ? 1 : 0;
        }
    }
    // What the engine once did: coverage that does not know whose children it is of.
    uint64_t seen = 0;
    for (uint64_t seed = arguments.first; seed < arguments.first + 10; ++seed) {
        RunOptions options;
        options.seed = seed;
        options.canary = Canary::kCoverageWithoutChildren;
        const std::string failure = run_seed(options).failure;
        seen += failure.find(" is called ") != std::string::npos ? 1U : 0U;
        fmt::print("coverage without children, seed {}: {}\n", seed,
                   failure.empty() ? "nothing to see in this world" : failure);
    }
    // A lie that nothing but receipts can tell does reach the database, and is noticed there.
    uint64_t harmed = 0;
    for (uint64_t seed = arguments.first; seed < arguments.first + 5; ++seed) {
        RunOptions options;
        options.seed = seed;
        options.hidden_lies = true;
        harmed += run_seed(options).failure.empty() ? 0U : 1U;
    }
    fmt::print("hidden lies: {} of 5 seeds noticed\n", harmed);
    fmt::print("coverage without children: seen in {} of 10 seeds\n", seen);
    return missed == 0 && harmed > 0 && seen > 0 ? 0 : 1;
}

int usage() {
    fmt::print(stderr,
               "usage: sim [--seeds N] [--first S] [--seed S] [--verbose] [--long] [--canary] "
               "[--hidden-lies]\n");
    return 2;
}

}  // namespace
}  // namespace plumbline::sim

int main(int argc, char** argv) {
    using namespace plumbline::sim;  // NOLINT(google-build-using-namespace)
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const auto number = [&]() -> uint64_t {
            return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0;
        };
        if (name == "--seeds") {
            arguments.seeds = number();
        } else if (name == "--first") {
            arguments.first = number();
        } else if (name == "--seed") {
            arguments.first = number();
            arguments.seeds = 1;
        } else if (name == "--verbose") {
            arguments.verbose = true;
        } else if (name == "--canary") {
            arguments.canary = true;
        } else if (name == "--long") {
            arguments.long_life = true;
        } else if (name == "--hidden-lies") {
            arguments.hidden_lies = true;
        } else {
            return usage();
        }
    }
    return arguments.canary ? run_canary(arguments) : run_seeds(arguments);
}
