// SPDX-License-Identifier: MIT
// What pointers are that lead to no chunk, or into one, is asked and told while three threads allocate and free chunks that
// are mappings: with FT_MALLOC_MAPPING=32K and FT_MALLOC_FOREIGN=ignore in the environment.
//
//   --questions N

#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

#include "tests/threads/block.h"

enum {
    THREAD_COUNT = 3,
    OWN_COUNT = 64,
    GRAIN_BYTES = 40000,
    GRAIN_COUNT = 40,
    HANG_SECONDS = 120
};

static atomic_bool stop;
static atomic_size_t ready_count;

static void *work(void *argument)
{
    void *own[OWN_COUNT] = {NULL};
    uint64_t seed = (uintptr_t)argument;
    for (size_t round = 0; !atomic_load(&stop); round++) {
        void **place = &own[random_below(&seed, OWN_COUNT)];
        free(*place);
        *place =
            *place != NULL ? NULL : malloc(GRAIN_BYTES * (1 + random_below(&seed, GRAIN_COUNT)));
        if (round == OWN_COUNT) {
            atomic_fetch_add(&ready_count, 1);
        }
    }
    for (size_t index = 0; index < OWN_COUNT; index++) {
        free(own[index]);
    }
    return NULL;
}

static void require_place(const void *ptr, enum ft_malloc_state state, const void *chunk)
{
    struct ft_malloc_place place = ft_malloc_locate(ptr);
    kit_require(place.state == state && place.chunk == chunk, "%p is told to be %d, of %p", ptr,
                (int)place.state, place.chunk);
}

int main(int argc, char *argv[])
{
    (void)argc;
    size_t question_count = kit_number(argv, "questions", 200000);
    pthread_t threads[THREAD_COUNT];
    kit_watch(HANG_SECONDS);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t bytes = (size_t)GRAIN_BYTES * GRAIN_COUNT;
    unsigned char *kept = malloc(bytes);
    kit_require(page != MAP_FAILED && kept != NULL, "no memory");
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        threads[index] = kit_start(work, (void *)(index + 1), 0);
    }
    while (atomic_load(&ready_count) < THREAD_COUNT) {
    }
    for (size_t question = 0; question < question_count; question++) {
        require_place(&stop, FT_MALLOC_FOREIGN, NULL);
        require_place(page, FT_MALLOC_FOREIGN, NULL);
        require_place(kept, FT_MALLOC_LIVE, kept);
        require_place(kept + bytes - 1, FT_MALLOC_LIVE, kept);
        free(launder(page));
        kit_require(realloc(launder(page), 100) == NULL, "what is foreign was resized");
        kit_require(malloc_usable_size(launder(page)) == 0, "what is foreign has a size");
    }
    atomic_store(&stop, true);
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        kit_join(threads[index]);
    }
    free(kept);
    fprintf(stderr, "%zu times what is no chunk was told to be none\n", question_count);
    return 0;
}
