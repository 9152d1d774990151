# How SWIG is called: hawser_swig is the command, hawser_swig_sources what it reads, hawser_methods (a file, and the target that makes
# it) the classes, made from the hawser.h in hawser_include. For bindings/CMakeLists.txt, and for a language that is a project of its own.
find_package(SWIG 4.1 QUIET)
set(hawser_methods ${CMAKE_CURRENT_BINARY_DIR}/common/methods.i)
add_custom_command(OUTPUT ${hawser_methods}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/common
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/describe ${hawser_include}/hawser.h > ${hawser_methods}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/describe ${hawser_include}/hawser.h VERBATIM)
add_custom_target(hawser_methods DEPENDS ${hawser_methods})
set(hawser_swig ${SWIG_EXECUTABLE} -I${CMAKE_CURRENT_LIST_DIR}/.. -I${CMAKE_CURRENT_BINARY_DIR}/common -I${hawser_include})
file(GLOB hawser_swig_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.i)
