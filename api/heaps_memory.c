// SPDX-License-Identifier: MIT
// The regions of heaps of the program's own: LARGE chunks of the process's heap.
#include "api/exhausted.h"
#include "api/global.h"
#include "api/heaps.h"
#include "api/slow.h"
#include "core/bits.h"

#include <stdint.h>

enum {
    STEP_BYTES_MAX = 1 << 30,
    SECTION_UNITS = 1 << 16, // no section has as many
    SPARE_UNITS = 8,         // of a region: header, the bounds of its parts
};

// What a region must have that holds such a chunk beside its run table and its room for records.
static size_t region_bytes_for(const struct ft_heap *heap, size_t bytes, size_t align)
{
    size_t aligning = align > heap->unit_bytes ? align : 0;
    return bytes + bytes / 32 + aligning + SPARE_UNITS * heap->unit_bytes;
}

// Whether any region could hold it.
static bool is_too_large(const struct ft_heap *heap, size_t bytes, size_t align)
{
    size_t most = heap->unit_bytes * SECTION_UNITS;
    return bytes >= most || align >= most;
}

// A region of up to `want` bytes, or NULL if there are not even `least`.
static struct heaps_region *alloc_region(size_t want, size_t least)
{
    for (;;) {
        struct heaps_region *region = slow_alloc(want, GLOBAL_UNIT_BYTES, SLOW_TRY);
        if (region != NULL) {
            region->bytes = want;
            return region;
        }
        if (want <= least) {
            return NULL;
        }
        want = want / 2 > least ? want / 2 : least;
    }
}

// As much again as there is, within the limit. Where the limit leaves less than is surely enough it may do.
static struct heaps_region *alloc_next_region(const struct ft_heap *heap, size_t bytes,
                                              size_t align)
{
    const struct ft_heap_figures *figures = &heap->figures;
    size_t room =
        figures->limit_bytes != 0 ? figures->limit_bytes - figures->memory_bytes : SIZE_MAX;
    if (bytes >= room) {
        return NULL;
    }
    size_t least = region_bytes_for(heap, bytes, align);
    least = least < room ? least : room;
    size_t want = figures->memory_bytes < STEP_BYTES_MAX ? figures->memory_bytes : STEP_BYTES_MAX;
    want = want > least ? want : least;
    struct heaps_region *region = alloc_region(want < room ? want : room, least);
    if (region == NULL) {
        exhausted_tell(bytes);
    }
    return region;
}

bool heaps_grow(struct ft_heap *heap, size_t bytes, size_t align)
{
    if (heap->unit_bytes == 0 || is_too_large(heap, bytes, align)) {
        return false;
    }
    struct heaps_region *region = alloc_next_region(heap, bytes, align);
    if (region == NULL) {
        return false;
    }
    if (!ft_core_add_region(&heap->core, region + 1, region->bytes - sizeof(*region))) {
        slow_free(region, "ft_heap_malloc");
        return false;
    }
    region->next = heap->regions;
    heap->regions = region;
    struct ft_heap_figures *figures = &heap->figures;
    figures->memory_bytes += region->bytes;
    if (figures->memory_bytes > figures->memory_bytes_max) {
        figures->memory_bytes_max = figures->memory_bytes;
    }
    return true;
}

size_t heaps_shrink(struct ft_heap *heap)
{
    size_t before = heap->figures.memory_bytes;
    struct heaps_region **link = &heap->regions;
    while (*link != NULL) {
        struct heaps_region *region = *link;
        if (ft_core_remove_region(&heap->core, region + 1)) {
            *link = region->next;
            heap->figures.memory_bytes -= region->bytes;
            slow_free(region, "ft_heap_trim");
        } else {
            link = &region->next;
        }
    }
    return before - heap->figures.memory_bytes;
}

void heaps_drop(struct ft_heap *heap)
{
    while (heap->regions != NULL) {
        struct heaps_region *region = heap->regions;
        heap->regions = region->next;
        slow_free(region, "ft_heap_destroy");
    }
}
