// SPDX-License-Identifier: MIT
#include "api/holders.h"

#include "core/bits.h"
#include "platform/platform.h"

#include <stdint.h>
#include <string.h>

static struct holder *table_of(struct holders *holders)
{
    return holders->more != NULL ? holders->more : holders->places;
}

static unsigned shift_of(const struct holders *holders)
{
    return holders->more != NULL ? holders->more_shift : HOLDERS_SHIFT;
}

// Threads are told apart by addresses far from each other: of those that are alike, other places.
static size_t home_of(const void *thread, unsigned shift)
{
    uint64_t scattered = (uint64_t)(uintptr_t)thread * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(scattered >> (64 - shift));
}

// The place of a thread's note, at its home or behind; or the free one where it would be.
static struct holder *place_of(struct holder *table, unsigned shift, const void *thread)
{
    size_t mask = ((size_t)1 << shift) - 1;
    size_t index = home_of(thread, shift);
    while (table[index].thread != NULL && table[index].thread != thread) {
        index = (index + 1) & mask;
    }
    return &table[index];
}

static size_t bytes_of(unsigned shift)
{
    return bits_align_up(sizeof(struct holder) << shift, platform_page_bytes());
}

// What cannot be given back is lost.
__attribute__((noinline, cold)) static void drop_more(struct holders *holders)
{
    (void)platform_release(holders->more, bytes_of(holders->more_shift));
    holders->more = NULL;
}

// Twice as many places, if there is memory for them.
__attribute__((noinline, cold)) static void grow(struct holders *holders)
{
    unsigned shift = shift_of(holders) + 1;
    struct holder *table = platform_map(bytes_of(shift), platform_page_bytes());
    if (table == NULL) {
        return;
    }
    const struct holder *old = table_of(holders);
    for (size_t index = 0; index < (size_t)1 << (shift - 1); index++) {
        if (old[index].thread != NULL) {
            *place_of(table, shift, old[index].thread) = old[index];
        }
    }
    if (holders->more != NULL) {
        drop_more(holders);
    }
    holders->more = table;
    holders->more_shift = shift;
}

void holders_note(struct holders *holders, const void *thread, struct heap *heap)
{
    if (holders->count >= (size_t)1 << (shift_of(holders) - 1)) {
        grow(holders);
    }
    // One place stays free, so that every search ends.
    if (holders->count < ((size_t)1 << shift_of(holders)) - 1) {
        *place_of(table_of(holders), shift_of(holders), thread) =
            (struct holder){.thread = thread, .heap = heap};
        holders->count++;
    }
}

// Fills a place that has become free with notes from behind it that are not at home, as long as there are any.
__attribute__((noinline)) static void close_gap(struct holders *holders, size_t gap)
{
    struct holder *table = table_of(holders);
    size_t mask = ((size_t)1 << shift_of(holders)) - 1;
    for (size_t index = (gap + 1) & mask; table[index].thread != NULL; index = (index + 1) & mask) {
        size_t home = home_of(table[index].thread, shift_of(holders));
        if (((index - home) & mask) >= ((index - gap) & mask)) {
            table[gap] = table[index];
            gap = index;
        }
    }
    table[gap].thread = NULL;
}

struct heap *holders_take(struct holders *holders, const void *thread)
{
    struct holder *table = table_of(holders);
    struct holder *place = place_of(table, shift_of(holders), thread);
    if (place->thread == NULL) {
        return NULL;
    }
    struct heap *heap = place->heap;
    close_gap(holders, (size_t)(place - table));
    holders->count--;
    return heap;
}

void holders_clear(struct holders *holders)
{
    if (holders->more != NULL) {
        drop_more(holders);
    }
    memset(holders, 0, sizeof(*holders));
}
