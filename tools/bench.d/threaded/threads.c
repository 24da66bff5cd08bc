// SPDX-License-Identifier: MIT
// The main() of a threaded workload, and what the workloads share.
#define _GNU_SOURCE // processors are a matter of Linux, not of POSIX
#include "threads.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

_Noreturn void fail(const char *words)
{
    fprintf(stderr, "%s\n", words);
    exit(1);
}

pthread_t thread_start(void *(*function)(void *argument), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, argument) != 0) {
        fail("a thread could not be started");
    }
    return thread;
}

void thread_wait(pthread_t thread)
{
    if (pthread_join(thread, NULL) != 0) {
        fail("a thread could not be joined");
    }
}

void *chunk_new(size_t bytes)
{
    void *chunk = malloc(bytes);
    if (chunk == NULL) {
        fail("malloc returned NULL");
    }
    *(volatile unsigned char *)chunk = 1;
    return chunk;
}

// The processors of the whole program, read before any thread is bound.
static cpu_set_t processors;

void thread_bind(unsigned index)
{
    unsigned skip = index % (unsigned)CPU_COUNT(&processors);
    size_t processor = 0;
    for (;; processor++) {
        if (CPU_ISSET(processor, &processors)) {
            if (skip == 0) {
                break;
            }
            skip--;
        }
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        fail("a thread could not be bound to a processor");
    }
}

struct start {
    void (*function)(unsigned index);
    unsigned index;
};

static void *run_one(void *argument)
{
    const struct start *start = argument;
    thread_bind(start->index);
    start->function(start->index);
    return NULL;
}

void threads_run(unsigned count, void (*function)(unsigned index))
{
    struct start starts[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    for (unsigned i = 0; i < count; i++) {
        starts[i] = (struct start){.function = function, .index = i};
        threads[i] = thread_start(run_one, &starts[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        thread_wait(threads[i]);
    }
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    unsigned long threads = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    uint64_t work = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (threads < 1 || threads > THREADS_MAX || work < 1) {
        fprintf(stderr, "usage: %s THREADS WORK, with at most %d threads\n", argv[0], THREADS_MAX);
        return 2;
    }
    if (sched_getaffinity(0, sizeof processors, &processors) != 0) {
        fail("the processors are not known");
    }
    double cpu = cpu_seconds();
    double wall = wall_seconds();
    workload_run((unsigned)threads, work);
    cpu = cpu_seconds() - cpu;
    wall = wall_seconds() - wall;
    printf("cpu %.6f wall %.6f\n", cpu, wall);
    return 0;
}
