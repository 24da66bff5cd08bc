// SPDX-License-Identifier: MIT
// Files that options write to, and the process's end: what is opened and what is not, and that nothing in a stream is lost.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/platform/platform_test.h"

static char directory[] = "/tmp/ft_malloc_output_XXXXXX";

// A path in the directory of the test.
static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    return system(command);
}

// The first number that is taken for what is kept.
static int first_number(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur < 1024 ? (int)limit.rlim_cur - 24 : 1000;
}

static void expect_refused(const char *path)
{
    struct platform_kept kept = platform_open_output(path);
    if (kept.descriptor != -1) {
        fail_msg("%s was opened", path);
    }
}

static void a_file_is_made_for_its_user_and_appended_to(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 2; round++) {
        struct platform_kept kept = platform_open_output(path_of("log"));
        int descriptor = platform_kept_descriptor(&kept);
        assert_in_range(descriptor, first_number(), first_number() + 23);
        assert_int_equal(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(descriptor, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND);
        platform_write(descriptor, "a line\n", 7);
        platform_close(&kept);
        assert_int_equal(fcntl(descriptor, F_GETFD), -1);
        platform_close(&kept); // nothing by now
        struct stat file;
        assert_int_equal(stat(path_of("log"), &file), 0);
        assert_int_equal(file.st_size, 7 * round);
        assert_int_equal(file.st_mode & 07777, 0600);
    }
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
    (void)state;
    int file = open(path_of("target"), O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(symlink(path_of("target"), path_of("link")), 0);
    assert_int_equal(symlink(path_of("nothing"), path_of("dangling")), 0);
    assert_int_equal(link(path_of("target"), path_of("twin")), 0);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    expect_refused(path_of("link"));
    expect_refused(path_of("dangling"));
    expect_refused(path_of("twin"));
    expect_refused(path_of("pipe"));
    expect_refused(path_of("no/such/directory"));
    expect_refused(directory);
    expect_refused("");
    assert_int_equal(access(path_of("nothing"), F_OK), -1);
    if (geteuid() == 0) {
        assert_int_equal(unlink(path_of("twin")), 0);
        assert_int_equal(chown(path_of("target"), 12345, 12345), 0);
        expect_refused(path_of("target"));
    }
}

static void a_pipe_that_somebody_reads_is_refused_at_once(void **state)
{
    (void)state;
    int reader = open(path_of("pipe"), O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    expect_refused(path_of("pipe"));
    close(reader);
}

static void a_device_for_characters_may_be_written_to(void **state)
{
    (void)state;
    struct platform_kept kept = platform_open_output("/dev/null");
    assert_true(platform_kept_descriptor(&kept) >= first_number());
    platform_close(&kept);
}

static int keep_without_a_copy(void *argument)
{
    (void)argument;
    const struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
    int other = open(path_of("other"), O_CREAT | O_WRONLY, 0600);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 100;
    }
    struct platform_kept kept = platform_keep(STDERR_FILENO);
    if (kept.descriptor != -1 || platform_kept_descriptor(&kept) != -1) {
        return 1;
    }
    if (platform_kept_as(&kept, STDERR_FILENO) != STDERR_FILENO ||
        platform_kept_as(&kept, other) != -1 || platform_kept_as(&kept, -1) != -1) {
        return 2;
    }
    dup2(other, STDERR_FILENO);
    return platform_kept_as(&kept, STDERR_FILENO) == -1 ? 0 : 3;
}

static void a_file_is_known_by_other_descriptors_also_without_a_copy(void **state)
{
    (void)state;
    expect_in_child(keep_without_a_copy, NULL);
}

enum { LIMIT_COUNT = 6 };

// Under limits that fall.
static int keep_within_limits(void *argument)
{
    (void)argument;
    static const struct {
        rlim_t limit;
        int first;
    } cases[LIMIT_COUNT] = {{1 << 20, 1000}, {1024, 1000}, {1000, 976},
                            {128, 104},      {49, 25},     {16, 8}};
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 100;
    }
    for (int index = 0; index < LIMIT_COUNT; index++) {
        if (cases[index].limit > limit.rlim_max) {
            continue;
        }
        limit.rlim_cur = cases[index].limit;
        struct platform_kept kept = {.descriptor = -1};
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
            kept = platform_keep(STDERR_FILENO);
        }
        if (kept.descriptor != cases[index].first ||
            platform_kept_descriptor(&kept) != kept.descriptor) {
            return 1 + index;
        }
        platform_close(&kept);
    }
    return 0;
}

// Where all from a number on are taken.
static int keep_below(void *argument)
{
    (void)argument;
    const struct rlimit limit = {.rlim_cur = 128, .rlim_max = 128};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 100;
    }
    static const int taken_from[] = {104, 52, 20, 10};
    static const int expected[] = {52, 26, 13, 6};
    for (int index = 0, last = 127; index < 4; index++) {
        for (; last >= taken_from[index]; last--) {
            if (dup2(STDERR_FILENO, last) != last) {
                return 101;
            }
        }
        struct platform_kept kept = platform_keep(STDERR_FILENO);
        if (kept.descriptor != expected[index]) {
            return 1 + index;
        }
        platform_close(&kept);
    }
    return 0;
}

static void the_number_is_lower_where_the_last_are_taken(void **state)
{
    (void)state;
    expect_in_child(keep_below, NULL);
}

static void the_number_is_one_of_the_last_that_the_process_may_have(void **state)
{
    (void)state;
    expect_in_child(keep_within_limits, NULL);
}

// Each number tells what has gone wrong.
static int tell_within_a_limit(void *argument)
{
    (void)argument;
    const struct rlimit limit = {.rlim_cur = 10, .rlim_max = 10};
    int appended = open(path_of("appended"), O_CREAT | O_WRONLY | O_APPEND, 0600);
    int sparse = open(path_of("sparse"), O_CREAT | O_WRONLY, 0600);
    struct stat file;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || lseek(sparse, 8, SEEK_SET) != 8) {
        return 100;
    }
    platform_tell(appended, "123456", 6);
    platform_tell(appended, "78901", 5);
    platform_tell(appended, "7890", 4);
    platform_tell(appended, "1", 1);
    if (fstat(appended, &file) != 0 || file.st_size != 10) {
        return 1;
    }
    platform_tell(sparse, "901", 3);
    if (fstat(sparse, &file) != 0 || file.st_size != 0) {
        return 2;
    }
    platform_tell(sparse, "90", 2);
    if (fstat(sparse, &file) != 0 || file.st_size != 10 || lseek(sparse, 20, SEEK_SET) != 20) {
        return 3;
    }
    platform_tell(sparse, "1", 1);
    return fstat(sparse, &file) == 0 && file.st_size == 10 ? 0 : 4;
}

static void a_file_gets_no_longer_than_the_process_may_make_it(void **state)
{
    (void)state;
    expect_in_child(tell_within_a_limit, NULL);
}

static int tell_a_pipe(void *argument)
{
    (void)argument;
    int ends[2];
    char text[3] = "";
    if (pipe(ends) != 0) {
        return 100;
    }
    platform_tell(ends[1], "ab", 2);
    if (read(ends[0], text, 3) != 2 || strcmp(text, "ab") != 0) {
        return 1;
    }
    close(ends[0]);
    platform_tell(ends[1], "ab", 2);
    close(ends[1]);
    platform_tell(ends[1], "ab", 2);
    return 0;
}

static void a_pipe_that_nobody_reads_is_told_nothing(void **state)
{
    (void)state;
    expect_in_child(tell_a_pipe, NULL);
}

static void a_file_is_no_terminal(void **state)
{
    (void)state;
    int file = open("/dev/null", O_WRONLY);
    assert_false(platform_is_terminal(file));
    close(file);
    assert_false(platform_is_terminal(file));
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master >= 0) {
        assert_true(platform_is_terminal(master));
        close(master);
    }
}

static int tell_process(void *argument)
{
    return platform_process() != *(const size_t *)argument && platform_process() == (size_t)getpid()
               ? 0
               : 1;
}

static void the_process_is_told_by_its_number(void **state)
{
    (void)state;
    size_t own = platform_process();
    assert_int_equal(own, getpid());
    expect_in_child(tell_process, &own);
}

static int know_buffers(void *argument)
{
    (void)argument;
    static char own[BUFSIZ];
    if (setvbuf(stdout, own, _IOFBF, sizeof(own)) != 0 || puts("a line") < 0) {
        return 1;
    }
    return platform_is_of_streams(own) && !platform_is_of_streams(own + 1) &&
                   !platform_is_of_streams(NULL)
               ? 0
               : 2;
}

static void the_buffers_of_standard_streams_are_known(void **state)
{
    (void)state;
    expect_in_child(know_buffers, NULL);
}

static void at_end(void)
{
    platform_write(PLATFORM_OUTPUT, "a handler of exit\n", 18);
}

static int end_with_status(void *argument)
{
    (void)argument;
    atexit(at_end);
    printf("in a buffer");
    platform_end(23);
}

static void the_end_flushes_streams_and_runs_nothing_else(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, end_with_status, NULL);
    assert_true(child_exited_with(&child, 23));
    assert_string_equal(child.out, "in a buffer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_made_for_its_user_and_appended_to),
        cmocka_unit_test(what_is_no_file_of_ours_is_refused),
        cmocka_unit_test(a_pipe_that_somebody_reads_is_refused_at_once),
        cmocka_unit_test(a_device_for_characters_may_be_written_to),
        cmocka_unit_test(a_file_is_known_by_other_descriptors_also_without_a_copy),
        cmocka_unit_test(the_number_is_one_of_the_last_that_the_process_may_have),
        cmocka_unit_test(the_number_is_lower_where_the_last_are_taken),
        cmocka_unit_test(a_file_gets_no_longer_than_the_process_may_make_it),
        cmocka_unit_test(a_pipe_that_nobody_reads_is_told_nothing),
        cmocka_unit_test(a_file_is_no_terminal),
        cmocka_unit_test(the_process_is_told_by_its_number),
        cmocka_unit_test(the_buffers_of_standard_streams_are_known),
        cmocka_unit_test(the_end_flushes_streams_and_runs_nothing_else),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
