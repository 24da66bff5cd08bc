// SPDX-License-Identifier: MIT
// show_alloc_mem into a pipe that is full and read slowly, while four threads allocate and free: they
// are not held up, and what comes is well-formed and tells what is in use. Then its thread is
// cancelled in the middle of it, and everything goes on.
//
//   --rounds N   cancellations

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/api/show.h"
#include "tests/threads/block.h"

enum {
    WORKER_COUNT = 4,
    OWN_COUNT = 64,
    KEPT_COUNT = 300,
    TEXT_BYTES = 4 << 20,
    PIPE_BYTES = 4096,
    READ_BYTES = 512,
    PROGRESS_COUNT = 1000,
    HANG_SECONDS = 60,
};

static atomic_bool stop;
static atomic_size_t progress[WORKER_COUNT];
static struct block kept[KEPT_COUNT];
static int pipe_end;
static char text[TEXT_BYTES];

static void *work(void *argument)
{
    struct block own[OWN_COUNT] = {{.ptr = NULL}};
    size_t number = (uintptr_t)argument;
    uint64_t seed = number;
    while (!atomic_load(&stop)) {
        struct block *block = &own[random_below(&seed, OWN_COUNT)];
        block_drop(block);
        *block = block_make(random_size(&seed) / 8, seed);
        atomic_fetch_add(&progress[number], 1);
    }
    for (size_t index = 0; index < OWN_COUNT; index++) {
        block_drop(&own[index]);
    }
    return NULL;
}

// Every worker still allocates and frees, although nobody reads.
static void await_progress(void)
{
    for (size_t index = 0; index < WORKER_COUNT; index++) {
        size_t from = atomic_load(&progress[index]);
        while (atomic_load(&progress[index]) < from + PROGRESS_COUNT) {
            sched_yield();
        }
    }
}

// Standard output becomes a small pipe, whose other end is read without waiting.
static void open_pipe(void)
{
    int ends[2];
    kit_require(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO, "no pipe");
    close(ends[1]);
    pipe_end = ends[0];
    (void)fcntl(pipe_end, F_SETPIPE_SZ, PIPE_BYTES);
    kit_require(fcntl(pipe_end, F_SETFL, O_NONBLOCK) == 0, "the pipe cannot be set");
}

static void await_full_pipe(void)
{
    int before = -1;
    int unread = 0;
    while (unread == 0 || unread != before) {
        before = unread;
        usleep(1000);
        kit_require(ioctl(pipe_end, FIONREAD, &unread) == 0, "the pipe does not tell");
    }
}

static void *show_once(void *argument)
{
    show_alloc_mem();
    atomic_store((atomic_bool *)argument, true);
    return NULL;
}

static void *show_until_cancelled(void *argument)
{
    (void)argument;
    for (;;) {
        show_alloc_mem();
        pthread_testcancel();
    }
    return NULL;
}

// Reads to the end of what one call writes. Returns its length.
static size_t read_slowly(atomic_bool *is_done)
{
    size_t length = 0;
    for (;;) {
        bool was_done = atomic_load(is_done);
        kit_require(length + READ_BYTES <= TEXT_BYTES, "the report does not end");
        ssize_t count = read(pipe_end, text + length, READ_BYTES);
        if (count > 0) {
            length += (size_t)count;
        } else if (was_done) {
            return length;
        }
        sched_yield();
    }
}

static void require_whole_report(void)
{
    atomic_bool is_done = false;
    pthread_t thread = kit_start(show_once, &is_done, 0);
    await_full_pipe();
    await_progress();
    size_t length = read_slowly(&is_done);
    kit_join(thread);
    struct show_report report;
    kit_require(show_read(&report, text, length), "the report is no report: %s", report.problem);
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        const struct show_line *line = show_find(&report, kept[index].ptr);
        kit_require(line != NULL && line->bytes == kept[index].bytes,
                    "the report lacks the chunk of %zu bytes at %p", kept[index].bytes,
                    kept[index].ptr);
    }
    show_drop(&report);
}

static void cancel_in_the_middle(void)
{
    pthread_t thread = kit_start(show_until_cancelled, NULL, 0);
    await_full_pipe();
    kit_require(pthread_cancel(thread) == 0, "the thread cannot be cancelled");
    await_progress();
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        (void)!read(pipe_end, text, READ_BYTES);
        sched_yield();
    }
    while (read(pipe_end, text, READ_BYTES) > 0) {
    }
    await_progress();
}

int main(int argc, char *argv[])
{
    (void)argc;
    size_t round_count = kit_number(argv, "rounds", 3);
    pthread_t workers[WORKER_COUNT];
    uint64_t seed = 11;
    kit_watch(HANG_SECONDS + (unsigned)round_count);
    open_pipe();
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        kept[index] = block_make(random_size(&seed) / 8, seed);
    }
    for (uintptr_t index = 0; index < WORKER_COUNT; index++) {
        workers[index] = kit_start(work, (void *)index, 0);
    }
    for (size_t round = 0; round < round_count; round++) {
        require_whole_report();
        cancel_in_the_middle();
    }
    require_whole_report();
    atomic_store(&stop, true);
    for (size_t index = 0; index < WORKER_COUNT; index++) {
        kit_join(workers[index]);
    }
    fprintf(stderr, "%zu reports were cancelled, and nobody was held up\n", round_count);
    return 0;
}
