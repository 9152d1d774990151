# What `cmake --install` puts where: the libraries and their header, hawser.pc, the package for find_package(hawser), and the
# licence. Included by the top CMakeLists.txt when all targets exist. The installed tree can be moved as a whole, as long as
# the install directories are relative (CMake's default). Its components are `library`, what a program needs to run,
# `development`, what it takes to build one, and `program`.

include(CMakePackageConfigHelpers)

set(hawser_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hawser)
set(hawser_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS hawser EXPORT hawserTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/capi/include/hawser.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

# find_package(hawser)
install(EXPORT hawserTargets NAMESPACE hawser:: DESTINATION ${hawser_package_dir} COMPONENT development)
if(TARGET hawser_static)
  install(TARGETS hawser_static EXPORT hawserStaticTargets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT hawserStaticTargets NAMESPACE hawser:: DESTINATION ${hawser_package_dir} COMPONENT development)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/hawserConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/cmake/hawserConfig.cmake
                              INSTALL_DESTINATION ${hawser_package_dir})
# Also before 1.0 a later version only adds to the ABI, whose soname is 0 for ever: so who asks for 0.1 can have 0.2.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/hawserConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/hawserConfig.cmake ${PROJECT_BINARY_DIR}/cmake/hawserConfigVersion.cmake
        DESTINATION ${hawser_package_dir} COMPONENT development)

# pkg-config hawser: paths relative to where hawser.pc lies, unless the install directories are absolute. What the static
# library needs is in Libs.private: for packages in Requires.private pkg-config looks even when it is asked for --cflags
# alone, and users of the shared library need none of them.
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
if(TARGET hawser_static)
  list(TRANSFORM hawser_cxx_runtime PREPEND -l OUTPUT_VARIABLE HAWSER_PC_CXX_RUNTIME)
  list(JOIN HAWSER_PC_CXX_RUNTIME " " HAWSER_PC_CXX_RUNTIME)
  set(HAWSER_PC_LIBS_PRIVATE "-lssl -lcrypto -lz -lcares -pthread ${HAWSER_PC_CXX_RUNTIME}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/pkgconfig/hawser.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/hawser.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/hawser.pc DESTINATION ${hawser_pkgconfig_dir}
        COMPONENT development)

# The program (tools/ installs it) finds the library of its own prefix, wherever that was moved.
if(TARGET hawser_program)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_BINDIR}")
    set(hawser_rpath ${CMAKE_INSTALL_FULL_LIBDIR})
  else()
    file(RELATIVE_PATH hawser_rpath /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
    string(PREPEND hawser_rpath $<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>/)
  endif()
  set_target_properties(hawser_program PROPERTIES INSTALL_RPATH ${hawser_rpath})
endif()

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
