// SPDX-License-Identifier: MIT
#include "core/large.h"

#include "core/check.h"

#include <string.h>

enum {
    LARGE_WASTE_SHARE = 16, // of a chunk: more than that unused is much
};

// What a departing mapping's record holds in place of the requested bytes.
#define DEPARTURE_UNDER_WAY ((size_t)0)
#define DEPARTURE_REFUSED ((size_t)1)

static bool wants_mapping(const struct arena *arena, size_t bytes, size_t align)
{
    return bytes > arena->config.run_bytes_max || align > arena->config.run_bytes_max;
}

bool large_wastes_unit(const struct arena *arena, size_t bytes)
{
    size_t unit = arena_unit_bytes(arena);
    size_t paged = bits_align_up(bytes, arena->config.page_bytes);
    return bits_align_up(bytes, unit) - paged > bytes / LARGE_WASTE_SHARE;
}

struct need large_need_for_mapping(const struct arena *arena, size_t bytes, size_t align)
{
    size_t page = arena->config.page_bytes;
    size_t mapped = bits_align_up(bytes == 0 ? 1 : bytes, page);
    if (bytes > PTRDIFF_MAX - page || align > PTRDIFF_MAX - bytes - page ||
        !arena_allows(arena, mapped)) {
        return (struct need){.kind = NEED_NOTHING};
    }
    return (struct need){
        .kind = NEED_MAPPING,
        .bytes = mapped,
        // At a unit of its own, so that the map leads to it and to nothing else.
        .align = align > arena->config.unit_bytes ? align : arena->config.unit_bytes,
    };
}

// A departing mapping that the system refused to take, and that fits: it is used again.
static struct zone *refused_mapping(struct arena *arena, const struct need *need)
{
    uintptr_t *link = &arena->departing;
    for (struct zone *zone = offset_to(arena, *link); zone != NULL;
         zone = offset_to(arena, *link)) {
        uintptr_t base = (uintptr_t)zone_base(zone);
        if (zone->requested == DEPARTURE_REFUSED && zone->mapped >= need->bytes &&
            zone->mapped / 2 <= need->bytes && base % need->align == 0 &&
            arena_allows(arena, zone->mapped)) {
            *link = zone->next;
            return zone;
        }
        link = &zone->next;
    }
    return NULL;
}

// Puts a record in its place in the list by address, and in the map.
static void enter_mapping(struct arena *arena, struct zone *zone, size_t bytes)
{
    zone->requested = bytes;
    uintptr_t *link = &arena->mappings;
    struct zone *next = offset_to(arena, *link);
    while (next != NULL && (uintptr_t)zone_base(next) < (uintptr_t)zone_base(zone)) {
        link = &next->next;
        next = offset_to(arena, *link);
    }
    zone->next = *link;
    *link = offset_of(arena, zone);
    zone_map_set(&arena->map, zone_base(zone), 1, zone);
    arena->mapping_count++;
    arena->mapping_bytes += zone->mapped;
}

struct grant large_take_free(struct arena *arena, size_t bytes)
{
    size_t units = bytes == 0 ? 1 : ((bytes - 1) >> arena->unit_shift) + 1;
    bool may = units <= RUN_UNITS_MAX && arena_allows(arena, units << arena->unit_shift);
    for (struct section *section = arena_first_section(arena); section != NULL && may;
         section = arena_next_section(arena, section)) {
        bool clean;
        uint32_t first =
            run_take_large(section_runs(section), (uint32_t)units, (uint32_t)bytes, &clean);
        if (first != RUN_NONE) {
            void *base = section_unit_at(section, first);
            zone_map_set_large(&arena->map, base, section, true);
            arena_count_used(arena, units);
            arena->large_count++;
            return (struct grant){.ptr = base, .is_zero = clean};
        }
    }
    return (struct grant){.ptr = NULL};
}

struct grant large_take(struct arena *arena, size_t bytes, size_t align, struct need *need)
{
    if (wants_mapping(arena, bytes, align)) {
        *need = large_need_for_mapping(arena, bytes, align);
        struct zone *zone = need->kind == NEED_MAPPING ? refused_mapping(arena, need) : NULL;
        if (zone == NULL) {
            return (struct grant){.ptr = NULL};
        }
        enter_mapping(arena, zone, bytes);
        return (struct grant){.ptr = zone_base(zone), .is_zero = false};
    }
    struct run run = arena_take_run(arena, bytes == 0 ? 1 : bytes, align, need);
    if (run.section == NULL) {
        return (struct grant){.ptr = NULL};
    }
    run_mark(section_runs(run.section), run.first, RUN_LARGE, (uint32_t)bytes);
    void *base = section_unit_at(run.section, run.first);
    zone_map_set_large(&arena->map, base, run.section, true);
    arena->large_count++;
    return (struct grant){.ptr = base, .is_zero = run.clean};
}

void *large_adopt(struct arena *arena, struct range mapping, size_t bytes, struct need *need)
{
    uintptr_t unit = mapping.base & ~(((uintptr_t)1 << arena->unit_shift) - 1);
    *need = (struct need){.kind = NEED_NOTHING};
    if (zone_map_leaf_missing(&arena->map, unit, 1) != 0) {
        size_t leaf_bytes = ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t);
        struct run run = arena_take_meta(arena, leaf_bytes, need);
        if (run.section == NULL) {
            return NULL;
        }
        zone_map_add_leaf(&arena->map, unit, section_unit_at(run.section, run.first));
    }
    bool recycled = false;
    struct zone *zone = arena_take_record(arena, NULL, SECTION_RECORD_MAPPED, &recycled, need);
    if (zone == NULL) {
        return NULL;
    }
    zone->base = mapping.base - (uintptr_t)zone;
    zone->kind = ZONE_MAPPED;
    zone->mapped = mapping.bytes;
    enter_mapping(arena, zone, bytes);
    arena_note_committed(arena);
    return (void *)mapping.base;
}

// Takes a record out of the list that it is in.
static void unlink_record(struct arena *arena, uintptr_t *link, const struct zone *zone)
{
    while (offset_to(arena, *link) != zone) {
        CHECK(*link != 0);
        link = &((struct zone *)offset_to(arena, *link))->next;
    }
    *link = zone->next;
}

static void send_mapping_away(struct arena *arena, struct zone *zone)
{
    // Another mapping may have begun in the same unit since.
    if (zone_map_find(&arena->map, zone_base(zone)) == zone) {
        zone_map_set(&arena->map, zone_base(zone), 1, NULL);
    }
    unlink_record(arena, &arena->mappings, zone);
    arena->mapping_count--;
    arena->mapping_bytes -= zone->mapped;
    uintptr_t base = (uintptr_t)zone_base(zone);
    atomic_store_explicit(&arena->gone[arena->gone_count++ % ARENA_GONE_COUNT], base,
                          memory_order_relaxed);
    zone->requested = DEPARTURE_UNDER_WAY;
    zone->next = arena->departing;
    arena->departing = offset_of(arena, zone);
}

void large_unmapped(struct arena *arena, const struct leaving *leaving, bool done)
{
    CHECK(leaving->kind == LEAVING_UNMAP);
    struct zone *zone = offset_to(arena, leaving->record);
    if (!done) {
        zone->requested = DEPARTURE_REFUSED;
        return;
    }
    unlink_record(arena, &arena->departing, zone);
    section_give_record(offset_to(arena, zone->section), zone, SECTION_RECORD_MAPPED);
}

void large_give(struct arena *arena, const struct chunk *chunk, struct leaving *leaving)
{
    if (chunk->zone->kind == ZONE_MAPPED) {
        *leaving = (struct leaving){
            .kind = LEAVING_UNMAP,
            .range = {.base = (uintptr_t)chunk->base, .bytes = chunk->capacity},
            .record = offset_of(arena, chunk->zone),
        };
        send_mapping_away(arena, chunk->zone);
        return;
    }
    struct section *section = (struct section *)chunk->zone;
    zone_map_set_large(&arena->map, chunk->base, section, false);
    arena->large_count--;
    arena_give_run(arena, section, section_unit_of(section, chunk->base));
}

// Makes a run longer where it is: with room for the next time if there is that much, else just so.
static bool grow_run(struct arena *arena, struct run_table *runs, uint32_t first, uint32_t count)
{
    uint32_t old_count = run_unit(runs, first)->length;
    uint64_t most = (uint64_t)CHUNK_ROOM_BYTES >> arena->unit_shift;
    uint64_t room = count / 2 < most ? count / 2 : most;
    bool clean = false;
    size_t more = count - old_count;
    uint32_t fresh = runs->fresh;
    bool has_room = count + room <= runs->unit_count &&
                    arena_allows(arena, (more + (size_t)room) << arena->unit_shift);
    if (!(has_room && run_grow(runs, first, count + (uint32_t)room, &clean)) &&
        !(arena_allows(arena, more << arena->unit_shift) && run_grow(runs, first, count, &clean))) {
        return false;
    }
    arena_count_used(arena, run_unit(runs, first)->length - old_count);
    if (runs->fresh != fresh) {
        arena_note_growth(arena, runs->fresh - fresh);
    }
    return true;
}

static bool resize_run(struct arena *arena, const struct chunk *chunk, size_t bytes,
                       struct need *need)
{
    struct section *section = (struct section *)chunk->zone;
    struct run_table *runs = section_runs(section);
    uint32_t first = section_unit_of(section, chunk->base);
    uint32_t old_count = run_unit(runs, first)->length;
    uint64_t count = bits_divide_up(bytes == 0 ? 1 : bytes, arena_unit_bytes(arena));
    uint8_t *state = &run_unit(runs, first)->state;
    // Claimed, so that nobody frees it meanwhile.
    if (count > runs->unit_count || !state_claim(state)) {
        return false;
    }
    if (count > old_count && !grow_run(arena, runs, first, (uint32_t)count)) {
        size_t more_bytes = ((size_t)count - old_count) << arena->unit_shift;
        uint32_t least = run_commitment_to_grow(runs, first, (uint32_t)count);
        if (least != RUN_NONE && arena_allows(arena, more_bytes)) {
            *need = arena_need_units(arena, section, least);
        }
        state_write(state, STATE_LIVE);
        return false;
    }
    if (count < old_count) {
        run_shrink(runs, first, (uint32_t)count);
        arena_count_unused(arena, old_count - (uint32_t)count);
    }
    run_set_note(run_unit(runs, first), (uint32_t)bytes);
    if (count == old_count) {
        // Else its entry was written anew, by which it is live, and by now perhaps freed by somebody.
        state_write(state, STATE_LIVE);
    }
    return true;
}

bool large_resize(struct arena *arena, const struct chunk *chunk, size_t bytes, struct need *need)
{
    *need = (struct need){.kind = NEED_NOTHING};
    if (chunk->zone->kind != ZONE_MAPPED) {
        return resize_run(arena, chunk, bytes, need);
    }
    if (bytes > chunk->capacity) {
        return false;
    }
    chunk->zone->requested = bytes;
    return true;
}

struct range large_surplus(const struct arena *arena, const struct chunk *chunk)
{
    const struct zone *zone = chunk->zone;
    if (zone->kind != ZONE_MAPPED || zone->requested >= zone->mapped / 2) {
        return (struct range){.bytes = 0};
    }
    size_t requested = zone->requested == 0 ? 1 : zone->requested;
    size_t wanted = bits_align_up(requested, arena->config.page_bytes);
    return (struct range){
        .base = (uintptr_t)chunk->base + wanted,
        .bytes = zone->mapped - wanted,
    };
}

void large_cut(struct arena *arena, const struct chunk *chunk, size_t surplus_bytes)
{
    CHECK(surplus_bytes < chunk->zone->mapped);
    chunk->zone->mapped -= surplus_bytes;
    arena->mapping_bytes -= surplus_bytes;
}
