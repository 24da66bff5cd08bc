// SPDX-License-Identifier: MIT
// What ft_core chooses where the caller did not, what its check looks at, and when it takes the caller's lock.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include "core/ft_core_state.h"
#include "core/heap.h"
#include "tests/core/region.h"
#include "tests/core/test.h"

#include <string.h>
#include <sys/mman.h>

static struct region region;

static struct ft_core *create(size_t bytes, const struct ft_core_options *options)
{
    region = region_new(bytes, 64, 0);
    return ft_core_create(region.base, bytes, options);
}

static void a_region_without_room_for_a_section_is_refused(void **state)
{
    (void)state;
    for (size_t more = 0; more < 200; more += 8) {
        assert_null(create(sizeof(struct ft_core) + more, NULL));
        region_delete(&region);
    }
}

static void sizes_that_were_not_chosen_follow_from_the_regions(void **state)
{
    (void)state;
    for (size_t bytes = 1 << 14; bytes <= 32 << 20; bytes *= 4) {
        const struct ft_core *core = create(bytes, NULL);
        size_t stack = bytes / 64 < 128 << 10 ? bytes / 64 : 128 << 10;
        assert_int_equal(core->arena.config.stack_bytes_max, stack);
        assert_int_equal(core->arena.config.free_per_zone, 64);
        assert_true(core->arena.config.is_dirty);
        region_delete(&region);
    }
}

static void what_stacks_may_hold_is_bounded(void **state)
{
    (void)state;
    const struct {
        size_t bytes, asked, got;
    } samples[] = {
        {1 << 20, 1, 1},
        {1 << 20, 100000, 100000},
        {1 << 20, SIZE_MAX, 1 << 17},
        {32 << 20, 300000, 300000},
        {32 << 20, SIZE_MAX, 1 << 20},
    };
    for (unsigned sample = 0; sample < sizeof(samples) / sizeof(*samples); sample++) {
        const struct ft_core *core =
            create(samples[sample].bytes,
                   &(struct ft_core_options){.stack_bytes_max = samples[sample].asked});
        assert_int_equal(core->arena.config.stack_bytes_max, samples[sample].got);
        region_delete(&region);
    }
}

static void a_region_is_one_section_if_it_can_be(void **state)
{
    (void)state;
    // Of units of 2 KiB, an eighth of the square root, it would have more than a section holds.
    enum { BYTES = 256 << 20 };
    void *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        skip();
    }
    struct ft_core *core =
        ft_core_create(memory, BYTES, &(struct ft_core_options){.is_zero = true});
    assert_non_null(core);
    assert_int_equal(core->arena.config.unit_bytes, 4096);
    assert_int_equal(core->arena.section_count, 1);
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, NULL));
    assert_non_null(ft_core_alloc(&heap, 200 << 20));
    munmap(memory, BYTES);
}

static void the_check_looks_at_every_heap(void **state)
{
    (void)state;
    struct ft_core *core = create(1 << 20, NULL);
    struct ft_core_heap heaps[3];
    for (unsigned index = 0; index < 3; index++) {
        assert_true(ft_core_open(&heaps[index], core, NULL));
        assert_non_null(ft_core_alloc(&heaps[index], 100));
    }
    assert_true(ft_core_check(core));
    for (unsigned index = 0; index < 3; index++) {
        struct heap *heap = heaps[index].heap;
        heap->stacks[0].limit--; // now the top is above it
        assert_false(ft_core_check(core));
        heap->stacks[0].limit++;
        assert_true(ft_core_check(core));
    }
    region_delete(&region);
}

struct watched_lock {
    unsigned count;
    bool is_held;
};

static void acquire(void *context)
{
    struct watched_lock *lock = context;
    assert_false(lock->is_held);
    lock->is_held = true;
    lock->count++;
}

static void release(void *context)
{
    struct watched_lock *lock = context;
    assert_true(lock->is_held);
    lock->is_held = false;
}

static void zones_that_became_empty_go_back_under_the_lock(void **state)
{
    (void)state;
    struct ft_core *core = create(1 << 20, &(struct ft_core_options){.zone_bytes_max = SIZE_MAX});
    struct watched_lock watched = {.count = 0};
    const struct ft_core_lock lock = {.acquire = acquire, .release = release, .context = &watched};
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, &lock));
    enum { COUNT = 600 };
    void *chunks[COUNT];
    for (unsigned index = 0; index < COUNT; index++) {
        chunks[index] = ft_core_alloc(&heap, 64);
        assert_non_null(chunks[index]);
    }
    size_t zones = ft_core_figures(core).zone_count;
    assert_true(zones >= 3);
    for (unsigned index = 0; index < COUNT; index++) {
        size_t before = ft_core_figures(core).zone_count;
        unsigned count = watched.count;
        assert_int_equal(ft_core_free(&heap, chunks[index]), FT_CORE_OK);
        assert_false(watched.is_held);
        assert_false(heap_has_empty(heap.heap));
        assert_true(ft_core_figures(core).zone_count == before || watched.count > count);
    }
    assert_true(ft_core_figures(core).zone_count < zones);
    assert_true(ft_core_check(core));
    region_delete(&region);
}

static void what_cannot_move_for_want_of_memory_shrinks_in_place(void **state)
{
    (void)state;
    struct ft_core *core = create(16 << 20, NULL);
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, NULL));
    unsigned char *ptr = NULL;
    unsigned char *tiny = NULL;
    for (unsigned index = 0; index < 120; index++) { // enough for zones of both classes
        ptr = ft_core_alloc(&heap, 1200);
        tiny = ft_core_alloc(&heap, 1000);
        assert_true(ptr != NULL && tiny != NULL);
    }
    memset(ptr, 0x42, 1200);
    const size_t sizes[] = {1 << 20, 65536, 4096, 1200, 1025, 500, 100, 16};
    for (unsigned size = 0; size < sizeof(sizes) / sizeof(*sizes); size++) {
        while (ft_core_alloc(&heap, sizes[size]) != NULL) {
        }
    }
    size_t failures = ft_core_figures(core).failure_count;
    assert_ptr_equal(ft_core_realloc(&heap, ptr, 500), ptr);
    assert_int_equal(ft_core_locate(core, ptr).bytes, 500);
    assert_true(bytes_are(ptr, 500, 0x42));
    assert_int_equal(ft_core_figures(core).failure_count, failures);
    // A TINY chunk cannot note so much slack.
    assert_false(ft_core_resize(&heap, tiny, 100));
    assert_int_equal(ft_core_locate(core, tiny).bytes, 1000);
    region_delete(&region);
}

static void zeroed_chunks_of_nothing_are_chunks(void **state)
{
    (void)state;
    struct ft_core *core = create(1 << 16, NULL);
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, NULL));
    const size_t counts[][2] = {{0, 0}, {5, 0}, {0, 5}, {SIZE_MAX, 0}, {0, SIZE_MAX}};
    for (unsigned sample = 0; sample < 5; sample++) {
        void *ptr = ft_core_alloc_zeroed(&heap, counts[sample][0], counts[sample][1]);
        assert_non_null(ptr);
        assert_int_equal(ft_core_locate(core, ptr).status, FT_CORE_LIVE);
        assert_int_equal(ft_core_locate(core, ptr).bytes, 0);
    }
    region_delete(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_without_room_for_a_section_is_refused),
        cmocka_unit_test(sizes_that_were_not_chosen_follow_from_the_regions),
        cmocka_unit_test(what_stacks_may_hold_is_bounded),
        cmocka_unit_test(a_region_is_one_section_if_it_can_be),
        cmocka_unit_test(the_check_looks_at_every_heap),
        cmocka_unit_test(zones_that_became_empty_go_back_under_the_lock),
        cmocka_unit_test(what_cannot_move_for_want_of_memory_shrinks_in_place),
        cmocka_unit_test(zeroed_chunks_of_nothing_are_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
