# HAWSER_STATIC: libhawser.a. Included by the top CMakeLists.txt, after what makes the shared library.
#
# An archive of the objects as they are would show all names of lib/ to whoever links it, and with link-time optimization it
# would suit one compiler alone. So it holds one object that they are linked to, whose only global names are hws_*. That link
# dissolves the section groups: of groups with one name the linker keeps one, and the program may have such a group as well.

include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,--force-group-allocation HAWSER_HAS_GROUP_ALLOCATION)
if(NOT HAWSER_HAS_GROUP_ALLOCATION OR NOT CMAKE_OBJCOPY)
  message(STATUS "hawser: without the static library, which takes GNU ld (or LLD 19) and objcopy")
  return()
endif()

# An executable to CMake, so that it is linked with all the flags.
add_executable(hawser_object EXCLUDE_FROM_ALL $<TARGET_OBJECTS:hawser_capi> $<TARGET_OBJECTS:hawser_core>)
get_target_property(hawser_ipo hawser INTERPROCEDURAL_OPTIMIZATION)
set_target_properties(hawser_object PROPERTIES LINKER_LANGUAGE CXX SUFFIX .o INTERPROCEDURAL_OPTIMIZATION "${hawser_ipo}")
target_link_options(hawser_object PRIVATE -r -nostdlib -Wl,--force-group-allocation)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # objcopy leaves unique symbols global.
  foreach(target hawser_core hawser_capi)
    target_compile_options(${target} PRIVATE -fno-gnu-unique)
  endforeach()
  target_link_options(hawser_object PRIVATE -fno-gnu-unique $<$<BOOL:${hawser_ipo}>:-flinker-output=nolto-rel>)
endif()

set(hawser_archive_object ${PROJECT_BINARY_DIR}/libhawser.o)
add_custom_command(
  OUTPUT ${hawser_archive_object}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=hws_* $<TARGET_FILE:hawser_object> ${hawser_archive_object}
  DEPENDS hawser_object
  VERBATIM)
set_source_files_properties(${hawser_archive_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)

add_library(hawser_static STATIC ${hawser_archive_object})
add_library(hawser::hawser_static ALIAS hawser_static)
target_include_directories(hawser_static INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/capi/include>)

# To its users it is a library in C. They name the C++ runtime, as a program in C is linked by a C compiler.
set(hawser_cxx_runtime ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(REMOVE_ITEM hawser_cxx_runtime ${CMAKE_C_IMPLICIT_LINK_LIBRARIES})
set_target_properties(hawser_static PROPERTIES OUTPUT_NAME hawser LINKER_LANGUAGE C)
# A project around this one does not see the imported targets that were found here: so files while building.
target_link_libraries(hawser_static INTERFACE
  "$<BUILD_INTERFACE:${OPENSSL_LIBRARIES};${ZLIB_LIBRARIES};${HAWSER_CARES_LINK_LIBRARIES}>"
  "$<INSTALL_INTERFACE:OpenSSL::SSL;OpenSSL::Crypto;ZLIB::ZLIB;PkgConfig::HAWSER_CARES>"
  ${CMAKE_THREAD_LIBS_INIT} ${hawser_cxx_runtime})
