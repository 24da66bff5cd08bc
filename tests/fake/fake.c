// SPDX-License-Identifier: MIT
#include "tests/fake/fake.h"

#include "platform/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_BYTES ((uintptr_t)12 << 30)
#define WINDOW_ALIGN ((uintptr_t)4 << 30) // what one leaf of the zone map covers

enum { UNIT_BYTES = 1 << 16, SPAN_COUNT_MAX = 4096, ODD_PAGES = 3 };

struct span {
    uintptr_t base;
    uintptr_t end;
    bool is_open;
};

enum access { ACCESS_NOTHING, ACCESS_CLOSED, ACCESS_OPEN };

static struct fake_config config = {.page_bytes = 4096}; // for calls before the first fake_reset()
static uintptr_t window;                                 // 0: not mapped yet
static struct span spans[SPAN_COUNT_MAX];
static struct span next_spans[SPAN_COUNT_MAX];
static size_t span_count;

struct fake_books fake_books;
struct fake_limits fake_limits = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
struct fake_faults fake_faults;
void (*fake_leave)(void *value);

_Thread_local struct platform_thread platform_thread __attribute__((tls_model("initial-exec"))) = {
    .slot = (void *)&platform_slot_initial,
};

static _Noreturn void complain(const char *what, uintptr_t base, size_t bytes)
{
    fprintf(stderr, "fake platform: %s: %#zx, %#zx bytes\n", what, (size_t)base, bytes);
    abort();
}

static void count(enum fake_call call)
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
        complain("more spans than the fake can hold", base, end - base);
    }
    next_spans[length] = (struct span){.base = base, .end = end, .is_open = is_open};
    return length + 1;
}

// Writes to next_spans what the spans become if [base, end) gets this access. Returns how many they are.
static size_t plan_spans(uintptr_t base, uintptr_t end, enum access access)
{
    size_t length = 0;
    bool is_placed = access == ACCESS_NOTHING;
    for (size_t index = 0; index < span_count; index++) {
        struct span span = spans[index];
        if (span.base < base) {
            length = append(length, span.base, span.end < base ? span.end : base, span.is_open);
        }
        if (!is_placed && span.end > base) {
            length = append(length, base, end, access == ACCESS_OPEN);
            is_placed = true;
        }
        if (span.end > end) {
            length = append(length, span.base > end ? span.base : end, span.end, span.is_open);
        }
    }
    return is_placed ? length : append(length, base, end, access == ACCESS_OPEN);
}

// Bytes of [base, end) that are in spans; only_open: in open ones.
static size_t bytes_in(uintptr_t base, uintptr_t end, bool only_open)
{
    size_t bytes = 0;
    for (size_t index = 0; index < span_count; index++) {
        uintptr_t low = spans[index].base > base ? spans[index].base : base;
        uintptr_t high = spans[index].end < end ? spans[index].end : end;
        if (low < high && (spans[index].is_open || !only_open)) {
            bytes += high - low;
        }
    }
    return bytes;
}

// Makes the real system's pages zero ones, with access or without.
static void show(uintptr_t base, size_t bytes, bool is_open)
{
    int saved = errno;
    void *got = mmap((void *)base, bytes, is_open ? PROT_READ | PROT_WRITE : PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (got == MAP_FAILED) {
        complain("the real system refuses", base, bytes);
    }
    errno = saved;
}

// Gives [base, base + bytes) this access, and zero bytes. False if a limit is in the way.
static bool change(uintptr_t base, size_t bytes, enum access access)
{
    uintptr_t end = base + bytes;
    size_t length = plan_spans(base, end, access);
    size_t was_there = bytes_in(base, end, false);
    size_t was_open = bytes_in(base, end, true);
    size_t reserved =
        fake_books.reserved_bytes - was_there + (access == ACCESS_NOTHING ? 0 : bytes);
    size_t committed = fake_books.committed_bytes - was_open + (access == ACCESS_OPEN ? bytes : 0);
    // What gives back or stays as it is may go on when a limit is lowered below what is in use.
    if ((reserved > fake_limits.reserved_bytes && reserved > fake_books.reserved_bytes) ||
        (committed > fake_limits.committed_bytes && committed > fake_books.committed_bytes) ||
        (length > fake_limits.mapping_count && length > span_count)) {
        return false;
    }
    memcpy(spans, next_spans, length * sizeof(spans[0]));
    span_count = length;
    fake_books.mapping_count = length;
    fake_books.reserved_bytes = reserved;
    fake_books.committed_bytes = committed;
    if (access != ACCESS_CLOSED || was_open != 0) {
        show(base, bytes, access == ACCESS_OPEN);
    }
    return true;
}

// ---- places ---------------------------------------------------------------------------------------

static uintptr_t align_up(uintptr_t address, size_t align)
{
    return (address + align - 1) & ~(uintptr_t)(align - 1);
}

// The first place at or above an address that suits the configuration.
static uintptr_t place_from(uintptr_t address, size_t align)
{
    if (config.place == FAKE_LOW) {
        address = align_up(address + config.page_bytes, UNIT_BYTES);
    } else if (config.place == FAKE_ODD) {
        address = align_up(address, UNIT_BYTES) + ODD_PAGES * config.page_bytes;
    }
    return align_up(address, align);
}

// 0: nowhere.
static uintptr_t find_up(size_t bytes, size_t align)
{
    uintptr_t start = window;
    if (config.place == FAKE_ADJACENT) {
        start +=
            WINDOW_ALIGN - (UNIT_BYTES / 2 + (256U << 20)) / config.page_bytes * config.page_bytes;
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

static uintptr_t find(size_t bytes, size_t align)
{
    if (bytes == 0 || bytes % config.page_bytes != 0) {
        complain("a size that is no multiple of the page", 0, bytes);
    }
    if (bytes > WINDOW_BYTES || align > WINDOW_BYTES) {
        return 0;
    }
    return config.place == FAKE_HIGH ? find_down(bytes, align) : find_up(bytes, align);
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

// Counts a call that can be refused; whether the faults say that it is.
static bool is_refused(enum fake_call call)
{
    count(call);
    if (!is_planned(++fake_books.refusable)) {
        return false;
    }
    fake_books.refused++;
    fake_books.refused_by_plan++;
    return true;
}

static bool refuse_unless(bool done)
{
    fake_books.refused += done ? 0 : 1;
    return done;
}

static void check_range(const char *what, void *base, size_t bytes, bool only_open)
{
    uintptr_t address = (uintptr_t)base;
    if (bytes == 0 || bytes % config.page_bytes != 0 || address % config.page_bytes != 0 ||
        bytes_in(address, address + bytes, only_open) != bytes) {
        complain(what, address, bytes);
    }
}

// Dirt in every page of committed memory.
static void leave_dirt(void *base, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 4096) {
        memset((char *)base + at, 0xA5, 16);
    }
}

// ---- memory ---------------------------------------------------------------------------------------

size_t platform_page_bytes(void)
{
    count(FAKE_PAGE_BYTES);
    return config.page_bytes;
}

size_t platform_address_limit(void)
{
    count(FAKE_ADDRESS_LIMIT);
    return fake_limits.reserved_bytes;
}

void *platform_reserve(size_t bytes)
{
    uintptr_t base = find(bytes, config.page_bytes);
    if (is_refused(FAKE_RESERVE) ||
        !refuse_unless(base != 0 && change(base, bytes, ACCESS_CLOSED))) {
        return NULL;
    }
    return (void *)base;
}

void *platform_map(size_t bytes, size_t align)
{
    if (align < config.page_bytes || (align & (align - 1)) != 0) {
        complain("an alignment that is none", align, bytes);
    }
    uintptr_t base = find(bytes, align);
    if (is_refused(FAKE_MAP) || !refuse_unless(base != 0 && change(base, bytes, ACCESS_OPEN))) {
        return NULL;
    }
    if (config.lie == FAKE_MAP_LEAVES_DIRT) {
        leave_dirt((void *)base, bytes);
    }
    return (void *)base;
}

bool platform_commit(void *base, size_t bytes)
{
    check_range("commit of what is not reserved", base, bytes, false);
    if (is_refused(FAKE_COMMIT)) {
        return false;
    }
    if (config.lie == FAKE_COMMIT_DOES_NOTHING) {
        return true;
    }
    bool done = refuse_unless(change((uintptr_t)base, bytes, ACCESS_OPEN));
    if (done && config.lie == FAKE_COMMIT_LEAVES_DIRT) {
        leave_dirt(base, bytes);
    }
    return done;
}

bool platform_purge(void *base, size_t bytes)
{
    // Static memory of the program is committed from the start, and is in no span.
    bool is_static = (uintptr_t)base - window >= WINDOW_BYTES;
    if (!is_static) {
        check_range("purge of what is not committed", base, bytes, true);
    }
    if (is_refused(FAKE_PURGE)) {
        return false;
    }
    if (is_static && config.lie != FAKE_PURGE_DOES_NOTHING) {
        memset(base, 0, bytes);
        return true;
    }
    return config.lie == FAKE_PURGE_DOES_NOTHING ||
           refuse_unless(change((uintptr_t)base, bytes, ACCESS_OPEN));
}

bool platform_release(void *base, size_t bytes)
{
    check_range("release of what is not there", base, bytes, false);
    bool done = !is_refused(FAKE_RELEASE) &&
                (config.lie == FAKE_RELEASE_DOES_NOTHING ||
                 refuse_unless(change((uintptr_t)base, bytes, ACCESS_NOTHING)));
    fake_books.unreleased_bytes += done ? 0 : bytes;
    return done;
}

// ---- threads --------------------------------------------------------------------------------------

void platform_lock(struct platform_lock *lock)
{
    count(FAKE_LOCK);
    if (pthread_mutex_trylock(&lock->mutex) != 0) {
        complain("a lock that is held already", (uintptr_t)lock, 0);
    }
}

void platform_unlock(struct platform_lock *lock)
{
    count(FAKE_UNLOCK);
    if (pthread_mutex_unlock(&lock->mutex) != 0) {
        complain("a lock that is not held", (uintptr_t)lock, 0);
    }
}

void platform_lock_reset(struct platform_lock *lock)
{
    count(FAKE_LOCK_RESET);
    *lock = (struct platform_lock)PLATFORM_LOCK_INITIAL;
}

void platform_exit_open(struct platform_exit *exit)
{
    count(FAKE_EXIT_OPEN);
    exit->was_tried = true;
    exit->has_key = !config.has_no_key;
}

bool platform_at_thread_exit(const struct platform_exit *exit, void (*leave)(void *value),
                             void *value)
{
    count(FAKE_AT_THREAD_EXIT);
    (void)value;
    fake_leave = leave;
    return exit->has_key;
}

void platform_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    count(FAKE_AT_FORK);
    (void)before;
    (void)in_parent;
    (void)in_child;
}

// ---- words ----------------------------------------------------------------------------------------

void platform_write(int descriptor, const void *bytes, size_t length)
{
    ssize_t written = write(descriptor, bytes, length);
    (void)written;
    count(FAKE_WRITE);
}

int platform_cancel_disable(void)
{
    count(FAKE_CANCEL);
    return 0;
}

void platform_cancel_restore(int state)
{
    count(FAKE_CANCEL);
    (void)state;
}

const char *platform_environment(size_t index)
{
    count(FAKE_ENVIRONMENT);
    (void)index;
    return NULL;
}

bool platform_environment_is_there(void)
{
    count(FAKE_ENVIRONMENT);
    return true;
}

bool platform_is_privileged(void)
{
    count(FAKE_ENVIRONMENT);
    return false;
}

_Noreturn void platform_abort(void)
{
    abort();
}

// ---- the test's side --------------------------------------------------------------------------------

static void open_window(void)
{
    void *base = mmap(NULL, WINDOW_BYTES + WINDOW_ALIGN, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        complain("no window", 0, WINDOW_BYTES);
    }
    window = align_up((uintptr_t)base, WINDOW_ALIGN);
}

void fake_reset(const struct fake_config *new_config)
{
    if (window == 0) {
        open_window();
    }
    fake_limits = (struct fake_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    if (span_count != 0) {
        uintptr_t base = spans[0].base;
        change(base, spans[span_count - 1].end - base, ACCESS_NOTHING);
    }
    fake_books = (struct fake_books){.refusable = 0};
    fake_faults = (struct fake_faults){.when = FAKE_NEVER};
    fake_leave = NULL;
    config = *new_config;
}

bool fake_is_open(const void *base, size_t bytes)
{
    return bytes_in((uintptr_t)base, (uintptr_t)base + bytes, true) == bytes;
}

const char *fake_place_name(enum fake_place place)
{
    static const char *const names[FAKE_PLACE_COUNT] = {"low", "high", "adjacent", "odd"};
    return names[place];
}
