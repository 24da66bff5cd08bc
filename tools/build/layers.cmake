# SPDX-License-Identifier: MIT
# A layer is compiled with an include root that only holds what the layer may see, so that a
# wrong #include does not compile:
#
#   build/include/core/core               -> core/
#   build/include/platform/platform       -> platform/
#   build/include/core_platform_api/core  -> core/   … and so on

# ft_layer_objects(<target> SEES <layer>… [CHECKED] SOURCES <file>…)
# The position-independent objects of one layer. CHECKED compiles ASSERT and AUDIT in whatever
# FT_ASSERT says: the unit tests want them in every build.
function(ft_layer_objects target)
    cmake_parse_arguments(PARSE_ARGV 1 layer "CHECKED" "" "SEES;SOURCES")

    list(JOIN layer_SEES "_" root_name)
    set(root ${CMAKE_BINARY_DIR}/include/${root_name})
    file(MAKE_DIRECTORY ${root})
    foreach(seen ${layer_SEES})
        file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${seen} ${root}/${seen} SYMBOLIC)
    endforeach()

    add_library(${target} OBJECT ${layer_SOURCES})
    target_include_directories(${target} PRIVATE ${root})
    target_compile_definitions(${target} PRIVATE FT_ASSERT=$<OR:$<BOOL:${FT_ASSERT}>,$<BOOL:${layer_CHECKED}>>)
    target_compile_options(${target} PRIVATE
        -fmacro-prefix-map=${root}/=
        # A small device links what it uses: --gc-sections drops the rest of the archive's one object.
        -ffunction-sections -fdata-sections
        # Less code: what small processes run is to fit in 64 KiB (layout.cmake).
        $<$<C_COMPILER_ID:GNU>:-fno-align-functions>
        $<$<C_COMPILER_ID:GNU>:-fno-align-jumps>
        $<$<C_COMPILER_ID:GNU>:-fno-align-labels>
        $<$<C_COMPILER_ID:GNU>:-fno-align-loops>
        # The archive carries machine code, and tools/check reads it, whatever CFLAGS say.
        -fno-lto)
    set_target_properties(${target} PROPERTIES
        POSITION_INDEPENDENT_CODE ON
        C_VISIBILITY_PRESET hidden)
endfunction()
