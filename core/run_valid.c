// SPDX-License-Identifier: MIT
// Whether the invariants of a run table hold (run.h).
#include "core/run.h"

// Whether a free run is a member of the list of its length (R3).
static bool is_listed(const struct run_table *table, uint32_t first)
{
    uint32_t bin = run_bin_of(run_unit(table, first)->length);
    for (uint32_t unit = run_heads(table)[bin]; unit != RUN_LINK_NONE;
         unit = run_unit(table, unit)->next) {
        if (unit == first) {
            return (table->bitmap[bin / BITS_PER_WORD] >> (bin % BITS_PER_WORD) & 1) != 0;
        }
    }
    return false;
}

// Whether every list with a set bit has members and every other one has none (R3).
static bool bitmap_is_valid(const struct run_table *table)
{
    for (uint32_t bin = 0; bin < table->bin_count; bin++) {
        bool is_set = (table->bitmap[bin / BITS_PER_WORD] >> (bin % BITS_PER_WORD) & 1) != 0;
        if (is_set != (run_heads(table)[bin] != RUN_LINK_NONE)) {
            return false;
        }
    }
    for (uint32_t bin = table->bin_count; bin < RUN_BITMAP_BITS; bin++) {
        if ((table->bitmap[bin / BITS_PER_WORD] >> (bin % BITS_PER_WORD) & 1) != 0) {
            return false;
        }
    }
    return true;
}

// Whether the entries between a run's first and last are empty, but for a zone's notes (R1).
static bool inside_is_valid(const struct run_table *table, uint32_t first)
{
    const struct unit *head = run_unit(table, first);
    for (uint32_t unit = first + 1; unit + 1 < first + head->length; unit++) {
        const struct unit *entry = run_unit(table, unit);
        if (entry->kind != RUN_INSIDE || entry->length != 0 || entry->clean ||
            (entry->note != 0 && head->kind != RUN_ZONE)) {
            return false;
        }
    }
    return true;
}

bool run_table_is_valid(const struct run_table *table)
{
    uint32_t free_count = 0;
    uint32_t dirty_count = 0;
    bool before_is_free = false;
    uint32_t first = 0;
    while (first < table->fresh) {
        const struct unit *head = run_unit(table, first);
        if (head->kind == RUN_INSIDE || head->length == 0 || head->length > table->fresh - first) {
            return false;
        }
        const struct unit *tail = run_unit(table, first + head->length - 1);
        if (tail->kind != head->kind || tail->length != head->length ||
            !inside_is_valid(table, first)) {
            return false;
        }
        if (head->kind == RUN_FREE) {
            if (before_is_free || !is_listed(table, first)) {
                return false;
            }
            free_count += head->length;
            struct run_dirt dirt = run_dirt(table, first);
            if (dirt.end > head->length || dirt.count > dirt.end ||
                (dirt.end != 0 && dirt.count == 0) || (dirt.count == 0) != head->clean ||
                tail->clean != head->clean) {
                return false;
            }
            dirty_count += dirt.count;
        }
        before_is_free = head->kind == RUN_FREE;
        first += head->length;
    }
    for (uint32_t unit = table->fresh; unit < table->unit_count; unit++) {
        const struct unit *entry = run_unit(table, unit);
        if (entry->kind != RUN_INSIDE || entry->length != 0 || entry->clean || entry->note != 0) {
            return false;
        }
    }
    return table->fresh <= table->committed && table->committed <= table->unit_count &&
           free_count == table->free_count && dirty_count == table->dirty_count &&
           bitmap_is_valid(table);
}
