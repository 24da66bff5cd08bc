#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs one case without and with our library, and compares what it prints and how it ends:
#
#     run_case.sh LIBRARY CASE [DIRECTORY]
#
# A case is a script in cases/, or in the directory named, whose line "# needs: COMMAND…" names what it cannot do without; when
# one is missing the case is skipped (exit status 77). It runs in an empty directory of the same
# name both times, with a clean environment and this search path, and finds in $CASES the files beside
# it and in $CXX_PROGRAM a compiled containers.cpp.
set -u

library=$1
name=$2
cases=$(cd "${3-$(dirname "$0")/cases}" && pwd)
script=$cases/$name.sh
search_path=/usr/bin:/bin:/usr/sbin:/sbin
seconds_max=100

for command in $(sed -n 's/^# needs: //p' "$script"); do
    if ! PATH=$search_path command -v "$command" >/dev/null; then
        echo "skipped: $command is not installed"
        exit 77
    fi
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# in_clean_room NAME=VALUE… -- COMMAND…: the same surroundings for both runs.
in_clean_room() {
    local settings=()
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    shift
    (cd "$scratch/work" && timeout -k 5 "$seconds_max" env -i PATH="$search_path" \
        HOME="$scratch/work" TMPDIR="$scratch/work" LC_ALL=C TZ=UTC USER=tester \
        CASES="$cases" CXX_PROGRAM="${CXX_PROGRAM-}" "${settings[@]}" "$@")
}

# run_once KEY SETTING…: leaves KEY.out, KEY.err and KEY.status in the scratch directory.
run_once() {
    local key=$1
    shift
    rm -rf "$scratch/work"
    mkdir "$scratch/work"
    in_clean_room "$@" -- bash "$script" >"$scratch/$key.out" 2>"$scratch/$key.err" </dev/null
    echo $? >"$scratch/$key.status"
}

fail() {
    echo "FAILED: $1"
    for file in "$scratch"/*.err; do
        echo "--- $(basename "$file")"
        tail -n 20 "$file"
    done
    exit 1
}

mkdir "$scratch/work"
in_clean_room LD_PRELOAD="$library" -- grep -q "${library##*/}" /proc/self/maps ||
    fail "$library is not loaded"

run_once without LC_ALL=C
run_once with LD_PRELOAD="$library"

# A case that does nothing, or not all that it should, proves nothing.
[ "$(tail -n 1 "$scratch/without.out")" = "the case is complete" ] ||
    fail "the case does not work without our library"
grep -q '^ft_malloc:' "$scratch/with.err" && fail "our library complains"
grep -q 'cannot be preloaded' "$scratch/with.err" && fail "our library could not be preloaded"
diff "$scratch/without.status" "$scratch/with.status" || fail "the exit status differs"
diff "$scratch/without.out" "$scratch/with.out" | head -n 40
cmp "$scratch/without.out" "$scratch/with.out" || fail "the output differs"
echo "the same $(wc -l <"$scratch/with.out") lines and exit status $(cat "$scratch/with.status")"
