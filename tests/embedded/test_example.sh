#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the build tree into an empty prefix, and compiles example.c with nothing but that: in C and,
# where there is a compiler, in C++. The archive holds what it should and no more. CMakeLists.txt tells
# what is in the environment.
set -euo pipefail
export LC_ALL=C

top=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

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

prefix=$scratch/prefix
expect 'the tree is installed' env -u DESTDIR "$CMAKE" --install "$BUILD" --prefix "$prefix"

# run OUTPUT COMPILER…: it compiles away from the sources, runs, and says what it should.
run() {
    local output=$scratch/$1
    shift
    cp "$top/example.c" "$scratch/"
    (cd "$scratch" && "$@" -Wall -Wextra -Wpedantic -Werror -I"$prefix/$HEADERS" example.c \
        -o "$output" -L"$prefix/$LIBRARIES" -lft_core)
    "$output" | tee "$output.said"
    grep -qx 'served from a buffer' "$output.said"
    grep -qx '0x[0-9A-F]* - 0x[0-9A-F]* : 42 bytes' "$output.said"
    grep -qx 'Total : 42 bytes' "$output.said"
}
# shellcheck disable=SC2153 # from the environment, as CXX's is
expect 'the example runs as C11' run c11 "$COMPILE_C" -std=c11
expect 'the example runs as C99' run c99 "$COMPILE_C" -std=c99
if [ -n "$COMPILE_CXX" ]; then
    compile_cxx() {
        cp "$top/example.c" "$scratch/example.cpp"
        (cd "$scratch" && "$COMPILE_CXX" -std=c++17 -Wall -Wextra -Wpedantic -Werror \
            -I"$prefix/$HEADERS" example.cpp -o cxx -L"$prefix/$LIBRARIES" -lft_core)
        "$scratch/cxx" | grep -qx 'Total : 42 bytes'
    }
    expect 'the example runs as C++17' compile_cxx
fi

archive=$prefix/$LIBRARIES/libft_core.a
undefined_are_four() {
    "$NM" -u "$archive" | sed -n 's/^ *U //p' | sort -u >"$scratch/undefined"
    cat "$scratch/undefined"
    [ -s "$scratch/undefined" ] &&
        ! grep -vxE 'mem(cpy|move|set|cmp)|_GLOBAL_OFFSET_TABLE_' "$scratch/undefined"
}
defined_are_ours() {
    "$NM" -g --defined-only "$archive" | sed -n 's/^[0-9a-f]* [A-Z] //p' | sort >"$scratch/defined"
    sed -n 's/^[a-z].*[ *]\(ft_core_[a-z_]*\)(.*/\1/p' "$prefix/$HEADERS/ft_core.h" | sort >"$scratch/told"
    diff "$scratch/told" "$scratch/defined"
}
has_no_hook() {
    "$NM" "$archive" >"$scratch/names"
    grep -q ft_core_alloc "$scratch/names" && ! grep -i poison "$scratch/names"
}
has_no_data() {
    "$SIZE" "$archive" | tee "$scratch/size"
    awk 'NR > 1 && ($2 != 0 || $3 != 0) { bad = 1 } END { exit bad || NR < 2 }' "$scratch/size"
}
expect 'the archive wants memcpy, memmove, memset and memcmp at most' undefined_are_four
expect 'its names are those of the header' defined_are_ours
expect 'it knows nothing of the hook for tools' has_no_hook
expect 'it has no data of its own' has_no_data
awk 'NR == 2 { print "libft_core.a: " $1 " bytes of code and constants" }' "$scratch/size"

[ "$failures" = 0 ]
