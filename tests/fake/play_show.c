// SPDX-License-Identifier: MIT
#include "tests/fake/play_more.h"

#include "api/ft_malloc.h"
#include "api/global.h"
#include "tests/fake/fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- show_alloc_mem -------------------------------------------------------------------------------

struct shown {
    size_t count;      // of chunks
    size_t bytes;      // of all of them, and of those that were lost
    size_t lost_bytes; // in pages that a purge took and could not replace
    uintptr_t last;    // the highest address told so far
};

static void read_chunk_line(const char *line, struct shown *shown)
{
    uintptr_t base = 0;
    uintptr_t end = 0;
    size_t bytes = 0;
    if (sscanf(line, "0x%" SCNxPTR " - 0x%" SCNxPTR " : %zu bytes", &base, &end, &bytes) != 3) {
        player_fail("a line of the heap is: %s", line);
    }
    if (end - base != bytes || ft_malloc_size((void *)base) != bytes || base < shown->last) {
        player_fail("this line of the heap is wrong: %s", line);
    }
    shown->last = base + (bytes != 0);
    shown->bytes += bytes;
    bool is_lost = fake_is_lost((const void *)base, bytes);
    shown->lost_bytes += is_lost ? bytes : 0;
    shown->count += !is_lost;
}

static void read_zone_line(const char *line, struct shown *shown)
{
    const char *address = strstr(line, " : 0x");
    if (address == NULL) {
        player_fail("a line of the heap is: %s", line);
    }
    uintptr_t base = strtoull(address + 5, NULL, 16);
    if (base < shown->last) {
        player_fail("this zone of the heap is out of order: %s", line);
    }
    shown->last = base;
}

static void read_shown(struct shown *shown)
{
    char *rest = NULL;
    bool is_ended = false;
    for (char *line = strtok_r(fake_output.bytes, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (is_ended) {
            player_fail("a line follows the total: %s", line);
        }
        if (strncmp(line, "Total : ", 8) == 0) {
            is_ended = true;
            if (strtoull(line + 8, NULL, 10) != shown->bytes) {
                player_fail("the lines' sum is %zu bytes, and then: %s", shown->bytes, line);
            }
        } else if (strncmp(line, "0x", 2) == 0) {
            read_chunk_line(line, shown);
        } else {
            read_zone_line(line, shown);
        }
    }
    if (!is_ended) {
        player_fail("the heap is shown without a total");
    }
}

void play_show(struct player *player)
{
    struct shown held = {.count = player->bulk_count, .bytes = player->bulk_bytes};
    for (unsigned at = 0; at < player->chunk_count; at++) {
        held.count += player->chunks[at].ptr != NULL;
        held.bytes += player->chunks[at].ptr != NULL ? player->chunks[at].bytes : 0;
    }
    global_lock(); // the first call of all makes the arena ready
    global_unlock();
    uint64_t refusable = fake_books.refusable;
    fake_output.is_kept = true;
    fake_output.is_cut = false;
    fake_output.length = 0;
    ft_show_alloc_mem();
    fake_output.is_kept = false;
    if (fake_books.refusable != refusable) {
        player_fail("to show the heap has asked something of the system");
    }
    if (fake_output.is_cut || fake_output.length == FAKE_OUTPUT_BYTES) {
        return;
    }
    fake_output.bytes[fake_output.length] = '\0';
    struct shown shown = {.count = 0};
    read_shown(&shown);
    if (shown.count != held.count || shown.bytes - shown.lost_bytes != held.bytes) {
        player_fail("%zu chunks of %zu bytes are shown, %zu of %zu are held", shown.count,
                    shown.bytes, held.count, held.bytes);
    }
}

// ---- fork -----------------------------------------------------------------------------------------

// What a forked child does: goes on, and frees everything.
static _Noreturn void live_on(struct player *player)
{
    unsigned at = PLAYER_CHUNKS - 20;
    for (size_t bytes = 8; bytes < (4 << 20); bytes *= 5) {
        play_malloc(player, at++, bytes);
    }
    play_free_all(player);
    play_audit(player);
    _exit(0);
}

void play_fork(struct player *player)
{
    enum { HANDLERS_AT = PLAYER_CHUNKS - 30 };
    struct fake_fork handlers = fake_fork;
    if (handlers.before == NULL) {
        return; // nobody has allocated yet
    }
    handlers.before();
    // Handlers of other libraries run now, and may allocate, if the thread has a heap.
    bool has_heap = !heap_is_none(global_heap());
    if (has_heap) {
        play_malloc(player, HANDLERS_AT, 300);
        play_malloc(player, HANDLERS_AT + 1, 300000);
    }
    fflush(stderr);
    pid_t child = fork();
    if (has_heap) {
        play_free(player, HANDLERS_AT);
    }
    if (child == 0) {
        handlers.in_child();
        live_on(player);
    }
    handlers.in_parent();
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        player_fail("a forked child ended with %#x", (unsigned)status);
    }
}
