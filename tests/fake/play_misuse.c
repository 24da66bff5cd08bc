// SPDX-License-Identifier: MIT
#include "tests/fake/play_more.h"

#include "api/ft_malloc.h"
#include "api/global.h"
#include "tests/fake/fake.h"

#include <errno.h>
#include <string.h>

static char foreign_bytes[64];

static bool is_live(const struct player *player, const void *ptr)
{
    for (unsigned at = 0; at < player->chunk_count; at++) {
        if (player->chunks[at].ptr == ptr) {
            return true;
        }
    }
    return player->bulk != NULL; // may be one of them
}

// NULL: there is none.
static void *wrong_pointer(const struct player *player, enum play_wrong wrong, unsigned at)
{
    const struct played *chunk = &player->chunks[at];
    uint64_t number = player->calls * 0x9E3779B97F4A7C15;
    switch (wrong) {
    case WRONG_STALE:
        return player->stale == NULL || is_live(player, player->stale) ? NULL : player->stale;
    case WRONG_INTERIOR:
        return chunk->ptr == NULL
                   ? NULL
                   : chunk->ptr + 1 + number % (chunk->bytes < 16 ? 15 : chunk->bytes - 1);
    case WRONG_FOREIGN: return foreign_bytes + number % sizeof(foreign_bytes);
    case WRONG_NOWHERE:
    case WRONG_COUNT:
    default: return (void *)(uintptr_t)(number >> number % 64 | 1);
    }
}

// What must be as it was.
struct before {
    uint64_t refusable;
    struct options options;
};

static struct before begin_misuse(bool warn)
{
    struct before before = {.refusable = fake_books.refusable, .options = global.options};
    enum option_answer answer = warn ? ANSWER_WARN : ANSWER_IGNORE;
    global.options =
        (struct options){.are_read = true, .misuse = answer, .foreign = ANSWER_AS_MISUSE};
    fake_output.is_kept = true;
    fake_output.length = 0;
    errno = PLAYER_ERRNO;
    return before;
}

static void end_misuse(struct player *player, const struct before *before, unsigned at, bool warn)
{
    fake_output.is_kept = false;
    global.options = before->options;
    const char *bytes = fake_output.bytes;
    size_t length = fake_output.length;
    bool is_line = length > 11 && memcmp(bytes, "ft_malloc: ", 11) == 0 &&
                   memchr(bytes, '\n', length) == bytes + length - 1;
    if (warn ? !is_line : length != 0) {
        player_fail("a misuse was answered by %zu bytes: %.*s", length, (int)length, bytes);
    }
    if (fake_books.refusable != before->refusable) {
        player_fail("a misuse asked something of the system");
    }
    const struct played *chunk = &player->chunks[at];
    player_verify(chunk);
    if (chunk->ptr != NULL && ft_malloc_size(chunk->ptr) != chunk->bytes) {
        player_fail("a misuse changed a chunk of %zu bytes to %zu", chunk->bytes,
                    ft_malloc_size(chunk->ptr));
    }
}

// Makes the call. Returns whether it answered as it should.
static bool call_wrongly(enum play_wrong_call call, void *ptr)
{
    void *target = ptr;
    switch (call) {
    case WRONG_FREE: ft_free(ptr); return errno == PLAYER_ERRNO;
    case WRONG_FREE_SIZED: ft_free_sized(ptr, 100); return errno == PLAYER_ERRNO;
    case WRONG_FREE_ALIGNED_SIZED: ft_free_aligned_sized(ptr, 1, 100); return errno == PLAYER_ERRNO;
    case WRONG_REALLOC: return ft_realloc(ptr, 100) == NULL && errno == EINVAL;
    case WRONG_REALLOCF: return ft_reallocf(ptr, 100) == NULL && errno == EINVAL;
    case WRONG_REALLOCARR:
        return ft_reallocarr(&target, 10, 10) == EINVAL && target == ptr && errno == PLAYER_ERRNO;
    case WRONG_RECALLOCARRAY: return ft_recallocarray(ptr, 1, 10, 10) == NULL && errno == EINVAL;
    case WRONG_FREEZERO: ft_freezero(ptr, 100); return errno == PLAYER_ERRNO;
    case WRONG_USABLE_SIZE:
    case WRONG_CALL_COUNT:
    default: return ft_malloc_usable_size(ptr) == 0 && errno == PLAYER_ERRNO;
    }
}

void play_misuse(struct player *player, enum play_wrong wrong, enum play_wrong_call call,
                 unsigned at, bool warn)
{
    player->calls++;
    void *ptr = wrong_pointer(player, wrong, at);
    if (ptr == NULL) {
        return;
    }
    struct before before = begin_misuse(warn);
    if (!call_wrongly(call, ptr)) {
        player_fail("misuse %u of call %u was answered with errno %d", wrong, call, errno);
    }
    end_misuse(player, &before, at, warn);
}

void play_wrong_size(struct player *player, unsigned at, bool wrong_align, bool warn)
{
    const struct played *chunk = &player->chunks[at];
    if (chunk->ptr == NULL) {
        return;
    }
    struct before before = begin_misuse(warn);
    if (wrong_align) {
        ft_free_aligned_sized(chunk->ptr, 2 * ft_memalignment(chunk->ptr), chunk->bytes);
    } else {
        ft_free_sized(chunk->ptr, 2 * chunk->bytes + 70000);
    }
    if (errno != PLAYER_ERRNO) {
        player_fail("a sized free that is wrong made errno %d", errno);
    }
    end_misuse(player, &before, at, warn);
}
