// SPDX-License-Identifier: MIT
// ft_malloc_stats_print, and the table at the process's end that the option `stats` asks for. The census is taken under
// the lock; the words are put together and written without it.
#include "api/stats.h"

#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"

#include <errno.h>

enum { STATS_ROOM_BYTES = 512 }; // more than any few lines between two calls of stats_go_on()

const struct stats_part stats_parts[CENSUS_PART_COUNT] = {
    [CENSUS_LIVE] = {"live", "requested by the program",
                     "Bytes that the program has requested and not freed."},
    [CENSUS_ROUNDING] = {"rounding", "rounding",
                         "Bytes that live chunks and their runs are larger by, and ends of zones."},
    [CENSUS_ZONES] = {"zones", "free chunks in zones", "Free chunks in their zones."},
    [CENSUS_STACKS] = {"stacks", "free chunks in stacks", "Free chunks that threads have at hand."},
    [CENSUS_HANDS] = {"hands", "large chunks in hands",
                      "Free LARGE chunks that threads have at hand."},
    [CENSUS_HOME] = {"home", "free, on the way home",
                     "Chunks freed by other threads, on their way home."},
    [CENSUS_DIRTY] = {"dirty", "reserve, used before", "Free runs that were used before."},
    [CENSUS_CLEAN] = {"clean", "reserve, zero", "Free runs known to be zero."},
    [CENSUS_VIRGIN] = {"virgin", "reserve, never used", "Units that were never used."},
    [CENSUS_LEAVING] = {"leaving", "leaving", "Ranges on their way to the system."},
    [CENSUS_METADATA] = {"metadata", "metadata",
                         "Headers, run tables, records of zones, heaps, the zone map."},
};

void stats_begin(struct stats_output *output, int descriptor)
{
    print_begin(&output->print);
    output->descriptor = descriptor;
}

void stats_end(struct stats_output *output)
{
    print_tell(&output->print, output->descriptor);
}

void stats_go_on(struct stats_output *output)
{
    if (output->print.text.length > PRINT_BYTES - STATS_ROOM_BYTES) {
        stats_end(output);
    }
}

void stats_pad(struct text *text, size_t start, size_t column)
{
    while (text->length - start < column && text->length < text->room) {
        text_string(text, " ");
    }
}

// Digits in a buffer of their own, then in their columns.
static void append_right(struct text *text, const struct text *digits, unsigned columns)
{
    size_t start = text->length;
    stats_pad(text, start, columns > digits->length ? columns - digits->length : 0);
    text_bytes(text, digits->bytes, digits->length);
}

void stats_grouped(struct text *text, uint64_t number, unsigned columns)
{
    char plain_bytes[24];
    char bytes[32];
    struct text plain = {.bytes = plain_bytes, .room = sizeof(plain_bytes)};
    struct text digits = {.bytes = bytes, .room = sizeof(bytes)};
    text_decimal(&plain, number);
    for (size_t index = 0; index < plain.length; index++) {
        if (index != 0 && (plain.length - index) % 3 == 0) {
            text_string(&digits, ",");
        }
        text_bytes(&digits, plain.bytes + index, 1);
    }
    append_right(text, &digits, columns);
}

void stats_tenths(struct text *text, uint64_t tenths, unsigned columns)
{
    char bytes[32];
    struct text digits = {.bytes = bytes, .room = sizeof(bytes)};
    text_decimal(&digits, tenths / 10);
    text_string(&digits, ".");
    text_decimal(&digits, tenths % 10);
    append_right(text, &digits, columns);
}

uint64_t stats_share(uint64_t share, uint64_t whole, uint64_t scale)
{
    return whole == 0 ? 0 : (share * scale + whole / 2) / whole;
}

void stats_take(struct census *census)
{
    global_lock();
    census_take(&global.arena, census);
    global_unlock();
}

static void print_as(int descriptor, enum ft_malloc_stats_form form)
{
    struct census census;
    struct stats_output output;
    stats_take(&census);
    stats_begin(&output, descriptor);
    switch (form) {
    case FT_MALLOC_STATS_JSON: stats_json(&output, &census); break;
    case FT_MALLOC_STATS_PROMETHEUS: stats_prometheus(&output, &census); break;
    case FT_MALLOC_STATS_TABLE:
    default: stats_table(&output, &census); break;
    }
    stats_end(&output);
}

EXPORT int ft_malloc_stats_print(int descriptor, enum ft_malloc_stats_form form)
{
    if ((unsigned)form > FT_MALLOC_STATS_PROMETHEUS) {
        errno = EINVAL;
        return -1;
    }
    int saved = errno;
    print_as(descriptor, form);
    errno = saved;
    return 0;
}

void stats_end_of_process(void)
{
    int descriptor = output_descriptor();
    if (descriptor >= 0) {
        print_as(descriptor, FT_MALLOC_STATS_TABLE);
    }
}
