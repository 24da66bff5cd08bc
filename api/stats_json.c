// SPDX-License-Identifier: MIT
// The heap as one JSON object (RFC 8259). All numbers are whole: bytes or counts. Classes without a zone are left out.
#include "api/stats.h"

// `"name": 123`, with a comma before it unless it is the first of its object.
static void append_member(struct text *text, const char *name, uint64_t number, bool is_first)
{
    text_string(text, is_first ? "\"" : ", \"");
    text_string(text, name);
    text_string(text, "\": ");
    text_decimal(text, number);
}

static void append_class(struct text *text, const struct census_class *counts, unsigned size_class)
{
    text_string(text, "{");
    append_member(text, "bytes", size_class_bytes(size_class), true);
    append_member(text, "zones", counts->zone_count, false);
    append_member(text, "zone_bytes", counts->zone_bytes, false);
    append_member(text, "tail_bytes", counts->tail_bytes, false);
    append_member(text, "live", counts->live_count, false);
    append_member(text, "live_bytes", counts->live_bytes, false);
    append_member(text, "rounding_bytes", counts->rounding_bytes, false);
    append_member(text, "free", counts->free_count, false);
    append_member(text, "fresh", counts->fresh_count, false);
    append_member(text, "home", counts->home_count, false);
    append_member(text, "stacks", counts->stack_count, false);
    text_string(text, "}");
}

static void append_large(struct text *text, const char *name, const struct census_large *counts)
{
    text_string(text, ",\n\"");
    text_string(text, name);
    text_string(text, "\": {");
    append_member(text, "live", counts->count, true);
    append_member(text, "live_bytes", counts->live_bytes, false);
    append_member(text, "rounding_bytes", counts->rounding_bytes, false);
    text_string(text, "}");
}

void stats_json(struct stats_output *output, const struct census *census)
{
    struct text *text = &output->print.text;
    text_string(text, "{");
    append_member(text, "committed_bytes", census->committed_bytes, true);
    append_member(text, "committed_bytes_max", census->committed_bytes_max, false);
    append_member(text, "reserved_bytes", census->reserved_bytes, false);
    append_member(text, "untouched_bytes", census->untouched_bytes, false);
    append_member(text, "heap_bytes", census->heap_bytes, false);
    append_member(text, "leaf_bytes", census->leaf_bytes, false);
    append_member(text, "sections", census->section_count, false);
    append_member(text, "heaps", census->heap_count, false);
    text_string(text, ",\n\"parts\": {");
    for (unsigned part = 0; part < CENSUS_PART_COUNT; part++) {
        append_member(text, stats_parts[part].name, census->bytes[part], part == 0);
    }
    text_string(text, "},\n\"classes\": [");
    const char *between = "\n";
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        if (census->classes[size_class].zone_count != 0) {
            stats_go_on(output);
            text_string(text, between);
            append_class(text, &census->classes[size_class], size_class);
            between = ",\n";
        }
    }
    text_string(text, "]");
    append_large(text, "runs", &census->runs);
    append_large(text, "mappings", &census->mappings);
    text_string(text, "}\n");
}
