#include "core/base/exception_guard.hpp"

#include <new>
#include <string>
#include <system_error>

namespace plumbline {

Error describe_exception(std::string_view where, const std::exception* thrown) {
    std::string message{where};
    message += where.empty() ? "" : ": ";
    const auto* system = dynamic_cast<const std::system_error*>(thrown);
    if (dynamic_cast<const std::bad_alloc*>(thrown) != nullptr) {
        message +=
            "memory ran out: raise the limit that the process runs under (`ulimit -v`, the "
            "container's), or lower memory_mib";
    } else if (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) {
        message +=
            "the system starts no more threads for this process: raise its limit of threads or of "
            "memory (`ulimit -u`, `ulimit -v`, the container's)";
    } else if (thrown != nullptr && std::string_view{thrown->what()}.find("Too many open files") !=
                                        std::string_view::npos) {
        message += thrown->what();  // Who prints it says which limit to raise.
    } else {
        message += "unexpected: ";
        message += thrown != nullptr ? thrown->what() : "something that is no std::exception";
        message += "; this is a mistake in plumbline: please report it";
    }
    return Error{ErrorCode::kIo, std::move(message)};
}

}  // namespace plumbline
