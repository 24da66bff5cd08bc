// SPDX-License-Identifier: MIT
// Where show_alloc_mem's text goes: a full pipe, nowhere, a thread that is being cancelled, a program
// whose other threads allocate meanwhile. It never deadlocks, and nobody waits for its reader.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { KEPT_COUNT = 4000, THREAD_COUNT = 4, TEXT_BYTES_MAX = 8 << 20 };

static void *kept_ptrs[KEPT_COUNT];
static size_t kept_sizes[KEPT_COUNT];
static atomic_bool stop;
static atomic_long step_count;

// Enough live chunks for a text that no pipe holds at once.
static int make_kept_chunks(void **state)
{
    (void)state;
    uint64_t seed = 31;
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        kept_sizes[index] = random_size(&seed) / 16;
        kept_ptrs[index] = malloc(kept_sizes[index]);
    }
    return 0;
}

static int free_kept_chunks(void **state)
{
    (void)state;
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        free(kept_ptrs[index]);
    }
    return 0;
}

static void *allocate_until_stopped(void *argument)
{
    void *ptrs[64] = {NULL};
    uint64_t seed = (uintptr_t)argument;
    while (!atomic_load(&stop)) {
        size_t index = random_below(&seed, 64);
        free(ptrs[index]);
        ptrs[index] = malloc(random_size(&seed));
        atomic_fetch_add(&step_count, 1);
    }
    for (size_t index = 0; index < 64; index++) {
        free(ptrs[index]);
    }
    return NULL;
}

static void start(pthread_t threads[THREAD_COUNT])
{
    atomic_store(&stop, false);
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        pthread_create(&threads[index], NULL, allocate_until_stopped, (void *)(index + 1));
    }
}

static void finish(pthread_t threads[THREAD_COUNT])
{
    atomic_store(&stop, true);
    for (int index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
}

static bool kept_chunks_are_in(const struct show_report *report)
{
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        const struct show_line *line = show_find(report, kept_ptrs[index]);
        if (line == NULL || line->bytes != kept_sizes[index]) {
            return false;
        }
    }
    return true;
}

static void the_text_is_valid_while_other_threads_allocate(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    start(threads);
    for (int round = 0; round < 30 / SHORTER + 1; round++) {
        struct show_report report;
        if (!show_take(&report, show_alloc_mem)) {
            fail_msg("%s", report.problem);
        }
        assert_true(kept_chunks_are_in(&report));
        show_drop(&report);
    }
    finish(threads);
}

static void *call_show(void *argument)
{
    (void)argument;
    show_alloc_mem();
    return NULL;
}

// Standard output becomes a pipe; what is read from it later is checked.
struct piped {
    int read_end;
    int saved_stdout;
};

static struct piped pipe_stdout(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETPIPE_SZ, 4096);
    fflush(stdout);
    struct piped piped = {.read_end = ends[0], .saved_stdout = dup(STDOUT_FILENO)};
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    return piped;
}

static void restore_stdout(const struct piped *piped)
{
    dup2(piped->saved_stdout, STDOUT_FILENO);
    close(piped->saved_stdout);
}

// Reads on until the line of the total is there.
static size_t read_whole_text(int file, char *text)
{
    size_t length = 0;
    ssize_t got;
    while ((got = read(file, text + length, TEXT_BYTES_MAX - length)) > 0) {
        length += (size_t)got;
        if (text[length - 1] == '\n' && memmem(text, length, "Total : ", 8) != NULL) {
            break;
        }
    }
    return length;
}

static char text[TEXT_BYTES_MAX];

static void others_allocate_while_the_reader_of_a_full_pipe_sleeps(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    pthread_t shower;
    struct piped piped = pipe_stdout();
    start(threads);
    pthread_create(&shower, NULL, call_show, NULL);
    usleep(200000);
    // The pipe is full and show_alloc_mem sits in its write: everybody else goes on.
    long before = atomic_load(&step_count);
    for (int wait = 0; wait < 200 && atomic_load(&step_count) < before + 1000; wait++) {
        usleep(50000);
    }
    bool went_on = atomic_load(&step_count) >= before + 1000;
    size_t length = read_whole_text(piped.read_end, text);
    pthread_join(shower, NULL);
    finish(threads);
    restore_stdout(&piped);
    close(piped.read_end);
    assert_true(went_on);
    struct show_report report;
    if (!show_read(&report, text, length)) {
        fail_msg("%s", report.problem);
    }
    assert_true(kept_chunks_are_in(&report));
    show_drop(&report);
}

static void a_cancelled_thread_ends_its_report_and_leaves_no_lock(void **state)
{
    (void)state;
    pthread_t shower;
    struct piped piped = pipe_stdout();
    pthread_create(&shower, NULL, call_show, NULL);
    usleep(100000);
    pthread_cancel(shower);
    usleep(100000);
    size_t length = read_whole_text(piped.read_end, text);
    pthread_join(shower, NULL);
    restore_stdout(&piped);
    close(piped.read_end);
    struct show_report report;
    bool valid = show_read(&report, text, length);
    show_drop(&report);
    assert_true(valid);
    assert_true(show_has(show_alloc_mem, kept_ptrs[0], kept_sizes[0]));
}

static int show_with_closed_stdout(void *argument)
{
    (void)argument;
    close(STDOUT_FILENO);
    errno = 77;
    show_alloc_mem();
    if (errno != 77) {
        return 2;
    }
    void *ptr = malloc(100000);
    free(ptr);
    return ptr == NULL;
}

static void a_closed_stdout_is_survived(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, show_with_closed_stdout, NULL);
    assert_string_equal(child.err, "");
    assert_true(child_exited_with(&child, 0));
}

static int show_to_a_pipe_without_reader(void *argument)
{
    (void)argument;
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    if (pipe(ends) != 0) {
        return 2;
    }
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    show_alloc_mem();
    void *ptr = malloc(100000);
    free(ptr);
    return ptr == NULL;
}

static void a_pipe_without_reader_is_survived(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, show_to_a_pipe_without_reader, NULL);
    assert_string_equal(child.err, "");
    assert_true(child_exited_with(&child, 0));
}

static int show_to_a_full_device(void *argument)
{
    (void)argument;
    int device = open("/dev/full", O_WRONLY);
    dup2(device, STDOUT_FILENO);
    show_alloc_mem();
    return 0;
}

static void a_full_device_is_survived(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, show_to_a_full_device, NULL);
    assert_string_equal(child.err, "");
    assert_true(child_exited_with(&child, 0));
}

static void on_signal(int number)
{
    (void)number;
}

static void interrupted_writes_lose_nothing(void **state)
{
    (void)state;
    pthread_t shower;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    struct piped piped = pipe_stdout();
    pthread_create(&shower, NULL, call_show, NULL);
    for (int count = 0; count < 20; count++) {
        usleep(5000);
        pthread_kill(shower, SIGUSR1);
    }
    size_t length = read_whole_text(piped.read_end, text);
    pthread_join(shower, NULL);
    restore_stdout(&piped);
    close(piped.read_end);
    struct show_report report;
    bool valid = show_read(&report, text, length);
    bool whole = valid && kept_chunks_are_in(&report);
    show_drop(&report);
    assert_true(valid);
    assert_true(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_valid_while_other_threads_allocate),
        cmocka_unit_test(others_allocate_while_the_reader_of_a_full_pipe_sleeps),
        cmocka_unit_test(a_cancelled_thread_ends_its_report_and_leaves_no_lock),
        cmocka_unit_test(a_closed_stdout_is_survived),
        cmocka_unit_test(a_pipe_without_reader_is_survived),
        cmocka_unit_test(a_full_device_is_survived),
        cmocka_unit_test(interrupted_writes_lose_nothing),
    };
    return cmocka_run_group_tests(tests, make_kept_chunks, free_kept_chunks);
}
