// SPDX-License-Identifier: MIT
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t random_between(uint64_t *seed, size_t first, size_t last)
{
    return first + (size_t)((random_next(seed) >> 32) % (last - first + 1));
}

void random_order(uint64_t *seed, uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t other = random_between(seed, 0, i);
        order[i] = order[other];
        order[other] = (uint32_t)i;
    }
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// The CPU time is this process's: what others do on the machine in between does not count.
static void run_timed(uint64_t rounds)
{
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double wall = seconds_of(CLOCK_MONOTONIC);
    workload.run(rounds);
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    uint64_t operations = rounds * workload.round_operations;
    printf("cpu %.6f wall %.6f operations %llu\n", cpu, wall, (unsigned long long)operations);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s timed|rounds NUMBER [PART]\n", argv[0]);
        return 2;
    }
    uint64_t rounds = strtoull(argv[2], NULL, 10);
    workload.set_up(argc > 3 ? argv[3] : "");
    workload.run(workload.warm_up_rounds);
    if (strcmp(argv[1], "rounds") == 0) {
        workload.run(rounds);
    } else {
        run_timed(rounds);
    }
    return 0;
}
