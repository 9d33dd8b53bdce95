# find_package(plumbline) for users of the library.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS plumbline_options plumbline_core plumbline_storage plumbline_rpc plumbline_engine plumbline_query
        plumbline_api
        EXPORT plumblineTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS plumbline_sqlite LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT command)
install(TARGETS plumbline RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)

# The public headers, as docs/library.md lists them, and what they include themselves. Nothing else
# is installed.
file(STRINGS ${PROJECT_SOURCE_DIR}/docs/library.md public REGEX "^\\| `[a-z_/]+\\.hpp` \\|")
list(TRANSFORM public REPLACE "^\\| `([a-z_/]+\\.hpp)`.*" "\\1")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/library.md)
set(open_headers ${public})
set(installed)
while(open_headers)
  list(POP_FRONT open_headers header)
  if(header IN_LIST installed)
    continue()
  endif()
  list(APPEND installed ${header})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${header})
  file(STRINGS ${PROJECT_SOURCE_DIR}/${header} lines REGEX "^#include \"")
  list(TRANSFORM lines REPLACE "^#include \"([^\"]+)\".*" "\\1")
  list(APPEND open_headers ${lines})
endwhile()
foreach(header ${installed})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/plumbline/${folder})
endforeach()

# Where public headers were before 0.2, "old new"; these paths go with the version after it.
set(moved
  "engine/config.hpp engine/config/config.hpp"
  "engine/entity_text.hpp engine/text/entity_text.hpp"
  "engine/handler.hpp engine/mapping/handler.hpp"
  "engine/http/http_part.hpp api/service_module.hpp"
  "engine/indexer.hpp engine/ingest/indexer.hpp"
  "engine/plan.hpp engine/mapping/plan.hpp"
  "engine/rebuild.hpp engine/fold/rebuild.hpp"
  "engine/repair.hpp engine/repair/repair.hpp"
  "engine/service.hpp engine/service/service.hpp"
  "engine/verify.hpp engine/repair/verify.hpp")
foreach(pair ${moved})
  separate_arguments(pair)
  list(GET pair 0 old)
  list(GET pair 1 new)
  get_filename_component(folder ${old} DIRECTORY)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/forward/${old}
       CONTENT "// Moved; this path goes with the next version.\n#pragma once\n\n#include \"${new}\"\n")
  install(FILES ${PROJECT_BINARY_DIR}/forward/${old} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/plumbline/${folder})
endforeach()

install(EXPORT plumblineTargets NAMESPACE plumbline:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plumbline)
configure_package_config_file(cmake/plumblineConfig.cmake.in
  ${PROJECT_BINARY_DIR}/plumblineConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plumbline)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/plumblineConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/plumblineConfig.cmake ${PROJECT_BINARY_DIR}/plumblineConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plumbline)
