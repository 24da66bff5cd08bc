# SPDX-License-Identifier: MIT
# Where code lies in the shared libraries. The kernel brings pages of a file into memory sixteen at a time, so that what
# hardly any process runs is not to lie between what all of them run:
#
#   headers | constants | code of small processes | code that any process may run | code that runs if it is asked for |
#   its constants | tables for unwinding
#
# Functions of the first kind are those of common.list, which tools/build/common makes: they end within 64 KiB. A source is
# of the second kind, unless it is named here.
set(FT_SELDOM
    core/address_map core/arena_valid core/backtrace core/backtrace_table core/census core/dump core/ft_core_arena
    core/ft_core_ask core/ft_core_chunk core/heap_revive core/heap_valid core/misuse core/reach core/run_valid core/show
    core/text core/trace core/trace_block core/walk
    platform/linux_cgroup platform/linux_end platform/linux_huge platform/linux_keep platform/linux_mappings
    platform/linux_output platform/linux_stack platform/linux_trace
    api/bsd api/exhausted api/frames api/heaps api/heaps_ask api/heaps_chunks api/heaps_memory api/heaps_report api/history
    api/inspect api/leaks api/leaks_groups api/leaks_scan api/log api/mallinfo api/mallopt api/modules api/past
    api/path api/print api/report api/show api/show_ex api/stacks api/stats api/stats_json api/stats_prometheus
    api/stats_table api/trace api/trim)
foreach(name ${FT_SELDOM})
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${name}.c)
        message(FATAL_ERROR "${CMAKE_CURRENT_LIST_FILE}: there is no ${name}.c")
    endif()
endforeach()

# The linker's script: names of objects and of functions' sections in the places where they belong.
set(FT_CODE_ORDER ${CMAKE_BINARY_DIR}/code_order.ld)
set(ft_common_list ${CMAKE_CURRENT_LIST_DIR}/common.list)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ft_common_list})
file(STRINGS ${ft_common_list} ft_common_functions REGEX "^[a-z_]")
set(FT_COMMON_SECTIONS "")
foreach(function ${ft_common_functions})
    # A compiler may have made the function two, of which the second has a suffix.
    string(APPEND FT_COMMON_SECTIONS "        *(.text.${function} .text.${function}.* .text.*.${function})\n")
endforeach()
set(FT_SELDOM_OBJECTS "")
foreach(name ${FT_SELDOM})
    string(APPEND FT_SELDOM_OBJECTS " */${name}.c.o")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/code_order.ld.in ${FT_CODE_ORDER} @ONLY)

# ft_in_order(<variable> <targets>…): the objects of these targets, those that hardly any process runs behind the others.
function(ft_in_order variable)
    list(JOIN FT_SELDOM "|" names)
    set(seldom "/(${names})\\.c\\.o$")
    set(first "")
    set(last "")
    foreach(target ${ARGN})
        list(APPEND first "$<FILTER:$<TARGET_OBJECTS:${target}>,EXCLUDE,${seldom}>")
        list(APPEND last "$<FILTER:$<TARGET_OBJECTS:${target}>,INCLUDE,${seldom}>")
    endforeach()
    set(${variable} ${first} ${last} PARENT_SCOPE)
endfunction()
