// SPDX-License-Identifier: MIT
#include "tests/explore/kit_hooked.h"

#include "core/heap_fast.h"
#include "core/heap_hand.h"
#include "tests/explore/explore.h"

static void give_empty_zones(struct arena *arena, struct heap *heap)
{
    if (!heap_has_empty(heap) && !heap_has_idle_home(arena)) {
        return;
    }
    explore_lock();
    while (heap_give_empty(heap)) {
    }
    (void)heap_receive_idle(arena);
    explore_unlock();
}

static bool free_large(struct arena *arena, struct heap *heap, const struct chunk *chunk)
{
    struct leaving leaving;
    explore_lock();
    bool freed = heap_free_large(arena, chunk, &leaving);
    heap_hand_make_room(heap, arena_units_for(arena, chunk->capacity), chunk->requested);
    explore_unlock();
    return freed;
}

// As api/slow_free.c does it. False if the chunk is not held.
static bool free_located(struct arena *arena, struct heap *heap, void *ptr)
{
    struct chunk chunk = chunk_find(arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        return false;
    }
    if (chunk.zone->kind == ZONE_LARGE) {
        return free_large(arena, heap, &chunk);
    }
    bool is_own = heap_owns(heap, chunk.zone) || heap_take_back(heap, chunk.zone);
    bool freed = is_own ? heap_put(heap, &chunk) : heap_send(heap, arena, &chunk);
    give_empty_zones(arena, heap);
    return freed;
}

// As api/malloc.c and api/slow_free.c do it.
bool kit_hooked_free(struct arena *arena, struct heap *heap, void *ptr)
{
    struct zone *zone = zone_map_find(&arena->map, ptr);
    void *away;
    enum heap_seen seen = heap_fast_look(heap, zone, (uintptr_t)zone_base(zone), ptr, &away);
    if (seen != HEAP_AWAY) {
        return seen == HEAP_PUT || heap_hand_put(heap, ptr) || free_located(arena, heap, ptr);
    }
    enum heap_sent sent = heap_fast_send(heap, zone, away);
    if (sent == HEAP_SENT) {
        give_empty_zones(arena, heap);
    }
    return sent != HEAP_NOT_SENT || free_located(arena, heap, ptr);
}

bool kit_hooked_free_without_heap(struct arena *arena, void *ptr)
{
    struct chunk chunk = chunk_find(arena, ptr);
    return chunk_is_held_at(&chunk, ptr) && heap_send(NULL, arena, &chunk);
}

void *kit_hooked_take(struct heap *heap, size_t bytes)
{
    return heap_hand_take(heap, bytes);
}

bool kit_hooked_is_late(struct arena *arena)
{
    return heap_freed_twice(arena) != NULL;
}

void kit_hooked_use(void *chunk)
{
    uint64_t *first = chunk;
    *first += 1;
}

void kit_hooked_pass_on(_Atomic uintptr_t *mail)
{
    atomic_store_explicit(mail, 1, memory_order_release);
}

void kit_hooked_wait_for(_Atomic uintptr_t *mail)
{
    while (atomic_load_explicit(mail, memory_order_acquire) == 0) {
    }
}
