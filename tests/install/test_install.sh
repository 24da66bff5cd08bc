#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the build tree into an empty prefix and looks at it from outside. What it wants to know is in
# the environment: CMakeLists.txt tells. A prefix named as the argument is looked at as it is.
set -u
export LC_ALL=C # so that compiler and readelf say what is looked for here

top=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
major=${VERSION%%.*}
failures=0

# expect SENTENCE COMMAND…: the sentence holds if the command succeeds.
expect() {
    local sentence=$1
    shift
    if "$@" >"$scratch/log" 2>&1; then
        echo "ok: $sentence"
        return
    fi
    echo "FAILED: $sentence"
    cat "$scratch/log"
    failures=$((failures + 1))
}

# expect_not SENTENCE COMMAND…: the sentence holds if the command fails.
not() {
    ! "$@"
}
expect_not() {
    expect "$1" not "${@:2}"
}

# ---- the files ------------------------------------------------------------------------------

files_wanted() {
    local pair
    echo "$PROGRAMS/ft_replay"
    echo "$HEADERS/ft_core.h"
    echo "$HEADERS/ft_malloc.h"
    echo "$LIBRARIES/libft_core.a"
    for pair in ft_malloc ft_malloc_prefixed; do
        echo "$LIBRARIES/lib$pair.a"
        echo "$LIBRARIES/lib$pair.so -> lib$pair.so.$major"
        echo "$LIBRARIES/lib$pair.so.$major -> lib$pair.so.$VERSION"
        echo "$LIBRARIES/lib$pair.so.$VERSION"
    done
}

files_are_these_and_no_others() {
    diff <(files_wanted | LC_ALL=C sort) <(
        cd "$prefix" || exit
        { find . -type l -printf '%P -> %l\n' && find . -type f -printf '%P\n'; } | LC_ALL=C sort
    )
}

# soname_is NAME FILE
soname_is() {
    "$READELF" -d "$2" | tee "$scratch/dynamic"
    grep -qF "Library soname: [$1]" "$scratch/dynamic"
}

is_one_object() {
    [ "$(ar t "$1" | wc -l)" = 1 ]
}

# ---- programs -------------------------------------------------------------------------------

# compile COMPILER OUTPUT SOURCE [ARGUMENT…]: away from the sources, with the prefix alone.
compile() {
    local compiler=$1 output=$2 source=$3
    shift 3
    mkdir -p "$scratch/source"
    cp "$top/$source" "$scratch/source/"
    (cd "$scratch/source" && "$compiler" -Wall -Wextra -Werror -I"$prefix/$HEADERS" "$source" \
        -o "$output" -L"$prefix/$LIBRARIES" -Wl,-rpath,"$prefix/$LIBRARIES" "$@")
}

lacks_it_without_us() {
    ! compile "$COMPILE_C" "$scratch/without" user.c >"$scratch/words" 2>&1 || return
    cat "$scratch/words"
    grep -q 'undefined.*show_alloc_mem' "$scratch/words"
}

# lists_ours PROGRAM YES|NO: the chunk by our name has its line, as has the other one, or has not.
lists_ours() {
    env -u LD_PRELOAD -u LD_LIBRARY_PATH "$1" >"$scratch/shown" 2>"$scratch/line" || return
    cat "$scratch/shown" "$scratch/line"
    [ -s "$scratch/line" ] || return
    grep -qxF -f "$scratch/line" "$scratch/shown" || return
    local has=NO
    ! grep -q ' : 4343 bytes$' "$scratch/shown" || has=YES
    [ "$has" = "$2" ]
}

# needs PROGRAM LIBRARY: it is loaded with the program, from the prefix.
needs() {
    "$READELF" -d "$1" | grep -F NEEDED
    "$READELF" -d "$1" | grep -qF "Shared library: [$2]" &&
        ldd "$1" | grep -qF "$2 => $prefix/$LIBRARIES/$2 "
}

needs_any_of_ours() {
    "$READELF" -d "$1" | grep -F 'Shared library: [libft_malloc'
}

# expect_program WORDS PROGRAM OTHER NEEDED COMPILER SOURCE [ARGUMENT…]: it compiles, lists ours, lists
# the other chunk as well (YES) or not (NO), and needs that library of ours, or none for "-".
expect_program() {
    local words=$1 program=$scratch/$2 other=$3 needed=$4 compiler=$5 source=$6
    shift 6
    expect "$words compiles with the prefix alone" \
        compile "$compiler" "$program" "$source" "$@" || return
    expect "$words has its chunk shown" lists_ours "$program" "$other"
    if [ "$needed" = - ]; then
        expect_not "$words needs no library of ours" needs_any_of_ours "$program"
    else
        expect "$words needs $needed and finds it" needs "$program" "$needed"
    fi
}

# ---- the build tree -------------------------------------------------------------------------

is_built_as() {
    ls -l "$BUILD"/libft_malloc*
    [ -f "$BUILD/$1" ] && [ ! -L "$BUILD/$1" ] &&
        [ "$(readlink "$BUILD/libft_malloc.so")" = "$1" ] &&
        [ "$(readlink "$BUILD/libft_malloc.so.$major")" = "$1" ]
}

# ---------------------------------------------------------------------------------------------

if [ $# = 1 ]; then
    prefix=$1
else
    prefix=$scratch/prefix
    expect "the tree is installed" env -u DESTDIR "$CMAKE" --install "$BUILD" --prefix "$prefix"
fi

expect "the files are those of both pairs, the headers, ft_replay, and no others" files_are_these_and_no_others
expect "the header is ours" cmp "$HEADER" "$prefix/$HEADERS/ft_malloc.h"
for pair in ft_malloc ft_malloc_prefixed; do
    expect "the SONAME of lib$pair has the major version" \
        soname_is "lib$pair.so.$major" "$prefix/$LIBRARIES/lib$pair.so.$VERSION"
    expect "lib$pair.a is of one object" is_one_object "$prefix/$LIBRARIES/lib$pair.a"
done

expect "nothing but our library has show_alloc_mem" lacks_it_without_us
expect_program "a C program" shared YES "libft_malloc.so.$major" \
    "$COMPILE_C" user.c -std=c11 -lft_malloc
expect_program "a C program with the archive" static YES - \
    "$COMPILE_C" user.c -std=c11 -l:libft_malloc.a
expect_program "a C program with the prefix" prefixed NO "libft_malloc_prefixed.so.$major" \
    "$COMPILE_C" user.c -std=c11 -DFT_PREFIXED -lft_malloc_prefixed
expect_program "a C program with the prefix and the archive" prefixed_static NO - \
    "$COMPILE_C" user.c -std=c11 -DFT_PREFIXED -l:libft_malloc_prefixed.a
if [ -n "$COMPILE_CXX" ]; then
    expect_program "a C++ program" cxx YES "libft_malloc.so.$major" \
        "$COMPILE_CXX" user.cpp -std=c++17 -lft_malloc
    expect_program "a C++ program with the archive" cxx_static YES - \
        "$COMPILE_CXX" user.cpp -std=c++17 -l:libft_malloc.a
fi

hosttype=${CHOSEN_HOSTTYPE-$(uname -m)_$(uname -s)}
expect "the library is built as libft_malloc_$hosttype.so, and its links are to that" \
    is_built_as "libft_malloc_$hosttype.so"

[ "$failures" = 0 ]
