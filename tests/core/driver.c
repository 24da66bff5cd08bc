// SPDX-License-Identifier: MIT
#include "tests/core/driver.h"

#include "core/heap_return.h"
#include "core/heap_stacks.h"
#include "core/offset.h"
#include "tests/core/test.h"

#include <stdlib.h>
#include <string.h>

static size_t or_else(size_t value, size_t standard)
{
    return value != 0 ? value : standard;
}

void driver_begin(struct driver *driver, const struct driver_options *options)
{
    *driver = (struct driver){.options = *options, .asks_allowed = SIZE_MAX};
    size_t below = options->wide ? sizeof(struct zone_map_wide) : 0;
    driver->arena_memory = region_new(below + sizeof(struct arena), 64, 0);
    driver->arena = (struct arena *)(driver->arena_memory.base + below);
    const struct arena_config config = {
        .page_bytes = or_else(options->page_bytes, options->unit_bytes),
        .unit_bytes = options->unit_bytes,
        .run_bytes_max = or_else(options->run_bytes_max, SIZE_MAX),
        .dirty_bytes_max = or_else(options->dirty_bytes_max, SIZE_MAX),
        .zone_bytes_max = or_else(options->zone_bytes_max, SIZE_MAX),
        .stack_bytes_max = 1 << 20,
        .parcel_count = options->parcel_count,
        .hand_bytes_max = (uint32_t)options->hand_bytes_max,
        .space_mib = options->space_mib,
        .wide = options->wide,
    };
    arena_init(driver->arena, &config);
}

void driver_end(struct driver *driver)
{
    assert_true(driver_is_valid(driver));
    for (size_t region = 0; region < driver->region_count; region++) {
        region_delete(&driver->regions[region]);
    }
    for (size_t mapping = 0; mapping < DRIVER_MAPPINGS_MAX; mapping++) {
        if (driver->mappings[mapping].base != NULL) {
            region_delete(&driver->mappings[mapping]);
        }
    }
    region_delete(&driver->arena_memory);
}

void driver_delete_arena(struct driver *driver)
{
    region_delete(&driver->arena_memory);
}

static bool zones_are_valid(const struct arena *arena)
{
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        for (uint32_t first = 0; first < runs->fresh; first += run_unit(runs, first)->length) {
            void *base = section_unit_at(section, first);
            if (run_unit(runs, first)->kind == RUN_ZONE &&
                !zone_is_valid(zone_map_find(&arena->map, base))) {
                return false;
            }
        }
    }
    return true;
}

bool driver_is_valid(const struct driver *driver)
{
    const struct arena *arena = driver->arena;
    bool is_valid = region_is_guarded(&driver->arena_memory);
    is_valid = is_valid && atomic_load_explicit(&arena->twice, memory_order_relaxed) == 0;
    for (size_t region = 0; region < driver->region_count; region++) {
        is_valid = is_valid && region_is_guarded(&driver->regions[region]);
    }
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        is_valid = is_valid && heap_is_valid(heap);
    }
    return is_valid && arena_is_valid(arena) && zones_are_valid(arena);
}

static void commit(const struct need *need)
{
    for (unsigned part = 0; part < 2; part++) {
        if (need->commit[part].bytes != 0) {
            region_commit(need->commit[part].base, need->commit[part].bytes);
        }
    }
}

static struct section *open_section(struct driver *driver, size_t bytes, size_t run_bytes)
{
    const struct driver_options *options = &driver->options;
    assert_true(driver->region_count < DRIVER_REGIONS_MAX);
    size_t grain =
        options->page_bytes > options->unit_bytes ? options->page_bytes : options->unit_bytes;
    struct region *region = &driver->regions[driver->region_count++];
    *region = region_new(bytes, grain, options->section_phase);
    uintptr_t base = (uintptr_t)region->base;
    if (!options->commits) {
        assert_true(arena_add_section(driver->arena, base, bytes, NULL));
        return (struct section *)base;
    }
    region_withhold(region);
    struct need plan = arena_plan_section(driver->arena, base, bytes, run_bytes);
    assert_int_equal(plan.kind, NEED_COMMIT);
    commit(&plan);
    assert_true(arena_add_section(driver->arena, base, bytes, &plan));
    return (struct section *)base;
}

struct section *driver_add_section(struct driver *driver, size_t bytes)
{
    return open_section(driver, bytes, 0);
}

bool driver_meet(struct driver *driver, const struct need *need)
{
    if (need->kind != NEED_COMMIT && need->kind != NEED_SECTION) {
        return false;
    }
    driver->asks[need->kind]++;
    if (driver->asks_allowed == 0) {
        return false;
    }
    driver->asks_allowed--;
    if (need->kind == NEED_COMMIT) {
        commit(need);
        arena_committed(driver->arena, need);
        return true;
    }
    size_t bytes = bits_align_up(need->bytes, driver->arena->config.page_bytes);
    size_t least = driver->options.section_bytes;
    open_section(driver, bytes > least ? bytes : least, need->run_bytes);
    return true;
}

static struct region *mapping_at(struct driver *driver, uintptr_t base)
{
    for (size_t mapping = 0; mapping < DRIVER_MAPPINGS_MAX; mapping++) {
        if ((uintptr_t)driver->mappings[mapping].base == base) {
            return &driver->mappings[mapping];
        }
    }
    fail_msg("no such mapping");
    return NULL;
}

struct run driver_take_run(struct driver *driver, size_t bytes)
{
    struct need need;
    struct run run = arena_take_run(driver->arena, bytes, 1, &need);
    while (run.section == NULL && driver_meet(driver, &need)) {
        run = arena_take_run(driver->arena, bytes, 1, &need);
    }
    assert_non_null(run.section);
    return run;
}

void driver_let_go(struct driver *driver, const struct leaving *leaving)
{
    if (leaving->kind == LEAVING_PURGE) {
        driver->purge_count++;
        if (!driver->keeps) {
            memset((void *)leaving->range.base, 0, leaving->range.bytes);
        }
        arena_left(driver->arena, leaving, driver->keeps ? LEFT_DIRTY : LEFT_CLEAN);
    } else if (leaving->kind == LEAVING_UNMAP) {
        driver->unmap_count++;
        struct region *region = mapping_at(driver, leaving->range.base);
        assert_int_equal(region->bytes, leaving->range.bytes);
        if (!driver->keeps) {
            region_delete(region);
        }
        large_unmapped(driver->arena, leaving, !driver->keeps);
    }
}

struct heap *driver_acquire(struct driver *driver, size_t bytes)
{
    struct need need;
    struct heap *heap = heap_acquire(driver->arena, bytes, &need);
    while (heap == NULL && driver_meet(driver, &need)) {
        heap = heap_acquire(driver->arena, bytes, &need);
    }
    return heap;
}

// Memory for a NEED_MAPPING, as a chunk.
static void *map(struct driver *driver, const struct need *need, size_t bytes)
{
    driver->asks[NEED_MAPPING]++;
    if (driver->asks_allowed == 0) {
        return NULL;
    }
    driver->asks_allowed--;
    struct region *region = mapping_at(driver, 0);
    *region = region_new(need->bytes, need->align, 0);
    struct range range = {.base = (uintptr_t)region->base, .bytes = region->bytes};
    struct need more;
    void *ptr = large_adopt(driver->arena, range, bytes, &more);
    while (ptr == NULL && driver_meet(driver, &more)) {
        ptr = large_adopt(driver->arena, range, bytes, &more);
    }
    if (ptr == NULL) {
        region_delete(region);
    }
    return ptr;
}

size_t driver_asks(const struct driver *driver)
{
    return driver->asks[NEED_COMMIT] + driver->asks[NEED_SECTION] + driver->asks[NEED_MAPPING];
}

struct grant driver_alloc(struct driver *driver, struct heap *heap, size_t bytes, size_t align)
{
    memset(driver->asks, 0, sizeof(driver->asks));
    unsigned size_class = heap_class_for(heap, bytes, align);
    struct grant grant = {.ptr = NULL};
    if (size_class != SIZE_CLASS_NONE) {
        grant = heap_take(heap, size_class, bytes, align);
    } else if (bytes > driver->arena->class_bytes_max && align <= driver->options.unit_bytes) {
        grant.ptr = heap_hand_take(heap, bytes);
    }
    struct need need;
    if (grant.ptr == NULL) {
        grant = heap_alloc(heap, bytes, align, &need);
        while (grant.ptr == NULL && driver_asks(driver) < 8 && driver_meet(driver, &need)) {
            grant = heap_alloc(heap, bytes, align, &need);
        }
        if (grant.ptr == NULL && need.kind == NEED_MAPPING) {
            grant = (struct grant){.ptr = map(driver, &need, bytes), .is_zero = true};
        }
    }
    if (driver_asks(driver) > driver->asks_most) {
        driver->asks_most = driver_asks(driver);
    }
    driver_give_empty(driver, heap);
    return grant;
}

void driver_give_empty(struct driver *driver, struct heap *heap)
{
    struct need need;
    if (heap != NULL && heap_wants_memory(heap) && !heap_take_memory(heap, &need) &&
        driver_meet(driver, &need)) {
        (void)heap_take_memory(heap, &need);
    }
    while (heap != NULL && heap_give_empty(heap)) {
    }
    struct heap *idle = heap_receive_idle(driver->arena);
    if (idle != NULL) {
        driver_return_pages(driver, idle);
    }
    driver_return_runs(driver);
    if (heap != NULL) {
        driver_return_pages(driver, heap);
    }
}

void driver_return_runs(struct driver *driver)
{
    struct leaving leaving;
    while (arena_next_leaving(driver->arena, &leaving)) {
        driver_let_go(driver, &leaving);
        if (driver->keeps) {
            break;
        }
    }
}

void driver_return_pages(struct driver *driver, struct heap *heap)
{
    struct leaving leaving;
    size_t worth = heap_returns(heap) != NULL ? heap_worth_leaving(heap) : 0;
    while (worth != 0 && heap_next_leaving(heap, worth, SIZE_MAX, &leaving)) {
        driver->purge_count++;
        if (!driver->keeps) {
            memset((void *)leaving.range.base, 0, leaving.range.bytes);
        }
        heap_left(heap, &leaving, driver->keeps ? LEFT_DIRTY : LEFT_CLEAN);
        worth = heap_worth_leaving(heap);
    }
}

void driver_free(struct driver *driver, struct heap *heap, void *ptr)
{
    struct chunk chunk = chunk_locate(driver->arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    if (chunk.zone->chunk_bytes == 0) {
        if (heap != NULL && heap_hand_put(heap, ptr)) {
            return;
        }
        struct leaving leaving = {.kind = LEAVING_NOTHING};
        assert_true(heap_free_large(driver->arena, &chunk, &leaving));
        if (heap != NULL && chunk.zone->kind == ZONE_LARGE) {
            size_t units = arena_units_for(driver->arena, chunk.capacity);
            heap_hand_make_room(heap, units, chunk.requested);
        }
        driver_let_go(driver, &leaving);
        driver_return_runs(driver);
        return;
    }
    if (heap != NULL && (heap_owns(heap, chunk.zone) || heap_take_back(heap, chunk.zone))) {
        assert_true(heap_put(heap, &chunk));
    } else {
        assert_true(heap_send(heap, driver->arena, &chunk));
    }
    driver_give_empty(driver, heap);
}
