// SPDX-License-Identifier: MIT
// The misuses of heaps of the program's own, in words.
#include "api/global.h"
#include "api/heaps.h"
#include "api/locate.h"
#include "api/report.h"

_Static_assert((int)FT_CORE_FOREIGN == (int)MISUSE_FOREIGN &&
                   (int)FT_CORE_DOUBLE_FREE == (int)MISUSE_DOUBLE_FREE &&
                   (int)FT_CORE_NEVER_ALLOCATED == (int)MISUSE_NEVER_ALLOCATED &&
                   (int)FT_CORE_INTERIOR == (int)MISUSE_INTERIOR,
               "a misuse is told as it is");

// "the heap 'parser'", or where it is if it has no tag.
static void tell_heap(struct text *text, const struct ft_heap *heap)
{
    text_string(text, "the heap ");
    if (heap->figures.tag[0] == '\0') {
        text_address(text, (uintptr_t)heap);
        return;
    }
    text_string(text, "'");
    text_string(text, heap->figures.tag);
    text_string(text, "'");
}

// "chunk of 42 bytes at 0x..."
static void tell_chunk(struct text *text, size_t bytes, const void *base)
{
    text_string(text, "chunk of ");
    text_decimal(text, bytes);
    text_string(text, " bytes at ");
    text_address(text, (uintptr_t)base);
}

// Says if it is a chunk of a heap that is listed.
static bool tell_other_heap(struct text *text, const void *ptr)
{
    bool is_told = false;
    heaps_lock(&global.heaps);
    for (struct ft_heap *heap = global.heaps.first; heap != NULL && !is_told; heap = heap->next) {
        (void)heaps_enter(heap, "ft_heap_free");
        struct ft_core_place place = ft_core_locate(heap->core.core, ptr);
        is_told = place.status == FT_CORE_LIVE;
        if (is_told) {
            text_string(text, "; it lies in the ");
            tell_chunk(text, place.bytes, place.base);
            text_string(text, " of ");
            tell_heap(text, heap);
        }
        heaps_leave(heap);
    }
    heaps_unlock(&global.heaps);
    return is_told;
}

static void tell_foreign(struct text *text, const struct ft_heap *heap, const void *ptr)
{
    text_string(text, ": ");
    tell_heap(text, heap);
    text_string(text, " does not hold it");
    if (!tell_other_heap(text, ptr)) {
        struct chunk chunk = locate_chunk(ptr);
        if (chunk.status == CHUNK_LIVE) {
            text_string(text, "; it lies in malloc's ");
            tell_chunk(text, chunk.requested, chunk.base);
        }
    }
}

static void tell_free(struct text *text, const struct ft_heap *heap,
                      const struct ft_core_place *place)
{
    if (place->status == FT_CORE_FREE) {
        text_string(text, ": a free ");
        tell_chunk(text, place->capacity, place->base);
        text_string(text, " in ");
    } else {
        text_string(text, ": memory without a chunk of ");
    }
    tell_heap(text, heap);
}

void heaps_report(struct ft_heap *heap, const char *call, enum ft_core_misuse misuse,
                  const void *ptr, const struct ft_core_place *place)
{
    struct print print;
    struct text *text = &print.text;
    enum misuse_kind kind = (enum misuse_kind)misuse;
    if (!report_begin(&print, call, kind, ptr)) {
        return;
    }
    switch (misuse) {
    case FT_CORE_FOREIGN: tell_foreign(text, heap, ptr); break;
    case FT_CORE_INTERIOR:
        text_string(text, ": ");
        text_decimal(text, (uintptr_t)ptr - (uintptr_t)place->base);
        text_string(text, " bytes into the ");
        tell_chunk(text, place->bytes, place->base);
        text_string(text, " in ");
        tell_heap(text, heap);
        break;
    default: tell_free(text, heap, place); break;
    }
    report_end(&print, kind, ptr, ptr);
}

void heaps_report_none(const char *call, const void *ptr)
{
    struct print print;
    if (report_begin(&print, call, MISUSE_NONE, ptr)) {
        text_string(&print.text, ": there is no heap, or no longer");
        report_end(&print, MISUSE_NONE, ptr, ptr);
    }
}
