# SPDX-License-Identifier: Apache-2.0
# The shared library is the component `runtime`; headers, static library, CMake package and pkg-config file are `development`.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/hml)
install(TARGETS hml hml_shared EXPORT hml_targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/hml ${CMAKE_CURRENT_BINARY_DIR}/include/hml DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT hml_targets NAMESPACE hml:: FILE hmlTargets.cmake DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(hmlConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/hmlConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/hmlConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hmlConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/hmlConfigVersion.cmake
    DESTINATION ${package_folder} COMPONENT development)
file(RELATIVE_PATH include_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /${CMAKE_INSTALL_INCLUDEDIR})
configure_file(hml.pc.in ${CMAKE_CURRENT_BINARY_DIR}/hml.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hml.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
