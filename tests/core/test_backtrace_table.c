// SPDX-License-Identifier: MIT
#include "core/backtrace_table.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { REGION_BYTES = 1 << 16, FRAMES_MAX = 70 };

static _Alignas(16) unsigned char region[REGION_BYTES];
static struct backtrace_table table;
static uintptr_t frames[FRAMES_MAX];

static int begin(void **state)
{
    (void)state;
    memset(region, 0, sizeof(region));
    backtrace_table_init(&table, region, sizeof(region));
    for (size_t index = 0; index < FRAMES_MAX; index++) {
        frames[index] = 0x1000 + index;
    }
    return 0;
}

static uint32_t put(size_t first, size_t count, uint64_t mark)
{
    const struct backtrace_key key = {.frames = frames + first, .count = count, .mark = mark};
    return backtrace_table_put(&table, &key, (struct backtrace_more){.count = 0});
}

static void each_backtrace_has_one_number(void **state)
{
    (void)state;
    uint32_t numbers[FRAMES_MAX];
    for (size_t count = 1; count < FRAMES_MAX; count++) {
        numbers[count] = put(0, count, 0);
        assert_int_not_equal(numbers[count], 0);
        for (size_t other = 1; other < count; other++) {
            assert_int_not_equal(numbers[count], numbers[other]);
        }
    }
    assert_int_equal(table.count, FRAMES_MAX - 1);
    size_t used = table.used;
    for (size_t count = 1; count < FRAMES_MAX; count++) {
        assert_int_equal(put(0, count, 0), numbers[count]);
        struct backtrace_key key = backtrace_table_get(&table, numbers[count]);
        assert_int_equal(key.count, count);
        assert_int_equal(key.mark, 0);
        assert_memory_equal(key.frames, frames, count * sizeof(*frames));
        assert_int_equal(backtrace_table_more(&table, numbers[count]).count, 0);
    }
    assert_int_equal(table.used, used);
    assert_int_equal(table.count, FRAMES_MAX - 1);
}

static void every_frame_and_the_mark_make_it_another(void **state)
{
    (void)state;
    uint32_t first = put(0, 20, 7);
    assert_int_not_equal(put(0, 20, 8), first);
    assert_int_not_equal(put(0, 20, 7 | (uint64_t)1 << 40), first);
    for (size_t index = 0; index < 20; index++) {
        frames[index] ^= 1;
        assert_int_not_equal(put(0, 20, 7), first);
        frames[index] ^= 1;
    }
    assert_int_equal(put(0, 20, 7), first);
    assert_int_equal(table.count, 23);
    assert_int_equal(backtrace_table_get(&table, first).mark, 7);
}

// Of so many, some have the same hash of 32 bits: what is looked at decides.
static void backtraces_of_one_hash_are_told_apart(void **state)
{
    (void)state;
    enum { MANY = 300000, LARGE_BYTES = 16 << 20 };
    static _Alignas(16) unsigned char large[LARGE_BYTES];
    backtrace_table_init(&table, large, sizeof(large));
    for (uint64_t mark = 0; mark < MANY; mark++) {
        assert_int_not_equal(put(0, 1, mark), 0);
        assert_int_equal(table.count, mark + 1);
    }
}

static void no_frames_are_no_backtrace(void **state)
{
    (void)state;
    assert_int_equal(put(0, 0, 5), 0);
    assert_int_equal(table.count, 0);
    assert_int_equal(backtrace_table_get(&table, 0).count, 0);
    assert_int_equal(backtrace_table_more(&table, 0).count, 0);
}

static void what_comes_with_the_first_is_kept(void **state)
{
    (void)state;
    const char first[] = "what came with the first";
    const char second[] = "something else";
    const struct backtrace_key key = {.frames = frames, .count = 3};
    uint32_t number =
        backtrace_table_put(&table, &key, (struct backtrace_more){first, sizeof(first)});
    uint32_t next = put(1, 9, 0);
    assert_int_equal(
        backtrace_table_put(&table, &key, (struct backtrace_more){second, sizeof(second)}), number);
    struct backtrace_more more = backtrace_table_more(&table, number);
    assert_int_equal(more.count, sizeof(first));
    assert_memory_equal(more.bytes, first, sizeof(first));
    assert_memory_equal(backtrace_table_get(&table, number).frames, frames, 3 * sizeof(*frames));
    assert_memory_equal(backtrace_table_get(&table, next).frames, frames + 1, 9 * sizeof(*frames));
}

static void a_full_region_takes_no_more_and_keeps_what_it_has(void **state)
{
    (void)state;
    static uint32_t numbers[REGION_BYTES / 32];
    size_t count = 0;
    for (;;) {
        frames[0] = count;
        uint32_t number = put(0, 1 + count % 5, 0);
        if (number == 0) {
            break;
        }
        numbers[count++] = number;
    }
    assert_true(count > REGION_BYTES / 128);
    assert_in_range(table.used, REGION_BYTES - 80, REGION_BYTES);
    for (size_t index = 0; index < count; index++) {
        frames[0] = index;
        assert_int_equal(put(0, 1 + index % 5, 0), numbers[index]);
    }
    assert_int_equal(table.count, count);
    // What is shorter may still fit, to the last byte.
    size_t left = table.bytes - table.used;
    static const unsigned char fill[256];
    frames[0] = count;
    const struct backtrace_key key = {.frames = frames, .count = 1};
    if (left >= 48) {
        const struct backtrace_more most = {fill, left - 32 - sizeof(uintptr_t)};
        const struct backtrace_more more = {fill, most.count + 1};
        assert_int_equal(backtrace_table_put(&table, &key, more), 0);
        assert_int_not_equal(backtrace_table_put(&table, &key, most), 0);
        assert_int_equal(table.used, table.bytes);
    }
    frames[0] = count + 1;
    assert_int_equal(put(0, 1, 0), 0);
}

static void no_more_of_the_region_is_used_than_is_allowed(void **state)
{
    (void)state;
    memset(region, 0xA5, sizeof(region));
    memset(region, 0, table.used + 64 + 48);
    backtrace_table_bound(&table, table.used + 64 + 47);
    uint32_t first = put(0, 4, 0);
    assert_int_not_equal(first, 0);
    assert_int_equal(put(5, 2, 0), 0);
    assert_int_equal(put(0, 4, 0), first);
    backtrace_table_bound(&table, table.used + 48);
    uint32_t second = put(5, 2, 0);
    assert_int_not_equal(second, 0);
    assert_int_equal(table.used, table.bytes);
    assert_int_equal(put(9, 1, 0), 0);
    assert_int_equal(region[table.used], 0xA5);
    assert_memory_equal(backtrace_table_get(&table, first).frames, frames, 4 * sizeof(*frames));
    assert_memory_equal(backtrace_table_get(&table, second).frames, frames + 5,
                        2 * sizeof(*frames));
}

static void records_are_spread_over_the_buckets(void **state)
{
    (void)state;
    for (size_t index = 0; index < 500; index++) {
        frames[0] = 0x7F0000000000U + index * 5;
        assert_int_not_equal(put(0, 2, 0), 0);
    }
    size_t empty = 0;
    for (size_t bucket = 0; bucket <= table.bucket_mask; bucket++) {
        empty += ((const uint32_t *)(const void *)region)[bucket] == 0;
    }
    assert_int_equal(table.bucket_mask, REGION_BYTES / 64 - 1);
    // Of 1024 buckets some 628 get none of 500 that are thrown at random.
    assert_in_range(empty, 580, 680);
}

static void any_region_has_buckets(void **state)
{
    (void)state;
    for (size_t bytes = 4096; bytes <= REGION_BYTES; bytes += 4096 - 16) {
        memset(region, 0, sizeof(region));
        backtrace_table_init(&table, region, bytes);
        assert_true(table.used < bytes / 8);
        assert_true((table.bucket_mask + 1) * 128 > bytes);
        size_t count = 0;
        for (frames[0] = 0; put(0, 3, 0) != 0; frames[0]++) {
            count++;
        }
        assert_int_equal(count, (bytes - (table.bucket_mask + 1) * 4) /
                                    (sizeof(uintptr_t) == 8 ? 64 : 48));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_backtrace_has_one_number, begin),
        cmocka_unit_test_setup(every_frame_and_the_mark_make_it_another, begin),
        cmocka_unit_test_setup(backtraces_of_one_hash_are_told_apart, begin),
        cmocka_unit_test_setup(no_frames_are_no_backtrace, begin),
        cmocka_unit_test_setup(what_comes_with_the_first_is_kept, begin),
        cmocka_unit_test_setup(a_full_region_takes_no_more_and_keeps_what_it_has, begin),
        cmocka_unit_test_setup(no_more_of_the_region_is_used_than_is_allowed, begin),
        cmocka_unit_test_setup(records_are_spread_over_the_buckets, begin),
        cmocka_unit_test_setup(any_region_has_buckets, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
