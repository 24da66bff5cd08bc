// SPDX-License-Identifier: MIT
// The fast paths: what nearly every malloc and free does, inlined into the api. TINY and SMALL chunks are freed in one way;
// what has to do with their sizes is told apart: first TINY ones, where every instruction counts, then SMALL ones.
// Whatever is unusual about a call makes it fail here, before anything is written, and go the slow way.
#ifndef FT_CORE_HEAP_FAST_H
#define FT_CORE_HEAP_FAST_H

#include "core/heap.h"
#include "core/zone_map.h"

// OWNER. The stack that lies so many bytes into a heap.
static inline struct heap_stack *heap_fast_stack(struct heap *heap, uintptr_t offset)
{
    return (struct heap_stack *)((uintptr_t)heap + offset);
}

// ANY. The same number, of which the compiler does not know that it is: an address is then computed anew by the instruction
// that uses it, where it would have taken one of its own to keep it.
static inline uintptr_t heap_fast_again(uintptr_t number)
{
    __asm__("" : "+r"(number));
    return number;
}

// OWNER. Pops what is on top of the stack that lies so many words into the heap, and notes its new state.
static inline void heap_fast_pop(struct heap *heap, uintptr_t word, const struct chunk_entry *top,
                                 uint8_t state)
{
    state_write(top[-1].state, state);
    // Read again, so that it is one instruction: a state may be anywhere.
    heap_fast_stack(heap, heap_fast_again(word) * sizeof(uintptr_t))->top--;
}

// OWNER. The chunk that was on top when this was the top, which is not NULL: read again, into the register of the result.
static inline void *heap_fast_popped(const struct chunk_entry *top)
{
    void *chunk = top[-1].chunk;
    return chunk != NULL ? chunk : (__builtin_unreachable(), NULL);
}

// OWNER. A chunk for `bytes`, or NULL: too large for TINY, or the stack is empty.
static inline void *heap_fast_alloc(struct heap *heap, size_t bytes)
{
    if (__builtin_expect(bytes > SIZE_CLASS_TINY_MAX, 0)) {
        return NULL;
    }
    struct heap_place place = heap_places[bytes];
    uintptr_t word = place.stack_word;
    const struct chunk_entry *top = heap_fast_stack(heap, word * sizeof(uintptr_t))->top;
    if (__builtin_expect(top[-1].chunk == NULL, 0)) {
        return NULL;
    }
    heap_fast_pop(heap, word, top, place.live_state);
    return heap_fast_popped(top);
}

// OWNER. The same, and whether the chunk's bytes are known to be zero.
static inline struct grant heap_fast_grant(struct heap *heap, size_t bytes)
{
    struct grant grant = {.ptr = NULL};
    if (__builtin_expect(bytes > SIZE_CLASS_TINY_MAX, 0)) {
        return grant;
    }
    struct heap_place place = heap_places[bytes];
    uintptr_t word = place.stack_word;
    const struct chunk_entry *top = heap_fast_stack(heap, word * sizeof(uintptr_t))->top;
    if (__builtin_expect(top[-1].chunk == NULL, 0)) {
        return grant;
    }
    grant.is_zero = state_is_zero(state_read(top[-1].state));
    heap_fast_pop(heap, word, top, place.live_state);
    grant.ptr = heap_fast_popped(top);
    return grant;
}

// OWNER. Whether the heap has a stack for a TINY request at all: one that serves fewer classes may not.
static inline bool heap_has_fast_stack(const struct heap *heap, size_t bytes)
{
    return bytes <= SIZE_CLASS_TINY_MAX &&
           heap_places[bytes].stack_word * sizeof(uintptr_t) < heap->lists;
}

// ANY. Whether a live chunk starts at ptr, in a zone whose chunk 0 is at `start`; *state is then its state. The zone may
// be any, if ptr is an address of at most 48 bits (reciprocal.h).
static inline bool heap_fast_find(struct zone *zone, uintptr_t start, const void *ptr, void **state)
{
    uint64_t offset = (uintptr_t)ptr - start;
    struct quotient quotient = reciprocal_divide(offset, zone->reciprocal);
    if (__builtin_expect(quotient.remainder >= zone->bound, 0)) {
        return false;
    }
    *state = (void *)((uintptr_t)(zone + 1) + (uintptr_t)quotient.index);
    return __builtin_expect(state_is_live(state_read(*state)), 1);
}

// What heap_fast_look() has done or seen.
enum heap_seen {
    HEAP_OTHER, // anything but the start of a live chunk of this zone; or a full stack
    HEAP_PUT,   // a chunk of the heap's own, which is freed
    HEAP_AWAY,  // a chunk of a zone that another heap owns, or nobody
};

// OWNER. Takes back a live chunk with this state, of any zone.
static inline enum heap_seen heap_fast_take_back(struct heap *heap, struct zone *zone, void *state,
                                                 void *ptr)
{
    uint32_t at = atomic_load_explicit(&zone->owner, memory_order_relaxed) ^ heap->owner;
    if (__builtin_expect(at > HEAP_OWNER_MASK, 0)) {
        return HEAP_AWAY;
    }
    struct chunk_entry *top = heap_fast_stack(heap, at)->top;
    if (__builtin_expect(top == heap_fast_stack(heap, heap_fast_again(at))->limit, 0)) {
        return HEAP_OTHER;
    }
    state_write(state, STATE_FREED);
    // The chunk is likely the next to be handed out, and written to then: allocators that link chunks through their memory
    // have it in the cache by that.
    __builtin_prefetch(ptr, 1);
    top->chunk = ptr;
    top->state = state;
    heap_fast_stack(heap, heap_fast_again(at))->top++;
    return HEAP_PUT;
}

// OWNER. Takes back a chunk of a zone whose chunk 0 is at `start`, if that is all there is to it. The zone may be any, if
// ptr is an address of at most 48 bits (reciprocal.h). If it did not, nothing has changed; AWAY: *away is the chunk's state.
static inline enum heap_seen heap_fast_look(struct heap *heap, struct zone *zone, uintptr_t start,
                                            void *ptr, void **away)
{
    void *state;
    if (__builtin_expect(!heap_fast_find(zone, start, ptr, &state), 0)) {
        return HEAP_OTHER;
    }
    enum heap_seen seen = heap_fast_take_back(heap, zone, state, ptr);
    if (seen == HEAP_AWAY) {
        *away = state;
    }
    return seen;
}

// OWNER. The same, and whether it did.
static inline bool heap_fast_put(struct heap *heap, struct zone *zone, uintptr_t start, void *ptr)
{
    void *away;
    return heap_fast_look(heap, zone, start, ptr, &away) == HEAP_PUT;
}

// OWNER. The same for any pointer, in the arena with a wide map that this heap belongs to.
static inline bool heap_fast_free(struct heap *heap, const struct arena *arena, void *ptr)
{
    if (__builtin_expect(!zone_map_is_within(ptr), 0)) {
        return false;
    }
    struct zone *zone = zone_map_find_near(&arena->map, ptr);
    return heap_fast_put(heap, zone, zone->fast_start, ptr);
}

// ANY, by whoever holds the chunk, in an arena with a wide map. Changes the requested size of a chunk where it is, if it
// stays more than half of the chunk and leaves little slack. False if not, or if ptr is no chunk; then nothing has changed.
static inline bool heap_fast_resize(const struct arena *arena, void *ptr, size_t bytes)
{
    if (__builtin_expect(!zone_map_is_within(ptr), 0)) {
        return false;
    }
    struct zone *zone = zone_map_find_near(&arena->map, ptr);
    void *state;
    size_t slack = zone->chunk_bytes - bytes; // beyond all bounds if they do not fit
    if (__builtin_expect(!heap_fast_find(zone, zone->fast_start, ptr, &state) ||
                             slack >= zone->chunk_bytes / 2 || slack > STATE_SLACK_ANY,
                         0)) {
        return false;
    }
    state_write(state, (uint8_t)(STATE_LIVE + slack));
    return true;
}

// OWNER. The same as heap_fast_free() for a TINY chunk of which the program says how many bytes it asked for. False also if
// that is not so: there are other sizes that it may say.
static inline bool heap_fast_free_sized(struct heap *heap, const struct arena *arena, void *ptr,
                                        size_t bytes)
{
    // No slack of a SMALL chunk is so small that its state could be taken for that of so few bytes.
    if (__builtin_expect(bytes > SIZE_CLASS_TINY_MAX || !zone_map_is_within(ptr), 0)) {
        return false;
    }
    struct zone *zone = zone_map_find_near(&arena->map, ptr);
    void *state;
    return heap_fast_find(zone, zone->fast_start, ptr, &state) &&
           state_read(state) == STATE_LIVE + zone->chunk_bytes - bytes &&
           heap_fast_take_back(heap, zone, state, ptr) == HEAP_PUT;
}

// OWNER. A chunk that is AWAY, with this state, goes into the parcel of its word, if others of the word wait there and
// it need not be sent yet. False if not, or if the chunk was freed meanwhile: then nothing has changed.
static inline bool heap_fast_gather(struct heap *heap, const struct zone *zone, void *state)
{
    if (heap->parcel_count == 0) {
        return false;
    }
    struct heap_parcel *parcel = heap_parcel_of(heap, zone, state);
    if (parcel->at != heap_parcel_place(heap, state)) {
        return false;
    }
    uintptr_t bits = parcel->bits | (uintptr_t)1 << (uintptr_t)state % BITS_PER_WORD;
    // Two conditions that hardly ever hold, apart from each other: to join them would cost more than two jumps.
    if (__builtin_expect(bits == parcel->bits, 0)) {
        return false;
    }
    if (__builtin_expect(parcel->room == 1, 0) || !state_claim(state)) {
        return false;
    }
    parcel->bits = bits;
    parcel->room--;
    return true;
}

// OWNER. The same, or heap_send_away().
static inline enum heap_sent heap_fast_send(struct heap *heap, struct zone *zone, void *state)
{
    return heap_fast_gather(heap, zone, state) ? HEAP_GATHERED : heap_send_away(heap, zone, state);
}

// ANY. zone_excess_of() in an arena with a wide map, whose units make all SMALL zones of so many chunks at most.
static inline void *heap_small_excess(void *state)
{
    return (unsigned char *)state + HEAP_SMALL_CHUNKS_MAX;
}

// OWNER. A chunk for `bytes` of the class of `room`, as many or more, or NULL: SMALL does not serve so many, or the stack is
// empty.
static inline void *heap_small_alloc_roomy(struct heap *heap, size_t bytes, size_t room)
{
    size_t above = room - SIZE_CLASS_TINY_MAX - 1;
    if (__builtin_expect(above >= SIZE_CLASS_SMALL_MAX - SIZE_CLASS_TINY_MAX, 0)) {
        return NULL;
    }
    struct heap_small_place place = heap_small_places[above / HEAP_SMALL_STEP];
    struct heap_stack *stack = heap_fast_stack(heap, place.stack_word * sizeof(uintptr_t));
    const struct chunk_entry *top = stack->top;
    if (__builtin_expect(top[-1].chunk == NULL, 0)) {
        return NULL;
    }
    size_t slack = (-room & (place.steps * HEAP_SMALL_STEP - 1U)) + (room - bytes);
    state_write_small(top[-1].state, heap_small_excess(top[-1].state), slack);
    stack->top--;
    return heap_fast_popped(top);
}

// OWNER. The same, without room.
static inline void *heap_small_alloc(struct heap *heap, size_t bytes)
{
    return heap_small_alloc_roomy(heap, bytes, bytes);
}

// OWNER. heap_fast_grant() for SMALL.
static inline struct grant heap_small_grant(struct heap *heap, size_t bytes)
{
    size_t above = bytes - SIZE_CLASS_TINY_MAX - 1;
    struct grant grant = {.ptr = NULL};
    if (__builtin_expect(above >= SIZE_CLASS_SMALL_MAX - SIZE_CLASS_TINY_MAX, 0)) {
        return grant;
    }
    unsigned word = heap_small_places[above / HEAP_SMALL_STEP].stack_word;
    const struct chunk_entry *top = heap_fast_stack(heap, word * sizeof(uintptr_t))->top;
    // The entry below the bottom has no state.
    grant.is_zero = top[-1].chunk != NULL && state_is_zero(state_read(top[-1].state));
    grant.ptr = heap_small_alloc(heap, bytes);
    return grant;
}

// OWNER. A chunk for `bytes` at a multiple of align, a power of two; NULL: neither TINY nor SMALL serves it, its state
// does not note the slack, or the stack is empty. A class that serves a multiple of align is one, as it is rounded up in
// steps that align divides, or not at all; and zones begin at multiples of the largest class.
static inline void *heap_fast_alloc_aligned(struct heap *heap, size_t bytes, size_t align)
{
    size_t room = bits_align_up(bytes + (bytes == 0), align);
    if (room > SIZE_CLASS_TINY_MAX) {
        // The largest class does not note as much slack as it has bytes.
        return bytes != 0 ? heap_small_alloc_roomy(heap, bytes, room) : NULL;
    }
    struct heap_place place = heap_places[room];
    const struct chunk_entry *top =
        heap_fast_stack(heap, place.stack_word * sizeof(uintptr_t))->top;
    // Beyond all bounds if so many bytes cannot be rounded up.
    size_t state = place.live_state + (room - bytes);
    if (__builtin_expect(room < bytes || state > UINT8_MAX || top[-1].chunk == NULL, 0)) {
        return NULL;
    }
    heap_fast_pop(heap, place.stack_word, top, (uint8_t)state);
    return heap_fast_popped(top);
}

// ANY, by whoever holds the chunk, in an arena with a wide map. The bytes requested of a chunk of a zone that has this state;
// 0 also if another thread has freed it meanwhile, and never more than it has.
static inline size_t heap_fast_requested(const struct zone *zone, void *state)
{
    unsigned now = state_read(state);
    size_t slack = zone->kind == ZONE_SMALL
                       ? state_small_slack(now, state_read(heap_small_excess(state)))
                       : now - (size_t)STATE_LIVE;
    return slack < zone->chunk_bytes ? zone->chunk_bytes - slack : 0;
}

// ANY, by whoever holds the chunk, in an arena with a wide map. The bytes requested of a TINY or SMALL chunk; 0 also if ptr is
// none, or one that is not to be found `near` (zone_map.h).
static inline size_t heap_fast_size(const struct arena *arena, const void *ptr)
{
    if (__builtin_expect(!zone_map_is_within(ptr), 0)) {
        return 0;
    }
    struct zone *zone = zone_map_find_near(&arena->map, ptr);
    void *state;
    return heap_fast_find(zone, zone->fast_start, ptr, &state) ? heap_fast_requested(zone, state)
                                                               : 0;
}

// OWNER. What heap_fast_free_sized() is to TINY chunks, for SMALL ones.
static inline bool heap_small_free_sized(struct heap *heap, const struct arena *arena, void *ptr,
                                         size_t bytes)
{
    if (__builtin_expect(!zone_map_is_within(ptr), 0)) {
        return false;
    }
    struct zone *zone = zone_map_find_near(&arena->map, ptr);
    void *state;
    return heap_fast_find(zone, zone->fast_start, ptr, &state) && zone->kind == ZONE_SMALL &&
           state_small_slack(state_read(state), state_read(heap_small_excess(state))) ==
               zone->chunk_bytes - bytes &&
           heap_fast_take_back(heap, zone, state, ptr) == HEAP_PUT;
}

// OWNER. What heap_fast_free() does, for a zone that is not to be found `near` (zone_map.h).
static inline bool heap_far_free(struct heap *heap, const struct arena *arena, void *ptr)
{
    if (__builtin_expect(!zone_map_is_within(ptr), 0)) {
        return false;
    }
    struct zone *zone = zone_map_find_wide(&arena->map, ptr);
    return heap_fast_put(heap, zone, zone->fast_start, ptr);
}

#endif
