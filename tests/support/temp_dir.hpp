// A directory for one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "core/base/check.hpp"

namespace plumbline::test {

/// A fresh directory, removed with all that is in it when the object goes.
class TempDir {
  public:
    /// Below the system's temporary directory.
    TempDir() : TempDir{std::filesystem::temp_directory_path().string()} {}
    explicit TempDir(const std::string& parent) : path_{parent + "/plumbline-XXXXXX"} {
        PLUMBLINE_CHECK_MSG(mkdtemp(path_.data()) != nullptr, path_.c_str());
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string sub(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

}  // namespace plumbline::test
