// SPDX-License-Identifier: MIT
#include "tools/replay.d/play.h"

#include "tools/replay.d/pages.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUND_COUNT = 3, PAGE_BYTES = 4096, LINE_BYTES = 256 + PATH_MAX };

// What one run took.
struct taken {
    double seconds; // of the processor
    double peak;    // MiB beyond what the process had before
    uint64_t failed_count;
    char library[PATH_MAX]; // that malloc was of
};

// ---- the process that plays -----------------------------------------------------------------------

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

struct player {
    unsigned char **chunks; // by lives
    uint64_t *held;
    uint64_t failed_count;
};

// Writes to each page of a chunk, as its program would, and its life to its start.
static void write_chunk(unsigned char *chunk, uint64_t from, uint64_t bytes, uint32_t life)
{
    for (uint64_t at = from; at < bytes; at += PAGE_BYTES) {
        chunk[at] = 1;
    }
    if (bytes > from) {
        chunk[bytes - 1] = 1;
    }
    if (bytes >= sizeof(life)) {
        memcpy(chunk, &life, sizeof(life));
    }
}

// Whether a chunk is as it was written.
static void check_chunk(struct player *player, uint32_t life)
{
    uint32_t found = life;
    if (player->held[life] >= sizeof(found)) {
        memcpy(&found, player->chunks[life], sizeof(found));
    }
    player->failed_count += found != life;
}

static void *alloc(const struct step *step)
{
    void *chunk = NULL;
    size_t align = (size_t)1 << step->power;
    switch (step->kind) {
    case TRACE_CALLOC: return calloc(1, step->bytes);
    case TRACE_ALIGNED:
        align = align < sizeof(void *) ? sizeof(void *) : align;
        return posix_memalign(&chunk, align, step->bytes) == 0 ? chunk : NULL;
    default: return malloc(step->bytes);
    }
}

static void play_step(struct player *player, const struct step *step)
{
    bool is_misuse = step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC;
    if (is_misuse || !step->is_done) {
        return;
    }
    uint32_t life = step->life;
    unsigned char *chunk = player->chunks[life];
    bool is_new = step->kind != TRACE_FREE && step->kind != TRACE_REALLOC;
    if (!is_new && chunk == NULL) {
        return;
    }
    if (!is_new) {
        check_chunk(player, life);
    }
    if (step->kind == TRACE_FREE) {
        free(chunk);
        player->chunks[life] = NULL;
        return;
    }
    unsigned char *result = is_new ? alloc(step) : realloc(chunk, step->bytes);
    if (result == NULL) {
        player->failed_count++;
        return;
    }
    write_chunk(result, is_new ? 0 : player->held[life], step->bytes, life);
    player->chunks[life] = result;
    player->held[life] = step->bytes;
}

// FD COUNT LIVES: the steps are in a file, and what it took goes to standard output as a line.
int play_main(char **arguments)
{
    int descriptor = (int)strtol(arguments[0], NULL, 10);
    size_t count = strtoull(arguments[1], NULL, 10);
    size_t lives = strtoull(arguments[2], NULL, 10);
    size_t bytes = count * sizeof(struct step);
    const struct step *steps =
        mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    struct player player = {
        .chunks = pages_take(lives * sizeof(player.chunks[0])),
        .held = pages_take(lives * sizeof(player.held[0])),
    };
    if (steps == MAP_FAILED) {
        return 1;
    }
    // Written now, so that it is there before it is counted what was.
    memset(player.chunks, 0, lives * sizeof(player.chunks[0]));
    memset(player.held, 0, lives * sizeof(player.held[0]));
    long before = peak_kib();
    double began = processor_seconds();
    for (size_t index = 0; index < count; index++) {
        play_step(&player, &steps[index]);
    }
    double seconds = processor_seconds() - began;
    long after = peak_kib();
    Dl_info info = {.dli_fname = ""};
    (void)dladdr((void *)(uintptr_t)malloc, &info);
    char line[LINE_BYTES];
    int length = snprintf(line, sizeof(line), "%.6f %.3f %" PRIu64 " %s\n", seconds,
                          (double)(after - before) / 1024, player.failed_count, info.dli_fname);
    return write(STDOUT_FILENO, line, (size_t)length) == length ? 0 : 1;
}

// ---- the process that compares --------------------------------------------------------------------

// The child: it becomes the process that plays.
static _Noreturn void become_player(int steps, int output, const struct script *script,
                                    const char *library)
{
    char words[3][32];
    snprintf(words[0], sizeof(words[0]), "%d", steps);
    snprintf(words[1], sizeof(words[1]), "%zu", script->count);
    snprintf(words[2], sizeof(words[2]), "%" PRIu32, script->life_count);
    unsetenv("FT_MALLOC_TRACE");
    if (*library != '\0') {
        setenv("LD_PRELOAD", library, 1);
    }
    dup2(output, STDOUT_FILENO);
    execl("/proc/self/exe", "ft_replay", "--play", words[0], words[1], words[2], (char *)NULL);
    _exit(127);
}

static bool read_line(int descriptor, char line[LINE_BYTES])
{
    size_t length = 0;
    ssize_t got;
    while (length + 1 < LINE_BYTES &&
           (got = read(descriptor, line + length, LINE_BYTES - 1 - length)) > 0) {
        length += (size_t)got;
    }
    line[length] = '\0';
    return length != 0 && line[length - 1] == '\n';
}

static bool read_taken(int descriptor, struct taken *taken)
{
    char line[LINE_BYTES];
    if (!read_line(descriptor, line)) {
        return false;
    }
    int at = 0;
    if (sscanf(line, "%lf %lf %" SCNu64 " %n", &taken->seconds, &taken->peak, &taken->failed_count,
               &at) < 3) {
        return false;
    }
    size_t length = strcspn(line + at, "\n");
    memcpy(taken->library, line + at, length);
    taken->library[length] = '\0';
    return true;
}

// One run through a library.
static bool run(int steps, const struct script *script, const char *library, struct taken *taken)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_player(steps, ends[1], script, library);
    }
    close(ends[1]);
    bool is_read = child > 0 && read_taken(ends[0], taken);
    close(ends[0]);
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && is_read;
}

// The steps in a file without a name, for the players.
static int share_steps(const struct script *script)
{
    int descriptor = memfd_create("ft_replay", 0);
    const char *at = (const char *)script->steps;
    size_t left = script->count * sizeof(struct step);
    while (descriptor >= 0 && left != 0) {
        ssize_t written = write(descriptor, at, left);
        if (written < 0) {
            close(descriptor);
            return -1;
        }
        at += written;
        left -= (size_t)written;
    }
    return descriptor;
}

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

struct library {
    char name[PATH_MAX];
    char path[PATH_MAX];
    double seconds[ROUND_COUNT];
    double peaks[ROUND_COUNT];
    uint64_t failed_count;
};

static bool run_round(int steps, const struct script *script, struct library *library,
                      unsigned round)
{
    struct taken taken;
    if (!run(steps, script, library->path, &taken)) {
        fprintf(stderr, "ft_replay: the trace could not be played through %s\n", library->name);
        return false;
    }
    char full[PATH_MAX];
    if (library->path[0] != '\0' &&
        (realpath(taken.library, full) == NULL || strcmp(full, library->path) != 0)) {
        fprintf(stderr, "ft_replay: %s could not be preloaded: malloc is %s's\n", library->path,
                taken.library);
        return false;
    }
    library->seconds[round] = taken.seconds;
    library->peaks[round] = taken.peak;
    library->failed_count += taken.failed_count;
    return true;
}

static void tell(const struct script *script, struct library *libraries, unsigned count)
{
    double live = (double)script->peak_bytes / (1 << 20);
    printf("%zu calls, %.1f MiB live at the peak\n\n  %-20s%12s%16s%16s\n", script->count, live,
           "library", "seconds", "peak MiB", "of live bytes");
    for (unsigned index = 0; index < count; index++) {
        double peak = median(libraries[index].peaks);
        printf("  %-20s%12.3f%16.1f%16.2f\n", libraries[index].name,
               median(libraries[index].seconds), peak, live > 0 ? peak / live : 0.0);
        if (libraries[index].failed_count != 0) {
            printf("  %20s%" PRIu64 " calls were refused, or chunks not as they were written\n", "",
                   libraries[index].failed_count);
        }
    }
}

bool play_compare(const struct script *script, char *const *names, unsigned count)
{
    int steps = share_steps(script);
    struct library *libraries = pages_take(count * sizeof(*libraries));
    bool is_good = steps >= 0;
    for (unsigned index = 0; index < count && is_good; index++) {
        is_good = split(names[index], libraries[index].name, libraries[index].path);
    }
    for (unsigned round = 0; round < ROUND_COUNT && is_good; round++) {
        for (unsigned index = 0; index < count && is_good; index++) {
            is_good = run_round(steps, script, &libraries[index], round);
        }
    }
    if (is_good) {
        tell(script, libraries, count);
    }
    pages_give(libraries, count * sizeof(*libraries));
    close(steps);
    return is_good;
}
