// SPDX-License-Identifier: MIT
// What show_alloc_mem says: every live chunk with its exact size, in the exact form, and nothing
// that changes by saying it.

#include <string.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

static void take(struct show_report *report)
{
    if (!show_take(report, show_alloc_mem)) {
        fail_msg("%s", report->problem);
    }
}

// The first chunks of a class above 4 KiB may be runs of their own, as LARGE ones are.
static bool kind_fits(const struct show_line *line)
{
    switch (line->kind) {
    case SHOW_TINY: return line->bytes <= 1024;
    case SHOW_SMALL: return line->bytes > 1024 && line->bytes <= 32768;
    case SHOW_LARGE:
    default: return line->bytes > 4096;
    }
}

static void blocks_from_1_byte_to_128_mib_all_appear(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    static struct {
        void *ptr;
        size_t bytes;
    } blocks[COUNT];
    size_t count = 0;
    for (size_t bytes = 1; bytes <= (size_t)128 << 20; bytes += bytes / 16 + 1) {
        assert_true(count < COUNT - 2);
        blocks[count].bytes = bytes;
        blocks[count++].ptr = malloc(bytes);
    }
    blocks[count].bytes = (size_t)128 << 20;
    blocks[count++].ptr = malloc((size_t)128 << 20);
    size_t sum = 0;
    struct show_report report;
    take(&report);
    for (size_t index = 0; index < count; index++) {
        assert_non_null(blocks[index].ptr);
        const struct show_line *line = show_find(&report, blocks[index].ptr);
        if (line == NULL || line->bytes != blocks[index].bytes) {
            fail_msg("the block of %zu bytes is not shown as such", blocks[index].bytes);
        }
        sum += line->bytes;
        assert_true(kind_fits(line));
    }
    assert_true(report.total_bytes >= sum);
    show_drop(&report);
    for (size_t index = 0; index < count; index++) {
        free(blocks[index].ptr);
    }
    take(&report);
    for (size_t index = 0; index < count; index++) {
        assert_null(show_find(&report, blocks[index].ptr));
    }
    assert_true(report.total_bytes < (1 << 20));
    show_drop(&report);
}

static void two_calls_give_the_same_text(void **state)
{
    (void)state;
    void *ptrs[200];
    for (size_t index = 0; index < 200; index++) {
        ptrs[index] = malloc(index * 91);
    }
    struct show_report first;
    struct show_report second;
    take(&first);
    take(&second);
    assert_int_equal(first.text_bytes, second.text_bytes);
    assert_memory_equal(first.text, second.text, first.text_bytes);
    show_drop(&first);
    show_drop(&second);
    for (size_t index = 0; index < 200; index++) {
        free(ptrs[index]);
    }
}

static void every_entry_point_has_its_exact_size_shown(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 7, 16, 100, 1000, 1025, 3725, 20000, 48847, 200001, 3000000};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        size_t bytes = sizes[index];
        void *target = NULL;
        assert_int_equal(posix_memalign(&target, 256, bytes), 0);
        void *ptrs[] = {malloc(bytes),
                        calloc(1, bytes),
                        realloc(malloc(5), bytes + 1),
                        aligned_alloc(64, bytes),
                        memalign(4096, bytes),
                        valloc(bytes),
                        reallocarray(NULL, bytes, 1),
                        recallocarray(NULL, 0, bytes, 1),
                        target};
        for (size_t way = 0; way < sizeof ptrs / sizeof *ptrs; way++) {
            assert_true(show_has(show_alloc_mem, ptrs[way], way == 2 ? bytes + 1 : bytes));
        }
        for (size_t way = 0; way < sizeof ptrs / sizeof *ptrs; way++) {
            free(ptrs[way]);
        }
    }
}

static void ten_thousand_chunks_are_all_shown_in_order(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    static void *ptrs[COUNT];
    uint64_t seed = 23;
    size_t live_bytes = 0;
    struct show_report before;
    struct show_report after;
    take(&before);
    for (size_t index = 0; index < COUNT; index++) {
        size_t bytes = random_below(&seed, 3000);
        ptrs[index] = malloc(bytes);
        live_bytes += bytes;
    }
    take(&after);
    assert_int_equal(after.line_count, before.line_count + COUNT);
    assert_int_equal(after.total_bytes, before.total_bytes + live_bytes);
    for (size_t index = 0; index < COUNT; index++) {
        assert_non_null(show_find(&after, ptrs[index]));
        free(ptrs[index]);
    }
    show_drop(&before);
    show_drop(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_from_1_byte_to_128_mib_all_appear),
        cmocka_unit_test(two_calls_give_the_same_text),
        cmocka_unit_test(every_entry_point_has_its_exact_size_shown),
        cmocka_unit_test(ten_thousand_chunks_are_all_shown_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
