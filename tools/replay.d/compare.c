// SPDX-License-Identifier: MIT
#include "tools/replay.d/compare.h"

#include "tools/replay.d/moves.h"
#include "tools/replay.d/pages.h"
#include "tools/replay.d/play.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    ROUND_COUNT = 3,
    LEAST_CALLS = 3000000, // so many at least, in as many processes: a short time is a bad measure
};

struct library {
    char name[PATH_MAX];
    char path[PATH_MAX]; // empty: none is preloaded
    double seconds[ROUND_COUNT];
    double peaks[ROUND_COUNT];
    uint64_t failed_count;
};

// ---- one run --------------------------------------------------------------------------------------

static bool run_round(int moves, uint64_t times, struct library *library, unsigned round)
{
    char line[PLAY_LINE_BYTES];
    char path[64];
    struct play_result result;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", moves);
    const char *found = play_run(path, times, library->path, line, &result);
    if (found == NULL) {
        fprintf(stderr, "ft_replay: the trace could not be played through %s\n", library->name);
        return false;
    }
    char full[PATH_MAX];
    if (library->path[0] != '\0' &&
        (realpath(found, full) == NULL || strcmp(full, library->path) != 0)) {
        fprintf(stderr, "ft_replay: %s could not be preloaded: malloc is %s's\n", library->path,
                found);
        return false;
    }
    library->seconds[round] = result.processor_seconds;
    library->peaks[round] = result.peak;
    library->failed_count += result.failed_count;
    return true;
}

// ---- all of them ----------------------------------------------------------------------------------

// The middle one of a few numbers.
static double median(double numbers[ROUND_COUNT])
{
    for (unsigned index = 1; index < ROUND_COUNT; index++) {
        for (unsigned at = index; at != 0 && numbers[at] < numbers[at - 1]; at--) {
            double other = numbers[at];
            numbers[at] = numbers[at - 1];
            numbers[at - 1] = other;
        }
    }
    return numbers[ROUND_COUNT / 2];
}

// Splits NAME=PATH; the path in full. False and a line on standard error if there is no such file.
static bool split(const char *library, char name[PATH_MAX], char path[PATH_MAX])
{
    size_t length = strcspn(library, "=");
    if (library[length] == '\0' || length >= PATH_MAX) {
        fprintf(stderr, "ft_replay: a library is NAME=PATH, not '%s'\n", library);
        return false;
    }
    memcpy(name, library, length);
    name[length] = '\0';
    path[0] = '\0';
    if (library[length + 1] != '\0' && realpath(library + length + 1, path) == NULL) {
        fprintf(stderr, "ft_replay: %s: %s\n", library + length + 1, strerror(errno));
        return false;
    }
    return true;
}

static void tell(const struct script *script, uint64_t times, struct library *libraries,
                 unsigned count)
{
    double live = (double)script->peak_bytes / (1 << 20);
    double calls = (double)script->count * (double)times;
    printf("%zu calls, %.1f MiB live at the peak; played %" PRIu64 " times, by one thread\n\n",
           script->count, live, times);
    printf("  %-20s%12s%12s%16s%16s\n", "library", "seconds", "ns a call", "peak MiB",
           "of live bytes");
    for (unsigned index = 0; index < count; index++) {
        double seconds = median(libraries[index].seconds);
        double peak = median(libraries[index].peaks);
        printf("  %-20s%12.3f%12.1f%16.1f%16.2f\n", libraries[index].name, seconds,
               calls > 0 ? seconds / calls * 1e9 : 0.0, peak, live > 0 ? peak / live : 0.0);
        if (libraries[index].failed_count != 0) {
            printf("  %20s%" PRIu64 " calls were refused, or chunks not as they were written\n", "",
                   libraries[index].failed_count);
        }
    }
}

bool compare_libraries(const struct script *script, char *const *names, unsigned count)
{
    int moves = memfd_create("ft_replay", 0);
    struct library *libraries = pages_take(count * sizeof(*libraries));
    bool is_good = moves >= 0 && moves_write(script, moves);
    uint64_t times = script->count != 0 ? LEAST_CALLS / script->count + 1 : 1;
    if (!is_good) {
        fprintf(stderr, "ft_replay: the trace's moves cannot be written: %s\n", strerror(errno));
    }
    for (unsigned index = 0; index < count && is_good; index++) {
        is_good = split(names[index], libraries[index].name, libraries[index].path);
    }
    for (unsigned round = 0; round < ROUND_COUNT && is_good; round++) {
        for (unsigned index = 0; index < count && is_good; index++) {
            is_good = run_round(moves, times, &libraries[index], round);
        }
    }
    if (is_good) {
        tell(script, times, libraries, count);
    }
    pages_give(libraries, count * sizeof(*libraries));
    if (moves >= 0) {
        close(moves);
    }
    return is_good;
}
