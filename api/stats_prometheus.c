// SPDX-License-Identifier: MIT
// The heap in Prometheus's text format 0.0.4: gauges, each with its HELP and TYPE. Classes without a zone are left out.
#include "api/stats.h"

static void append_head(struct text *text, const char *name, const char *sentence)
{
    text_string(text, "# HELP ");
    text_string(text, name);
    text_string(text, " ");
    text_string(text, sentence);
    text_string(text, "\n# TYPE ");
    text_string(text, name);
    text_string(text, " gauge\n");
}

static void append_number(struct text *text, uint64_t number)
{
    text_string(text, " ");
    text_decimal(text, number);
    text_string(text, "\n");
}

static void append_gauge(struct text *text, const char *name, const char *sentence, uint64_t number)
{
    append_head(text, name, sentence);
    text_string(text, name);
    append_number(text, number);
}

// `name{class="48",state="live"} 123`
static void append_class(struct text *text, const char *name, const char *class_name,
                         const char *label, const char *state, uint64_t number)
{
    text_string(text, name);
    text_string(text, "{class=\"");
    text_string(text, class_name);
    text_string(text, "\",");
    text_string(text, label);
    text_string(text, "=\"");
    text_string(text, state);
    text_string(text, "\"}");
    append_number(text, number);
}

static const char chunks_name[] = "ft_malloc_chunks";
static const char bytes_name[] = "ft_malloc_class_bytes";

// A class's name is its chunks' size.
struct class_name {
    char bytes[24];
};

static struct class_name name_of(unsigned size_class)
{
    struct class_name name = {.bytes = ""};
    struct text digits = {.bytes = name.bytes, .room = sizeof(name.bytes) - 1};
    text_decimal(&digits, size_class_bytes(size_class));
    return name;
}

static void append_chunks(struct stats_output *output, const struct census *census)
{
    struct text *text = &output->print.text;
    append_head(text, chunks_name, "Chunks by class, the size in bytes, and by state.");
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        const struct census_class *counts = &census->classes[size_class];
        if (counts->zone_count != 0) {
            struct class_name name = name_of(size_class);
            size_t elsewhere = counts->home_count + counts->stack_count;
            stats_go_on(output);
            append_class(text, chunks_name, name.bytes, "state", "live", counts->live_count);
            append_class(text, chunks_name, name.bytes, "state", "zone",
                         counts->free_count - elsewhere);
            append_class(text, chunks_name, name.bytes, "state", "stack", counts->stack_count);
            append_class(text, chunks_name, name.bytes, "state", "home", counts->home_count);
        }
    }
    stats_go_on(output);
    append_class(text, chunks_name, "run", "state", "live", census->runs.count);
    append_class(text, chunks_name, "mapping", "state", "live", census->mappings.count);
}

static void append_bytes(struct stats_output *output, const char *class_name, size_t live,
                         size_t rounding, size_t whole)
{
    struct text *text = &output->print.text;
    stats_go_on(output);
    append_class(text, bytes_name, class_name, "part", "live", live);
    append_class(text, bytes_name, class_name, "part", "rounding", rounding);
    append_class(text, bytes_name, class_name, "part", "free", whole - live - rounding);
}

static void append_all_bytes(struct stats_output *output, const struct census *census)
{
    append_head(&output->print.text, bytes_name, "Memory of each class, by what it serves as.");
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        const struct census_class *counts = &census->classes[size_class];
        if (counts->zone_count != 0) {
            struct class_name name = name_of(size_class);
            append_bytes(output, name.bytes, counts->live_bytes,
                         counts->rounding_bytes + counts->tail_bytes, counts->zone_bytes);
        }
    }
    const struct census_large *runs = &census->runs;
    const struct census_large *mappings = &census->mappings;
    append_bytes(output, "run", runs->live_bytes, runs->rounding_bytes,
                 runs->live_bytes + runs->rounding_bytes);
    append_bytes(output, "mapping", mappings->live_bytes, mappings->rounding_bytes,
                 mappings->live_bytes + mappings->rounding_bytes);
}

void stats_prometheus(struct stats_output *output, const struct census *census)
{
    struct text *text = &output->print.text;
    append_head(text, "ft_malloc_bytes", "Committed memory by the part that it is in.");
    for (unsigned part = 0; part < CENSUS_PART_COUNT; part++) {
        text_string(text, "ft_malloc_bytes{part=\"");
        text_string(text, stats_parts[part].name);
        text_string(text, "\"}");
        append_number(text, census->bytes[part]);
    }
    append_gauge(text, "ft_malloc_committed_bytes", "The sum of all parts.",
                 census->committed_bytes);
    append_gauge(text, "ft_malloc_committed_bytes_max", "The most that the sum ever was.",
                 census->committed_bytes_max);
    append_gauge(text, "ft_malloc_reserved_bytes", "Address space without access.",
                 census->reserved_bytes);
    append_gauge(text, "ft_malloc_untouched_bytes",
                 "Committed and never written since it was zero.", census->untouched_bytes);
    append_gauge(text, "ft_malloc_sections", "Sections of the arena.", census->section_count);
    append_gauge(text, "ft_malloc_heaps", "Heaps of threads, in use or waiting for one.",
                 census->heap_count);
    stats_go_on(output);
    append_chunks(output, census);
    stats_go_on(output);
    append_all_bytes(output, census);
}
