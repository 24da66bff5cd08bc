// SPDX-License-Identifier: MIT
// What a thread costs that holds one small chunk: the process's memory with many such threads alive at
// once, less that with as many threads which do not allocate. Each is measured in a child of its own.
//
//   --threads N    alive at once
//   --system P     the same program on the system's malloc: it prints its figures as well
//   --total-mib M  what the process may take with its threads and their chunks (usually: anything)
//   --print 1      prints, and sets no limit

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/threads/block.h"

enum {
    CHUNK_BYTES = 1024,
    STACK_BYTES = 64 << 10,
    THREAD_MAX = 20000,
    THREAD_BYTES_MAX = 8 << 10,
};

static pthread_t threads[THREAD_MAX];
static pthread_barrier_t all_live;
static pthread_barrier_t may_end;

static void *hold_a_chunk(void *argument)
{
    size_t bytes = *(size_t *)argument;
    void *ptr = bytes != 0 ? malloc(bytes) : NULL;
    kit_require(bytes == 0 || ptr != NULL, "no memory for %zu bytes", bytes);
    if (ptr != NULL) {
        memset(ptr, 1, bytes);
    }
    pthread_barrier_wait(&all_live);
    pthread_barrier_wait(&may_end);
    free(ptr);
    return NULL;
}

static size_t bytes_with_threads(size_t thread_count, size_t chunk_bytes)
{
    pthread_barrier_init(&all_live, NULL, (unsigned)thread_count + 1);
    pthread_barrier_init(&may_end, NULL, (unsigned)thread_count + 1);
    for (size_t index = 0; index < thread_count; index++) {
        threads[index] = kit_start(hold_a_chunk, &chunk_bytes, STACK_BYTES);
    }
    pthread_barrier_wait(&all_live);
    size_t bytes = kit_resident_bytes();
    pthread_barrier_wait(&may_end);
    for (size_t index = 0; index < thread_count; index++) {
        kit_join(threads[index]);
    }
    return bytes;
}

static size_t measure(size_t thread_count, size_t chunk_bytes)
{
    int pipe_ends[2];
    kit_require(pipe(pipe_ends) == 0, "a pipe is refused");
    pid_t pid = fork();
    kit_require(pid >= 0, "a fork is refused");
    size_t bytes = 0;
    if (pid == 0) {
        bytes = bytes_with_threads(thread_count, chunk_bytes);
        _exit(write(pipe_ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
    }
    int status = 0;
    kit_require(waitpid(pid, &status, 0) == pid && status == 0,
                "%zu threads cannot be measured (status %d): does the machine allow them?",
                thread_count, status);
    kit_require(read(pipe_ends[0], &bytes, sizeof bytes) == sizeof bytes, "nothing was measured");
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return bytes;
}

static void print_systems(const char *program, char *count)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "--print", "1", "--threads", count, (char *)NULL);
        _exit(1);
    }
    int status = 0;
    kit_require(waitpid(pid, &status, 0) == pid && status == 0, "%s fails", program);
}

int main(int argc, char *argv[])
{
    (void)argc;
    size_t thread_count = kit_number(argv, "threads", 1000);
    bool has_limit = kit_number(argv, "print", 0) == 0;
    const char *program = kit_word(argv, "system", NULL);
    kit_require(thread_count >= 1 && thread_count <= THREAD_MAX, "at most %d threads", THREAD_MAX);
    size_t without = measure(thread_count, 0);
    size_t with = measure(thread_count, CHUNK_BYTES);
    size_t each = with > without ? (with - without) / thread_count : 0;
    printf("%s: %zu threads: %.2f MiB, without a chunk %.2f: %zu bytes each\n",
           has_limit ? "ours" : "system's", thread_count, kit_mib(with), kit_mib(without), each);
    fflush(stdout);
    if (program != NULL) {
        char count[24];
        snprintf(count, sizeof count, "%zu", thread_count);
        print_systems(program, count);
    }
    size_t most = THREAD_BYTES_MAX + THREAD_BYTES_MAX / 20 + KIT_NOISE_BYTES / thread_count;
    kit_require(!has_limit || each <= most, "a thread costs %zu bytes, %zu at most", each, most);
    size_t most_mib = kit_number(argv, "total-mib", SIZE_MAX >> 20);
    kit_require(with >> 20 < most_mib, "the process takes %.1f MiB, %zu at most", kit_mib(with),
                most_mib);
    return 0;
}
