include(GoogleTest OPTIONAL)

# What most files include: read once and not in each of them.
set(PLUMBLINE_STD_HEADERS
  <algorithm> <array> <atomic> <cstdint> <cstring> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional>
  <span> <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)

# plumbline_together(OUT NAME ALONE a.cpp FILES b.cpp c.cpp ...): in OUT what to compile, up to four files of a folder as
# one, for most of a file's time is in what it includes. Names in anonymous namespaces must therefore differ within a
# folder; where two do not, one of them is a copy. CMake's own UNITY_BUILD names files by their absolute paths, and then no
# clone would find in the compiler's cache what another compiled. PLUMBLINE_UNITY=OFF compiles them singly.
function(plumbline_together out name)
  cmake_parse_arguments(ARG "" "" "ALONE;FILES" ${ARGN})
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(compiled ${ARG_ALONE})
  set(places "")
  foreach(file ${ARG_FILES})
    if(file IN_LIST ARG_ALONE)
      continue()
    endif()
    if(NOT PLUMBLINE_UNITY OR IS_ABSOLUTE ${file})
      list(APPEND compiled ${file})
      continue()
    endif()
    get_filename_component(place "${file}" DIRECTORY)
    string(MAKE_C_IDENTIFIER "${name}_${place}" place)
    list(APPEND places ${place})
    list(APPEND files_${place} ${file})
  endforeach()
  list(REMOVE_DUPLICATES places)
  foreach(place ${places})
    list(LENGTH files_${place} count)
    math(EXPR last "(${count} - 1) / 4")
    foreach(batch RANGE ${last})
      math(EXPR first "${batch} * 4")
      list(SUBLIST files_${place} ${first} 4 files)
      list(TRANSFORM files REPLACE "(.+)" "#include \"${folder}/\\1\"\n")
      string(JOIN "" text ${files})
      set(path ${CMAKE_CURRENT_BINARY_DIR}/${place}_together_${batch}.cpp)
      file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)
      list(APPEND compiled ${path})
    endforeach()
  endforeach()
  set(${out} ${compiled} PARENT_SCOPE)
endfunction()

# plumbline_layer(core SOURCES a.cpp ... ALONE b.cpp PUBLIC deps... PRIVATE deps... HEADERS <x>...): one static library a
# layer; HEADERS are heavy ones that most of its files include; ALONE are files with compile options of their own.
function(plumbline_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ALONE;PUBLIC;PRIVATE;HEADERS" ${ARGN})
  plumbline_together(compiled ${name} ALONE ${ARG_ALONE} FILES ${ARG_SOURCES})
  add_library(plumbline_${name} STATIC ${compiled})
  target_link_libraries(plumbline_${name}
    PUBLIC plumbline_options ${ARG_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:plumbline_warnings> ${ARG_PRIVATE})
  set_target_properties(plumbline_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_precompile_headers(plumbline_${name} PRIVATE ${PLUMBLINE_STD_HEADERS} ${ARG_HEADERS})
  add_library(plumbline::${name} ALIAS plumbline_${name})
endfunction()

# Where the tree and the build are, for tests and benchmarks: the one object that differs from clone to clone.
add_library(plumbline_test_paths STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/support/paths.cpp)
target_compile_definitions(plumbline_test_paths PRIVATE
  PLUMBLINE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" PLUMBLINE_BINARY_DIR="${PROJECT_BINARY_DIR}")
target_link_libraries(plumbline_test_paths PRIVATE plumbline_options)

# What the made-up chains of tests and benchmarks share.
add_library(plumbline_made_blocks STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/support/made_block.cpp)
target_link_libraries(plumbline_made_blocks PUBLIC plumbline_core PRIVATE plumbline_warnings)

# Every test's compile options. Test code need not be fast; what it tests is.
function(plumbline_as_test target)
  target_link_libraries(${target} PRIVATE fmt::fmt GTest::gmock)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT PLUMBLINE_SANITIZE)
    target_compile_options(${target} PRIVATE -O1)
  endif()
  if(NOT target STREQUAL plumbline_test_headers)
    target_link_libraries(${target} PRIVATE plumbline_test_paths)
    target_precompile_headers(${target} REUSE_FROM plumbline_test_headers)
  endif()
endfunction()

# plumbline_test_limits(unit 120 NAME...): the label and the time limit, in seconds, of tests; code that a sanitizer watches
# takes several times as long.
set(PLUMBLINE_TIME_FACTOR 1)
if(PLUMBLINE_SANITIZE)
  set(PLUMBLINE_TIME_FACTOR 5)
endif()
function(plumbline_test_limits label seconds)
  math(EXPR limit "${seconds} * ${PLUMBLINE_TIME_FACTOR}")
  set_tests_properties(${ARGN} PROPERTIES LABELS ${label} TIMEOUT ${limit})
endfunction()

# plumbline_tests(core LABELS unit SOURCES a_test.cpp ... LIBS plumbline::core): one binary a folder. Each file has a
# namespace of its own name, so that four can be compiled as one.
function(plumbline_tests name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  math(EXPR limit "${ARG_TIMEOUT} * ${PLUMBLINE_TIME_FACTOR}")
  plumbline_together(compiled ${name} FILES ${ARG_SOURCES})
  add_executable(${name}_tests ${compiled})
  target_link_libraries(${name}_tests PRIVATE plumbline_warnings ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  plumbline_as_test(${name}_tests)
  gtest_discover_tests(${name}_tests TEST_PREFIX "${name}/" DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${limit})
endfunction()

# plumbline_fuzz(hex SOURCES hex_fuzz.cpp LIBS plumbline::core): corpus in tests/fuzz/corpus/NAME,
# replayed by ctest; with PLUMBLINE_FUZZ_ENGINE the same target is a libFuzzer binary.
function(plumbline_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_fuzz ${ARG_SOURCES})
  target_link_libraries(${name}_fuzz PRIVATE plumbline_warnings ${ARG_LIBS})
  if(PLUMBLINE_FUZZ_ENGINE)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name}_fuzz PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME fuzz/${name} COMMAND ${name}_fuzz ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    plumbline_test_limits(fuzz 120 fuzz/${name})
  endif()
endfunction()
