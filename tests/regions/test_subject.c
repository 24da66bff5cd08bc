// SPDX-License-Identifier: MIT
// Who is measured does what it is measured for: chunks lie apart, keep their bytes, and all come back.
#include "tests/regions/subject.h"

#include "tests/core/test.h"
#include "tests/regions/adversary.h"

#include <stdlib.h>
#include <string.h>

enum { REGION_BYTES = 512 << 10, CALLS = 15000 };

static _Alignas(4096) unsigned char region[REGION_BYTES];

struct mark {
    size_t bytes;
    unsigned char value;
};

static void expect_kept(const unsigned char *chunk, struct mark mark, size_t bytes)
{
    for (size_t at = 0; at < bytes; at++) {
        if (chunk[at] != mark.value) {
            fail_msg("byte %zu of %zu was overwritten", at, mark.bytes);
        }
    }
}

// One call of a trace, with the bytes of every chunk written and looked at.
static void make_op(const struct subject *subject, void *context, const struct trace_op *op,
                    void **slot, struct mark *mark)
{
    size_t kept = mark->bytes < op->bytes ? mark->bytes : op->bytes;
    if (*slot != NULL && op->verb == TRACE_FREE) {
        expect_kept(*slot, *mark, mark->bytes);
        subject->free(context, *slot);
    }
    switch (op->verb) {
    case TRACE_ALLOC: *slot = subject->alloc(context, op->bytes); break;
    case TRACE_ALIGNED:
        *slot = subject->alloc_aligned(context, op->align, op->bytes);
        assert_int_equal((uintptr_t)*slot % op->align, 0);
        break;
    case TRACE_REALLOC:
        *slot = subject->realloc(context, *slot, op->bytes);
        expect_kept(*slot, *mark, kept);
        break;
    default: *slot = NULL; break;
    }
    assert_true((*slot != NULL) == (op->verb != TRACE_FREE));
    if (*slot != NULL) {
        *mark = (struct mark){op->bytes, (unsigned char)(mark->value + 1 + op->slot)};
        memset(*slot, mark->value, op->bytes);
    } else {
        mark->bytes = 0;
    }
}

static void expect_followed(const struct subject *subject)
{
    for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        struct trace trace = trace_make(kind, TRACE_STEADY, REGION_BYTES / 4, CALLS, 3);
        void **slots = calloc(trace.slot_count, sizeof(void *));
        struct mark *marks = calloc(trace.slot_count, sizeof(struct mark));
        memset(region, 0xA5, sizeof region);
        void *context = subject->open(region, sizeof region);
        assert_non_null(context);
        // Twice: what has come back can be had again.
        for (size_t at = 0; at < 2 * trace.count; at++) {
            const struct trace_op *op = &trace.ops[at % trace.count];
            make_op(subject, context, op, &slots[op->slot], &marks[op->slot]);
        }
        free(slots);
        free(marks);
        trace_free(&trace);
    }
}

static void ours_follows_every_trace(void **state)
{
    (void)state;
    expect_followed(&subject_ours);
}

static void the_yardstick_follows_every_trace(void **state)
{
    (void)state;
    expect_followed(&subject_tlsf);
}

static void a_filling_trace_ends_where_the_first_call_is_refused(void **state)
{
    (void)state;
    const struct subject *subjects[2] = {&subject_ours, &subject_tlsf};
    struct trace trace = trace_make(TRACE_UNIFORM, TRACE_FILL, REGION_BYTES, 100000, 1);
    for (unsigned at = 0; at < 2; at++) {
        void **slots = calloc(trace.slot_count, sizeof(void *));
        void *context = subjects[at]->open(region, sizeof region);
        size_t op_count;
        size_t live = subject_fill(subjects[at], context, &trace, slots, &op_count);
        assert_in_range(live, REGION_BYTES / 2, REGION_BYTES);
        assert_true(op_count < trace.count && trace.ops[op_count].verb != TRACE_FREE);
        // The same up to there, and the next call, refused again.
        memset(slots, 0, trace.slot_count * sizeof(void *));
        context = subjects[at]->open(region, sizeof region);
        assert_int_equal(subject_follow(subjects[at], context, &trace, slots, 0, op_count), 0);
        assert_int_equal(subject_follow(subjects[at], context, &trace, slots, op_count, 1), 1);
        free(slots);
    }
    trace_free(&trace);
}

// What a subject is asked by the adversary, as one number.
static uint64_t asked(const struct subject *subject, uint64_t seed, size_t *refused)
{
    uint64_t sum = 0;
    void *context = subject->open(region, sizeof region);
    struct adversary adversary = adversary_new(sizeof region, 1000, seed);
    *refused = 0;
    for (unsigned number = 0; number < CALLS; number++) {
        struct adversary_call call = adversary_next(&adversary);
        void *ptr = NULL;
        bool resized = false;
        switch (call.verb) {
        case ADVERSARY_ALLOC: ptr = subject->alloc(context, call.bytes); break;
        case ADVERSARY_ALIGNED:
            ptr = subject->alloc_aligned(context, call.align, call.bytes);
            break;
        case ADVERSARY_RESIZE: resized = subject->resize(context, call.ptr, call.bytes); break;
        default: subject->free(context, call.ptr); break;
        }
        *refused += call.verb <= ADVERSARY_ALIGNED && ptr == NULL;
        sum = sum * 31 + call.verb + call.bytes * 4 + call.align * 64 + (ptr != NULL) + 2 * resized;
        adversary_answer(&adversary, &call, ptr, resized);
    }
    adversary_delete(&adversary);
    return sum;
}

static void the_adversary_asks_the_same_of_the_same(void **state)
{
    (void)state;
    size_t refused;
    size_t again;
    assert_true(asked(&subject_ours, 1, &refused) == asked(&subject_ours, 1, &again));
    assert_int_equal(refused, again);
    assert_in_range(refused, 1, CALLS / 4);
    assert_true(asked(&subject_ours, 1, &refused) != asked(&subject_ours, 2, &refused));
    assert_true(asked(&subject_tlsf, 1, &refused) == asked(&subject_tlsf, 1, &refused));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_follows_every_trace),
        cmocka_unit_test(the_yardstick_follows_every_trace),
        cmocka_unit_test(a_filling_trace_ends_where_the_first_call_is_refused),
        cmocka_unit_test(the_adversary_asks_the_same_of_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
