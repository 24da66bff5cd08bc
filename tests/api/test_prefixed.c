// SPDX-License-Identifier: MIT
// The prefixed library beside libc's malloc: two heaps that know nothing of each other. This source
// is the only one that calls both, so it names ours with their prefix.

#define FT_PREFIXED 1

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ft_malloc.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"

static struct child child;

static void libc_chunks_are_not_in_our_report(void **state)
{
    (void)state;
    void *of_libc = malloc(300);
    void *ours = ft_malloc(300);
    assert_true(show_lacks(ft_show_alloc_mem, of_libc));
    assert_true(show_has(ft_show_alloc_mem, ours, 300));
    free(of_libc);
    ft_free(ours);
}

static void both_heaps_are_used_side_by_side(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    void *of_libc[COUNT];
    void *ours[COUNT];
    uint64_t seed = 13;
    size_t bytes[COUNT];
    for (size_t index = 0; index < COUNT; index++) {
        bytes[index] = random_size(&seed) / 8;
        of_libc[index] = malloc(bytes[index]);
        ours[index] = ft_calloc(1, bytes[index]);
        pattern_fill(of_libc[index], bytes[index], index);
        pattern_fill(ours[index], bytes[index], index + COUNT);
    }
    for (size_t index = 0; index < COUNT; index++) {
        assert_true(pattern_holds(of_libc[index], bytes[index], index));
        assert_true(pattern_holds(ours[index], bytes[index], index + COUNT));
        free(of_libc[index]);
        ft_free(ours[index]);
    }
}

static int free_a_chunk_of_libc(void *argument)
{
    (void)argument;
    void *of_libc = malloc(100);
    ft_free(of_libc);
    return 0;
}

static void our_free_refuses_a_chunk_of_libc(void **state)
{
    (void)state;
    child_call(&child, free_a_chunk_of_libc, NULL);
    assert_true(child_died_of(&child, SIGABRT));
    assert_int_equal(text_line_count(child.err), 1);
    assert_non_null(strstr(child.err, "ft_malloc: free of a foreign pointer 0x"));
}

static void every_entry_point_has_its_prefixed_name(void **state)
{
    (void)state;
    void *target = NULL;
    assert_int_equal(ft_posix_memalign(&target, 64, 10), 0);
    ft_free(target);
    ft_free_sized(ft_malloc(10), 10);
    ft_free_aligned_sized(ft_aligned_alloc(64, 10), 64, 10);
    ft_free(ft_memalign(64, 10));
    ft_free(ft_valloc(10));
    ft_free(ft_pvalloc(10));
    ft_free(ft_realloc(NULL, 10));
    ft_free(ft_reallocarray(NULL, 10, 2));
    ft_free(ft_reallocf(NULL, 10));
    ft_freezero(ft_recallocarray(NULL, 0, 10, 2), 20);
    assert_int_equal(ft_reallocarr(&(void *){NULL}, 0, 2), 0);
    assert_int_equal(ft_malloc_usable_size(NULL), 0);
    assert_int_equal(ft_malloc_size(NULL), 0);
    assert_true(ft_malloc_good_size(10) >= 10);
    assert_int_equal(ft_memalignment(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libc_chunks_are_not_in_our_report),
        cmocka_unit_test(both_heaps_are_used_side_by_side),
        cmocka_unit_test(our_free_refuses_a_chunk_of_libc),
        cmocka_unit_test(every_entry_point_has_its_prefixed_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
