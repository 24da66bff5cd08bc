// SPDX-License-Identifier: MIT
// What must still work, and what must be told truthfully, when there is no memory left at all. Each case
// runs in a child of its own, which limits itself and uses everything up.

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { LIMIT_BYTES = 64 << 20, SEED = 7 };

static void exhaust(void)
{
    const struct rlimit limit = {.rlim_cur = LIMIT_BYTES, .rlim_max = LIMIT_BYTES};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        _exit(100);
    }
    for (size_t bytes = 32 << 20; bytes != 0; bytes /= 2) {
        while (launder(malloc(any_size(bytes))) != NULL) {
        }
    }
}

// Runs a case in a child; it returns whether all was well.
static void expect_good(bool (*run)(size_t from, size_t to), size_t from, size_t to)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run(from, to) ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0) {
        fail_msg("from %zu to %zu bytes: status %x", from, to, (unsigned)status);
    }
}

static bool realloc_is_truthful(size_t from, size_t to)
{
    unsigned char *ptr = malloc(from);
    pattern_fill(ptr, from, SEED);
    exhaust();
    errno = 0;
    unsigned char *moved = realloc(launder(ptr), any_size(to));
    if (moved == NULL) {
        return errno == ENOMEM && malloc_usable_size(ptr) == from && pattern_holds(ptr, from, SEED);
    }
    return errno == 0 && malloc_usable_size(moved) == to &&
           pattern_holds(moved, to < from ? to : from, SEED);
}

static bool realloc_shrinks(size_t from, size_t to)
{
    void *ptr = malloc(from);
    exhaust();
    return realloc(launder(ptr), any_size(to)) != NULL;
}

static bool reallocarr_is_truthful(size_t from, size_t to)
{
    void *ptr = malloc(from);
    void *before = ptr;
    pattern_fill(ptr, from, SEED);
    exhaust();
    errno = 1234;
    int error = reallocarr(&ptr, any_size(to), 1);
    size_t held = error == 0 ? to : from;
    return errno == 1234 && (error == 0 || (error == ENOMEM && ptr == before)) &&
           malloc_usable_size(ptr) == held && pattern_holds(ptr, held < from ? held : from, SEED);
}

static void realloc_changes_the_chunk_or_leaves_it(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 16, 100, 600, 1000, 2000, 4000, 20000, 40000, 200000, 5000000};
    for (size_t from = 0; from < sizeof sizes / sizeof *sizes; from++) {
        for (size_t to = 0; to < sizeof sizes / sizeof *sizes; to++) {
            expect_good(realloc_is_truthful, sizes[from], sizes[to]);
        }
    }
}

static void reallocarr_changes_the_chunk_or_says_that_it_did_not(void **state)
{
    (void)state;
    expect_good(reallocarr_is_truthful, 200000, 100);
    expect_good(reallocarr_is_truthful, 200000, 5000000);
    expect_good(reallocarr_is_truthful, 4000, 16);
    expect_good(reallocarr_is_truthful, 1000, 16);
}

static void a_chunk_beyond_tiny_can_always_be_made_smaller(void **state)
{
    (void)state;
    expect_good(realloc_shrinks, 2000, 100);
    expect_good(realloc_shrinks, 30000, 5);
    expect_good(realloc_shrinks, 50000, 5);
    expect_good(realloc_shrinks, 400000, 70000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(realloc_changes_the_chunk_or_leaves_it),
        cmocka_unit_test(reallocarr_changes_the_chunk_or_says_that_it_did_not),
        cmocka_unit_test(a_chunk_beyond_tiny_can_always_be_made_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
