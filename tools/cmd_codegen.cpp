// plumbline codegen: what an app compiles against, from the config alone: no index, no node.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "api/service_module.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/service/version.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/typescript.hpp"

namespace plumbline::tools {

namespace {

Error cannot_write(const std::string& path) {
    return Error{ErrorCode::kIo, fmt::format("cannot write {}: {}", path, std::strerror(errno))};
}

/// A file under the asked name is whole: it is written beside it and renamed.
Status write_out(const std::string& path, const std::string& text) {
    if (path.empty()) {
        return print(text);
    }
    const std::string partial = partial_path(path);
    std::unique_ptr<FILE, int (*)(FILE*)> file{std::fopen(partial.c_str(), "wb"), &std::fclose};
    if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
        std::fclose(file.release()) != 0 ||
        (partial != path && std::rename(partial.c_str(), path.c_str()) != 0)) {
        return cannot_write(path);
    }
    return ok();
}

}  // namespace

Status run_codegen_ts(const CodegenArguments& arguments) {
    PLUMBLINE_TRY(const engine::Config config, engine::load_config(arguments.config));
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    PLUMBLINE_TRY(const std::string types, typescript_types(api::openapi_document(*plan)));
    return write_out(
        arguments.out,
        fmt::format("// Written by plumbline {} (`plumbline codegen ts`): what the config says, in "
                    "TypeScript. Write it again when\n// the config changes; do not change it by "
                    "hand.\n/* eslint-disable */\n\n{}\n{}",
                    engine::version(), types, typescript_contracts(config, *plan)));
}

Status run_codegen_openapi(const CodegenArguments& arguments) {
    PLUMBLINE_TRY(const engine::Config config, engine::load_config(arguments.config));
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    return write_out(arguments.out, api::openapi_document(*plan) + "\n");
}

}  // namespace plumbline::tools
