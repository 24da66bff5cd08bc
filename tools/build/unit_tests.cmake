# SPDX-License-Identifier: MIT
# tests/core/test_<module>.c: each is a cmocka program of its own on a core with ASSERT and AUDIT
# compiled in. Other sources in tests/core are shared by all of them.

file(GLOB ft_unit_tests CONFIGURE_DEPENDS tests/core/test_*.c)
file(GLOB ft_unit_support CONFIGURE_DEPENDS tests/core/*.c)
list(FILTER ft_unit_support EXCLUDE REGEX "/test_[^/]*$")

add_library(ft_unit INTERFACE)
target_include_directories(ft_unit INTERFACE ${FT_INCLUDE_ALL} ${FT_CMOCKA_INCLUDE})
target_compile_definitions(ft_unit INTERFACE FT_ASSERT=1)
target_link_libraries(ft_unit INTERFACE ft_core_checked ${FT_CMOCKA_LIBRARY})

# The support code is compiled once.
set(ft_unit_support_objects "")
if(ft_unit_support)
    add_library(ft_unit_support OBJECT ${ft_unit_support})
    target_link_libraries(ft_unit_support PRIVATE ft_unit)
    set(ft_unit_support_objects $<TARGET_OBJECTS:ft_unit_support>)
endif()

foreach(source ${ft_unit_tests})
    cmake_path(GET source STEM name)
    add_executable(${name} ${source} ${ft_unit_support_objects})
    target_link_libraries(${name} PRIVATE ft_unit)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/core)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endforeach()
