// SPDX-License-Identifier: MIT
// No call of ours is a cancellation point, whatever the options have it do: this program, run again, has a thread that is to
// be cancelled go through all of them, and fork.

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum { CHUNK_COUNT = 60, STEP_BYTES = 900, FORK_STATUS = 7, PATH_BYTES = 64 };

static volatile unsigned step_count;

static void allocate_and_free(void)
{
    static void *volatile chunks[CHUNK_COUNT];
    for (size_t index = 0; index < CHUNK_COUNT; index++) {
        chunks[index] = index % 2 == 0 ? malloc(index * STEP_BYTES) : calloc(index, STEP_BYTES);
        chunks[index] = realloc(chunks[index], (index + 1) * STEP_BYTES);
    }
    for (size_t index = 0; index < CHUNK_COUNT; index++) {
        free(chunks[index]);
    }
    free(launder(aligned_alloc(4096, 5000)));
    free(launder(malloc((size_t)300 << 20)));
}

static void misuse_and_be_refused(void)
{
    static char foreign[64];
    free(launder(foreign));
    (void)!realloc(launder(foreign + 1), 10);
    (void)!malloc(any_size(PTRDIFF_MAX));
}

static void ask(void)
{
    show_alloc_mem();
    show_alloc_mem_ex();
    malloc_stats();
    (void)malloc_info(0, stdout);
    (void)malloc_trim(0);
}

// Whether the child of a thread that is to be cancelled lives, and ends as it likes.
static bool fork_and_wait(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        allocate_and_free();
        _exit(FORK_STATUS);
    }
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    bool has_ended = pid > 0 && waitpid(pid, &status, 0) == pid;
    pthread_setcancelstate(before, NULL);
    return has_ended && WIFEXITED(status) && WEXITSTATUS(status) == FORK_STATUS;
}

static void *live_through_all(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self());
    allocate_and_free();
    step_count = 1;
    misuse_and_be_refused();
    step_count = 2;
    ask();
    step_count = 3;
    step_count += fork_and_wait() ? 1 : 0;
    pthread_testcancel();
    return NULL;
}

// What the thread came to; 10 more if others get no further, or it was not cancelled in the end.
static int live(void)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, live_through_all, NULL) != 0 ||
        pthread_join(thread, &result) != 0) {
        return 1;
    }
    allocate_and_free();
    return (int)step_count + (result == PTHREAD_CANCELED ? 0 : 10);
}

static char *program;
static struct child child;
static char directory[PATH_BYTES];

static void remove_files(void)
{
    DIR *files = opendir(directory);
    char path[PATH_BYTES + 300];
    assert_non_null(files);
    for (const struct dirent *file; (file = readdir(files)) != NULL;) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, file->d_name);
        (void)unlink(path);
    }
    closedir(files);
    assert_int_equal(rmdir(directory), 0);
}

// With these options; in place of @ there is a file.
static void expect_life(const char *first, const char *second)
{
    char setting[PATH_BYTES * 2];
    (void)strcpy(directory, "/tmp/test_cancel.XXXXXX");
    assert_non_null(mkdtemp(directory));
    const char *file = strchr(first, '@');
    if (file != NULL) {
        (void)snprintf(setting, sizeof(setting), "%.*s%s/of.%%p", (int)(file - first), first,
                       directory);
        first = setting;
    }
    child_run(&child, (char *[]){program, (char[]){"live"}, NULL},
              (const char *[]){"FT_MALLOC_FOREIGN=warn", first, second, NULL});
    remove_files();
    if (!child_exited_with(&child, 4)) {
        fail_msg("%s %s: status %x, \"%s\"", first, second != NULL ? second : "",
                 (unsigned)child.status, child.err);
    }
}

static void without_options(void **state)
{
    (void)state;
    expect_life("FT_MALLOC_AUDIT=fork", NULL);
    expect_life("FT_MALLOC_EXHAUSTED=explain", NULL);
}

static void with_lines_about_calls(void **state)
{
    (void)state;
    expect_life("FT_MALLOC_DEBUG=1", NULL);
    expect_life("FT_MALLOC_BONUS=1", NULL);
    expect_life("FT_MALLOC_PRESET=debug", NULL);
}

static void with_call_stacks(void **state)
{
    (void)state;
    expect_life("FT_MALLOC_STACKS=all", "FT_MALLOC_BONUS=1");
    expect_life("FT_MALLOC_STACKS=copy", "FT_MALLOC_HISTORY=100");
    expect_life("FT_MALLOC_STACKS=4K", "FT_MALLOC_LEAKS=scan");
}

static void with_a_trace(void **state)
{
    (void)state;
    expect_life("FT_MALLOC_TRACE=@", NULL);
    expect_life("FT_MALLOC_TRACE=@", "FT_MALLOC_STACKS=all");
    expect_life("FT_MALLOC_TRACE=@", "FT_MALLOC_STACKS=copy");
}

static void with_a_file_of_each_process(void **state)
{
    (void)state;
    expect_life("FT_MALLOC_OUTPUT=@", "FT_MALLOC_STATS=exit");
    expect_life("FT_MALLOC_OUTPUT=@", "FT_MALLOC_DEBUG=1");
    expect_life("FT_MALLOC_OUTPUT=@", "FT_MALLOC_LEAKS=1");
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 2) {
        return live();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options),
        cmocka_unit_test(with_lines_about_calls),
        cmocka_unit_test(with_call_stacks),
        cmocka_unit_test(with_a_trace),
        cmocka_unit_test(with_a_file_of_each_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
