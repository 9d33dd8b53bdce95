// A service that waits for the chain to make its database has nothing there to be found by: until
// then a file beside the database's place, DB.starting, says where it listens. It counts only while
// its process holds the file's lock.
#pragma once

#include <optional>
#include <string>

namespace plumbline::tools {

/// One thread. What cannot be written is left out: it only helps those who look.
class StartingMark {
  public:
    /// `url` may be empty: the service has no address.
    StartingMark(const std::string& db_path, const std::string& url);
    StartingMark(const StartingMark&) = delete;
    StartingMark& operator=(const StartingMark&) = delete;
    /// Takes the file away.
    ~StartingMark();

  private:
    std::string path_;
    int file_ = -1;
};

/// The address of the service, which may be empty. None where no other process holds a mark.
[[nodiscard]] std::optional<std::string> find_starting_mark(const std::string& db_path);

}  // namespace plumbline::tools
