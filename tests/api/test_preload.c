// SPDX-License-Identifier: MIT
// LD_PRELOAD: a plain C program gets our malloc and no libstdc++. Its arguments are the path of the
// library and of that program.

#include <stdio.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"

static char preload[4096];
static char *program;
static struct child child;

static void a_plain_c_program_runs_preloaded_without_libstdcxx(void **state)
{
    (void)state;
    child_run(&child, (char *[]){program, NULL}, (const char *[]){preload, NULL});
    assert_string_equal(child.err, "");
    assert_string_equal(child.out, "libft_malloc 1 libstdc++ 0\n");
    assert_true(child_exited_with(&child, 0));
}

static void the_same_program_runs_without_us(void **state)
{
    (void)state;
    child_run(&child, (char *[]){program, NULL}, NULL);
    assert_string_equal(child.out, "libft_malloc 0 libstdc++ 0\n");
    assert_true(child_exited_with(&child, 0));
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 3) {
        fprintf(stderr, "usage: %s LIBRARY PROGRAM\n", arguments[0]);
        return 2;
    }
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", arguments[1]);
    program = arguments[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_c_program_runs_preloaded_without_libstdcxx),
        cmocka_unit_test(the_same_program_runs_without_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
