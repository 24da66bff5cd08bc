// SPDX-License-Identifier: MIT
// An arena that is moved within its process, by whole units, again and again, onto memory that overlaps
// where it was. Pointers into it are kept as distances.
#include <ft_core.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGION_BYTES = 1 << 18, MOVES = 40, COUNT = 300 };

struct chunk {
    uintptr_t distance; // from the arena; 0: none
    size_t bytes;
};

static void expect(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "moved: %s\n", what);
        exit(1);
    }
}

static unsigned char *at(struct ft_core *core, struct chunk chunk)
{
    return (unsigned char *)core + chunk.distance;
}

static bool is_filled(const unsigned char *bytes, size_t count, unsigned char byte)
{
    while (count > 0 && bytes[count - 1] == byte) {
        count--;
    }
    return count == 0;
}

// Frees a chunk and allocates another one in its place, for every third.
static void churn(struct ft_core *core, struct ft_core_heap *heap, struct chunk *chunks,
                  unsigned move)
{
    for (unsigned each = move % 3; each < COUNT; each += 3) {
        struct chunk *chunk = &chunks[each];
        if (chunk->distance != 0) {
            expect(is_filled(at(core, *chunk), chunk->bytes, (unsigned char)each),
                   "a chunk holds something else");
            expect(ft_core_free(heap, at(core, *chunk)) == FT_CORE_OK, "a chunk is not taken back");
        }
        chunk->bytes = each % 30 == 0 ? 2500 + move : each * move % 300;
        unsigned char *ptr = ft_core_alloc(heap, chunk->bytes);
        expect(ptr != NULL, "no memory");
        memset(ptr, (int)(each & 0xFF), chunk->bytes);
        chunk->distance = (uintptr_t)ptr - (uintptr_t)core;
    }
}

int main(void)
{
    static struct chunk chunks[COUNT];
    unsigned char *ground = aligned_alloc(65536, 2 * (size_t)REGION_BYTES);
    expect(ground != NULL, "no memory");
    unsigned char *region = ground;
    struct ft_core *core = ft_core_create(region, REGION_BYTES, NULL);
    struct ft_core_heap heap;
    expect(core != NULL && ft_core_open(&heap, core, NULL), "no arena");
    for (unsigned move = 0; move < MOVES; move++) {
        churn(core, &heap, chunks, move);
        // The heap is closed before every other move, and left open before the others.
        if (move % 2 == 0) {
            ft_core_close(&heap);
        }
        unsigned char *next = ground + (size_t)(move * 37 % 64) * (REGION_BYTES / 64);
        memmove(next, region, REGION_BYTES);
        region = next;
        core = ft_core_attach(region);
        expect(core != NULL && ft_core_check(core), "what was moved is no arena");
        if (move % 2 != 0) {
            ft_core_revive(core);
        }
        expect(ft_core_open(&heap, core, NULL), "no heap");
        expect(ft_core_check(core), "it does not hold together");
    }
    expect(ft_core_figures(core).heap_count == 1, "there are more heaps than one");
    for (unsigned each = 0; each < COUNT; each++) {
        expect(ft_core_free(&heap, at(core, chunks[each])) == FT_CORE_OK, "a chunk is lost");
    }
    ft_core_trim(&heap);
    expect(ft_core_figures(core).used_bytes == 0, "something is left");
    free(ground);
    return 0;
}
