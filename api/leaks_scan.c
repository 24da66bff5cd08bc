// SPDX-License-Identifier: MIT
#include "api/leaks_scan.h"

#include "api/global.h"
#include "core/bits.h"
#include "core/section.h"
#include "core/walk.h"

#include <string.h>

enum {
    PIECE_BYTES = 64 << 10, // that are copied at a time
    OWN_MAX = 16,           // tables of ours
    HUGE_SHIFT =
        34, // mappings of 16 GiB and more are reserved for what is not there: nobody looks at them
};

struct piece_words {
    uintptr_t words[PIECE_BYTES / sizeof(uintptr_t)];
};

// The allocator's own memory, but for sections.
struct own {
    struct range ranges[OWN_MAX];
    size_t count;
};

static void add_own(struct own *own, const void *base, size_t bytes)
{
    if (base != NULL && bytes != 0) {
        own->ranges[own->count++] = (struct range){.base = (uintptr_t)base, .bytes = bytes};
    }
}

static void find_own(struct own *own, const struct leaks_scan *scan)
{
    own->count = 0;
    add_own(own, &global, sizeof(global));
    add_own(own, scan->reach.chunks, scan->bytes);
    add_own(own, (void *)global.leaks.early, global.leaks.early_bytes);
    add_own(own, global.history.events, global.history.room * sizeof(struct ft_malloc_event));
    add_own(own, global.stacks.table.base, global.stacks.table.bytes);
    add_own(own, global.stacks.owners.entries, global.stacks.owners_bytes);
    add_own(own, global.trace.lanes, global.trace.lanes_bytes);
    add_own(own, global.trace.told, global.trace.told_bytes);
    add_own(own, global.stacks.slice, sizeof(struct stacks_slice) + STACKS_SLICE_BYTES);
}

// The range of ours, or the chunk, that an address lies in; else the first that lies above it and below `end`, or an empty
// one at `end`. What is in chunks counts when they are reached.
static struct range next_own(const struct own *own, const struct reach *reach, uintptr_t at,
                             uintptr_t end)
{
    struct range found = {.base = end};
    for (size_t index = 0; index < own->count; index++) {
        const struct range *range = &own->ranges[index];
        if (range->base + range->bytes > at && range->base < found.base) {
            found = *range;
        }
    }
    for (const struct section *section = arena_first_section(&global.arena); section != NULL;
         section = arena_next_section(&global.arena, section)) {
        uintptr_t base = (uintptr_t)section;
        if (base + section->end > at && base < found.base) {
            found = (struct range){.base = base, .bytes = section->end};
        }
    }
    const struct reach_chunk *chunk = reach_above(reach, at);
    if (chunk != NULL && chunk->base < found.base) {
        found = (struct range){.base = chunk->base, .bytes = chunk->bytes};
    }
    return found;
}

// Looks at the words from one address to another, as far as they can be read.
static void look_at(struct reach *reach, struct piece_words *piece, uintptr_t at, uintptr_t end)
{
    at = bits_align_up(at, sizeof(uintptr_t));
    while (at < end) {
        size_t bytes = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
        size_t copied = platform_peek_surely(piece->words, (const void *)at, bytes);
        reach_look(reach, piece->words, copied / sizeof(uintptr_t));
        // A page that cannot be read is left out.
        at = copied == bytes ? at + bytes
                             : bits_align_up(at + copied + 1, global.arena.config.page_bytes);
    }
}

// The same for a mapping, but for what is ours of it.
static void look_at_mapping(struct reach *reach, struct piece_words *piece, const struct own *own,
                            uintptr_t at, uintptr_t end)
{
    while (at < end) {
        struct range ours = next_own(own, reach, at, end);
        if (ours.base > at) {
            look_at(reach, piece, at, ours.base);
        }
        at = ours.base + ours.bytes;
        if (ours.bytes == 0) {
            return;
        }
    }
}

// What the program may have written to, also if it has sealed it afterwards; but not what only comes from files.
static bool is_root(const struct platform_mapping *mapping)
{
    static const char devices[] = "/dev/";
    bool is_device = mapping->path_bytes >= sizeof(devices) - 1 &&
                     strncmp(mapping->path, devices, sizeof(devices) - 1) == 0;
    bool may_be_written = mapping->is_writable || mapping->path_bytes == 0;
    return mapping->is_readable && may_be_written && !mapping->is_shared && !is_device &&
           (uint64_t)(mapping->end - mapping->base) >> HUGE_SHIFT == 0;
}

// With the lock held. Looks at all that is not in chunks, and then at what that leads to. frame: the calling thread's last
// frame that counts.
static bool look_around(struct leaks_scan *scan, struct piece_words *piece, uintptr_t frame)
{
    struct reach *reach = &scan->reach;
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    struct own own;
    uintptr_t registers[PLATFORM_REGISTERS] = {0};
    if (!platform_mappings_open(&mappings, NULL)) {
        return false;
    }
    find_own(&own, scan);
    while (platform_mappings_next(&mappings, &mapping)) {
        if (is_root(&mapping)) {
            bool is_stack = frame >= mapping.base && frame < mapping.end;
            look_at_mapping(reach, piece, &own, is_stack ? frame : mapping.base, mapping.end);
        }
    }
    platform_mappings_close(&mappings);
    (void)platform_registers(registers);
    reach_look(reach, registers, PLATFORM_REGISTERS);
    for (const struct reach_chunk *chunk; (chunk = reach_next(reach)) != NULL;) {
        look_at(reach, piece, chunk->base, chunk->base + chunk->bytes);
    }
    return true;
}

// With the lock held. How many chunks there are; notes those that there is room for.
static size_t list_chunks(struct reach *reach)
{
    struct walk walk = {.next = 0};
    struct walk_step step;
    size_t count = 0;
    while ((step = walk_next(&global.arena, &walk)).what != WALK_END) {
        if (step.what == WALK_CHUNK) {
            count++;
            (void)(reach != NULL && reach_add(reach, (uintptr_t)step.base, step.bytes));
        }
    }
    return count;
}

// Whether the system lets the process look.
static bool can_peek(void)
{
    uintptr_t word = 1;
    uintptr_t copy = 0;
    return platform_peek_surely(&copy, &word, sizeof(word)) == sizeof(word) && copy == 1;
}

bool leaks_scan_begin(struct leaks_scan *scan)
{
    size_t page = platform_page_bytes();
    *scan = (struct leaks_scan){.bytes = 0};
    if (!can_peek()) {
        return false;
    }
    global_lock();
    size_t count = list_chunks(NULL);
    size_t piece_bytes = bits_align_up(sizeof(struct piece_words), page);
    size_t list_bytes = bits_align_up((count + 1) * sizeof(struct reach_chunk), page);
    size_t bytes = piece_bytes + list_bytes;
    unsigned char *region = platform_map(bytes, page);
    bool has_looked = false;
    if (region != NULL) {
        scan->bytes = bytes;
        reach_init(&scan->reach, region, list_bytes);
        (void)list_chunks(&scan->reach);
        struct piece_words *piece = (struct piece_words *)(region + list_bytes);
        has_looked = look_around(scan, piece, (uintptr_t)__builtin_frame_address(0));
    }
    global_unlock();
    if (!has_looked) {
        leaks_scan_end(scan);
    }
    return has_looked;
}

bool leaks_scan_has(const struct leaks_scan *scan, const void *chunk)
{
    return scan->bytes == 0 || reach_has(&scan->reach, (uintptr_t)chunk);
}

void leaks_scan_end(struct leaks_scan *scan)
{
    if (scan->bytes != 0) {
        (void)platform_release(scan->reach.chunks, scan->bytes);
        scan->bytes = 0;
    }
}
