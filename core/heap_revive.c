// SPDX-License-Identifier: MIT
// Heaps that were left behind, wherever their threads were: by those that a forked child has not got, by a process that
// has died. The runs, the map and the states of chunks are true at any moment; all else is made anew from them.
#include "core/check.h"
#include "core/heap_hand.h"
#include "core/heap_life.h"
#include "core/heap_zones.h"
#include "core/zone_home.h"

// ---- sections -----------------------------------------------------------------------------------

// Records that nobody uses are in no list, and no chunk of theirs is on its way.
static void forget_records(struct section *section, unsigned size_class)
{
    struct section_class *records = &section->classes[size_class];
    records->full = (struct home_list){.rest = 0};
    for (struct zone *zone = offset_to(section, records->records); zone != NULL;
         zone = offset_to(section, zone->next)) {
        atomic_store_explicit(&zone_mail(zone)->announced, 0, memory_order_relaxed);
        (void)zone_drain_dead(zone);
    }
}

// Ranges that somebody was about to purge: whether he has done it is not known.
static void keep_leaving(struct arena *arena, struct section *section)
{
    struct run_table *runs = section_runs(section);
    uint32_t unit = 0;
    while (unit < runs->fresh) {
        if (run_unit(runs, unit)->kind == RUN_LEAVING) {
            arena->leaving_count--;
            run_give(runs, unit, false);
            unit = 0; // it may have merged with what is below
        } else {
            unit += run_unit(runs, unit)->length;
        }
    }
}

// ---- zones --------------------------------------------------------------------------------------

// A zone goes to the heap that had it last, with all its chunks that are not live.
static void revive_zone(struct arena *arena, struct zone *zone)
{
    struct heap *heap = offset_to(arena, atomic_load_explicit(&zone->heap, memory_order_relaxed));
    uintptr_t place = (uintptr_t)&heap->stacks[zone->size_class] - (uintptr_t)heap;
    atomic_store_explicit(&zone->owner, heap->owner | (uint32_t)place, memory_order_relaxed);
    atomic_store_explicit(&zone_mail(zone)->announced, 0, memory_order_relaxed);
    zone->fill = ZONE_UNLISTED;
    zone_rebuild(zone);
    heap_relist(heap, zone);
}

static void revive_section(struct arena *arena, struct section *section)
{
    for (unsigned size_class = 0; size_class < arena->class_count; size_class++) {
        forget_records(section, size_class);
    }
    keep_leaving(arena, section);
    heap_hand_drop_lost(arena, section);
    struct run_table *runs = section_runs(section);
    for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
        if (run_unit(runs, unit)->kind == RUN_ZONE) {
            revive_zone(arena, zone_map_find(&arena->map, section_unit_at(section, unit)));
        }
    }
}

// ---- all ----------------------------------------------------------------------------------------

void heap_revive(struct arena *arena, struct heap *survivor)
{
    arena->home_idle = (struct home_list){.rest = 0};
    arena->idle_heaps = 0;
    for (struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        heap_begin(heap);
        if (heap != survivor && offset_of(arena, heap) != arena->common) {
            heap_make_idle(arena, heap);
        }
    }
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        revive_section(arena, section);
    }
    // No heap keeps what is empty.
    heap_trim_idle(arena);
    if (survivor != NULL) {
        heap_unlist_empty(survivor, 0);
        while (heap_give_empty(survivor)) {
        }
    }
}
