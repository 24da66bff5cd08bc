// SPDX-License-Identifier: MIT
#include "tools/replay.d/play.h"

#include "tools/replay.d/moves.h"
#include "tools/replay.d/pages.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE_BYTES = 4096,
    STATUS_BYTES = 8192,
    WINDOW_BYTES = 1 << 20, // of the moves are mapped at a time
};

// No move lies in two windows.
_Static_assert(sizeof(struct moves_head) % sizeof(struct move) == 0, "moves follow the head");
_Static_assert(WINDOW_BYTES % sizeof(struct move) == 0, "moves fill a window");

struct chunk {
    unsigned char *ptr;
    uint64_t held;
};

struct player {
    struct moves_head head;
    int file;
    struct chunk *chunks; // by slots
    struct play_result result;
};

// ---- moves ----------------------------------------------------------------------------------------

// Writes to each page of a chunk, as its program would, and its slot to its start.
static void write_chunk(unsigned char *ptr, uint64_t from, uint64_t bytes, uint32_t slot)
{
    for (uint64_t at = from; at < bytes; at += PAGE_BYTES) {
        ptr[at] = 1;
    }
    if (bytes > from) {
        ptr[bytes - 1] = 1;
    }
    if (bytes >= sizeof(slot)) {
        memcpy(ptr, &slot, sizeof(slot));
    }
}

// Whether a chunk is as it was written.
static void check_chunk(struct player *player, const struct chunk *chunk, uint32_t slot)
{
    uint32_t found = slot;
    if (chunk->held >= sizeof(found)) {
        memcpy(&found, chunk->ptr, sizeof(found));
    }
    player->result.failed_count += found != slot;
}

static void *alloc(const struct move *move)
{
    void *ptr = NULL;
    size_t align = (size_t)1 << move->power;
    switch (move->kind) {
    case TRACE_CALLOC: return calloc(1, move->bytes);
    case TRACE_ALIGNED:
        align = align < sizeof(void *) ? sizeof(void *) : align;
        return posix_memalign(&ptr, align, move->bytes) == 0 ? ptr : NULL;
    default: return malloc(move->bytes);
    }
}

static void play_realloc(struct player *player, const struct move *move)
{
    struct chunk *chunk = &player->chunks[move->slot];
    if (chunk->ptr == NULL) {
        return; // It was refused.
    }
    check_chunk(player, chunk, move->slot);
    unsigned char *ptr = realloc(chunk->ptr, move->bytes);
    if (ptr == NULL) {
        player->result.failed_count++;
        return;
    }
    write_chunk(ptr, chunk->held, move->bytes, move->slot);
    *chunk = (struct chunk){.ptr = ptr, .held = move->bytes};
}

static void play_move(struct player *player, const struct move *move)
{
    struct chunk *chunk = &player->chunks[move->slot];
    if (move->kind == TRACE_FREE) {
        if (chunk->ptr != NULL) {
            check_chunk(player, chunk, move->slot);
        }
        free(chunk->ptr);
        chunk->ptr = NULL;
        return;
    }
    if (move->kind == TRACE_REALLOC) {
        play_realloc(player, move);
        return;
    }
    unsigned char *ptr = alloc(move);
    *chunk = (struct chunk){.ptr = ptr, .held = move->bytes};
    if (ptr == NULL) {
        player->result.failed_count++;
        return;
    }
    write_chunk(ptr, 0, move->bytes, move->slot);
}

// Not inlined: its instructions without those of what it calls are what the player itself costs.
__attribute__((noinline)) static void play_window(struct player *player, const struct move *moves,
                                                  size_t count)
{
    for (size_t index = 0; index < count; index++) {
        play_move(player, &moves[index]);
    }
}

// ---- windows --------------------------------------------------------------------------------------

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Plays what is mapped, while the clocks run.
static void time_window(struct player *player, const struct move *moves, size_t count)
{
    double wall = seconds_of(CLOCK_MONOTONIC);
    double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    play_window(player, moves, count);
    player->result.processor_seconds += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
    player->result.wall_seconds += seconds_of(CLOCK_MONOTONIC) - wall;
}

// Looks at all moves, and plays them if they were looked at before. False if one of them is none, or cannot be read.
static bool each_window(struct player *player, bool plays)
{
    uint64_t end = sizeof(player->head) + player->head.move_count * sizeof(struct move);
    for (uint64_t at = 0; at < end; at += WINDOW_BYTES) {
        size_t bytes = end - at < WINDOW_BYTES ? (size_t)(end - at) : WINDOW_BYTES;
        const char *window =
            mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, player->file, (off_t)at);
        if (window == MAP_FAILED) {
            return false;
        }
        size_t skipped = at == 0 ? sizeof(player->head) : 0;
        const struct move *moves = (const struct move *)(const void *)(window + skipped);
        size_t count = (bytes - skipped) / sizeof(struct move);
        bool is_good = true;
        if (plays) {
            time_window(player, moves, count);
        }
        for (size_t index = 0; index < count && !plays; index++) {
            is_good &= moves_is_good(&player->head, &moves[index]);
        }
        munmap((void *)(uintptr_t)window, bytes);
        if (!is_good) {
            return false;
        }
    }
    return true;
}

// ---- the process ----------------------------------------------------------------------------------

// The most that was resident since the process became this program: what getrusage() says goes back to before that.
static double peak_mib(void)
{
    char text[STATUS_BYTES];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, text, sizeof(text) - 1) : 0;
    close(file);
    text[length > 0 ? length : 0] = '\0';
    const char *at = strstr(text, "VmHWM:");
    return at != NULL ? (double)strtol(at + strlen("VmHWM:"), NULL, 10) / 1024 : 0.0;
}

static const char *library_of_malloc(void)
{
    Dl_info info = {.dli_fname = ""};
    (void)dladdr((void *)(uintptr_t)malloc, &info);
    return info.dli_fname;
}

static bool tell(const struct play_result *result, const char *library)
{
    char line[PLAY_LINE_BYTES];
    int length =
        snprintf(line, sizeof(line), "cpu %.6f wall %.6f peak %.3f failed %" PRIu64 " %s\n",
                 result->processor_seconds, result->wall_seconds, result->peak,
                 result->failed_count, library);
    return write(STDOUT_FILENO, line, (size_t)length) == length;
}

static bool play_once(const char *path)
{
    struct player player = {.file = open(path, O_RDONLY | O_CLOEXEC)};
    if (player.file < 0 || !moves_read_head(&player.head, player.file) ||
        !each_window(&player, false)) {
        fprintf(stderr, "ft_replay: %s holds no moves, as --moves writes them\n", path);
        return false;
    }
    size_t bytes = player.head.slot_count * sizeof(struct chunk);
    player.chunks = pages_take(bytes);
    // Written now, so that it is there before it is counted what was.
    memset(player.chunks, 0, bytes);
    double before = peak_mib();
    bool is_good = each_window(&player, true);
    player.result.peak = peak_mib() - before;
    return is_good && tell(&player.result, library_of_malloc());
}

bool play_moves(const char *path, uint64_t times)
{
    if (times == 1) {
        return play_once(path);
    }
    struct play_result sum = {.peak = 0};
    struct play_result result;
    char line[PLAY_LINE_BYTES];
    const char *library = NULL;
    for (uint64_t turn = 0; turn < times; turn++) {
        library = play_run(path, 1, "", line, &result);
        if (library == NULL) {
            return false;
        }
        sum.processor_seconds += result.processor_seconds;
        sum.wall_seconds += result.wall_seconds;
        sum.peak = result.peak > sum.peak ? result.peak : sum.peak;
        sum.failed_count += result.failed_count;
    }
    return tell(&sum, library);
}

// ---- the process that starts it -------------------------------------------------------------------

// The child: it becomes the process that plays.
static _Noreturn void become_player(const char *path, uint64_t times, int output,
                                    const char *library)
{
    char count[32];
    snprintf(count, sizeof(count), "%" PRIu64, times);
    unsetenv("FT_MALLOC_TRACE");
    if (*library != '\0') {
        setenv("LD_PRELOAD", library, 1);
    }
    dup2(output, STDOUT_FILENO);
    execl("/proc/self/exe", "ft_replay", "--play", path, count, (char *)NULL);
    _exit(127);
}

static bool read_line(int descriptor, char line[PLAY_LINE_BYTES])
{
    size_t length = 0;
    ssize_t got;
    while (length + 1 < PLAY_LINE_BYTES &&
           (got = read(descriptor, line + length, PLAY_LINE_BYTES - 1 - length)) > 0) {
        length += (size_t)got;
    }
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return length != 0;
}

const char *play_run(const char *path, uint64_t times, const char *library,
                     char line[PLAY_LINE_BYTES], struct play_result *result)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return NULL;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_player(path, times, ends[1], library);
    }
    close(ends[1]);
    bool is_read = child > 0 && read_line(ends[0], line);
    close(ends[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || !is_read) {
        return NULL;
    }
    int at = 0;
    int count =
        sscanf(line, "cpu %lf wall %lf peak %lf failed %" SCNu64 " %n", &result->processor_seconds,
               &result->wall_seconds, &result->peak, &result->failed_count, &at);
    return count == 4 ? line + at : NULL;
}
