// SPDX-License-Identifier: MIT
// Chunks that the calling thread does not own: they go home, or, if they are LARGE, back to their section.
#include "core/heap.h"

// A chunk of this zone is on its way home: its heap is told, or, if that waits for a thread, takes it at once.
static void tell_owner(struct arena *arena, struct zone *zone, struct leaving *leaving)
{
    struct heap *owner = offset_to(arena, zone->heap);
    if (zone->home_count == 1) {
        zone->home_next = owner->home;
        owner->home = offset_of(arena, zone);
    }
    if (owner->is_idle) {
        // Nobody else touches the heap while the arena is locked. One zone at most has become empty.
        heap_drain(owner);
        heap_give_empty(owner, leaving);
    }
}

bool heap_free(struct arena *arena, const struct chunk *chunk, struct leaving *leaving)
{
    struct chunk now = chunk_locate(arena, chunk->base);
    return chunk_is_held_at(&now, chunk->base) && heap_free_held(arena, &now, leaving);
}

bool heap_free_held(struct arena *arena, const struct chunk *chunk, struct leaving *leaving)
{
    if (chunk->zone->chunk_bytes == 0) {
        large_give(arena, chunk, leaving);
        return true;
    }
    bool is_held = zone_mark_home(chunk->zone, chunk->index);
    if (is_held) {
        tell_owner(arena, chunk->zone, leaving);
    }
    return is_held;
}
