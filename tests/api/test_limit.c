// SPDX-License-Identifier: MIT
// A process that may have 64 MiB of address space (ulimit -v) gets most of it, then NULL and ENOMEM,
// and all of it again after it was freed. The limit is in force from the start, or comes later.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum { LIMIT_MIB = 64 };

struct link {
    struct link *next;
};

static void limit_address_space(void)
{
    struct rlimit limit = {(rlim_t)LIMIT_MIB << 20, (rlim_t)LIMIT_MIB << 20};
    setrlimit(RLIMIT_AS, &limit);
}

// Allocates and touches blocks until there is no more, and frees them all. How many there were.
static size_t fill_up(size_t block_bytes, int *error)
{
    struct link *first = NULL;
    size_t count = 0;
    errno = 0;
    for (struct link *link; (link = malloc(block_bytes)) != NULL; count++) {
        memset(link, 1, block_bytes);
        link->next = first;
        first = link;
    }
    *error = errno;
    while (first != NULL) {
        struct link *next = first->next;
        free(first);
        first = next;
    }
    return count;
}

// The exit status says what went wrong.
static int use_the_limit(size_t block_bytes, size_t usable_mib)
{
    int error = 0;
    size_t first = fill_up(block_bytes, &error);
    fprintf(stderr, "%zu blocks of %zu bytes are %zu MiB\n", first, block_bytes,
            first * block_bytes >> 20);
    if (error != ENOMEM) {
        return 2;
    }
    if (first * block_bytes < usable_mib << 20) {
        return 3;
    }
    for (int round = 0; round < 3; round++) {
        if (fill_up(block_bytes, &error) < first - first / 10 || error != ENOMEM) {
            return 4;
        }
    }
    // Another size gets what the first one gave back.
    if (fill_up(block_bytes * 3, &error) * block_bytes * 3 < (usable_mib << 20) / 2) {
        return 5;
    }
    return 0;
}

static char *program;

// What must be usable of the 64 MiB. Zones of 20000 bytes and the like are dear in so small a space, and runs of 70000 leave
// much of their last unit unused: such blocks are mappings.
static const struct {
    const char *block_bytes;
    const char *usable_mib;
} demands[] = {
    {"100", "45"},   {"1000", "50"},  {"5000", "50"},    {"20000", "50"},
    {"60000", "50"}, {"70000", "50"}, {"1000000", "45"}, {"3000000", "45"},
};
enum { DEMAND_COUNT = sizeof demands / sizeof *demands };

static void a_limit_from_the_start_leaves_most_of_it_usable(void **state)
{
    (void)state;
    for (size_t index = 0; index < DEMAND_COUNT; index++) {
        char bytes[16];
        char mib[16];
        static struct child child;
        strcpy(bytes, demands[index].block_bytes);
        strcpy(mib, demands[index].usable_mib);
        // The child limits itself and starts the program once more.
        child_run(&child, (char *[]){program, (char[]){"limit"}, bytes, mib, NULL}, NULL);
        if (!child_exited_with(&child, 0)) {
            fail_msg("status %x: %s", (unsigned)child.status, child.err);
        }
    }
}

static int limit_later(void *argument)
{
    void *early = malloc(1000);
    limit_address_space();
    size_t index = (size_t)(uintptr_t)argument;
    size_t usable_mib = strtoull(demands[index].usable_mib, NULL, 10);
    int result = use_the_limit(strtoull(demands[index].block_bytes, NULL, 10), usable_mib);
    free(early);
    return result;
}

static void a_limit_that_comes_later_leaves_most_of_it_usable(void **state)
{
    (void)state;
    for (size_t index = 0; index < DEMAND_COUNT; index++) {
        static struct child child;
        child_call(&child, limit_later, (void *)(uintptr_t)index);
        if (!child_exited_with(&child, 0)) {
            fail_msg("status %x: %s", (unsigned)child.status, child.err);
        }
    }
}

static int ask_for_too_much(void *argument)
{
    (void)argument;
    limit_address_space();
    errno = 0;
    if (malloc((size_t)100 << 20) != NULL || errno != ENOMEM) {
        return 1;
    }
    char *ptr = malloc((size_t)20 << 20);
    if (ptr == NULL || realloc(ptr, (size_t)200 << 20) != NULL || errno != ENOMEM) {
        return 2;
    }
    memset(ptr, 1, (size_t)20 << 20);
    free(ptr);
    return 0;
}

static void one_block_above_the_limit_fails_and_the_rest_goes_on(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, ask_for_too_much, NULL);
    if (!child_exited_with(&child, 0)) {
        fail_msg("status %x: %s", (unsigned)child.status, child.err);
    }
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 4 && strcmp(arguments[1], "limit") == 0) {
        limit_address_space();
        arguments[1] = (char[]){"fill"};
        execv(program, arguments);
        return 99;
    }
    if (argument_count == 4 && strcmp(arguments[1], "fill") == 0) {
        size_t usable_mib = strtoull(arguments[3], NULL, 10);
        return use_the_limit(strtoull(arguments[2], NULL, 10), usable_mib);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_from_the_start_leaves_most_of_it_usable),
        cmocka_unit_test(a_limit_that_comes_later_leaves_most_of_it_usable),
        cmocka_unit_test(one_block_above_the_limit_fails_and_the_rest_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
