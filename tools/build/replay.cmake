# SPDX-License-Identifier: MIT
# ft_replay, which reads the traces that FT_MALLOC_TRACE makes: its sources lie in tools/replay.d.

file(GLOB ft_replay_sources CONFIGURE_DEPENDS tools/replay.d/*.c)
add_executable(ft_replay ${ft_replay_sources})
target_include_directories(ft_replay PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_definitions(ft_replay PRIVATE _GNU_SOURCE)
target_link_libraries(ft_replay PRIVATE ft_core_inner)
# What a call costs is counted in the function that makes it: it stays on the stack.
set_source_files_properties(${CMAKE_SOURCE_DIR}/tools/replay.d/calls.c PROPERTIES
    COMPILE_OPTIONS -fno-optimize-sibling-calls)
install(TARGETS ft_replay)
