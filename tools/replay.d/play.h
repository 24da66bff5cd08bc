// SPDX-License-Identifier: MIT
// Plays a script through malloc itself, of any library: in a process of its own, which has the library preloaded and calls
// nothing of it but what the script says. One thread makes all calls, in their order.
#ifndef FT_REPLAY_PLAY_H
#define FT_REPLAY_PLAY_H

#include <stdbool.h>
#include <stdint.h>

// What a process that plays has to say.
struct play_result {
    double processor_seconds;
    double wall_seconds;
    double peak;           // MiB, beyond what the process had before
    uint64_t failed_count; // calls that were refused, chunks that were not as they were written
};

// Plays the moves (moves.h) in a file so many times, each time in a process of its own if it is more than once, and writes a
// line to standard output: what play_read() reads, sums and the highest peak, and the library that malloc is of. False and a
// line on standard error if the file holds none, or a process has failed.
bool play_moves(const char *path, uint64_t times);

enum { PLAY_LINE_BYTES = 5000 };

// Starts a process that does so with a library preloaded (empty: what this process has), and reads its line. NULL if that
// has failed, else where in the line the library begins.
const char *play_run(const char *path, uint64_t times, const char *library,
                     char line[PLAY_LINE_BYTES], struct play_result *result);

#endif
