// SPDX-License-Identifier: MIT
// ft_malloc: a drop-in replacement for malloc that always knows each chunk's exact requested size and
// state.
//
// Two pairs of libraries carry the same functions. libft_malloc replaces those of libc: link it or
// preload it, include this header only for what libc's own headers do not declare. libft_malloc_prefixed
// has every function under the prefix ft_ and leaves libc's malloc alone: define FT_PREFIXED before
// including this header.
//
// What holds for every function:
//   - Sizes are bytes. A size above PTRDIFF_MAX, or a product that overflows, is refused with ENOMEM.
//   - A chunk is aligned to 16 at least, and to its requested alignment, any power of two that fits.
//   - A chunk of 0 bytes is a chunk: its pointer is unique until it is freed.
//   - Any thread may call any function on any chunk, except that one chunk's frees and resizings must
//     not race with its other uses. None is safe in a signal handler.
//   - errno is left alone by success, and by the frees always.
//   - A pointer that is no chunk's start, or a chunk that is not in use, is a misuse: one line on standard
//     error names it, and the process is aborted. With FT_MALLOC_MISUSE=warn or ignore the call does
//     nothing instead, and returns NULL with EINVAL (realloc and its kin) or 0 (sizes). One misuse cannot
//     be seen: a stale free after the chunk was handed out again. When two threads free one chunk at the
//     same moment, a later call may be the one that says so.
#ifndef FT_MALLOC_H
#define FT_MALLOC_H

#include <stddef.h>

#ifdef FT_PREFIXED
#include <stdio.h> // FILE
#endif

#ifdef __cplusplus
extern "C" {
#endif

// What mallinfo2() tells: glibc's struct mallinfo2, member by member. Bytes but for the counts. All of it is exact when no
// other thread is in a call; else some of the free chunks may be told in the wrong place.
//
//   arena = uordblks + fordblks + what the allocator itself needs (metadata, ends of zones)
struct ft_mallinfo2 {
    size_t arena;    // committed in sections: everything but mappings of single chunks
    size_t ordblks;  // count of free chunks in zones, and of free runs
    size_t smblks;   // count of free chunks that threads have at hand, or freed for another one
    size_t hblks;    // count of chunks that are mappings of their own
    size_t hblkhd;   // bytes of those
    size_t usmblks;  // always 0, as in glibc
    size_t fsmblks;  // bytes of the chunks in smblks
    size_t uordblks; // chunks and runs that the program holds, with their rounding; not mappings
    size_t fordblks; // free chunks and runs, fsmblks included, and units that were never used
    size_t keepcost; // free runs that were used and are not yet back at the system
};

// What mallinfo() tells: the same, each as an int; what does not fit is INT_MAX.
struct ft_mallinfo {
    int arena;
    int ordblks;
    int smblks;
    int hblks;
    int hblkhd;
    int usmblks;
    int fsmblks;
    int uordblks;
    int fordblks;
    int keepcost;
};

// How ft_malloc_stats_print() writes.
enum ft_malloc_stats_form {
    FT_MALLOC_STATS_TABLE,      // for people: 80 columns, 24 lines at most
    FT_MALLOC_STATS_JSON,       // one object, RFC 8259
    FT_MALLOC_STATS_PROMETHEUS, // its text format 0.0.4: gauges
};

// Ours, under this name in both pairs of libraries. Writes to a descriptor where the heap's memory is: requested by the
// program, rounding, free chunks and where those are, reserve, metadata, which together are what is committed; and how
// that is among the size classes. 0; or -1 with EINVAL if there is no such form. What cannot be written is lost. Allocates
// nothing. Holds the lock while it counts, which takes a step for each chunk and run (a second for some hundred millions
// of chunks), and not while it writes.
int ft_malloc_stats_print(int descriptor, enum ft_malloc_stats_form form);

#ifdef FT_PREFIXED

// C23 7.24.3.6. A chunk of this many bytes, their contents undefined. NULL and ENOMEM if there is no
// memory.
void *ft_malloc(size_t bytes);

// C23 7.24.3.3, POSIX.1-2024. Gives a chunk back; nothing for NULL. errno is kept.
void ft_free(void *ptr);

// C23 7.24.3.2. A zeroed chunk of count * each bytes. NULL and ENOMEM if there is no memory or the
// product overflows.
void *ft_calloc(size_t count, size_t each);

// C23 7.24.3.7, glibc manual. The chunk with another size, where it is or elsewhere; what both sizes
// cover is kept. malloc(bytes) for NULL; for 0 bytes the chunk is freed and NULL returned, as in
// glibc. NULL and ENOMEM if there is no memory: then the chunk is as it was.
void *ft_realloc(void *ptr, size_t bytes);

// POSIX.1-2024. realloc to count * each bytes; NULL and ENOMEM if the product overflows: then the
// chunk is as it was.
void *ft_reallocarray(void *ptr, size_t count, size_t each);

// C23 7.24.3.1. A chunk at a multiple of align. NULL and EINVAL if that is no power of two; NULL and
// ENOMEM if there is no memory. bytes need not be a multiple of align.
void *ft_aligned_alloc(size_t align, size_t bytes);

// POSIX.1-2024. Stores a chunk at a multiple of align in *target and returns 0. EINVAL if align is
// no power of two or no multiple of sizeof(void *), ENOMEM if there is no memory: then *target is
// untouched. errno is kept.
int ft_posix_memalign(void **target, size_t align, size_t bytes);

// glibc manual. A chunk at a multiple of align, which is rounded up to a power of two. NULL and
// EINVAL if it cannot be, NULL and ENOMEM if there is no memory.
void *ft_memalign(size_t align, size_t bytes);

// glibc manual. A chunk at a multiple of the page. NULL and ENOMEM if there is no memory.
void *ft_valloc(size_t bytes);

// glibc manual. The same, with its size rounded up to a multiple of the page.
void *ft_pvalloc(size_t bytes);

// glibc manual. How many bytes of the chunk may be written: exactly those that were requested. 0 for
// NULL.
size_t ft_malloc_usable_size(void *ptr);

// glibc manual. Gives back to the system all that is free but for keep_bytes of free runs: what the calling thread and
// those that have ended keep at hand, and free pages between chunks in use. Other threads give back theirs when they next
// need memory or free a stack's worth. 1 if anything went back, else 0. Takes time in proportion to the heap.
int ft_malloc_trim(size_t keep_bytes);

// C23 7.24.3.4. free, for a chunk requested with this size. A size of another size class is a
// misuse.
void ft_free_sized(void *ptr, size_t bytes);

// C23 7.24.3.5. free, for a chunk requested with this alignment and size. A size of another class,
// or a pointer that is not aligned so, is a misuse.
void ft_free_aligned_sized(void *ptr, size_t align, size_t bytes);

// C23 7.24.9.1. The largest power of two that the address is a multiple of; 0 for NULL. Any pointer.
size_t ft_memalignment(const void *ptr);

// macOS. The requested bytes of a chunk; 0 for any pointer that is no chunk in use, which is no
// misuse here.
size_t ft_malloc_size(const void *ptr);

// macOS. The largest size that takes no more memory than this one.
size_t ft_malloc_good_size(size_t bytes);

// FreeBSD. realloc; if that fails, the chunk is freed.
void *ft_reallocf(void *ptr, size_t bytes);

// NetBSD. target points to a pointer to a chunk or NULL, which is resized to count * each bytes.
// Returns 0, or EOVERFLOW or ENOMEM: then nothing has changed. For 0 bytes the chunk is freed and
// the pointer becomes NULL. errno is kept.
int ft_reallocarr(void *target, size_t count, size_t each);

// OpenBSD. The chunk with another count of elements: the new ones are zeroed, what is given up is
// cleared first. calloc for NULL. NULL and ENOMEM if there is no memory or the new product
// overflows, EINVAL if the old one does: then the chunk is as it was.
void *ft_recallocarray(void *ptr, size_t old_count, size_t count, size_t each);

// OpenBSD. Clears the first bytes of a chunk, as many as it has at most, and frees it; nothing for
// NULL.
void ft_freezero(void *ptr, size_t bytes);

// Ours. Writes every zone and every chunk in use to standard output, in increasing address order,
// each chunk with its exact requested size, then the total. Allocates nothing, and holds no lock
// while it writes. What other threads allocate and free meanwhile may be told or not; everything
// else is told exactly.
void ft_show_alloc_mem(void);

// glibc manual. How much memory there is, and how much is in use: see the members. Holds the lock while it counts, a step
// for each chunk and run.
struct ft_mallinfo2 ft_mallinfo2(void);
struct ft_mallinfo ft_mallinfo(void);

// malloc_info(3). Writes the same as XML with glibc's elements: one heap; the free chunks of each size class as sizes;
// `fast` the chunks at hand, `rest` the other free ones, `mmap` mappings; `system` what is committed in sections, which is
// also the most that was, and `aspace` what is reserved. 0; EINVAL if options is not 0; -1 if the stream fails.
int ft_malloc_info(int options, FILE *stream);

// malloc_stats(3). Writes what is committed and what is in use to standard error, in glibc's words. Allocates nothing.
void ft_malloc_stats(void);

// mallopt(3), by the numbers of glibc's malloc.h. 1 if the parameter and its value are accepted, else 0.
//   M_TRIM_THRESHOLD  free memory that is kept, beside a quarter of what is in use; -1: all is
//   M_MMAP_THRESHOLD  larger chunks get a mapping of their own: up to 256 MiB, 32 KiB at least whatever less is said
//   the others        are accepted as glibc does, and change nothing: what they set does not exist here (fast bins,
//                     padding, arenas, a limit to mappings), or belongs to an option (M_CHECK_ACTION: misuse)
int ft_mallopt(int parameter, int value);

#else // what libc's headers may not declare; the functions they do declare are those above

// The same functions under their own names. Those of stdlib.h and malloc.h are not declared again.
void free_sized(void *ptr, size_t bytes);
void free_aligned_sized(void *ptr, size_t align, size_t bytes);
size_t memalignment(const void *ptr);
size_t malloc_size(const void *ptr);
size_t malloc_good_size(size_t bytes);
void *reallocf(void *ptr, size_t bytes);
int reallocarr(void *target, size_t count, size_t each);
void *recallocarray(void *ptr, size_t old_count, size_t count, size_t each);
void freezero(void *ptr, size_t bytes);
void show_alloc_mem(void);

#endif

#ifdef __cplusplus
}
#endif

#endif
