// What a task reports, in plain words.
#pragma once

#include <string>
#include <string_view>

namespace plumbline::tools {

/// "equal: blocks 0 to 41, level receipts" of the JSON that a task has left; other text is told as
/// it is, its first line. Never fails: what is not understood is left out.
[[nodiscard]] std::string task_outcome(std::string_view result);

}  // namespace plumbline::tools
