// SPDX-License-Identifier: MIT
// The core as a library: arenas on regions of its caller, narrow ones, all of whose memory is committed.
#include "core/ft_core.h"

#include "core/check.h"
#include "core/ft_core_state.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/misuse.h"
#include "core/poison.h"

#include <string.h>

_Static_assert((int)FT_CORE_WRONG_SIZE == (int)MISUSE_WRONG_SIZE, "a misuse is told as it is");

// ---- arenas -------------------------------------------------------------------------------------

// Some thousand units, none below a cache line: small regions have little metadata, large ones little
// rounding.
static size_t unit_bytes_for(size_t region_bytes)
{
    size_t unit = 64;
    while (unit < ARENA_UNIT_BYTES_MAX && unit * unit * 16 < region_bytes) {
        unit *= 2;
    }
    return unit;
}

static struct arena_config config_for(size_t region_bytes, const struct ft_core_options *options)
{
    size_t unit = options->unit_bytes != 0 ? options->unit_bytes : unit_bytes_for(region_bytes);
    size_t zone = options->zone_bytes_max != 0 ? options->zone_bytes_max : region_bytes / 16;
    size_t stack = region_bytes / 64 < 1 << 20 ? region_bytes / 64 : 1 << 20;
    return (struct arena_config){
        .page_bytes = unit,
        .unit_bytes = unit,
        .run_bytes_max = SIZE_MAX,
        .dirty_bytes_max = SIZE_MAX,
        .zone_bytes_max = zone,
        .stack_bytes_max = options->stack_bytes_max != 0 ? options->stack_bytes_max : stack,
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
    size_t section = offsetof(struct section, record_lists) + run_table_bytes((uint32_t)count);
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
    heap_revive_all(&core->arena);
}

FT_CORE_PUBLIC void ft_core_reset(struct ft_core *core)
{
    struct arena_config config = core->arena.config;
    config.is_dirty = true; // whatever it was when it was new
    struct section *section = arena_first_section(&core->arena);
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

// Room for stacks goes with what they may hold: an entry is 16 bytes, a chunk some ten times that.
static size_t heap_bytes_for(const struct arena *arena)
{
    return heap_bytes_min(arena) + arena->config.stack_bytes_max / 8;
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

// ---- chunks -------------------------------------------------------------------------------------

// The bytes at the end of a chunk that were not asked for stay nobody's.
static void *handed_out(void *ptr, size_t bytes)
{
    if (ptr != NULL) {
        poison_lift(ptr, bytes);
    }
    return ptr;
}

static struct grant alloc(struct ft_core_heap *handle, size_t bytes, size_t align)
{
    struct heap *heap = handle->heap;
    unsigned size_class = heap_class_for(heap, bytes, align);
    struct grant grant = {.ptr = NULL};
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take(heap, size_class, bytes);
    }
    if (grant.ptr != NULL) {
        return grant;
    }
    struct need need;
    ft_core_lock(handle);
    grant = heap_alloc(heap, bytes, align, &need);
    if (grant.ptr == NULL) {
        grant = heap_scrape(heap, bytes, align);
    }
    if (grant.ptr == NULL) {
        handle->core->arena.failure_count++;
    }
    while (heap_give_empty(heap, NULL)) {
    }
    ft_core_unlock(handle);
    return grant;
}

// Counts a request that no memory could serve.
static void *refuse(struct ft_core_heap *heap)
{
    ft_core_lock(heap);
    heap->core->arena.failure_count++;
    ft_core_unlock(heap);
    return NULL;
}

FT_CORE_PUBLIC void *ft_core_alloc(struct ft_core_heap *heap, size_t bytes)
{
    if (bytes > PTRDIFF_MAX) {
        return refuse(heap);
    }
    return handed_out(alloc(heap, bytes, SIZE_CLASS_STEP).ptr, bytes);
}

FT_CORE_PUBLIC void *ft_core_alloc_zeroed(struct ft_core_heap *heap, size_t count, size_t each)
{
    if (each != 0 && count > PTRDIFF_MAX / each) {
        return refuse(heap);
    }
    size_t bytes = count * each;
    struct grant grant = alloc(heap, bytes, SIZE_CLASS_STEP);
    handed_out(grant.ptr, bytes);
    if (grant.ptr != NULL && !grant.is_zero) {
        memset(grant.ptr, 0, bytes);
    }
    return grant.ptr;
}

FT_CORE_PUBLIC void *ft_core_alloc_aligned(struct ft_core_heap *heap, size_t align, size_t bytes)
{
    if (!bits_is_power_of_two(align)) {
        return NULL;
    }
    if (bytes > PTRDIFF_MAX || align > PTRDIFF_MAX) {
        return refuse(heap);
    }
    return handed_out(alloc(heap, bytes, align).ptr, bytes);
}

static void give_empty_zones(struct ft_core_heap *handle)
{
    if (!heap_has_empty(handle->heap)) {
        return;
    }
    ft_core_lock(handle);
    while (heap_give_empty(handle->heap, NULL)) {
    }
    ft_core_unlock(handle);
}

// Frees a chunk that is this heap's to free, as chunk_locate() found it.
static enum ft_core_misuse free_chunk(struct ft_core_heap *handle, const struct chunk *chunk)
{
    enum misuse_kind misuse = MISUSE_NONE;
    poison_lay(chunk->base, chunk->capacity);
    if (heap_owns(handle->heap, chunk)) {
        heap_put(handle->heap, chunk);
        give_empty_zones(handle);
        return FT_CORE_OK;
    }
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    ft_core_lock(handle);
    if (!heap_free(&handle->core->arena, chunk, &leaving)) {
        misuse = MISUSE_DOUBLE_FREE;
    }
    ft_core_unlock(handle);
    return (enum ft_core_misuse)misuse;
}

// What a pointer is. What is no chunk in use may be changing just now: it is looked at under the lock.
static struct chunk locate(const struct ft_core_heap *heap, const void *ptr)
{
    struct chunk chunk = chunk_locate(&heap->core->arena, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        ft_core_lock(heap);
        chunk = chunk_locate(&heap->core->arena, ptr);
        ft_core_unlock(heap);
    }
    return chunk;
}

FT_CORE_PUBLIC enum ft_core_misuse ft_core_free(struct ft_core_heap *heap, void *ptr)
{
    if (ptr == NULL) {
        return FT_CORE_OK;
    }
    struct chunk chunk = locate(heap, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    return misuse == MISUSE_NONE ? free_chunk(heap, &chunk) : (enum ft_core_misuse)misuse;
}

FT_CORE_PUBLIC enum ft_core_misuse ft_core_free_sized(struct ft_core_heap *heap, void *ptr,
                                                      size_t bytes)
{
    if (ptr == NULL) {
        return FT_CORE_OK;
    }
    struct chunk chunk = locate(heap, ptr);
    enum misuse_kind misuse = misuse_of(&chunk, ptr);
    if (misuse == MISUSE_NONE) {
        misuse = misuse_of_size(&heap->core->arena, &chunk, bytes);
    }
    return misuse == MISUSE_NONE ? free_chunk(heap, &chunk) : (enum ft_core_misuse)misuse;
}

// Changes the size of a chunk in use where it is; tight: even if it were better off elsewhere.
static bool resize(struct ft_core_heap *handle, const struct chunk *chunk, size_t bytes, bool tight)
{
    struct need need;
    bool resized = chunk_resize(chunk, bytes);
    if (!resized && chunk->zone->chunk_bytes != 0) {
        resized = tight && bytes <= chunk->requested && chunk_shrink(chunk, bytes);
    } else if (!resized && bytes <= PTRDIFF_MAX) {
        ft_core_lock(handle);
        resized = large_resize(&handle->core->arena, chunk, bytes, &need);
        ft_core_unlock(handle);
    }
    if (resized) {
        struct chunk now = chunk_locate(&handle->core->arena, chunk->base);
        poison_lay(now.base, now.capacity > chunk->capacity ? now.capacity : chunk->capacity);
        poison_lift(now.base, bytes);
    }
    return resized;
}

FT_CORE_PUBLIC bool ft_core_resize(struct ft_core_heap *heap, void *ptr, size_t bytes)
{
    struct chunk chunk = locate(heap, ptr);
    return chunk_is_held_at(&chunk, ptr) && resize(heap, &chunk, bytes, true);
}

FT_CORE_PUBLIC void *ft_core_realloc(struct ft_core_heap *heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return ft_core_alloc(heap, bytes);
    }
    struct chunk chunk = locate(heap, ptr);
    if (!chunk_is_held_at(&chunk, ptr)) {
        return NULL;
    }
    if (resize(heap, &chunk, bytes, false)) {
        return ptr;
    }
    void *moved = ft_core_alloc(heap, bytes);
    if (moved == NULL) {
        return resize(heap, &chunk, bytes, true) ? ptr : NULL;
    }
    memcpy(moved, ptr, chunk.requested < bytes ? chunk.requested : bytes);
    CHECK(ft_core_free(heap, ptr) == FT_CORE_OK);
    return moved;
}
