# What `cmake --install` puts where: the shared library and its header, hawser.pc, the package for find_package(hawser),
# and the licence. Included by the top CMakeLists.txt when all targets exist. The installed tree can be moved as a whole,
# as long as the install directories are relative (CMake's default).

include(CMakePackageConfigHelpers)

set(hawser_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hawser)
set(hawser_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS hawser EXPORT hawserTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/capi/include/hawser.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# find_package(hawser)
install(EXPORT hawserTargets NAMESPACE hawser:: DESTINATION ${hawser_package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/hawserConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/cmake/hawserConfig.cmake
                              INSTALL_DESTINATION ${hawser_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/hawserConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/hawserConfig.cmake ${PROJECT_BINARY_DIR}/cmake/hawserConfigVersion.cmake
        DESTINATION ${hawser_package_dir})

# pkg-config hawser: paths relative to where hawser.pc lies, unless the install directories are absolute.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(HAWSER_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
  set(HAWSER_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
else()
  file(RELATIVE_PATH hawser_up /prefix/${hawser_pkgconfig_dir} /prefix)
  string(REGEX REPLACE "/$" "" hawser_up "${hawser_up}")
  set(HAWSER_PC_PREFIX "\${pcfiledir}/${hawser_up}")
  set(HAWSER_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(HAWSER_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
else()
  set(HAWSER_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/pkgconfig/hawser.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/hawser.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/hawser.pc DESTINATION ${hawser_pkgconfig_dir})

# The program (tools/ installs it) finds the library of its own prefix, wherever that was moved.
if(TARGET hawser_program AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_BINDIR}")
  file(RELATIVE_PATH hawser_lib_from_bin /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
  set_target_properties(hawser_program PROPERTIES INSTALL_RPATH "$ORIGIN/${hawser_lib_from_bin}")
endif()

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
