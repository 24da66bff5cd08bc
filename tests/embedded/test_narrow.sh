#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tests of ft_core where pointers have 32 bits: with the host's own libc for that, and small_cmocka.c.
# 77: gcc cannot. CMakeLists.txt tells what is in the environment.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
flags=(-m32 -std=c11 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror
    -DFT_ASSERT=1 -I"$source" -I"$source/core" -idirafter "$CMOCKA_INCLUDE")

echo 'int main(void) { return 0; }' >"$scratch/empty.c"
if ! gcc -m32 "$scratch/empty.c" -o "$scratch/empty" 2>/dev/null || ! "$scratch/empty"; then
    echo 'skipped: gcc cannot -m32 (Debian: gcc-multilib)'
    exit 77
fi
for file in "$source"/core/*.c "$source"/tests/core/{region,ft_core_kit}.c "$here/small_cmocka.c"; do
    gcc "${flags[@]}" -c "$file" -o "$scratch/$(basename "$file" .c).o"
done
failures=0
for name in "$@"; do
    gcc "${flags[@]}" "$source/tests/core/$name.c" "$scratch"/*.o -lpthread -o "$scratch/$name"
    "$scratch/$name" >"$scratch/log" || failures=$((failures + 1))
    tail -1 "$scratch/log"
done
[[ $failures == 0 && $# != 0 ]]
