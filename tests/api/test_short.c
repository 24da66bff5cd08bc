// SPDX-License-Identifier: MIT
// When memory is short: what heaps without a thread keep serves every request, what shrinks needs no other memory, and what
// grows takes no more of it than other chunks.
//
// Each history is the program started anew, with a limit in its environment.

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum { KIB = 1 << 10, MIB = 1 << 20, LIMIT = 64 * MIB, CHUNKS_MAX = LIMIT / 512 };

static char *program;
static void **chunks; // in a mapping of its own
static size_t chunk_count;

// ---- what histories do ----------------------------------------------------------------------------

// Allocates chunks of a size until one is refused. Their bytes.
static size_t fill_with(size_t bytes)
{
    size_t sum = 0;
    for (void *ptr; chunk_count < CHUNKS_MAX && (ptr = malloc(any_size(bytes))) != NULL;
         sum += bytes) {
        chunks[chunk_count++] = ptr;
    }
    return sum;
}

static void free_all(void)
{
    while (chunk_count != 0) {
        free(chunks[--chunk_count]);
    }
}

// The step, which is not 0, if a number is less than it should be, else 0.
static int expect_at_least(int step, size_t number, size_t least)
{
    if (number >= least) {
        return 0;
    }
    fprintf(stderr, "step %d: %zu, not %zu\n", step, number, least);
    return step;
}

// ---- heaps without a thread -----------------------------------------------------------------------

enum { THREADS = 16, SIZES = 7, EACH = 130, KEPT_OF = 40, HELD_MAX = THREADS * SIZES * EACH };

static pthread_barrier_t barrier;
static void *held[HELD_MAX];
static size_t held_count;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;

static void hold(void *ptr)
{
    pthread_mutex_lock(&held_lock);
    held[held_count++] = ptr;
    pthread_mutex_unlock(&held_lock);
}

// Makes zones of some classes, and leaves a few chunks in each, which somebody else frees. All threads are there at once.
static void *leave_chunks(void *unused)
{
    (void)unused;
    static const size_t sizes[SIZES] = {48, 500, 1280, 2560, 4096, 6144, 12288};
    pthread_barrier_wait(&barrier);
    for (unsigned size = 0; size < SIZES; size++) {
        void *own[EACH];
        for (unsigned each = 0; each < EACH; each++) {
            own[each] = malloc(sizes[size]);
        }
        for (unsigned each = 0; each < EACH; each++) {
            if (each % KEPT_OF == 0) {
                hold(own[each]);
            } else {
                free(own[each]);
            }
        }
    }
    pthread_barrier_wait(&barrier);
    return NULL;
}

// Nothing is in use, but each heap has an empty zone of each class.
static bool leave_zones(void)
{
    pthread_t threads[THREADS];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * KIB);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (unsigned index = 0; index < THREADS; index++) {
        if (pthread_create(&threads[index], &small, leave_chunks, NULL) != 0) {
            return false;
        }
    }
    for (unsigned index = 0; index < THREADS; index++) {
        pthread_join(threads[index], NULL);
    }
    while (held_count != 0) {
        free(held[--held_count]);
    }
    return true;
}

static int ended_threads_give_up_their_zones(size_t size)
{
    return leave_zones() ? expect_at_least(1, fill_with(size), LIMIT / 100 * 85) : 99;
}

// The same under a limit of the system's, which has to hold the program, too. Sections of a sixteenth of it stay, as far up as
// a heap lies in them: how many depends on how the threads ran, and large chunks find no room there.
static int ended_threads_leave_address_space(size_t size)
{
    const struct rlimit limit = {(rlim_t)LIMIT * 3 / 2, (rlim_t)LIMIT * 3 / 2};
    setrlimit(RLIMIT_AS, &limit);
    return leave_zones() ? expect_at_least(1, fill_with(size), LIMIT / 3 * 2) : 99;
}

// A thread's own heap keeps an empty zone of each class.
static int a_heap_gives_up_its_own_zones(size_t size)
{
    for (size_t bytes = 16; bytes <= 32 * KIB; bytes += bytes / 8) {
        for (unsigned each = 0; each < EACH; each++) {
            chunks[chunk_count++] = malloc(bytes);
        }
        free_all();
    }
    return expect_at_least(1, fill_with(size), LIMIT / 100 * 85);
}

// ---- chunks that shrink ---------------------------------------------------------------------------

enum { SHRUNK_BYTES = 20000 };

// Chunks that fill all memory become smaller one by one, down to any size: none is refused, and what they leave can be had.
static int chunks_shrink_without_memory(size_t size)
{
    size_t sum = fill_with(size);
    size_t count = chunk_count;
    for (size_t index = 0; index < count; index++) {
        size_t bytes = index % 2 == 0 ? SHRUNK_BYTES : size / 2 - index % (size / 4);
        unsigned char *ptr = chunks[index];
        ptr[bytes - 1] = (unsigned char)index;
        chunks[index] = realloc(launder(ptr), bytes);
        if (chunks[index] == NULL) {
            return 1;
        }
        ptr = chunks[index];
        if (ptr[bytes - 1] != (unsigned char)index || malloc_usable_size(ptr) != bytes) {
            return 2;
        }
        ptr[bytes - 1] = 0;
    }
    return expect_at_least(3, fill_with(SHRUNK_BYTES), sum / 4);
}

// Of a chunk that is two thirds of memory and shrinks by a good part, that part can be had.
static int what_a_chunk_loses_can_be_had(size_t percent)
{
    const size_t whole = (size_t)LIMIT / 3 * 2;
    size_t less = whole / 100 * percent;
    void *ptr = malloc(whole);
    ptr = realloc(launder(ptr), less);
    if (ptr == NULL || malloc_usable_size(ptr) != less) {
        return 1;
    }
    return expect_at_least(2, fill_with(MIB), (size_t)LIMIT / 100 * 97 - less - less / 4);
}

// ---- chunks that grow -----------------------------------------------------------------------------

// Allocates small chunks and makes each larger, until one is refused. Their bytes.
static size_t grow_to(size_t bytes)
{
    size_t sum = 0;
    for (void *ptr; (ptr = malloc(any_size(100))) != NULL; sum += bytes) {
        chunks[chunk_count] = realloc(launder(ptr), bytes);
        if (chunks[chunk_count] == NULL) {
            free(ptr);
            break;
        }
        chunk_count++;
    }
    return sum;
}

static int grown_chunks_take_no_more_than_others(size_t size)
{
    int failed = expect_at_least(1, grow_to(size), LIMIT / 100 * 85);
    free_all();
    return failed != 0 ? failed : expect_at_least(2, grow_to(size), LIMIT / 100 * 85);
}

// What is free in zones serves what grows, too.
static int grown_chunks_find_what_zones_have(size_t size)
{
    (void)fill_with(size);
    size_t freed = 0;
    for (size_t index = 0; index < chunk_count; index += 2, freed++) {
        free(chunks[index]);
        chunks[index] = NULL;
    }
    return expect_at_least(1, grow_to(size) / size, freed - freed / 10);
}

// ---- histories ------------------------------------------------------------------------------------

static const struct history {
    const char *name;
    int (*play)(size_t argument);
} histories[] = {
    {"ended", ended_threads_give_up_their_zones}, {"address", ended_threads_leave_address_space},
    {"own", a_heap_gives_up_its_own_zones},       {"shrink", chunks_shrink_without_memory},
    {"lose", what_a_chunk_loses_can_be_had},      {"grow", grown_chunks_take_no_more_than_others},
    {"zones", grown_chunks_find_what_zones_have},
};

static struct child child;

static void play(const char *name, size_t argument, const char *first, const char *second)
{
    child_play(&child, program, name, argument, first, second);
}

// ---- tests ----------------------------------------------------------------------------------------

static void what_heaps_keep_serves_chunks_of_every_size(void **state)
{
    (void)state;
    const size_t sizes[] = {1000, 20000, 50000, 300000, MIB, 5 * MIB};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        play("ended", sizes[index], "FT_MALLOC_LIMIT=64M", NULL);
        play("address", sizes[index], NULL, NULL);
        play("own", sizes[index], "FT_MALLOC_LIMIT=64M", NULL);
    }
}

static void a_chunk_that_shrinks_is_not_refused(void **state)
{
    (void)state;
    const size_t sizes[] = {60000, 70000, 200000, 5 * MIB};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        play("shrink", sizes[index], "FT_MALLOC_LIMIT=64M", NULL);
        play("shrink", sizes[index], "FT_MALLOC_LIMIT=64M", "FT_MALLOC_MAPPING=32K");
    }
}

static void what_a_large_chunk_loses_is_free(void **state)
{
    (void)state;
    const size_t percents[] = {75, 60, 51, 20};
    for (size_t index = 0; index < sizeof percents / sizeof *percents; index++) {
        play("lose", percents[index], "FT_MALLOC_LIMIT=64M", NULL);
    }
}

static void chunks_that_grow_waste_no_memory(void **state)
{
    (void)state;
    const size_t sizes[] = {3000, 10000, 12000, 20000, 32000};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        play("grow", sizes[index], "FT_MALLOC_LIMIT=64M", NULL);
        play("zones", sizes[index], "FT_MALLOC_LIMIT=64M", NULL);
    }
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 3) {
        chunks = mmap(NULL, CHUNKS_MAX * sizeof *chunks, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t index = 0; index < sizeof histories / sizeof *histories; index++) {
            if (strcmp(arguments[1], histories[index].name) == 0) {
                return histories[index].play(strtoull(arguments[2], NULL, 10));
            }
        }
        return 99;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_heaps_keep_serves_chunks_of_every_size),
        cmocka_unit_test(a_chunk_that_shrinks_is_not_refused),
        cmocka_unit_test(what_a_large_chunk_loses_is_free),
        cmocka_unit_test(chunks_that_grow_waste_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
