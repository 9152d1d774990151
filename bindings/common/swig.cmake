# What SWIG makes for a language, from the hawser.h in hawser_include. A release brings it (`swig-version` tells with which SWIG it was made).
# For bindings/CMakeLists.txt, and for a language that is a project of its own.
option(HAWSER_SWIG "Have SWIG make the bindings anew, where a release brings what it made" OFF)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/swig-version AND NOT HAWSER_SWIG)
  set(hawser_wrappers RELEASED)
  file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/swig-version hawser_swig)
  message(STATUS "bindings: as ${hawser_swig} made them for this release; HAWSER_SWIG=ON makes them anew")
else()
  find_package(SWIG 4.1 QUIET)
  set(hawser_wrappers ${SWIG_FOUND})
endif()

# hawser_wrap(LANGUAGE FILE ...): these files of swig.args, below hawser_wrapped. Where hawser_wrappers is true.
function(hawser_wrap language)
  if(hawser_wrappers STREQUAL "RELEASED")
    set(hawser_wrapped ${CMAKE_CURRENT_SOURCE_DIR} PARENT_SCOPE)
    return()
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/wrapped)
  set(common ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  file(GLOB shared CONFIGURE_DEPENDS ${common}/*.i)
  list(TRANSFORM ARGN PREPEND ${folder}/)
  add_custom_command(OUTPUT ${ARGN}
    COMMAND ${CMAKE_COMMAND} -E env SWIG=${SWIG_EXECUTABLE} ${common}/wrap ${hawser_include} ${language} ${folder}
    DEPENDS raw.i swig.args ${common}/wrap ${common}/describe ${shared} ${hawser_include}/hawser.h VERBATIM)
  set(hawser_wrapped ${folder} PARENT_SCOPE)
endfunction()
