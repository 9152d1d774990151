# What `cpack -G DEB` and `cpack -G TGZ` make in the build folder: from the components of cmake/install.cmake the packages libhawser0,
# libhawser-dev and hawser, as debian/ names them, and one archive of all three. Included by the top CMakeLists.txt, at its end.
#
# debian/ makes the packages for a distribution. These are for one's own machines: they take the flags of this build.

if(NOT PROJECT_IS_TOP_LEVEL)
  return()  # what else a project has around this one is for that project to say
endif()

set(CPACK_PACKAGE_NAME hawser)
set(CPACK_PACKAGE_VENDOR "The hawser authors")
set(CPACK_PACKAGE_CONTACT "The hawser authors <maintainers@hawser.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "WebSocket client and server")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)

set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "WebSocket client and server library with a polled C API")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libhawser0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS ON)

set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "WebSocket client and server library (development files)")
set(CPACK_COMPONENT_DEVELOPMENT_DEPENDS library)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libhawser-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)

set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "WebSocket client and server for the command line")
set(CPACK_COMPONENT_PROGRAM_DEPENDS library)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME hawser)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)

include(CPack)
