# The manual pages of the C API, which are made from hawser.h where there is Python. Included by the top CMakeLists.txt.

find_program(HAWSER_PYTHON3 python3)
if(NOT HAWSER_PYTHON3)
  message(STATUS "the manual pages of the C API are left out: python3 is not here")
  return()
endif()

set(reference ${PROJECT_SOURCE_DIR}/docs/reference)
set(manual ${PROJECT_BINARY_DIR}/man)
set(manual_sources ${PROJECT_SOURCE_DIR}/capi/include/hawser.h ${reference}/options.md ${reference}/counters.md)
add_custom_command(
  OUTPUT ${manual}/man3/libhawser.3
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${manual}
  COMMAND ${HAWSER_PYTHON3} -B ${reference}/man.py ${manual_sources} ${manual}
  DEPENDS ${manual_sources} ${reference}/man.py ${reference}/header.py
  VERBATIM)
add_custom_target(hawser_manual ALL DEPENDS ${manual}/man3/libhawser.3)
install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
