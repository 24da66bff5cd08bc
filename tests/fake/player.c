// SPDX-License-Identifier: MIT
#include "tests/fake/player.h"

#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/memory.h"
#include "core/walk.h"
#include "tests/fake/fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    ERRNO_BEFORE = EXDEV, // nothing of ours sets it
    DENSE_BYTES = 4096,   // chunks up to this are filled altogether; larger ones now and then
};

char player_context[256];

_Noreturn void player_fail(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", player_context, line);
    _exit(1);
}

// ---- asks -----------------------------------------------------------------------------------------
// The linker leads the api's own calls of these two to the ones here (--wrap).

bool __real_memory_meet(const struct need *need);
void *__real_memory_meet_mapping(const struct need *need, size_t bytes);
bool __wrap_memory_meet(const struct need *need);
void *__wrap_memory_meet_mapping(const struct need *need, size_t bytes);

static unsigned
    asks; // for sections and commitments, and for mappings, since they were last set to 0

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

// ---- contents -------------------------------------------------------------------------------------

static uint64_t word_for(uint64_t seed, size_t offset)
{
    struct random random = {.state = seed + offset};
    return random_next(&random);
}

static size_t step_for(size_t bytes)
{
    if (bytes <= DENSE_BYTES) {
        return 1;
    }
    if (bytes <= (1 << 20)) {
        return bytes <= (1 << 16) ? 1 << 14 : 1 << 16;
    }
    return bytes <= (32 << 20) ? 1 << 19 : 1 << 24;
}

static void fill(const struct played *chunk)
{
    size_t step = step_for(chunk->bytes);
    for (size_t at = 0; at < chunk->bytes; at += step) {
        chunk->ptr[at] = (unsigned char)word_for(chunk->seed, at);
    }
    if (chunk->bytes != 0) {
        chunk->ptr[chunk->bytes - 1] = (unsigned char)word_for(chunk->seed, chunk->bytes - 1);
    }
}

// Whether the first `kept` of the chunk's bytes, now at ptr, are what they were.
static bool is_kept(const struct played *chunk, const unsigned char *ptr, size_t kept)
{
    size_t step = step_for(chunk->bytes);
    for (size_t at = 0; at < kept; at += step) {
        if (ptr[at] != (unsigned char)word_for(chunk->seed, at)) {
            return false;
        }
    }
    return kept == 0 || kept != chunk->bytes ||
           ptr[kept - 1] == (unsigned char)word_for(chunk->seed, kept - 1);
}

static void verify(const struct played *chunk)
{
    if (chunk->ptr != NULL && !is_kept(chunk, chunk->ptr, chunk->bytes)) {
        player_fail("the contents of a chunk of %zu bytes have changed", chunk->bytes);
    }
}

// The places that fill() writes to: the steps of smaller chunks are parts of those of larger ones.
static void check_zero(const unsigned char *ptr, size_t from, size_t bytes)
{
    size_t step = step_for(bytes);
    for (size_t at = from % step == 0 ? from : from - from % step + step; at < bytes; at += step) {
        if (ptr[at] != 0) {
            player_fail("byte %zu of %zu is %#x, not zero", at, bytes, ptr[at]);
        }
    }
    if (bytes > from && ptr[bytes - 1] != 0) {
        player_fail("the last of %zu bytes is not zero", bytes);
    }
}

// ---- one call -------------------------------------------------------------------------------------

struct call {
    uint64_t refused;
    bool had_heap;
};

static struct call begin(struct player *player)
{
    player->calls++;
    asks = 0;
    errno = ERRNO_BEFORE;
    return (struct call){
        .refused = fake_books.refused,
        .had_heap = !heap_is_none(global_heap()),
    };
}

// Checks what every allocating call must keep to. error: the errno that it left.
static void end(struct player *player, const struct call *call, const void *ptr, size_t bytes,
                size_t align, int error)
{
    // A thread's first call asks for its heap as well, and is an allocation twice.
    unsigned most = call->had_heap ? PLAYER_ASKS_MAX : 2 * PLAYER_ASKS_MAX;
    if (asks > most) {
        player_fail("%u asks for one allocation of %zu bytes", asks, bytes);
    }
    player->asks_most = asks > player->asks_most ? asks : player->asks_most;
    if (ptr == NULL) {
        player->failures++;
        if (fake_books.refused == call->refused && bytes <= PTRDIFF_MAX) {
            player_fail("no memory for %zu bytes, though nothing was refused", bytes);
        }
        if (error != ENOMEM) {
            player_fail("errno is %d, not ENOMEM, after %zu bytes were refused", error, bytes);
        }
        return;
    }
    if (error != ERRNO_BEFORE) {
        player_fail("errno became %d in a call that gave %zu bytes", error, bytes);
    }
    if ((uintptr_t)ptr % align != 0) {
        player_fail("%p is no multiple of %zu", ptr, align);
    }
    if (ft_malloc_size(ptr) != bytes) {
        player_fail("a chunk of %zu bytes tells %zu", bytes, ft_malloc_size(ptr));
    }
}

static bool keep(struct player *player, unsigned at, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return false;
    }
    player->chunks[at] = (struct played){
        .ptr = ptr,
        .bytes = bytes,
        // Not the player's random numbers: a refusal must not change what is played after it.
        .seed = player->calls << 32,
    };
    fill(&player->chunks[at]);
    return true;
}

bool play_malloc(struct player *player, unsigned at, size_t bytes)
{
    play_free(player, at);
    struct call call = begin(player);
    void *ptr = ft_malloc(bytes);
    end(player, &call, ptr, bytes, 16, errno);
    return keep(player, at, ptr, bytes);
}

bool play_calloc(struct player *player, unsigned at, size_t bytes)
{
    play_free(player, at);
    struct call call = begin(player);
    void *ptr = ft_calloc(1, bytes);
    end(player, &call, ptr, bytes, 16, errno);
    if (ptr != NULL) {
        check_zero(ptr, 0, bytes);
    }
    return keep(player, at, ptr, bytes);
}

bool play_aligned(struct player *player, unsigned at, size_t bytes, size_t align)
{
    play_free(player, at);
    struct call call = begin(player);
    void *ptr = ft_aligned_alloc(align, bytes);
    end(player, &call, ptr, bytes, align, errno);
    return keep(player, at, ptr, bytes);
}

bool play_posix_memalign(struct player *player, unsigned at, size_t bytes, size_t align)
{
    play_free(player, at);
    struct call call = begin(player);
    void *ptr = NULL;
    int error = ft_posix_memalign(&ptr, align, bytes);
    if (errno != ERRNO_BEFORE) {
        player_fail("posix_memalign made errno %d", errno);
    }
    end(player, &call, ptr, bytes, align, ptr != NULL && error == 0 ? ERRNO_BEFORE : error);
    return keep(player, at, ptr, bytes);
}

// The chunk at `at` became one of `bytes` at ptr, or stayed.
static bool keep_resized(struct player *player, unsigned at, void *ptr, size_t bytes)
{
    struct played *chunk = &player->chunks[at];
    if (ptr == NULL) {
        verify(chunk);
        if (chunk->ptr != NULL && ft_malloc_size(chunk->ptr) != chunk->bytes) {
            player_fail("a realloc to %zu bytes that failed made %zu bytes %zu", bytes,
                        chunk->bytes, ft_malloc_size(chunk->ptr));
        }
        return false;
    }
    size_t kept = chunk->bytes < bytes ? chunk->bytes : bytes;
    if (chunk->ptr != NULL && !is_kept(chunk, ptr, kept)) {
        player_fail("a realloc from %zu to %zu bytes has lost the contents", chunk->bytes, bytes);
    }
    return keep(player, at, ptr, bytes);
}

bool play_realloc(struct player *player, unsigned at, size_t bytes)
{
    struct call call = begin(player);
    void *ptr = ft_realloc(player->chunks[at].ptr, bytes);
    end(player, &call, ptr, bytes, 16, errno);
    return keep_resized(player, at, ptr, bytes);
}

bool play_reallocf(struct player *player, unsigned at, size_t bytes)
{
    struct call call = begin(player);
    void *ptr = ft_reallocf(player->chunks[at].ptr, bytes);
    end(player, &call, ptr, bytes, 16, errno);
    if (ptr == NULL) {
        player->chunks[at].ptr = NULL;
        return false;
    }
    return keep_resized(player, at, ptr, bytes);
}

bool play_reallocarr(struct player *player, unsigned at, size_t bytes)
{
    struct call call = begin(player);
    void *ptr = player->chunks[at].ptr;
    int error = ft_reallocarr(&ptr, 1, bytes);
    if (errno != ERRNO_BEFORE) {
        player_fail("reallocarr made errno %d", errno);
    }
    if (error != 0 && ptr != player->chunks[at].ptr) {
        player_fail("reallocarr failed and changed the pointer");
    }
    end(player, &call, error == 0 ? ptr : NULL, bytes, 16, error == 0 ? ERRNO_BEFORE : error);
    return keep_resized(player, at, error == 0 ? ptr : NULL, bytes);
}

bool play_recallocarray(struct player *player, unsigned at, size_t bytes)
{
    size_t old_bytes = player->chunks[at].ptr != NULL ? player->chunks[at].bytes : 0;
    struct call call = begin(player);
    unsigned char *ptr = ft_recallocarray(player->chunks[at].ptr, old_bytes, bytes, 1);
    end(player, &call, ptr, bytes, 16, errno);
    if (ptr != NULL && bytes > old_bytes) {
        check_zero(ptr, old_bytes, bytes);
    }
    return keep_resized(player, at, ptr, bytes);
}

void play_free(struct player *player, unsigned at)
{
    struct played *chunk = &player->chunks[at];
    verify(chunk);
    player->calls++;
    errno = ERRNO_BEFORE;
    ft_free(chunk->ptr);
    if (errno != ERRNO_BEFORE) {
        player_fail("a free of %zu bytes made errno %d", chunk->bytes, errno);
    }
    chunk->ptr = NULL;
}

void play_bulk(struct player *player, unsigned count, size_t bytes)
{
    for (unsigned index = 0; index < count; index++) {
        struct call call = begin(player);
        void *ptr = ft_malloc(bytes);
        end(player, &call, ptr, bytes, 16, errno);
        if (ptr != NULL) {
            memcpy(ptr, &player->bulk, sizeof(player->bulk));
            player->bulk = ptr;
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
}

void play_free_all(struct player *player)
{
    play_bulk_free(player);
    for (unsigned at = 0; at < PLAYER_CHUNKS; at++) {
        if (player->chunks[at].ptr != NULL) {
            play_free(player, at);
        }
    }
}

// ---- threads --------------------------------------------------------------------------------------

void play_thread(struct player *player, unsigned thread)
{
    player->slots[player->thread] = platform_slot();
    player->thread = thread;
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

void player_begin(struct player *player, uint64_t seed)
{
    platform_slot_set((void *)&platform_slot_initial);
    // The global is page-aligned zeroed data: dropped pages come back as they were at the start.
    if (madvise(&global, sizeof(global), MADV_DONTNEED) != 0 || global.arena.section_count != 0) {
        player_fail("the global cannot be made new");
    }
    memset(player, 0, sizeof(*player));
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

static size_t own_units(const struct section *section)
{
    const struct run_table *runs = section_runs(section);
    size_t units = 0;
    for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
        const struct unit *run = run_unit(runs, unit);
        if (run->kind == RUN_LARGE || run->kind == RUN_LEAVING) {
            player_fail("a run of %u units is left of kind %u", run->length, run->kind);
        }
        units += run->kind == RUN_META ? run->length : 0;
    }
    return units;
}

struct remains play_remains(struct player *player)
{
    for (unsigned thread = 0; thread < PLAYER_THREADS; thread++) {
        play_thread(player, thread);
        play_thread_end(player);
    }
    play_audit(player);
    struct remains remains = {
        .mapped_bytes = fake_books.reserved_bytes,
        .committed_bytes = fake_books.committed_bytes,
    };
    const struct arena *arena = &global.arena;
    if (arena->large_count != 0 || arena->mapping_count != 0 || arena->mapping_bytes != 0 ||
        arena->leaving_count != 0) {
        player_fail("%zu runs, %zu mappings, %zu ranges on their way are left", arena->large_count,
                    arena->mapping_count, arena->leaving_count);
    }
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        remains.own_units += own_units(section);
        if ((uintptr_t)section != (uintptr_t)global.first) {
            remains.section_bytes += section->end + 4 * (size_t)GLOBAL_UNIT_BYTES;
        }
    }
    struct walk walk = {.next = 0};
    for (struct walk_step step = walk_next(arena, &walk); step.what != WALK_END;
         step = walk_next(arena, &walk)) {
        if (step.what == WALK_CHUNK) {
            player_fail("a chunk of %zu bytes is left", step.bytes);
        }
    }
    return remains;
}
