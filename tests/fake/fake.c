// SPDX-License-Identifier: MIT
// The platform's calls, on the window.
#include "tests/fake/fake.h"

#include "platform/platform.h"
#include "tests/fake/fake_window.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Thread_local struct platform_thread platform_thread __attribute__((tls_model("initial-exec"))) = {
    .slot = (void *)&platform_slot_initial,
};

// ---- memory ---------------------------------------------------------------------------------------

static void check_range(const char *what, void *base, size_t bytes, bool only_open)
{
    uintptr_t address = (uintptr_t)base;
    if (bytes == 0 || bytes % fake_config.page_bytes != 0 ||
        address % fake_config.page_bytes != 0 ||
        window_bytes_in(address, bytes, only_open) != bytes) {
        window_complain(what, address, bytes);
    }
}

size_t platform_page_bytes(void)
{
    window_count(FAKE_PAGE_BYTES);
    return fake_config.page_bytes;
}

size_t platform_address_limit(void)
{
    window_count(FAKE_ADDRESS_LIMIT);
    return fake_limits.reserved_bytes;
}

static void *give(enum fake_call call, size_t bytes, size_t align, enum window_access access)
{
    uintptr_t base = window_find(bytes, align);
    if (window_is_refused(call) ||
        !window_refuse_unless(base != 0 && window_change(base, bytes, access))) {
        return NULL;
    }
    window_grant(base, bytes);
    return (void *)base;
}

void *platform_reserve(size_t bytes)
{
    return give(FAKE_RESERVE, bytes, fake_config.page_bytes, WINDOW_CLOSED);
}

void *platform_map(size_t bytes, size_t align)
{
    if (align < fake_config.page_bytes || (align & (align - 1)) != 0) {
        window_complain("an alignment that is none", align, bytes);
    }
    void *base = give(FAKE_MAP, bytes, align, WINDOW_OPEN);
    if (base != NULL && fake_config.lie == FAKE_MAP_LEAVES_DIRT) {
        window_leave_dirt((uintptr_t)base, bytes);
    }
    return base;
}

// Static memory of the program is in no span.
static bool commit_static(void *base, size_t bytes)
{
    if (window_is_refused(FAKE_COMMIT)) {
        return false;
    }
    if (fake_config.lie != FAKE_COMMIT_DOES_NOTHING) {
        window_show_static((uintptr_t)base, bytes, true);
    }
    if (fake_config.lie == FAKE_COMMIT_LEAVES_DIRT) {
        window_leave_dirt((uintptr_t)base, bytes);
    }
    return true;
}

// Only static memory is asked to rest.
bool platform_rest(void *base, size_t bytes)
{
    if (window_holds((uintptr_t)base) || (uintptr_t)base % fake_config.page_bytes != 0 ||
        bytes == 0 || bytes % fake_config.page_bytes != 0) {
        window_complain("rest of what is not static", (uintptr_t)base, bytes);
    }
    if (window_is_refused(FAKE_PURGE)) {
        return false;
    }
    window_show_static((uintptr_t)base, bytes, false);
    return true;
}

bool platform_commit(void *base, size_t bytes)
{
    if (!window_holds((uintptr_t)base)) {
        return commit_static(base, bytes);
    }
    check_range("commit of what is not reserved", base, bytes, false);
    if (window_is_refused(FAKE_COMMIT)) {
        return false;
    }
    if (fake_config.lie == FAKE_COMMIT_DOES_NOTHING) {
        return true;
    }
    bool done = window_refuse_unless(window_change((uintptr_t)base, bytes, WINDOW_OPEN));
    if (done && fake_config.lie == FAKE_COMMIT_LEAVES_DIRT) {
        window_leave_dirt((uintptr_t)base, bytes);
    }
    return done;
}

enum platform_purged platform_purge(void *base, size_t bytes)
{
    uintptr_t address = (uintptr_t)base;
    // Static memory of the program is committed from the start, and is in no span.
    bool is_static = !window_holds(address);
    if (!is_static) {
        check_range("purge of what is not committed", base, bytes, true);
    }
    if (window_is_refused(FAKE_PURGE)) {
        if (!is_static && fake_config.refused_purge == FAKE_PURGED_LOST) {
            return window_change(address, bytes, WINDOW_CLOSED) ? PLATFORM_RESERVED : PLATFORM_KEPT;
        }
        if (!is_static) {
            window_purge_in_part(address, bytes);
        }
        return PLATFORM_KEPT;
    }
    if (fake_config.lie == FAKE_PURGE_DOES_NOTHING) {
        return PLATFORM_PURGED;
    }
    if (fake_config.lie == FAKE_PURGE_DOES_HALF) {
        bytes = bytes / 2 / fake_config.page_bytes * fake_config.page_bytes;
    }
    if (is_static) {
        window_show_static(address, bytes, true);
        return PLATFORM_PURGED;
    }
    bool done = bytes == 0 || window_refuse_unless(window_change(address, bytes, WINDOW_OPEN));
    return done ? PLATFORM_PURGED : PLATFORM_KEPT;
}

bool platform_release(void *base, size_t bytes)
{
    check_range("release of what is not there", base, bytes, false);
    bool done = !window_is_refused(FAKE_RELEASE) &&
                (fake_config.lie == FAKE_RELEASE_DOES_NOTHING ||
                 window_refuse_unless(window_change((uintptr_t)base, bytes, WINDOW_NOTHING)));
    fake_books.unreleased_bytes += done ? 0 : bytes;
    if (fake_config.lie != FAKE_RELEASE_DOES_NOTHING) {
        window_ungrant((uintptr_t)base, bytes, done);
    }
    return done;
}

// ---- threads --------------------------------------------------------------------------------------

void platform_lock(struct platform_lock *lock)
{
    window_count(FAKE_LOCK);
    if (pthread_mutex_trylock(&lock->mutex) != 0) {
        window_complain("a lock that is held already", (uintptr_t)lock, 0);
    }
}

void platform_unlock(struct platform_lock *lock)
{
    window_count(FAKE_UNLOCK);
    if (pthread_mutex_unlock(&lock->mutex) != 0) {
        window_complain("a lock that is not held", (uintptr_t)lock, 0);
    }
}

void platform_lock_reset(struct platform_lock *lock)
{
    window_count(FAKE_LOCK_RESET);
    *lock = (struct platform_lock)PLATFORM_LOCK_INITIAL;
}

void platform_exit_open(struct platform_exit *exit, void (*leave)(void *value))
{
    window_count(FAKE_EXIT_OPEN);
    exit->was_tried = true;
    exit->leave = leave;
    exit->has_key = !fake_config.has_no_key;
}

bool platform_at_thread_exit(const struct platform_exit *exit, void *value)
{
    window_count(FAKE_AT_THREAD_EXIT);
    (void)value;
    fake_leave = exit->leave;
    return exit->has_key;
}

void platform_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    window_count(FAKE_AT_FORK);
    fake_fork = (struct fake_fork){before, in_parent, in_child};
}

int platform_pass_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                          void *library)
{
    (void)before;
    (void)in_parent;
    (void)in_child;
    (void)library;
    return 0;
}

bool platform_streams_lock(void)
{
    return false;
}

void platform_streams_unlock(void)
{
}

void platform_streams_reset(void)
{
}

size_t platform_group_limit(const char *root)
{
    return *root == '\0' ? SIZE_MAX : 0;
}

// ---- words ----------------------------------------------------------------------------------------

struct platform_kept platform_keep(int descriptor)
{
    return (struct platform_kept){.descriptor = descriptor};
}

int platform_kept_descriptor(const struct platform_kept *kept)
{
    return kept->descriptor;
}

int platform_kept_as(const struct platform_kept *kept, int descriptor)
{
    (void)kept;
    return descriptor;
}

struct platform_kept platform_open_output(const char *path)
{
    (void)path;
    return (struct platform_kept){.descriptor = -1};
}

void platform_close(const struct platform_kept *kept)
{
    (void)kept;
}

size_t platform_process(void)
{
    return 1;
}

size_t platform_peek(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return bytes;
}

void platform_ask_huge(void *base, size_t bytes)
{
    (void)base;
    (void)bytes;
}

size_t platform_peek_surely(void *to, const void *from, size_t bytes)
{
    return platform_peek(to, from, bytes);
}

uintptr_t platform_stack_end(uintptr_t frame)
{
    (void)frame;
    return 0;
}

bool platform_registers(uintptr_t registers[PLATFORM_REGISTERS])
{
    (void)registers;
    return false;
}

bool platform_mappings_open(struct platform_mappings *mappings, const char *path)
{
    (void)mappings;
    (void)path;
    return false;
}

bool platform_mappings_next(struct platform_mappings *mappings, struct platform_mapping *mapping)
{
    (void)mappings;
    (void)mapping;
    return false;
}

void platform_mappings_close(const struct platform_mappings *mappings)
{
    (void)mappings;
}

bool platform_is_terminal(int descriptor)
{
    (void)descriptor;
    return false;
}

enum platform_created platform_create_file(const char *path, struct platform_kept *kept)
{
    (void)path;
    kept->descriptor = -1;
    return PLATFORM_REFUSED;
}

bool platform_reopen_file(const char *path, struct platform_kept *kept)
{
    (void)path;
    (void)kept;
    return false;
}

void *platform_map_file(const struct platform_kept *kept, size_t at, size_t bytes)
{
    (void)kept;
    (void)at;
    (void)bytes;
    return NULL;
}

bool platform_is_alone(void)
{
    return true;
}

uint64_t platform_coarse_nanoseconds(void)
{
    return 0;
}

bool platform_is_of_streams(const void *ptr)
{
    (void)ptr;
    return false;
}

_Noreturn void platform_end(int status)
{
    _exit(status);
}

void platform_write(int descriptor, const void *bytes, size_t length)
{
    if (!window_keeps_output(bytes, length)) {
        ssize_t written = write(descriptor, bytes, length);
        (void)written;
    }
    window_count(FAKE_WRITE);
}

void platform_tell(int descriptor, const void *bytes, size_t length)
{
    platform_write(descriptor, bytes, length);
}

int platform_cancel_disable(void)
{
    window_count(FAKE_CANCEL);
    return 0;
}

void platform_cancel_restore(int state)
{
    window_count(FAKE_CANCEL);
    (void)state;
}

const char *platform_environment(size_t index)
{
    window_count(FAKE_ENVIRONMENT);
    (void)index;
    return NULL;
}

bool platform_environment_is_there(void)
{
    window_count(FAKE_ENVIRONMENT);
    return true;
}

bool platform_is_privileged(void)
{
    window_count(FAKE_ENVIRONMENT);
    return false;
}

_Noreturn void platform_abort(void)
{
    abort();
}
