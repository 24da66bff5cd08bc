#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test_poison.sh REPORT COMMAND…: COMMAND is poison_victim, under a tool that watches memory. What it must
# not do stops it with a report that has the words REPORT; what it may do does not.
set -euo pipefail

report=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failures=0
count=0
while read -r deed; do
    status=0
    "$@" "$deed" >"$log" 2>&1 || status=$?
    count=$((count + 1))
    if [[ $deed == nothing ]]; then
        ((status == 0)) && ! grep -q "$report" "$log" && continue
    else
        ((status != 0 && status != 2)) && grep -q "$report" "$log" && continue
    fi
    echo "FAILED: $deed, exit status $status"
    cat "$log"
    failures=$((failures + 1))
done < <("$@")
echo "$count deeds, $failures judged wrongly"
((count > 10 && failures == 0))
