// SPDX-License-Identifier: MIT
// The core as a library of its own.
#include "tests/model/subject.h"

#include <stdlib.h>
#include <string.h>

static struct {
    struct ft_core *core;
    struct ft_core_heap heaps[SETUP_HEAPS_MAX];
    bool locked;
    int lock_depth;
    // Regions that the arena has, to know what is outside.
    uintptr_t bases[GROUND_REGIONS_MAX];
    size_t bytes[GROUND_REGIONS_MAX];
} state;

// A lock that is not recursive, and notices who takes it for one.
static void acquire(void *context)
{
    if (context != &state || state.lock_depth++ != 0) {
        abort();
    }
}

static void release(void *context)
{
    if (context != &state || --state.lock_depth != 0) {
        abort();
    }
}

static const struct ft_core_lock lock = {.acquire = acquire, .release = release, .context = &state};

// What makes no sense is refused.
static bool refuses_nonsense(void *region, size_t bytes)
{
    static const size_t units[] = {1, 16, 33, 48, 131072, SIZE_MAX};
    for (unsigned index = 0; index < sizeof(units) / sizeof(units[0]); index++) {
        struct ft_core_options options = {.unit_bytes = units[index]};
        if (ft_core_create(region, bytes, &options) != NULL) {
            return false;
        }
    }
    return true;
}

static bool create(const struct setup *setup, unsigned char *ground,
                   const struct ground_region *regions)
{
    memset(&state, 0, sizeof(state));
    struct ft_core_options options = {
        .unit_bytes = setup->unit_bytes,
        .zone_bytes_max = setup->zone_bytes_max,
        .stack_bytes_max = setup->stack_bytes_max,
        .is_zero = setup->is_zero,
    };
    bool is_default = setup->unit_bytes == 0 && setup->zone_bytes_max == 0 &&
                      setup->stack_bytes_max == 0 && !setup->is_zero;
    unsigned char *region = ground + regions[0].offset;
    if (!setup->is_zero && !refuses_nonsense(region, regions[0].bytes)) {
        abort();
    }
    state.core = ft_core_create(region, regions[0].bytes, is_default ? NULL : &options);
    state.bases[0] = (uintptr_t)region;
    state.bytes[0] = regions[0].bytes;
    state.locked = setup->locked;
    return state.core != NULL;
}

static void destroy(void)
{
    ft_core_destroy(state.core);
}

static bool open_heap(unsigned heap)
{
    return ft_core_open(&state.heaps[heap], state.core, state.locked ? &lock : NULL);
}

static void close_heap(unsigned heap)
{
    ft_core_close(&state.heaps[heap]);
}

static void trim(unsigned heap)
{
    ft_core_trim(&state.heaps[heap]);
}

static void *alloc(unsigned heap, size_t bytes)
{
    return ft_core_alloc(&state.heaps[heap], bytes);
}

static void *alloc_zeroed(unsigned heap, size_t count, size_t each)
{
    return ft_core_alloc_zeroed(&state.heaps[heap], count, each);
}

static void *alloc_aligned(unsigned heap, size_t align, size_t bytes)
{
    return ft_core_alloc_aligned(&state.heaps[heap], align, bytes);
}

static enum ft_core_misuse free_chunk(unsigned heap, void *ptr)
{
    return ft_core_free(&state.heaps[heap], ptr);
}

static enum ft_core_misuse free_sized(unsigned heap, void *ptr, size_t bytes)
{
    return ft_core_free_sized(&state.heaps[heap], ptr, bytes);
}

static bool resize(unsigned heap, void *ptr, size_t bytes)
{
    return ft_core_resize(&state.heaps[heap], ptr, bytes);
}

static void *realloc_chunk(unsigned heap, void *ptr, size_t bytes)
{
    return ft_core_realloc(&state.heaps[heap], ptr, bytes);
}

static struct ft_core_place locate(const void *ptr)
{
    return ft_core_locate(state.core, ptr);
}

static bool next(unsigned heap, struct ft_core_walk *walk, struct ft_core_item *item)
{
    return ft_core_next(&state.heaps[heap], walk, item);
}

static struct ft_core_figures figures(void)
{
    return ft_core_figures(state.core);
}

static bool check(void)
{
    return state.lock_depth == 0 && ft_core_check(state.core);
}

static enum subject_memory memory(const void *ptr)
{
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        if ((uintptr_t)ptr - state.bases[index] < state.bytes[index]) {
            return MEMORY_INSIDE;
        }
    }
    return MEMORY_OUTSIDE;
}

static bool may_refuse(size_t bytes, size_t align)
{
    size_t longest = ft_core_figures(state.core).longest_bytes;
    return longest == 0 || bytes > longest ||
           (align > 16 && (align > longest || bytes > longest - align));
}

static void report(unsigned heap, void (*write)(void *context, const char *text, size_t bytes),
                   void *context)
{
    ft_core_report(&state.heaps[heap], write, context);
}

static bool add_region(unsigned heap, void *region, size_t bytes)
{
    if (!ft_core_add_region(&state.heaps[heap], region, bytes)) {
        return false;
    }
    unsigned index = 1;
    while (index + 1 < GROUND_REGIONS_MAX && state.bytes[index] != 0) {
        index++;
    }
    state.bases[index] = (uintptr_t)region;
    state.bytes[index] = bytes;
    return true;
}

static bool remove_region(unsigned heap, void *region)
{
    if (!ft_core_remove_region(&state.heaps[heap], region)) {
        return false;
    }
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        if (state.bases[index] == (uintptr_t)region) {
            state.bytes[index] = 0;
        }
    }
    return true;
}

static void revive(void)
{
    ft_core_revive(state.core);
}

static bool attach(void *region)
{
    struct ft_core *found = ft_core_attach(region);
    if (found == NULL) {
        return false;
    }
    uintptr_t distance = (uintptr_t)region - state.bases[0];
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        state.bases[index] += distance;
    }
    state.core = found;
    return true;
}

static void reset(void)
{
    ft_core_reset(state.core);
}

const struct subject subject_core = {
    .name = "core",
    .create = create,
    .destroy = destroy,
    .open = open_heap,
    .close = close_heap,
    .trim = trim,
    .alloc = alloc,
    .alloc_zeroed = alloc_zeroed,
    .alloc_aligned = alloc_aligned,
    .free = free_chunk,
    .free_sized = free_sized,
    .resize = resize,
    .realloc = realloc_chunk,
    .locate = locate,
    .next = next,
    .figures = figures,
    .check = check,
    .memory = memory,
    .may_refuse = may_refuse,
    .report = report,
    .add_region = add_region,
    .remove_region = remove_region,
    .revive = revive,
    .attach = attach,
    .reset = reset,
};
