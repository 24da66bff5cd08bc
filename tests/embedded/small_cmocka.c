// SPDX-License-Identifier: MIT
// As much of cmocka as the tests of ft_core want, for machines that the system has no cmocka for: the first
// failure ends the program.
#include "tests/core/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *test_name;

static void judge(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        printf("%s:%d: %s: %s\n", file, line, test_name, what);
        exit(1);
    }
}

void _assert_true(const LargestIntegralType result, const char *const expression,
                  const char *const file, const int line)
{
    judge(result != 0, expression, file, line);
}

void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
                       const char *const file, const int line)
{
    judge(a == b, "two numbers differ", file, line);
}

void _assert_int_not_equal(const LargestIntegralType a, const LargestIntegralType b,
                           const char *const file, const int line)
{
    judge(a != b, "two numbers are the same", file, line);
}

void _assert_in_range(const LargestIntegralType value, const LargestIntegralType minimum,
                      const LargestIntegralType maximum, const char *const file, const int line)
{
    judge(minimum <= value && value <= maximum, "a number is out of range", file, line);
}

void _assert_memory_equal(const void *const a, const void *const b, const size_t size,
                          const char *const file, const int line)
{
    judge(memcmp(a, b, size) == 0, "two memories differ", file, line);
}

void _assert_string_equal(const char *const a, const char *const b, const char *const file,
                          const int line)
{
    judge(strcmp(a, b) == 0, "two strings differ", file, line);
}

void print_message(const char *const format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

int _cmocka_run_group_tests(const char *group_name, const struct CMUnitTest *const tests,
                            const size_t num_tests, CMFixtureFunction group_setup,
                            CMFixtureFunction group_teardown)
{
    (void)group_setup;
    (void)group_teardown;
    for (size_t each = 0; each < num_tests; each++) {
        void *state = NULL;
        test_name = tests[each].name;
        tests[each].test_func(&state);
    }
    printf("%s: %zu passed\n", group_name, num_tests);
    return 0;
}
