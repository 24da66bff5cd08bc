// SPDX-License-Identifier: MIT
// A process from its very first code to its very last: the pre-initialisers that run before any
// library's constructors, constructors by priority, main, what atexit and on_exit call, and
// destructors. Each stage allocates, and frees what the stages before it allocated.

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { STAGE_COUNT = 8, CHUNK_COUNT = 6 };

static const size_t chunk_sizes[CHUNK_COUNT] = {1, 100, 1000, 9000, 70000, 3000000};
static void *ptrs[STAGE_COUNT][CHUNK_COUNT];
static int stage_count;

static void stop(const char *message)
{
    // No stdio: it may not be there yet, or any more.
    if (write(STDERR_FILENO, message, strlen(message)) < 0) {
        _exit(2);
    }
    _exit(1);
}

static void check_and_allocate(int expected_stage)
{
    if (stage_count != expected_stage) {
        stop("the stages did not run in their order\n");
    }
    // What the stage before last allocated is freed now, what the last one allocated is checked.
    for (size_t index = 0; index < CHUNK_COUNT; index++) {
        for (int stage = 0; stage < stage_count; stage++) {
            if (ptrs[stage][index] == NULL) {
                continue;
            }
            if (!pattern_holds(ptrs[stage][index], chunk_sizes[index], (uint64_t)stage)) {
                stop("a chunk of an earlier stage has lost its content\n");
            }
            if (stage < stage_count - 1) {
                free(ptrs[stage][index]);
                ptrs[stage][index] = NULL;
            }
        }
        void *ptr = realloc(calloc(1, chunk_sizes[index] / 2 + 1), chunk_sizes[index]);
        if (ptr == NULL) {
            stop("no memory\n");
        }
        pattern_fill(ptr, chunk_sizes[index], (uint64_t)stage_count);
        ptrs[stage_count][index] = ptr;
    }
    stage_count++;
}

static void before_all_constructors(void)
{
    check_and_allocate(0);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(void) = before_all_constructors;

__attribute__((constructor(101))) static void first_constructor(void)
{
    check_and_allocate(1);
}

__attribute__((constructor)) static void constructor(void)
{
    check_and_allocate(2);
}

static void at_exit(void)
{
    check_and_allocate(5);
}

static void on_exit_too(int exit_status, void *argument)
{
    (void)exit_status;
    (void)argument;
    check_and_allocate(4);
}

__attribute__((destructor)) static void destructor(void)
{
    check_and_allocate(6);
}

__attribute__((destructor(101))) static void last_destructor(void)
{
    check_and_allocate(7);
    for (size_t index = 0; index < CHUNK_COUNT; index++) {
        free(ptrs[6][index]);
        free(ptrs[7][index]);
    }
    static const char message[] = "all eight stages allocated and freed\n";
    if (write(STDOUT_FILENO, message, sizeof message - 1) < 0) {
        _exit(2);
    }
}

int main(void)
{
    check_and_allocate(3);
    if (atexit(at_exit) != 0 || on_exit(on_exit_too, NULL) != 0) {
        stop("atexit or on_exit failed\n");
    }
    return 0;
}
