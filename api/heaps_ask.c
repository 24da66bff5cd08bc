// SPDX-License-Identifier: MIT
// What a heap of the program's own tells: its figures, its chunks, its text.
#include "api/export.h"
#include "api/heaps.h"
#include "api/print.h"
#include "core/show.h"

#include <errno.h>

EXPORT struct ft_heap_figures ft_heap_figures(struct ft_heap *heap)
{
    int saved = errno;
    struct ft_heap_figures figures = {.chunk_count = 0};
    if (heaps_enter(heap, "ft_heap_figures")) {
        figures = heap->figures;
        heaps_leave(heap);
    }
    errno = saved;
    return figures;
}

EXPORT bool ft_heap_next(struct ft_heap *heap, struct ft_core_walk *walk, struct ft_core_item *item)
{
    int saved = errno;
    bool has_next = false;
    if (heaps_enter(heap, "ft_heap_next")) {
        has_next = ft_core_next(&heap->core, walk, item);
        heaps_leave(heap);
    }
    errno = saved;
    return has_next;
}

static enum zone_kind kind_of(enum ft_core_kind kind)
{
    switch (kind) {
    case FT_CORE_TINY: return ZONE_TINY;
    case FT_CORE_SMALL: return ZONE_SMALL;
    default: return ZONE_LARGE;
    }
}

static struct walk_step step_of(const struct ft_core_item *item)
{
    return (struct walk_step){
        .what = item->is_zone ? WALK_ZONE : WALK_CHUNK,
        .kind = kind_of(item->kind),
        .base = item->base,
        .bytes = item->bytes,
    };
}

EXPORT void ft_heap_show(struct ft_heap *heap)
{
    int saved = errno;
    struct ft_core_walk walk = {.cursor = {0}};
    struct show show = {.total = 0};
    bool is_over = false;
    struct print print;
    print_begin(&print);
    while (!is_over && heaps_enter(heap, "ft_heap_show")) {
        while (!is_over && print.text.length < PRINT_BYTES - SHOW_LINE_BYTES) {
            struct ft_core_item item;
            is_over = !ft_core_next(&heap->core, &walk, &item);
            struct walk_step step = is_over ? (struct walk_step){.what = WALK_END} : step_of(&item);
            show_step(&show, &print.text, &step);
        }
        heaps_leave(heap);
        print_write(&print, PLATFORM_OUTPUT);
    }
    errno = saved;
}
