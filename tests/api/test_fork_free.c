// SPDX-License-Identifier: MIT
// fork beside a thread that frees what others allocate, and so has no heap of its own: what it was giving back to the system at
// that moment is whole again in the child.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum { FORK_COUNT = 150, SLOT_COUNT = 64, CHUNK_BYTES = 3000000, CHILD_SECONDS = 30 };

// Free memory goes back at once.
const char *ft_malloc_options = "reserve=1M";

static _Atomic(void *) slots[SLOT_COUNT];

static void *free_without_end(void *argument)
{
    for (size_t step = 0;; step++) {
        free(atomic_exchange(&slots[step % SLOT_COUNT], NULL));
    }
    return argument;
}

static void fill_slots(void)
{
    for (size_t index = 0; index < SLOT_COUNT; index++) {
        if (atomic_load(&slots[index]) == NULL) {
            void *chunk = malloc(CHUNK_BYTES);
            assert_non_null(chunk);
            memset(chunk, 1, CHUNK_BYTES);
            atomic_store(&slots[index], chunk);
        }
    }
}

// What the table says of memory that is leaving: the number as far as its first comma, which is 0 if there is none.
static long leaving_bytes(void)
{
    static const char row[] = "  leaving ";
    static char table[16384];
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    ft_malloc_stats_print(ends[1], FT_MALLOC_STATS_TABLE);
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got = 1; got > 0; length += (size_t)got) {
        got = read(ends[0], table + length, sizeof table - 1 - length);
    }
    const char *place = strstr(table, row);
    if (place == NULL) {
        return -1;
    }
    return strtol(place + strlen(row), NULL, 10);
}

static int live_as_a_child(void)
{
    alarm(CHILD_SECONDS);
    for (size_t index = 0; index < SLOT_COUNT; index++) {
        free(atomic_exchange(&slots[index], NULL));
    }
    malloc_trim(0);
    return leaving_bytes() == 0 ? 0 : 1;
}

static void nothing_is_leaving_for_ever_in_the_child(void **state)
{
    (void)state;
    pthread_t thread;
    int failed = 0;
    assert_int_equal(pthread_create(&thread, NULL, free_without_end, NULL), 0);
    for (int number = 0; number < FORK_COUNT; number++) {
        fill_slots();
        pid_t pid = fork();
        if (pid == 0) {
            _exit(live_as_a_child());
        }
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        failed += status != 0;
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_leaving_for_ever_in_the_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
