// SPDX-License-Identifier: MIT
// What is true when all fibers have ended: each chunk that was handed out was taken back once or is live, and each
// that is not live can be handed out again.
#include "tests/explore/kit.h"

#include "core/ft_core_state.h"
#include "core/heap_fast.h"
#include "core/heap_hand.h"
#include "core/zone_home.h"

#include <stdio.h>

enum {
    ROUNDS = 3
}; // what is flushed goes home, what came home is taken, what is empty is given back

static void note_late(struct kit *kit)
{
    if (heap_freed_twice(&kit->core->arena) != NULL) {
        kit->late[KIT_HEAPS_MAX]++;
    }
}

// Everything that is under way arrives.
static void settle(struct kit *kit)
{
    struct arena *arena = &kit->core->arena;
    unsigned open = 0;
    while (open < KIT_HEAPS_MAX && kit->heaps[open].heap == NULL) {
        open++;
    }
    if (open == KIT_HEAPS_MAX) { // somebody must take what is nobody's
        (void)ft_core_open(&kit->heaps[0], kit->core, &kit->heaps[0].lock);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        heap_trim_idle(arena);
        note_late(kit);
        for (unsigned index = 0; index < KIT_HEAPS_MAX; index++) {
            struct heap *heap = kit->heaps[index].heap;
            if (heap != NULL) { // else it is retired
                heap_flush(heap);
                note_late(kit);
                heap_send_parcels(heap);
                note_late(kit);
                heap_drain(heap);
                note_late(kit);
                while (heap_adopt(heap, 0, true)) {
                }
                note_late(kit);
                while (heap_give_empty(heap)) {
                }
                heap_hand_drop(heap);
            }
        }
        (void)heap_receive_idle(arena);
        note_late(kit);
    }
}

// Holds one zone against the books. Returns how many of its chunks are live.
static uint32_t judge_zone(const struct zone *zone)
{
    uint32_t live = 0;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        unsigned state = zone_state(zone, index);
        if (state_is_live(state)) {
            live++;
        } else if (!zone_holds(zone, index)) {
            explore_fail("chunk %u is lost: its state is %u", index, state);
        }
    }
    if (atomic_load_explicit(&zone_mail(zone)->announced, memory_order_relaxed) != 0 ||
        zone_has_home(zone)) {
        explore_fail("a zone is announced, or has chunks that came home, and is in no list");
    }
    return live;
}

static uint32_t sum(const uint32_t numbers[KIT_HEAPS_MAX + 1])
{
    uint32_t total = 0;
    for (unsigned index = 0; index <= KIT_HEAPS_MAX; index++) {
        total += numbers[index];
    }
    return total;
}

static void judge_books(struct kit *kit, uint32_t live)
{
    const struct kit_plan *plan = explore_plan();
    uint32_t handed_out = sum(kit->handed_out);
    uint32_t taken_back = sum(kit->taken_back);
    uint32_t late = sum(kit->late);
    if (handed_out + late != taken_back + live) {
        explore_fail("%u handed out, %u taken back, %u of them one too many, and %u are live",
                     handed_out, taken_back, late, live);
    }
    if (!plan->misuses && sum(kit->reported) + late != 0) {
        explore_fail("%u frees were refused, %u said to be one too many, and none was",
                     sum(kit->reported), late);
    }
}

void kit_judge(void *memory)
{
    struct kit *kit = memory;
    struct arena *arena = &kit->core->arena;
    settle(kit);
    uint32_t live = 0;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
            live += run_unit(runs, unit)->kind == RUN_LARGE;
            if (run_unit(runs, unit)->kind == RUN_ZONE) {
                live += judge_zone(zone_map_find(&arena->map, section_unit_at(section, unit)));
            }
        }
    }
    if (!ft_core_check(kit->core)) {
        explore_fail("an invariant is broken");
    }
    judge_books(kit, live);
}

// ---- names --------------------------------------------------------------------------------------

static bool is_at(const void *at, const volatile void *member)
{
    return at == (const void *)(uintptr_t)member;
}

static void name_in_zone(const struct zone *zone, const void *at, char *name, size_t bytes)
{
    uintptr_t state = (uintptr_t)at - (uintptr_t)(zone + 1);
    uintptr_t word = ((uintptr_t)at - (uintptr_t)zone_home_word(zone, 0)) / sizeof(uintptr_t);
    if (is_at(at, &zone->owner)) {
        (void)snprintf(name, bytes, "the zone's owner");
    } else if (is_at(at, &zone->heap)) {
        (void)snprintf(name, bytes, "the zone's heap");
    } else if (is_at(at, &zone_mail(zone)->announced)) {
        (void)snprintf(name, bytes, "announced");
    } else if (is_at(at, &zone_mail(zone)->next)) {
        (void)snprintf(name, bytes, "the link of what came home");
    } else if (state < zone->chunk_count) {
        (void)snprintf(name, bytes, "the state of chunk %u", (unsigned)state);
    } else if (word < zone->word_count) {
        (void)snprintf(name, bytes, "home word %u", (unsigned)word);
    }
}

void kit_name(const void *memory, const void *at, char *name, size_t bytes)
{
    const struct kit *kit = memory;
    const struct arena *arena = &kit->core->arena;
    if (is_at(at, &arena->twice)) {
        (void)snprintf(name, bytes, "twice");
    }
    if (is_at(at, &arena_first_section(arena)->classes[0].full.first)) {
        (void)snprintf(name, bytes, "the list of full zones");
    }
    for (unsigned index = 0; index < KIT_HEAPS_MAX; index++) {
        const struct heap *heap = kit->heaps[index].heap;
        if (heap != NULL && is_at(at, &heap->home.first)) {
            (void)snprintf(name, bytes, "the list of heap %u", index);
        }
        if (heap != NULL && is_at(at, &heap->is_idle)) {
            (void)snprintf(name, bytes, "is_idle of heap %u", index);
        }
    }
    // The slots may be of different zones; the last one's is asked last.
    for (unsigned slot = KIT_SLOTS; slot-- != 0 && name[0] == '\0';) {
        const struct zone *zone = zone_map_find(&arena->map, kit->slots[slot]);
        if (zone->chunk_bytes != 0) {
            name_in_zone(zone, at, name, bytes);
        }
    }
}
