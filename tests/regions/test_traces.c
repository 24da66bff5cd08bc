// SPDX-License-Identifier: MIT
// A trace is no trace if it frees what nobody holds, and no measure if it is another one tomorrow.
#include "tests/regions/traces.h"

#include "tests/core/test.h"

#include <stdlib.h>
#include <string.h>

enum { REGION_BYTES = 64 << 10, OP_COUNT = 20000 };

static uint64_t fingerprint(const struct trace *trace)
{
    uint64_t sum = trace->slot_count;
    for (size_t at = 0; at < trace->count; at++) {
        const struct trace_op *op = &trace->ops[at];
        uint64_t word = op->slot + ((uint64_t)op->bytes << 24) + ((uint64_t)op->align << 50) +
                        ((uint64_t)op->verb << 62);
        sum = (sum ^ word) * 0x9E3779B97F4A7C15;
        sum ^= sum >> 29;
    }
    return sum;
}

// Follows a trace on paper: how much is in use at most and at the end. Fails where it makes no sense.
struct account {
    size_t most;
    size_t rest;
    size_t kinds_of_verb[TRACE_FREE + 1];
};

static struct account account_of(const struct trace *trace)
{
    struct account account = {.most = 0};
    bool *is_live = calloc(trace->slot_count, sizeof(bool));
    uint32_t *sizes = calloc(trace->slot_count, sizeof(uint32_t));
    for (size_t at = 0; at < trace->count; at++) {
        const struct trace_op *op = &trace->ops[at];
        assert_true(op->slot < trace->slot_count);
        assert_true(op->verb <= TRACE_FREE);
        account.kinds_of_verb[op->verb]++;
        bool begins = op->verb == TRACE_ALLOC || op->verb == TRACE_ALIGNED;
        assert_int_equal(is_live[op->slot], !begins);
        assert_true((op->align != 0) == (op->verb == TRACE_ALIGNED));
        assert_true((op->bytes != 0) == (op->verb != TRACE_FREE));
        account.rest += (size_t)op->bytes - (begins ? 0 : sizes[op->slot]);
        is_live[op->slot] = op->verb != TRACE_FREE;
        sizes[op->slot] = op->bytes;
        account.most = account.rest > account.most ? account.rest : account.most;
    }
    free(is_live);
    free(sizes);
    return account;
}

static void a_steady_trace_uses_two_fifths_of_the_region_and_leaves_nothing(void **state)
{
    (void)state;
    for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        for (size_t region = REGION_BYTES; region <= (size_t)REGION_BYTES << 4; region <<= 4) {
            struct trace trace =
                trace_make(kind, TRACE_STEADY, region, OP_COUNT * (region >> 16), 1);
            struct account account = account_of(&trace);
            assert_int_equal(account.rest, 0);
            assert_in_range(account.most, region / 100 * 39, region / 100 * 52);
            assert_in_range(trace.count, OP_COUNT * (region >> 16), OP_COUNT * (region >> 16) * 3);
            trace_free(&trace);
        }
    }
}

static void a_filling_trace_goes_on_until_no_region_holds_it(void **state)
{
    (void)state;
    for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        struct trace trace = trace_make(kind, TRACE_FILL, REGION_BYTES, OP_COUNT, 1);
        struct account account = account_of(&trace);
        assert_true(account.most > REGION_BYTES);
        // It comes and goes on the way there.
        assert_true(account.kinds_of_verb[TRACE_FREE] > trace.count / 8 || kind == TRACE_STRINGS);
        trace_free(&trace);
    }
}

static void a_seed_gives_one_trace_and_another_seed_another(void **state)
{
    (void)state;
    for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        struct trace first = trace_make(kind, TRACE_FILL, REGION_BYTES, OP_COUNT, 7);
        struct trace again = trace_make(kind, TRACE_FILL, REGION_BYTES, OP_COUNT, 7);
        struct trace other = trace_make(kind, TRACE_FILL, REGION_BYTES, OP_COUNT, 8);
        assert_true(fingerprint(&first) == fingerprint(&again));
        // A comb has no luck in it.
        assert_true((fingerprint(&first) == fingerprint(&other)) == (kind == TRACE_COMB));
        trace_free(&first);
        trace_free(&again);
        trace_free(&other);
    }
}

static void the_traces_are_those_that_were_measured(void **state)
{
    (void)state;
    uint64_t sum = 0;
    for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        for (enum trace_plan plan = TRACE_FILL; plan <= TRACE_STEADY; plan++) {
            struct trace trace = trace_make(kind, plan, REGION_BYTES, OP_COUNT, 1);
            sum = sum * 31 + fingerprint(&trace);
            trace_free(&trace);
        }
    }
    // Whoever changes a trace changes this, and measures again.
    if (sum != UINT64_C(0x66C9D3F6034FC537)) {
        fail_msg("the traces have changed: their sum is 0x%llX", (unsigned long long)sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_trace_uses_two_fifths_of_the_region_and_leaves_nothing),
        cmocka_unit_test(a_filling_trace_goes_on_until_no_region_holds_it),
        cmocka_unit_test(a_seed_gives_one_trace_and_another_seed_another),
        cmocka_unit_test(the_traces_are_those_that_were_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
