#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What tools/run makes of its options, of the program's output and of its end.
#
#   test_tools_run.sh TOOLS_RUN
set -euo pipefail

run=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

fail() {
    echo "$1" >&2
    cat out errors >&2
    exit 1
}

# expect STATUS ARGUMENTS…: tools/run with these arguments ends so; what it writes is in the files out and errors.
expect() {
    local want=$1 status=0
    shift
    "$run" "$@" >out 2>errors </dev/null || status=$?
    [[ $status == "$want" ]] || fail "tools/run $* ended with $status, not $want"
}

expect 0 sh -c 'echo "$LD_PRELOAD"'
[[ $(cat out) == */libft_malloc.so && ! -s errors ]] || fail 'the program is not run as it is'
expect 7 sh -c 'exit 7'
expect 0 -- sh -c 'exit 0'
expect 0 sh -c 'echo "$1"' sh --leaks
[[ $(cat out) == --leaks ]] || fail "the program's own options are not its own"

for options in '--leaks --trace both.trace' '--trace both.trace --leaks'; do
    # shellcheck disable=SC2086 # options are words
    expect 3 $options bash -c 'echo said; exit 3'
    [[ $(cat out) == said ]] || fail "$options: what the program says is another"
    grep -q 'LEAK REPORT' errors || fail "$options: there is no report"
    [[ $(head -c 7 both.trace | tr -d '\0') == FTTRACE ]] || fail "$options: there is no trace"
done

echo 'not a trace' >notes
expect 1 --trace notes true
[[ $(cat notes) == 'not a trace' ]] || fail 'a file that is no trace was written over'

for wrong in --leaks --trace '--trace file' --trance --; do
    # shellcheck disable=SC2086 # options are words
    expect 2 $wrong
    grep -q '^tools/run PROGRAM' errors || fail "$wrong: it is not said what is right"
    [[ ! -e file ]] || fail "$wrong: something was made"
done
expect 0 --help
grep -q '^tools/run PROGRAM' out || fail 'there is no help'
