// SPDX-License-Identifier: MIT
#include "core/zone_idle.h"

#include "core/bits.h"
#include "core/check.h"

#include <string.h>

// The first chunk from `index` on whose free bit is set, or is not; fresh_index if there is none below.
static uint32_t next_with(const struct zone *zone, uint32_t index, bool is_free)
{
    uintptr_t flip = is_free ? 0 : ~(uintptr_t)0;
    while (index < zone->fresh_index) {
        uintptr_t word = zone_free_words(zone)[index / BITS_PER_WORD] ^ flip;
        word &= ~(uintptr_t)0 << (index % BITS_PER_WORD);
        if (word != 0) {
            index = index / (uint32_t)BITS_PER_WORD * (uint32_t)BITS_PER_WORD + bits_lowest(word);
            break;
        }
        index = (index / (uint32_t)BITS_PER_WORD + 1) * (uint32_t)BITS_PER_WORD;
    }
    return index < zone->fresh_index ? index : zone->fresh_index;
}

static uintptr_t address_of(const struct zone *zone, uint32_t index)
{
    return (uintptr_t)zone_chunk(zone, index);
}

// Whether a chunk is a reason to purge the pages from `low` to `high`: it may hold old bytes there.
static bool is_reason(const struct zone *zone, uint32_t index, uintptr_t low, uintptr_t high)
{
    uintptr_t start = address_of(zone, index);
    return start < high && start + zone->chunk_bytes > low &&
           !state_is_zero(zone_state(zone, index));
}

// The pages that only chunks from `first` up to `end` touch, as far as those that may hold old bytes reach.
static struct range pages_of(const struct zone *zone, uint32_t first, uint32_t end,
                             size_t page_bytes)
{
    uintptr_t low = bits_align_up(address_of(zone, first), page_bytes);
    uintptr_t high = address_of(zone, end) & ~(uintptr_t)(page_bytes - 1);
    if (end == zone->chunk_count) { // behind its last chunk the zone has nothing in that page
        high = bits_align_up(address_of(zone, end), page_bytes);
    }
    if (end > zone->fresh_index && !zone->is_cut_dirty) {
        end = zone->fresh_index;
    }
    while (first < end && !is_reason(zone, first, low, high)) {
        first++;
    }
    while (first < end && !is_reason(zone, end - 1, low, high)) {
        end--;
    }
    uintptr_t dirty_low = address_of(zone, first) & ~(uintptr_t)(page_bytes - 1);
    uintptr_t dirty_high = bits_align_up(address_of(zone, end), page_bytes);
    low = low > dirty_low ? low : dirty_low;
    high = high < dirty_high ? high : dirty_high;
    return (struct range){.base = low, .bytes = first < end && high > low ? high - low : 0};
}

bool zone_find_idle(const struct zone *zone, uint32_t *from, size_t page_bytes, size_t least_bytes,
                    struct range *range)
{
    while (*from < zone->chunk_count) {
        uint32_t first = next_with(zone, *from, true);
        uint32_t end = first < zone->fresh_index ? next_with(zone, first, false) : first;
        // Chunks that were not handed out since the zone was cut are free as well.
        end = end == zone->fresh_index ? zone->chunk_count : end;
        *from = end;
        *range = pages_of(zone, first, end, page_bytes);
        if (range->bytes >= least_bytes && range->bytes != 0) {
            return true;
        }
    }
    return false;
}

// Makes the chunks that were not handed out since the zone was cut free ones like the others.
static void absorb(struct zone *zone)
{
    while (zone->fresh_index < zone->chunk_count) {
        uint32_t index = zone->fresh_index++;
        zone_give(zone, index);
        zone->clean_count += state_is_zero(zone_state(zone, index));
    }
}

// Clears what of a free chunk lies outside of a range whose bytes are zero.
static void clear_outside(const struct zone *zone, uint32_t index, const struct range *range)
{
    uintptr_t start = address_of(zone, index);
    uintptr_t end = start + zone->chunk_bytes;
    uintptr_t range_end = range->base + range->bytes;
    if (start < range->base) {
        memset((void *)start, 0, range->base - start);
    }
    if (end > range_end) {
        memset((void *)range_end, 0, end - range_end);
    }
}

void zone_note_clean(struct zone *zone, const struct range *range)
{
    size_t skipped = range->base - (uintptr_t)zone_base(zone);
    uint32_t end = (uint32_t)bits_divide_up(skipped + range->bytes, zone->chunk_bytes);
    end = end < zone->chunk_count ? end : zone->chunk_count;
    if (end > zone->fresh_index && zone->is_cut_dirty) {
        absorb(zone);
    }
    end = end < zone->fresh_index ? end : zone->fresh_index;
    for (uint32_t index = (uint32_t)(skipped / zone->chunk_bytes); index < end; index++) {
        CHECK(zone_holds(zone, index));
        if (!state_is_zero(zone_state(zone, index))) {
            clear_outside(zone, index, range);
            zone_set_state(zone, index, STATE_CLEAN);
            zone->clean_count++;
        }
    }
}

void zone_lose(struct zone *zone, const struct range *range)
{
    size_t skipped = range->base - (uintptr_t)zone_base(zone);
    uint32_t end = (uint32_t)bits_divide_up(skipped + range->bytes, zone->chunk_bytes);
    end = end < zone->chunk_count ? end : zone->chunk_count;
    absorb(zone);
    for (uint32_t index = (uint32_t)(skipped / zone->chunk_bytes); index < end; index++) {
        CHECK(zone_holds(zone, index));
        zone->clean_count -= zone->clean_count != 0;
        zone_free_words(zone)[index / BITS_PER_WORD] &= ~((uintptr_t)1 << index % BITS_PER_WORD);
        zone->free_count--;
        zone_set_live(zone, zone_state_at(zone, index), zone->chunk_bytes);
    }
}
