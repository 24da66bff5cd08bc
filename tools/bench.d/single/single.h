// SPDX-License-Identifier: MIT
// What the programs of one thread share. Each does a fixed amount of work, which its only argument gives, and prints
// what came out: the same under every allocator.
#ifndef SINGLE_H
#define SINGLE_H

#include "bench.d/random.h"

#include <stdio.h>
#include <stdlib.h>

// The program's argument; without one that is a number above 0 the program ends.
static inline unsigned long work_of(int argc, char **argv)
{
    unsigned long work = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (work == 0) {
        fprintf(stderr, "usage: %s WORK\n", argv[0]);
        exit(2);
    }
    return work;
}

// malloc(), except that NULL ends the program.
static inline void *memory_new(size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "malloc returned NULL\n");
        exit(1);
    }
    return memory;
}

#endif
