// SPDX-License-Identifier: MIT
// Chunks that are freed by a thread that does not own their zone: on their way home, without a lock.
#include "core/heap_zones.h"
#include "core/zone_home.h"
#include "core/zone_map.h"

enum {
    PARCEL_BYTES_MAX = 16 << 10, // of chunks that wait in one: their owner takes others meanwhile
    LOOK_UNITS_MIN = 16,         // by which an arena has grown before it looks for what came home,
    LOOK_GROWTH_SHARE = 16,      // and of what is in use
};

// ---- whose a zone is ----------------------------------------------------------------------------

static uint32_t owner_word(const struct heap *heap, const struct zone *zone)
{
    return heap->owner | (uint32_t)((uintptr_t)&heap->stacks[zone->size_class] - (uintptr_t)heap);
}

// Makes a zone this heap's if it is nobody's. Acquire: its last owner wrote all that is known of it before.
static bool take_over(struct heap *heap, struct zone *zone)
{
    uint32_t nobody = ZONE_OWNER_FULL;
    if (!atomic_compare_exchange_strong_explicit(&zone->owner, &nobody, owner_word(heap, zone),
                                                 memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    // Every caller now drains the zone. Sequentially consistent before that: see owner_of().
    atomic_store_explicit(&zone->heap, offset_of(heap_arena(heap), heap), memory_order_seq_cst);
    return true;
}

// Takes back what came home to a zone of this heap.
static void receive(struct heap *heap, struct zone *zone)
{
    void *twice = NULL;
    // An empty zone that waits to be given back gets nothing, and stays where it is.
    if (zone_drain(zone, &twice) != 0) {
        heap_settle(heap, zone);
    }
    if (twice != NULL) {
        arena_note_twice(heap_arena(heap), twice);
    }
}

bool heap_take_back(struct heap *heap, struct zone *zone)
{
    if (atomic_load_explicit(&zone->owner, memory_order_relaxed) != ZONE_OWNER_FULL ||
        atomic_load_explicit(&zone->heap, memory_order_relaxed) !=
            offset_of(heap_arena(heap), heap) ||
        !take_over(heap, zone)) {
        return false;
    }
    // It may be listed where this heap looks last.
    receive(heap, zone);
    return true;
}

// The heap that owns a zone, or NULL. *changes: one takes it over just now. Then it drains the zone after this: what was
// sent before this is its business, and nobody need be told. Sequentially consistent, so that its drain is indeed later.
static struct heap *owner_of(const struct arena *arena, const struct zone *zone, bool *changes)
{
    *changes = false;
    uint32_t owner = atomic_load_explicit(&zone->owner, memory_order_seq_cst);
    if (owner == ZONE_OWNER_FULL || owner == ZONE_OWNER_DEAD) {
        return NULL;
    }
    struct heap *heap = offset_to(arena, atomic_load_explicit(&zone->heap, memory_order_seq_cst));
    *changes = (owner ^ heap->owner) > HEAP_OWNER_MASK;
    return *changes ? NULL : heap;
}

// ---- sending ------------------------------------------------------------------------------------

// Chunks have come home to a zone: lists it for who can take them. By now it may be another's, gone, or a new one:
// then whoever takes it off the list will see.
static void tell(struct arena *arena, struct zone *zone)
{
    if (!home_announce(zone)) {
        return;
    }
    bool changes;
    struct heap *owner = owner_of(arena, zone, &changes);
    struct section *section = offset_to(arena, zone->section);
    struct home_list *list = owner == NULL ? &section->classes[zone->size_class].full
                             : atomic_load_explicit(&owner->is_idle, memory_order_relaxed)
                                 ? &arena->home_idle
                                 : &owner->home;
    home_list_push(list, arena, zone);
}

// Takes a zone that is nobody's and has all its chunks home, to give it back.
static bool take_whole(struct heap *heap, struct zone *zone, uint32_t word)
{
    if (heap == NULL ||
        atomic_load_explicit(&zone->owner, memory_order_relaxed) != ZONE_OWNER_FULL ||
        !zone_is_whole(zone, word) || !take_over(heap, zone)) {
        return false;
    }
    void *twice = NULL;
    zone_drain(zone, &twice);
    if (twice != NULL) {
        arena_note_twice(heap_arena(heap), twice);
    }
    if (zone_is_empty(zone)) {
        heap_send_out(heap, zone);
    } else {
        heap_relist(heap, zone); // it was another zone by then
    }
    return true;
}

// Sends bits of a word of a zone. The last moment that the zone is known to be there is when they are sent.
static void send_bits(struct heap *heap, struct arena *arena, struct zone *zone, uint32_t word,
                      uintptr_t bits)
{
    void *last = zone_chunk(zone, word * (uint32_t)BITS_PER_WORD + bits_lowest(bits));
    uintptr_t twice = zone_send(zone, word, bits);
    if (twice != 0) {
        uint32_t apart = bits_lowest(twice) - bits_lowest(bits);
        arena_note_twice(arena, (void *)((uintptr_t)last + (uintptr_t)apart * zone->chunk_bytes));
    }
    if (!take_whole(heap, zone, word)) {
        tell(arena, zone);
    }
}

static void send_parcel(struct heap *heap, struct heap_parcel *parcel)
{
    struct arena *arena = heap_arena(heap);
    struct zone *zone = offset_to(arena, parcel->zone);
    uintptr_t first = (uintptr_t)zone_state_at(zone, 0) - (uintptr_t)heap;
    uint32_t word = (uint32_t)((parcel->at - first) / BITS_PER_WORD);
    parcel->at = 0;
    heap->parcels_open--;
    send_bits(heap, arena, zone, word, parcel->bits);
}

void heap_send_parcels(struct heap *heap)
{
    for (uintptr_t index = 0; heap->parcels_open != 0; index++) {
        struct heap_parcel *parcel = heap_parcel_at(heap, index);
        if (parcel->at != 0) {
            send_parcel(heap, parcel);
        }
    }
}

// How many chunks a parcel of this zone takes: all of a word, if they are small.
static uintptr_t parcel_room(const struct zone *zone)
{
    uint32_t room = (uint32_t)PARCEL_BYTES_MAX / zone->chunk_bytes;
    return room < BITS_PER_WORD ? room : BITS_PER_WORD;
}

bool heap_gather(struct heap *heap, struct zone *zone, void *state)
{
    uintptr_t at = heap_parcel_place(heap, state);
    uintptr_t bit = (uintptr_t)1 << (uintptr_t)state % BITS_PER_WORD;
    struct heap_parcel *parcel = heap_parcel_of(heap, zone, state);
    bool sent = false;
    if (parcel->at != at) {
        if (parcel->at != 0) {
            send_parcel(heap, parcel);
            sent = true;
        }
        *parcel = (struct heap_parcel){
            .at = at,
            .zone = offset_of(heap_arena(heap), zone),
            .room = parcel_room(zone),
        };
        heap->parcels_open++;
    }
    if ((parcel->bits & bit) != 0) {
        uintptr_t index = (uintptr_t)state - (uintptr_t)zone_state_at(zone, 0);
        arena_note_twice(heap_arena(heap), zone_chunk(zone, (uint32_t)index));
    }
    parcel->bits |= bit;
    parcel->room--;
    if (parcel->room == 0) {
        send_parcel(heap, parcel);
        sent = true;
    }
    return sent;
}

enum heap_sent heap_send_away(struct heap *heap, struct zone *zone, void *state)
{
    bool was_own = atomic_load_explicit(&zone->owner, memory_order_relaxed) == ZONE_OWNER_FULL &&
                   atomic_load_explicit(&zone->heap, memory_order_relaxed) ==
                       offset_of(heap_arena(heap), heap);
    if (was_own || zone->kind != ZONE_TINY || heap->parcel_count == 0 || !state_claim(state)) {
        return HEAP_NOT_SENT;
    }
    return heap_gather(heap, zone, state) ? HEAP_SENT : HEAP_GATHERED;
}

void heap_send_claimed(struct heap *heap, struct arena *arena, struct zone *zone, uint32_t index)
{
    if (heap != NULL && zone->kind == ZONE_TINY && heap->parcel_count != 0) {
        (void)heap_gather(heap, zone, zone_state_at(zone, index));
        return;
    }
    send_bits(heap, arena, zone, index / (uint32_t)BITS_PER_WORD,
              (uintptr_t)1 << index % BITS_PER_WORD);
}

bool heap_send(struct heap *heap, struct arena *arena, const struct chunk *chunk)
{
    if (!zone_claim(chunk->zone, chunk->index)) {
        return false;
    }
    heap_send_claimed(heap, arena, chunk->zone, chunk->index);
    return true;
}

// ---- receiving ----------------------------------------------------------------------------------

// A record was on a list of somebody who cannot take what came home to it: lists it anew.
static void hand_on(struct arena *arena, struct zone *zone)
{
    bool changes;
    (void)owner_of(arena, zone, &changes);
    if (!changes && zone_has_home(zone)) {
        tell(arena, zone);
    }
}

void heap_drain(struct heap *heap)
{
    struct arena *arena = heap_arena(heap);
    for (struct zone *zone = home_list_take(&heap->home, arena); zone != NULL;
         zone = home_list_take(&heap->home, arena)) {
        if (heap_owns(heap, zone) || heap_take_back(heap, zone)) {
            receive(heap, zone);
        } else {
            hand_on(arena, zone);
        }
    }
}

// Whether this heap may have a zone that is nobody's although it is not to have any.
static bool may_adopt(const struct heap *heap, const struct zone *zone, const struct heap *last)
{
    return last == heap || atomic_load_explicit(&last->is_idle, memory_order_relaxed) ||
           zone_home_count(zone) >= zone->chunk_count - zone->chunk_count / 4;
}

// What to do with a record off the list of those that are nobody's. True if it is this heap's by now.
static bool adopt(struct heap *heap, struct zone *zone, bool any)
{
    struct arena *arena = heap_arena(heap);
    uint32_t owner = atomic_load_explicit(&zone->owner, memory_order_relaxed);
    if (owner == ZONE_OWNER_FULL && !any) {
        struct heap *last =
            offset_to(arena, atomic_load_explicit(&zone->heap, memory_order_relaxed));
        if (!may_adopt(heap, zone, last)) {
            // Its last owner may take it back. If he sleeps, heap_look_home() finds it.
            if (home_announce(zone)) {
                home_list_push(&last->home, arena, zone);
            }
            return false;
        }
    }
    if (heap_owns(heap, zone) || take_over(heap, zone)) {
        receive(heap, zone);
        return true;
    }
    if (owner != ZONE_OWNER_DEAD) {
        hand_on(arena, zone);
        return false;
    }
    void *twice = zone_drain_dead(zone);
    if (twice != NULL) {
        arena_note_twice(arena, twice);
    }
    return false;
}

bool heap_adopt(struct heap *heap, unsigned size_class, bool any)
{
    struct arena *arena = heap_arena(heap);
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        struct home_list *list = &section->classes[size_class].full;
        for (struct zone *zone = home_list_take(list, arena); zone != NULL;
             zone = home_list_take(list, arena)) {
            if (adopt(heap, zone, any) && heap_fullest_zone(heap, size_class) != NULL) {
                return true;
            }
        }
    }
    return false;
}

void heap_adopt_next(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    if (back == NULL) {
        return;
    }
    back->home_class = (back->home_class + 1) % heap->class_count;
    (void)heap_adopt(heap, (unsigned)back->home_class, false);
}

struct heap *heap_receive_idle(struct arena *arena)
{
    struct heap *last = NULL;
    for (struct zone *zone = home_list_take(&arena->home_idle, arena); zone != NULL;
         zone = home_list_take(&arena->home_idle, arena)) {
        bool changes;
        struct heap *owner = owner_of(arena, zone, &changes);
        if (owner == NULL || !atomic_load_explicit(&owner->is_idle, memory_order_relaxed)) {
            hand_on(arena, zone);
            continue;
        }
        // Nobody else touches the heap while the arena is locked. One zone at most has become empty.
        receive(owner, zone);
        (void)heap_give_empty(owner);
        last = owner;
    }
    return last;
}

// Lists anew what is listed for a heap, by what has become of it since.
static void look_at(struct arena *arena, struct heap *heap)
{
    (void)heap_receive_idle(arena);
    // A push that is not finished keeps the rest of a list: then there will be another look.
    if (arena->home_idle.rest == 0) {
        home_list_move(&arena->home_idle, &heap->home);
    }
}

void heap_look_home(struct arena *arena)
{
    for (struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        if (atomic_load_explicit(&heap->home.first, memory_order_relaxed) != 0) {
            look_at(arena, heap);
        }
    }
    (void)heap_receive_idle(arena);
    arena->looked_units = (uint32_t)arena->used_unit_count;
}

void heap_look_home_grown(struct arena *arena)
{
    size_t used = arena->used_unit_count;
    if (used < arena->looked_units) {
        arena->looked_units = (uint32_t)used;
    }
    size_t grown = used - arena->looked_units;
    bool is_much = grown >= LOOK_UNITS_MIN && grown >= used / LOOK_GROWTH_SHARE;
    if (is_much && arena_heap_count(arena) != 1) {
        heap_look_home(arena);
    }
}
