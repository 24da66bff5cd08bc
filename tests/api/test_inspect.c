// SPDX-License-Identifier: MIT
// What programs may ask of zones, chunks and pointers: the walk tells what show_alloc_mem prints, and a pointer is told
// exactly, wherever it leads. The history is in test_watch.py.

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { COUNT = 800 };

static void *ptrs[COUNT];
static size_t sizes[COUNT];

static int make_chunks(void **state)
{
    (void)state;
    uint64_t seed = 99;
    for (size_t index = 0; index < COUNT; index++) {
        sizes[index] = random_size(&seed);
        ptrs[index] = malloc(sizes[index]);
    }
    return 0;
}

static int free_chunks(void **state)
{
    (void)state;
    for (size_t index = 0; index < COUNT; index++) {
        free(ptrs[index]);
    }
    return 0;
}

static void the_version_is_that_of_the_header(void **state)
{
    (void)state;
    assert_int_equal(ft_malloc_version(), FT_MALLOC_VERSION);
}

static void a_walk_tells_what_show_alloc_mem_prints(void **state)
{
    (void)state;
    struct show_report report;
    assert_true(show_take(&report, show_alloc_mem));
    struct ft_malloc_walk walk = {{0}};
    struct ft_malloc_item item;
    size_t zone_count = 0;
    size_t chunk_count = 0;
    enum ft_malloc_kind kind = FT_MALLOC_LARGE;
    errno = 77;
    while (ft_malloc_next(&walk, &item)) {
        if (!item.is_chunk) {
            zone_count++;
            kind = item.kind;
            continue;
        }
        assert_true(chunk_count < report.line_count);
        const struct show_line *line = &report.lines[chunk_count++];
        assert_int_equal((uintptr_t)item.base, line->start);
        assert_int_equal(item.bytes, line->bytes);
        assert_int_equal(item.kind, (enum ft_malloc_kind)line->kind);
        assert_int_equal(item.kind, kind);
    }
    assert_int_equal(errno, 77);
    assert_int_equal(chunk_count, report.line_count);
    assert_int_equal(zone_count, report.zone_count);
    assert_false(ft_malloc_next(&walk, &item));
    show_drop(&report);
}

static void what_is_freed_during_a_walk_is_not_told_and_the_rest_is(void **state)
{
    (void)state;
    // What is freed on the way is not told, what stays is told once.
    struct ft_malloc_walk walk = {{0}};
    struct ft_malloc_item item;
    void *freed = launder(malloc(5000));
    size_t found = 0;
    bool was_freed = false;
    while (ft_malloc_next(&walk, &item)) {
        if (!was_freed) {
            was_freed = true;
            free(freed);
        }
        assert_false(item.is_chunk && item.base == freed);
        for (size_t index = 0; index < COUNT; index++) {
            found += item.is_chunk && item.base == ptrs[index];
        }
    }
    assert_int_equal(found, COUNT);
}

static void every_byte_of_a_chunk_leads_to_it(void **state)
{
    (void)state;
    for (size_t index = 0; index < COUNT; index++) {
        size_t last = sizes[index] != 0 ? sizes[index] - 1 : 0;
        const size_t offsets[] = {0, last / 2, last};
        for (size_t at = 0; at < 3; at++) {
            struct ft_malloc_place place = ft_malloc_locate((char *)ptrs[index] + offsets[at]);
            assert_int_equal(place.state, FT_MALLOC_LIVE);
            assert_ptr_equal(place.chunk, ptrs[index]);
            assert_int_equal(place.requested, sizes[index]);
            assert_true(place.capacity >= sizes[index]);
            uintptr_t zone = (uintptr_t)place.zone;
            uintptr_t chunk = (uintptr_t)place.chunk;
            assert_true(zone <= chunk && chunk + place.capacity <= zone + place.zone_bytes);
        }
    }
}

static void what_is_no_chunk_in_use_is_told_as_what_it_is(void **state)
{
    (void)state;
    static char of_the_program[64];
    char on_the_stack[64] = "";
    const void *const foreign[] = {NULL,         (void *)1,           of_the_program,
                                   on_the_stack, (void *)UINTPTR_MAX, (void *)(UINTPTR_MAX / 2)};
    const struct ft_malloc_place nothing = {.state = FT_MALLOC_FOREIGN};
    for (size_t index = 0; index < sizeof(foreign) / sizeof(foreign[0]); index++) {
        struct ft_malloc_place place = ft_malloc_locate(foreign[index]);
        assert_memory_equal(&place, &nothing, sizeof(place));
    }
    static const size_t freed_sizes[] = {10, 1000, 5000};
    for (size_t index = 0; index < 3; index++) {
        void *chunk = launder(malloc(freed_sizes[index]));
        void *beside = launder(malloc(freed_sizes[index]));
        struct ft_malloc_place before = ft_malloc_locate(chunk);
        free(chunk);
        struct ft_malloc_place place = ft_malloc_locate((char *)chunk + 3);
        assert_int_equal(place.state, FT_MALLOC_FREE);
        assert_ptr_equal(place.chunk, before.chunk);
        assert_ptr_equal(place.zone, before.zone);
        assert_int_equal(place.capacity, before.capacity);
        assert_int_equal(place.requested, 0);
        free(beside);
    }
    void *large = launder(malloc(3 << 20));
    free(large);
    struct ft_malloc_place place = ft_malloc_locate(large);
    assert_int_equal(place.state, FT_MALLOC_UNUSED);
    assert_null(place.zone);
}

static atomic_bool stop;

static void *churn(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    while (!stop) {
        free(launder(malloc(random_size(&seed))));
    }
    return NULL;
}

static void both_may_be_asked_beside_threads_that_allocate(void **state)
{
    (void)state;
    pthread_t threads[3];
    stop = false;
    for (uintptr_t index = 0; index < 3; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, churn, (void *)(index + 1)), 0);
    }
    bool is_good = true;
    for (unsigned round = 0; round < 100 / SHORTER && is_good; round++) {
        struct ft_malloc_walk walk = {{0}};
        struct ft_malloc_item item;
        uintptr_t floor = 0;
        size_t found = 0;
        while (ft_malloc_next(&walk, &item)) {
            is_good = is_good && (uintptr_t)item.base >= floor;
            floor = (uintptr_t)item.base + (item.is_chunk ? item.bytes : 0);
            struct ft_malloc_place place = ft_malloc_locate(item.base);
            is_good = is_good && place.state != FT_MALLOC_FOREIGN;
            found += item.is_chunk && item.base == ptrs[round % COUNT];
        }
        is_good = is_good && found == 1;
    }
    stop = true;
    for (unsigned index = 0; index < 3; index++) {
        pthread_join(threads[index], NULL);
    }
    assert_true(is_good);
}

static void without_the_option_there_is_no_history(void **state)
{
    (void)state;
    struct ft_malloc_event event = {.order = 0};
    assert_false(ft_malloc_history_next(&event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_that_of_the_header),
        cmocka_unit_test(a_walk_tells_what_show_alloc_mem_prints),
        cmocka_unit_test(what_is_freed_during_a_walk_is_not_told_and_the_rest_is),
        cmocka_unit_test(every_byte_of_a_chunk_leads_to_it),
        cmocka_unit_test(what_is_no_chunk_in_use_is_told_as_what_it_is),
        cmocka_unit_test(both_may_be_asked_beside_threads_that_allocate),
        cmocka_unit_test(without_the_option_there_is_no_history),
    };
    return cmocka_run_group_tests(tests, make_chunks, free_chunks);
}
