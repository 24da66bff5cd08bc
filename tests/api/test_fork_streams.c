// SPDX-License-Identifier: MIT
// fork beside threads that use libc's streams: a fork takes the lock of their list, whose holder may wait for a stream, whose
// holder may allocate.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum { READER_COUNT = 3, LINE_BYTES = 900000, SECONDS = 4, SECONDS_MAX = 60, CHILD_SECONDS = 30 };

static atomic_bool stop;
static char text[2 * LINE_BYTES];

static void *flush_until_stopped(void *argument)
{
    while (!atomic_load(&stop)) {
        fflush(NULL);
        usleep(100); // the lock of the list is not fair
    }
    return argument;
}

// Its buffer grows with the stream locked.
static void *read_until_stopped(void *argument)
{
    FILE *stream = fmemopen(text, sizeof text, "r");
    while (!atomic_load(&stop)) {
        char *line = NULL;
        size_t room = 0;
        rewind(stream);
        if (getdelim(&line, &room, '\n', stream) != LINE_BYTES) {
            abort();
        }
        free(line);
    }
    fclose(stream);
    return argument;
}

static void *use_streams(void *argument)
{
    FILE *stream = fopen("/dev/null", "w");
    fflush(NULL);
    if (stream != NULL) {
        fclose(stream);
    }
    return argument;
}

// The list of streams is free in a child: its threads open streams and close them, and so does it itself.
static int use_streams_in_threads(void)
{
    pthread_t thread;
    alarm(CHILD_SECONDS);
    use_streams(NULL);
    if (pthread_create(&thread, NULL, use_streams, NULL) != 0) {
        return 1;
    }
    use_streams(NULL);
    return pthread_join(thread, NULL);
}

static void expect_child_uses_streams(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(use_streams_in_threads());
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_fork_of_a_process_with_one_thread_leaves_the_streams_free(void **state)
{
    (void)state;
    alarm(SECONDS_MAX); // a deadlock ends the test
    expect_child_uses_streams();
    assert_int_equal(use_streams_in_threads(), 0);
}

static void a_fork_beside_threads_that_use_streams_comes_to_its_end(void **state)
{
    (void)state;
    pthread_t threads[READER_COUNT + 1];
    alarm(SECONDS_MAX);
    memset(text, 'a', sizeof text);
    text[LINE_BYTES - 1] = '\n';
    pthread_create(&threads[READER_COUNT], NULL, flush_until_stopped, NULL);
    for (int index = 0; index < READER_COUNT; index++) {
        pthread_create(&threads[index], NULL, read_until_stopped, NULL);
    }
    for (time_t end = time(NULL) + SECONDS; time(NULL) < end;) {
        expect_child_uses_streams();
    }
    atomic_store(&stop, true);
    for (int index = 0; index <= READER_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_of_a_process_with_one_thread_leaves_the_streams_free),
        cmocka_unit_test(a_fork_beside_threads_that_use_streams_comes_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
