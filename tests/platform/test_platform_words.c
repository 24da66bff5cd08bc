// SPDX-License-Identifier: MIT
// Output, the environment, rights, and cancellation. Every write of this program comes by here, so that
// the tests see what the platform met.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/platform/platform_test.h"

extern char **environ;

static char *program;

// ---- output ---------------------------------------------------------------------------------------

static size_t write_count;
static size_t short_count;
static size_t interrupted_count;

ssize_t __real_write(int descriptor, const void *bytes, size_t count);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t count);

ssize_t __wrap_write(int descriptor, const void *bytes, size_t count)
{
    ssize_t written = __real_write(descriptor, bytes, count);
    write_count++;
    short_count += written >= 0 && (size_t)written < count;
    interrupted_count += written < 0 && errno == EINTR;
    return written;
}

static void count_anew(void)
{
    write_count = 0;
    short_count = 0;
    interrupted_count = 0;
}

enum { TEXT_BYTES = 100000, PIECE_BYTES = 1000, INTERRUPTIONS_MIN = 3, PATIENCE_MAX = 2000 };

static char text[TEXT_BYTES];
static char received[TEXT_BYTES + PIECE_BYTES];
static size_t received_bytes;
static atomic_int alarm_count;

static void make_text(void)
{
    for (size_t index = 0; index < TEXT_BYTES; index++) {
        text[index] = (char)(index * 31 + index / 256);
    }
}

static void on_alarm(int number)
{
    (void)number;
    atomic_fetch_add(&alarm_count, 1);
}

static void set_alarms(suseconds_t microseconds)
{
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

// Lets the writer wait until it was interrupted a few times, then takes a piece at a time.
static void *read_in_pieces(void *argument)
{
    int descriptor = *(int *)argument;
    for (int wait = 0; wait < PATIENCE_MAX && atomic_load(&alarm_count) < INTERRUPTIONS_MIN;
         wait++) {
        usleep(1000);
    }
    ssize_t got = 0;
    while (received_bytes < TEXT_BYTES &&
           (got = read(descriptor, received + received_bytes, PIECE_BYTES)) > 0) {
        received_bytes += (size_t)got;
        usleep(300);
    }
    while (received_bytes < sizeof received &&
           (got = read(descriptor, received + received_bytes, 1)) > 0) {
        received_bytes += (size_t)got; // more than was written
    }
    return NULL;
}

static void all_bytes_are_written_in_pieces_and_through_interruptions(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    make_text();

    // No SA_RESTART: a write that waits returns with EINTR, or with what it has written. The reader
    // inherits that it gets no such signal.
    struct sigaction action = {.sa_handler = on_alarm};
    struct sigaction old_action;
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigaction(SIGALRM, &action, &old_action);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_in_pieces, &ends[0]), 0);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);

    count_anew();
    set_alarms(2000);
    platform_write(ends[1], text, TEXT_BYTES);
    size_t pieces = short_count;
    size_t interruptions = interrupted_count;
    set_alarms(0);
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    sigaction(SIGALRM, &old_action, NULL);

    assert_int_equal(received_bytes, TEXT_BYTES);
    assert_memory_equal(received, text, TEXT_BYTES);
    assert_in_range(pieces, 1, TEXT_BYTES);
    assert_in_range(interruptions, 1, TEXT_BYTES);
}

static void nothing_is_written_without_a_system_call(void **state)
{
    (void)state;
    count_anew();
    platform_write(PLATFORM_OUTPUT, "x", 0);
    size_t count = write_count;
    assert_int_equal(count, 0);
}

static int write_to_the_standard_streams(void *argument)
{
    (void)argument;
    platform_write(PLATFORM_OUTPUT, "out\0put", 7);
    platform_write(PLATFORM_ERRORS, "errors", 6);
    return 0;
}

static void the_descriptors_are_those_of_output_and_errors(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, write_to_the_standard_streams, NULL);
    assert_memory_equal(child.out, "out\0put", 8);
    assert_string_equal(child.err, "errors");
}

static int write_to_a_closed_descriptor(void *argument)
{
    (void)argument;
    int ends[2];
    if (pipe(ends) != 0) {
        return 1;
    }
    alarm(10);
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    count_anew();
    platform_write(ends[1], text, TEXT_BYTES); // EPIPE
    if (write_count != 1) {
        return 2;
    }
    close(ends[1]);
    platform_write(ends[1], text, TEXT_BYTES); // EBADF
    return write_count == 2 ? 0 : 3;
}

static void a_closed_descriptor_is_given_up_at_once(void **state)
{
    (void)state;
    expect_in_child(write_to_a_closed_descriptor, NULL); // which SIGALRM ends, if it tries for ever
}

// ---- the environment and rights -------------------------------------------------------------------

static void the_environment_is_given_entry_by_entry(void **state)
{
    (void)state;
    assert_int_equal(setenv("FT_PLATFORM_TEST", "yes", 1), 0);
    assert_true(platform_environment_is_there());
    size_t index = 0;
    bool has_ours = false;
    for (; environ[index] != NULL; index++) {
        assert_ptr_equal(platform_environment(index), environ[index]);
        has_ours = has_ours || strcmp(environ[index], "FT_PLATFORM_TEST=yes") == 0;
    }
    assert_null(platform_environment(index));
    assert_true(has_ours);
}

static void an_environment_that_is_not_there_has_no_entries(void **state)
{
    (void)state;
    char **kept = environ;
    environ = NULL;
    bool is_there = platform_environment_is_there();
    const char *first = platform_environment(0);
    const char *second = platform_environment(1);
    environ = kept;
    assert_false(is_there);
    assert_null(first);
    assert_null(second);
}

enum { IS_NOT_POSSIBLE = 77 };

static int report_rights(void)
{
    if (geteuid() == getuid()) {
        return IS_NOT_POSSIBLE; // the file system does not know of set-user-ID
    }
    return platform_is_privileged() ? 0 : 1;
}

static void an_ordinary_process_is_not_privileged(void **state)
{
    (void)state;
    assert_int_equal(geteuid(), getuid());
    assert_false(platform_is_privileged());
}

// Copies this program beside itself, as set-user-ID of somebody else.
static bool make_privileged_copy(const char *path)
{
    enum { NOBODY = 65534 };
    static char bytes[65536];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t got = 0;
    bool is_whole = from >= 0 && to >= 0;
    while (is_whole && (got = read(from, bytes, sizeof bytes)) > 0) {
        is_whole = write(to, bytes, (size_t)got) == got;
    }
    is_whole = is_whole && got == 0 && fchown(to, NOBODY, NOBODY) == 0 && fchmod(to, 04755) == 0;
    close(from);
    close(to);
    return is_whole;
}

static void a_set_user_id_program_is_privileged(void **state)
{
    (void)state;
    if (IS_SANITIZED || geteuid() != 0) {
        skip();
    }
    char path[4096];
    snprintf(path, sizeof path, "%s.%d.setuid", program, (int)getpid());
    static struct child child;
    bool is_made = make_privileged_copy(path);
    if (is_made) {
        child_run(&child, (char *[]){path, (char[]){"rights"}, NULL}, NULL);
    }
    unlink(path);
    if (!is_made || child_exited_with(&child, IS_NOT_POSSIBLE)) {
        skip();
    }
    assert_string_equal(child.err, "");
    assert_true(child_exited_with(&child, 0));
}

// ---- cancellation ---------------------------------------------------------------------------------

static atomic_bool is_cancelled;
static atomic_bool is_disabled;
static atomic_int reached;

// Each number is reached if the thread still lives there.
static void *live_through_a_cancellation(void *argument)
{
    int descriptor = *(int *)argument;
    int outer = platform_cancel_disable();
    atomic_store(&is_disabled, true);
    while (!atomic_load(&is_cancelled)) {
        usleep(1000);
    }
    pthread_testcancel();
    atomic_store(&reached, 1);
    int inner = platform_cancel_disable();
    platform_write(descriptor, "x", 1);
    platform_cancel_restore(inner);
    pthread_testcancel(); // still disabled, as it was before the inner pair
    atomic_store(&reached, 2);
    platform_cancel_restore(outer);
    pthread_testcancel();
    atomic_store(&reached, 3);
    return NULL;
}

static void a_thread_is_cancelled_only_after_the_outermost_restore(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, live_through_a_cancellation, &ends[1]), 0);
    while (!atomic_load(&is_disabled)) {
        usleep(1000);
    }
    assert_int_equal(pthread_cancel(thread), 0);
    atomic_store(&is_cancelled, true);
    void *result = NULL;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(atomic_load(&reached), 2);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    char byte = 0;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 2 && strcmp(arguments[1], "rights") == 0) {
        return report_rights();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_are_written_in_pieces_and_through_interruptions),
        cmocka_unit_test(nothing_is_written_without_a_system_call),
        cmocka_unit_test(the_descriptors_are_those_of_output_and_errors),
        cmocka_unit_test(a_closed_descriptor_is_given_up_at_once),
        cmocka_unit_test(the_environment_is_given_entry_by_entry),
        cmocka_unit_test(an_environment_that_is_not_there_has_no_entries),
        cmocka_unit_test(an_ordinary_process_is_not_privileged),
        cmocka_unit_test(a_set_user_id_program_is_privileged),
        cmocka_unit_test(a_thread_is_cancelled_only_after_the_outermost_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
