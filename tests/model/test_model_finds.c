// SPDX-License-Identifier: MIT
// The model finds what is wrong with an allocator, and the reducer makes short what led to it: tried on a
// subject that is ft_core but for one wrong answer.
#include "tests/core/test.h"
#include "tests/model/reduce.h"
#include "tests/model/subject.h"

#include <stdlib.h>
#include <unistd.h>

enum { SEEDS_MAX = 80 };

static const char *const lies[LIE_KINDS] = {
    [LIE_FORGETS_A_FREE] = "says that a chunk is free, and keeps it",
    [LIE_FREES_TWICE] = "finds nothing wrong with a double free",
    [LIE_INTERIOR_IS_FOREIGN] = "gives a misuse the wrong name",
    [LIE_ANY_SIZE_IS_RIGHT] = "frees a chunk as one of another class",
    [LIE_WRITES_AFTER_A_CHUNK] = "writes after a chunk",
    [LIE_WRITES_BEFORE_THE_REGION] = "writes before the region",
    [LIE_OVERLAPS] = "hands out the same memory twice",
    [LIE_MISALIGNS] = "does not align",
    [LIE_NOT_ZERO] = "does not zero",
    [LIE_LOSES_A_BYTE] = "loses a byte in realloc",
    [LIE_RESIZES_WITHOUT_ROOM] = "resizes a chunk without doing it",
    [LIE_SIZE_IS_CAPACITY] = "tells the capacity for the size",
    [LIE_WALKS_PAST_ONE] = "leaves a chunk out of a walk",
    [LIE_WALKS_TWICE] = "tells a chunk twice in a walk",
    [LIE_COUNTS_A_ZONE_LESS] = "counts a zone less",
    [LIE_USES_A_UNIT_MORE] = "counts some bytes more",
    [LIE_REFUSES_WITH_MEMORY] = "refuses, though there is memory",
    [LIE_COUNTS_NO_FAILURE] = "does not count failures",
    [LIE_FAILS_THE_CHECK] = "finds its own invariants broken",
    [LIE_FINDS_NOTHING_THERE] = "does not find an arena that has moved",
    [LIE_REMOVES_A_REGION_IN_USE] = "gives a region back that is in use",
};

// The case of a seed, with a lie, on a region that has room for all that liars lie about.
static struct setup setup_with(uint64_t seed, enum lie lie)
{
    struct setup setup = setup_of_seed(seed, SUBJECT_LYING, 100000);
    setup.lie = lie;
    setup.heaps = 3;
    setup.locked = 1;
    setup.audit_every = 300;
    setup.rare_every = 150;
    setup.extra_bytes = 30000;
    setup.steps = 6000;
    return setup;
}

// The first seed whose case finds the lie out; what was played up to there is in the list.
static bool find_out(enum lie lie, struct setup *setup, struct op_list *list)
{
    for (uint64_t seed = 1; seed <= SEEDS_MAX; seed++) {
        *setup = setup_with(seed, lie);
        if (reduce_record(setup, list)) {
            return true;
        }
    }
    return false;
}

static void the_model_finds_every_wrong_answer(void **state)
{
    (void)state;
    struct op_list list = {0};
    struct setup setup;
    for (unsigned lie = 1; lie < LIE_KINDS; lie++) {
        if (!find_out((enum lie)lie, &setup, &list)) {
            fail_msg("nobody finds out who %s", lies[lie]);
        }
    }
    free(list.ops);
}

static void the_model_finds_nothing_where_nothing_is_wrong(void **state)
{
    (void)state;
    struct op_list list = {0};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct setup setup = setup_with(seed, LIE_NONE);
        assert_false(reduce_record(&setup, &list));
    }
    free(list.ops);
}

// Finds a lie out, reduces it to `most` operations, and shows that they are about the lie.
static struct op_list reduce_lie(enum lie lie, size_t most)
{
    struct op_list list = {0};
    struct setup setup;
    assert_true(find_out(lie, &setup, &list));
    size_t before = list.count;
    assert_true(before > most);
    reduce(&setup, &list, 60);
    print_message("             %s: %zu operations, reduced to %zu\n", lies[lie], before,
                  list.count);
    assert_in_range(list.count, 1, most);
    assert_true(reduce_fails(&setup, &list));
    setup.lie = LIE_NONE;
    assert_false(reduce_fails(&setup, &list));
    return list;
}

static unsigned count_of(const struct op_list *list, unsigned kind)
{
    unsigned count = 0;
    for (size_t index = 0; index < list->count; index++) {
        count += list->ops[index].kind == kind;
    }
    return count;
}

static void a_free_that_was_forgotten_is_reduced_to_a_few_operations(void **state)
{
    (void)state;
    // Another heap, and a chunk of more than 700 bytes; its free, unless that is left to the end.
    struct op_list list = reduce_lie(LIE_FORGETS_A_FREE, 4);
    assert_int_equal(count_of(&list, OP_OPEN), 1);
    assert_in_range(count_of(&list, OP_FREE), 0, 1);
    free(list.ops);
}

static void a_byte_that_was_lost_is_reduced_to_a_few_operations(void **state)
{
    (void)state;
    struct op_list list = reduce_lie(LIE_LOSES_A_BYTE, 4);
    assert_in_range(count_of(&list, OP_REALLOC), 1, 2);
    for (size_t index = 0; index < list.count; index++) {
        assert_in_range(list.ops[index].bytes, 0, 4096);
    }
    free(list.ops);
}

static void a_list_is_the_same_after_it_was_written_and_read(void **state)
{
    (void)state;
    struct setup setup = setup_with(3, LIE_OVERLAPS);
    struct op_list list = {0};
    for (unsigned kind = 0; kind < OP_KINDS; kind++) {
        op_list_add(&list, (struct op){.kind = (uint8_t)kind});
        op_list_add(&list, (struct op){.kind = (uint8_t)kind, .heap = 7, .slot = 4095});
        op_list_add(&list, (struct op){(uint8_t)kind, 1, 2, UINT64_MAX, UINT64_MAX - 1});
    }
    char path[] = "/tmp/ft_model_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_true(setup_save(path, &setup, &list));
    struct setup read_setup;
    struct op_list read = {0};
    assert_true(setup_load(path, &read_setup, &read));
    unlink(path);
    assert_memory_equal(&read_setup, &setup, sizeof(setup));
    assert_int_equal(read.count, list.count);
    for (size_t index = 0; index < list.count; index++) {
        assert_int_equal(read.ops[index].kind, list.ops[index].kind);
        assert_int_equal(read.ops[index].heap, list.ops[index].heap);
        assert_int_equal(read.ops[index].slot, list.ops[index].slot);
        assert_true(read.ops[index].bytes == list.ops[index].bytes);
        assert_true(read.ops[index].more == list.ops[index].more);
    }
    free(list.ops);
    free(read.ops);
}

static void a_line_that_is_no_operation_is_refused(void **state)
{
    (void)state;
    struct op op;
    struct setup setup;
    assert_false(op_parse("", &op));
    assert_false(op_parse("allocate 0 1 2", &op));
    assert_false(op_parse("alloc 256 1 2", &op));
    assert_false(op_parse("alloc 0 65536 2", &op));
    assert_false(setup_parse("alloc 0 1 2", &setup));
    assert_false(setup_parse("setup colour=3", &setup));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_finds_every_wrong_answer),
        cmocka_unit_test(the_model_finds_nothing_where_nothing_is_wrong),
        cmocka_unit_test(a_free_that_was_forgotten_is_reduced_to_a_few_operations),
        cmocka_unit_test(a_byte_that_was_lost_is_reduced_to_a_few_operations),
        cmocka_unit_test(a_list_is_the_same_after_it_was_written_and_read),
        cmocka_unit_test(a_line_that_is_no_operation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
