// SPDX-License-Identifier: MIT
#include "core/trace.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum {
    RECORD_COUNT = 2000,
    FRAME_COUNT = 500,
    ROOM = TRACE_RECORD_BYTES_MAX + TRACE_DATA_BYTES_MAX
};

static uint8_t bytes[2 * ROOM];
static struct random random_numbers;

static uint8_t *clean(void)
{
    memset(bytes, 0, sizeof(bytes));
    return bytes;
}

static void expect_equal(const struct trace_record *got, const struct trace_record *wanted)
{
    assert_int_equal(got->kind, wanted->kind);
    assert_int_equal(got->order, wanted->order);
    assert_int_equal(got->time, wanted->time);
    assert_int_equal(got->thread, wanted->thread);
    assert_int_equal(got->stack, wanted->stack);
    assert_int_equal(got->align, wanted->align);
    assert_int_equal(got->ptr, wanted->ptr);
    assert_int_equal(got->held, wanted->held);
    assert_int_equal(got->bytes, wanted->bytes);
    assert_int_equal(got->result, wanted->result);
    assert_int_equal(got->count, wanted->count);
    assert_int_equal(got->data_bytes, wanted->data_bytes);
    if (wanted->data_bytes != 0) {
        assert_memory_equal(got->data, wanted->data, wanted->data_bytes);
    }
}

// Numbers of all lengths, and those at the ends.
static uint64_t any_number(void)
{
    uint64_t number = random_next(&random_numbers) >> random_below(&random_numbers, 64);
    switch (random_below(&random_numbers, 8)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    default: return number;
    }
}

// A record as its kind has it, after one of this state.
static struct trace_record any_record(enum trace_kind kind, const struct trace_state *state,
                                      const uint8_t *data)
{
    struct trace_record record = {
        .kind = kind, .order = state->order, .time = state->time, .thread = state->thread};
    bool is_call = trace_is_call(kind);
    if (is_call || kind == TRACE_END) {
        record.order +=
            1 + (random_below(&random_numbers, 2) != 0 ? random_below(&random_numbers, 1000) : 0);
        record.time +=
            random_below(&random_numbers, 2) != 0 ? random_below(&random_numbers, 1 << 30) : 0;
        record.stack = is_call && random_below(&random_numbers, 2) != 0
                           ? 1 + (uint32_t)random_below(&random_numbers, 1000)
                           : 0;
    }
    bool has_ptr = kind == TRACE_REALLOC || kind == TRACE_FREE || kind == TRACE_MISUSED_FREE ||
                   kind == TRACE_MISUSED_REALLOC || kind == TRACE_BEFORE || kind == TRACE_MODULE;
    bool has_held = kind == TRACE_REALLOC || kind == TRACE_FREE || kind == TRACE_BEFORE;
    bool has_result = kind >= TRACE_MALLOC && kind <= TRACE_ALIGNED;
    bool has_bytes =
        has_result || kind == TRACE_MISUSED_REALLOC || kind == TRACE_END || kind == TRACE_MODULE;
    record.ptr = has_ptr ? any_number() : 0;
    record.held = has_held ? any_number() : 0;
    record.bytes = has_bytes ? any_number() : 0;
    record.result = has_result ? any_number() : 0;
    record.align = kind == TRACE_ALIGNED ? (uint64_t)1 << random_below(&random_numbers, 64) : 0;
    record.count = kind == TRACE_END ? any_number() : 0;
    if (kind == TRACE_THREAD) {
        record.thread = (uint32_t)any_number();
    } else if (kind == TRACE_STACK || kind == TRACE_MODULE) {
        record.stack = kind == TRACE_STACK ? (uint32_t)any_number() : 0;
        record.data = data;
        record.data_bytes = random_below(&random_numbers, 8) == 0
                                ? TRACE_DATA_BYTES_MAX
                                : random_below(&random_numbers, 100);
    }
    return record;
}

static void what_is_put_is_what_is_got(void **unused)
{
    (void)unused;
    static uint8_t data[TRACE_DATA_BYTES_MAX];
    random_numbers = random_seeded(1);
    for (unsigned index = 0; index < sizeof(data); index++) {
        data[index] = (uint8_t)random_next(&random_numbers);
    }
    struct trace_state put = {.order = 5, .time = 7};
    struct trace_state got = put;
    for (unsigned count = 0; count < RECORD_COUNT; count++) {
        enum trace_kind kind = TRACE_MALLOC + (enum trace_kind)(count % (TRACE_KIND_COUNT - 1));
        struct trace_record record = any_record(kind, &put, data);
        struct trace_record read;
        struct trace_state before = got;
        size_t length = trace_put(&put, &record, clean());
        assert_in_range(length, 1, TRACE_RECORD_BYTES_MAX + record.data_bytes);
        assert_int_equal(bytes[length], 0);
        assert_int_equal(trace_get(&got, bytes, ROOM, &read), length);
        expect_equal(&read, &record);
        assert_memory_equal(&put, &got, sizeof(put));
        // Cut anywhere, it is none.
        for (size_t room = 0; room < length && room < 200; room++) {
            struct trace_state state = before;
            assert_int_equal(trace_get(&state, bytes, room, &read), room == 0 ? 0 : SIZE_MAX);
        }
    }
}

static void the_form_is_the_one_that_is_told(void **unused)
{
    (void)unused;
    struct trace_state state = {.order = 0, .time = 1000};
    const struct trace_record records[] = {
        {.kind = TRACE_THREAD, .thread = 3},
        {.kind = TRACE_MALLOC, .order = 1, .time = 1300, .bytes = 112, .result = 0x7000},
        {.kind = TRACE_REALLOC,
         .order = 2,
         .time = 1300,
         .ptr = 0x7000,
         .held = 112,
         .bytes = 5000,
         .result = 0x6FF0,
         .stack = 2},
        {.kind = TRACE_ALIGNED, .order = 5, .time = 1300, .align = 256, .bytes = 1, .result = 0},
        {.kind = TRACE_FREE, .order = 6, .time = 1300, .ptr = 0x6FF0, .held = 5000},
        {.kind = TRACE_MISUSED_FREE, .order = 7, .time = 1300, .ptr = 0x6FF8},
        {.kind = TRACE_STACK, .stack = 2, .data = (const uint8_t *)"\x02", .data_bytes = 1},
    };
    const uint8_t wanted[] = {
        10,   3,                               // THREAD 3
        0x11, 0xAC, 0x02, 112,  0x80, 0x1C,    // 300 ns; 2 * 0x700
        0x43, 4,    0,    112,  0x88, 0x27, 1, // the stack 2; the same; one chunk less
        0xA4, 2,    8,    1,                   // two calls are elsewhere; 2^8
        5,    0,    0x88, 0x27,                // the same address
        6,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, // 8 turned to the top
        11,   2,    1,    2,
    };
    uint8_t *at = clean();
    for (unsigned index = 0; index < sizeof(records) / sizeof(records[0]); index++) {
        at += trace_put(&state, &records[index], at);
    }
    assert_int_equal(at - bytes, sizeof(wanted));
    assert_memory_equal(bytes, wanted, sizeof(wanted));
}

static void behind_the_last_record_is_nothing(void **unused)
{
    (void)unused;
    struct trace_state state = {.order = 9};
    struct trace_record record;
    assert_int_equal(trace_get(&state, clean(), ROOM, &record), 0);
    assert_int_equal(state.order, 9);
    assert_false(trace_is_call(TRACE_NOTHING));
    assert_true(trace_is_call(TRACE_MALLOC));
    assert_true(trace_is_call(TRACE_MISUSED_REALLOC));
    assert_false(trace_is_call(TRACE_END));
}

static void the_end_has_no_call_stack(void **unused)
{
    (void)unused;
    struct trace_state put = {.order = 9};
    struct trace_state got = put;
    const struct trace_record end = {.kind = TRACE_END, .order = 10, .stack = 3, .count = 4};
    struct trace_record record;
    size_t length = trace_put(&put, &end, clean());
    assert_int_equal(length, 3);
    assert_int_equal(trace_get(&got, bytes, ROOM, &record), length);
    assert_int_equal(record.stack, 0);
    assert_int_equal(record.count, 4);
}

static void the_last_order_of_all_can_be_told(void **unused)
{
    (void)unused;
    struct trace_state put = {.order = 9};
    struct trace_state got = put;
    const struct trace_record last = {.kind = TRACE_FREE, .order = UINT64_MAX, .ptr = 16};
    struct trace_record record;
    assert_int_equal(trace_get(&got, bytes, trace_put(&put, &last, clean()), &record), 13);
    assert_int_equal(record.order, UINT64_MAX);
}

static void expect_bad(const uint8_t *from, size_t count)
{
    struct trace_state state = {.order = 9};
    struct trace_record record;
    clean();
    memcpy(bytes, from, count);
    assert_int_equal(trace_get(&state, bytes, ROOM, &record), SIZE_MAX);
}

static void what_is_no_record_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        size_t count;
        uint8_t bytes[16];
    } bad[] = {
        {1, {TRACE_KIND_COUNT}},                                                 // no such kind
        {1, {0x80}},                                                             // none at all
        {2, {0x80 | TRACE_FREE, 2}},                                             // no such flag
        {2, {0x40 | TRACE_END, 2}},                                              // nor this
        {2, {0x10 | TRACE_BEFORE, 2}},                                           // nor this
        {12, {TRACE_MALLOC, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 2}}, // 65 bits
        {13,
         {TRACE_MALLOC, 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0, 2}}, // eleven bytes
        {3, {TRACE_MALLOC, 1, 0}},                                                // a chunk at 0
        {3, {0x80 | TRACE_ALIGNED, 64, 1}},                                       // 2^64
        {6, {TRACE_THREAD, 0x80, 0x80, 0x80, 0x80, 0x10}},                        // 2^32
        {7, {TRACE_STACK, 0x80, 0x80, 0x80, 0x80, 0x10, 0}},                      // the same
        {4, {TRACE_STACK, 1, 0x81, 0x20}},                                        // 4097 bytes
        {12, {0xA0 | TRACE_MALLOC, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1}}, // gap
        {3, {0xC0 | TRACE_MALLOC, 0, 1}}, // the stack 0
        {3, {0xC0 | TRACE_MALLOC, 1, 1}}, // the stack -1
    };
    for (unsigned index = 0; index < sizeof(bad) / sizeof(bad[0]); index++) {
        expect_bad(bad[index].bytes, bad[index].count);
    }
}

static void frames_come_back(void **unused)
{
    (void)unused;
    uint64_t frames[FRAME_COUNT];
    uint64_t got[FRAME_COUNT + 1];
    uint8_t data[TRACE_DATA_BYTES_MAX];
    random_numbers = random_seeded(2);
    for (unsigned index = 0; index < FRAME_COUNT; index++) {
        frames[index] = any_number();
    }
    for (size_t count = 0; count < 300; count++) {
        size_t length = trace_frames_put(frames, count, data);
        assert_int_equal(trace_frames_get(data, length, got, FRAME_COUNT), count);
        assert_memory_equal(got, frames, count * sizeof(frames[0]));
    }
    // As many as fit, and not one byte more.
    for (unsigned index = 0; index < FRAME_COUNT; index++) {
        frames[index] = index % 2 != 0 ? UINT64_MAX / 2 : 0;
    }
    size_t length = trace_frames_put(frames, FRAME_COUNT, data);
    assert_in_range(length, TRACE_DATA_BYTES_MAX - 20, TRACE_DATA_BYTES_MAX);
    size_t count = trace_frames_get(data, length, got, FRAME_COUNT + 1);
    assert_in_range(count, 400, FRAME_COUNT - 1);
    assert_memory_equal(got, frames, count * sizeof(frames[0]));
    assert_int_equal(trace_frames_get(data, length, got, 7), 7);
    // The last one lacks its end.
    assert_int_equal(trace_frames_get(data, length - 1, got, FRAME_COUNT + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_what_is_got),
        cmocka_unit_test(the_form_is_the_one_that_is_told),
        cmocka_unit_test(the_last_order_of_all_can_be_told),
        cmocka_unit_test(behind_the_last_record_is_nothing),
        cmocka_unit_test(the_end_has_no_call_stack),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(frames_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
