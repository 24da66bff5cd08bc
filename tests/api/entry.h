// SPDX-License-Identifier: MIT
// The entry points under test, by their plain names.
//
// The same test sources are compiled twice: against the drop-in library, where `malloc` is ours,
// and with -DFT_PREFIXED=1 against the prefixed one, where the names below stand for ft_malloc,
// ft_free and so on. Include this header last: it renames what comes after it.
//
// launder() and any_size() hide a value from the optimiser, so that it neither removes a pair of
// malloc and free, nor warns of the misuse that a test commits on purpose.

#ifndef FT_TESTS_ENTRY_H
#define FT_TESTS_ENTRY_H

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <ft_malloc.h>

#ifdef FT_PREFIXED
#define malloc ft_malloc
#define free ft_free
#define calloc ft_calloc
#define realloc ft_realloc
#define reallocarray ft_reallocarray
#define aligned_alloc ft_aligned_alloc
#define posix_memalign ft_posix_memalign
#define memalign ft_memalign
#define valloc ft_valloc
#define pvalloc ft_pvalloc
#define malloc_usable_size ft_malloc_usable_size
#define free_sized ft_free_sized
#define free_aligned_sized ft_free_aligned_sized
#define memalignment ft_memalignment
#define malloc_size ft_malloc_size
#define malloc_good_size ft_malloc_good_size
#define reallocf ft_reallocf
#define reallocarr ft_reallocarr
#define recallocarray ft_recallocarray
#define freezero ft_freezero
#define show_alloc_mem ft_show_alloc_mem
#define show_alloc_mem_ex ft_show_alloc_mem_ex
#define show_alloc_mem_ex_at ft_show_alloc_mem_ex_at
#define mallinfo ft_mallinfo
#define mallinfo2 ft_mallinfo2
#define malloc_info ft_malloc_info
#define malloc_stats ft_malloc_stats
#define mallopt ft_mallopt
#endif

// A sanitizer's run is slower by an order of magnitude: the long tests divide their counts by this.
#ifdef FT_SHORT
enum { SHORTER = 10 };
#else
enum { SHORTER = 1 };
#endif

static inline void *launder(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

static inline size_t any_size(size_t bytes)
{
    __asm__ volatile("" : "+r"(bytes));
    return bytes;
}

#endif
