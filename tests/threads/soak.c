// SPDX-License-Identifier: MIT
// Threads that allocate, resize, hand over and free at random, 1 byte to 200 KiB, for as long as one
// likes; every chunk is checked when it changes hands, is resized and is freed.
//
//   --operations N   of each thread
//   --seed S         another run

#include <stdio.h>

#include "tests/threads/block.h"

enum { THREAD_COUNT = 8, OWN_COUNT = 256, MAILBOX_COUNT = 128, BYTES_MAX = 200 << 10 };

static struct mailbox mailboxes[MAILBOX_COUNT];
static size_t operation_count;
static uint64_t first_seed;

// Mostly small; one in 50 up to BYTES_MAX.
static size_t draw_bytes(uint64_t *seed)
{
    static const size_t most[] = {BYTES_MAX, 32 << 10, 8 << 10, 1024, 128};
    static const size_t percent[] = {2, 10, 30, 70, 100};
    size_t draw = random_below(seed, 100);
    size_t index = 0;
    while (draw >= percent[index]) {
        index++;
    }
    return 1 + random_below(seed, most[index]);
}

static void *allocate_zeroed(size_t bytes)
{
    void *ptr = calloc(1, bytes);
    kit_require(ptr == NULL || bytes_are(ptr, bytes, 0), "calloc left bytes that are not zero");
    return ptr;
}

static void *allocate_aligned(size_t bytes, uint64_t *seed)
{
    size_t align = (size_t)16 << random_below(seed, 10);
    void *ptr = NULL;
    if (random_below(seed, 2) == 0) {
        ptr = aligned_alloc(align, bytes);
    } else if (posix_memalign(&ptr, align, bytes) != 0) {
        ptr = NULL;
    }
    kit_require(is_aligned(ptr, align), "%p is not aligned to %zu", ptr, align);
    return ptr;
}

static struct block make(uint64_t *seed)
{
    size_t bytes = draw_bytes(seed);
    size_t draw = random_below(seed, 10);
    void *ptr;
    if (draw == 0) {
        ptr = allocate_aligned(bytes, seed);
    } else {
        ptr = draw <= 2 ? allocate_zeroed(bytes) : malloc(bytes);
    }
    kit_require(ptr == NULL || malloc_usable_size(ptr) >= bytes, "a chunk lacks bytes");
    return block_of(ptr, bytes, random_next(seed));
}

static void resize(struct block *block, uint64_t *seed)
{
    block_require(block);
    size_t bytes = draw_bytes(seed);
    size_t kept = bytes < block->bytes ? bytes : block->bytes;
    uint64_t pattern = block->seed ^ (uintptr_t)block->ptr;
    void *ptr = realloc(block->ptr, bytes);
    kit_require(ptr != NULL, "no memory to resize to %zu bytes", bytes);
    kit_require(pattern_holds(ptr, kept, pattern), "realloc lost what the chunk held");
    *block = block_of(ptr, bytes, random_next(seed));
}

// Low places change often, high ones seldom, so that some chunks outlive thousands of others.
static size_t draw_place(uint64_t *seed)
{
    return random_below(seed, 1 + random_below(seed, OWN_COUNT));
}

static void operate(struct block own[OWN_COUNT], uint64_t *seed)
{
    struct block *block = &own[draw_place(seed)];
    size_t draw = random_below(seed, 8);
    if (draw == 0) {
        struct mailbox *mailbox = &mailboxes[random_below(seed, MAILBOX_COUNT)];
        *block = mailbox_swap(mailbox, *block);
        block_require(block);
    } else if (draw == 1 && block->ptr != NULL) {
        resize(block, seed);
    } else {
        block_drop(block);
        if (draw != 2) {
            *block = make(seed);
        }
    }
}

static void *soak(void *argument)
{
    struct block own[OWN_COUNT] = {{.ptr = NULL}};
    uint64_t seed = first_seed + (uintptr_t)argument;
    for (size_t done = 0; done < operation_count; done++) {
        operate(own, &seed);
    }
    for (size_t index = 0; index < OWN_COUNT; index++) {
        block_drop(&own[index]);
    }
    return NULL;
}

int main(int argc, char *argv[])
{
    (void)argc;
    pthread_t threads[THREAD_COUNT];
    operation_count = kit_number(argv, "operations", 50000 / SHORTER);
    first_seed = kit_number(argv, "seed", 1) << 8;
    mailboxes_open(mailboxes, MAILBOX_COUNT);
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        threads[index] = kit_start(soak, (void *)index, 0);
    }
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        kit_join(threads[index]);
    }
    mailboxes_empty(mailboxes, MAILBOX_COUNT);
    printf("%d threads, %zu operations each, peak %.1f MiB: all chunks kept what they held\n",
           THREAD_COUNT, operation_count, kit_mib(kit_peak_bytes()));
    return 0;
}
