# Compile options every target of the project shares.
add_library(plumbline_options INTERFACE)
target_include_directories(plumbline_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/plumbline>)
# For users of the installed targets, whose compilers have an older default.
target_compile_features(plumbline_options INTERFACE cxx_std_20)
add_library(plumbline_warnings INTERFACE)
target_compile_options(plumbline_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough -Wmissing-declarations -Wextra-semi
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wsuggest-override>
  -Werror=return-type -Werror=unused-result -Werror=switch)
# g++ 12 sees these where there are none, once it has inlined the standard library.
target_compile_options(plumbline_warnings INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-array-bounds -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread>)
if(PLUMBLINE_ASSERTIONS)
  target_compile_options(plumbline_warnings INTERFACE -UNDEBUG)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR PLUMBLINE_ASSERTIONS)
  target_compile_definitions(plumbline_warnings INTERFACE _GLIBCXX_ASSERTIONS)
endif()
# The release build reads what strangers send: a mistake that slips through shall end in an abort, not in somebody
# else's code. Sanitizers bring their own checks, and a debug build is not for the network.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT PLUMBLINE_SANITIZE AND NOT PLUMBLINE_FUZZ_ENGINE)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-fcf-protection> -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(PLUMBLINE_SANITIZE)
  add_compile_options(-fsanitize=${PLUMBLINE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PLUMBLINE_SANITIZE})
endif()
if(PLUMBLINE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(PLUMBLINE_FUZZ_ENGINE)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
