// SPDX-License-Identifier: MIT
#include "core/census.h"

#include "core/heap_stacks.h"

// ---- zones --------------------------------------------------------------------------------------

// What the states of a zone's chunks say.
struct tally {
    size_t live;
    size_t slack; // of those
    size_t fresh;
    size_t home;
};

static inline void tally_state(struct tally *tally, unsigned state)
{
    tally->live += state_is_live(state);
    tally->fresh += state_is_zero(state);
    tally->home += state == STATE_HOME;
}

// In two loops, of which that of the many needs nothing but the state: nearly all the time of a census is spent here.
static struct tally tally_of(const struct zone *zone)
{
    struct tally tally = {.live = 0};
    uint32_t count = zone->chunk_count;
    if (zone->kind == ZONE_SMALL) {
        for (uint32_t index = 0; index < count; index++) {
            unsigned state = zone_state(zone, index);
            tally_state(&tally, state);
            tally.slack +=
                state_is_live(state) ? zone->chunk_bytes - zone_requested(zone, index, state) : 0;
        }
        return tally;
    }
    const uint8_t *states = zone_state_at(zone, 0);
    for (uint32_t index = 0; index < count; index++) {
        unsigned state = state_read(&states[index]);
        tally_state(&tally, state);
        tally.slack += state_is_live(state) ? state - STATE_LIVE : 0;
    }
    return tally;
}

static void count_zone(struct census_class *counts, const struct zone *zone, size_t run_bytes)
{
    struct tally tally = tally_of(zone);
    counts->zone_count++;
    counts->zone_bytes += run_bytes;
    counts->tail_bytes += run_bytes - (size_t)zone->chunk_count * zone->chunk_bytes;
    counts->live_count += tally.live;
    counts->live_bytes += tally.live * zone->chunk_bytes - tally.slack;
    counts->rounding_bytes += tally.slack;
    counts->free_count += zone->chunk_count - tally.live;
    counts->fresh_count += tally.fresh;
    counts->home_count += tally.home;
}

// ---- heaps --------------------------------------------------------------------------------------

// A heap's thread may be in the middle of a call: each word is read once, as it is, and what makes no sense, because
// two of them are just being changed, counts for nothing. The race is meant, and ThreadSanitizer is not to tell of it.

// How many chunks a stack holds.
__attribute__((no_sanitize("thread"))) static size_t chunks_in(const struct heap_stack *stack)
{
    const volatile struct heap_stack *moving = stack;
    uintptr_t top = (uintptr_t)moving->top;
    uintptr_t bottom = (uintptr_t)moving->bottom;
    size_t count = (top - bottom) / sizeof(struct chunk_entry);
    return count <= UINT16_MAX ? count : 0;
}

// Memory for stacks that a heap has not used.
__attribute__((no_sanitize("thread"))) static size_t unused_in(const struct heap *heap)
{
    const volatile struct heap *moving = heap;
    return moving->memory_unused;
}

static void count_heaps(const struct arena *arena, struct census *census)
{
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        census->heap_count++;
        census->heap_bytes += heap_own_bytes(heap);
        census->untouched_bytes += arena->config.is_dirty ? 0 : unused_in(heap);
        for (unsigned size_class = 0; size_class < arena->class_count; size_class++) {
            census->classes[size_class].stack_count += chunks_in(&heap->stacks[size_class]);
        }
    }
    for (unsigned size_class = 0; size_class < arena->class_count; size_class++) {
        struct census_class *counts = &census->classes[size_class];
        size_t most = counts->free_count - counts->home_count;
        counts->stack_count = counts->stack_count < most ? counts->stack_count : most;
    }
}

// ---- runs and mappings --------------------------------------------------------------------------

static void count_large(struct census_large *counts, size_t requested, size_t bytes)
{
    counts->count++;
    counts->live_bytes += requested;
    counts->rounding_bytes += bytes - requested;
}

static void count_free(const struct run_table *runs, uint32_t first, uint32_t unit_shift,
                       size_t bytes, struct census *census)
{
    size_t dirty_bytes = (size_t)run_dirt(runs, first).count << unit_shift;
    census->bytes[CENSUS_DIRTY] += dirty_bytes;
    census->bytes[CENSUS_CLEAN] += bytes - dirty_bytes;
    census->untouched_bytes += bytes - dirty_bytes;
    census->free_run_count++;
}

static void count_run(const struct arena *arena, const struct section *section, uint32_t first,
                      struct census *census)
{
    const struct unit *unit = run_unit(section_runs(section), first);
    size_t bytes = (size_t)unit->length << section->unit_shift;
    switch ((enum run_kind)unit->kind) {
    case RUN_ZONE: {
        const struct zone *zone = zone_map_find(&arena->map, section_unit_at(section, first));
        count_zone(&census->classes[zone->size_class], zone, bytes);
        return;
    }
    case RUN_LARGE:
        if (run_is_in_hand(unit)) {
            census->bytes[CENSUS_HANDS] += bytes;
            census->hand_count++;
        } else {
            count_large(&census->runs, run_note(unit), bytes);
        }
        return;
    case RUN_FREE:
        count_free(section_runs(section), first, section->unit_shift, bytes, census);
        return;
    case RUN_LEAVING: census->bytes[CENSUS_LEAVING] += bytes; return;
    case RUN_META:
        census->bytes[CENSUS_METADATA] += bytes;
        census->leaf_bytes += bytes; // and heaps, which are told apart later
        return;
    case RUN_RECORDS:
    case RUN_INSIDE: // no run begins with one
    default: census->bytes[CENSUS_METADATA] += bytes; return;
    }
}

static void count_section(const struct arena *arena, const struct section *section,
                          struct census *census)
{
    const struct run_table *runs = section_runs(section);
    for (uint32_t first = 0; first < runs->fresh; first += run_unit(runs, first)->length) {
        count_run(arena, section, first, census);
    }
    // What a region may hold at first is not known to be zero, and was written where the arena needs that.
    if (!arena->config.is_dirty) {
        census->untouched_bytes += (size_t)(runs->committed - runs->fresh) << section->unit_shift;
        census->untouched_bytes += (size_t)(runs->unit_count - runs->fresh) * sizeof(struct unit);
        bool in_area = section->record_end <= section->area_committed;
        census->untouched_bytes += in_area ? section->record_end - section->record_next : 0;
    }
    size_t committed = section_committed_bytes(section);
    census->bytes[CENSUS_METADATA] += committed - ((size_t)runs->committed << section->unit_shift);
    census->bytes[CENSUS_VIRGIN] += (size_t)(runs->committed - runs->fresh) << section->unit_shift;
    census->section_bytes += committed;
    // What was cut off the area for records is a hole that is nobody's.
    size_t hole = section->units - section->area_end;
    census->reserved_bytes += section->end - hole - committed;
    census->section_count++;
}

static void count_mappings(const struct arena *arena, struct census *census)
{
    for (const struct zone *zone = offset_to(arena, arena->mappings); zone != NULL;
         zone = offset_to(arena, zone->next)) {
        count_large(&census->mappings, zone->requested, zone->mapped);
        census->committed_bytes += zone->mapped;
    }
    for (const struct zone *zone = offset_to(arena, arena->departing); zone != NULL;
         zone = offset_to(arena, zone->next)) {
        census->bytes[CENSUS_LEAVING] += zone->mapped;
        census->committed_bytes += zone->mapped;
    }
}

// ---- all ----------------------------------------------------------------------------------------

static void add_large(struct census *census, const struct census_large *counts)
{
    census->bytes[CENSUS_LIVE] += counts->live_bytes;
    census->bytes[CENSUS_ROUNDING] += counts->rounding_bytes;
}

static void add_class(struct census *census, unsigned size_class)
{
    const struct census_class *counts = &census->classes[size_class];
    size_t each = size_class_bytes(size_class);
    size_t elsewhere = counts->home_count + counts->stack_count;
    census->bytes[CENSUS_LIVE] += counts->live_bytes;
    census->bytes[CENSUS_ROUNDING] += counts->rounding_bytes + counts->tail_bytes;
    census->bytes[CENSUS_ZONES] += (counts->free_count - elsewhere) * each;
    census->bytes[CENSUS_STACKS] += counts->stack_count * each;
    census->bytes[CENSUS_HOME] += counts->home_count * each;
    census->untouched_bytes += counts->fresh_count * each;
}

// What of the tables below a wide map can be read alone.
static size_t resting_bytes(const struct arena *arena)
{
    return arena->map.wide ? ((const struct zone_map_wide *)&arena->map - 1)->resting_bytes : 0;
}

// Of a wide map a word is written for each leaf, and two for each unit that was ever used: in its leaf, and in `near`, if
// that does not rest.
static void count_map(const struct arena *arena, struct census *census, size_t used_units)
{
    census->leaf_bytes -= census->heap_bytes;
    if (arena->map.wide) {
        size_t leaves = census->leaf_bytes / (ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t));
        size_t tables = sizeof(struct zone_map_wide) - resting_bytes(arena);
        size_t near = used_units * sizeof(uintptr_t);
        near = near < tables ? near : tables;
        census->untouched_bytes +=
            tables - near + census->leaf_bytes - (used_units + leaves) * sizeof(uintptr_t);
    }
}

void census_take(const struct arena *arena, struct census *census)
{
    *census = (struct census){.section_count = 0};
    // The arena itself lies in no section.
    size_t own = sizeof(*arena) + (arena->map.wide ? sizeof(struct zone_map_wide) : 0);
    own -= resting_bytes(arena);
    census->bytes[CENSUS_METADATA] = own;
    census->section_bytes = own;
    census->section_bytes_max = own + arena->section_bytes_max;
    census->committed_bytes_max = own + arena->committed_bytes_max;
    size_t used_units = 0;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        count_section(arena, section, census);
        used_units += section_runs(section)->fresh;
    }
    census->committed_bytes = census->section_bytes;
    count_mappings(arena, census);
    count_heaps(arena, census);
    count_map(arena, census, used_units + census->mappings.count);
    for (unsigned size_class = 0; size_class < arena->class_count; size_class++) {
        add_class(census, size_class);
    }
    add_large(census, &census->runs);
    add_large(census, &census->mappings);
}

bool census_is_whole(const struct census *census)
{
    size_t sum = 0;
    for (unsigned part = 0; part < CENSUS_PART_COUNT; part++) {
        sum += census->bytes[part];
    }
    return sum == census->committed_bytes;
}
