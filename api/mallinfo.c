// SPDX-License-Identifier: MIT
// glibc's questions about the heap: mallinfo, mallinfo2, malloc_info, malloc_stats, answered from a census. What each
// figure means here is told in ft_malloc.h.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/stats.h"
#include "platform/platform.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

// Those included that are on their way to the system.
static size_t mapping_bytes(const struct census *census)
{
    return census->committed_bytes - census->section_bytes;
}

// Ranges of sections that are on their way to the system.
static size_t leaving_bytes(const struct census *census)
{
    size_t held = census->mappings.live_bytes + census->mappings.rounding_bytes;
    return census->bytes[CENSUS_LEAVING] - (mapping_bytes(census) - held);
}

static struct ft_mallinfo2 info_of(const struct census *census)
{
    struct ft_mallinfo2 info = {
        .arena = census->section_bytes,
        .ordblks = census->free_run_count + census->hand_count,
        .hblks = census->mappings.count,
        .hblkhd = mapping_bytes(census),
        .fsmblks = census->bytes[CENSUS_STACKS] + census->bytes[CENSUS_HOME],
        .uordblks = census->runs.live_bytes + census->runs.rounding_bytes,
        .keepcost = census->bytes[CENSUS_DIRTY],
    };
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        const struct census_class *counts = &census->classes[size_class];
        info.smblks += counts->stack_count + counts->home_count;
        info.ordblks += counts->free_count - counts->stack_count - counts->home_count;
        info.uordblks += counts->live_bytes + counts->rounding_bytes;
    }
    info.fordblks = info.fsmblks + census->bytes[CENSUS_ZONES] + census->bytes[CENSUS_HANDS] +
                    census->bytes[CENSUS_DIRTY] + census->bytes[CENSUS_CLEAN] +
                    census->bytes[CENSUS_VIRGIN] + leaving_bytes(census);
    return info;
}

EXPORT struct ft_mallinfo2 mallinfo2(void)
{
    struct census census;
    stats_take(&census);
    return info_of(&census);
}

static int saturated(size_t number)
{
    return number <= INT_MAX ? (int)number : INT_MAX;
}

EXPORT struct ft_mallinfo mallinfo(void)
{
    struct census census;
    stats_take(&census);
    struct ft_mallinfo2 info = info_of(&census);
    return (struct ft_mallinfo){
        .arena = saturated(info.arena),
        .ordblks = saturated(info.ordblks),
        .smblks = saturated(info.smblks),
        .hblks = saturated(info.hblks),
        .hblkhd = saturated(info.hblkhd),
        .fsmblks = saturated(info.fsmblks),
        .uordblks = saturated(info.uordblks),
        .fordblks = saturated(info.fordblks),
        .keepcost = saturated(info.keepcost),
    };
}

// ---- malloc_stats -------------------------------------------------------------------------------

static void append_line(struct text *text, const char *title, size_t number)
{
    size_t start = text->length;
    text_string(text, title);
    stats_pad(text, start, 17);
    text_string(text, "=");
    // glibc has ten columns, and more if the number needs them.
    char bytes[24];
    struct text digits = {.bytes = bytes, .room = sizeof(bytes)};
    text_decimal(&digits, number);
    stats_pad(text, start, digits.length < 11 ? 29 - digits.length : 19);
    text_bytes(text, digits.bytes, digits.length);
    text_string(text, "\n");
}

EXPORT void malloc_stats(void)
{
    int saved = errno;
    struct census census;
    struct stats_output output;
    struct text *text = &output.print.text;
    stats_take(&census);
    struct ft_mallinfo2 info = info_of(&census);
    stats_begin(&output, PLATFORM_ERRORS);
    text_string(text, "Arena 0:\n");
    append_line(text, "system bytes", info.arena);
    append_line(text, "in use bytes", info.uordblks);
    text_string(text, "Total (incl. mmap):\n");
    append_line(text, "system bytes", info.arena + info.hblkhd);
    append_line(text, "in use bytes", info.uordblks + info.hblkhd);
    append_line(text, "mmap regions", info.hblks);
    append_line(text, "mmap bytes", info.hblkhd);
    stats_end(&output);
    errno = saved;
}

// ---- malloc_info --------------------------------------------------------------------------------

// `<name type="type" size="1"/>`, with count="2" before the size unless that is SIZE_MAX.
static void append_element(struct text *text, const char *name, const char *type, size_t count,
                           size_t bytes)
{
    text_string(text, "<");
    text_string(text, name);
    text_string(text, " type=\"");
    text_string(text, type);
    if (count != SIZE_MAX) {
        text_string(text, "\" count=\"");
        text_decimal(text, count);
    }
    text_string(text, "\" size=\"");
    text_decimal(text, bytes);
    text_string(text, "\"/>\n");
}

// `<size from="33" to="48" total="96" count="2"/>`: the free chunks of a class.
static void append_size(struct text *text, const struct census *census, unsigned size_class)
{
    size_t bytes = size_class_bytes(size_class);
    size_t count = census->classes[size_class].free_count;
    text_string(text, "  <size from=\"");
    text_decimal(text, size_class == 0 ? 0 : size_class_bytes(size_class - 1) + 1);
    text_string(text, "\" to=\"");
    text_decimal(text, bytes);
    text_string(text, "\" total=\"");
    text_decimal(text, count * bytes);
    text_string(text, "\" count=\"");
    text_decimal(text, count);
    text_string(text, "\"/>\n");
}

static void append_totals(struct text *text, const struct ft_mallinfo2 *info)
{
    append_element(text, "total", "fast", info->smblks, info->fsmblks);
    append_element(text, "total", "rest", info->ordblks, info->fordblks - info->fsmblks);
}

static void append_system(struct text *text, const struct census *census)
{
    size_t bytes = census->section_bytes;
    append_element(text, "system", "current", SIZE_MAX, bytes);
    append_element(text, "system", "max", SIZE_MAX, census->section_bytes_max);
    append_element(text, "aspace", "total", SIZE_MAX, bytes + census->reserved_bytes);
    append_element(text, "aspace", "mprotect", SIZE_MAX, bytes);
}

// Hands what there is to the stream, which is no cancellation point of the program's here. Whether it took all of it.
static bool send(struct text *text, FILE *stream)
{
    int cancel = platform_cancel_disable();
    bool is_done = fwrite(text->bytes, 1, text->length, stream) == text->length;
    platform_cancel_restore(cancel);
    text->length = 0;
    return is_done;
}

EXPORT int malloc_info(int options, FILE *stream)
{
    if (options != 0) {
        return EINVAL;
    }
    struct census census;
    struct print print;
    struct text *text = &print.text;
    stats_take(&census);
    struct ft_mallinfo2 info = info_of(&census);
    print_begin(&print);
    text_string(text, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        if (census.classes[size_class].free_count != 0) {
            append_size(text, &census, size_class);
        }
    }
    bool is_done = send(text, stream);
    text_string(text, "</sizes>\n");
    append_totals(text, &info);
    append_system(text, &census);
    text_string(text, "</heap>\n");
    append_totals(text, &info);
    append_element(text, "total", "mmap", info.hblks, info.hblkhd);
    append_system(text, &census);
    text_string(text, "</malloc>\n");
    is_done = send(text, stream) && is_done;
    return is_done ? 0 : -1;
}
