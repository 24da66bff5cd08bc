// SPDX-License-Identifier: MIT
// The platform on Linux. Memory comes and goes by mmap and munmap alone.
#include "platform/platform.h"
#include "platform/linux_calls.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

enum { ADDRESS_BITS = sizeof(void *) == 8 ? 47 : 32 };

_Thread_local struct platform_thread platform_thread __attribute__((tls_model("initial-exec"))) = {
    .slot = (void *)&platform_slot_initial,
};

// ---- words ----------------------------------------------------------------------------------------

void platform_write(int descriptor, const void *bytes, size_t count)
{
    const char *next = bytes;
    while (count != 0) {
        ssize_t written = calls_write(descriptor, next, count);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        next += written;
        count -= (size_t)written;
    }
}

_Noreturn void platform_abort(void)
{
    abort();
}

// The system has said what it says to nobody who asks properly: our own books are wrong.
static _Noreturn void stop(const char *call)
{
    static const char before[] = "ft_malloc: unexpected failure of ";
    platform_write(PLATFORM_ERRORS, before, sizeof(before) - 1);
    platform_write(PLATFORM_ERRORS, call, strlen(call));
    platform_write(PLATFORM_ERRORS, "\n", 1);
    abort();
}

int platform_cancel_disable(void)
{
    int state = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

void platform_cancel_restore(int state)
{
    pthread_setcancelstate(state, NULL);
}

bool platform_environment_is_there(void)
{
    return environ != NULL;
}

const char *platform_environment(size_t index)
{
    return environ == NULL ? NULL : environ[index];
}

bool platform_is_privileged(void)
{
    return getauxval(AT_SECURE) != 0;
}

// ---- memory ---------------------------------------------------------------------------------------

// The system has told already; sysconf would bring 64 KiB of libc's constants into memory to say the same.
size_t platform_page_bytes(void)
{
    size_t told = getauxval(AT_PAGESZ);
    if (told != 0) {
        return told;
    }
    long bytes = sysconf(_SC_PAGESIZE);
    if (bytes <= 0) {
        stop("sysconf");
    }
    return (size_t)bytes;
}

size_t platform_address_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0) {
        stop("getrlimit");
    }
    return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > SIZE_MAX ? SIZE_MAX
                                                                        : (size_t)limit.rlim_cur;
}

// Whether the failure is one that a process can meet: no memory, no mappings, locked memory used up.
static bool is_refusal(void)
{
    return errno == ENOMEM || errno == EAGAIN;
}

static void *map(void *where, size_t bytes, int access, int flags)
{
    void *base = mmap(where, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (base != MAP_FAILED) {
        return base;
    }
    if (!is_refusal()) {
        stop("mmap");
    }
    return NULL;
}

// The zone map holds addresses below 2^47; no system gives others unasked.
static void *accept(void *base, size_t bytes)
{
    if (base != NULL && ((uint64_t)(uintptr_t)base + bytes - 1) >> ADDRESS_BITS != 0) {
        platform_release(base, bytes);
        return NULL;
    }
    return base;
}

void *platform_reserve(size_t bytes)
{
    return accept(map(NULL, bytes, PROT_NONE, MAP_NORESERVE), bytes);
}

void *platform_map(size_t bytes, size_t align)
{
    void *plain = accept(map(NULL, bytes, PROT_READ | PROT_WRITE, 0), bytes);
    if (plain == NULL || ((uintptr_t)plain & (align - 1)) == 0) {
        return plain;
    }
    if (!platform_release(plain, bytes)) {
        return NULL;
    }
    // Reserve as much more as holds an aligned range anywhere, and keep only that.
    size_t more = align - platform_page_bytes();
    char *base = bytes <= SIZE_MAX - more ? platform_reserve(bytes + more) : NULL;
    if (base == NULL) {
        return NULL;
    }
    size_t before = (size_t)(-(uintptr_t)base & (align - 1));
    char *aligned = base + before;
    if (before != 0 && !platform_release(base, before)) {
        platform_release(base, bytes + more);
        return NULL;
    }
    if (before != more && !platform_release(aligned + bytes, more - before)) {
        platform_release(aligned, bytes + more - before);
        return NULL;
    }
    if (!platform_commit(aligned, bytes)) {
        platform_release(aligned, bytes);
        return NULL;
    }
    return aligned;
}

// Reserves a range again if it is gone. That it is still there is the usual case, and the failure wanted.
static bool reserve_again(void *base, size_t bytes)
{
    return mmap(base, bytes, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
                0) != MAP_FAILED;
}

// Linux before 6.12 unmaps what is mapped over before it finds that the system's memory does not suffice for what is to
// take its place.
bool platform_commit(void *base, size_t bytes)
{
    if (map(base, bytes, PROT_READ | PROT_WRITE, MAP_FIXED) != NULL) {
        return true;
    }
    (void)reserve_again(base, bytes);
    return false;
}

// What cannot be written is charged to nobody.
bool platform_rest(void *base, size_t bytes)
{
    return map(base, bytes, PROT_READ, MAP_FIXED) != NULL;
}

enum platform_purged platform_purge(void *base, size_t bytes)
{
    if (map(base, bytes, PROT_READ | PROT_WRITE, MAP_FIXED) != NULL) {
        return PLATFORM_PURGED;
    }
    if (!reserve_again(base, bytes)) {
        return PLATFORM_KEPT;
    }
    if (map(base, bytes, PROT_READ | PROT_WRITE, MAP_FIXED) != NULL) {
        return PLATFORM_PURGED;
    }
    // That refusal may have unmapped it once more, and what lies there next must not be another's.
    (void)reserve_again(base, bytes);
    return PLATFORM_RESERVED;
}

bool platform_release(void *base, size_t bytes)
{
    if (munmap(base, bytes) == 0) {
        return true;
    }
    if (!is_refusal()) {
        stop("munmap");
    }
    return false;
}

// ---- threads --------------------------------------------------------------------------------------

// glibc's, since 2.32; others may lack it.
extern char __libc_single_threaded __attribute__((weak));

bool platform_is_alone(void)
{
    return &__libc_single_threaded != NULL && __libc_single_threaded != 0;
}

enum {
    LOCK_TRIES = 30
}; // before a thread goes to sleep: the lock is held for less than that takes

// Tells the processor that this is a loop that waits.
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Who is alone meets nobody, and need not bring the pages into memory by which libc tries.
void platform_lock(struct platform_lock *lock)
{
    unsigned tries = platform_is_alone() ? 0 : LOCK_TRIES;
    for (unsigned attempt = 0; attempt < tries; attempt++) {
        if (pthread_mutex_trylock(&lock->mutex) == 0) {
            return;
        }
        for (unsigned pause = 0; pause < attempt; pause++) {
            relax();
        }
    }
    if (pthread_mutex_lock(&lock->mutex) != 0) {
        stop("pthread_mutex_lock");
    }
}

void platform_unlock(struct platform_lock *lock)
{
    if (pthread_mutex_unlock(&lock->mutex) != 0) {
        stop("pthread_mutex_unlock");
    }
}

void platform_lock_reset(struct platform_lock *lock)
{
    *lock = (struct platform_lock)PLATFORM_LOCK_INITIAL;
}

// The key's destructor goes round nearly as often as the system allows before it calls `leave`, so that
// other destructors still find the thread's value; the last round is for a thread that asks again after
// that.
static void on_thread_exit(void *value)
{
    struct platform_thread *thread = &platform_thread;
    if (++thread->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1 &&
        pthread_setspecific(thread->exit->key, value) == 0) {
        return;
    }
    thread->exit->leave(value);
}

void platform_exit_open(struct platform_exit *exit, void (*leave)(void *value))
{
    if (!exit->was_tried) {
        exit->was_tried = true;
        exit->leave = leave;
        exit->has_key = pthread_key_create(&exit->key, on_thread_exit) == 0;
    }
}

bool platform_at_thread_exit(const struct platform_exit *exit, void *value)
{
    platform_thread.exit = exit;
    return exit->has_key && pthread_setspecific(exit->key, value) == 0;
}

void platform_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    // Without a handler a fork may find the lock held, which is better than not starting at all.
    (void)pthread_atfork(before, in_parent, in_child);
}
