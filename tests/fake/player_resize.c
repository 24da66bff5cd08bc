// SPDX-License-Identifier: MIT
// The player's resizings and frees.
#include "tests/fake/player.h"

#include "api/ft_malloc.h"

#include <errno.h>

// ---- resizings ------------------------------------------------------------------------------------

// The chunk at `at` became one of `bytes` at ptr, or stayed.
static bool keep_resized(struct player *player, unsigned at, void *ptr, size_t bytes)
{
    struct played *chunk = &player->chunks[at];
    if (ptr == NULL) {
        player_verify(chunk);
        if (chunk->ptr != NULL && ft_malloc_size(chunk->ptr) != chunk->bytes) {
            player_fail("a realloc to %zu bytes that failed made %zu bytes %zu", bytes,
                        chunk->bytes, ft_malloc_size(chunk->ptr));
        }
        return false;
    }
    size_t kept = chunk->bytes < bytes ? chunk->bytes : bytes;
    if (chunk->ptr != NULL && !contents_are_kept(chunk, ptr, kept)) {
        player_fail("a realloc from %zu to %zu bytes has lost the contents", chunk->bytes, bytes);
    }
    if (chunk->ptr != NULL && chunk->ptr != ptr) {
        player->stale = chunk->ptr;
    }
    return player_keep(player, at, ptr, bytes, 16);
}

static struct played_call resizing_call(struct player *player)
{
    struct played_call call = player_call(player);
    call.resizes = true;
    return call;
}

bool play_realloc(struct player *player, unsigned at, size_t bytes)
{
    struct played_call call = resizing_call(player);
    void *ptr = ft_realloc(player->chunks[at].ptr, bytes);
    player_check(player, &call, ptr, bytes, 16, errno);
    return keep_resized(player, at, ptr, bytes);
}

bool play_reallocarray(struct player *player, unsigned at, size_t bytes)
{
    struct played_call call = resizing_call(player);
    void *ptr = bytes % 3 == 0 ? ft_reallocarray(player->chunks[at].ptr, bytes / 3, 3)
                               : ft_reallocarray(player->chunks[at].ptr, 1, bytes);
    player_check(player, &call, ptr, bytes, 16, errno);
    return keep_resized(player, at, ptr, bytes);
}

bool play_reallocf(struct player *player, unsigned at, size_t bytes)
{
    struct played *chunk = &player->chunks[at];
    struct played_call call = resizing_call(player);
    void *ptr = ft_reallocf(chunk->ptr, bytes);
    player_check(player, &call, ptr, bytes, 16, errno);
    if (ptr == NULL) {
        if (chunk->ptr != NULL && ft_malloc_size(chunk->ptr) != 0) {
            player_fail("a reallocf to %zu bytes failed and did not free", bytes);
        }
        chunk->ptr = NULL;
        return false;
    }
    return keep_resized(player, at, ptr, bytes);
}

bool play_reallocarr(struct player *player, unsigned at, size_t bytes)
{
    struct played_call call = resizing_call(player);
    void *ptr = player->chunks[at].ptr;
    int error = ft_reallocarr(&ptr, 1, bytes);
    if (errno != PLAYER_ERRNO) {
        player_fail("reallocarr made errno %d", errno);
    }
    if (error != 0 && ptr != player->chunks[at].ptr) {
        player_fail("reallocarr failed and changed the pointer");
    }
    ptr = error == 0 ? ptr : NULL;
    player_check(player, &call, ptr, bytes, 16, error == 0 ? PLAYER_ERRNO : error);
    return keep_resized(player, at, ptr, bytes);
}

bool play_recallocarray(struct player *player, unsigned at, size_t bytes)
{
    size_t old_bytes = player->chunks[at].ptr != NULL ? player->chunks[at].bytes : 0;
    struct played_call call = resizing_call(player);
    unsigned char *ptr = ft_recallocarray(player->chunks[at].ptr, old_bytes, bytes, 1);
    player_check(player, &call, ptr, bytes, 16, errno);
    if (ptr != NULL && bytes > old_bytes &&
        contents_first_nonzero(ptr, old_bytes, bytes) != bytes) {
        player_fail("recallocarray from %zu to %zu bytes: the new ones are not zero", old_bytes,
                    bytes);
    }
    return keep_resized(player, at, ptr, bytes);
}

// ---- frees ----------------------------------------------------------------------------------------

static void begin_free(struct player *player, const struct played *chunk)
{
    player_verify(chunk);
    player->calls++;
    errno = PLAYER_ERRNO;
}

static void end_free(struct player *player, struct played *chunk)
{
    if (errno != PLAYER_ERRNO) {
        player_fail("a free of %zu bytes made errno %d", chunk->bytes, errno);
    }
    player->stale = chunk->ptr != NULL ? chunk->ptr : player->stale;
    chunk->ptr = NULL;
}

void play_free(struct player *player, unsigned at)
{
    struct played *chunk = &player->chunks[at];
    begin_free(player, chunk);
    ft_free(chunk->ptr);
    end_free(player, chunk);
}

void play_free_sized(struct player *player, unsigned at)
{
    struct played *chunk = &player->chunks[at];
    begin_free(player, chunk);
    ft_free_sized(chunk->ptr, chunk->bytes);
    end_free(player, chunk);
}

void play_free_aligned_sized(struct player *player, unsigned at)
{
    struct played *chunk = &player->chunks[at];
    begin_free(player, chunk);
    ft_free_aligned_sized(chunk->ptr, chunk->align != 0 ? chunk->align : 1, chunk->bytes);
    end_free(player, chunk);
}

void play_freezero(struct player *player, unsigned at)
{
    struct played *chunk = &player->chunks[at];
    begin_free(player, chunk);
    // More than there is: what is beyond the chunk must be left alone.
    ft_freezero(chunk->ptr, chunk->bytes + 4096);
    end_free(player, chunk);
}

void play_realloc_to_nothing(struct player *player, unsigned at)
{
    struct played *chunk = &player->chunks[at];
    if (chunk->ptr == NULL) {
        return;
    }
    begin_free(player, chunk);
    if (ft_realloc(chunk->ptr, 0) != NULL) {
        player_fail("a realloc of %zu bytes to none gave a chunk", chunk->bytes);
    }
    end_free(player, chunk);
}
