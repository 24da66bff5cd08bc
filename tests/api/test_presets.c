// SPDX-License-Identifier: MIT
// What presets, and the options that they are made of, do to a program: this one, run again with an argument.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum {
    SMALL_COUNT = 60000,
    SMALL_STEPS = 64,
    SMALL_STEP_BYTES = 32,
    LARGE_COUNT = 400,
    LARGE_BYTES = 100 << 10
};

// How many KiB of mappings are to be huge pages.
static size_t count_huge(void)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    size_t size = 0;
    size_t huge = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "Size: %zu kB", &size);
        if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg") != NULL) {
            huge += size;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return huge;
}

// Tells what the calling thread has at hand when all of many chunks are freed, what is kept of it all, and what is huge.
static int tell(void)
{
    static void *small[SMALL_COUNT];
    static void *large[LARGE_COUNT];
    for (size_t index = 0; index < SMALL_COUNT; index++) {
        small[index] = malloc((1 + index % SMALL_STEPS) * SMALL_STEP_BYTES);
    }
    for (size_t index = 0; index < LARGE_COUNT; index++) {
        large[index] = malloc(LARGE_BYTES);
        memset(large[index], 1, LARGE_BYTES);
    }
    size_t huge = count_huge();
    for (size_t index = 0; index < LARGE_COUNT; index++) {
        free(large[index]);
    }
    for (size_t index = 0; index < SMALL_COUNT; index++) {
        free(small[index]);
    }
    struct mallinfo2 info = mallinfo2();
    char *filled = malloc(10);
    printf("%zu %zu %zu %d\n", info.fsmblks, info.keepcost, huge, (unsigned char)filled[9]);
    free(filled);
    return 0;
}

static char *program;
static struct child child;

struct told {
    size_t at_hand;
    size_t kept;
    size_t huge;
    unsigned fill;
};

static struct told run(const char *option, const char *more)
{
    struct told told = {.at_hand = 0};
    child_run(&child, (char *[]){program, (char[]){"tell"}, NULL},
              (const char *[]){option, more, NULL});
    if (!child_exited_with(&child, 0) || sscanf(child.out, "%zu %zu %zu %u", &told.at_hand,
                                                &told.kept, &told.huge, &told.fill) != 4) {
        fail_msg("%s: status %x, \"%s\", \"%s\"", option, (unsigned)child.status, child.out,
                 child.err);
    }
    return told;
}

static void a_thread_keeps_at_hand_what_the_option_says(void **state)
{
    (void)state;
    struct told usual = run("FT_MALLOC_CACHE=usual", NULL);
    struct told little = run("FT_MALLOC_CACHE=64K", NULL);
    struct told much = run("FT_MALLOC_CACHE=16M", NULL);
    assert_in_range(usual.at_hand, 256 << 10, 1 << 20);
    assert_in_range(little.at_hand, 1, 128 << 10); // beside what each stack holds at least
    assert_in_range(much.at_hand, (1 << 20) + 1, 16 << 20);
}

static void memory_keeps_less_and_speed_more(void **state)
{
    (void)state;
    struct told balanced = run("FT_MALLOC_PRESET=balanced", NULL);
    struct told memory = run("FT_MALLOC_PRESET=memory", NULL);
    struct told speed = run("FT_MALLOC_PRESET=speed", NULL);
    assert_true(memory.kept < balanced.kept && balanced.kept < speed.kept);
    assert_in_range(memory.kept, 0, 8 << 20);
    assert_true(speed.kept > LARGE_COUNT * LARGE_BYTES);
    assert_true(memory.at_hand < balanced.at_hand && balanced.at_hand < speed.at_hand);
    assert_true(run("FT_MALLOC_PRESET=speed", "FT_MALLOC_RESERVE=0").kept < balanced.kept);
}

static void huge_pages_are_asked_for_where_that_is_said(void **state)
{
    (void)state;
    assert_int_equal(run("FT_MALLOC_PRESET=balanced", NULL).huge, 0);
    assert_int_equal(run("FT_MALLOC_PRESET=memory", NULL).huge, 0);
    assert_int_equal(run("FT_MALLOC_PRESET=speed", "FT_MALLOC_HUGE=0").huge, 0);
    if (fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r") == NULL) {
        return; // the system has none
    }
    assert_true(run("FT_MALLOC_PRESET=speed", NULL).huge >= LARGE_COUNT * (LARGE_BYTES >> 10) / 2);
    assert_true(run("FT_MALLOC_HUGE=1", NULL).huge > 0);
}

static void hardened_and_debug_fill(void **state)
{
    (void)state;
    assert_int_equal(run("FT_MALLOC_PRESET=hardened", NULL).fill, 255 - 165);
    assert_int_equal(text_line_count(child.err), 0);
    assert_int_equal(run("FT_MALLOC_PRESET=debug", NULL).fill, 255 - 165);
    assert_non_null(strstr(child.err, "MEMORY LEAK REPORT"));
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 2) {
        return tell();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_keeps_at_hand_what_the_option_says),
        cmocka_unit_test(memory_keeps_less_and_speed_more),
        cmocka_unit_test(huge_pages_are_asked_for_where_that_is_said),
        cmocka_unit_test(hardened_and_debug_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
