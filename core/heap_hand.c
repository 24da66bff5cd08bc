// SPDX-License-Identifier: MIT
#include "core/heap_hand.h"

#include "core/large.h"

static struct heap_hand *hand_of(const struct heap *heap)
{
    return offset_to(heap, heap->hand);
}

// Takes one out of the hand, and closes the gap.
static struct heap_held remove_held(struct heap_hand *hand, uintptr_t index)
{
    struct heap_held held = hand->held[index];
    hand->count--;
    hand->units -= held.unit->length;
    for (; index < hand->count; index++) {
        hand->held[index] = hand->held[index + 1];
    }
    return held;
}

void *heap_hand_take(struct heap *heap, size_t bytes)
{
    struct heap_hand *hand = hand_of(heap);
    if (hand == NULL || hand->count == 0) {
        return NULL;
    }
    size_t units = ((bytes - 1) >> heap_arena(heap)->unit_shift) + 1;
    for (uintptr_t index = hand->count; index-- > 0;) {
        if (hand->held[index].unit->length == units) {
            struct heap_held held = remove_held(hand, index);
            run_set_note(held.unit, (uint32_t)bytes);
            state_write(&held.unit->state, STATE_LIVE);
            return held.chunk;
        }
    }
    return NULL;
}

// Whether a chunk of so many units, of which so many bytes were requested, is for the hand at all. What has a run only until its
// class gets a zone nobody would take out again.
static bool is_for_hand(const struct heap_hand *hand, size_t units, size_t bytes)
{
    return units <= hand->units_max / 2 && bytes > hand->class_bytes_max;
}

static bool has_room(const struct heap_hand *hand, size_t units)
{
    return hand->count < HEAP_HAND_COUNT && units <= hand->units_max - hand->units;
}

bool heap_hand_put(struct heap *heap, void *ptr)
{
    struct heap_hand *hand = hand_of(heap);
    if (hand == NULL) {
        return false;
    }
    struct zone *zone = zone_map_find(&heap_arena(heap)->map, ptr);
    if (zone->kind != ZONE_LARGE) {
        return false;
    }
    const struct section *section = (const struct section *)zone;
    uint32_t first = section_unit_of(section, ptr);
    struct unit *unit = run_unit(section_runs(section), first);
    // Read as a whole: if the chunk is no more, by another thread's free, the claim fails.
    struct unit run = run_unit_read(unit);
    if (section_unit_at(section, first) != ptr || !is_for_hand(hand, run.length, run.note) ||
        !has_room(hand, run.length) || !state_claim(&unit->state)) {
        return false;
    }
    hand->held[hand->count++] = (struct heap_held){.chunk = ptr, .unit = unit};
    hand->units += run.length;
    return true;
}

// Gives one chunk back to the arena, whose state says that nobody has it.
static void give(struct arena *arena, void *ptr)
{
    const struct chunk chunk = {.zone = zone_map_find(&arena->map, ptr), .base = ptr};
    struct leaving nothing;
    large_give(arena, &chunk, &nothing);
}

// Gives those back that were freed first, until so many are left, of so many units, or less.
static void give_down_to(struct heap *heap, struct heap_hand *hand, uintptr_t count,
                         uintptr_t units)
{
    while (hand->count > count || hand->units > units) {
        give(heap_arena(heap), remove_held(hand, 0).chunk);
    }
}

void heap_hand_make_room(struct heap *heap, size_t units, size_t bytes)
{
    struct heap_hand *hand = hand_of(heap);
    if (hand != NULL && is_for_hand(hand, units, bytes)) {
        give_down_to(heap, hand, HEAP_HAND_COUNT - 1, hand->units_max - units);
    }
}

void heap_hand_drop(struct heap *heap)
{
    struct heap_hand *hand = hand_of(heap);
    if (hand != NULL) {
        give_down_to(heap, hand, 0, 0);
    }
}

void heap_hand_yield(struct heap *heap, size_t bytes)
{
    const struct heap_hand *hand = hand_of(heap);
    if (hand == NULL || hand->count == 0) {
        return;
    }
    const struct arena *arena = heap_arena(heap);
    // What is longer than runs are becomes a mapping.
    if (bytes <= arena->config.run_bytes_max &&
        !arena_has_free_run(arena, bits_divide_up(bytes, arena_unit_bytes(arena)))) {
        heap_hand_drop(heap);
    }
}

void heap_hand_drop_lost(struct arena *arena, struct section *section)
{
    const struct run_table *runs = section_runs(section);
    uint32_t unit = 0;
    while (unit < runs->fresh) {
        const struct unit *run = run_unit(runs, unit);
        if (run->kind == RUN_LARGE && run_is_in_hand(run)) {
            give(arena, section_unit_at(section, unit));
            unit = 0; // it may have merged with what is below
        } else {
            unit += run->length;
        }
    }
}

bool heap_hand_is_valid(const struct heap *heap)
{
    const struct heap_hand *hand = hand_of(heap);
    if (hand == NULL) {
        return true;
    }
    if (hand->count > HEAP_HAND_COUNT || hand->units > hand->units_max) {
        return false;
    }
    uintptr_t units = 0;
    for (uintptr_t index = 0; index < hand->count; index++) {
        const struct heap_held *held = &hand->held[index];
        const struct section *section =
            (const struct section *)zone_map_find(&heap_arena(heap)->map, held->chunk);
        bool is_run =
            section->marker.kind == ZONE_LARGE && held->unit->kind == RUN_LARGE &&
            run_unit(section_runs(section), section_unit_of(section, held->chunk)) == held->unit;
        if (!is_run || !run_is_in_hand(held->unit)) {
            return false;
        }
        units += held->unit->length;
    }
    return units == hand->units;
}

// Claims a LARGE chunk that was found to be held: another thread may put it into its hand just now. Mappings never are in a
// hand, and who frees one has the lock.
static bool claim(const struct chunk *chunk)
{
    if (chunk->zone->kind == ZONE_MAPPED) {
        return true;
    }
    const struct section *section = (const struct section *)chunk->zone;
    uint32_t first = section_unit_of(section, chunk->base);
    return state_claim(&run_unit(section_runs(section), first)->state);
}

bool heap_free_large(struct arena *arena, const struct chunk *chunk, struct leaving *leaving)
{
    struct chunk now = chunk_locate(arena, chunk->base);
    bool is_large = chunk_is_held_at(&now, chunk->base) && now.zone->chunk_bytes == 0;
    if (!is_large || !claim(&now)) {
        return false;
    }
    large_give(arena, &now, leaving);
    return true;
}
