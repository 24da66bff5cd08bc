// SPDX-License-Identifier: MIT
// show_alloc_mem_ex: the heap as show_alloc_mem tells it, with how full each zone is, what each chunk holds, and the last
// calls. As there, a buffer on the stack is filled under the lock, and written without it; in a large chunk the lock is let
// go, too, and who goes on looks first whether the chunk is still there.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/locate.h"
#include "api/print.h"
#include "core/chunk.h"
#include "core/dump.h"
#include "core/show.h"

#include <errno.h>
#include <string.h>

enum {
    BAR_COLUMNS = 40,
    BAR_LINE_BYTES = 160,  // the longest line of a bar
    WINDOW_BYTES = 1024,   // that are copied at a time; a multiple of DUMP_ROW_BYTES
    FULL_PERCENT = 85,     // a zone that is as full is shown in another colour,
    PART_FULL_PERCENT = 40 // and so is one that is less full than this
};

static const char colour_none[] = "\033[0m";
static const char colour_zone[] = "\033[1m";
static const char colour_chunk[] = "\033[36m";
static const char colour_high[] = "\033[32m";
static const char colour_middle[] = "\033[33m";
static const char colour_low[] = "\033[31m";

// Bytes of a chunk that are being told.
struct content {
    struct dump dump;
    uintptr_t chunk; // where the chunk begins; 0: nothing is being told
    uintptr_t next;  // the first byte that was not told
    uintptr_t end;
};

struct show_ex {
    struct print print;
    struct walk walk;
    struct walk_step step;
    struct show show;
    struct content content;
    bool has_colour;
};

// Colour is for terminals, and for who has not said NO_COLOR.
static bool wants_colour(void)
{
    static const char name[] = "NO_COLOR=";
    const char *entry;
    for (size_t index = 0; (entry = platform_environment(index)) != NULL; index++) {
        if (strncmp(entry, name, sizeof(name) - 1) == 0 && entry[sizeof(name) - 1] != '\0') {
            return false;
        }
    }
    return platform_is_terminal(PLATFORM_OUTPUT);
}

static void set_colour(struct show_ex *ex, const char *colour)
{
    if (ex->has_colour) {
        text_string(&ex->print.text, colour);
    }
}

static bool has_room(const struct show_ex *ex)
{
    return ex->print.text.length < PRINT_BYTES - SHOW_LINE_BYTES - BAR_LINE_BYTES;
}

// How many chunks are in use in the zone that the walk has just told, and how many bytes were requested of them.
static size_t count_chunks(const struct walk *walk, uint64_t *bytes)
{
    struct walk ahead = *walk;
    struct walk_step step;
    size_t count = 0;
    *bytes = 0;
    while ((step = walk_next(&global.arena, &ahead)).what == WALK_CHUNK) {
        *bytes += step.bytes;
        count++;
    }
    return count;
}

// "[##########..............................]  25 %, 100 chunks in use, 16384 of 65536 bytes"
static void tell_bar(struct show_ex *ex)
{
    struct text *text = &ex->print.text;
    uint64_t bytes;
    size_t count = count_chunks(&ex->walk, &bytes);
    uint64_t whole = ex->step.bytes != 0 ? ex->step.bytes : 1;
    unsigned percent = (unsigned)(bytes * 100 / whole);
    set_colour(ex, percent >= FULL_PERCENT        ? colour_high
                   : percent >= PART_FULL_PERCENT ? colour_middle
                                                  : colour_low);
    text_string(text, "[");
    for (unsigned column = 0; column < BAR_COLUMNS; column++) {
        text_string(text, (column + 1) * 100 <= percent * BAR_COLUMNS ? "#" : ".");
    }
    text_string(text, "]");
    set_colour(ex, colour_none);
    text_string(text, " ");
    text_decimal(text, percent);
    text_string(text, " %, ");
    text_decimal(text, count);
    text_string(text, count == 1 ? " chunk in use, " : " chunks in use, ");
    text_decimal(text, bytes);
    text_string(text, " of ");
    text_decimal(text, ex->step.bytes);
    text_string(text, " bytes\n");
}

// With the lock held. The next lines of what a chunk holds.
static void tell_content(struct show_ex *ex)
{
    struct content *content = &ex->content;
    struct chunk chunk = chunk_locate(&global.arena, (const void *)content->chunk);
    bool is_there = chunk_is_held_at(&chunk, (const void *)content->chunk) &&
                    content->end <= content->chunk + chunk.requested;
    if (!is_there || content->next == content->end) {
        content->chunk = 0;
        return;
    }
    unsigned char window[WINDOW_BYTES];
    size_t left = content->end - content->next;
    size_t count = left < WINDOW_BYTES ? left : WINDOW_BYTES;
    size_t copied = platform_peek(window, (const void *)content->next, count);
    if (copied != count) {
        text_pointer(&ex->print.text, content->next);
        text_string(&ex->print.text, "  cannot be read\n");
        content->chunk = 0;
        return;
    }
    content->next +=
        dump_rows(&content->dump, &ex->print.text, content->next, window, count, count == left);
}

// With the lock held. The next zone, chunk, or the sum.
static void tell_step(struct show_ex *ex)
{
    ex->step = walk_next(&global.arena, &ex->walk);
    set_colour(ex, ex->step.what == WALK_CHUNK ? colour_chunk : colour_zone);
    show_step(&ex->show, &ex->print.text, &ex->step);
    set_colour(ex, colour_none);
    if (ex->step.what == WALK_ZONE) {
        tell_bar(ex);
    } else if (ex->step.what == WALK_CHUNK) {
        ex->content = (struct content){
            .chunk = (uintptr_t)ex->step.base,
            .next = (uintptr_t)ex->step.base,
            .end = (uintptr_t)ex->step.base + ex->step.bytes,
        };
    }
}

static void begin(struct show_ex *ex)
{
    memset(&ex->walk, 0, sizeof(ex->walk));
    ex->step = (struct walk_step){.what = WALK_ZONE};
    ex->show = (struct show){.total = 0};
    ex->content = (struct content){.chunk = 0};
    ex->has_colour = wants_colour();
    print_begin(&ex->print);
}

EXPORT void show_alloc_mem_ex(void)
{
    int saved = errno;
    struct show_ex ex;
    begin(&ex);
    while (ex.step.what != WALK_END) {
        global_lock();
        walk_resume(&ex.walk);
        while (ex.step.what != WALK_END && has_room(&ex)) {
            if (ex.content.chunk != 0) {
                tell_content(&ex);
            } else {
                tell_step(&ex);
            }
        }
        global_unlock();
        print_write(&ex.print, PLATFORM_OUTPUT);
    }
    if (global.history.room != 0) {
        history_print_calls(PLATFORM_OUTPUT);
    }
    errno = saved;
}

EXPORT void show_alloc_mem_ex_at(const void *ptr, size_t offset, size_t bytes)
{
    int saved = errno;
    struct show_ex ex;
    begin(&ex);
    struct chunk chunk = locate_chunk(ptr);
    if (chunk.status != CHUNK_LIVE) {
        text_pointer(&ex.print.text, (uintptr_t)ptr);
        text_string(&ex.print.text, " is in no chunk in use\n");
        print_write(&ex.print, PLATFORM_OUTPUT);
        errno = saved;
        return;
    }
    ex.step = (struct walk_step){.what = WALK_CHUNK, .base = chunk.base, .bytes = chunk.requested};
    set_colour(&ex, colour_chunk);
    show_step(&ex.show, &ex.print.text, &ex.step);
    set_colour(&ex, colour_none);
    size_t inside = (uintptr_t)ptr - (uintptr_t)chunk.base;
    size_t room = inside < chunk.requested ? chunk.requested - inside : 0;
    room = offset < room ? room - offset : 0;
    if (room != 0) {
        ex.content.chunk = (uintptr_t)chunk.base;
        ex.content.next = (uintptr_t)ptr + offset;
        ex.content.end = ex.content.next + (bytes < room ? bytes : room);
    }
    do {
        global_lock();
        while (ex.content.chunk != 0 && has_room(&ex)) {
            tell_content(&ex);
        }
        global_unlock();
        print_write(&ex.print, PLATFORM_OUTPUT);
    } while (ex.content.chunk != 0);
    errno = saved;
}
