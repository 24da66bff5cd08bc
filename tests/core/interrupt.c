// SPDX-License-Identifier: MIT
#include "tests/core/interrupt.h"

#include "core/heap_stacks.h"
#include "tests/core/test.h"

static void scribble(struct random *random, void *ptr, size_t bytes)
{
    unsigned char *to = ptr;
    for (size_t at = 0; at < bytes; at++) {
        to[at] = (unsigned char)random_next(random);
    }
}

static uintptr_t any_word(struct random *random)
{
    return (uintptr_t)random_next(random);
}

// ---- heaps --------------------------------------------------------------------------------------

static void interrupt_heap(struct heap *heap, struct random *random)
{
    heap->empties = any_word(random);
    heap->home.first = any_word(random);
    heap->home.rest = any_word(random);
    heap->parcels_open = any_word(random);
    heap->budget = any_word(random);
    heap->memory_unused = any_word(random);
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        uint16_t served = heap->stacks[size_class].served; // written under the lock
        scribble(random, &heap->stacks[size_class], sizeof(heap->stacks[size_class]));
        heap->stacks[size_class].served = served;
    }
    struct heap_swing *swing = heap_swing(heap);
    struct heap_swing kept = {.memory_bytes = 0};
    if (swing != NULL) {
        kept = *swing; // of which two words are written under the lock
    }
    scribble(random, offset_to(heap, heap->lists), heap->memory_end - heap->lists);
    if (swing != NULL) {
        swing->memory = kept.memory;
        swing->memory_bytes = kept.memory_bytes;
    }
}

void interrupt_heaps(struct arena *arena, struct random *random)
{
    for (struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        interrupt_heap(heap, random);
    }
    arena->home_idle.first = any_word(random);
    arena->home_idle.rest = any_word(random);
}

// ---- zones and records --------------------------------------------------------------------------

static void interrupt_record(struct zone *zone, struct random *random)
{
    zone_mail(zone)->announced = random_below(random, 2);
    zone_mail(zone)->next = random_chance(random, 30) ? HOME_PENDING : any_word(random);
    for (uint32_t word = 0; word < zone->word_count; word++) {
        *zone_home_word(zone, word) = any_word(random);
    }
}

// A heap of the arena: zones change their owners.
static struct heap *any_heap(const struct arena *arena, struct random *random)
{
    struct heap *heap = offset_to(arena, arena->heaps);
    for (uint32_t skip = random_below(random, arena->heap_count); skip != 0; skip--) {
        heap = offset_to(arena, heap->next_heap);
    }
    return heap;
}

static void interrupt_zone(const struct arena *arena, struct zone *zone, struct random *random)
{
    interrupt_record(zone, random);
    // Between the two stores of a change of hands, the owner is another one.
    const struct heap *owner = any_heap(arena, random);
    zone->heap = offset_of(arena, any_heap(arena, random));
    zone->owner = random_chance(random, 50)
                      ? ZONE_OWNER_FULL
                      : owner->owner | (uint32_t)((uintptr_t)&owner->stacks[zone->size_class] -
                                                  (uintptr_t)owner);
    zone->free_count = (uint32_t)any_word(random);
    zone->hint = (uint32_t)any_word(random);
    zone->fill = (uint32_t)any_word(random);
    zone->next = any_word(random);
    zone->previous = any_word(random);
    scribble(random, (uintptr_t *)zone - zone->word_count, zone->word_count * sizeof(uintptr_t));
    for (uint32_t index = 0; index < zone->fresh_index; index++) {
        unsigned state = zone_state(zone, index);
        if (state == STATE_FREED || state == STATE_HOME) {
            zone_set_state(zone, index, random_chance(random, 50) ? STATE_FREED : STATE_HOME);
        }
    }
}

static void interrupt_section(struct arena *arena, struct section *section, struct random *random)
{
    const struct run_table *runs = section_runs(section);
    for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
        if (run_unit(runs, unit)->kind == RUN_ZONE) {
            struct zone *zone = zone_map_find(&arena->map, section_unit_at(section, unit));
            interrupt_zone(arena, zone, random);
        }
    }
    for (unsigned size_class = 0; size_class < arena->class_count; size_class++) {
        struct section_class *records = &section->classes[size_class];
        records->full.first = any_word(random);
        records->full.rest = any_word(random);
        for (struct zone *zone = offset_to(section, records->records); zone != NULL;
             zone = offset_to(section, zone->next)) {
            interrupt_record(zone, random);
        }
    }
}

void interrupt_zones(struct arena *arena, struct random *random)
{
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        interrupt_section(arena, section, random);
    }
}

// ---- runs ---------------------------------------------------------------------------------------

size_t interrupt_purges(struct arena *arena, struct random *random)
{
    size_t count = 0;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        struct run_table *runs = section_runs(section);
        for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
            if (run_unit(runs, unit)->kind == RUN_FREE && random_chance(random, 60)) {
                run_leave(runs, unit, unit, run_unit(runs, unit)->length);
                arena->leaving_count++;
                count++;
            }
        }
    }
    return count;
}
