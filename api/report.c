// SPDX-License-Identifier: MIT
#include "api/report.h"

#include "api/global.h"
#include "api/past.h"

#include <string.h>

static const char *kind_name(const struct zone *zone)
{
    switch (zone->kind) {
    case ZONE_TINY: return "TINY";
    case ZONE_SMALL: return "SMALL";
    default: return "LARGE";
    }
}

static void tell_zone(struct text *text, const struct chunk *chunk)
{
    const struct zone *zone = chunk->zone;
    text_string(text, " in ");
    text_string(text, kind_name(zone));
    text_string(text, " zone ");
    text_address(text,
                 zone->chunk_bytes != 0 ? (uintptr_t)zone_base(zone) : (uintptr_t)chunk->base);
}

// "a free chunk of 48 bytes at 0x... in TINY zone 0x..."
static void tell_free_chunk(struct text *text, const struct chunk *chunk)
{
    if (chunk->status == CHUNK_NEVER || chunk->zone == NULL) {
        text_string(text, "memory of this allocator where no chunk ");
        text_string(text, chunk->status == CHUNK_NEVER ? "was" : "is any more");
        return;
    }
    text_string(text,
                chunk->status == CHUNK_HOME ? "a chunk on its way home, of " : "a free chunk of ");
    text_decimal(text, chunk->capacity);
    text_string(text, " bytes at ");
    text_address(text, (uintptr_t)chunk->base);
    tell_zone(text, chunk);
}

// "a chunk of 42 bytes at 0x... in TINY zone 0x..."
static void tell_live_chunk(struct text *text, const struct chunk *chunk)
{
    text_string(text, "chunk of ");
    text_decimal(text, chunk->requested);
    text_string(text, " bytes at ");
    text_address(text, (uintptr_t)chunk->base);
    tell_zone(text, chunk);
}

// Whatever it is by now.
static void tell_chunk(struct text *text, const struct chunk *chunk)
{
    if (chunk->status == CHUNK_LIVE) {
        text_string(text, "now a ");
        tell_live_chunk(text, chunk);
        return;
    }
    tell_free_chunk(text, chunk);
}

// What the misuse is, up to the pointer.
static void tell_misuse(struct text *text, const char *call, enum misuse_kind misuse)
{
    bool is_free = strncmp(call, "free", 4) == 0;
    switch (misuse) {
    case MISUSE_FOREIGN:
        text_string(text, call);
        text_string(text, " of a foreign pointer ");
        return;
    case MISUSE_RACING_FREE: text_string(text, "double free of "); return;
    case MISUSE_DOUBLE_FREE:
        text_string(text, is_free ? "double free of " : call);
        text_string(text, is_free ? "" : " of a freed pointer ");
        return;
    case MISUSE_NEVER_ALLOCATED:
        text_string(text, call);
        text_string(text, " of a pointer never allocated ");
        return;
    case MISUSE_INTERIOR:
        text_string(text, call);
        text_string(text, " of an interior pointer ");
        return;
    case MISUSE_WRONG_SIZE:
    case MISUSE_WRONG_ALIGNMENT:
    case MISUSE_NONE:
    default:
        text_string(text, call);
        text_string(text, " of ");
        return;
    }
}

// What is known of the pointer.
static void tell_pointer(struct text *text, enum misuse_kind misuse, const void *ptr, size_t bytes,
                         const struct chunk *chunk)
{
    switch (misuse) {
    case MISUSE_FOREIGN: text_string(text, ": no zone of this allocator holds it"); return;
    case MISUSE_INTERIOR:
        text_string(text, ": ");
        text_decimal(text, (uintptr_t)ptr - (uintptr_t)chunk->base);
        text_string(text, " bytes into the ");
        tell_live_chunk(text, chunk);
        return;
    case MISUSE_WRONG_SIZE:
        text_string(text, " with size ");
        text_decimal(text, bytes);
        text_string(text, ": it is the ");
        tell_live_chunk(text, chunk);
        return;
    case MISUSE_WRONG_ALIGNMENT:
        text_string(text, ": it is not aligned as said, the ");
        tell_live_chunk(text, chunk);
        return;
    case MISUSE_RACING_FREE:
        text_string(text, ": two threads freed it at the same time; ");
        tell_chunk(text, chunk);
        return;
    case MISUSE_DOUBLE_FREE:
    case MISUSE_NEVER_ALLOCATED:
    case MISUSE_NONE:
    default:
        text_string(text, ": ");
        tell_free_chunk(text, chunk);
        return;
    }
}

static enum option_answer answer_to(enum misuse_kind misuse)
{
    options_read(&global.options);
    return misuse == MISUSE_FOREIGN ? options_foreign(&global.options)
                                    : (enum option_answer)global.options.misuse;
}

bool report_begin(struct print *print, const char *call, enum misuse_kind misuse, const void *ptr)
{
    if (answer_to(misuse) == ANSWER_IGNORE) {
        return false;
    }
    print_begin(print);
    text_string(&print->text, "ft_malloc: ");
    tell_misuse(&print->text, call, misuse);
    text_address(&print->text, (uintptr_t)ptr);
    return true;
}

void report_end(struct print *print, enum misuse_kind misuse, const void *ptr, const void *base)
{
    int errors = output_errors();
    text_string(&print->text, "\n");
    print_tell(print, errors);
    past_tell(print, errors, ptr, base);
    if (answer_to(misuse) == ANSWER_ABORT) {
        platform_abort();
    }
}

void report_misuse(const char *call, enum misuse_kind misuse, const void *ptr, size_t bytes,
                   const struct chunk *chunk)
{
    struct print print;
    if (report_begin(&print, call, misuse, ptr)) {
        tell_pointer(&print.text, misuse, ptr, bytes, chunk);
        report_end(&print, misuse, ptr, misuse == MISUSE_INTERIOR ? chunk->base : ptr);
    }
}
