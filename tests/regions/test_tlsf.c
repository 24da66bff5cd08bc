// SPDX-License-Identifier: MIT
// The yardstick is held to its description: what it does not do right, it must not be faster for.
#include "tests/regions/tlsf.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { REGION_BYTES = 64 << 10 };

static _Alignas(64) unsigned char region[REGION_BYTES];

static struct tlsf *fresh(void)
{
    memset(region, 0xA5, sizeof region);
    struct tlsf *tlsf = tlsf_create(region, sizeof region);
    assert_non_null(tlsf);
    assert_true(tlsf_is_valid(tlsf));
    return tlsf;
}

static void a_region_too_small_is_refused(void **state)
{
    (void)state;
    size_t least = 0;
    while (tlsf_create(region, least) == NULL) {
        least++;
    }
    assert_in_range(least, 256, 1024);
    assert_null(tlsf_create(region, least - 1));
    struct tlsf *tlsf = tlsf_create(region, least);
    assert_non_null(tlsf_alloc(tlsf, 24));
}

static void a_region_at_any_address_gives_chunks_at_multiples_of_16(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 32; shift++) {
        struct tlsf *tlsf = tlsf_create(region + shift, 8192);
        for (unsigned bytes = 0; bytes < 60; bytes++) {
            unsigned char *chunk = tlsf_alloc(tlsf, bytes);
            assert_non_null(chunk);
            assert_int_equal((uintptr_t)chunk % 16, 0);
            assert_true(chunk > region + shift && chunk + bytes <= region + shift + 8192);
        }
        assert_true(tlsf_is_valid(tlsf));
    }
}

static void a_chunk_costs_8_bytes_beside_its_own_and_the_rounding_to_16(void **state)
{
    (void)state;
    struct tlsf *tlsf = fresh();
    const size_t sizes[][2] = {{0, 32},  {1, 32},  {24, 32},     {25, 48},
                               {40, 48}, {41, 64}, {1000, 1008}, {1001, 1024}};
    for (unsigned at = 0; at < 8; at++) {
        size_t before = tlsf_free_bytes(tlsf);
        assert_non_null(tlsf_alloc(tlsf, sizes[at][0]));
        assert_int_equal(before - tlsf_free_bytes(tlsf), sizes[at][1]);
    }
}

static void neighbours_merge_in_whatever_order_they_are_freed(void **state)
{
    (void)state;
    const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (unsigned order = 0; order < 6; order++) {
        struct tlsf *tlsf = fresh();
        size_t whole = tlsf_free_bytes(tlsf);
        void *chunks[3];
        for (unsigned at = 0; at < 3; at++) {
            chunks[at] = tlsf_alloc(tlsf, 1000 + at * 500);
        }
        for (unsigned at = 0; at < 3; at++) {
            tlsf_free(tlsf, chunks[orders[order][at]]);
            assert_true(tlsf_is_valid(tlsf));
        }
        assert_int_equal(tlsf_free_bytes(tlsf), whole);
        // In one piece: all but the rounding of so large a request can be had at once.
        assert_non_null(tlsf_alloc(tlsf, whole / 33 * 32));
    }
}

static void the_lowest_list_that_fits_for_certain_serves(void **state)
{
    (void)state;
    struct tlsf *tlsf = fresh();
    // Free blocks of 1024, 1040 and 1056 bytes: the first two are of one list, the third of the next.
    void *holes[3];
    for (unsigned at = 0; at < 3; at++) {
        holes[at] = tlsf_alloc(tlsf, 1016 + 16 * at);
        assert_non_null(tlsf_alloc(tlsf, 24));
    }
    for (unsigned at = 0; at < 3; at++) {
        tlsf_free(tlsf, holes[at]);
    }
    // 1040 bytes would fit the second, but not each of its list.
    assert_ptr_equal(tlsf_alloc(tlsf, 1032), holes[2]);
    assert_ptr_equal(tlsf_alloc(tlsf, 1016), holes[1]); // the one freed last
    assert_ptr_equal(tlsf_alloc(tlsf, 1000), holes[0]); // the next list that has members
}

static void an_aligned_chunk_is_aligned_and_what_precedes_it_is_free(void **state)
{
    (void)state;
    struct tlsf *tlsf = fresh();
    size_t whole = tlsf_free_bytes(tlsf);
    for (size_t align = 1; align <= 16384; align *= 2) {
        for (unsigned shift = 0; shift < 20; shift++) {
            void *first = tlsf_alloc(tlsf, 24 + shift * 16);
            void *chunk = tlsf_alloc_aligned(tlsf, align, 100);
            assert_non_null(chunk);
            assert_int_equal((uintptr_t)chunk % align, 0);
            assert_true(tlsf_is_valid(tlsf));
            tlsf_free(tlsf, chunk);
            tlsf_free(tlsf, first);
            assert_int_equal(tlsf_free_bytes(tlsf), whole);
        }
    }
    assert_null(tlsf_alloc_aligned(tlsf, 65536, 100));
}

static void a_chunk_grows_into_the_free_block_behind_it_and_no_further(void **state)
{
    (void)state;
    struct tlsf *tlsf = fresh();
    unsigned char *chunk = tlsf_alloc(tlsf, 100);
    void *behind = tlsf_alloc(tlsf, 200);
    void *stop = tlsf_alloc(tlsf, 100);
    assert_false(tlsf_resize(tlsf, chunk, 105));
    tlsf_free(tlsf, behind);
    assert_true(tlsf_resize(tlsf, chunk, 312));
    assert_true(tlsf_is_valid(tlsf));
    assert_false(tlsf_resize(tlsf, chunk, 313));
    size_t before = tlsf_free_bytes(tlsf);
    assert_true(tlsf_resize(tlsf, chunk, 104));
    assert_int_equal(tlsf_free_bytes(tlsf) - before, 208);
    assert_true(tlsf_is_valid(tlsf));
    memset(chunk, 0x5A, 104);
    tlsf_free(tlsf, tlsf_alloc(tlsf, 1));
    unsigned char *moved = tlsf_realloc(tlsf, chunk, 5000);
    assert_ptr_not_equal(moved, chunk);
    for (unsigned at = 0; at < 104; at++) {
        assert_int_equal(moved[at], 0x5A);
    }
    tlsf_free(tlsf, stop);
    assert_null(tlsf_realloc(tlsf, moved, REGION_BYTES));
    assert_null(tlsf_alloc(tlsf, SIZE_MAX));
    assert_null(tlsf_alloc(tlsf, SIZE_MAX - 8));
    assert_null(tlsf_alloc_aligned(tlsf, 64, SIZE_MAX - 64));
    assert_true(tlsf_is_valid(tlsf));
}

struct held {
    unsigned char *bytes;
    size_t count;
    unsigned char mark;
};

static void expect_untouched(const struct held *held, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (held->bytes[at] != held->mark) {
            fail_msg("byte %zu of %zu was overwritten", at, held->count);
        }
    }
}

static void random_calls_leave_every_chunk_as_it_was_and_the_blocks_valid(void **state)
{
    (void)state;
    enum { SLOTS = 300, CALLS = 40000 };
    static struct held slots[SLOTS];
    struct random random = random_seeded(1);
    struct tlsf *tlsf = fresh();
    size_t whole = tlsf_free_bytes(tlsf);
    unsigned refused = 0;
    for (unsigned call = 0; call < CALLS; call++) {
        struct held *held = &slots[random_below(&random, SLOTS)];
        size_t bytes = random_size(&random, random_chance(&random, 5) ? 20000 : 600);
        if (held->bytes != NULL && random_chance(&random, 60)) {
            expect_untouched(held, held->count);
            tlsf_free(tlsf, held->bytes);
            held->bytes = NULL;
        } else {
            unsigned char *got =
                held->bytes != NULL || random_chance(&random, 80)
                    ? tlsf_realloc(tlsf, held->bytes, bytes)
                    : tlsf_alloc_aligned(tlsf, (size_t)16 << random_below(&random, 7), bytes);
            if (got != NULL) {
                size_t kept = held->bytes == NULL ? 0 : held->count < bytes ? held->count : bytes;
                expect_untouched(&(struct held){got, bytes, held->mark}, kept);
                assert_true(tlsf_capacity(got) >= bytes);
                *held = (struct held){got, bytes, (unsigned char)call};
                memset(got, held->mark, bytes);
            } else {
                refused++;
            }
        }
        if (call % 16 == 0) {
            assert_true(tlsf_is_valid(tlsf));
        }
    }
    assert_in_range(refused, 1, CALLS / 4);
    for (unsigned at = 0; at < SLOTS; at++) {
        tlsf_free(tlsf, slots[at].bytes);
        assert_true(tlsf_is_valid(tlsf));
    }
    assert_int_equal(tlsf_free_bytes(tlsf), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_too_small_is_refused),
        cmocka_unit_test(a_region_at_any_address_gives_chunks_at_multiples_of_16),
        cmocka_unit_test(a_chunk_costs_8_bytes_beside_its_own_and_the_rounding_to_16),
        cmocka_unit_test(neighbours_merge_in_whatever_order_they_are_freed),
        cmocka_unit_test(the_lowest_list_that_fits_for_certain_serves),
        cmocka_unit_test(an_aligned_chunk_is_aligned_and_what_precedes_it_is_free),
        cmocka_unit_test(a_chunk_grows_into_the_free_block_behind_it_and_no_further),
        cmocka_unit_test(random_calls_leave_every_chunk_as_it_was_and_the_blocks_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
