// SPDX-License-Identifier: MIT
// The fast paths whose instructions are counted, one for each name. A round is a thousand operations.
//
//   paths rounds NUMBER NAME      (tools/bench.d/micro/workload.h has the rest)
//
// None of them copies or clears more than 64 bytes: how libc does that depends on the CPU.
#include "bench.d/micro/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_OPERATIONS = 1000 };

// malloc and free of one size.
static void pair(size_t bytes)
{
    for (int i = 0; i < ROUND_OPERATIONS; i++) {
        void *chunk = malloc(bytes);
        touch(chunk);
        free(chunk);
    }
}

// A thousand mallocs, then a thousand frees in the same order.
static void batch(size_t bytes)
{
    static void *chunks[ROUND_OPERATIONS];
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        chunks[i] = malloc(bytes);
        touch(chunks[i]);
    }
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        free(chunks[i]);
    }
}

// The same with sizes of 8 to 1024 bytes: many classes at once.
static size_t mixed_bytes[ROUND_OPERATIONS];

static void mixed_batch(size_t bytes)
{
    static void *chunks[ROUND_OPERATIONS];
    (void)bytes;
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        chunks[i] = malloc(mixed_bytes[i]);
        touch(chunks[i]);
    }
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        free(chunks[i]);
    }
}

static void cleared_pair(size_t bytes)
{
    for (int i = 0; i < ROUND_OPERATIONS; i++) {
        void *chunk = calloc(1, bytes);
        touch(chunk);
        free(chunk);
    }
}

// realloc between sizes of one class: the chunk stays where it is.
static void resize_in_place(size_t bytes)
{
    void *chunk = malloc(bytes);
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        chunk = realloc(chunk, bytes - i % 8);
        touch(chunk);
    }
    free(chunk);
}

// realloc between two classes: the chunk moves.
static void resize_by_turns(size_t bytes)
{
    void *chunk = malloc(bytes);
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        chunk = realloc(chunk, i % 2 == 0 ? 2 * bytes : bytes);
        touch(chunk);
    }
    free(chunk);
}

static void aligned_pair(size_t bytes)
{
    for (int i = 0; i < ROUND_OPERATIONS; i++) {
        void *chunk = aligned_alloc(64, bytes);
        touch(chunk);
        free(chunk);
    }
}

// More chunks than a thread keeps at hand of LARGE ones.
static void large_batch(size_t bytes)
{
    enum { COUNT = 50 };
    void *chunks[COUNT];
    for (int i = 0; i < ROUND_OPERATIONS / COUNT; i++) {
        for (int at = 0; at < COUNT; at++) {
            chunks[at] = malloc(bytes);
            touch(chunks[at]);
        }
        for (int at = 0; at < COUNT; at++) {
            free(chunks[at]);
        }
    }
}

static const struct path {
    const char *name;
    void (*round)(size_t bytes);
    size_t bytes;
} paths[] = {
    {"tight-16", pair, 16},
    {"tight-1024", pair, 1024},
    {"batch-16", batch, 16},
    {"batch-mixed", mixed_batch, 0},
    {"calloc-64", cleared_pair, 64},
    {"realloc-in-place", resize_in_place, 48},
    {"small-2048", pair, 2048},
    {"large-100KiB", pair, 100 << 10},
    {"realloc-moves", resize_by_turns, 16},
    {"realloc-run", resize_in_place, 100 << 10},
    {"aligned-64", aligned_pair, 64},
    {"aligned-small", aligned_pair, 2048},
    {"large-batch", large_batch, 100 << 10},
};

static const struct path *path;

static void set_up(const char *name)
{
    uint64_t seed = 42;
    for (size_t i = 0; i < ROUND_OPERATIONS; i++) {
        mixed_bytes[i] = random_between(&seed, 8, 1024);
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].name, name) == 0) {
            path = &paths[i];
            return;
        }
    }
    fprintf(stderr, "paths: no path of the name %s\n", name);
    exit(2);
}

static void run(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++) {
        path->round(path->bytes);
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = ROUND_OPERATIONS,
    .warm_up_rounds = 100,
};
