// SPDX-License-Identifier: MIT
// What a host finds in the WebAssembly module: the tour, and an arena on a buffer of the module.
#include "../tour.h"

#define EXPORT __attribute__((visibility("default")))

_Static_assert(sizeof(void *) == 4, "a machine of 32 bits");

static _Alignas(64) unsigned char memory[TOUR_BYTES];
static struct ft_core_heap heap;
static char text[65536];
static size_t text_bytes;

EXPORT int run_tour(void)
{
    return tour(memory, sizeof(memory));
}

// An arena and its heap, or 0.
EXPORT struct ft_core_heap *open_arena(void)
{
    struct ft_core *core = ft_core_create(memory, sizeof(memory), NULL);
    return core != NULL && ft_core_open(&heap, core, NULL) ? &heap : NULL;
}

static void write_down(void *context, const char *line, size_t bytes)
{
    (void)context;
    for (size_t at = 0; at < bytes && text_bytes < sizeof(text); at++) {
        text[text_bytes++] = line[at];
    }
}

// The report, whose length report_bytes() tells.
EXPORT const char *report(void)
{
    text_bytes = 0;
    ft_core_report(&heap, write_down, NULL);
    return text;
}

EXPORT size_t report_bytes(void)
{
    return text_bytes;
}

EXPORT size_t metadata_bytes(void)
{
    return ft_core_figures(heap.core).metadata_bytes;
}

EXPORT int is_valid(void)
{
    return ft_core_check(heap.core);
}
