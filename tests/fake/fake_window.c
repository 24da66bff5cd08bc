// SPDX-License-Identifier: MIT
#include "tests/fake/fake_window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WINDOW_BYTES ((uintptr_t)12 << 30)
#define WINDOW_ALIGN ((uintptr_t)4 << 30)     // eight leaves of the zone map cover as much
#define WINDOW_LOW ((uintptr_t)1 << 20)       // where the low window begins
#define WINDOW_TOP ((uintptr_t)1 << 47)       // where the high one ends, at most
#define WINDOW_TOP_STEP ((uintptr_t)64 << 30) // steps down in which a place for it is sought

enum {
    UNIT_BYTES = 1 << 16,
    SPAN_COUNT_MAX = 4096,
    GRANT_COUNT_MAX = 1024,
    ODD_PAGES = 3,
    UNASKED_EVERY = 9,
};

struct span {
    uintptr_t base;
    uintptr_t end;
    bool is_open;
};

struct fake_config fake_config = {.page_bytes = 4096}; // for calls before the first fake_reset()
static uintptr_t windows[FAKE_PLACE_COUNT];            // 0: not mapped yet
static uintptr_t window;                               // the one in use
static struct span spans[SPAN_COUNT_MAX];
static struct span next_spans[SPAN_COUNT_MAX];
static size_t span_count;
static struct fake_grant grants[GRANT_COUNT_MAX];
static size_t grant_count;

struct fake_books fake_books;
struct fake_limits fake_limits = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
struct fake_faults fake_faults;
struct fake_output fake_output;
void (*fake_leave)(void *value);
struct fake_fork fake_fork;

_Noreturn void window_complain(const char *what, uintptr_t base, size_t bytes)
{
    fprintf(stderr, "fake platform: %s: %#zx, %#zx bytes\n", what, (size_t)base, bytes);
    abort();
}

void window_count(enum fake_call call)
{
    fake_books.calls[call]++;
    errno = FAKE_ERRNO;
}

// ---- spans ----------------------------------------------------------------------------------------

static size_t append(size_t length, uintptr_t base, uintptr_t end, bool is_open)
{
    struct span *last = length != 0 ? &next_spans[length - 1] : NULL;
    if (last != NULL && last->end == base && last->is_open == is_open) {
        last->end = end;
        return length;
    }
    if (length == SPAN_COUNT_MAX) {
        window_complain("more spans than the fake can hold", base, end - base);
    }
    next_spans[length] = (struct span){.base = base, .end = end, .is_open = is_open};
    return length + 1;
}

// Writes to next_spans what the spans become if [base, end) gets this access. Returns how many they are.
static size_t plan_spans(uintptr_t base, uintptr_t end, enum window_access access)
{
    size_t length = 0;
    bool is_placed = access == WINDOW_NOTHING;
    for (size_t index = 0; index < span_count; index++) {
        struct span span = spans[index];
        if (span.base < base) {
            length = append(length, span.base, span.end < base ? span.end : base, span.is_open);
        }
        if (!is_placed && span.end > base) {
            length = append(length, base, end, access == WINDOW_OPEN);
            is_placed = true;
        }
        if (span.end > end) {
            length = append(length, span.base > end ? span.base : end, span.end, span.is_open);
        }
    }
    return is_placed ? length : append(length, base, end, access == WINDOW_OPEN);
}

size_t window_bytes_in(uintptr_t base, size_t bytes, bool only_open)
{
    uintptr_t end = base + bytes;
    size_t sum = 0;
    for (size_t index = 0; index < span_count; index++) {
        uintptr_t low = spans[index].base > base ? spans[index].base : base;
        uintptr_t high = spans[index].end < end ? spans[index].end : end;
        if (low < high && (spans[index].is_open || !only_open)) {
            sum += high - low;
        }
    }
    return sum;
}

bool window_holds(uintptr_t address)
{
    return address - window < WINDOW_BYTES;
}

// Makes the real system's pages zero ones, with access or without.
static void show(uintptr_t base, size_t bytes, bool is_open)
{
    int saved = errno;
    void *got = mmap((void *)base, bytes, is_open ? PROT_READ | PROT_WRITE : PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (got == MAP_FAILED) {
        window_complain("the real system refuses", base, bytes);
    }
    errno = saved;
}

void window_show_static(uintptr_t base, size_t bytes, bool is_open)
{
    int saved = errno;
    void *got = mmap((void *)base, bytes, is_open ? PROT_READ | PROT_WRITE : PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (got == MAP_FAILED) {
        window_complain("the real system refuses", base, bytes);
    }
    errno = saved;
}

bool window_change(uintptr_t base, size_t bytes, enum window_access access)
{
    size_t length = plan_spans(base, base + bytes, access);
    size_t was_there = window_bytes_in(base, bytes, false);
    size_t was_open = window_bytes_in(base, bytes, true);
    size_t reserved =
        fake_books.reserved_bytes - was_there + (access == WINDOW_NOTHING ? 0 : bytes);
    size_t committed = fake_books.committed_bytes - was_open + (access == WINDOW_OPEN ? bytes : 0);
    // What gives back or stays as it is may go on when a limit is lowered below what is in use; but under one on address
    // space the system refuses whatever is mapped, and looks for what it would replace later.
    if ((reserved > fake_limits.reserved_bytes && access != WINDOW_NOTHING) ||
        (committed > fake_limits.committed_bytes && committed > fake_books.committed_bytes) ||
        (length > fake_limits.mapping_count && length > span_count)) {
        return false;
    }
    memcpy(spans, next_spans, length * sizeof(spans[0]));
    span_count = length;
    fake_books.mapping_count = length;
    fake_books.reserved_bytes = reserved;
    fake_books.committed_bytes = committed;
    if (access == WINDOW_OPEN || was_open != 0) {
        show(base, bytes, access == WINDOW_OPEN);
    }
    return true;
}

void window_leave_dirt(uintptr_t base, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 4096) {
        memset((void *)(base + at), 0xA5, 16);
    }
}

void window_purge_in_part(uintptr_t base, size_t bytes)
{
    size_t half = bytes / 2 / fake_config.page_bytes * fake_config.page_bytes;
    size_t purged = fake_config.refused_purge == FAKE_PURGED_ALL ? bytes : half;
    bool any = fake_config.refused_purge == FAKE_PURGED_HALF ||
               fake_config.refused_purge == FAKE_PURGED_ALL;
    if (any && purged != 0) {
        show(base, purged, true);
    }
}

// ---- places ---------------------------------------------------------------------------------------

static uintptr_t align_up(uintptr_t address, size_t align)
{
    return (address + align - 1) & ~(uintptr_t)(align - 1);
}

// The first place at or above an address that suits the configuration.
static uintptr_t place_from(uintptr_t address, size_t align)
{
    if (fake_config.place == FAKE_LOW) {
        address = align_up(address + fake_config.page_bytes, UNIT_BYTES);
    } else if (fake_config.place == FAKE_ODD) {
        address = align_up(address, UNIT_BYTES) + ODD_PAGES * fake_config.page_bytes;
    }
    return align_up(address, align);
}

static uintptr_t find_up(size_t bytes, size_t align)
{
    uintptr_t start = window;
    if (fake_config.place == FAKE_ADJACENT) {
        size_t page = fake_config.page_bytes;
        start += WINDOW_ALIGN - (UNIT_BYTES / 2 + (256U << 20)) / page * page;
    }
    uintptr_t base = place_from(start, align);
    for (size_t index = 0; index < span_count; index++) {
        if (base + bytes > spans[index].base && base < spans[index].end) {
            base = place_from(spans[index].end, align);
        }
    }
    return base + bytes <= window + WINDOW_BYTES ? base : 0;
}

static uintptr_t find_down(size_t bytes, size_t align)
{
    uintptr_t base = (window + WINDOW_BYTES - bytes) & ~(uintptr_t)(align - 1);
    for (size_t index = span_count; index-- != 0;) {
        if (base + bytes > spans[index].base && base < spans[index].end) {
            base = (spans[index].base - bytes) & ~(uintptr_t)(align - 1);
        }
    }
    return base >= window ? base : 0;
}

uintptr_t window_find(size_t bytes, size_t align)
{
    if (bytes == 0 || bytes % fake_config.page_bytes != 0) {
        window_complain("a size that is no multiple of the page", 0, bytes);
    }
    if (bytes > WINDOW_BYTES || align > WINDOW_BYTES) {
        return 0;
    }
    return fake_config.place == FAKE_FALLING ? find_down(bytes, align) : find_up(bytes, align);
}

// ---- refusals -------------------------------------------------------------------------------------

static bool is_planned(uint64_t number)
{
    switch (fake_faults.when) {
    case FAKE_ONCE: return number == fake_faults.first;
    case FAKE_FROM_THEN_ON: return number >= fake_faults.first;
    case FAKE_PAIR: return number == fake_faults.first || number == fake_faults.second;
    case FAKE_NEVER:
    default: return false;
    }
}

bool window_is_refused(enum fake_call call)
{
    window_count(call);
    fake_books.refusable++;
    if (fake_config.lie == FAKE_REFUSES_UNASKED && fake_books.refusable % UNASKED_EVERY == 0) {
        return true;
    }
    bool matches = fake_faults.calls == 0 || (fake_faults.calls >> call & 1) != 0;
    fake_books.matching += matches ? 1 : 0;
    if (!matches || !is_planned(fake_books.matching)) {
        return false;
    }
    fake_books.refused++;
    fake_books.refused_by_plan++;
    return true;
}

bool window_refuse_unless(bool done)
{
    fake_books.refused += done ? 0 : 1;
    return done;
}

// ---- grants ---------------------------------------------------------------------------------------

void window_grant(uintptr_t base, size_t bytes)
{
    if (grant_count == GRANT_COUNT_MAX) {
        window_complain("more grants than the fake can hold", base, bytes);
    }
    for (size_t index = 0; index < grant_count; index++) {
        if (base < grants[index].base + grants[index].bytes && grants[index].base < base + bytes) {
            window_complain("what was given is given again", base, bytes);
        }
    }
    grants[grant_count++] = (struct fake_grant){.base = base, .bytes = bytes};
}

// Takes a part of a grant away; what is left on both sides of it stays.
static void cut_grant(struct fake_grant *grant, uintptr_t base, size_t bytes)
{
    uintptr_t end = base + bytes;
    uintptr_t grant_end = grant->base + grant->bytes;
    grant->bytes = base - grant->base;
    if (end != grant_end) {
        window_grant(end, grant_end - end);
    }
    if (grant->bytes == 0) {
        *grant = grants[--grant_count];
    }
}

void window_ungrant(uintptr_t base, size_t bytes, bool done)
{
    for (size_t index = 0; index < grant_count; index++) {
        struct fake_grant *grant = &grants[index];
        if (base - grant->base >= grant->bytes) {
            continue;
        }
        if (bytes > grant->base + grant->bytes - base) {
            break;
        }
        if (done) {
            cut_grant(grant, base, bytes);
        } else {
            grant->is_stuck = true;
        }
        return;
    }
    window_complain("what was not given in one piece is released", base, bytes);
}

const struct fake_grant *fake_grant_at(size_t index)
{
    return index < grant_count ? &grants[index] : NULL;
}

// ---- the test's side ------------------------------------------------------------------------------

// A window at this address, or 0.
static uintptr_t window_at(uintptr_t base)
{
    void *got = mmap((void *)base, WINDOW_BYTES, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MAP_FAILED && (uintptr_t)got != base) {
        munmap(got, WINDOW_BYTES);
        return 0;
    }
    return got == MAP_FAILED ? 0 : base;
}

static uintptr_t open_window(enum fake_place place)
{
    if (place == FAKE_LOW && window_at(WINDOW_LOW) != 0) {
        return WINDOW_LOW;
    }
    for (uintptr_t base = WINDOW_TOP - WINDOW_TOP_STEP;
         place == FAKE_HIGH && base > WINDOW_TOP - 16 * WINDOW_TOP_STEP; base -= WINDOW_TOP_STEP) {
        if (window_at(base) != 0) {
            return base;
        }
    }
    void *base = mmap(NULL, WINDOW_BYTES + WINDOW_ALIGN, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        window_complain("no window", 0, WINDOW_BYTES);
    }
    return align_up((uintptr_t)base, WINDOW_ALIGN);
}

void fake_reset(const struct fake_config *config)
{
    fake_limits = (struct fake_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    if (span_count != 0) {
        uintptr_t base = spans[0].base;
        window_change(base, spans[span_count - 1].end - base, WINDOW_NOTHING);
    }
    if (windows[config->place] == 0) {
        windows[config->place] = open_window(config->place);
    }
    window = windows[config->place];
    grant_count = 0;
    fake_books = (struct fake_books){.refusable = 0};
    fake_faults = (struct fake_faults){.when = FAKE_NEVER};
    fake_output.is_kept = false;
    fake_leave = NULL;
    fake_fork = (struct fake_fork){.before = NULL};
    fake_config = *config;
}

bool window_keeps_output(const void *bytes, size_t length)
{
    if (!fake_output.is_kept) {
        return false;
    }
    size_t room = FAKE_OUTPUT_BYTES - fake_output.length;
    fake_output.is_cut = fake_output.is_cut || length > room;
    length = length < room ? length : room;
    memcpy(fake_output.bytes + fake_output.length, bytes, length);
    fake_output.length += length;
    return true;
}

bool fake_is_open(const void *base, size_t bytes)
{
    return window_bytes_in((uintptr_t)base, bytes, true) == bytes;
}

bool fake_is_lost(const void *base, size_t bytes)
{
    return window_holds((uintptr_t)base) && !fake_is_open(base, bytes);
}

void fake_use(const void *base)
{
    for (size_t index = 0; index < grant_count; index++) {
        grants[index].is_used |= grants[index].base == (uintptr_t)base;
    }
}

const char *fake_place_name(enum fake_place place)
{
    static const char *const names[FAKE_PLACE_COUNT] = {"low", "high", "falling", "adjacent",
                                                        "odd"};
    return names[place];
}
