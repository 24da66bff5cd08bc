// SPDX-License-Identifier: MIT
#include "core/trace_block.h"

#include "tests/core/test.h"

#include <string.h>

static uint8_t bytes[TRACE_BLOCK_BYTES];

static uint8_t *clean(void)
{
    memset(bytes, 0, sizeof(bytes));
    return bytes;
}

static const struct trace_head sample = {.process = 0xFEDCBA98,
                                         .lane = 7,
                                         .sequence = 1ULL << 40,
                                         .order = 1ULL << 50,
                                         .time = 3,
                                         .began = 2};

static void expect_block(enum trace_block wanted, size_t room)
{
    struct trace_head head;
    size_t length;
    assert_int_equal(trace_block_read(bytes, room, &head, &length), wanted);
}

static void a_block_reads_while_it_is_written_and_when_it_is_full(void **unused)
{
    (void)unused;
    struct trace_head head;
    size_t length = 1;
    expect_block(TRACE_BLOCK_EMPTY, (clean(), TRACE_BLOCK_BYTES));
    trace_block_begin(&sample, clean());
    assert_int_equal(trace_block_read(bytes, TRACE_BLOCK_BYTES, &head, &length), TRACE_BLOCK_GOOD);
    assert_int_equal(length, TRACE_BLOCK_BYTES - TRACE_HEAD_BYTES);
    assert_memory_equal(&head, &sample, sizeof(head));
    struct trace_state state = trace_block_state(&head);
    assert_int_equal(state.order, sample.order);
    assert_int_equal(state.time, sample.time);
    assert_int_equal(state.address | state.thread | state.stack, 0);
    for (uint32_t used = 1; used < 40; used++) {
        trace_block_begin(&sample, clean());
        memset(bytes + TRACE_HEAD_BYTES, 0xA5, used);
        trace_block_close(bytes, used);
        assert_int_equal(trace_block_read(bytes, TRACE_BLOCK_BYTES, &head, &length),
                         TRACE_BLOCK_GOOD);
        assert_int_equal(length, used);
    }
}

static void a_bit_that_is_wrong_is_seen(void **unused)
{
    (void)unused;
    enum { USED = 100, HEAD_USED = 60 };
    trace_block_begin(&sample, clean());
    memset(bytes + TRACE_HEAD_BYTES, 0x5A, USED);
    trace_block_close(bytes, USED);
    for (unsigned bit = 0; bit < 8 * (TRACE_HEAD_BYTES + USED); bit++) {
        struct trace_head head;
        size_t length;
        if (bit >= 8 * HEAD_USED && bit < 8 * TRACE_HEAD_BYTES) {
            continue;
        }
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(trace_block_read(bytes, TRACE_BLOCK_BYTES, &head, &length),
                             TRACE_BLOCK_GOOD);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    expect_block(TRACE_BLOCK_GOOD, TRACE_BLOCK_BYTES);
    bytes[0] = 'G';
    expect_block(TRACE_BLOCK_FOREIGN, TRACE_BLOCK_BYTES);
    bytes[0] = 'F';
    bytes[7] = '2';
    expect_block(TRACE_BLOCK_NEWER, TRACE_BLOCK_BYTES);
}

static void a_length_beyond_the_block_is_damage(void **unused)
{
    (void)unused;
    const struct trace_head head = {.process = 1};
    trace_block_begin(&head, clean());
    trace_block_close(bytes, TRACE_BLOCK_BYTES - TRACE_HEAD_BYTES);
    expect_block(TRACE_BLOCK_GOOD, TRACE_BLOCK_BYTES);
    bytes[52]++; // the length's lowest byte
    expect_block(TRACE_BLOCK_DAMAGED, TRACE_BLOCK_BYTES);
}

static void a_block_may_be_cut_anywhere(void **unused)
{
    (void)unused;
    enum { USED = 100 };
    for (unsigned is_closed = 0; is_closed < 2; is_closed++) {
        trace_block_begin(&sample, clean());
        memset(bytes + TRACE_HEAD_BYTES, 0x5A, USED);
        if (is_closed) {
            trace_block_close(bytes, USED);
        }
        expect_block(TRACE_BLOCK_EMPTY, 0);
        for (size_t room = 1; room < TRACE_HEAD_BYTES + USED; room++) {
            struct trace_head head;
            size_t length = 1;
            assert_int_equal(trace_block_read(bytes, room, &head, &length), TRACE_BLOCK_CUT);
            assert_int_equal(length, room < TRACE_HEAD_BYTES ? 0 : room - TRACE_HEAD_BYTES);
        }
        expect_block(is_closed ? TRACE_BLOCK_GOOD : TRACE_BLOCK_CUT, TRACE_HEAD_BYTES + USED);
        expect_block(is_closed ? TRACE_BLOCK_GOOD : TRACE_BLOCK_CUT, TRACE_BLOCK_BYTES - 1);
        expect_block(TRACE_BLOCK_GOOD, TRACE_BLOCK_BYTES);
    }
    memcpy(bytes, "text", 4);
    expect_block(TRACE_BLOCK_FOREIGN, 1);
    expect_block(TRACE_BLOCK_FOREIGN, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_reads_while_it_is_written_and_when_it_is_full),
        cmocka_unit_test(a_bit_that_is_wrong_is_seen),
        cmocka_unit_test(a_length_beyond_the_block_is_damage),
        cmocka_unit_test(a_block_may_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
