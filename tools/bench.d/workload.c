// SPDX-License-Identifier: MIT
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t random_next(uint64_t *seed)
{
    uint64_t x = *seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *seed = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

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

// CPU time of this process: what others do on the machine in between does not count.
static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double ns_per_operation(double seconds_min)
{
    uint64_t rounds = 0;
    double start = seconds_now();
    double elapsed = 0;
    while (elapsed < seconds_min) {
        workload.run(workload.slice_rounds);
        rounds += workload.slice_rounds;
        elapsed = seconds_now() - start;
    }
    return elapsed * 1e9 / (double)(rounds * workload.round_operations);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s seconds|rounds NUMBER [PART]\n", argv[0]);
        return 2;
    }
    workload.set_up(argc > 3 ? argv[3] : "");
    workload.run(workload.warm_up_rounds);
    if (strcmp(argv[1], "rounds") == 0) {
        workload.run(strtoull(argv[2], NULL, 10));
        return 0;
    }
    printf("%.4f\n", ns_per_operation(strtod(argv[2], NULL)));
    return 0;
}
