// SPDX-License-Identifier: MIT
// What the process's control group may have, read from trees of files that look like the system's.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/platform/platform_test.h"

enum { ROOT_BYTES = 64, NAME_BYTES = 200, NAMES_MAX = 40 };

static char root[ROOT_BYTES];

// Makes an empty root.
static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/ft_malloc_group_XXXXXX");
    return mkdtemp(root) != NULL ? 0 : 1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[ROOT_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

// Writes a file below the root, with the directories that lead to it. Step by step, so that a path may be longer than
// the system takes in one piece.
static void put(const char *path, const char *text)
{
    int at = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (const char *name = path + 1; at >= 0;) {
        char piece[NAME_BYTES + 64];
        size_t length = strcspn(name, "/");
        snprintf(piece, sizeof piece, "%.*s", (int)length, name);
        bool is_file = name[length] == '\0';
        if (!is_file) {
            (void)mkdirat(at, piece, 0755);
        }
        int flags = is_file ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY | O_DIRECTORY;
        int next = openat(at, piece, flags | O_CLOEXEC, 0644);
        close(at);
        at = next;
        if (is_file) {
            break;
        }
        name += length + 1;
    }
    size_t bytes = strlen(text);
    assert_true(at >= 0);
    assert_int_equal(write(at, text, bytes), (ssize_t)bytes);
    close(at);
}

static void put_table(const char *text)
{
    put("/proc/self/cgroup", text);
}

static void expect_limit(size_t limit)
{
    assert_int_equal(platform_group_limit(root), limit);
}

static const size_t none = SIZE_MAX;

static void without_a_table_there_is_no_limit(void **state)
{
    (void)state;
    put("/sys/fs/cgroup/memory.max", "1000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
    expect_limit(none);
    put_table("");
    expect_limit(none);
}

static void the_leaf_of_the_unified_tree_has_the_limit(void **state)
{
    (void)state;
    put_table("0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "268435456\n");
    expect_limit(268435456);
}

static void a_group_around_it_has_the_limit(void **state)
{
    (void)state;
    put_table("0::/a/b/c\n");
    put("/sys/fs/cgroup/a/memory.max", "4096000\n");
    expect_limit(4096000);
    put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/memory.max", "5000000\n");
    expect_limit(4096000);
    put("/sys/fs/cgroup/a/b/memory.max", "3000000\n");
    expect_limit(3000000);
    // That of a group beside it is not ours.
    put("/sys/fs/cgroup/a/x/memory.max", "1\n");
    put("/sys/fs/cgroup/a/b/cc/memory.max", "2\n");
    expect_limit(3000000);
}

static void the_root_is_a_group_too(void **state)
{
    (void)state;
    put_table("0::/\n");
    expect_limit(none);
    put("/sys/fs/cgroup/memory.max", "123456\n");
    expect_limit(123456);
    put_table("0::/not/to/be/seen/from/here\n");
    expect_limit(123456);
}

static void what_is_no_number_is_no_limit(void **state)
{
    (void)state;
    put_table("0::/a\n");
    const char *const texts[] = {
        "max\n", "", "\n", "-1\n", " 7\n", "none", "18446744073709551615\n"};
    for (size_t index = 0; index < sizeof texts / sizeof *texts; index++) {
        put("/sys/fs/cgroup/a/memory.max", texts[index]);
        expect_limit(none);
    }
    put("/sys/fs/cgroup/a/memory.max", "0\n");
    expect_limit(0);
    put("/sys/fs/cgroup/a/memory.max", "77");
    expect_limit(77);
}

static void a_number_too_large_for_a_size_is_no_limit(void **state)
{
    (void)state;
    put_table("0::/a\n");
    put("/sys/fs/cgroup/a/memory.max", "18446744073709551616\n");
    expect_limit(none);
    put("/sys/fs/cgroup/a/memory.max", "18446744073709552000\n");
    expect_limit(none);
    put("/sys/fs/cgroup/a/memory.max",
        "99999999999999999999999999999999999999999999999999999999999999"
        "99999999999999999999999999999\n");
    expect_limit(none);
    put("/sys/fs/cgroup/a/memory.max", "1152921504606846976\n");
    expect_limit((size_t)1 << 60);
}

static void a_controller_of_the_first_version_has_the_limit(void **state)
{
    (void)state;
    put_table("12:pids:/p\n4:memory:/x/y\n3:cpuset:/z\n");
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1048576\n");
    put("/sys/fs/cgroup/memory/p/memory.limit_in_bytes", "1\n");
    put("/sys/fs/cgroup/memory/z/memory.limit_in_bytes", "2\n");
    expect_limit(1048576);
    put("/sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "65536\n");
    expect_limit(65536);
}

static void no_limit_of_the_first_version_is_a_large_number(void **state)
{
    (void)state;
    put_table("4:memory:/x\n");
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n");
    expect_limit(none);
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes",
        "9223372036854710272\n"); // pages of 64 KiB
    expect_limit(none);
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4611686018427387904\n");
    expect_limit((size_t)1 << 62);
}

static void controllers_may_share_a_line(void **state)
{
    (void)state;
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1048576\n");
    const char *const ours[] = {"3:cpu,memory:/x\n", "3:memory,cpu:/x\n", "3:a,memory,b:/x\n"};
    for (size_t index = 0; index < sizeof ours / sizeof *ours; index++) {
        put_table(ours[index]);
        expect_limit(1048576);
    }
    const char *const others[] = {"3:cpu,memory2:/x\n", "3:amemory:/x\n",     "3:memor:/x\n",
                                  "3:name=memory:/x\n", "3:cpu,,cpuset:/x\n", "memory:/x\n"};
    for (size_t index = 0; index < sizeof others / sizeof *others; index++) {
        put_table(others[index]);
        expect_limit(none);
    }
}

static void of_both_versions_the_lesser_one_counts(void **state)
{
    (void)state;
    put_table("4:memory:/x\n0::/y\n");
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "3000\n");
    put("/sys/fs/cgroup/y/memory.max", "2000\n");
    expect_limit(2000);
    put("/sys/fs/cgroup/y/memory.max", "4000\n");
    expect_limit(3000);
}

static void lines_that_are_none_are_passed_over(void **state)
{
    (void)state;
    put("/sys/fs/cgroup/a/memory.max", "5000\n");
    put_table("\n:\n::\n0:\n0::\n0::a\nnothing\n0::/a\n:::::\n");
    expect_limit(5000);
    put_table("nothing\n0::a\n");
    expect_limit(none);
}

static void slashes_at_the_end_and_in_a_row_do_no_harm(void **state)
{
    (void)state;
    put("/sys/fs/cgroup/a/b/memory.max", "6000\n");
    const char *const tables[] = {"0::/a/b/\n", "0::/a/b///\n", "0::/a//b\n", "0:://a/b\n"};
    for (size_t index = 0; index < sizeof tables / sizeof *tables; index++) {
        put_table(tables[index]);
        expect_limit(6000);
    }
}

static void a_path_may_have_colons(void **state)
{
    (void)state;
    put_table("0::/a:memory:/b\n");
    put("/sys/fs/cgroup/a:memory:/b/memory.max", "7000\n");
    put("/sys/fs/cgroup/memory/b/memory.limit_in_bytes", "1\n");
    expect_limit(7000);
}

// "/a/nnn…/nnn…", so many names of NAME_BYTES - 1 letters.
static void long_path(char *path, size_t names)
{
    strcpy(path, "/a");
    for (size_t name = 0; name < names; name++) {
        char *end = path + strlen(path);
        *end = '/';
        memset(end + 1, 'n', NAME_BYTES - 1);
        end[NAME_BYTES] = '\0';
    }
}

static void groups_around_one_with_a_very_long_path_count(void **state)
{
    (void)state;
    static char path[NAME_BYTES * NAMES_MAX + 64];
    static char table[sizeof path + 64];
    put("/sys/fs/cgroup/a/memory.max", "9000\n");
    for (size_t names = 1; names < NAMES_MAX; names++) {
        long_path(path, names);
        snprintf(table, sizeof table, "0::%s\n", path);
        put_table(table);
        expect_limit(9000);
    }
    // One that can be opened as a whole is.
    static char file[sizeof path + 64];
    long_path(path, 15);
    snprintf(file, sizeof file, "/sys/fs/cgroup%s/memory.max", path);
    put(file, "8000\n");
    expect_limit(8000);
    // The name that is cut off is not taken for a group.
    long_path(path, NAMES_MAX - 1);
    snprintf(table, sizeof table, "0::%s\n", path);
    put_table(table);
    expect_limit(8000);
}

static void a_table_may_be_long(void **state)
{
    (void)state;
    static char path[NAME_BYTES * 10 + 64];
    static char table[20 * sizeof path];
    long_path(path, 9);
    for (unsigned line = 0; line < 12; line++) {
        snprintf(table + strlen(table), sizeof path, "%u:c%u:%s\n", line + 2, line, path);
    }
    strcat(table, "1:memory:/a\n0::/b\n");
    assert_true(strlen(table) > 16384);
    put_table(table);
    put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "700\n");
    expect_limit(700);
    put("/sys/fs/cgroup/b/memory.max", "600\n");
    expect_limit(600);
}

static void a_line_longer_than_any_is_the_last_that_is_read(void **state)
{
    (void)state;
    static char table[40000];
    put("/sys/fs/cgroup/a/memory.max", "500\n");
    put("/sys/fs/cgroup/b/memory.max", "400\n");
    strcpy(table, "0::/a\n0::/");
    memset(table + strlen(table), 'x', 20000);
    strcat(table, "\n0::/b\n");
    put_table(table);
    expect_limit(500);
}

static void a_root_that_is_too_long_has_no_limit(void **state)
{
    (void)state;
    static char too_long[10000];
    memset(too_long, '/', sizeof too_long - 1);
    assert_int_equal(platform_group_limit(too_long), none);
}

static void the_system_itself_can_be_asked(void **state)
{
    (void)state;
    size_t first = platform_group_limit("");
    assert_true(first > 0);
    assert_int_equal(platform_group_limit(""), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_table_there_is_no_limit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_leaf_of_the_unified_tree_has_the_limit, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(a_group_around_it_has_the_limit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_root_is_a_group_too, make_root, remove_root),
        cmocka_unit_test_setup_teardown(what_is_no_number_is_no_limit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_number_too_large_for_a_size_is_no_limit, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(a_controller_of_the_first_version_has_the_limit, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(no_limit_of_the_first_version_is_a_large_number, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(controllers_may_share_a_line, make_root, remove_root),
        cmocka_unit_test_setup_teardown(of_both_versions_the_lesser_one_counts, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(lines_that_are_none_are_passed_over, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(slashes_at_the_end_and_in_a_row_do_no_harm, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(a_path_may_have_colons, make_root, remove_root),
        cmocka_unit_test_setup_teardown(groups_around_one_with_a_very_long_path_count, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(a_table_may_be_long, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_line_longer_than_any_is_the_last_that_is_read, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(a_root_that_is_too_long_has_no_limit, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(the_system_itself_can_be_asked, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
