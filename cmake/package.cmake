# The Debian package of the command (tools/package): the binary stripped, what it links to as dependencies, the unit, the
# user, the manual and the completions, both written by the binary itself.
set(documents ${PROJECT_BINARY_DIR}/package)
add_custom_target(plumbline_documents
  COMMAND ${CMAKE_COMMAND} -E make_directory ${documents}
  COMMAND sh -c "$<TARGET_FILE:plumbline> man | gzip -9n >${documents}/plumbline.1.gz"
  COMMAND sh -c "$<TARGET_FILE:plumbline> completion bash >${documents}/plumbline"
  COMMAND sh -c "$<TARGET_FILE:plumbline> completion zsh >${documents}/_plumbline"
  COMMAND sh -c "$<TARGET_FILE:plumbline> completion fish >${documents}/plumbline.fish"
  DEPENDS plumbline VERBATIM)

# Whoever only wants the library need not have made them.
install(FILES ${documents}/plumbline.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command OPTIONAL)
install(FILES ${documents}/plumbline DESTINATION share/bash-completion/completions COMPONENT command OPTIONAL)
install(FILES ${documents}/_plumbline DESTINATION share/zsh/vendor-completions COMPONENT command OPTIONAL)
install(FILES ${documents}/plumbline.fish DESTINATION share/fish/vendor_completions.d COMPONENT command OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/docs/plumbline.service DESTINATION lib/systemd/system COMPONENT command)
# What README.md and the messages name, laid out as in the repository so that links between them hold.
set(doc share/doc/plumbline)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md cmake/package/copyright DESTINATION ${doc} COMPONENT command)
install(DIRECTORY docs DESTINATION ${doc} COMPONENT command)
install(DIRECTORY examples DESTINATION ${doc} COMPONENT command PATTERN node_modules EXCLUDE)
install(DIRECTORY clients/ts DESTINATION ${doc}/clients COMPONENT command
        PATTERN node_modules EXCLUDE PATTERN dist EXCLUDE PATTERN .gitignore EXCLUDE)
install(FILES bench/README.md DESTINATION ${doc}/bench COMPONENT command)
install(FILES bench/peers/README.md DESTINATION ${doc}/bench/peers COMPONENT command)

# cpack would build all targets first, tests included; tools/package has built what it takes.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME plumbline)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR plumbline)
set(CPACK_PACKAGE_CONTACT "The authors of plumbline <plumbline@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "EVM event indexer that proves its index against the chain")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL command)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME plumbline)
set(CPACK_DEBIAN_COMMAND_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, passwd")
set(CPACK_DEBIAN_COMMAND_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/cmake/package/postinst;${PROJECT_SOURCE_DIR}/cmake/package/prerm;${PROJECT_SOURCE_DIR}/cmake/package/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
