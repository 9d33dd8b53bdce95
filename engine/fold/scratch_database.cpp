#include "engine/fold/scratch_database.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace plumbline::engine {

Result<std::unique_ptr<ScratchDatabase>> ScratchDatabase::create(
    const std::string& parent, const storage::SchemaBundle& bundle, size_t memory_bytes) {
    std::string path = parent + "/plumbline-scratch-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot make a directory for the fold in '{}'", parent)};
    }
    auto scratch = std::unique_ptr<ScratchDatabase>(new ScratchDatabase);
    scratch->path_ = path;
    storage::OpenOptions options;
    options.create = true;
    options.identity = storage::ChainIdentity{};
    options.bundle = bundle;
    options.memory_bytes = memory_bytes;
    PLUMBLINE_TRY(scratch->database_, storage::Database::open(path, std::move(options)));
    return scratch;
}

ScratchDatabase::~ScratchDatabase() {
    database_.reset();  // RocksDB writes into the directory until then.
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string directory_of(const storage::Database& database) {
    return std::filesystem::absolute(database.path()).lexically_normal().parent_path().string();
}

}  // namespace plumbline::engine
