// SPDX-License-Identifier: MIT
#include "tools/replay.d/replay.h"

#include "tools/replay.d/calls.h"
#include "tools/replay.d/pages.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { UNIT_BYTES = 1 << 16, PAGE_BYTES = 4096, GRAIN_BYTES = 16 };

static const uint64_t first_region = 0x200000000000;
static const size_t least_region = (size_t)64 << 20;
static const size_t most_region = (size_t)2 << 30;

// ---- regions --------------------------------------------------------------------------------------

static unsigned char *map_region(struct replay *replay)
{
    size_t bytes = replay->region_bytes;
    void *where = (void *)(uintptr_t)(first_region + replay->region_count * bytes);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *region = mmap(where, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, -1, 0);
    if (region == MAP_FAILED) {
        replay->is_in_place = false;
        region = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    }
    if (region == MAP_FAILED) {
        return NULL;
    }
    replay->regions[replay->region_count++] = region;
    return region;
}

// Another region, when the arena is full.
static bool add_region(struct replay *replay)
{
    if (replay->region_count == REPLAY_REGIONS_MAX) {
        return false;
    }
    unsigned char *region = map_region(replay);
    return region != NULL && ft_core_add_region(replay_heap(replay), region, replay->region_bytes);
}

// A power of two that holds all that is ever live, and as much again.
static size_t region_bytes_for(const struct script *script)
{
    size_t bytes = least_region;
    while (bytes < most_region && bytes / 2 < script->peak_bytes) {
        bytes *= 2;
    }
    return bytes;
}

bool replay_begin(struct replay *replay, const struct script *script)
{
    *replay = (struct replay){
        .script = script,
        .region_bytes = region_bytes_for(script),
        .is_in_place = true,
    };
    const struct ft_core_options options = {.unit_bytes = UNIT_BYTES, .is_zero = true};
    unsigned char *region = map_region(replay);
    if (region != NULL) {
        replay->core = ft_core_create(region, replay->region_bytes, &options);
    }
    if (replay->core == NULL) {
        fprintf(stderr, "ft_replay: there is no memory for a region of %zu bytes\n",
                replay->region_bytes);
        return false;
    }
    replay->heaps = pages_take(script->thread_count * sizeof(replay->heaps[0]));
    replay->chunks = pages_take(script->life_count * sizeof(replay->chunks[0]));
    replay->used = pages_take(REPLAY_REGIONS_MAX * (replay->region_bytes / GRAIN_BYTES / 8));
    return true;
}

void replay_end(struct replay *replay)
{
    for (size_t index = 0; index < replay->region_count; index++) {
        munmap(replay->regions[index], replay->region_bytes);
    }
    pages_give(replay->heaps, replay->script->thread_count * sizeof(replay->heaps[0]));
    pages_give(replay->chunks, replay->script->life_count * sizeof(replay->chunks[0]));
    pages_give(replay->used, REPLAY_REGIONS_MAX * (replay->region_bytes / GRAIN_BYTES / 8));
}

// ---- heaps ----------------------------------------------------------------------------------------

// The arena is played by one thread, heap after heap: the lock that several heaps need has nothing to do.
static void do_nothing(void *context)
{
    (void)context;
}

static struct ft_core_heap *open_heap(struct replay *replay, uint32_t thread)
{
    struct ft_core_heap *heap = &replay->heaps[thread];
    const struct ft_core_lock lock = {.acquire = do_nothing, .release = do_nothing};
    if (heap->core == NULL && !ft_core_open(heap, replay->core, &lock)) {
        // Another thread's will do.
        *heap = (struct ft_core_heap){.core = NULL};
        for (uint32_t other = 0; other < replay->script->thread_count; other++) {
            if (replay->heaps[other].core != NULL) {
                return &replay->heaps[other];
            }
        }
    }
    return heap;
}

struct ft_core_heap *replay_heap(struct replay *replay)
{
    const struct script *script = replay->script;
    return open_heap(replay, replay->next != 0 ? script->steps[replay->next - 1].thread : 0);
}

// ---- steps ----------------------------------------------------------------------------------------

// Notes where a chunk begins; whether one has begun there before.
static bool note_place(struct replay *replay, const unsigned char *ptr)
{
    size_t words = replay->region_bytes / GRAIN_BYTES / 64;
    for (size_t index = 0; index < replay->region_count; index++) {
        if (ptr >= replay->regions[index] && ptr < replay->regions[index] + replay->region_bytes) {
            size_t grain = (size_t)(ptr - replay->regions[index]) / GRAIN_BYTES;
            uint64_t *word = &replay->used[index * words + grain / 64];
            bool was_used = (*word >> grain % 64 & 1) != 0;
            *word |= (uint64_t)1 << grain % 64;
            return was_used;
        }
    }
    return false;
}

static void forget(struct replay *replay, struct replay_chunk *chunk)
{
    replay->live_count--;
    replay->live_bytes -= chunk->bytes;
    chunk->ptr = NULL;
}

static void take_in(struct replay *replay, struct replay_chunk *chunk, unsigned char *ptr,
                    uint64_t bytes)
{
    chunk->bytes = bytes;
    chunk->ptr = ptr;
    chunk->last = ptr;
    replay->live_count++;
    replay->live_bytes += bytes;
}

static void *try_alloc(struct ft_core_heap *heap, const struct step *step)
{
    switch (step->kind) {
    case TRACE_CALLOC: return call_calloc(heap, (size_t)step->bytes);
    case TRACE_ALIGNED: return call_aligned(heap, (size_t)1 << step->power, (size_t)step->bytes);
    default: return call_malloc(heap, (size_t)step->bytes);
    }
}

static void play_alloc(struct replay *replay, const struct step *step)
{
    struct ft_core_heap *heap = open_heap(replay, step->thread);
    if (!step->is_done) {
        return; // The program was refused it: what there was is not told here.
    }
    unsigned char *ptr = try_alloc(heap, step);
    if (ptr == NULL && add_region(replay)) {
        ptr = try_alloc(heap, step);
    }
    replay->failed_count += ptr == NULL;
    if (ptr != NULL) {
        take_in(replay, &replay->chunks[step->life], ptr, step->bytes);
        replay->alloc_count++;
        replay->reuse_count += note_place(replay, ptr);
    }
}

static void play_realloc(struct replay *replay, const struct step *step)
{
    struct ft_core_heap *heap = open_heap(replay, step->thread);
    struct replay_chunk *chunk = &replay->chunks[step->life];
    if (!step->is_done || chunk->ptr == NULL) {
        return;
    }
    unsigned char *old = chunk->ptr;
    unsigned char *ptr = call_realloc(heap, old, (size_t)step->bytes);
    if (ptr == NULL && add_region(replay)) {
        ptr = call_realloc(heap, old, (size_t)step->bytes);
    }
    replay->failed_count += ptr == NULL;
    if (ptr != NULL) {
        forget(replay, chunk);
        take_in(replay, chunk, ptr, step->bytes);
        if (ptr != old) {
            replay->alloc_count++;
            replay->reuse_count += note_place(replay, ptr);
        }
    }
}

static void play_free(struct replay *replay, const struct step *step)
{
    struct replay_chunk *chunk = &replay->chunks[step->life];
    if (chunk->ptr != NULL) {
        unsigned char *ptr = chunk->ptr;
        struct ft_core_heap *heap = open_heap(replay, step->thread);
        forget(replay, chunk);
        (void)call_free(heap, ptr);
    }
}

// The pointer that stands here for the one that the program misused.
static enum ft_core_misuse play_misuse(struct replay *replay, const struct step *step)
{
    struct ft_core_heap *heap = open_heap(replay, step->thread);
    unsigned char *ptr = (unsigned char *)(uintptr_t)step->address;
    const struct replay_chunk *chunk = step->life != LIFE_NONE ? &replay->chunks[step->life] : NULL;
    if (chunk != NULL && chunk->last != NULL) {
        ptr = chunk->last + step->offset;
    }
    // What is live here, and was not in the program when it was misused, is not to be freed by that.
    struct ft_core_place place = ft_core_locate(replay->core, ptr);
    if (place.status == FT_CORE_LIVE && place.base == ptr) {
        return FT_CORE_OK;
    }
    return ft_core_free(heap, ptr);
}

enum ft_core_misuse replay_step(struct replay *replay)
{
    const struct step *step = &replay->script->steps[replay->next++];
    enum ft_core_misuse misuse = FT_CORE_OK;
    switch (step->kind) {
    case TRACE_REALLOC: play_realloc(replay, step); break;
    case TRACE_FREE: play_free(replay, step); break;
    case TRACE_MISUSED_FREE:
    case TRACE_MISUSED_REALLOC: misuse = play_misuse(replay, step); break;
    default: play_alloc(replay, step); break;
    }
    if (step->is_last && replay->heaps[step->thread].core != NULL &&
        replay->next != replay->script->count) {
        ft_core_close(&replay->heaps[step->thread]);
        replay->heaps[step->thread] = (struct ft_core_heap){.core = NULL};
    }
    return misuse;
}

// ---- the digest -----------------------------------------------------------------------------------

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x100000001B3;
    return sum ^ sum >> 32;
}

// Of the pages that are not zero: of the others there are many.
uint64_t replay_digest(const struct replay *replay)
{
    enum { WORDS = PAGE_BYTES / sizeof(uint64_t) };
    uint64_t sum = 0xCBF29CE484222325;
    for (size_t region = 0; region < replay->region_count; region++) {
        const uint64_t *words = (const uint64_t *)(const void *)replay->regions[region];
        for (size_t page = 0; page < replay->region_bytes / PAGE_BYTES; page++, words += WORDS) {
            uint64_t any = 0;
            for (size_t index = 0; index < WORDS; index++) {
                any |= words[index];
            }
            for (size_t index = 0; index < WORDS && any != 0; index++) {
                sum = mix(sum, words[index] ^ (region * replay->region_bytes / PAGE_BYTES + page));
            }
        }
    }
    return sum;
}
