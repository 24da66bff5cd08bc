#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test_bare.sh host|i386|aarch64|wasm32: the tour on a machine without a C library, and how large the core
# is there. For the host it is linked with libft_core.a; for the others the core is compiled from its
# sources. 77: a tool is missing. CMakeLists.txt tells what is in the environment.
set -euo pipefail
export LC_ALL=C

kind=$1
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
warnings=(-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror)
bare=(-ffreestanding -nostdlib -fno-builtin -fno-stack-protector -isystem "$here/bare")
programs=("$here/tour.c" "$here/bare/memory.c")

skip() {
    echo "skipped: $*"
    exit 77
}

find_or_skip() {
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 || skip "there is no $command (Debian: $*)"
}

# compiles COMPILER…: whether it can make a program for its machine at all.
compiles() {
    echo 'int main(void) { return 0; }' >"$scratch/empty.c"
    "$@" -nostdlib -ffreestanding -Wl,-e,main "$scratch/empty.c" -o "$scratch/empty" 2>/dev/null
}

# run_tour COMMAND…
run_tour() {
    "$@" | tee "$scratch/said" || true
    grep -qx 'the tour is over, line 0' "$scratch/said"
    grep -q ' : 42 bytes$' "$scratch/said"
    grep -qx 'Total : 4284 bytes' "$scratch/said"
}

# core_size COMPILER…: what the core alone takes.
core_size() {
    mkdir "$scratch/core"
    local file
    for file in "$source"/core/*.c; do
        "$@" "${warnings[@]}" "${bare[@]}" -I"$source" -c "$file" \
            -o "$scratch/core/$(basename "$file" .c).o"
    done
    echo "core for $kind: $(size "$scratch"/core/*.o |
        awk 'NR > 1 { text += $1; data += $2; bss += $3 }
             END { print text " bytes of code and constants, " data + bss " of data" }')"
}

# from_sources PROGRAM LIBRARIES COMPILER…: the core is compiled for another machine.
from_sources() {
    local program=$1 libraries=$2
    shift 2
    core_size "$@" -Os
    # shellcheck disable=SC2086 # libraries are words
    "$@" -Os "${warnings[@]}" "${bare[@]}" -static -I"$source/core" "$scratch"/core/*.o \
        "${programs[@]}" "$here/bare/linux.c" $libraries -o "$program"
}

program=$scratch/program
case $kind in
    host)
        case $(uname -m) in x86_64 | aarch64) ;; *) skip "no start for $(uname -m)" ;; esac
        "$COMPILE_C" -O2 "${warnings[@]}" "${bare[@]}" -fno-pie -no-pie -static \
            -Wno-unused-command-line-argument -I"$source/core" "${programs[@]}" \
            "$here/bare/linux.c" "$ARCHIVE" -o "$program"
        run_tour "$program"
        [[ -z $(nm -u "$program") ]]
        size "$ARCHIVE" "$program"
        ;;
    i386)
        [[ $(uname -m) == x86_64 ]] || skip "the host is no x86-64"
        find_or_skip gcc gcc
        compiles gcc -m32 -lgcc || skip "gcc cannot -m32 (Debian: gcc-multilib)"
        from_sources "$program" -lgcc gcc -m32 -fno-pie -no-pie
        run_tour "$program"
        ;;
    aarch64)
        find_or_skip clang clang
        find_or_skip ld.lld lld
        compiles clang --target=aarch64-linux-gnu -fuse-ld=lld || skip "clang makes no aarch64"
        from_sources "$program" '' clang --target=aarch64-linux-gnu -fuse-ld=lld -fno-pie \
            -Wno-unused-command-line-argument
        if [[ $(uname -m) == aarch64 ]]; then
            run_tour "$program"
        elif command -v qemu-aarch64 >/dev/null 2>&1; then
            run_tour qemu-aarch64 "$program"
        else
            skip "it links, but there is no qemu-aarch64 (Debian: qemu-user)"
        fi
        ;;
    wasm32)
        find_or_skip clang clang
        find_or_skip wasm-ld lld
        find_or_skip node nodejs
        compiles clang --target=wasm32 -Wl,--no-entry || skip "clang makes no wasm32"
        clang --target=wasm32 -Oz "${warnings[@]}" "${bare[@]}" -fvisibility=hidden \
            -I"$source/core" -I"$source" "$source"/core/*.c "${programs[@]}" "$here/bare/wasm.c" \
            -Wl,--no-entry -Wl,--export-dynamic -Wl,--strip-all -Wl,--stack-first -o "$scratch/core.wasm"
        node "$here/bare/run.mjs" "$scratch/core.wasm"
        ;;
    *)
        echo "test_bare.sh host|i386|aarch64|wasm32"
        exit 2
        ;;
esac
