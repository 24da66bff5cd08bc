// SPDX-License-Identifier: MIT
// The names that only the drop-in library has: cfree and the __libc_ names of glibc. Chunks of one
// name go back through another.

#include <errno.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

void cfree(void *ptr);
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *ptr, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void *__libc_valloc(size_t bytes);
void *__libc_pvalloc(size_t bytes);
void __libc_free(void *ptr);

static void chunks_of_the_libc_names_are_ours(void **state)
{
    (void)state;
    void *ptrs[] = {__libc_malloc(300), __libc_calloc(3, 100), __libc_realloc(NULL, 300),
                    __libc_memalign(64, 300), __libc_valloc(300)};
    for (size_t index = 0; index < sizeof ptrs / sizeof *ptrs; index++) {
        assert_non_null(ptrs[index]);
        assert_true(show_has(show_alloc_mem, ptrs[index], 300));
        free(ptrs[index]);
    }
    void *paged = __libc_pvalloc(300);
    assert_true(malloc_usable_size(paged) >= 4096);
    free(paged);
}

static void libc_free_and_cfree_take_chunks_of_malloc(void **state)
{
    (void)state;
    void *first = launder(malloc(300));
    void *second = launder(malloc(70000));
    errno = 1234;
    __libc_free(first);
    cfree(second);
    cfree(NULL);
    __libc_free(NULL);
    assert_int_equal(errno, 1234);
    assert_true(show_lacks(show_alloc_mem, first));
    assert_true(show_lacks(show_alloc_mem, second));
}

static void the_libc_names_fail_as_the_plain_ones_do(void **state)
{
    (void)state;
    errno = 0;
    assert_null(__libc_malloc(any_size(SIZE_MAX)));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(__libc_calloc(any_size(SIZE_MAX), 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(__libc_memalign(64, any_size(SIZE_MAX)));
    assert_int_equal(errno, ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_the_libc_names_are_ours),
        cmocka_unit_test(libc_free_and_cfree_take_chunks_of_malloc),
        cmocka_unit_test(the_libc_names_fail_as_the_plain_ones_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
