// SPDX-License-Identifier: MIT
#include "tests/core/churn.h"

#include "core/misuse.h"
#include "core/offset.h"
#include "tests/core/test.h"

#include <string.h>

enum { FREED_FILL = 0xDD };

void churn_begin(struct churn *churn, const struct driver_options *options, unsigned heap_count,
                 size_t heap_bytes, uint64_t seed)
{
    memset(churn, 0, sizeof(*churn));
    churn->random = (struct random){.state = seed};
    churn->held_most = CHURN_HELD_MAX;
    churn->bytes_most = SIZE_CLASS_SMALL_MAX;
    churn->heap_bytes = heap_bytes;
    driver_begin(&churn->driver, options);
    for (unsigned heap = 0; heap < heap_count; heap++) {
        churn->heaps[heap] = driver_acquire(&churn->driver, heap_bytes);
        assert_non_null(churn->heaps[heap]);
    }
}

bool churn_alloc(struct churn *churn, struct heap *heap, size_t bytes, size_t align)
{
    assert_true(churn->held_count < CHURN_HELD_MAX);
    struct grant grant = driver_alloc(&churn->driver, heap, bytes, align);
    if (grant.ptr == NULL) {
        churn->fail_count++;
        return false;
    }
    unsigned char *ptr = grant.ptr;
    assert_int_equal((uintptr_t)ptr % align, 0);
    assert_int_equal((uintptr_t)ptr % 16, 0);
    struct chunk chunk = chunk_locate(churn->driver.arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_int_equal(chunk.requested, bytes);
    assert_true(chunk.capacity >= bytes);
    if (grant.is_zero) {
        assert_true(bytes_are(ptr, bytes, 0));
        churn->zero_count++;
    }
    unsigned char fill = (unsigned char)(1 + random_below(&churn->random, 0xD0));
    memset(ptr, fill, bytes);
    churn->held[churn->held_count++] =
        (struct held){.ptr = ptr, .bytes = bytes, .align = align, .fill = fill};
    return true;
}

void churn_free(struct churn *churn, struct heap *heap, size_t index)
{
    struct held held = churn->held[index];
    assert_true(bytes_are(held.ptr, held.bytes, held.fill));
    struct chunk chunk = chunk_locate(churn->driver.arena, held.ptr);
    assert_int_equal(misuse_of(&chunk, held.ptr), MISUSE_NONE);
    assert_int_equal(chunk.requested, held.bytes);
    // The program may have used every byte of the chunk's class.
    memset(held.ptr, FREED_FILL, chunk.capacity);
    driver_free(&churn->driver, heap, held.ptr);
    struct chunk freed = chunk_locate(churn->driver.arena, held.ptr);
    assert_int_not_equal(misuse_of(&freed, held.ptr), MISUSE_NONE);
    churn->held[index] = churn->held[--churn->held_count];
}

// Another size in place, as realloc tries it.
static void resize(struct churn *churn, size_t index)
{
    struct held *held = &churn->held[index];
    struct arena *arena = churn->driver.arena;
    struct chunk chunk = chunk_locate(arena, held->ptr);
    size_t bytes = random_chance(&churn->random, 50)
                       ? random_size(&churn->random, churn->bytes_most)
                       : held->bytes + random_below(&churn->random, 64);
    bool resized = false;
    if (chunk.zone->chunk_bytes != 0) {
        resized = chunk_resize(&chunk, bytes);
        assert_true(!resized || bytes <= chunk.capacity);
    } else {
        struct need need;
        resized = large_resize(arena, &chunk, bytes, &need);
        if (!resized && driver_meet(&churn->driver, &need)) {
            resized = large_resize(arena, &chunk, bytes, &need);
            assert_true(resized);
        }
    }
    struct chunk now = chunk_locate(arena, held->ptr);
    assert_true(chunk_is_held_at(&now, held->ptr));
    assert_int_equal(now.requested, resized ? bytes : held->bytes);
    if (resized) {
        assert_true(bytes_are(held->ptr, bytes < held->bytes ? bytes : held->bytes, held->fill));
        held->bytes = bytes;
        memset(held->ptr, held->fill, bytes);
    }
}

struct heap *churn_heap(struct churn *churn)
{
    struct heap *heap = NULL;
    while (heap == NULL) {
        heap = churn->heaps[random_below(&churn->random, CHURN_HEAPS_MAX)];
    }
    return heap;
}

// One thread ends, and another one begins.
static void change_heap(struct churn *churn)
{
    struct heap **heap = &churn->heaps[1 + random_below(&churn->random, CHURN_HEAPS_MAX - 1)];
    if (*heap == NULL) {
        *heap = driver_acquire(&churn->driver, churn->heap_bytes);
        return;
    }
    heap_retire(*heap);
    *heap = NULL;
}

void churn_step(struct churn *churn)
{
    struct random *random = &churn->random;
    uint32_t what = random_below(random, 1000);
    bool full = churn->held_count >= churn->held_most;
    if (churn->held_count == 0 || (what < 520 && !full)) {
        size_t align = random_chance(random, 90) ? 16 : (size_t)1 << random_below(random, 13);
        churn_alloc(churn, churn_heap(churn), random_size(random, churn->bytes_most), align);
    } else if (what < 950 || full) {
        struct heap *heap = random_chance(random, 97) ? churn_heap(churn) : NULL;
        churn_free(churn, heap, random_below(random, (uint32_t)churn->held_count));
    } else if (what < 998) {
        resize(churn, random_below(random, (uint32_t)churn->held_count));
    } else {
        change_heap(churn);
    }
}

void churn_free_all(struct churn *churn)
{
    while (churn->held_count != 0) {
        uint32_t index = random_below(&churn->random, (uint32_t)churn->held_count);
        churn_free(churn, churn_heap(churn), index);
    }
}

// ---- audit --------------------------------------------------------------------------------------

struct tally {
    size_t zones;
    size_t live;    // chunks of zones that the program holds
    size_t large;   // and of runs
    size_t in_hand; // runs in hands
    size_t stacked; // chunks in nobody's hands, and not in their zones: they are in stacks
};

static void tally_zone(const struct zone *zone, struct tally *tally)
{
    uint32_t in_zone = zone_available(zone);
    uint32_t elsewhere = 0;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        bool live = state_is_live(zone_state(zone, index));
        tally->live += live;
        elsewhere += live || zone_state(zone, index) == STATE_HOME;
    }
    assert_true(in_zone + elsewhere <= zone->chunk_count);
    tally->stacked += zone->chunk_count - in_zone - elsewhere;
    tally->zones++;
}

static struct tally tally_of(const struct arena *arena)
{
    struct tally tally = {0};
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        for (uint32_t first = 0; first < runs->fresh; first += run_unit(runs, first)->length) {
            const struct unit *unit = run_unit(runs, first);
            if (unit->kind == RUN_ZONE) {
                tally_zone(zone_map_find(&arena->map, section_unit_at(section, first)), &tally);
            }
            bool is_in_hand = unit->kind == RUN_LARGE && run_is_in_hand(unit);
            tally.in_hand += is_in_hand;
            tally.large += unit->kind == RUN_LARGE && !is_in_hand;
        }
    }
    return tally;
}

static size_t in_hands_of(const struct arena *arena)
{
    size_t count = 0;
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        const struct heap_hand *hand = offset_to(heap, heap->hand);
        count += hand != NULL ? hand->count : 0;
    }
    return count;
}

static size_t stacked_in(const struct arena *arena)
{
    size_t count = 0;
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
            const struct heap_stack *stack = &heap->stacks[size_class];
            count += (size_t)(stack->top - stack->bottom);
        }
    }
    return count;
}

void churn_audit(const struct churn *churn)
{
    const struct arena *arena = churn->driver.arena;
    assert_true(driver_is_valid(&churn->driver));
    for (size_t index = 0; index < churn->held_count; index++) {
        const struct held *held = &churn->held[index];
        struct chunk chunk = chunk_locate(arena, held->ptr);
        assert_true(chunk_is_held_at(&chunk, held->ptr));
        assert_int_equal(chunk.requested, held->bytes);
        assert_true(bytes_are(held->ptr, held->bytes, held->fill));
    }
    struct tally tally = tally_of(arena);
    assert_int_equal(tally.live + tally.large + arena->mapping_count, churn->held_count);
    assert_int_equal(tally.large + tally.in_hand, arena->large_count);
    assert_int_equal(tally.in_hand, in_hands_of(arena));
    assert_int_equal(tally.zones, arena->zone_count);
    assert_int_equal(tally.stacked, stacked_in(arena));
}

// Units of runs that are the arena's own: heaps, records, leaves.
static size_t own_units(const struct arena *arena)
{
    size_t count = 0;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        for (uint32_t first = 0; first < runs->fresh; first += run_unit(runs, first)->length) {
            const struct unit *unit = run_unit(runs, first);
            count += unit->kind == RUN_META || unit->kind == RUN_RECORDS ? unit->length : 0;
        }
    }
    return count;
}

// What is in stacks and in parcels goes home, and whoever owns a zone, or may, takes it in.
static void bring_all_home(struct churn *churn)
{
    struct arena *arena = churn->driver.arena;
    struct heap *first = offset_to(arena, arena->heaps);
    for (struct heap *heap = first; heap != NULL; heap = offset_to(arena, heap->next_heap)) {
        heap_flush(heap);
        heap_send_parcels(heap);
        heap_hand_drop(heap);
    }
    for (unsigned size_class = 0; size_class < first->class_count; size_class++) {
        while (heap_adopt(first, size_class, true)) {
        }
    }
    for (struct heap *heap = first; heap != NULL; heap = offset_to(arena, heap->next_heap)) {
        heap_drain(heap);
        driver_give_empty(&churn->driver, heap);
    }
}

void churn_expect_all_returned(struct churn *churn)
{
    struct arena *arena = churn->driver.arena;
    struct need need;
    bring_all_home(churn);
    for (unsigned heap = 0; heap < CHURN_HEAPS_MAX; heap++) {
        if (churn->heaps[heap] != NULL) {
            heap_retire(churn->heaps[heap]);
        }
    }
    churn_audit(churn);
    size_t kept_units = 0;
    size_t kept = 0;
    for (struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
            unsigned zones = 0;
            for (unsigned fill = 0; fill < ZONE_FILL_COUNT; fill++) {
                const struct zone *zone = offset_to(arena, heap_lists(heap, size_class)[fill]);
                for (; zone != NULL; zone = offset_to(arena, zone->next)) {
                    assert_true(zone_is_empty(zone));
                    kept_units += zone->unit_count;
                    zones++;
                }
            }
            assert_in_range(zones, 0, 1);
            kept += zones;
        }
    }
    assert_int_equal(kept, arena->zone_count);
    assert_int_equal(arena->large_count, 0);
    assert_int_equal(arena->mapping_count, 0);
    assert_int_equal(arena->used_unit_count, own_units(arena) + kept_units);
    for (unsigned heap = 0; heap < CHURN_HEAPS_MAX; heap++) {
        if (churn->heaps[heap] != NULL) {
            churn->heaps[heap] = heap_acquire(arena, churn->heap_bytes, &need);
            assert_non_null(churn->heaps[heap]);
        }
    }
}

void churn_end(struct churn *churn)
{
    churn_free_all(churn);
    churn_expect_all_returned(churn);
    driver_end(&churn->driver);
}
