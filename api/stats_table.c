// SPDX-License-Identifier: MIT
// The heap as a table of 80 columns and at most 24 lines: where the memory is, part by part, and the size classes that
// have most of it.
#include "api/stats.h"

enum {
    TABLE_BAR_COLUMNS = 26,
    TABLE_CLASS_BAR_COLUMNS = 12,
    TABLE_TITLE_COLUMNS = 26,
    TABLE_CLASS_ROWS = 5, // classes that are shown
};

// "####", so many of the columns as the share is of the whole; a dot for what would be less than one.
static void append_bar(struct text *text, size_t share, size_t whole, unsigned columns)
{
    uint64_t length = stats_share(share, whole, columns);
    for (uint64_t column = 0; column < length; column++) {
        text_string(text, "#");
    }
    if (length == 0 && share != 0) {
        text_string(text, ".");
    }
}

// "  metadata     1,234,567"
static void append_amount(struct text *text, const char *title, size_t bytes)
{
    size_t start = text->length;
    text_string(text, "  ");
    text_string(text, title);
    stats_pad(text, start, TABLE_TITLE_COLUMNS);
    stats_grouped(text, bytes, 15);
}

// "  metadata     1,234,567    1.2 %  #"
static void append_part(struct text *text, const char *title, size_t bytes, size_t whole)
{
    append_amount(text, title, bytes);
    stats_tenths(text, stats_share(bytes, whole, 1000), 7);
    text_string(text, " %");
    if (bytes != 0) {
        text_string(text, "  ");
        append_bar(text, bytes, whole, TABLE_BAR_COLUMNS);
    }
    text_string(text, "\n");
}

static void append_parts(struct text *text, const struct census *census)
{
    text_string(text, "ft_malloc: where the memory is      bytes   share\n");
    for (unsigned part = 0; part < CENSUS_PART_COUNT; part++) {
        append_part(text, stats_parts[part].title, census->bytes[part], census->committed_bytes);
    }
    size_t untouched = census->untouched_bytes;
    append_amount(text, "sum: committed", census->committed_bytes);
    text_string(text, "           and ");
    stats_grouped(text, census->reserved_bytes, 0);
    text_string(text, " reserved\n");
    append_amount(text, "most that ever was", census->committed_bytes_max);
    text_string(text, "\n");
    append_part(text, "may be resident", census->committed_bytes - untouched,
                census->committed_bytes);
}

// What of a class's zones was ever used.
static size_t used_bytes(const struct census *census, unsigned size_class)
{
    const struct census_class *counts = &census->classes[size_class];
    return counts->zone_bytes - counts->fresh_count * size_class_bytes(size_class);
}

// The class that has used most, below `limit`; of those that are alike, the first above `after`.
static unsigned next_class(const struct census *census, size_t limit, unsigned after)
{
    unsigned next = SIZE_CLASS_COUNT;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        size_t bytes = used_bytes(census, size_class);
        bool is_left = bytes != 0 && (bytes < limit || (bytes == limit && size_class > after));
        if (is_left && (next == SIZE_CLASS_COUNT || bytes > used_bytes(census, next))) {
            next = size_class;
        }
    }
    return next;
}

// "  48           3           4,000        187,654        196,608   97.0 %  ###"
static void append_row(struct text *text, size_t start, size_t count, size_t live, size_t bytes,
                       const struct census *census)
{
    stats_pad(text, start, 12);
    stats_grouped(text, count, 13);
    stats_grouped(text, live, 16);
    stats_grouped(text, bytes, 16);
    stats_tenths(text, stats_share(live, bytes, 1000), 7);
    text_string(text, " %");
    if (bytes != 0) {
        text_string(text, "  ");
        append_bar(text, bytes, census->committed_bytes, TABLE_CLASS_BAR_COLUMNS);
    }
    text_string(text, "\n");
}

static void append_class(struct text *text, const struct census *census, unsigned size_class)
{
    const struct census_class *counts = &census->classes[size_class];
    size_t start = text->length;
    text_string(text, "  ");
    stats_grouped(text, size_class_bytes(size_class), 0);
    append_row(text, start, counts->live_count, counts->live_bytes, used_bytes(census, size_class),
               census);
}

static void append_large(struct text *text, const struct census *census, const char *title,
                         const struct census_large *counts)
{
    size_t start = text->length;
    text_string(text, title);
    append_row(text, start, counts->count, counts->live_bytes,
               counts->live_bytes + counts->rounding_bytes, census);
}

void stats_table(struct stats_output *output, const struct census *census)
{
    struct text *text = &output->print.text;
    append_parts(text, census);
    text_string(text, "  chunks of        in use       requested      ever used   in use\n");
    unsigned size_class = SIZE_CLASS_COUNT;
    size_t limit = SIZE_MAX;
    for (unsigned row = 0; row < TABLE_CLASS_ROWS; row++) {
        size_class = next_class(census, limit, size_class);
        if (size_class == SIZE_CLASS_COUNT) {
            break;
        }
        stats_go_on(output);
        append_class(text, census, size_class);
        limit = used_bytes(census, size_class);
    }
    stats_go_on(output);
    append_large(text, census, "  a run", &census->runs);
    append_large(text, census, "  a mapping", &census->mappings);
}
