# find_package(plumbline) for users of the library.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS plumbline_options plumbline_core plumbline_storage plumbline_rpc plumbline_engine plumbline_api
        EXPORT plumblineTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS plumbline RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(layer core storage rpc engine api)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/plumbline
          FILES_MATCHING PATTERN "*.hpp"
          # Ours alone: these include RocksDB's or toml++'s headers, which users need not have.
          PATTERN "*_impl.hpp" EXCLUDE
          PATTERN "rocks_*.hpp" EXCLUDE
          PATTERN "config_toml.hpp" EXCLUDE
          PATTERN "config_section.hpp" EXCLUDE
          PATTERN "config_parts.hpp" EXCLUDE
          PATTERN "digest_store.hpp" EXCLUDE
          PATTERN "bulk_load.hpp" EXCLUDE
          PATTERN "scrub_parts.hpp" EXCLUDE
          PATTERN "state_task.hpp" EXCLUDE
          PATTERN "prefetch.hpp" EXCLUDE
          PATTERN "value_math.hpp" EXCLUDE
          PATTERN "handler_runner.hpp" EXCLUDE)
endforeach()
install(EXPORT plumblineTargets NAMESPACE plumbline:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plumbline)
configure_package_config_file(cmake/plumblineConfig.cmake.in
  ${PROJECT_BINARY_DIR}/plumblineConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plumbline)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/plumblineConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/plumblineConfig.cmake ${PROJECT_BINARY_DIR}/plumblineConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/plumbline)
