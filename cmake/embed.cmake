# cmake -DIN=index.html -DOUT=page.cpp -P embed.cmake: a page as a C++ string. `/*include NAME*/` in it
# stands for the file of that name beside it.
file(READ "${IN}" text)
get_filename_component(folder "${IN}" DIRECTORY)
string(REGEX MATCHALL "/\\*include [a-z]+\\.[a-z]+\\*/" marks "${text}")
foreach(mark IN LISTS marks)
  string(REGEX REPLACE "/\\*include ([a-z]+\\.[a-z]+)\\*/" "\\1" name "${mark}")
  file(READ "${folder}/${name}" part)
  string(REPLACE "${mark}" "${part}" text "${text}")
endforeach()
if(text MATCHES "\\)PAGE\"")
  message(FATAL_ERROR "${IN} holds the end mark of the literal")
endif()
file(WRITE "${OUT}.new" "// Made from api/page; do not edit.\n#include \"api/routes/page.hpp\"\n\n"
  "namespace plumbline::api {\n\nstd::string_view page_html() noexcept {\n"
  "    static constexpr std::string_view kPage = R\"PAGE(")
file(APPEND "${OUT}.new" "${text}")
file(APPEND "${OUT}.new" ")PAGE\";\n    return kPage;\n}\n\n}  // namespace plumbline::api\n")
file(RENAME "${OUT}.new" "${OUT}")
