// SPDX-License-Identifier: MIT
// What the programs of this directory share: their options, their threads, what memory they take,
// and how they say that something does not hold.
//
// Nothing here allocates but the making of a thread.

#ifndef FT_TESTS_THREADS_KIT_H
#define FT_TESTS_THREADS_KIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

// The number that follows "--name" in the command line, or the usual one.
size_t kit_number(char *const argv[], const char *name, size_t usual);

// The word that follows "--name", or the usual one.
const char *kit_word(char *const argv[], const char *name, const char *usual);

// If it does not hold: says so on standard error, after "FAILED: ", and ends the process with 1.
void kit_require(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The bytes of this process that are in memory, now and at most so far.
size_t kit_resident_bytes(void);
size_t kit_peak_bytes(void);

// What is shared with files and what the C library's own start took count as well, so that a limit
// is set on the difference to an earlier figure. The kernel counts in batches on each processor;
// that much a figure may be wrong.
enum { KIT_NOISE_BYTES = 256 << 10 };

// Starts a thread; stack_bytes 0 means the usual stack.
pthread_t kit_start(void *(*function)(void *), void *argument, size_t stack_bytes);

// Waits for a thread's end.
void kit_join(pthread_t thread);

// A process that still runs after so many seconds hangs: SIGALRM ends it.
void kit_watch(unsigned seconds);

static inline double kit_mib(size_t bytes)
{
    return (double)bytes / (1 << 20);
}

#endif
