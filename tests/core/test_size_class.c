// SPDX-License-Identifier: MIT
#include "core/size_class.h"

#include "core/heap.h"
#include "core/state.h"
#include "tests/core/test.h"

// The table of the header, written out.
static const size_t expected_bytes[SIZE_CLASS_COUNT] = {
    16,   32,   48,   64,   80,    96,    112,   128,   160,   192,   224,   256,   320,  384,
    448,  512,  640,  768,  896,   1024,  1280,  1536,  1792,  2048,  2560,  3072,  3584, 4096,
    5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384, 20480, 24576, 28672, 32768,
};

static void classes_have_the_sizes_of_the_table(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        assert_int_equal(size_class_bytes(size_class), expected_bytes[size_class]);
    }
    assert_int_equal(size_class_bytes(SIZE_CLASS_TINY_COUNT - 1), SIZE_CLASS_TINY_MAX);
    assert_int_equal(size_class_bytes(SIZE_CLASS_COUNT - 1), SIZE_CLASS_SMALL_MAX);
}

static void every_class_is_a_multiple_of_sixteen_and_larger_than_the_one_before(void **state)
{
    (void)state;
    size_t before = 0;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        assert_int_equal(size_class_bytes(size_class) % 16, 0);
        assert_true(size_class_bytes(size_class) > before);
        before = size_class_bytes(size_class);
    }
}

static void every_size_gets_the_smallest_class_that_holds_it(void **state)
{
    (void)state;
    unsigned expected = 0;
    for (size_t bytes = 0; bytes <= SIZE_CLASS_SMALL_MAX; bytes++) {
        expected += bytes > expected_bytes[expected];
        assert_int_equal(size_class_of(bytes), expected);
    }
    assert_int_equal(expected, SIZE_CLASS_COUNT - 1);
}

static void rounding_up_wastes_no_more_than_promised(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= SIZE_CLASS_SMALL_MAX; bytes++) {
        size_t waste = size_class_bytes(size_class_of(bytes)) - bytes;
        if (bytes < 129) {
            assert_true(waste < 16);
        } else {
            assert_true(4 * waste < bytes);
        }
    }
}

static void every_class_notes_the_slack_of_every_size_that_it_serves(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= SIZE_CLASS_SMALL_MAX; bytes++) {
        unsigned size_class = size_class_of(bytes);
        size_t slack = size_class_bytes(size_class) - bytes;
        assert_true(slack <= size_class_slack_max(size_class));
    }
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        assert_int_equal(size_class_slack_max(size_class),
                         size_class < SIZE_CLASS_TINY_COUNT ? 251 : 32767);
    }
}

// What the contract says, by trying every class.
static unsigned aligned_class_by_search(size_t bytes, size_t align)
{
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        size_t chunk = expected_bytes[size_class];
        size_t slack_max = size_class < 20 ? 251 : 32767;
        if (chunk >= bytes && chunk % align == 0 && chunk - bytes <= slack_max) {
            return size_class;
        }
    }
    return SIZE_CLASS_NONE;
}

static void aligned_requests_get_the_smallest_class_that_fits_and_notes_the_slack(void **state)
{
    (void)state;
    for (size_t align = 1; align <= 65536; align *= 2) {
        for (size_t bytes = 0; bytes <= SIZE_CLASS_SMALL_MAX + 64; bytes += bytes < 2100 ? 1 : 7) {
            unsigned expected = aligned_class_by_search(bytes, align);
            assert_int_equal(size_class_of_aligned(bytes, align), expected);
        }
        for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
            size_t bytes = expected_bytes[size_class];
            for (size_t near = bytes - 1; near <= bytes + 1; near++) {
                assert_int_equal(size_class_of_aligned(near, align),
                                 aligned_class_by_search(near, align));
            }
        }
    }
    assert_int_equal(size_class_of_aligned(SIZE_MAX, 16), SIZE_CLASS_NONE);
    assert_int_equal(size_class_of_aligned(1, (size_t)1 << 63), SIZE_CLASS_NONE);
}

static void alignments_up_to_sixteen_change_nothing(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= SIZE_CLASS_SMALL_MAX; bytes++) {
        assert_int_equal(size_class_of_aligned(bytes, 16), size_class_of(bytes));
    }
}

static void the_table_of_places_agrees_with_the_classes(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= SIZE_CLASS_TINY_MAX; bytes++) {
        size_t place =
            offsetof(struct heap, stacks) + size_class_of(bytes) * sizeof(struct heap_stack);
        size_t slack = size_class_bytes(size_class_of(bytes)) - bytes;
        assert_int_equal((size_t)heap_places[bytes].stack_word * 8, place);
        assert_int_equal(heap_places[bytes].live_state, STATE_LIVE + slack);
    }
    for (size_t bytes = SIZE_CLASS_TINY_MAX + 1; bytes <= SIZE_CLASS_SMALL_MAX; bytes++) {
        const struct heap_small_place *small =
            &heap_small_places[(bytes - SIZE_CLASS_TINY_MAX - 1) / HEAP_SMALL_STEP];
        size_t place =
            offsetof(struct heap, stacks) + size_class_of(bytes) * sizeof(struct heap_stack);
        size_t step = (size_t)small->steps * HEAP_SMALL_STEP;
        assert_int_equal((size_t)small->stack_word * 8, place);
        assert_int_equal(bits_align_up(bytes, step), size_class_bytes(size_class_of(bytes)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_have_the_sizes_of_the_table),
        cmocka_unit_test(every_class_is_a_multiple_of_sixteen_and_larger_than_the_one_before),
        cmocka_unit_test(every_size_gets_the_smallest_class_that_holds_it),
        cmocka_unit_test(rounding_up_wastes_no_more_than_promised),
        cmocka_unit_test(every_class_notes_the_slack_of_every_size_that_it_serves),
        cmocka_unit_test(aligned_requests_get_the_smallest_class_that_fits_and_notes_the_slack),
        cmocka_unit_test(alignments_up_to_sixteen_change_nothing),
        cmocka_unit_test(the_table_of_places_agrees_with_the_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
