#!/bin/bash
# SPDX-License-Identifier: MIT
# run_case.sh notices what it is there for: cases that were made to go wrong, each in one way.
#
#     test_run_case.sh LIBRARY
set -u

library=$1
runner=$(dirname "$0")/run_case.sh
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
failures=0

# expect STATUS SENTENCE LIBRARY SCRIPT
expect() {
    printf '%s\n' "$4" >"$cases/case.sh"
    "$runner" "$3" case "$cases" >"$cases/log" 2>&1
    local status=$?
    if [ "$status" = "$1" ]; then
        echo "ok: $2"
        return
    fi
    echo "FAILED: $2 (exit status $status)"
    cat "$cases/log"
    failures=$((failures + 1))
}

complete='echo "the case is complete"'

expect 0 "a case that behaves the same passes" "$library" "$complete"
expect 77 "a missing command skips" "$library" "# needs: sh no-such-command
$complete"
expect 1 "another output is noticed" "$library" "echo \"\${LD_PRELOAD-}\"; $complete"
expect 1 "another exit status is noticed" "$library" "$complete; [ -z \"\${LD_PRELOAD-}\" ]"
expect 1 "a complaint of ours is noticed" "$library" \
    "[ -z \"\${LD_PRELOAD-}\" ] || echo 'ft_malloc: no' >&2; $complete"
expect 1 "a case that stops half-way is noticed" "$library" "exit 0"
expect 1 "a library that is not there is noticed" "$library.missing" "$complete"
expect 1 "a crash is noticed" "$library" "$complete; [ -z \"\${LD_PRELOAD-}\" ] || kill -SEGV \$\$"

[ "$failures" = 0 ]
