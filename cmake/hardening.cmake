# HAWSER_HARDENING: the compiler's and the linker's defences, where they exist, in all of an optimized build. Included by the top
# CMakeLists.txt. The stack protector and -fcf-protection take some instructions of each message (docs/performance.md), the others none.

include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)
include(CheckLinkerFlag)

foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "HAWSER_HAS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    add_compile_options(${flag})
  endif()
endforeach()

# A distribution says it in CMAKE_CXX_FLAGS, or its compiler says it by itself: then its level stays. Level 3 needs GCC 12.
set(CMAKE_REQUIRED_FLAGS -O2)
check_cxx_source_compiles("
#ifdef _FORTIFY_SOURCE
#error
#endif
int main() {}" HAWSER_FORTIFY_SOURCE_IS_OURS)
unset(CMAKE_REQUIRED_FLAGS)
if(HAWSER_FORTIFY_SOURCE_IS_OURS)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
    add_compile_definitions(_FORTIFY_SOURCE=3)
  else()
    add_compile_definitions(_FORTIFY_SOURCE=2)
  endif()
endif()

foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
  string(MAKE_C_IDENTIFIER "HAWSER_HAS${flag}" known)
  check_linker_flag(CXX ${flag} ${known})
  if(${known})
    add_link_options(${flag})
  endif()
endforeach()
