// SPDX-License-Identifier: MIT
// What the system charges a process for (README, "What goes back to the system"): what it might write to. A small process
// is charged for little, and what a larger one needs beyond that it gets, wherever it comes from.
//
// Each history is the program started anew.

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "tests/api/histories.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { KIB = 1 << 10, MIB = 1 << 20, TEXT_BYTES = MIB };

// What a process begins with. Of 400 one has its first section on both sides of a GiB, so that the map has two leaves.
enum { LEAF_BYTES = 128 * KIB, FIRST_BYTES = 768 * KIB + LEAF_BYTES };

static char *program;
static void *chunks[64 * KIB];

// Bytes of the mappings that the system calls accountable, less those of this test itself.
static size_t charged(void)
{
    static char text[TEXT_BYTES];
    size_t length = 0, size = 0, sum = 0;
    int file = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; got > 0 && length < sizeof text - 1; length += (size_t)got) {
        got = read(file, text + length, sizeof text - 1 - length);
        if (got < 0) {
            _exit(98);
        }
    }
    close(file);
    text[length] = '\0';
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "Size:", 5) == 0) {
            size = strtoull(line + 5, NULL, 10) * KIB;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " ac") != NULL) {
            sum += size;
        }
    }
    return sum - sizeof text - sizeof chunks;
}

static int expect_at_most(int step, size_t value, size_t most)
{
    fprintf(stderr, "step %d: %zu, at most %zu\n", step, value, most);
    return value <= most ? 0 : step;
}

// ---- histories ----------------------------------------------------------------------------------

// With its stack, its libraries' data and a few sizes of chunks.
static int a_small_process(void)
{
    int failed = expect_at_most(1, charged(), FIRST_BYTES);
    void *ptrs[300];
    for (size_t index = 0; index < 300; index++) {
        ptrs[index] = malloc(any_size(16 + index % 3 * 100));
        memset(ptrs[index], 1, 16 + index % 3 * 100);
    }
    failed = failed != 0 ? failed : expect_at_most(2, charged(), FIRST_BYTES + 256 * KIB);
    size_t before = charged();
    // Who frees much is charged for the pages by which it finds chunks faster.
    for (size_t index = 0; index < 300; index++) {
        free(ptrs[index]);
    }
    failed = failed != 0 ? failed : expect_at_most(3, charged(), before + 256 * KIB);
    return failed != 0 ? failed : expect_at_most(4, before + 1, charged());
}

// What is in use, as much again, twice as much from 8 MiB on, and what a process begins with.
static int a_process_that_grows(void)
{
    size_t count = 0, in_use = 0;
    for (size_t step = 0; step < 8; step++) {
        for (size_t more = (size_t)256 * KIB << step; more != 0; more -= KIB) {
            chunks[count] = malloc(KIB);
            if (chunks[count] == NULL) {
                return 1;
            }
            pattern_fill(chunks[count], KIB, count);
            count++;
            in_use += KIB;
        }
        int failed = expect_at_most(2, charged(), (in_use < 8 * MIB ? 2 : 3) * in_use + 4 * MIB);
        if (failed != 0) {
            return failed;
        }
    }
    while (count != 0) {
        count--;
        if (!pattern_holds(chunks[count], KIB, count)) {
            return 3;
        }
        free(chunks[count]);
    }
    return 0;
}

static int live(void)
{
    for (size_t index = 0; index < 8 * KIB; index++) {
        chunks[index] = malloc(KIB);
        if (chunks[index] == NULL) {
            return 1;
        }
        pattern_fill(chunks[index], KIB, index);
    }
    // Larger than any run.
    size_t bytes = (size_t)300 * MIB;
    char *large = malloc(bytes);
    if (large == NULL || malloc_usable_size(large) != bytes) {
        return 2;
    }
    large[0] = large[bytes - 1] = 1;
    free(large);
    for (size_t index = 0; index < 8 * KIB; index++) {
        if (!pattern_holds(chunks[index], KIB, index)) {
            return 3;
        }
        free(chunks[index]);
    }
    return 0;
}

// The map gets entries for addresses far from where they were expected.
static int memory_comes_from_elsewhere(void)
{
    size_t bytes = (size_t)4 << 40;
    char *nobodys =
        mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (nobodys == MAP_FAILED) {
        return 10;
    }
    int failed = live();
    return failed != 0 ? failed : expect_at_most(11, charged(), 24 * MIB);
}

static int libraries_lie_elsewhere(void)
{
    if (personality(0xFFFFFFFF) != ADDR_COMPAT_LAYOUT) {
        char name[] = "libraries_lie_elsewhere";
        if (personality(ADDR_COMPAT_LAYOUT) < 0) {
            return 10;
        }
        execv(program, (char *[]){program, name, NULL});
        return 11;
    }
    int failed = expect_at_most(12, charged(), FIRST_BYTES);
    return failed != 0 ? failed : live();
}

// ---- all ----------------------------------------------------------------------------------------

static const struct history histories[] = {
    {"a_small_process", a_small_process},
    {"a_process_that_grows", a_process_that_grows},
    {"memory_comes_from_elsewhere", memory_comes_from_elsewhere},
    {"libraries_lie_elsewhere", libraries_lie_elsewhere},
};

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    return histories_main(argument_count, arguments, histories,
                          sizeof histories / sizeof *histories);
}
