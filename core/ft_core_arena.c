// SPDX-License-Identifier: MIT
// The arenas of ft_core, narrow ones, all of whose memory is committed: their regions and their heaps.
#include "core/check.h"
#include "core/ft_core_state.h"
#include "core/heap.h"
#include "core/poison.h"

#include <string.h>

// ---- arenas -------------------------------------------------------------------------------------

enum {
    FREE_PER_ZONE = 64,
    STACK_BYTES = 128 << 10, // more makes the longest call longer, and few others shorter
    STACK_BYTES_MAX = 1 << 20,
};

static size_t least_of(size_t one, size_t other)
{
    return one < other ? one : other;
}

// Whether a region cut into such units has more than one section holds.
static bool is_too_many(size_t region_bytes, size_t unit)
{
    size_t with_metadata = unit + unit / SECTION_RECORD_SHARE + sizeof(struct unit);
    return region_bytes / with_metadata >= RUN_UNITS_MAX;
}

// An eighth of the region's square root, and not below a cache line: small regions have little metadata, large
// ones little rounding. If it can be, the region is one section.
static size_t unit_bytes_for(size_t region_bytes)
{
    size_t unit = 64;
    while (unit < ARENA_UNIT_BYTES_MAX &&
           (unit * unit * 64 < region_bytes || is_too_many(region_bytes, unit))) {
        unit *= 2;
    }
    return unit;
}

static struct arena_config config_for(size_t region_bytes, const struct ft_core_options *options)
{
    size_t unit = options->unit_bytes != 0 ? options->unit_bytes : unit_bytes_for(region_bytes);
    size_t zone = options->zone_bytes_max != 0 ? options->zone_bytes_max
                                               : least_of(region_bytes / 32, 256 * unit);
    size_t stack = least_of(region_bytes / 64, STACK_BYTES);
    if (options->stack_bytes_max != 0) {
        stack = least_of(options->stack_bytes_max, least_of(region_bytes / 8, STACK_BYTES_MAX));
    }
    return (struct arena_config){
        .page_bytes = unit,
        .unit_bytes = unit,
        .run_bytes_max = SIZE_MAX,
        .dirty_bytes_max = SIZE_MAX,
        .zone_bytes_max = zone,
        .free_per_zone = FREE_PER_ZONE,
        .stack_bytes_max = stack,
        .is_dirty = !options->is_zero,
    };
}

// Makes a region one section, or several if it is longer than one can be. Returns how much of it they take.
static size_t add_sections(struct arena *arena, uintptr_t base, size_t bytes)
{
    size_t added = 0;
    struct section *last = NULL;
    while (arena_add_section(arena, base + added, bytes - added, NULL)) {
        uintptr_t start = bits_align_up(base + added, _Alignof(struct section));
        struct section *section = (struct section *)start;
        poison_lay(section_unit_at(section, 0), section->end - section->units);
        if (last != NULL) {
            last->is_continued = true;
        }
        last = section;
        added = start + section->end - base;
    }
    return added;
}

static bool is_sensible(const struct ft_core_options *options)
{
    size_t unit = options->unit_bytes;
    return unit == 0 || (bits_is_power_of_two(unit) && unit >= ARENA_UNIT_BYTES_MIN &&
                         unit <= ARENA_UNIT_BYTES_MAX);
}

enum { LEAST_CHUNK_BYTES = 256 }; // what the smallest region can hold beside a heap

FT_CORE_PUBLIC size_t ft_core_bytes_min(void)
{
    // No class is served as zones there, so that neither a section nor a heap has lists.
    size_t unit = unit_bytes_for(0);
    size_t heap = offsetof(struct heap, stacks) + unit;
    size_t count = bits_divide_up(heap, unit) + LEAST_CHUNK_BYTES / unit;
    size_t section = offsetof(struct section, classes) + run_table_bytes((uint32_t)count);
    // Wherever it begins: the header, the section, its records and its units are each aligned.
    return sizeof(struct ft_core) + section + count * unit + 4 * (unit - 1);
}

FT_CORE_PUBLIC struct ft_core *ft_core_create(void *region, size_t bytes,
                                              const struct ft_core_options *options)
{
    static const struct ft_core_options defaults;
    options = options != NULL ? options : &defaults;
    uintptr_t base = bits_align_up((uintptr_t)region, _Alignof(struct ft_core));
    size_t before = base - (uintptr_t)region;
    if (bytes > PTRDIFF_MAX || bytes < before + sizeof(struct ft_core) || !is_sensible(options)) {
        return NULL;
    }
    struct ft_core *core = (struct ft_core *)base;
    poison_lift(region, bytes);
    memset(core, 0, sizeof(*core));
    const struct arena_config config = config_for(bytes, options);
    arena_init(&core->arena, &config);
    if (add_sections(&core->arena, base + sizeof(*core), bytes - before - sizeof(*core)) == 0) {
        return NULL;
    }
    // Heaps stay out of regions that come and go.
    core->arena.first = offset_of(&core->arena, core + 1);
    core->magic = FT_CORE_MAGIC;
    core->address = base;
    return core;
}

FT_CORE_PUBLIC struct ft_core *ft_core_attach(void *region)
{
    uintptr_t base = bits_align_up((uintptr_t)region, _Alignof(struct ft_core));
    struct ft_core *core = (struct ft_core *)base;
    if (core->magic != FT_CORE_MAGIC) {
        return NULL;
    }
    uintptr_t distance = base - core->address;
    return (distance & (arena_unit_bytes(&core->arena) - 1)) == 0 ? core : NULL;
}

FT_CORE_PUBLIC void ft_core_revive(struct ft_core *core)
{
    heap_revive(&core->arena, NULL);
}

FT_CORE_PUBLIC void ft_core_reset(struct ft_core *core)
{
    struct arena_config config = core->arena.config;
    config.is_dirty = true; // whatever it was when it was new
    struct section *section = arena_first_section(&core->arena);
    size_t change_count =
        core->arena.change_count + 1; // a walk must not take the new runs for the old
    memset(&core->arena, 0, sizeof(core->arena));
    arena_init(&core->arena, &config);
    while (section != NULL) {
        struct section *next = arena_next_section(&core->arena, section);
        bool is_continued = section->is_continued;
        CHECK(arena_add_section(&core->arena, (uintptr_t)section, section->end, NULL));
        section->is_continued = is_continued;
        poison_lay(section_unit_at(section, 0), section->end - section->units);
        section = next;
    }
    core->arena.first = offset_of(&core->arena, core + 1);
    core->arena.change_count += change_count;
}

FT_CORE_PUBLIC void ft_core_destroy(struct ft_core *core)
{
    for (struct section *section = arena_first_section(&core->arena); section != NULL;
         section = arena_next_section(&core->arena, section)) {
        poison_lift(section_unit_at(section, 0), section->end - section->units);
    }
    core->magic = 0;
}

// ---- heaps --------------------------------------------------------------------------------------

// Room for a first stack of each class, and for deeper ones as far as the chunks in them go: an entry is 16
// bytes, a chunk some ten times that.
static size_t heap_bytes_for(const struct arena *arena)
{
    size_t deep = arena->config.stack_bytes_max / 8;
    size_t first = deep == 0 ? 0 : arena->class_count * heap_first_stack_bytes();
    return heap_bytes_min(arena) + first + deep;
}

FT_CORE_PUBLIC bool ft_core_open(struct ft_core_heap *heap, struct ft_core *core,
                                 const struct ft_core_lock *with)
{
    *heap = (struct ft_core_heap){.core = core};
    if (with != NULL) {
        heap->lock = *with;
    }
    struct need need;
    ft_core_lock(heap);
    heap->heap = heap_acquire(&core->arena, heap_bytes_for(&core->arena), &need);
    if (heap->heap == NULL) {
        core->arena.failure_count++;
    }
    ft_core_unlock(heap);
    return heap->heap != NULL;
}

FT_CORE_PUBLIC void ft_core_close(struct ft_core_heap *heap)
{
    ft_core_lock(heap);
    heap_retire(heap->heap);
    ft_core_unlock(heap);
    heap->heap = NULL;
}

FT_CORE_PUBLIC void ft_core_trim(struct ft_core_heap *heap)
{
    ft_core_lock(heap);
    heap_trim(heap->heap);
    heap_trim_idle(&heap->core->arena);
    ft_core_unlock(heap);
}

// ---- regions ------------------------------------------------------------------------------------

static bool overlaps(uintptr_t base, size_t bytes, const void *other, size_t other_bytes)
{
    return base < (uintptr_t)other + other_bytes && (uintptr_t)other < base + bytes;
}

static bool is_apart(const struct ft_core *core, uintptr_t base, size_t bytes)
{
    if (bytes > PTRDIFF_MAX || base + bytes < base || overlaps(base, bytes, core, sizeof(*core))) {
        return false;
    }
    for (const struct section *section = arena_first_section(&core->arena); section != NULL;
         section = arena_next_section(&core->arena, section)) {
        if (overlaps(base, bytes, section, section->end)) {
            return false;
        }
    }
    return true;
}

FT_CORE_PUBLIC bool ft_core_add_region(struct ft_core_heap *heap, void *region, size_t bytes)
{
    struct ft_core *core = heap->core;
    ft_core_lock(heap);
    bool added = is_apart(core, (uintptr_t)region, bytes) &&
                 add_sections(&core->arena, (uintptr_t)region, bytes) != 0;
    ft_core_unlock(heap);
    return added;
}

// The section that begins in a region, or NULL.
static struct section *section_in(const struct ft_core *core, const void *region)
{
    uintptr_t base = bits_align_up((uintptr_t)region, _Alignof(struct section));
    struct section *section = arena_first_section(&core->arena);
    while (section != NULL && (uintptr_t)section != base) {
        section = arena_next_section(&core->arena, section);
    }
    return section;
}

FT_CORE_PUBLIC bool ft_core_remove_region(struct ft_core_heap *heap, void *region)
{
    struct arena *arena = &heap->core->arena;
    ft_core_lock(heap);
    heap_trim(heap->heap);
    heap_trim_idle(arena);
    heap_drain_all(arena);
    struct section *section = section_in(heap->core, region);
    bool is_unused = section != NULL;
    for (struct section *part = section; is_unused && part != NULL;
         part = part->is_continued ? arena_next_section(arena, part) : NULL) {
        is_unused = arena_section_is_unused(part);
    }
    while (is_unused && section != NULL) {
        struct section *next = section->is_continued ? arena_next_section(arena, section) : NULL;
        arena_remove_section(arena, section);
        poison_lift(section, section->end);
        section = next;
    }
    ft_core_unlock(heap);
    return is_unused;
}
