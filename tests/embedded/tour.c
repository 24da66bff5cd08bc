// SPDX-License-Identifier: MIT
#include "tour.h"

enum { COUNT = 240 };

static struct ft_core_figures figures;

struct tour {
    struct ft_core *core;
    struct ft_core_heap heap;
    unsigned char *chunks[COUNT];
    size_t sizes[COUNT];
    size_t count;
};

static size_t size_of(size_t each)
{
    return each % 50 == 49 ? 1100 + each : each * 31 % 97;
}

static void fill(unsigned char *ptr, size_t bytes, size_t seed)
{
    for (size_t at = 0; at < bytes; at++) {
        ptr[at] = (unsigned char)(seed + at * 3);
    }
}

static int is_filled(const unsigned char *ptr, size_t bytes, size_t seed)
{
    for (size_t at = 0; at < bytes; at++) {
        if (ptr[at] != (unsigned char)(seed + at * 3)) {
            return 0;
        }
    }
    return 1;
}

static int allocate(struct tour *tour)
{
    for (size_t each = 0; each < COUNT; each++) {
        unsigned char *ptr = ft_core_alloc(&tour->heap, size_of(each));
        if (ptr == NULL || (uintptr_t)ptr % 16 != 0) {
            return __LINE__;
        }
        struct ft_core_place place = ft_core_locate(tour->core, ptr);
        if (place.status != FT_CORE_LIVE || place.base != ptr || place.bytes != size_of(each)) {
            return __LINE__;
        }
        fill(ptr, size_of(each), each);
        tour->chunks[each] = ptr;
        tour->sizes[each] = size_of(each);
    }
    figures = ft_core_figures(tour->core);
    return ft_core_check(tour->core) ? 0 : __LINE__;
}

static int resize(struct tour *tour)
{
    for (size_t each = 0; each < COUNT; each += 7) {
        size_t bytes = tour->sizes[each] * 2 + 1;
        unsigned char *ptr = ft_core_realloc(&tour->heap, tour->chunks[each], bytes);
        if (ptr == NULL || !is_filled(ptr, tour->sizes[each], each)) {
            return __LINE__;
        }
        fill(ptr, bytes, each);
        tour->chunks[each] = ptr;
        tour->sizes[each] = bytes;
    }
    return 0;
}

static int misuse(struct tour *tour)
{
    int local;
    if (ft_core_free(&tour->heap, &local) != FT_CORE_FOREIGN ||
        ft_core_free(&tour->heap, tour->chunks[1] + 1) != FT_CORE_INTERIOR ||
        ft_core_free_sized(&tour->heap, tour->chunks[1], 500) != FT_CORE_WRONG_SIZE ||
        ft_core_alloc(&tour->heap, SIZE_MAX) != NULL ||
        ft_core_alloc(&tour->heap, TOUR_BYTES) != NULL ||
        ft_core_alloc_zeroed(&tour->heap, SIZE_MAX / 2, 3) != NULL ||
        ft_core_alloc_aligned(&tour->heap, 24, 1) != NULL) {
        return __LINE__;
    }
    return ft_core_figures(tour->core).failure_count == 3 ? 0 : __LINE__;
}

static int walk(struct tour *tour)
{
    struct ft_core_walk cursor = {.cursor = {0}};
    struct ft_core_item item;
    size_t count = 0;
    while (ft_core_next(&tour->heap, &cursor, &item)) {
        count += !item.is_zone;
    }
    return count == COUNT ? 0 : __LINE__;
}

static int special(struct tour *tour)
{
    for (size_t align = 16; align <= 4096; align *= 2) {
        unsigned char *ptr = ft_core_alloc_aligned(&tour->heap, align, 40);
        if (ptr == NULL || (uintptr_t)ptr % align != 0 ||
            ft_core_free(&tour->heap, ptr) != FT_CORE_OK) {
            return __LINE__;
        }
        ptr = ft_core_alloc_zeroed(&tour->heap, align, 1);
        for (size_t at = 0; ptr != NULL && at < align; at++) {
            if (ptr[at] != 0) {
                return __LINE__;
            }
        }
        if (ptr == NULL || ft_core_free_sized(&tour->heap, ptr, align) != FT_CORE_OK) {
            return __LINE__;
        }
    }
    return 0;
}

static int free_all(struct tour *tour)
{
    for (size_t each = 0; each < COUNT; each++) {
        size_t at = each * 7 % COUNT;
        unsigned char *ptr = tour->chunks[at];
        if (!is_filled(ptr, tour->sizes[at], at) || ft_core_free(&tour->heap, ptr) != FT_CORE_OK ||
            ft_core_free(&tour->heap, ptr) != FT_CORE_DOUBLE_FREE) {
            return __LINE__;
        }
    }
    ft_core_trim(&tour->heap);
    return ft_core_figures(tour->core).used_bytes == 0 && ft_core_check(tour->core) ? 0 : __LINE__;
}

int tour(void *memory, size_t bytes)
{
    static struct tour it;
    it.core = ft_core_create(memory, bytes, NULL);
    if (it.core == NULL || !ft_core_open(&it.heap, it.core, NULL)) {
        return __LINE__;
    }
    int (*const stations[])(struct tour *) = {allocate, resize, misuse, walk, special, free_all};
    for (unsigned each = 0; each < sizeof(stations) / sizeof(stations[0]); each++) {
        int line = stations[each](&it);
        if (line != 0) {
            return line;
        }
    }
    ft_core_close(&it.heap);
    ft_core_revive(it.core);
    ft_core_reset(it.core);
    ft_core_destroy(it.core);
    return ft_core_attach(memory) == NULL ? 0 : __LINE__;
}

struct ft_core_figures tour_figures(void)
{
    return figures;
}
