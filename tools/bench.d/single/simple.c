// SPDX-License-Identifier: MIT
// glibc's simple benchmark in short: for sizes from 16 bytes to 4 KiB, 25 to 1600 chunks are allocated and then freed,
// one of four times in reverse. The work is counted in rounds over all of them.
#include "single.h"

enum { CHUNKS_MAX = 1600, CHUNKS_MIN = 25, BYTES_MIN = 16, BYTES_MAX = 4096, REVERSED_ONE_IN = 4 };

static void *chunks[CHUNKS_MAX];

static void fill(size_t bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        chunks[i] = memory_new(bytes);
        *(volatile unsigned char *)chunks[i] = 1;
    }
}

static void free_all(size_t count, int is_reversed)
{
    for (size_t i = 0; i < count; i++) {
        free(chunks[is_reversed ? count - 1 - i : i]);
    }
}

int main(int argc, char **argv)
{
    unsigned long operations = 0;
    unsigned long work = work_of(argc, argv);
    // One chunk above all others stays, as in programs: a heap whose end is free is cut off at each round's end.
    fill(BYTES_MAX, CHUNKS_MAX);
    void *last = memory_new(1);
    free_all(CHUNKS_MAX, 0);
    for (unsigned long left = work; left > 0; left--) {
        for (size_t bytes = BYTES_MIN; bytes <= BYTES_MAX; bytes *= 2) {
            for (size_t count = CHUNKS_MIN; count <= CHUNKS_MAX; count *= 4) {
                fill(bytes, count);
                free_all(count, left % REVERSED_ONE_IN == 0);
                operations += count;
            }
        }
    }
    free(last);
    printf("%lu chunks\n", operations);
    return 0;
}
