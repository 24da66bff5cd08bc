// SPDX-License-Identifier: MIT
// ft_malloc_stats_print and the table at the process's end. The first argument is the path of stats_probe. What is
// written as JSON and for Prometheus is read by programs in test_stats_read.py.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { TEXT_BYTES = 1 << 16, SCREEN_COLUMNS = 80, SCREEN_LINES = 24 };

static char text[TEXT_BYTES];
static struct child child;

// What is written in a form, without an allocation.
static const char *printed(enum ft_malloc_stats_form form)
{
    int file = memfd_create("stats", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(ft_malloc_stats_print(file, form), 0);
    ssize_t length = pread(file, text, sizeof(text) - 1, 0);
    assert_true(length > 0);
    text[length] = '\0';
    close(file);
    return text;
}

// The number behind the first occurrence of a word in what was printed last.
static unsigned long long number_after(const char *word)
{
    const char *found = strstr(text, word);
    assert_non_null(found);
    return strtoull(found + strlen(word), NULL, 10);
}

// Each part of the JSON's object `parts`.
static const char *const parts[] = {
    "\"live\": ",   "\"rounding\": ", "\"zones\": ",    "\"stacks\": ",
    "\"hands\": ",  "\"home\": ",     "\"dirty\": ",    "\"clean\": ",
    "\"virgin\": ", "\"leaving\": ",  "\"metadata\": ",
};

// The equation: all parts together are what is committed.
static void expect_the_parts_add_up(void)
{
    printed(FT_MALLOC_STATS_JSON);
    unsigned long long committed = number_after("\"committed_bytes\": ");
    unsigned long long sum = 0;
    for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
        sum += number_after(parts[part]);
    }
    assert_int_equal(sum, committed);
    assert_true(number_after("\"untouched_bytes\": ") < committed);
}

// ---- forms --------------------------------------------------------------------------------------

static void the_table_fits_one_screen(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    void *ptrs[COUNT];
    for (size_t index = 0; index < COUNT; index++) {
        ptrs[index] = launder(malloc((size_t)1 << (index % 20)));
    }
    const char *line = printed(FT_MALLOC_STATS_TABLE);
    size_t line_count = 0;
    for (; *line != '\0'; line_count++) {
        size_t length = strcspn(line, "\n");
        assert_int_equal(line[length], '\n');
        assert_in_range(length, 1, SCREEN_COLUMNS);
        line += length + 1;
    }
    assert_in_range(line_count, 15, SCREEN_LINES);
    assert_non_null(strstr(text, "requested by the program "));
    assert_non_null(strstr(text, "sum: committed "));
    assert_non_null(strstr(text, "may be resident "));
    assert_non_null(strstr(text, "a mapping "));
    assert_non_null(strstr(text, "#"));
    for (size_t index = 0; index < COUNT; index++) {
        free(ptrs[index]);
    }
}

static void the_parts_add_up_in_random_states(void **state)
{
    (void)state;
    enum { COUNT = 500, STEPS = 20000 / SHORTER };
    static void *ptrs[COUNT];
    uint64_t seed = 71;
    for (size_t step = 0; step < STEPS; step++) {
        void **ptr = &ptrs[random_below(&seed, COUNT)];
        free(*ptr);
        *ptr = random_below(&seed, 3) != 0 ? malloc(random_size(&seed)) : NULL;
        if (step % 250 == 0) {
            expect_the_parts_add_up();
        }
    }
    for (size_t index = 0; index < COUNT; index++) {
        free(ptrs[index]);
    }
    expect_the_parts_add_up();
}

static void what_is_requested_is_told_to_the_byte(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 42, 1000, 5000, 100000, 1000001, 300000000};
    for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        printed(FT_MALLOC_STATS_JSON);
        unsigned long long before = number_after("\"parts\": {\"live\": ");
        void *ptr = launder(malloc(sizes[index]));
        assert_non_null(ptr);
        printed(FT_MALLOC_STATS_JSON);
        assert_int_equal(number_after("\"parts\": {\"live\": "), before + sizes[index]);
        free(ptr);
        printed(FT_MALLOC_STATS_JSON);
        assert_int_equal(number_after("\"parts\": {\"live\": "), before);
    }
}

static void the_most_that_was_committed_is_told_and_stays(void **state)
{
    (void)state;
    enum { BYTES = 300000000 };
    printed(FT_MALLOC_STATS_JSON);
    unsigned long long before = number_after("\"committed_bytes\": ");
    void *ptr = launder(malloc(BYTES));
    assert_non_null(ptr);
    printed(FT_MALLOC_STATS_JSON);
    unsigned long long most = number_after("\"committed_bytes_max\": ");
    assert_true(most >= before + BYTES);
    assert_true(most >= number_after("\"committed_bytes\": "));
    free(ptr);
    printed(FT_MALLOC_STATS_JSON);
    assert_true(number_after("\"committed_bytes\": ") < before + BYTES);
    assert_int_equal(number_after("\"committed_bytes_max\": "), most);
    printed(FT_MALLOC_STATS_TABLE);
    assert_non_null(strstr(text, "  most that ever was  "));
}

static void every_form_has_the_same_figures(void **state)
{
    (void)state;
    printed(FT_MALLOC_STATS_JSON);
    unsigned long long live = number_after("\"parts\": {\"live\": ");
    unsigned long long committed = number_after("\"committed_bytes\": ");
    unsigned long long most = number_after("\"committed_bytes_max\": ");
    printed(FT_MALLOC_STATS_PROMETHEUS);
    assert_int_equal(number_after("\nft_malloc_bytes{part=\"live\"} "), live);
    assert_int_equal(number_after("\nft_malloc_committed_bytes "), committed);
    assert_int_equal(number_after("\nft_malloc_committed_bytes_max "), most);
}

static void a_form_that_is_none_is_refused(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(ft_malloc_stats_print(1, (enum ft_malloc_stats_form)3), -1);
    assert_int_equal(errno, EINVAL);
    errno = 1234;
    assert_int_equal(ft_malloc_stats_print(-1, FT_MALLOC_STATS_TABLE), 0);
    assert_int_equal(errno, 1234);
}

// ---- threads ------------------------------------------------------------------------------------

enum { THREAD_COUNT = 3, OWN_COUNT = 300, MAILBOX_COUNT = 64 };

static _Atomic(void *) mailboxes[MAILBOX_COUNT];
static atomic_bool is_over;

// Allocates, frees, and has others free.
static void *churn(void *argument)
{
    void *own[OWN_COUNT] = {NULL};
    uint64_t seed = (uintptr_t)argument;
    while (!atomic_load(&is_over)) {
        void **ptr = &own[random_below(&seed, OWN_COUNT)];
        free(*ptr);
        *ptr = malloc(random_size(&seed) / 64);
        free(atomic_exchange(&mailboxes[random_below(&seed, MAILBOX_COUNT)], malloc(40)));
    }
    for (size_t index = 0; index < OWN_COUNT; index++) {
        free(own[index]);
    }
    return NULL;
}

static void the_parts_add_up_while_other_threads_allocate(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, churn, (void *)(index + 1)), 0);
    }
    for (unsigned round = 0; round < 500 / SHORTER; round++) {
        expect_the_parts_add_up();
    }
    atomic_store(&is_over, true);
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
    for (size_t index = 0; index < MAILBOX_COUNT; index++) {
        free(atomic_exchange(&mailboxes[index], NULL));
    }
    expect_the_parts_add_up();
}

// ---- at the end ---------------------------------------------------------------------------------

static char *probe;

// How many lines the probe writes to standard error when it ends so.
static size_t lines_at(const char *end, const char *file, const char *setting)
{
    char *const argv[] = {probe, (char *)(uintptr_t)end, (char *)(uintptr_t)file, NULL};
    child_run(&child, argv, (const char *[]){setting, NULL});
    assert_true(child_exited_with(&child, 0));
    return text_line_count(child.err);
}

static void the_table_comes_at_the_end_if_it_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(lines_at("return", NULL, NULL), 0);
    assert_int_equal(lines_at("return", NULL, "FT_MALLOC_STATS=never"), 0);
    assert_in_range(lines_at("return", NULL, "FT_MALLOC_STATS=exit"), 15, SCREEN_LINES);
    assert_int_equal(strncmp(child.err, "ft_malloc: ", 11), 0);
    assert_int_equal(child.out[0], '\0');
    assert_in_range(lines_at("return", NULL, "FT_MALLOC_OPTIONS=stats=exit"), 15, SCREEN_LINES);
}

static void the_table_comes_though_standard_error_was_closed(void **state)
{
    (void)state;
    assert_in_range(lines_at("close", NULL, "FT_MALLOC_STATS=exit"), 15, SCREEN_LINES);
}

static void the_table_goes_to_no_other_file(void **state)
{
    (void)state;
    char path[] = "/tmp/ft_test_stats_XXXXXX";
    int file = mkstemp(path);
    struct stat about;
    assert_true(file >= 0);
    assert_int_equal(lines_at("reuse", path, "FT_MALLOC_STATS=exit"), 0);
    assert_int_equal(fstat(file, &about), 0);
    assert_int_equal(about.st_size, 0);
    close(file);
    unlink(path);
}

// Its standard error is a pipe whose other end is closed.
static int run_unread(void *argument)
{
    int ends[2];
    char *const argv[] = {argument, (char *)(uintptr_t) "return", NULL};
    if (pipe(ends) != 0 || close(ends[0]) != 0 || dup2(ends[1], STDERR_FILENO) < 0 ||
        setenv("FT_MALLOC_STATS", "exit", 1) != 0) {
        return 2;
    }
    execv(probe, argv);
    return 3;
}

static void a_table_that_nobody_reads_ends_no_process(void **state)
{
    (void)state;
    child_call(&child, run_unread, probe);
    assert_true(child_exited_with(&child, 0));
}

static void no_table_comes_of_a_process_that_just_stops(void **state)
{
    (void)state;
    assert_int_equal(lines_at("quit", NULL, "FT_MALLOC_STATS=exit"), 0);
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_fits_one_screen),
        cmocka_unit_test(the_parts_add_up_in_random_states),
        cmocka_unit_test(what_is_requested_is_told_to_the_byte),
        cmocka_unit_test(the_most_that_was_committed_is_told_and_stays),
        cmocka_unit_test(every_form_has_the_same_figures),
        cmocka_unit_test(a_form_that_is_none_is_refused),
        cmocka_unit_test(the_parts_add_up_while_other_threads_allocate),
        cmocka_unit_test(the_table_comes_at_the_end_if_it_is_asked_for),
        cmocka_unit_test(the_table_comes_though_standard_error_was_closed),
        cmocka_unit_test(the_table_goes_to_no_other_file),
        cmocka_unit_test(a_table_that_nobody_reads_ends_no_process),
        cmocka_unit_test(no_table_comes_of_a_process_that_just_stops),
    };
    probe = argument_count > 1 ? arguments[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
