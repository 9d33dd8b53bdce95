# cmake -DIN=page.html -DOUT=page.cpp -P embed.cmake: a file as a C++ string.
file(READ "${IN}" text)
if(text MATCHES "\\)PAGE\"")
  message(FATAL_ERROR "${IN} holds the end mark of the literal")
endif()
file(WRITE "${OUT}.new" "// Made from page.html; do not edit.\n#include \"api/routes/page.hpp\"\n\n"
  "namespace plumbline::api {\n\nstd::string_view page_html() noexcept {\n"
  "    static constexpr std::string_view kPage = R\"PAGE(")
file(APPEND "${OUT}.new" "${text}")
file(APPEND "${OUT}.new" ")PAGE\";\n    return kPage;\n}\n\n}  // namespace plumbline::api\n")
file(RENAME "${OUT}.new" "${OUT}")
