// SPDX-License-Identifier: MIT
// How many calls of the system a growing program makes, counted on a platform in hand.
#include "api/ft_malloc.h"
#include "tests/core/test.h"
#include "tests/fake/fake.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

// Where systems map things: the map's entries for that are there from the start.
static const struct fake_config plain = {.page_bytes = 4096, .place = FAKE_HIGH};

static uint64_t commits(void)
{
    return fake_books.calls[FAKE_COMMIT];
}

static uint64_t reserves(void)
{
    return fake_books.calls[FAKE_RESERVE];
}

// So many bytes in chunks that go on, as the program holds all of them.
static void take(size_t bytes)
{
    for (; bytes > 0; bytes -= KIB) {
        assert_non_null(ft_malloc(KIB));
    }
}

static void growing_takes_few_calls(void **state)
{
    (void)state;
    fake_reset(&plain);
    // The first section, in steps that end with the rest of it.
    size_t chunks = 0;
    uint64_t before = commits();
    while (reserves() == 0) {
        before = commits();
        assert_non_null(ft_malloc(KIB));
        chunks++;
    }
    assert_in_range(chunks, 2 * KIB, 4 * KIB);
    assert_in_range(before, 1, 5);
    // The next one comes with its head and its first units in one call,
    assert_int_equal(reserves(), 1);
    assert_int_equal(commits(), before + 1);
    // and with records for more: each further step is one call, of twice as much as is in use.
    before = commits();
    take((size_t)60 * MIB);
    assert_int_equal(reserves(), 1);
    assert_in_range(commits() - before, 2, 3);
    assert_int_equal(fake_books.calls[FAKE_MAP], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_takes_few_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
