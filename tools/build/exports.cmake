# SPDX-License-Identifier: MIT
# api/exports.list is the one list of exported symbols. Its lines are `name kind`:
#   both   exported as name by the drop-in pair, as ft_name by the prefixed pair
#   own    exported as name by both pairs
#   libc   exported by the drop-in pair only (names of glibc's and of C++'s)

# ft_read_exports(<list>) writes, and sets to their paths in the caller:
#   FT_VERSION_SCRIPT           what libft_malloc exports
#   FT_PREFIXED_VERSION_SCRIPT  what libft_malloc_prefixed exports
#   FT_PREFIXED_NAMES           a header that renames each name of `both` to ft_name
function(ft_read_exports list_file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list_file})
    file(STRINGS ${list_file} lines REGEX "^[^#]")
    set(names "")
    set(prefixed_names "")
    set(defines "")
    foreach(line ${lines})
        if(NOT line MATCHES "^([A-Za-z_][A-Za-z0-9_]*)[ \t]+(both|own|libc)[ \t]*$")
            message(FATAL_ERROR "${list_file}: a line is 'name both', 'name own' or 'name libc', not '${line}'")
        endif()
        set(name ${CMAKE_MATCH_1})
        string(APPEND names "        ${name};\n")
        if(CMAKE_MATCH_2 STREQUAL "both")
            string(APPEND prefixed_names "        ft_${name};\n")
            string(APPEND defines "#define ${name} ft_${name}\n")
        elseif(CMAKE_MATCH_2 STREQUAL "own")
            string(APPEND prefixed_names "        ${name};\n")
        endif()
    endforeach()

    # file(CONFIGURE) leaves a file alone that is as it should be: nothing is linked again for it.
    set(directory ${CMAKE_BINARY_DIR}/exports)
    file(CONFIGURE OUTPUT ${directory}/ft_malloc.map
        CONTENT "{\n    global:\n${names}    local: *;\n};\n" @ONLY)
    file(CONFIGURE OUTPUT ${directory}/ft_malloc_prefixed.map
        CONTENT "{\n    global:\n${prefixed_names}    local: *;\n};\n" @ONLY)
    file(CONFIGURE OUTPUT ${directory}/prefixed_names.h CONTENT "${defines}" @ONLY)
    set(FT_VERSION_SCRIPT ${directory}/ft_malloc.map PARENT_SCOPE)
    set(FT_PREFIXED_VERSION_SCRIPT ${directory}/ft_malloc_prefixed.map PARENT_SCOPE)
    set(FT_PREFIXED_NAMES ${directory}/prefixed_names.h PARENT_SCOPE)
endfunction()
