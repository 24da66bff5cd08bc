// SPDX-License-Identifier: MIT
// What ft_core tells of an arena without changing it.
#include "core/census.h"
#include "core/ft_core_state.h"
#include "core/heap.h"
#include "core/show.h"
#include "core/walk.h"

#include <string.h>

static enum ft_core_status status_of(enum chunk_status status)
{
    switch (status) {
    case CHUNK_FOREIGN: return FT_CORE_NOT_OURS;
    case CHUNK_NEVER:
    case CHUNK_UNUSED: return FT_CORE_UNUSED;
    case CHUNK_LIVE: return FT_CORE_LIVE;
    case CHUNK_FRESH:
    case CHUNK_FREED:
    case CHUNK_HOME:
    default: return FT_CORE_FREE;
    }
}

FT_CORE_PUBLIC struct ft_core_place ft_core_locate(const struct ft_core *core, const void *ptr)
{
    struct chunk chunk = chunk_locate(&core->arena, ptr);
    return (struct ft_core_place){
        .status = status_of(chunk.status),
        .base = chunk.base,
        .bytes = chunk.requested,
        .capacity = chunk.capacity,
    };
}

// ---- walks --------------------------------------------------------------------------------------

// A walk, and the state of the arena that it knows.
struct marked_walk {
    struct walk walk;
    size_t change_count;
};

_Static_assert(sizeof(struct ft_core_walk) >= sizeof(struct marked_walk),
               "it fits the caller's memory");

static struct walk_step step(const struct arena *arena, struct ft_core_walk *cursor)
{
    struct marked_walk marked;
    memcpy(&marked, cursor, sizeof(marked));
    if (marked.change_count != arena->change_count) {
        walk_resume(&marked.walk);
        marked.change_count = arena->change_count;
    }
    struct walk_step next = walk_next(arena, &marked.walk);
    memcpy(cursor, &marked, sizeof(marked));
    return next;
}

static enum ft_core_kind kind_of(enum zone_kind kind)
{
    switch (kind) {
    case ZONE_TINY: return FT_CORE_TINY;
    case ZONE_SMALL: return FT_CORE_SMALL;
    default: return FT_CORE_LARGE;
    }
}

FT_CORE_PUBLIC bool ft_core_next(struct ft_core_heap *heap, struct ft_core_walk *walk,
                                 struct ft_core_item *item)
{
    ft_core_lock(heap);
    struct walk_step next = step(&heap->core->arena, walk);
    ft_core_unlock(heap);
    *item = (struct ft_core_item){
        .is_zone = next.what == WALK_ZONE,
        .kind = kind_of(next.kind),
        .base = next.base,
        .bytes = next.bytes,
    };
    return next.what != WALK_END;
}

FT_CORE_PUBLIC void ft_core_report(struct ft_core_heap *heap,
                                   void (*write)(void *context, const char *text, size_t bytes),
                                   void *context)
{
    struct ft_core_walk walk = {.cursor = {0}};
    struct show show = {.total = 0};
    char line[SHOW_LINE_BYTES];
    struct text text = {.bytes = line, .room = sizeof(line)};
    struct walk_step next;
    do {
        ft_core_lock(heap);
        next = step(&heap->core->arena, &walk);
        ft_core_unlock(heap);
        show_step(&show, &text, &next);
        write(context, text.bytes, text.length);
        text.length = 0;
    } while (next.what != WALK_END);
}

// ---- figures ------------------------------------------------------------------------------------

FT_CORE_PUBLIC struct ft_core_figures ft_core_figures(const struct ft_core *core)
{
    const struct arena *arena = &core->arena;
    size_t regions = sizeof(*core);
    uint32_t longest = 0;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        uint32_t free_run = run_longest_free(section_runs(section));
        uint32_t at_end = run_frontier(section_runs(section));
        regions += section->end;
        longest = free_run > longest ? free_run : longest;
        longest = at_end > longest ? at_end : longest;
    }
    size_t chunks = (arena->unit_count - arena->meta_unit_count) << arena->unit_shift;
    return (struct ft_core_figures){
        .region_bytes = regions,
        .metadata_bytes = regions - chunks,
        .used_bytes = (arena->used_unit_count - arena->meta_unit_count) << arena->unit_shift,
        .free_bytes = (arena->unit_count - arena->used_unit_count) << arena->unit_shift,
        .free_bytes_min = (arena->unit_count - arena->used_unit_max) << arena->unit_shift,
        .longest_bytes = (size_t)longest << arena->unit_shift,
        .zone_count = arena->zone_count,
        .large_count = arena->large_count,
        .heap_count = arena->heap_count,
        .failure_count = arena->failure_count,
    };
}

FT_CORE_PUBLIC struct ft_core_census ft_core_census(const struct ft_core *core)
{
    struct census census;
    census_take(&core->arena, &census);
    const size_t *bytes = census.bytes;
    struct ft_core_census told = {
        .live_bytes = bytes[CENSUS_LIVE],
        .rounding_bytes = bytes[CENSUS_ROUNDING],
        .zone_bytes = bytes[CENSUS_ZONES],
        .stack_bytes = bytes[CENSUS_STACKS],
        .home_bytes = bytes[CENSUS_HOME],
        .free_bytes = bytes[CENSUS_DIRTY] + bytes[CENSUS_CLEAN] + bytes[CENSUS_VIRGIN],
        .metadata_bytes = bytes[CENSUS_METADATA] + sizeof(*core) - sizeof(core->arena),
        .live_count = census.runs.count,
    };
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        told.live_count += census.classes[size_class].live_count;
        told.free_count += census.classes[size_class].free_count;
    }
    return told;
}

FT_CORE_PUBLIC bool ft_core_check(const struct ft_core *core)
{
    const struct arena *arena = &core->arena;
    bool is_valid = core->magic == FT_CORE_MAGIC && arena_is_valid(arena);
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL && is_valid;
         heap = offset_to(arena, heap->next_heap)) {
        is_valid = heap_is_valid(heap);
    }
    return is_valid;
}
