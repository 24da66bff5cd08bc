// SPDX-License-Identifier: MIT
// Random operations through every entry point against a model: a table of what should be live, each
// with the pattern that was written into it. The seed is printed; an argument replays another one.

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { SLOT_COUNT = 1500, STEP_COUNT = 120000 / SHORTER };

struct slot {
    void *ptr;
    size_t bytes;
    size_t alignment;
    uint64_t seed;
};

static struct slot slots[SLOT_COUNT];
static uint64_t first_seed = 20240917;
static size_t page_bytes;

static void fill_slot(struct slot *slot, void *ptr, size_t bytes, size_t alignment, uint64_t seed)
{
    assert_non_null(ptr);
    assert_true(is_aligned(ptr, alignment));
    assert_true(malloc_usable_size(ptr) >= bytes);
    pattern_fill(ptr, bytes, seed);
    *slot = (struct slot){.ptr = ptr, .bytes = bytes, .alignment = alignment, .seed = seed};
}

static void fill_by_some_way(struct slot *slot, uint64_t *seed)
{
    size_t bytes = random_size(seed);
    size_t alignment = (size_t)16 << random_below(seed, random_below(seed, 10) == 0 ? 12 : 4);
    void *ptr = NULL;
    switch (random_below(seed, 12)) {
    case 0:
        ptr = calloc(1, bytes);
        assert_non_null(ptr);
        assert_true(bytes_are(ptr, bytes, 0));
        alignment = 16;
        break;
    case 1: ptr = aligned_alloc(alignment, bytes); break;
    case 2: assert_int_equal(posix_memalign(&ptr, alignment, bytes), 0); break;
    case 3: ptr = memalign(alignment, bytes); break;
    case 4:
        ptr = random_below(seed, 2) == 0 ? valloc(bytes) : pvalloc(bytes);
        alignment = page_bytes;
        break;
    case 5:
        ptr = reallocarray(NULL, bytes, 1);
        alignment = 16;
        break;
    case 6:
        ptr = recallocarray(NULL, 0, bytes, 1);
        assert_true(bytes_are(ptr, bytes, 0));
        alignment = 16;
        break;
    default:
        ptr = malloc(bytes);
        alignment = 16;
        break;
    }
    fill_slot(slot, ptr, bytes, alignment, random_next(seed));
}

static void check_slot(const struct slot *slot)
{
    assert_true(pattern_holds(slot->ptr, slot->bytes, slot->seed));
}

static void resize_by_some_way(struct slot *slot, uint64_t *seed)
{
    size_t bytes = random_size(seed) + 1;
    size_t kept = bytes < slot->bytes ? bytes : slot->bytes;
    void *ptr = slot->ptr;
    check_slot(slot);
    switch (random_below(seed, 6)) {
    case 0: ptr = reallocarray(ptr, 1, bytes); break;
    case 1: ptr = reallocf(ptr, bytes); break;
    case 2: assert_int_equal(reallocarr(&ptr, bytes, 1), 0); break;
    case 3:
        ptr = recallocarray(ptr, slot->bytes, bytes, 1);
        assert_true(bytes_are((char *)ptr + kept, bytes - kept, 0));
        break;
    default: ptr = realloc(ptr, bytes); break;
    }
    assert_non_null(ptr);
    assert_true(pattern_holds(ptr, kept, slot->seed));
    fill_slot(slot, ptr, bytes, 16, random_next(seed));
}

static void empty_by_some_way(struct slot *slot, uint64_t *seed)
{
    check_slot(slot);
    errno = 1234;
    switch (random_below(seed, 6)) {
    case 0: freezero(slot->ptr, slot->bytes); break;
    case 1: assert_null(realloc(slot->ptr, any_size(0))); break;
    default: free(slot->ptr); break;
    }
    assert_int_equal(errno, 1234);
    *slot = (struct slot){.ptr = NULL};
}

// Every slot appears with its exact size, except where pvalloc rounded it up.
static void check_against_show(void)
{
    struct show_report report;
    if (!show_take(&report, show_alloc_mem)) {
        fail_msg("%s", report.problem);
    }
    for (size_t index = 0; index < SLOT_COUNT; index++) {
        const struct slot *slot = &slots[index];
        if (slot->ptr != NULL) {
            const struct show_line *line = show_find(&report, slot->ptr);
            assert_non_null(line);
            size_t pages = (slot->bytes + page_bytes - 1) / page_bytes;
            bool exact = line->bytes == slot->bytes;
            bool paged = slot->alignment == page_bytes && line->bytes == pages * page_bytes;
            assert_true(exact || paged);
        }
    }
    show_drop(&report);
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = first_seed;
    for (size_t step = 0; step < STEP_COUNT; step++) {
        // The number of live slots swells and shrinks, so that zones fill up and become empty.
        size_t reach = 1 + SLOT_COUNT * (step / 512 % 8) / 8;
        struct slot *slot = &slots[random_below(&seed, reach)];
        if (slot->ptr == NULL) {
            fill_by_some_way(slot, &seed);
        } else if (random_below(&seed, 3) == 0) {
            resize_by_some_way(slot, &seed);
        } else {
            empty_by_some_way(slot, &seed);
        }
        if (step % (STEP_COUNT / 20) == 0) {
            check_against_show();
        }
    }
    for (size_t index = 0; index < SLOT_COUNT; index++) {
        if (slots[index].ptr != NULL) {
            empty_by_some_way(&slots[index], &seed);
        }
    }
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 1) {
        first_seed = strtoull(arguments[1], NULL, 0);
    }
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    printf("seed %llu\n", (unsigned long long)first_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
