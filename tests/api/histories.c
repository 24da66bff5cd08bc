// SPDX-License-Identifier: MIT
#include "tests/api/histories.h"

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"

#include <stdint.h>
#include <string.h>

enum { HISTORIES_MAX = 64, HISTORY_UNKNOWN = 99 };

static char *program;

static void play(void **state)
{
    const struct history *history = *state;
    static struct child child;
    char name[64];
    assert_true(strlen(history->name) < sizeof name);
    strcpy(name, history->name);
    child_run(&child, (char *[]){program, name, NULL}, NULL);
    if (child_exited_with(&child, HISTORY_SKIPPED)) {
        skip();
    }
    if (!child_exited_with(&child, 0)) {
        fail_msg("status %x: %s", (unsigned)child.status, child.err);
    }
}

int histories_main(int argument_count, char **arguments, const struct history *histories,
                   size_t count)
{
    if (argument_count > 1) {
        for (size_t index = 0; index < count; index++) {
            if (strcmp(arguments[1], histories[index].name) == 0) {
                return histories[index].play();
            }
        }
        return HISTORY_UNKNOWN;
    }
    if (count > HISTORIES_MAX) {
        return HISTORY_UNKNOWN;
    }
    program = arguments[0];
    struct CMUnitTest tests[HISTORIES_MAX] = {{.name = NULL}};
    for (size_t index = 0; index < count; index++) {
        tests[index] = (struct CMUnitTest){
            .name = histories[index].name,
            .test_func = play,
            .initial_state = (void *)(uintptr_t)&histories[index],
        };
    }
    return cmocka_run_group_tests(tests, NULL, NULL); // those without a name are none
}
