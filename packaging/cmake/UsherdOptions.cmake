# Build options and the flags every target gets.
include(CheckCCompilerFlag)

option(USHERD_TESTS "build the tests" ON)
option(USHERD_FUZZ "build the libFuzzer targets (clang)" OFF)
option(USHERD_WERROR "treat warnings as errors" OFF)
option(USHERD_COVERAGE "instrument for coverage" OFF)
set(USHERD_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
if(USHERD_FUZZ AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "USHERD_FUZZ needs clang: libFuzzer is part of it")
endif()

add_library(usherd_flags INTERFACE)
target_compile_definitions(usherd_flags INTERFACE _GNU_SOURCE
                           USHERD_VERSION="${PROJECT_VERSION}"
                           USHERD_SYSCONFDIR="${CMAKE_INSTALL_FULL_SYSCONFDIR}"
                           USHERD_LIBEXECDIR="${CMAKE_INSTALL_FULL_LIBEXECDIR}/usherd")
target_include_directories(usherd_flags INTERFACE "${PROJECT_SOURCE_DIR}/include")
target_compile_options(usherd_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wformat=2 -Wswitch-enum -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
  -fstack-protector-strong -fno-common -fPIE)
if(USHERD_WERROR)
  target_compile_options(usherd_flags INTERFACE -Werror)
endif()

# Hardening of what is not instrumented; a flag this compiler or processor lacks is left out.
foreach(flag -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "USHERD_HAS${flag}" known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(usherd_flags INTERFACE ${flag})
  endif()
endforeach()
target_link_options(usherd_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)

if(USHERD_SANITIZE)
  target_compile_options(usherd_flags INTERFACE -fsanitize=${USHERD_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(usherd_flags INTERFACE -fsanitize=${USHERD_SANITIZE})
elseif(NOT USHERD_COVERAGE AND NOT CMAKE_BUILD_TYPE STREQUAL Debug)
  target_compile_options(usherd_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(USHERD_COVERAGE)
  target_compile_definitions(usherd_flags INTERFACE USHERD_COVERAGE)
  target_compile_options(usherd_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(usherd_flags INTERFACE --coverage)
endif()
if(USHERD_FUZZ)
  target_compile_options(usherd_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
