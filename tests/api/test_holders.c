// SPDX-License-Identifier: MIT
// The notes of which thread has which heap: held against a list, at random, from few to many.

#include "api/holders.h"

#include <stdbool.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"

enum { THREAD_COUNT = 3000, STEP_COUNT = 100000, APART_BYTES = 0x801000 };

static struct holders holders;
static bool has_note[THREAD_COUNT];

static const void *thread_at(size_t index)
{
    return (const void *)(0x7f0000000000 + index * APART_BYTES);
}

static struct heap *heap_of(size_t index)
{
    return (struct heap *)(index * 16 + 16);
}

static void take(size_t index)
{
    struct heap *heap = holders_take(&holders, thread_at(index));
    assert_ptr_equal(heap, has_note[index] ? heap_of(index) : NULL);
    has_note[index] = false;
}

static void note(size_t index)
{
    take(index);
    holders_note(&holders, thread_at(index), heap_of(index));
    has_note[index] = true;
}

static void no_note_is_lost_for_another(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (size_t count = 10; count <= THREAD_COUNT; count *= 2) {
        for (size_t step = 0; step < STEP_COUNT; step++) {
            size_t index = random_below(&seed, count);
            if (random_below(&seed, 3) != 0) {
                note(index);
            } else {
                take(index);
            }
        }
    }
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        take(index);
    }
    assert_int_equal(holders.count, 0);
}

static void what_is_cleared_is_as_it_was_at_first(void **state)
{
    (void)state;
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        note(index);
    }
    holders_clear(&holders);
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        has_note[index] = false;
        take(index);
    }
    assert_null(holders.more);
    note(1);
    take(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_note_is_lost_for_another),
        cmocka_unit_test(what_is_cleared_is_as_it_was_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
