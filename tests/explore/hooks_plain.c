// SPDX-License-Identifier: MIT
// The rest of what the compiler calls for -fsanitize=thread (hooks.c): accesses that are not atomic, and the start
// and end of functions, which nobody wants to know of.
#include "tests/explore/explore.h"

#include <stddef.h>
#include <string.h>

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the compiler gives the names

void __tsan_read1(const void *at)
{
    explore_plain(at, 1, false, __builtin_return_address(0));
}

void __tsan_read2(const void *at)
{
    explore_plain(at, 2, false, __builtin_return_address(0));
}

void __tsan_read4(const void *at)
{
    explore_plain(at, 4, false, __builtin_return_address(0));
}

void __tsan_read8(const void *at)
{
    explore_plain(at, 8, false, __builtin_return_address(0));
}

void __tsan_read16(const void *at)
{
    explore_plain(at, 16, false, __builtin_return_address(0));
}

void __tsan_unaligned_read2(const void *at)
{
    explore_plain(at, 2, false, __builtin_return_address(0));
}

void __tsan_unaligned_read4(const void *at)
{
    explore_plain(at, 4, false, __builtin_return_address(0));
}

void __tsan_unaligned_read8(const void *at)
{
    explore_plain(at, 8, false, __builtin_return_address(0));
}

void __tsan_unaligned_read16(const void *at)
{
    explore_plain(at, 16, false, __builtin_return_address(0));
}

void __tsan_write1(const void *at)
{
    explore_plain(at, 1, true, __builtin_return_address(0));
}

void __tsan_write2(const void *at)
{
    explore_plain(at, 2, true, __builtin_return_address(0));
}

void __tsan_write4(const void *at)
{
    explore_plain(at, 4, true, __builtin_return_address(0));
}

void __tsan_write8(const void *at)
{
    explore_plain(at, 8, true, __builtin_return_address(0));
}

void __tsan_write16(const void *at)
{
    explore_plain(at, 16, true, __builtin_return_address(0));
}

void __tsan_unaligned_write2(const void *at)
{
    explore_plain(at, 2, true, __builtin_return_address(0));
}

void __tsan_unaligned_write4(const void *at)
{
    explore_plain(at, 4, true, __builtin_return_address(0));
}

void __tsan_unaligned_write8(const void *at)
{
    explore_plain(at, 8, true, __builtin_return_address(0));
}

void __tsan_unaligned_write16(const void *at)
{
    explore_plain(at, 16, true, __builtin_return_address(0));
}

void __tsan_read_range(const void *at, size_t bytes)
{
    explore_plain(at, bytes, false, __builtin_return_address(0));
}

void __tsan_write_range(const void *at, size_t bytes)
{
    explore_plain(at, bytes, true, __builtin_return_address(0));
}

void __tsan_init(void)
{
}

void __tsan_func_entry(const void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}

// All fibers run in one thread.
void __tsan_atomic_thread_fence(int order)
{
    (void)order;
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

// Newer compilers call these in place of the functions that they are named for.
void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
    return memcpy(to, from, bytes);
}

void *__tsan_memmove(void *to, const void *from, size_t bytes)
{
    return memmove(to, from, bytes);
}

void *__tsan_memset(void *at, int value, size_t bytes)
{
    return memset(at, value, bytes);
}

// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
