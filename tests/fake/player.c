// SPDX-License-Identifier: MIT
#include "tests/fake/player.h"

#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/memory.h"
#include "tests/fake/fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

char player_context[256];

_Noreturn void player_fail(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", player_context, line);
    abort();
}

// ---- asks -----------------------------------------------------------------------------------------
// The linker leads the api's own calls of these two to the ones here (--wrap).

bool __real_memory_meet(const struct need *need);
void *__real_memory_meet_mapping(const struct need *need, size_t bytes);
bool __wrap_memory_meet(const struct need *need);
void *__wrap_memory_meet_mapping(const struct need *need, size_t bytes);

static unsigned asks; // for sections, commitments and mappings, since they were last set to 0

bool __wrap_memory_meet(const struct need *need)
{
    asks += need->kind == NEED_COMMIT || need->kind == NEED_SECTION;
    return __real_memory_meet(need);
}

void *__wrap_memory_meet_mapping(const struct need *need, size_t bytes)
{
    asks++;
    return __real_memory_meet_mapping(need, bytes);
}

// ---- one call -------------------------------------------------------------------------------------

struct played_call player_call(struct player *player)
{
    player->calls++;
    asks = 0;
    errno = PLAYER_ERRNO;
    return (struct played_call){
        .refused = fake_books.refused,
        .had_heap = !heap_is_none(global_heap()),
    };
}

// Checks what every allocating call must keep to. error: the errno that it left.
void player_check(struct player *player, const struct played_call *call, const void *ptr,
                  size_t bytes, size_t align, int error)
{
    bool is_refused = fake_books.refused != call->refused;
    unsigned most = call->resizes && is_refused ? PLAYER_REALLOC_ASKS_MAX : PLAYER_ASKS_MAX;
    // A thread's first call asks for its heap as well, and is an allocation twice.
    most += call->had_heap ? 0 : PLAYER_ASKS_MAX;
    if (asks > most) {
        player_fail("%u asks for one allocation of %zu bytes", asks, bytes);
    }
    unsigned *seen = call->resizes ? &player->resize_asks_most : &player->asks_most;
    *seen = asks > *seen && call->had_heap ? asks : *seen;
    if (ptr == NULL) {
        player->failures++;
        if (!is_refused && bytes <= PTRDIFF_MAX) {
            player_fail("no memory for %zu bytes, though nothing was refused", bytes);
        }
        if (error != ENOMEM) {
            player_fail("errno is %d, not ENOMEM, after %zu bytes were refused", error, bytes);
        }
        return;
    }
    if (error != PLAYER_ERRNO) {
        player_fail("errno became %d in a call that gave %zu bytes", error, bytes);
    }
    if ((uintptr_t)ptr % align != 0) {
        player_fail("%p is no multiple of %zu", ptr, align);
    }
    if (ft_malloc_size(ptr) != bytes) {
        player_fail("a chunk of %zu bytes tells %zu", bytes, ft_malloc_size(ptr));
    }
}

bool player_keep(struct player *player, unsigned at, void *ptr, size_t bytes, size_t align)
{
    if (ptr == NULL) {
        return false;
    }
    player->chunk_count = at < player->chunk_count ? player->chunk_count : at + 1;
    player->chunks[at] = (struct played){
        .ptr = ptr,
        .bytes = bytes,
        .align = align,
        // Not the player's random numbers: a refusal must not change what is played after it.
        .seed = player->calls << 32,
    };
    contents_fill(&player->chunks[at]);
    fake_use(ptr);
    return true;
}

void player_verify(const struct played *chunk)
{
    if (chunk->ptr != NULL && !contents_are_kept(chunk, chunk->ptr, chunk->bytes)) {
        player_fail("the contents of a chunk of %zu bytes have changed", chunk->bytes);
    }
}

// ---- allocations ----------------------------------------------------------------------------------

bool play_malloc(struct player *player, unsigned at, size_t bytes)
{
    play_free(player, at);
    struct played_call call = player_call(player);
    void *ptr = ft_malloc(bytes);
    player_check(player, &call, ptr, bytes, 16, errno);
    return player_keep(player, at, ptr, bytes, 16);
}

bool play_calloc(struct player *player, unsigned at, size_t bytes)
{
    play_free(player, at);
    struct played_call call = player_call(player);
    void *ptr = ft_calloc(1, bytes);
    player_check(player, &call, ptr, bytes, 16, errno);
    size_t nonzero = ptr != NULL ? contents_first_nonzero(ptr, 0, bytes) : bytes;
    if (nonzero != bytes) {
        player_fail("byte %zu of %zu is not zero after calloc", nonzero, bytes);
    }
    return player_keep(player, at, ptr, bytes, 16);
}

bool play_aligned(struct player *player, unsigned at, size_t bytes, size_t align)
{
    play_free(player, at);
    struct played_call call = player_call(player);
    void *ptr = ft_aligned_alloc(align, bytes);
    player_check(player, &call, ptr, bytes, align, errno);
    return player_keep(player, at, ptr, bytes, align);
}

bool play_memalign(struct player *player, unsigned at, size_t bytes, size_t align)
{
    play_free(player, at);
    struct played_call call = player_call(player);
    void *ptr = ft_memalign(align - align / 4, bytes); // is rounded up
    player_check(player, &call, ptr, bytes, align, errno);
    return player_keep(player, at, ptr, bytes, align);
}

bool play_posix_memalign(struct player *player, unsigned at, size_t bytes, size_t align)
{
    play_free(player, at);
    struct played_call call = player_call(player);
    void *ptr = NULL;
    int error = ft_posix_memalign(&ptr, align, bytes);
    if (errno != PLAYER_ERRNO) {
        player_fail("posix_memalign made errno %d", errno);
    }
    if ((error == 0) != (ptr != NULL)) {
        player_fail("posix_memalign returned %d and gave %p", error, ptr);
    }
    player_check(player, &call, ptr, bytes, align, error == 0 ? PLAYER_ERRNO : error);
    return player_keep(player, at, ptr, bytes, align);
}

bool play_valloc(struct player *player, unsigned at, size_t bytes)
{
    play_free(player, at);
    size_t page = platform_page_bytes();
    struct played_call call = player_call(player);
    void *ptr = ft_valloc(bytes);
    player_check(player, &call, ptr, bytes, page, errno);
    return player_keep(player, at, ptr, bytes, page);
}

bool play_pvalloc(struct player *player, unsigned at, size_t bytes)
{
    play_free(player, at);
    size_t page = platform_page_bytes();
    size_t rounded = (bytes + page - 1) / page * page;
    struct played_call call = player_call(player);
    void *ptr = ft_pvalloc(bytes);
    player_check(player, &call, ptr, rounded, page, errno);
    return player_keep(player, at, ptr, rounded, page);
}

void play_bulk(struct player *player, unsigned count, size_t bytes)
{
    for (unsigned index = 0; index < count; index++) {
        struct played_call call = player_call(player);
        void *ptr = ft_malloc(bytes);
        player_check(player, &call, ptr, bytes, 16, errno);
        if (ptr != NULL) {
            memcpy(ptr, &player->bulk, sizeof(player->bulk));
            player->bulk = ptr;
            player->bulk_count++;
            player->bulk_bytes += bytes;
        }
    }
}

void play_bulk_free(struct player *player)
{
    while (player->bulk != NULL) {
        void *before;
        memcpy(&before, player->bulk, sizeof(before));
        ft_free(player->bulk);
        player->bulk = before;
    }
    player->bulk_count = 0;
    player->bulk_bytes = 0;
}

void play_free_all(struct player *player)
{
    play_bulk_free(player);
    for (unsigned at = 0; at < player->chunk_count; at++) {
        if (player->chunks[at].ptr != NULL) {
            play_free(player, at);
        }
    }
    player->chunk_count = 0;
}

void play_trim(struct player *player, size_t keep_bytes)
{
    (void)player_call(player);
    int any = ft_malloc_trim(keep_bytes);
    if (errno != PLAYER_ERRNO || any < 0 || any > 1) {
        player_fail("malloc_trim returns %d, errno %d", any, errno);
    }
}

// ---- threads --------------------------------------------------------------------------------------

void play_thread(struct player *player, unsigned thread)
{
    player->slots[player->thread] = platform_slot();
    player->thread = thread;
    // The system has one thread here: a heap that is noted of it may be one of the others' by now.
    holders_clear(&global.holders);
    void *slot = player->slots[thread];
    platform_slot_set(slot != NULL ? slot : (void *)&platform_slot_initial);
}

void play_thread_end(struct player *player)
{
    struct heap *heap = global_heap();
    if (!heap_is_none(heap) && fake_leave != NULL) {
        fake_leave(heap);
    } else if (!heap_is_none(heap)) {
        platform_slot_set((void *)&platform_slot_initial);
        global_lock();
        heap_retire(heap);
        global_unlock();
    }
    player->slots[player->thread] = NULL;
    if (!heap_is_none(global_heap())) {
        player_fail("a thread that ended still has a heap");
    }
}

// ---- begin and end --------------------------------------------------------------------------------

void player_begin(struct player *player, uint64_t seed, bool thrifty)
{
    platform_slot_set((void *)&platform_slot_initial);
    // The global is page-aligned zeroed data: dropped pages come back as they were at the start.
    // Some of it may rest.
    if (mprotect(&global, sizeof(global), PROT_READ | PROT_WRITE) != 0 ||
        madvise(&global, sizeof(global), MADV_DONTNEED) != 0 || global.arena.section_count != 0) {
        player_fail("the global cannot be made new");
    }
    if (thrifty) {
        global_lock(); // opens the arena
        global.arena.config.dirty_bytes_max = PLAYER_DIRTY_BYTES_MAX;
        global.arena.config.run_bytes_max = PLAYER_RUN_BYTES_MAX;
        global_unlock();
    }
    player->is_thrifty = thrifty;
    player_begin_again(player, seed);
}

void player_begin_again(struct player *player, uint64_t seed)
{
    platform_slot_set((void *)&platform_slot_initial);
    bool thrifty = player->is_thrifty;
    memset(player, 0, sizeof(*player));
    player->is_thrifty = thrifty;
    player->random = (struct random){.state = seed};
}

void play_audit(const struct player *player)
{
    (void)player;
    const struct arena *arena = &global.arena;
    if (arena->section_count == 0) {
        return;
    }
    if (!arena_is_valid(arena)) {
        player_fail("the arena is not valid");
    }
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        if (!heap_is_valid(heap)) {
            player_fail("heap %u is not valid", (unsigned)(heap->owner >> HEAP_OWNER_SHIFT));
        }
    }
}
