// SPDX-License-Identifier: MIT
// A chunk that one thread allocated and another freed is not the other's to hand out: the other's next
// chunks lie in no cache line in which the first has or had any, and the first gets its own back.

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/threads/block.h"

enum {
    LINE_BYTES = 64,
    OWN_COUNT = 4000,
    NEXT_COUNT = 1000,
    BACK_COUNT = 40000, // how soon the owner has its own back
    WARM_COUNT = 100,
};

static size_t chunk_bytes;
static bool is_warm; // whether the other thread has allocated before
static void *own_ptrs[OWN_COUNT];
static uintptr_t lines[OWN_COUNT * 20];
static size_t line_count;
static void *back_ptrs[BACK_COUNT];
static sem_t is_allocated;
static sem_t is_freed;

static int compare(const void *left, const void *right)
{
    uintptr_t one = *(const uintptr_t *)left;
    uintptr_t other = *(const uintptr_t *)right;
    return (one > other) - (one < other);
}

static bool is_in_own_line(const void *ptr)
{
    uintptr_t first = (uintptr_t)ptr / LINE_BYTES;
    uintptr_t last = ((uintptr_t)ptr + chunk_bytes - 1) / LINE_BYTES;
    for (uintptr_t line = first; line <= last; line++) {
        if (bsearch(&line, lines, line_count, sizeof line, compare) != NULL) {
            return true;
        }
    }
    return false;
}

static void note_lines(const void *ptr)
{
    uintptr_t last = ((uintptr_t)ptr + chunk_bytes - 1) / LINE_BYTES;
    for (uintptr_t line = (uintptr_t)ptr / LINE_BYTES; line <= last; line++) {
        lines[line_count++] = line;
    }
}

// The other thread frees the chunks with an odd index.
static size_t count_back(void)
{
    static uintptr_t freed[OWN_COUNT / 2];
    size_t found = 0;
    for (size_t index = 0; index < OWN_COUNT / 2; index++) {
        freed[index] = (uintptr_t)own_ptrs[2 * index + 1];
    }
    qsort(freed, OWN_COUNT / 2, sizeof *freed, compare);
    for (size_t index = 0; index < BACK_COUNT; index++) {
        back_ptrs[index] = malloc(chunk_bytes);
        uintptr_t address = (uintptr_t)back_ptrs[index];
        found += bsearch(&address, freed, OWN_COUNT / 2, sizeof *freed, compare) != NULL;
    }
    return found;
}

static void *own(void *argument)
{
    (void)argument;
    line_count = 0;
    for (size_t index = 0; index < OWN_COUNT; index++) {
        own_ptrs[index] = malloc(chunk_bytes);
        kit_require(own_ptrs[index] != NULL, "no memory");
        note_lines(own_ptrs[index]);
    }
    qsort(lines, line_count, sizeof *lines, compare);
    sem_post(&is_allocated);
    sem_wait(&is_freed);
    size_t found = count_back();
    printf("chunks of %zu bytes, freed %s: %zu of %d came back to their owner\n", chunk_bytes,
           is_warm ? "by a thread that had allocated" : "by a new thread", found, OWN_COUNT / 2);
    kit_require(found >= OWN_COUNT / 2 * 9 / 10, "most did not come back to their owner");
    for (size_t index = 0; index < BACK_COUNT; index++) {
        free(back_ptrs[index]);
    }
    for (size_t index = 0; index < OWN_COUNT; index += 2) {
        free(own_ptrs[index]);
    }
    return NULL;
}

static void *free_others(void *argument)
{
    (void)argument;
    void *ptrs[NEXT_COUNT];
    void *warm[WARM_COUNT];
    for (size_t index = 0; is_warm && index < WARM_COUNT; index++) {
        warm[index] = malloc(chunk_bytes);
    }
    sem_wait(&is_allocated);
    for (size_t index = 1; index < OWN_COUNT; index += 2) {
        free(own_ptrs[index]);
    }
    size_t shared_count = 0;
    for (size_t index = 0; index < NEXT_COUNT; index++) {
        ptrs[index] = malloc(chunk_bytes);
        shared_count += is_in_own_line(ptrs[index]);
    }
    kit_require(shared_count == 0, "%zu of %d chunks of %zu bytes lie in lines of another thread",
                shared_count, NEXT_COUNT, chunk_bytes);
    for (size_t index = 0; index < NEXT_COUNT; index++) {
        free(ptrs[index]);
    }
    for (size_t index = 0; is_warm && index < WARM_COUNT; index++) {
        free(warm[index]);
    }
    sem_post(&is_freed);
    return NULL;
}

int main(void)
{
    static const size_t bytes[] = {16, 24, 48, 64, 100, 500, 1000};
    sem_init(&is_allocated, 0, 0);
    sem_init(&is_freed, 0, 0);
    for (size_t index = 0; index < 2 * sizeof bytes / sizeof *bytes; index++) {
        chunk_bytes = bytes[index / 2];
        is_warm = index % 2 != 0;
        pthread_t owner = kit_start(own, NULL, 0);
        pthread_t other = kit_start(free_others, NULL, 0);
        kit_join(owner);
        kit_join(other);
    }
    return 0;
}
