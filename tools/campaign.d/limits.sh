#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Processes at the limits of a machine: strict overcommit and few mappings. `tools/campaign --limits` runs it.
#
#   limits.sh RELEASE OUT    the tree that was built, and where logs go
#
# Both are settings of the whole machine. They are changed for a minute or two in all, and put back whatever happens, also
# on an interrupt. Prints lines for the report; the exit status is 1 if something failed, and 77 if the settings cannot be
# changed.
set -euo pipefail

release=$1 out=$2
library=$release/libft_malloc.so
vm=/proc/sys/vm
processes=1000
mappings=2000
tests=(test_malloc test_realloc test_calloc test_aligned test_threads test_thread_exit test_fork test_charge test_limit
    test_exhausted test_mappings)
failed=0 sleepers=()

if ! cat $vm/overcommit_memory 2>/dev/null >$vm/overcommit_memory; then
    echo 'limits: the settings of the machine cannot be changed here'
    exit 77
fi
read -r overcommit <$vm/overcommit_memory
read -r ratio <$vm/overcommit_ratio
read -r kbytes <$vm/overcommit_kbytes
read -r map_count <$vm/max_map_count

# A bound in KiB and one in per cent exclude each other: whoever is written last counts.
restore() {
    ((${#sleepers[@]} == 0)) || kill "${sleepers[@]}" 2>/dev/null || true
    echo "$overcommit" >$vm/overcommit_memory
    if ((kbytes)); then echo "$kbytes" >$vm/overcommit_kbytes; else echo "$ratio" >$vm/overcommit_ratio; fi
    echo "$map_count" >$vm/max_map_count
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# meminfo NAME: KiB.
meminfo() {
    awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

# charged PID: KiB of the process's mappings that the system calls accountable.
charged() {
    awk '/^Size:/ { size = $2 } /^VmFlags:.* ac/ { sum += size } END { print sum + 0 }' "/proc/$1/smaps"
}

# run NAME COMMAND…: whether it passes.
run() {
    local name=$1 status=0
    shift
    timeout 300 "$@" >"$out/limits-$name.log" 2>&1 </dev/null || status=$?
    ((status == 0)) && return
    failed=1
    echo "    FAILED with $status: $* (see $out/limits-$name.log)"
}

# A thousand processes of one kind. Prints how many live, and what each is charged.
crowd() {
    local preload=$1 before sleeper alive=0 each=0 after
    sleepers=()
    before=$(meminfo Committed_AS)
    for ((sleeper = 0; sleeper < processes; sleeper++)); do
        LD_PRELOAD=$preload sleep 600 &
        sleepers+=($!)
    done 2>/dev/null
    # Until each is the program that it was made for, and the last has done what it does at its start: beside other
    # load they do not get there in order.
    SECONDS=0
    for sleeper in "${sleepers[@]}"; do
        while [[ $(cat "/proc/$sleeper/comm" 2>/dev/null) == "${0##*/}" ]] && ((SECONDS < 120)); do sleep 0.1; done
    done
    sleep 1
    after=$(meminfo Committed_AS)
    for sleeper in "${sleepers[@]}"; do
        if [[ $(cat "/proc/$sleeper/comm" 2>/dev/null) == sleep ]]; then
            alive=$((alive + 1))
            ((each)) || each=$(charged "$sleeper")
        fi
    done
    kill "${sleepers[@]}" 2>/dev/null || true
    wait "${sleepers[@]}" 2>/dev/null || true
    sleepers=()
    echo "$alive $each $(((after - before) / processes))"
}

strict_overcommit() {
    local name preload alive each share of_glibc=0 test
    # Room for twice what is charged, and 8 GiB, so that nobody else on the machine notices.
    local room=$((2 * $(meminfo Committed_AS) + (8 << 20)))
    if (($(meminfo CommitLimit) < room)); then
        echo "$room" >$vm/overcommit_kbytes
    fi
    echo 2 >$vm/overcommit_memory
    for name in glibc ours; do
        preload=''
        [[ $name == glibc ]] || preload=$library
        read -r alive each share < <(crowd "$preload")
        echo "strict overcommit, $name: $alive of $processes processes live; one is charged $each KiB, all share $share KiB each"
        if ((alive != processes)); then
            failed=1
            echo "    FAILED: $((processes - alive)) of them do not"
        fi
        if [[ $name == glibc ]]; then of_glibc=$each; fi
    done
    if ((each > of_glibc + 4 * 1024)); then
        failed=1
        echo "    FAILED: that is more than 4 MiB beyond glibc's"
    fi
    for test in "${tests[@]}"; do
        run "strict-$test" "$release/tests/api/$test"
    done
    run strict-python env LD_PRELOAD="$library" PYTHONMALLOC=malloc python3 -S -c '
import os
kept = [str(i) * 9 for i in range(300000)]
pid = os.fork()
del kept[::2]
if pid == 0:
    os._exit(len(kept) != 150000)
assert os.waitpid(pid, 0)[1] == 0'
    echo "$overcommit" >$vm/overcommit_memory
    echo "strict overcommit: ${#tests[@]} tests and python3 beside them"
}

few_mappings() {
    local history
    echo $mappings >$vm/max_map_count
    for history in a_process_uses_up_its_mappings so_does_a_child threads_come_and_go_meanwhile; do
        run "mappings-$history" "$release/tests/api/test_mappings" "$history" 50000
        echo "$mappings mappings at most, $history: $(grep used "$out/limits-mappings-$history.log" | tail -n 1 || true)"
    done
    echo "$map_count" >$vm/max_map_count
}

strict_overcommit
few_mappings
exit $failed
