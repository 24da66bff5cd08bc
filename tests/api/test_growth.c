// SPDX-License-Identifier: MIT
// What a program has in memory while it grows (README, "What goes back"): not what it has outgrown, and of a large chunk that
// moves not all twice.
//
// Each history is the program started anew: what there was before decides where chunks lie.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/api/histories.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

// Of /proc/self/statm: bytes in memory.
static size_t resident(void)
{
    char text[128] = {0};
    int file = open("/proc/self/statm", O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) {
        _exit(98);
    }
    close(file);
    char *next = text;
    (void)strtoull(next, &next, 10);
    return strtoull(next, &next, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

// The most that ever was.
static size_t resident_max(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * KIB;
}

static int expect_at_most(int step, const char *what, size_t value, size_t most)
{
    fprintf(stderr, "%s: %zu, at most %zu\n", what, value, most);
    return value <= most ? 0 : step;
}

static int what_was_outgrown_goes(void)
{
    enum { COUNT = 16 };
    char *chunks[COUNT];
    size_t before = resident();
    for (unsigned index = 0; index < COUNT; index++) {
        chunks[index] = malloc(MIB);
        void *wall = malloc(600 * (size_t)KIB); // keeps them apart
        if (chunks[index] == NULL || wall == NULL) {
            return 1;
        }
        memset(chunks[index], 1, MIB);
    }
    for (unsigned index = 0; index < COUNT; index++) {
        free(chunks[index]);
    }
    if (resident() < before + (size_t)COUNT * MIB) {
        return 2; // so much may be kept
    }
    // In pieces: what leaves is asked at each.
    for (unsigned index = 0; index < 6; index++) {
        if (malloc((size_t)4 * MIB) == NULL) {
            return 3;
        }
    }
    // 4 MiB and a sixteenth of 33 may be kept; less than a MiB waits, and so does what is less than a run.
    return expect_at_most(4, "in memory", resident() - before, (4 + 3 + 2 + 1) * (size_t)MIB);
}

static int a_chunk_that_moves_is_not_in_memory_twice(void)
{
    size_t bytes = (size_t)64 * MIB;
    size_t before = resident();
    char *chunk = malloc(bytes);
    void *wall = malloc(MIB);
    if (chunk == NULL || wall == NULL) {
        return 1;
    }
    pattern_fill(chunk, bytes, 7);
    uintptr_t old = (uintptr_t)chunk;
    chunk = realloc(chunk, bytes + bytes / 4);
    if (chunk == NULL || (uintptr_t)chunk == old) {
        return 2;
    }
    if (!pattern_holds(chunk, bytes, 7)) {
        return 3;
    }
    // It and what may be kept, with a piece that is just being copied, and what is known of all that.
    return expect_at_most(4, "most in memory", resident_max() - before,
                          bytes + (4 + 9 + 2 + 9) * (size_t)MIB);
}

static int what_shrinks_much_moves_whole(void)
{
    size_t bytes = (size_t)16 * MIB;
    char *chunk = malloc(bytes);
    if (chunk == NULL) {
        return 1;
    }
    pattern_fill(chunk, bytes, 9);
    for (size_t next = bytes; next > MIB; next /= 3) {
        chunk = realloc(chunk, next);
        if (chunk == NULL || !pattern_holds(chunk, next, 9)) {
            return 2;
        }
        free(malloc(bytes));
    }
    free(chunk);
    return 0;
}

static const struct history histories[] = {
    {"what_was_outgrown_goes", what_was_outgrown_goes},
    {"a_chunk_that_moves_is_not_in_memory_twice", a_chunk_that_moves_is_not_in_memory_twice},
    {"what_shrinks_much_moves_whole", what_shrinks_much_moves_whole},
};

int main(int argument_count, char **arguments)
{
    return histories_main(argument_count, arguments, histories,
                          sizeof histories / sizeof *histories);
}
