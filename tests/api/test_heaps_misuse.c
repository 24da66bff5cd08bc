// SPDX-License-Identifier: MIT
// The lines that misuses of heaps cause: which heap is named, what is known of the pointer. tests/misuse has the
// options.

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

static struct child child;

// A misuse in a child, whose address goes to standard output.
struct deed {
    void *(*choose)(struct ft_heap *one, struct ft_heap *two);
    void (*commit)(struct ft_heap *one, void *ptr);
    bool is_single_threaded;
};

static int do_it(void *argument)
{
    const struct deed *deed = argument;
    struct ft_heap *one = ft_heap_create(
        &(struct ft_heap_options){.tag = "one", .is_single_threaded = deed->is_single_threaded});
    struct ft_heap *two = ft_heap_create(&(struct ft_heap_options){.tag = "two"});
    void *ptr = deed->choose(one, two);
    printf("0x%lX", (unsigned long)(uintptr_t)ptr);
    fflush(stdout);
    deed->commit(one, launder(ptr));
    return 0;
}

static void expect_line(const struct deed *deed, const char *before, const char *behind)
{
    child_call(&child, do_it, (void *)(uintptr_t)deed);
    if (!child_died_of(&child, SIGABRT) || text_line_count(child.err) != 1) {
        fail_msg("wait status %x, said: %s", (unsigned)child.status, child.err);
    }
    char line[256];
    snprintf(line, sizeof line, "ft_malloc: %s %s: ", before, child.out);
    if (strncmp(child.err, line, strlen(line)) != 0 || strstr(child.err, behind) == NULL) {
        fail_msg("expected '%s' and '%s', not '%s'", line, behind, child.err);
    }
}

static void *a_chunk(struct ft_heap *one, struct ft_heap *two)
{
    (void)two;
    return ft_heap_malloc(one, 42);
}

static void *a_freed_chunk(struct ft_heap *one, struct ft_heap *two)
{
    void *ptr = a_chunk(one, two);
    ft_heap_free(one, ptr);
    return ptr;
}

static void *a_freed_large_chunk(struct ft_heap *one, struct ft_heap *two)
{
    (void)two;
    void *ptr = ft_heap_malloc(one, 100000);
    ft_heap_free(one, ptr);
    return ptr;
}

static void *a_chunk_that_was_reset(struct ft_heap *one, struct ft_heap *two)
{
    void *ptr = a_chunk(one, two);
    ft_heap_reset(one);
    return ptr;
}

static void *a_chunk_of_a_region_that_went_back(struct ft_heap *one, struct ft_heap *two)
{
    (void)two;
    void *ptr = ft_heap_malloc(one, 10 << 20);
    ft_heap_free(one, ptr);
    (void)ft_heap_trim(one);
    return ptr;
}

static void *inside_a_chunk(struct ft_heap *one, struct ft_heap *two)
{
    return (char *)a_chunk(one, two) + 10;
}

static void *a_chunk_of_the_other(struct ft_heap *one, struct ft_heap *two)
{
    (void)one;
    return ft_heap_malloc(two, 43);
}

static void *a_chunk_of_malloc(struct ft_heap *one, struct ft_heap *two)
{
    (void)one;
    (void)two;
    return malloc(44);
}

static void *the_heap_itself(struct ft_heap *one, struct ft_heap *two)
{
    (void)two;
    return one;
}

static void *a_local(struct ft_heap *one, struct ft_heap *two)
{
    (void)one;
    (void)two;
    static _Alignas(16) char local[64];
    return local;
}

static void *nowhere(struct ft_heap *one, struct ft_heap *two)
{
    (void)one;
    (void)two;
    return (void *)(uintptr_t)0xDEADBEEFDEADBEEFu;
}

static void free_it(struct ft_heap *one, void *ptr)
{
    ft_heap_free(one, ptr);
}

static void resize_it(struct ft_heap *one, void *ptr)
{
    (void)ft_heap_realloc(one, ptr, 10);
}

static void resize_it_to_zero(struct ft_heap *one, void *ptr)
{
    (void)ft_heap_realloc(one, ptr, 0);
}

static void ask_its_size(struct ft_heap *one, void *ptr)
{
    (void)ft_heap_usable_size(one, ptr);
}

static void free_it_by_malloc(struct ft_heap *one, void *ptr)
{
    (void)one;
    free(ptr);
}

static void a_chunk_that_is_free_is_named_with_its_heap(void **state)
{
    (void)state;
    expect_line(&(struct deed){a_freed_chunk, free_it, false}, "ft_heap_free of a freed pointer",
                " in the heap 'one'");
    expect_line(&(struct deed){a_freed_chunk, free_it, true}, "ft_heap_free of a freed pointer",
                " in the heap 'one'");
    expect_line(&(struct deed){a_freed_large_chunk, free_it, false},
                "ft_heap_free of a freed pointer", "memory without a chunk of the heap 'one'");
    expect_line(&(struct deed){a_freed_chunk, resize_it, false},
                "ft_heap_realloc of a freed pointer", "in the heap 'one'");
    expect_line(&(struct deed){a_freed_chunk, resize_it_to_zero, false},
                "ft_heap_realloc of a freed pointer", "in the heap 'one'");
    expect_line(&(struct deed){a_freed_chunk, ask_its_size, false},
                "ft_heap_usable_size of a freed pointer", "in the heap 'one'");
}

static void what_a_reset_or_a_trim_took_is_no_chunk(void **state)
{
    (void)state;
    child_call(&child, do_it, &(struct deed){a_chunk_that_was_reset, free_it, false});
    assert_true(child_died_of(&child, SIGABRT));
    assert_non_null(strstr(child.err, "ft_malloc: ft_heap_free of a "));
    assert_non_null(strstr(child.err, "the heap 'one'"));
    expect_line(&(struct deed){a_chunk_of_a_region_that_went_back, free_it, false},
                "ft_heap_free of a foreign pointer", "the heap 'one' does not hold it");
}

static void an_interior_pointer_is_told_with_its_chunk(void **state)
{
    (void)state;
    expect_line(&(struct deed){inside_a_chunk, free_it, false},
                "ft_heap_free of an interior pointer", "10 bytes into the chunk of 42 bytes at 0x");
    expect_line(&(struct deed){inside_a_chunk, resize_it, false},
                "ft_heap_realloc of an interior pointer", "in the heap 'one'");
}

static void a_foreign_pointer_is_told_with_who_holds_it(void **state)
{
    (void)state;
    expect_line(&(struct deed){a_chunk_of_the_other, free_it, false},
                "ft_heap_free of a foreign pointer",
                "the heap 'one' does not hold it; it lies in the chunk of 43 bytes at 0x");
    expect_line(&(struct deed){a_chunk_of_the_other, free_it, false},
                "ft_heap_free of a foreign pointer", " of the heap 'two'\n");
    expect_line(&(struct deed){a_chunk_of_malloc, free_it, false},
                "ft_heap_free of a foreign pointer",
                "; it lies in malloc's chunk of 44 bytes at 0x");
    expect_line(&(struct deed){the_heap_itself, free_it, false},
                "ft_heap_free of a foreign pointer", "the heap 'one' does not hold it");
    expect_line(&(struct deed){a_local, free_it, false}, "ft_heap_free of a foreign pointer",
                "the heap 'one' does not hold it\n");
    expect_line(&(struct deed){nowhere, resize_it, false}, "ft_heap_realloc of a foreign pointer",
                "the heap 'one' does not hold it\n");
}

static void malloc_refuses_a_chunk_of_a_heap(void **state)
{
    (void)state;
    expect_line(&(struct deed){a_chunk, free_it_by_malloc, false}, "free of an interior pointer",
                " bytes into the chunk of 1048576 bytes at 0x");
}

static void *of_no_heap(struct ft_heap *one, struct ft_heap *two)
{
    (void)two;
    ft_heap_destroy(one);
    return one;
}

static void destroy_again(struct ft_heap *one, void *ptr)
{
    (void)ptr;
    ft_heap_destroy(one);
}

static void allocate_from_it(struct ft_heap *one, void *ptr)
{
    (void)ptr;
    (void)ft_heap_malloc(one, 10);
}

static void reset_it(struct ft_heap *one, void *ptr)
{
    (void)ptr;
    ft_heap_reset(one);
}

static void trim_it(struct ft_heap *one, void *ptr)
{
    (void)ptr;
    (void)ft_heap_trim(one);
}

static void show_it(struct ft_heap *one, void *ptr)
{
    (void)ptr;
    ft_heap_show(one);
}

static void ask_for_figures(struct ft_heap *one, void *ptr)
{
    (void)ptr;
    (void)ft_heap_figures(one);
}

static void a_heap_that_is_none_is_told(void **state)
{
    (void)state;
    static const char words[] = "there is no heap, or no longer\n";
    expect_line(&(struct deed){of_no_heap, destroy_again, false}, "ft_heap_destroy of", words);
    expect_line(&(struct deed){of_no_heap, allocate_from_it, false}, "ft_heap_malloc of", words);
    expect_line(&(struct deed){of_no_heap, reset_it, true}, "ft_heap_reset of", words);
    expect_line(&(struct deed){of_no_heap, trim_it, false}, "ft_heap_trim of", words);
    expect_line(&(struct deed){of_no_heap, show_it, false}, "ft_heap_show of", words);
    expect_line(&(struct deed){of_no_heap, ask_for_figures, false}, "ft_heap_figures of", words);
}

static int use_null(void *argument)
{
    (void)argument;
    (void)ft_heap_malloc(launder(NULL), 10);
    return 0;
}

static void null_is_no_heap(void **state)
{
    (void)state;
    child_call(&child, use_null, NULL);
    assert_true(child_died_of(&child, SIGABRT));
    assert_string_equal(child.err,
                        "ft_malloc: ft_heap_malloc of 0x0: there is no heap, or no longer\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_that_is_free_is_named_with_its_heap),
        cmocka_unit_test(what_a_reset_or_a_trim_took_is_no_chunk),
        cmocka_unit_test(an_interior_pointer_is_told_with_its_chunk),
        cmocka_unit_test(a_foreign_pointer_is_told_with_who_holds_it),
        cmocka_unit_test(malloc_refuses_a_chunk_of_a_heap),
        cmocka_unit_test(a_heap_that_is_none_is_told),
        cmocka_unit_test(null_is_no_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
