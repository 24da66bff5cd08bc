# SPDX-License-Identifier: MIT
# How objects become libraries.

# ft_shared_library(<target> <version script> <objects>…)
function(ft_shared_library target version_script)
    add_library(${target} SHARED ${ARGN})
    target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR}/api)
    target_link_options(${target} PRIVATE
        -Wl,--version-script=${version_script}
        -Wl,-T,${FT_CODE_ORDER}
        # One segment less for the loader to map, and no lazy binding inside malloc.
        -Wl,-z,noseparate-code -Wl,-z,now
        # Its memory is in use for as long as the process lives.
        -Wl,-z,nodelete)
    if(NOT FT_SANITIZE) # whose runtime may come with the program only
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()
    set_target_properties(${target} PROPERTIES
        LINKER_LANGUAGE C # not C++, though operator new is inside
        LINK_DEPENDS "${version_script};${FT_CODE_ORDER}"
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# ft_static_library(<target> <name> [HIDES <pattern>] <objects>…): lib<name>.a of one object, whose hidden
# symbols are local, so that a program with a zone_init of its own links with it; so are those of the pattern,
# so that it links with libft_core.a of another version.
function(ft_static_library target name)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "HIDES" "")
    set(hide "")
    if(arg_HIDES)
        set(hide --wildcard --localize-symbol=${arg_HIDES})
    endif()
    set(object ${CMAKE_BINARY_DIR}/${target}.o)
    add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${object} ${arg_UNPARSED_ARGUMENTS}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${hide} ${object}
        DEPENDS ${arg_UNPARSED_ARGUMENTS}
        COMMENT "Linking the one object of lib${name}.a"
        COMMAND_EXPAND_LISTS VERBATIM)
    add_library(${target} STATIC ${object})
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name}
        LINKER_LANGUAGE C
        ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# ft_name_by_hosttype(<target>): the names on disk.
#   built      libft_malloc_$HOSTTYPE.so, and libft_malloc.so and its SONAME as links to it
#   installed  libft_malloc.so.MAJOR.MINOR.PATCH, and libft_malloc.so and its SONAME as links to it
# CMake's own VERSION and SOVERSION cannot do it: there both trees have the same names.
function(ft_name_by_hosttype target)
    set(soname lib${target}.so.${PROJECT_VERSION_MAJOR})
    target_link_options(${target} PRIVATE -Wl,-soname,${soname})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${target}_${HOSTTYPE} NO_SONAME ON)
    foreach(link lib${target}.so ${soname})
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${CMAKE_COMMAND} -E create_symlink
                $<TARGET_FILE_NAME:${target}> ${CMAKE_BINARY_DIR}/${link}
            VERBATIM)
    endforeach()

    set(installed lib${target}.so.${PROJECT_VERSION})
    install(PROGRAMS $<TARGET_FILE:${target}> DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME ${installed})
    set(links ${CMAKE_BINARY_DIR}/installed_links)
    file(MAKE_DIRECTORY ${links})
    file(CREATE_LINK ${installed} ${links}/${soname} SYMBOLIC)
    file(CREATE_LINK ${soname} ${links}/lib${target}.so SYMBOLIC)
    install(FILES ${links}/${soname} ${links}/lib${target}.so DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()
