// SPDX-License-Identifier: MIT
// The inner functions of the core on a wide arena, called in the order in which the api calls them.
#include "core/heap_fast.h"
#include "core/heap_hand.h"
#include "core/heap_return.h"
#include "core/heap_stacks.h"
#include "core/large.h"
#include "core/misuse.h"
#include "core/walk.h"
#include "tests/model/subject.h"
#include "tests/model/wide_memory.h"

#include <string.h>

enum { KEPT_BYTES = 256 << 10 }; // steps of what some trims keep

static struct {
    struct arena *arena;
    struct heap *heaps[SETUP_HEAPS_MAX];
    size_t heap_bytes;
    size_t failure_count;
    uint64_t no_heap_every;
    uint64_t free_count;
    uint64_t trim_count;
    bool was_refused; // something, during the last request
} state;

_Static_assert(sizeof(struct walk) <= sizeof(struct ft_core_walk), "one holds the other");

static bool create(const struct setup *setup, unsigned char *ground,
                   const struct ground_region *regions)
{
    (void)regions;
    memset(&state, 0, sizeof(state));
    state.arena = wide_memory_begin(setup, ground);
    state.no_heap_every = setup->no_heap_every;
    size_t least = heap_bytes_min(state.arena);
    state.heap_bytes = setup->stack_bytes_max > least ? setup->stack_bytes_max : least;
    return true;
}

static void destroy(void)
{
    state.arena = NULL;
}

static bool open_heap(unsigned heap)
{
    struct need need;
    struct heap *opened = heap_acquire(state.arena, state.heap_bytes, &need);
    while (opened == NULL && wide_memory_meet(&need)) {
        opened = heap_acquire(state.arena, state.heap_bytes, &need);
    }
    state.heaps[heap] = opened;
    return opened != NULL;
}

static void give_empty_zones(struct heap *heap)
{
    struct need need;
    if (heap != NULL && heap_wants_memory(heap) && !heap_take_memory(heap, &need) &&
        wide_memory_meet(&need)) {
        (void)heap_take_memory(heap, &need);
    }
    while (heap != NULL && heap_give_empty(heap)) {
    }
    struct heap *idle = heap_receive_idle(state.arena);
    if (idle != NULL) {
        wide_memory_return_pages(idle);
    }
    wide_memory_return_runs();
    if (heap != NULL) {
        wide_memory_return_pages(heap);
    }
    // A trim of all heaps reaches this one now.
    if (heap != NULL && heap_returns(heap) != NULL && heap_trim_is_due(heap)) {
        heap_trim(heap);
        wide_memory_trim_pages(heap);
    }
}

static void close_heap(unsigned heap)
{
    heap_retire(state.heaps[heap]);
    state.heaps[heap] = NULL;
    give_empty_zones(NULL);
}

static void trim(unsigned heap)
{
    give_empty_zones(NULL); // what waits for a heap that was without a thread
    heap_trim(state.heaps[heap]);
    give_empty_zones(NULL);
    wide_memory_trim_pages(state.heaps[heap]);
    // Every other time that of all heaps.
    if (state.trim_count++ % 2 != 0) {
        heap_demand_trim(state.arena);
        heap_trim_idle(state.arena);
        for (struct heap *idle = offset_to(state.arena, state.arena->idle_heaps); idle != NULL;
             idle = offset_to(state.arena, idle->next_idle)) {
            wide_memory_trim_pages(idle);
        }
        wide_memory_trim_runs(state.trim_count % 4 * KEPT_BYTES);
    }
}

static struct grant alloc_mapping(size_t bytes, size_t align, struct need *need)
{
    if (need->kind == NEED_SECTION) {
        *need = large_need_for_mapping(state.arena, bytes, align);
    }
    if (need->kind != NEED_MAPPING) {
        return (struct grant){.ptr = NULL};
    }
    return (struct grant){.ptr = wide_memory_meet_mapping(need, bytes), .is_zero = true};
}

static struct grant alloc_slow(struct heap *heap, size_t bytes, size_t align)
{
    unsigned size_class = heap_class_for(heap, bytes, align);
    struct grant grant = {.ptr = NULL};
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take(heap, size_class, bytes, align);
    } else if (bytes > SIZE_CLASS_SMALL_MAX && align <= arena_unit_bytes(state.arena)) {
        grant.ptr = heap_hand_take(heap, bytes);
    }
    if (grant.ptr != NULL) {
        return grant;
    }
    struct need need;
    grant = heap_alloc(heap, bytes, align, &need);
    while (grant.ptr == NULL && wide_memory_meet(&need)) {
        grant = heap_alloc(heap, bytes, align, &need);
    }
    if (grant.ptr == NULL && size_class == SIZE_CLASS_NONE) {
        grant = alloc_mapping(bytes, align, &need);
    }
    give_empty_zones(heap);
    return grant;
}

static struct grant take(unsigned which, size_t bytes, size_t align)
{
    struct heap *heap = state.heaps[which];
    struct grant grant = {.ptr = NULL};
    (void)wide_memory_refused();
    state.was_refused = true;
    if (bytes > PTRDIFF_MAX || align == 0 || (align & (align - 1)) != 0) {
        return grant;
    }
    if (align <= 16) {
        grant = heap_fast_grant(heap, bytes);
        if (grant.ptr == NULL) {
            grant = (struct grant){.ptr = heap_small_alloc(heap, bytes)};
        }
    }
    if (grant.ptr == NULL) {
        grant = alloc_slow(heap, bytes, align);
    }
    state.was_refused = wide_memory_refused() != 0;
    state.failure_count += grant.ptr == NULL;
    return grant;
}

static void *alloc(unsigned heap, size_t bytes)
{
    return take(heap, bytes, 16).ptr;
}

static void *alloc_zeroed(unsigned heap, size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        return NULL;
    }
    struct grant grant = take(heap, bytes, 16);
    if (grant.ptr != NULL && !grant.is_zero) {
        memset(grant.ptr, 0, bytes);
    }
    return grant.ptr;
}

static void *alloc_aligned(unsigned heap, size_t align, size_t bytes)
{
    return take(heap, bytes, align).ptr;
}

static enum ft_core_misuse give(struct heap *heap, const struct chunk *chunk)
{
    bool freed;
    if (chunk->zone->chunk_bytes == 0 && heap != NULL && heap_hand_put(heap, chunk->base)) {
        return FT_CORE_OK;
    }
    if (chunk->zone->chunk_bytes == 0) {
        struct leaving leaving = {.kind = LEAVING_NOTHING};
        freed = heap_free_large(state.arena, chunk, &leaving);
        if (heap != NULL && chunk->zone->kind == ZONE_LARGE) {
            size_t units = arena_units_for(state.arena, chunk->capacity);
            heap_hand_make_room(heap, units, chunk->requested);
        }
        wide_memory_let_go(&leaving);
        wide_memory_return_runs();
    } else if (heap != NULL &&
               (heap_owns(heap, chunk->zone) || heap_take_back(heap, chunk->zone))) {
        freed = heap_put(heap, chunk);
    } else {
        freed = heap_send(heap, state.arena, chunk);
    }
    give_empty_zones(heap);
    return freed ? FT_CORE_OK : FT_CORE_DOUBLE_FREE;
}

// What the api tries before it asks what a pointer is.
static bool free_fast(struct heap *heap, void *ptr)
{
    enum heap_sent sent = HEAP_NOT_SENT;
    if (zone_map_is_within(ptr)) {
        struct zone *zone = zone_map_find_near(&state.arena->map, ptr);
        void *away;
        enum heap_seen seen = heap_fast_look(heap, zone, zone->fast_start, ptr, &away);
        if (seen == HEAP_PUT) {
            return true;
        }
        sent = seen == HEAP_AWAY ? heap_fast_send(heap, zone, away) : sent;
    }
    if (sent == HEAP_SENT) {
        give_empty_zones(heap);
    }
    return sent != HEAP_NOT_SENT || heap_far_free(heap, state.arena, ptr);
}

// The heap of the thread that frees; NULL: it has none.
static struct heap *freeing_heap(unsigned which)
{
    bool has_none = state.no_heap_every != 0 && state.free_count++ % state.no_heap_every == 0;
    return has_none ? NULL : state.heaps[which];
}

static enum ft_core_misuse free_chunk(unsigned which, void *ptr)
{
    struct heap *heap = freeing_heap(which);
    if (ptr == NULL || (heap != NULL && free_fast(heap, ptr))) {
        return FT_CORE_OK;
    }
    struct chunk chunk = chunk_locate(state.arena, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    return misuse != MISUSE_NONE ? (enum ft_core_misuse)misuse : give(heap, &chunk);
}

static enum ft_core_misuse free_sized(unsigned heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return FT_CORE_OK;
    }
    struct chunk chunk = chunk_locate(state.arena, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    if (misuse == MISUSE_NONE) {
        misuse = misuse_of_size(state.arena, &chunk, bytes);
    }
    return misuse != MISUSE_NONE ? (enum ft_core_misuse)misuse : give(freeing_heap(heap), &chunk);
}

static bool resize(unsigned heap, void *ptr, size_t bytes)
{
    (void)heap;
    struct chunk chunk = chunk_locate(state.arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr) || bytes > PTRDIFF_MAX) {
        return false;
    }
    if (bytes == chunk.requested || chunk_resize(&chunk, bytes)) {
        return true;
    }
    if (chunk.zone->chunk_bytes != 0) {
        return false;
    }
    struct need need;
    return large_resize(state.arena, &chunk, bytes, &need) ||
           (wide_memory_meet(&need) && large_resize(state.arena, &chunk, bytes, &need));
}

static void *realloc_chunk(unsigned heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return alloc(heap, bytes);
    }
    struct chunk chunk = chunk_locate(state.arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        return NULL;
    }
    if (resize(heap, ptr, bytes)) {
        return ptr;
    }
    void *moved = alloc(heap, bytes);
    if (moved == NULL) {
        return NULL;
    }
    memcpy(moved, ptr, chunk.requested < bytes ? chunk.requested : bytes);
    return free_chunk(heap, ptr) == FT_CORE_OK ? moved : NULL;
}

static struct ft_core_place locate(const void *ptr)
{
    struct chunk chunk = chunk_locate(state.arena, ptr);
    struct ft_core_place place = {.base = chunk.base, .capacity = chunk.capacity};
    switch (chunk.status) {
    case CHUNK_LIVE:
        place.status = FT_CORE_LIVE;
        place.bytes = chunk.requested;
        break;
    case CHUNK_FRESH:
    case CHUNK_FREED:
    case CHUNK_HOME: place.status = FT_CORE_FREE; break;
    case CHUNK_NEVER:
    case CHUNK_UNUSED: place.status = FT_CORE_UNUSED; break;
    case CHUNK_FOREIGN:
    default: place.status = FT_CORE_NOT_OURS; break;
    }
    return place;
}

static bool next(unsigned heap, struct ft_core_walk *outer, struct ft_core_item *item)
{
    (void)heap;
    struct walk walk;
    memcpy(&walk, outer, sizeof(walk));
    walk_resume(&walk);
    struct walk_step step = walk_next(state.arena, &walk);
    memcpy(outer, &walk, sizeof(walk));
    *item = (struct ft_core_item){
        .is_zone = step.what == WALK_ZONE,
        .kind = step.kind == ZONE_TINY    ? FT_CORE_TINY
                : step.kind == ZONE_SMALL ? FT_CORE_SMALL
                                          : FT_CORE_LARGE,
        .base = step.base,
        .bytes = step.bytes,
    };
    return step.what != WALK_END;
}

// What heaps have in their hands is free to the model, and in use to the arena.
static struct hands {
    size_t count;
    size_t units;
} hands(void)
{
    struct hands all = {.count = 0};
    for (const struct heap *heap = offset_to(state.arena, state.arena->heaps); heap != NULL;
         heap = offset_to(state.arena, heap->next_heap)) {
        const struct heap_hand *hand = offset_to(heap, heap->hand);
        all.count += hand != NULL ? hand->count : 0;
        all.units += hand != NULL ? hand->units : 0;
    }
    return all;
}

// Mappings are counted as part of the arena.
static struct ft_core_figures figures(void)
{
    const struct arena *arena = state.arena;
    size_t unit = arena_unit_bytes(arena);
    struct hands held = hands();
    return (struct ft_core_figures){
        .region_bytes = arena->unit_count * unit + arena->mapping_bytes,
        .metadata_bytes = arena->meta_unit_count * unit,
        .used_bytes = (arena->used_unit_count - arena->meta_unit_count - held.units) * unit +
                      arena->mapping_bytes,
        .free_bytes = (arena->unit_count - arena->used_unit_count + held.units) * unit,
        .zone_count = arena->zone_count,
        .large_count = arena->large_count - held.count + arena->mapping_count,
        .heap_count = arena->heap_count,
        .failure_count = state.failure_count,
    };
}

static bool zones_are_valid(void)
{
    struct ft_core_walk walk = {{0}};
    struct ft_core_item item;
    while (next(0, &walk, &item)) {
        if (item.is_zone && item.kind != FT_CORE_LARGE &&
            !zone_is_valid(zone_map_find(&state.arena->map, item.base))) {
            return false;
        }
    }
    return true;
}

static bool check(void)
{
    for (const struct heap *heap = offset_to(state.arena, state.arena->heaps); heap != NULL;
         heap = offset_to(state.arena, heap->next_heap)) {
        if (!heap_is_valid(heap)) {
            return false;
        }
    }
    return heap_freed_twice(state.arena) == NULL && arena_is_valid(state.arena) &&
           zones_are_valid();
}

static bool may_refuse(size_t bytes, size_t align)
{
    return state.was_refused || bytes > GROUND_BYTES || align > GROUND_BYTES;
}

const struct subject subject_wide = {
    .name = "wide",
    .create = create,
    .destroy = destroy,
    .open = open_heap,
    .close = close_heap,
    .trim = trim,
    .alloc = alloc,
    .alloc_zeroed = alloc_zeroed,
    .alloc_aligned = alloc_aligned,
    .free = free_chunk,
    .free_sized = free_sized,
    .resize = resize,
    .realloc = realloc_chunk,
    .locate = locate,
    .next = next,
    .figures = figures,
    .check = check,
    .memory = wide_memory_of,
    .may_refuse = may_refuse,
    .refuse = wide_memory_refuse,
};
