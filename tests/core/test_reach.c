// SPDX-License-Identifier: MIT
#include "core/reach.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { CHUNKS = 200, WORDS = 6 };

static struct reach_chunk region[CHUNKS];
static struct reach reach;

static int begin(void **state)
{
    (void)state;
    memset(region, 0xA5, sizeof(region));
    reach_init(&reach, region, sizeof(region));
    return 0;
}

static void look(uintptr_t word)
{
    reach_look(&reach, &word, 1);
}

static void a_word_leads_to_a_chunk_from_its_start_to_its_last_byte(void **state)
{
    (void)state;
    assert_true(reach_add(&reach, 1000, 100));
    assert_true(reach_add(&reach, 1100, 0));
    assert_true(reach_add(&reach, 2000, 1));
    const uintptr_t outside[] = {0, 999, 1101, 1999, 2001, UINTPTR_MAX};
    reach_look(&reach, outside, 6);
    assert_null(reach_next(&reach));
    const uintptr_t above[] = {1000, 1000, 2000, 2000, 0, 0};
    for (size_t index = 0; index < 6; index++) {
        const struct reach_chunk *chunk = reach_above(&reach, outside[index]);
        assert_int_equal(chunk != NULL ? chunk->base : 0, above[index]);
    }
    assert_false(reach_has(&reach, 1000));
    look(1099);
    assert_true(reach_has(&reach, 1000));
    assert_false(reach_has(&reach, 1100));
    look(1100);
    assert_true(reach_has(&reach, 1100));
    look(2000);
    assert_true(reach_has(&reach, 2000));
    assert_int_equal(reach_above(&reach, 1050)->base, 1000);
    assert_true(reach_has(&reach, 5)); // no chunk
}

static void what_is_reached_is_looked_at_once(void **state)
{
    (void)state;
    for (size_t index = 0; index < 10; index++) {
        assert_true(reach_add(&reach, 1000 + index * 100, 50));
    }
    look(1010);
    look(1000);
    look(1210);
    bool seen[10] = {false};
    for (unsigned count = 0; count < 2; count++) {
        const struct reach_chunk *chunk = reach_next(&reach);
        assert_non_null(chunk);
        size_t index = (chunk->base - 1000) / 100;
        assert_false(seen[index]);
        seen[index] = true;
        look(chunk->base); // itself
    }
    assert_true(seen[0] && seen[2]);
    assert_null(reach_next(&reach));
    look(1010);
    assert_null(reach_next(&reach));
    assert_true(reach_has(&reach, 1000));
    assert_true(reach_has(&reach, 1200));
    assert_false(reach_has(&reach, 1100));
}

static void an_empty_set_has_nothing(void **state)
{
    (void)state;
    look(1000);
    assert_null(reach_next(&reach));
    assert_null(reach_above(&reach, 1000));
    assert_true(reach_has(&reach, 1000));
}

static void a_full_region_takes_no_more(void **state)
{
    (void)state;
    for (size_t index = 0; index < CHUNKS; index++) {
        assert_true(reach_add(&reach, (index + 1) * 16, 16));
    }
    assert_false(reach_add(&reach, 1 << 20, 16));
    assert_int_equal(reach.count, CHUNKS);
    reach_init(&reach, region, sizeof(region) - 1);
    assert_int_equal(reach.room, CHUNKS - 1);
}

// Random graphs, against a search that is as plain as can be.
static void any_graph_is_searched_to_its_end(void **state)
{
    (void)state;
    struct random random = random_seeded(5);
    for (unsigned round = 0; round < 3000; round++) {
        static uintptr_t words[CHUNKS][WORDS];
        uintptr_t bases[CHUNKS];
        bool wanted[CHUNKS] = {false};
        begin(NULL);
        size_t count = 1 + random_below(&random, CHUNKS);
        uintptr_t at = 4096;
        for (size_t index = 0; index < count; index++) {
            at += 16 * (1 + (uintptr_t)random_below(&random, 3));
            bases[index] = at;
            assert_true(reach_add(&reach, at, sizeof(words[0])));
            at += sizeof(words[0]);
        }
        for (size_t index = 0; index < count; index++) {
            for (size_t word = 0; word < WORDS; word++) {
                uintptr_t inside = random_below(&random, sizeof(words[0]));
                words[index][word] = random_chance(&random, 20)
                                         ? bases[random_below(&random, (uint32_t)count)] + inside
                                         : random_below(&random, 4096);
            }
        }
        size_t root = random_below(&random, (uint32_t)count);
        look(bases[root] + 3);
        for (const struct reach_chunk *chunk; (chunk = reach_next(&reach)) != NULL;) {
            size_t index = (size_t)(chunk - reach.chunks);
            reach_look(&reach, words[index], WORDS);
        }
        wanted[root] = true;
        for (bool changed = true; changed;) {
            changed = false;
            for (size_t from = 0; from < count; from++) {
                for (size_t word = 0; wanted[from] && word < WORDS; word++) {
                    for (size_t to = 0; to < count; to++) {
                        bool leads = words[from][word] >= bases[to] &&
                                     words[from][word] < bases[to] + sizeof(words[0]);
                        changed = changed || (leads && !wanted[to]);
                        wanted[to] = wanted[to] || leads;
                    }
                }
            }
        }
        for (size_t index = 0; index < count; index++) {
            assert_int_equal(reach_has(&reach, bases[index]), wanted[index]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_word_leads_to_a_chunk_from_its_start_to_its_last_byte, begin),
        cmocka_unit_test_setup(what_is_reached_is_looked_at_once, begin),
        cmocka_unit_test_setup(an_empty_set_has_nothing, begin),
        cmocka_unit_test_setup(a_full_region_takes_no_more, begin),
        cmocka_unit_test_setup(any_graph_is_searched_to_its_end, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
