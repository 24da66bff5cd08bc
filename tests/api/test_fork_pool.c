// SPDX-License-Identifier: MIT
// Forks in a program with a library whose fork handlers wait for threads that allocate. Linked with the library and the
// archive, and once with nothing but the archive and a static libc.

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void fork_pool_begin(void);

enum { FORK_COUNT = 300, SECONDS_MAX = 60, CHILD_SECONDS = 30 };

static int live_as_a_child(void)
{
    alarm(CHILD_SECONDS);
    void *small = malloc(100);
    void *large = malloc(100000);
    int failed = small == NULL || large == NULL;
    free(small);
    free(large);
    return failed;
}

int main(void)
{
    alarm(SECONDS_MAX); // a deadlock ends the test
    fork_pool_begin();
    for (int number = 0; number < FORK_COUNT; number++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(live_as_a_child());
        }
        int status = -1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            printf("FAILED: child %d ends with %d\n", number, status);
            _exit(1);
        }
    }
    printf("ok: %d children\n", FORK_COUNT);
    fflush(stdout);
    _exit(0); // the workers go on
}
