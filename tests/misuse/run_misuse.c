// SPDX-License-Identifier: MIT
// Runs one misuse program under every setting of the options and compares with what is expected:
//
//     run_misuse PROGRAM plain|foreign REGEX
//
// By default, and where the options say abort, it prints one line on standard error that matches the
// extended regular expression, and dies of SIGABRT; with warn it prints that line, goes on and
// exits with 0; with ignore it does so in silence. FT_MALLOC_FOREIGN is for foreign pointers alone.

#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/child.h"

enum outcome { ABORTS, WARNS, IGNORES };

static const char *const outcome_names[] = {"abort after one line", "go on after one line",
                                            "go on in silence"};

static const struct {
    const char *settings[3];
    enum outcome plain;
    enum outcome foreign;
} runs[] = {
    {{NULL}, ABORTS, ABORTS},
    {{"FT_MALLOC_MISUSE=abort", NULL}, ABORTS, ABORTS},
    {{"FT_MALLOC_MISUSE=warn", NULL}, WARNS, WARNS},
    {{"FT_MALLOC_MISUSE=ignore", NULL}, IGNORES, IGNORES},
    {{"FT_MALLOC_FOREIGN=warn", NULL}, ABORTS, WARNS},
    {{"FT_MALLOC_FOREIGN=ignore", NULL}, ABORTS, IGNORES},
    {{"FT_MALLOC_MISUSE=ignore", "FT_MALLOC_FOREIGN=abort", NULL}, IGNORES, ABORTS},
    {{"FT_MALLOC_MISUSE=warn", "FT_MALLOC_FOREIGN=ignore", NULL}, WARNS, IGNORES},
};

static struct child child;

static bool is_one_matching_line(const char *text, const regex_t *expected)
{
    size_t length = strlen(text);
    return text_line_count(text) == 1 && text[length - 1] == '\n' &&
           regexec(expected, text, 0, NULL, 0) == 0;
}

static bool outcome_is(enum outcome outcome, const regex_t *expected)
{
    bool line = is_one_matching_line(child.err, expected);
    switch (outcome) {
    case ABORTS: return line && child_died_of(&child, SIGABRT);
    case WARNS: return line && child_exited_with(&child, 0);
    case IGNORES:
    default: return child.err[0] == '\0' && child_exited_with(&child, 0);
    }
}

int main(int argument_count, char **arguments)
{
    regex_t expected;
    if (argument_count != 4 || regcomp(&expected, arguments[3], REG_EXTENDED | REG_NEWLINE) != 0) {
        fprintf(stderr, "usage: %s PROGRAM plain|foreign REGEX\n", arguments[0]);
        return 2;
    }
    bool foreign = strcmp(arguments[2], "foreign") == 0;
    int failure_count = 0;
    for (size_t index = 0; index < sizeof runs / sizeof *runs; index++) {
        enum outcome outcome = foreign ? runs[index].foreign : runs[index].plain;
        child_run(&child, (char *[]){arguments[1], NULL}, runs[index].settings);
        bool good = outcome_is(outcome, &expected) && child.out[0] == '\0';
        printf("%s: with %s it should %s\n", good ? "ok" : "FAILED",
               runs[index].settings[0] == NULL ? "no option" : runs[index].settings[0],
               outcome_names[outcome]);
        if (!good) {
            printf("  wait status %#x, expected line %s\n  standard error:\n%s\n",
                   (unsigned)child.status, arguments[3], child.err);
            failure_count++;
        }
    }
    regfree(&expected);
    return failure_count == 0 ? 0 : 1;
}
