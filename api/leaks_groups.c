// SPDX-License-Identifier: MIT
#include "api/leaks_groups.h"

#include "api/frames.h"
#include "api/global.h"
#include "api/modules.h"
#include "api/print.h"
#include "core/address_map.h"
#include "core/bits.h"
#include "core/walk.h"

enum {
    ROOM_BYTES = 256,      // no line is longer but for paths
    PATH_BYTES_MAX = 4096, // the longest of these
    SLICE_LINE_WORDS = 8,
};

struct group {
    uint32_t stack;
    size_t count;
    uint64_t bytes;
    uintptr_t first; // the lowest address
    size_t unreachable_count;
};

struct groups {
    struct modules modules;
    struct group *list;
    size_t count;
    size_t room;
    struct address_map places; // from stacks to places in the list
    size_t bytes;              // of the memory of both
};

static bool open_groups(struct groups *groups)
{
    size_t page = platform_page_bytes();
    size_t room = global.stacks.table.count + 1;
    size_t list_bytes = bits_align_up(room * sizeof(struct group), page);
    size_t map_bytes = bits_align_up(4 * room * sizeof(struct address_map_entry), page);
    *groups = (struct groups){.room = room, .bytes = list_bytes + map_bytes};
    groups->list = platform_map(groups->bytes, page);
    if (groups->list != NULL) {
        address_map_init(&groups->places, (unsigned char *)groups->list + list_bytes, map_bytes);
        modules_load(&groups->modules);
    }
    return groups->list != NULL;
}

static void close_groups(struct groups *groups)
{
    modules_unload(&groups->modules);
    (void)platform_release(groups->list, groups->bytes);
}

// A stack as far as it makes sense.
static uint32_t cut_stack(const struct groups *groups, uint32_t stack)
{
    size_t count = frames_of(&groups->modules, stack).count;
    return global.stacks.copies || count == 0 ? stack : stacks_cut(stack, count);
}

// The group of a stack; NULL if it is new and there is no room.
static struct group *group_of(struct groups *groups, uint32_t stack)
{
    const uintptr_t *place = address_map_find(&groups->places, stack);
    if (place != NULL) {
        return &groups->list[*place];
    }
    uint32_t cut = cut_stack(groups, stack);
    place = address_map_find(&groups->places, cut);
    size_t index = place != NULL ? *place : groups->count;
    // Twice as many numbers as there can be groups fit.
    if (index == groups->room || !address_map_set(&groups->places, stack, index) ||
        !address_map_set(&groups->places, cut, index)) {
        return NULL;
    }
    if (index == groups->count) {
        groups->list[groups->count++].stack = cut;
    }
    return &groups->list[index];
}

static void collect(struct groups *groups, const struct leaks_scan *scan)
{
    struct walk walk = {.next = 0};
    struct walk_step step;
    global_lock();
    while ((step = walk_next(&global.arena, &walk)).what != WALK_END) {
        uint32_t stack = leaks_has(&step) ? stacks_of(step.base) : 0;
        struct group *group = stack != 0 ? group_of(groups, stack) : NULL;
        if (group != NULL) {
            group->first = group->count == 0 ? (uintptr_t)step.base : group->first;
            group->count++;
            group->bytes += step.bytes;
            group->unreachable_count += !leaks_scan_has(scan, step.base);
        }
    }
    global_unlock();
}

static bool is_before(const struct group *group, const struct group *other)
{
    return group->bytes != other->bytes ? group->bytes > other->bytes : group->first < other->first;
}

// Lets a group sink to its place in a heap whose root is the one that comes last.
static void sink(struct group *list, size_t index, size_t count)
{
    struct group group = list[index];
    for (size_t child; (child = 2 * index + 1) < count; index = child) {
        child += child + 1 < count && is_before(&list[child], &list[child + 1]);
        if (!is_before(&group, &list[child])) {
            break;
        }
        list[index] = list[child];
    }
    list[index] = group;
}

static void sort(struct groups *groups)
{
    for (size_t index = groups->count / 2; index-- > 0;) {
        sink(groups->list, index, groups->count);
    }
    for (size_t count = groups->count; count > 1; count--) {
        struct group last = groups->list[0];
        groups->list[0] = groups->list[count - 1];
        groups->list[count - 1] = last;
        sink(groups->list, 0, count - 1);
    }
}

// Makes room for a line with a path.
static void make_room(struct print *print, int descriptor)
{
    if (print->text.length > PRINT_BYTES - ROOM_BYTES) {
        print_tell(print, descriptor);
    }
}

static void tell_words(struct print *print, int descriptor, const char *what,
                       const uintptr_t *words, size_t count)
{
    make_room(print, descriptor);
    text_string(&print->text, what);
    for (size_t index = 0; index < count; index++) {
        text_string(&print->text, " ");
        text_hexadecimal(&print->text, words[index], 1);
    }
    text_string(&print->text, "\n");
}

// The registers, where the slice was, and its words.
static void tell_slice(struct print *print, int descriptor, uint32_t stack)
{
    const struct stacks_slice *slice = stacks_slice(stack);
    if (slice == NULL) {
        return;
    }
    const uintptr_t *words = (const uintptr_t *)(slice + 1);
    size_t count = slice->bytes / sizeof(uintptr_t);
    tell_words(print, descriptor, "    registers", slice->registers, PLATFORM_REGISTERS);
    tell_words(print, descriptor, "    stack", &slice->base, 1);
    for (size_t index = 0; index < count; index += SLICE_LINE_WORDS) {
        size_t left = count - index;
        tell_words(print, descriptor, "   ", words + index,
                   left < SLICE_LINE_WORDS ? left : SLICE_LINE_WORDS);
    }
}

static void tell_group(struct print *print, int descriptor, const struct groups *groups,
                       const struct group *group)
{
    struct text *text = &print->text;
    make_room(print, descriptor);
    text_string(text, "[LEAK] ");
    text_decimal(text, group->count);
    text_string(text, group->count == 1 ? " block, " : " blocks, ");
    text_decimal(text, group->bytes);
    text_string(text, group->count == 1 ? " bytes, at " : " bytes, the first at ");
    text_pointer(text, group->first);
    if (group->unreachable_count != 0) {
        text_string(text, ", unreachable: ");
        text_decimal(text, group->unreachable_count);
    }
    text_string(text, "\n");
    frames_tell(print, descriptor, &groups->modules, stacks_frames(group->stack));
    tell_slice(print, descriptor, group->stack);
}

// What was mapped where, in the system's words: by this tools find the code that a slice leads to.
static void tell_mappings(struct print *print, int descriptor)
{
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    if (!platform_mappings_open(&mappings, NULL)) {
        return;
    }
    while (platform_mappings_next(&mappings, &mapping)) {
        if (mapping.path_bytes != 0 && mapping.line_bytes < PATH_BYTES_MAX - ROOM_BYTES) {
            print_tell(print, descriptor);
            text_string(&print->text, "[MAP] ");
            text_bytes(&print->text, mapping.line, mapping.line_bytes);
            text_string(&print->text, "\n");
        }
    }
    platform_mappings_close(&mappings);
}

void leaks_groups_print(int descriptor, const struct leaks_scan *scan)
{
    struct groups groups;
    struct print print;
    print_begin(&print);
    if (!open_groups(&groups)) {
        text_string(&print.text, "(no memory to tell leaks by their call stacks)\n");
        print_tell(&print, descriptor);
        return;
    }
    collect(&groups, scan);
    sort(&groups);
    for (size_t index = 0; index < groups.count; index++) {
        tell_group(&print, descriptor, &groups, &groups.list[index]);
    }
    print_tell(&print, descriptor);
    if (global.stacks.copies && groups.count != 0) {
        tell_mappings(&print, descriptor);
        print_tell(&print, descriptor);
    }
    close_groups(&groups);
}
