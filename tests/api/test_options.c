// SPDX-License-Identifier: MIT
// Options: where they come from, which of them wins, and what is said of one that nobody knows. The
// arguments are the path of the probe, and of the probe with misuse=warn as its own options.

#include <ctype.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"

enum outcome { ABORTS, WARNS, IGNORES };

static char *probe;
static char *probe_with_options;
static struct child child;

static void expect_outcome(const char *program, const char *misuse, const char *first,
                           const char *second, enum outcome outcome)
{
    char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)misuse, NULL};
    child_run(&child, argv, (const char *[]){first, second, NULL});
    bool ended_well = child_exited_with(&child, 0) && strcmp(child.out, "went on\n") == 0;
    bool as_expected = outcome == ABORTS ? child_died_of(&child, SIGABRT) : ended_well;
    size_t line_count = outcome == IGNORES ? 0 : 1;
    if (!as_expected || text_line_count(child.err) != line_count) {
        fail_msg("%s with %s %s: status %x, stderr \"%s\"", misuse, first == NULL ? "" : first,
                 second == NULL ? "" : second, (unsigned)child.status, child.err);
    }
}

static void a_misuse_aborts_by_default(void **state)
{
    (void)state;
    expect_outcome(probe, "double", NULL, NULL, ABORTS);
    expect_outcome(probe, "foreign", NULL, NULL, ABORTS);
    expect_outcome(probe, "none", NULL, NULL, IGNORES);
}

static void the_variable_of_a_key_sets_it(void **state)
{
    (void)state;
    expect_outcome(probe, "double", "FT_MALLOC_MISUSE=abort", NULL, ABORTS);
    expect_outcome(probe, "double", "FT_MALLOC_MISUSE=warn", NULL, WARNS);
    expect_outcome(probe, "double", "FT_MALLOC_MISUSE=ignore", NULL, IGNORES);
}

static void misuse_goes_for_foreign_pointers_too(void **state)
{
    (void)state;
    expect_outcome(probe, "foreign", "FT_MALLOC_MISUSE=warn", NULL, WARNS);
    expect_outcome(probe, "foreign", "FT_MALLOC_MISUSE=ignore", NULL, IGNORES);
}

static void foreign_goes_for_foreign_pointers_alone(void **state)
{
    (void)state;
    expect_outcome(probe, "foreign", "FT_MALLOC_FOREIGN=abort", NULL, ABORTS);
    expect_outcome(probe, "foreign", "FT_MALLOC_FOREIGN=warn", NULL, WARNS);
    expect_outcome(probe, "foreign", "FT_MALLOC_FOREIGN=ignore", NULL, IGNORES);
    expect_outcome(probe, "double", "FT_MALLOC_FOREIGN=ignore", NULL, ABORTS);
    expect_outcome(probe, "foreign", "FT_MALLOC_FOREIGN=abort", "FT_MALLOC_MISUSE=ignore", ABORTS);
    expect_outcome(probe, "foreign", "FT_MALLOC_FOREIGN=ignore", "FT_MALLOC_MISUSE=abort", IGNORES);
}

static void one_variable_sets_several_keys(void **state)
{
    (void)state;
    expect_outcome(probe, "double", "FT_MALLOC_OPTIONS=misuse=warn,foreign=ignore", NULL, WARNS);
    expect_outcome(probe, "foreign", "FT_MALLOC_OPTIONS=misuse=warn,foreign=ignore", NULL, IGNORES);
    expect_outcome(probe, "double", "FT_MALLOC_OPTIONS=foreign=ignore,misuse=ignore", NULL,
                   IGNORES);
    expect_outcome(probe, "double", "FT_MALLOC_OPTIONS=", NULL, ABORTS);
}

static void the_program_may_have_options_of_its_own(void **state)
{
    (void)state;
    expect_outcome(probe_with_options, "double", NULL, NULL, WARNS);
}

static void the_environment_overrides_the_program(void **state)
{
    (void)state;
    expect_outcome(probe_with_options, "double", "FT_MALLOC_MISUSE=abort", NULL, ABORTS);
    expect_outcome(probe_with_options, "double", "FT_MALLOC_MISUSE=ignore", NULL, IGNORES);
    expect_outcome(probe_with_options, "double", "FT_MALLOC_OPTIONS=misuse=abort", NULL, ABORTS);
    expect_outcome(probe_with_options, "foreign", "FT_MALLOC_FOREIGN=ignore", NULL, IGNORES);
}

// Looks for a word in a text whatever its case.
static bool names(const char *text, const char *word)
{
    for (; *text != '\0'; text++) {
        size_t length = 0;
        while (word[length] != '\0' && tolower((unsigned char)text[length]) == word[length]) {
            length++;
        }
        if (word[length] == '\0') {
            return true;
        }
    }
    return false;
}

// One line that names both what was written and what may have been meant; the program goes on.
static void expect_complaint(const char *setting, const char *written, const char *meant)
{
    child_run(&child, (char *[]){probe, (char[]){"none"}, NULL}, (const char *[]){setting, NULL});
    bool good = child_exited_with(&child, 0) && text_line_count(child.err) == 1 &&
                strncmp(child.err, "ft_malloc: ", 11) == 0 && names(child.err, written) &&
                names(child.err, meant);
    if (!good) {
        fail_msg("%s: status %x, stderr \"%s\"", setting, (unsigned)child.status, child.err);
    }
}

static void a_misspelt_key_is_named_once_with_the_nearest_right_one(void **state)
{
    (void)state;
    expect_complaint("FT_MALLOC_OPTIONS=misus=warn", "misus", "misuse");
    expect_complaint("FT_MALLOC_OPTIONS=missuse=warn", "missuse", "misuse");
    expect_complaint("FT_MALLOC_OPTIONS=foriegn=warn", "foriegn", "foreign");
    expect_complaint("FT_MALLOC_MISSUSE=warn", "missuse", "misuse");
    expect_complaint("FT_MALLOC_FOREING=warn", "foreing", "foreign");
}

static void a_value_that_is_none_is_named_and_the_default_stays(void **state)
{
    (void)state;
    expect_complaint("FT_MALLOC_MISUSE=wran", "wran", "misuse");
    expect_complaint("FT_MALLOC_OPTIONS=foreign=maybe", "maybe", "foreign");
    child_run(&child, (char *[]){probe, (char[]){"double"}, NULL},
              (const char *[]){"FT_MALLOC_MISUSE=wran", NULL});
    assert_true(child_died_of(&child, SIGABRT));
    assert_int_equal(text_line_count(child.err), 2);
}

static void other_variables_that_only_look_alike_are_nobodys_business(void **state)
{
    (void)state;
    expect_outcome(probe, "none", "FT_MALLOCS=1", "MALLOC_MISUSE=warn", IGNORES);
}

struct unread {
    const char *misuse;
    const char *key;
    const char *value;
};

// Its standard error is a pipe whose other end is closed.
static int run_unread(void *argument)
{
    const struct unread *unread = argument;
    char *const argv[] = {probe, (char *)(uintptr_t)unread->misuse, NULL};
    int ends[2];
    if (pipe(ends) != 0 || close(ends[0]) != 0 || dup2(ends[1], STDERR_FILENO) < 0 ||
        setenv(unread->key, unread->value, 1) != 0) {
        return 2;
    }
    execv(probe, argv);
    return 3;
}

static void a_word_that_nobody_reads_ends_no_process(void **state)
{
    (void)state;
    struct unread unread[] = {
        {"double", "FT_MALLOC_MISUSE", "warn"},        {"foreign", "FT_MALLOC_MISUSE", "warn"},
        {"refused", "FT_MALLOC_EXHAUSTED", "explain"}, {"none", "FT_MALLOC_MISUSE", "wran"},
        {"none", "FT_MALLOC_MISUS", "warn"},           {"none", "FT_MALLOC_TRACE", "/dev/null"},
    };
    for (size_t index = 0; index < sizeof unread / sizeof *unread; index++) {
        child_call(&child, run_unread, &unread[index]);
        if (!child_exited_with(&child, 0) || strcmp(child.out, "went on\n") != 0) {
            fail_msg("%s with %s=%s: status %x", unread[index].misuse, unread[index].key,
                     unread[index].value, (unsigned)child.status);
        }
    }
    struct unread misuse = {"double", "FT_MALLOC_MISUSE", "abort"};
    child_call(&child, run_unread, &misuse);
    assert_true(child_died_of(&child, SIGABRT));
}

// A copy of the probe that belongs to another user and runs as that user.
static bool make_set_user_id_copy(char path[])
{
    char command[4096];
    int file = mkstemp(path);
    if (geteuid() != 0 || file < 0) {
        return false;
    }
    close(file);
    snprintf(command, sizeof command, "cp '%s' '%s'", probe, path);
    return system(command) == 0 && chown(path, 65534, 65534) == 0 && chmod(path, 04755) == 0;
}

static void a_set_user_id_program_heeds_only_what_tightens(void **state)
{
    (void)state;
    char path[] = "/tmp/ft_malloc_setuid_XXXXXX";
    if (!make_set_user_id_copy(path)) {
        unlink(path);
        skip();
    }
    // Where the copy cannot find our library, or the directory forbids set-user-ID, it tells nothing.
    child_run(&child, (char *[]){path, (char[]){"none"}, NULL}, NULL);
    if (!child_exited_with(&child, 0)) {
        unlink(path);
        skip();
    }
    child_run(&child, (char *[]){path, (char[]){"double"}, NULL},
              (const char *[]){"FT_MALLOC_MISUSE=ignore", NULL});
    unlink(path);
    assert_true(child_died_of(&child, SIGABRT));
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 3) {
        fprintf(stderr, "usage: %s PROBE PROBE_WITH_OPTIONS\n", arguments[0]);
        return 2;
    }
    probe = arguments[1];
    probe_with_options = arguments[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_misuse_aborts_by_default),
        cmocka_unit_test(the_variable_of_a_key_sets_it),
        cmocka_unit_test(misuse_goes_for_foreign_pointers_too),
        cmocka_unit_test(foreign_goes_for_foreign_pointers_alone),
        cmocka_unit_test(one_variable_sets_several_keys),
        cmocka_unit_test(the_program_may_have_options_of_its_own),
        cmocka_unit_test(the_environment_overrides_the_program),
        cmocka_unit_test(a_misspelt_key_is_named_once_with_the_nearest_right_one),
        cmocka_unit_test(a_value_that_is_none_is_named_and_the_default_stays),
        cmocka_unit_test(other_variables_that_only_look_alike_are_nobodys_business),
        cmocka_unit_test(a_word_that_nobody_reads_ends_no_process),
        cmocka_unit_test(a_set_user_id_program_heeds_only_what_tightens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
