#!/bin/bash
# SPDX-License-Identifier: MIT
# test_install.sh notices what it is there for: prefixes and build trees that were made to go wrong,
# each in one way.
set -u

test=$(cd "$(dirname "$0")" && pwd)/test_install.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
count=0

env -u DESTDIR "$CMAKE" --install "$BUILD" --prefix "$scratch/whole" >"$scratch/log" 2>&1 || {
    cat "$scratch/log"
    exit 1
}
mkdir "$scratch/built"
cp -a "$BUILD"/libft_malloc* "$scratch/built/"

# notices SENTENCE COMMAND: what COMMAND does to a copy of the prefix, or of the names in the build tree,
# makes test_install.sh fail, and this sentence too. Without a sentence it passes.
notices() {
    local place=$scratch/$((count += 1))
    mkdir "$place"
    cp -a "$scratch/whole" "$place/prefix"
    cp -a "$scratch/built" "$place/build"
    (cd "$place" && eval "$2") || {
        echo "FAILED: cannot do this: $2"
        failures=$((failures + 1))
        return
    }
    local status=0
    # Without the C++ programs, which take longest and are looked at in the same way.
    BUILD=$place/build COMPILE_CXX='' "$test" "$place/prefix" >"$place/log" 2>&1 || status=$?
    if { [ -z "$1" ] && [ "$status" = 0 ]; } ||
        { [ -n "$1" ] && [ "$status" = 1 ] && grep -q "^FAILED: $1" "$place/log"; }; then
        echo "ok: after '$2': ${1:-all is well}"
    else
        echo "FAILED: after '$2': ${1:-all is well} (exit status $status)"
        cat "$place/log"
        failures=$((failures + 1))
    fi
    rm -rf "$place"
}

libraries=prefix/$LIBRARIES
header=prefix/$HEADERS/ft_malloc.h
major=${VERSION%%.*}

notices '' true
notices 'the files are' "rm $libraries/libft_malloc_prefixed.a"
notices 'the files are' "touch $libraries/libft_malloc_other.so"
notices 'the files are' "ln -sf libft_malloc.so.$VERSION $libraries/libft_malloc.so"
notices 'the header is ours' "echo >>$header"
notices 'a C program compiles' "rm $header"
notices 'a C program needs' "rm $libraries/libft_malloc.so $libraries/libft_malloc_prefixed.so"
notices 'the SONAME of libft_malloc has' \
    "cp $libraries/libft_malloc_prefixed.so.$VERSION $libraries/libft_malloc.so.$VERSION"
notices 'a C program with the archive' "rm $libraries/libft_malloc.a"
notices 'libft_malloc.a is of one object' "touch x.o; ar q $libraries/libft_malloc.a x.o"
notices 'the library is built as' 'mv "build/$(readlink build/libft_malloc.so)" build/libft_malloc_x.so'
notices 'the library is built as' "rm build/libft_malloc.so"
notices 'the library is built as' "ln -sf libft_malloc_prefixed.so build/libft_malloc.so.$major"

[ "$failures" = 0 ]
