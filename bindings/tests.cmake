# How the tests of a binding are run. Included by bindings/CMakeLists.txt.

set(hawser_certificates ${CMAKE_CURRENT_BINARY_DIR}/certificates)
add_test(NAME bindings/certificates COMMAND write_certificates ${hawser_certificates})
set_tests_properties(bindings/certificates PROPERTIES LABELS bindings FIXTURES_SETUP binding_certificates)

# Where the library is built with sanitizers, an interpreter that loads it needs their runtime from its start.
set(binding_environment)
if(HAWSER_SANITIZE MATCHES "address")
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libasan.so OUTPUT_VARIABLE libasan OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.so OUTPUT_VARIABLE libstdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
  # Interpreters do not free what they hold at their end, and virtual machines have their own use for SIGSEGV and for its stack.
  set(binding_environment "LD_PRELOAD=${libasan} ${libstdcxx}"
      "ASAN_OPTIONS=detect_leaks=0:handle_segv=0:use_sigaltstack=0:allocator_may_return_null=1")
endif()

# hawser_binding_test(LANGUAGE/NAME COMMAND ...): the CTest test bindings/LANGUAGE/NAME.
function(hawser_binding_test name)
  add_test(NAME bindings/${name} COMMAND ${CMAKE_COMMAND} -E env ${binding_environment} ${ARGN})
  set_tests_properties(bindings/${name} PROPERTIES TIMEOUT 300 LABELS bindings SKIP_RETURN_CODE 77 FIXTURES_REQUIRED binding_certificates
    ENVIRONMENT "HAWSER_PEERS=${PROJECT_SOURCE_DIR}/build/peers;HAWSER_CERTIFICATES=${hawser_certificates};PYTHONDONTWRITEBYTECODE=1")
endfunction()

# hawser_binding_examples(LANGUAGE/NAME SERVER CLIENT), each a list, the command: the client prints what the server sends back.
function(hawser_binding_examples name server client)
  list(JOIN server " " server)
  list(JOIN client " " client)
  hawser_binding_test(${name} ${PROJECT_SOURCE_DIR}/bindings/try_examples ${server} ${client})
endfunction()

# hawser_binding_conformance(LANGUAGE COMMAND ...): all scenarios in both roles, against the driver in C, over each layer.
function(hawser_binding_conformance language)
  set(driver ${CMAKE_COMMAND} -E env ${binding_environment} ${ARGN})
  list(JOIN driver "' '" driver)
  set(driver "'${driver}'")
  set(reference "'$<TARGET_FILE:conformance_driver>'")
  foreach(layer ws wss deflate)
    foreach(role client server)
      set(client ${reference})
      set(server ${reference})
      set(${role} ${driver})
      set(name bindings/${language}/conformance/${role}/${layer})
      add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/bindings/conformance/run --layer ${layer}
               --certificates ${hawser_certificates} --client ${client} --server ${server})
      set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS bindings FIXTURES_REQUIRED binding_certificates)
      if(NOT layer STREQUAL "ws")
        set_property(TEST ${name} APPEND PROPERTY LABELS layers)
      endif()
    endforeach()
  endforeach()
endfunction()
