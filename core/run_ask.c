// SPDX-License-Identifier: MIT
// Questions about the runs of a table, which change nothing.
#include "core/run.h"

uint32_t run_large_holding(const struct run_table *table, uint32_t unit)
{
    // Between the first and the last entry of a run, all are RUN_INSIDE.
    uint32_t first = unit;
    struct unit entry = run_unit_read(run_unit(table, first));
    while (first != 0 &&
           (entry.kind == RUN_INSIDE || (entry.kind == RUN_LARGE && entry.note == RUN_TAIL))) {
        entry = run_unit_read(run_unit(table, --first));
    }
    return entry.kind == RUN_LARGE && unit - first < entry.length ? first : RUN_NONE;
}

enum run_kind run_kind_at(const struct run_table *table, uint32_t unit)
{
    // The first entry down that is not RUN_INSIDE is the run's own.
    struct unit entry = run_unit_read(run_unit(table, unit));
    while (unit != 0 && entry.kind == RUN_INSIDE) {
        entry = run_unit_read(run_unit(table, --unit));
    }
    return entry.kind;
}

uint32_t run_longest_free(const struct run_table *table)
{
    for (uint32_t word = RUN_BITMAP_WORDS; word-- > 0;) {
        if (table->bitmap[word] != 0) {
            uint32_t bin = word * BITS_PER_WORD + bits_highest(table->bitmap[word]);
            return run_unit(table, run_heads(table)[bin])->length;
        }
    }
    return 0;
}

uint32_t run_frontier(const struct run_table *table)
{
    uint32_t start = table->fresh;
    if (start != 0 && run_unit(table, start - 1)->kind == RUN_FREE) {
        start -= run_unit(table, start - 1)->length;
    }
    return table->unit_count - start;
}

uint32_t run_dirtiest(const struct run_table *table)
{
    uint32_t dirtiest = RUN_NONE;
    uint32_t most = 0;
    for (uint32_t bin = table->bin_count; bin-- > 0;) {
        uint32_t first = run_heads(table)[bin];
        while (first != RUN_LINK_NONE && run_unit(table, first)->clean) {
            first = run_unit(table, first)->next;
        }
        if (first != RUN_LINK_NONE && run_dirt(table, first).count > most) {
            dirtiest = first;
            most = run_dirt(table, first).count;
        }
    }
    return dirtiest;
}
