// SPDX-License-Identifier: MIT
// The system calls of platform/linux.c, on the window: that source is compiled with these in place of
// mmap, munmap and the like, and is as real as it can be. What it does of its own accord, such as cutting a
// mapping to its alignment, can be refused as well.
//
// A refused mmap over a range that is there has unmapped it, every other time: Linux before 6.12 does so
// when it lacks memory.
#include "tests/fake/fake_linux.h"

#include "platform/platform.h"
#include "tests/fake/fake_window.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

// A refusal, in one of the two forms that it has.
static void *refuse(void)
{
    errno = fake_books.refused % 3 == 0 ? EAGAIN : ENOMEM;
    return MAP_FAILED;
}

static void *map_anywhere(size_t bytes, bool is_open)
{
    uintptr_t base = window_find(bytes, fake_config.page_bytes);
    if (window_is_refused(is_open ? FAKE_MAP : FAKE_RESERVE) ||
        !window_refuse_unless(base != 0 &&
                              window_change(base, bytes, is_open ? WINDOW_OPEN : WINDOW_CLOSED))) {
        return refuse();
    }
    window_grant(base, bytes);
    return (void *)base;
}

// Linux, asked for memory where something is.
static void *map_over(uintptr_t base, size_t bytes)
{
    // Static memory of the program is in no span, and open from the start.
    bool is_static = !window_holds(base);
    size_t open = is_static ? bytes : window_bytes_in(base, bytes, true);
    if (!is_static && window_bytes_in(base, bytes, false) != bytes) {
        window_complain("memory where nothing is", base, bytes);
    }
    if (window_is_refused(open == bytes ? FAKE_PURGE : FAKE_COMMIT)) {
        // Linux parts no mapping where there could not be one more then.
        bool can_come_back = fake_books.reserved_bytes <= fake_limits.reserved_bytes &&
                             fake_books.mapping_count + 2 <= fake_limits.mapping_count;
        bool is_lost = open == bytes && !is_static && fake_config.refused_purge == FAKE_PURGED_LOST;
        if (((open == 0 && fake_books.refused % 2 == 0) || is_lost) && can_come_back) {
            (void)window_change(base, bytes, WINDOW_NOTHING);
        } else if (open == bytes && !is_static) {
            window_purge_in_part(base, bytes);
        }
        return refuse();
    }
    if (is_static) {
        window_show_static(base, bytes, true);
        return (void *)base;
    }
    return window_refuse_unless(window_change(base, bytes, WINDOW_OPEN)) ? (void *)base : refuse();
}

// Static memory of the program is to rest.
static void *map_to_be_read(uintptr_t base, size_t bytes)
{
    if (window_holds(base)) {
        window_complain("rest of what is not static", base, bytes);
    }
    if (window_is_refused(FAKE_PURGE)) {
        return refuse();
    }
    window_show_static(base, bytes, false);
    return (void *)base;
}

static void *map_where_nothing_is(uintptr_t base, size_t bytes)
{
    // Static memory of the program is there, too.
    if (!window_holds(base) || window_bytes_in(base, bytes, false) != 0) {
        errno = EEXIST;
        return MAP_FAILED;
    }
    return window_change(base, bytes, WINDOW_CLOSED) ? (void *)base : refuse();
}

void *fake_mmap(void *where, size_t bytes, int access, int flags, int file, off_t at)
{
    uintptr_t base = (uintptr_t)where;
    bool is_open = access == (PROT_READ | PROT_WRITE);
    size_t page = fake_config.page_bytes;
    bool is_read = access == PROT_READ && (flags & MAP_FIXED) != 0;
    if ((!is_open && !is_read && access != PROT_NONE) || file != -1 || at != 0 || bytes == 0 ||
        bytes % page != 0 || base % page != 0 ||
        (flags & (MAP_PRIVATE | MAP_ANONYMOUS)) != (MAP_PRIVATE | MAP_ANONYMOUS)) {
        window_complain("mmap of something else", base, bytes);
    }
    errno = FAKE_ERRNO;
    if ((flags & MAP_FIXED_NOREPLACE) != 0) {
        return map_where_nothing_is(base, bytes);
    }
    if (is_read) {
        return map_to_be_read(base, bytes);
    }
    if ((flags & MAP_FIXED) != 0) {
        return map_over(base, bytes);
    }
    return map_anywhere(bytes, is_open);
}

int fake_munmap(void *where, size_t bytes)
{
    uintptr_t base = (uintptr_t)where;
    if (window_bytes_in(base, bytes, false) != bytes) {
        window_complain("munmap of what is not there", base, bytes);
    }
    bool done = !window_is_refused(FAKE_RELEASE) &&
                window_refuse_unless(window_change(base, bytes, WINDOW_NOTHING));
    window_ungrant(base, bytes, done);
    fake_books.unreleased_bytes += done ? 0 : bytes;
    errno = ENOMEM;
    return done ? 0 : -1;
}

int fake_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    if (resource != RLIMIT_AS) {
        window_complain("a limit of something else", (uintptr_t)resource, 0);
    }
    window_count(FAKE_ADDRESS_LIMIT);
    size_t bytes = fake_limits.reserved_bytes;
    limit->rlim_cur = bytes == SIZE_MAX ? RLIM_INFINITY : bytes;
    limit->rlim_max = RLIM_INFINITY;
    return 0;
}

long fake_sysconf(int name)
{
    if (name != _SC_PAGESIZE) {
        window_complain("sysconf of something else", (uintptr_t)name, 0);
    }
    window_count(FAKE_PAGE_BYTES);
    return (long)fake_config.page_bytes;
}

// It tells no page's size at the start, so that it is asked for.
unsigned long fake_getauxval(unsigned long type)
{
    return type == AT_PAGESZ ? 0 : getauxval(type);
}

ssize_t fake_write(int descriptor, const void *bytes, size_t count)
{
    ssize_t written =
        window_keeps_output(bytes, count) ? (ssize_t)count : write(descriptor, bytes, count);
    window_count(FAKE_WRITE);
    return written;
}

int fake_pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    window_count(FAKE_AT_FORK);
    fake_fork = (struct fake_fork){before, in_parent, in_child};
    return 0;
}

int fake_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value))
{
    window_count(FAKE_EXIT_OPEN);
    (void)destructor;
    *key = 0;
    return fake_config.has_no_key ? EAGAIN : 0;
}

int fake_pthread_setspecific(pthread_key_t key, const void *value)
{
    window_count(FAKE_AT_THREAD_EXIT);
    (void)key;
    (void)value;
    fake_leave = platform_thread.exit->leave;
    return 0;
}
