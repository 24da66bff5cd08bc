// SPDX-License-Identifier: MIT
// Forks in a program with a library whose fork handlers allocate.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

int fork_handlers_called(void);

static void a_fork_lets_the_handlers_of_other_libraries_allocate(void **state)
{
    (void)state;
    alarm(60); // a deadlock ends the test
    for (int round = 0; round < 20; round++) {
        int before = fork_handlers_called();
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            void *ptr = malloc(100000);
            free(ptr);
            _exit(ptr != NULL && fork_handlers_called() == before + 2 ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(fork_handlers_called(), before + 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_lets_the_handlers_of_other_libraries_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
