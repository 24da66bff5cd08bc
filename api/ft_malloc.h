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
//     nothing instead, and returns NULL with EINVAL (realloc and its kin; reallocarr returns EINVAL) or
//     0 (sizes). One misuse cannot be seen: a stale free after the chunk was handed out again. When two
//     threads free one chunk at the same moment, a later call may be the one that says so.
#ifndef FT_MALLOC_H
#define FT_MALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    size_t hblkhd;   // bytes of those, and of such that are on their way to the system
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

// ---- what there is, and what was called: the same names in both pairs --------------------------------
//
// What follows is for programs that look at a heap, tools and tests. Each function may be called at any time, allocates
// nothing and keeps errno. A structure may get members at its end in a later version, which then is a larger number.
enum { FT_MALLOC_VERSION = 2 };

// The version of the library that is there.
unsigned ft_malloc_version(void);

enum ft_malloc_kind { FT_MALLOC_TINY, FT_MALLOC_SMALL, FT_MALLOC_LARGE };

// A zone, or a chunk in use.
struct ft_malloc_item {
    bool is_chunk;
    enum ft_malloc_kind kind; // of the zone
    void *base;               // of the zone or the chunk
    size_t bytes;             // of the zone; requested of the chunk
};

// Where a walk is; zero before it begins.
struct ft_malloc_walk {
    size_t at[8];
};

// Tells the next zone or chunk in use, by increasing address; false at the end. Between two calls anything may happen to
// the heap: what nobody touches is told once, and as it is. Takes the lock.
bool ft_malloc_next(struct ft_malloc_walk *walk, struct ft_malloc_item *item);

enum ft_malloc_state {
    FT_MALLOC_FOREIGN, // no memory of this allocator
    FT_MALLOC_UNUSED,  // memory of this allocator where no chunk is
    FT_MALLOC_FREE,    // a free chunk
    FT_MALLOC_LIVE,    // a chunk that the program holds
};

// What a pointer is. All but the state is zero where there is no such thing.
struct ft_malloc_place {
    enum ft_malloc_state state;
    enum ft_malloc_kind kind; // of the zone
    void *zone;               // its first chunk
    size_t zone_bytes;        // of all its chunks
    void *
        chunk; // the start of the chunk that the pointer is in, or right behind the requested bytes of
    size_t requested; // LIVE: the bytes asked for
    size_t capacity;  // the bytes it could hold
};

// Any pointer: its memory is not touched. Exact, unless another thread frees or allocates that very chunk meanwhile. Takes
// no lock for a pointer into a TINY or SMALL zone, and for the start of a LARGE chunk.
struct ft_malloc_place ft_malloc_locate(const void *ptr);

enum ft_malloc_event_kind {
    FT_MALLOC_EVENT_MALLOC, // and operator new
    FT_MALLOC_EVENT_CALLOC,
    FT_MALLOC_EVENT_REALLOC, // and its kin
    FT_MALLOC_EVENT_ALIGNED, // whatever has an alignment above 16
    FT_MALLOC_EVENT_FREE,    // and its kin
};

// One call.
struct ft_malloc_event {
    uint64_t
        order; // 1 for the first that was seen; of one chunk, calls are numbered in the order that they were made in
    unsigned thread; // 1 for the first that called
    enum ft_malloc_event_kind kind;
    void *ptr;      // REALLOC, FREE: the chunk that was handed in
    size_t held;    // the bytes requested of that so far; 0 if is_misuse
    void *result;   // the chunk that was handed out; NULL if none was
    size_t bytes;   // requested; 0 for FREE
    size_t align;   // requested, 16 at least; 0 for FREE
    bool is_misuse; // ptr was no chunk in use: nothing was done
    uint32_t stack; // the number of its call stack; 0 if none was kept (version 2)
};

// Tells the call that came after the one in *event, whose order is 0 before the first, of the last FT_MALLOC_HISTORY; false
// if there is none.
bool ft_malloc_history_next(struct ft_malloc_event *event);

// Version 2. The call stack of the call that made a chunk what it is, malloc or realloc, if FT_MALLOC_STACKS has had it
// kept: the addresses where its callers go on, the innermost first, as many as there are and fit into max. Returns their
// number; 0 if ptr is not the start of a chunk in use with a call stack. Takes a lock of its own.
size_t ft_malloc_stack(const void *ptr, void **frames, size_t max);

// Version 2. The same of a call, by the number in its event.
size_t ft_malloc_stack_frames(uint32_t stack, void **frames, size_t max);

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
// glibc. NULL and ENOMEM if there is no memory: then the chunk is as it was. Fewer bytes need no other memory, but
// where they are more than 251 below a size class of at most 1024.
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
// Returns 0, or EOVERFLOW or ENOMEM, or EINVAL after a misuse: then nothing has changed. For 0 bytes
// the chunk is freed and the pointer becomes NULL. errno is kept.
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

// Ours. The same, and below each zone a bar of its fill (bytes requested of its bytes), below each chunk what it holds, in
// hexadecimal and as characters, with lines that repeat folded into an asterisk, and at the end the last calls if
// FT_MALLOC_HISTORY says that they are remembered. In colour if standard output is a terminal and NO_COLOR is not set, or
// empty. Memory that the program has made unreadable is told as such.
void ft_show_alloc_mem_ex(void);

// Ours. The chunk that ptr is in, and what is in it from offset bytes behind ptr on, `bytes` at most.
void ft_show_alloc_mem_ex_at(const void *ptr, size_t offset, size_t bytes);

// glibc manual. How much memory there is, and how much is in use: see the members. Holds the lock while it counts, a step
// for each chunk and run.
struct ft_mallinfo2 ft_mallinfo2(void);
struct ft_mallinfo ft_mallinfo(void);

// malloc_info(3). Writes the same as XML with glibc's elements: one heap; the free chunks of each size class as sizes;
// `fast` the chunks at hand, `rest` the other free ones, `mmap` mappings; `system` what is committed in sections
// (current) and the most that ever was (max), and `aspace` what is reserved. 0; EINVAL if options is not 0; -1 if the
// stream fails.
int ft_malloc_info(int options, FILE *stream);

// malloc_stats(3). Writes what is committed and what is in use to standard error, in glibc's words. Allocates nothing.
void ft_malloc_stats(void);

// mallopt(3), by the numbers of glibc's malloc.h. 1 if the parameter and its value are accepted, else 0.
//   M_TRIM_THRESHOLD  free runs that are kept, beside an eighth of what is in use, and a quarter as much in each
//                     thread's zones; -1: all is
//   M_MMAP_THRESHOLD  larger chunks get a mapping of their own: up to 256 MiB, 32 KiB at least whatever less is said
//   the others        are accepted as glibc does, and change nothing: what they set does not exist here (fast bins,
//                     padding, arenas, a limit to mappings), or belongs to an option (M_CHECK_ACTION: misuse,
//                     M_PERTURB: perturb)
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
void show_alloc_mem_ex(void);
void show_alloc_mem_ex_at(const void *ptr, size_t offset, size_t bytes);

#endif

// ---- heaps of your own: the same names in both pairs ------------------------------------------------
//
// A heap apart from malloc's, with chunks, a limit, a name and figures of its own, ended in one go. Its functions do what
// those of the same name do, with these differences:
//   - What a heap takes with it when it is destroyed or reset is no misuse: its chunks need not be freed.
//   - A chunk goes back to the heap that it came from. Any other is a misuse: the line names the call, and the heap
//     by its tag. So is a heap that is none, or no longer, as far as its memory can still be read: the call then
//     returns NULL, false or zeros, with EINVAL if it was to return a chunk.
//   - Any thread may use a heap at any time, under one lock for each heap; nobody may use it when it is being destroyed.
//     Of a heap that is_single_threaded, the caller sees to it that one thread at a time uses it.
//   - A forked child has all heaps as they were when no thread was in any of them, and none of their locks is taken.
//     One that is_single_threaded it may use only if no other thread was in it when the process forked.
//   - A chunk is smaller than 4 GiB, and in a heap that grows not much larger than 250 MiB, or its limit or first
//     region, whichever is most.
struct ft_heap;

enum { FT_HEAP_TAG_BYTES = 32 };

// What can be chosen; all zero is the default for everything.
struct ft_heap_options {
    // What reports call it. Copied, up to 31 bytes; what follows is cut off. NULL: reports call it by its address, and
    // ft_heap_figures() has "".
    const char *tag;
    // The most memory that it takes from the process's heap, all that it needs itself included. Up to 1 MiB is
    // taken at once. 0: no limit.
    size_t limit_bytes;
    // What it takes at once, at least; later it takes as much again each time. 0: 1 MiB, or more for a limit above
    // 128 MiB. What is not touched is address space, and no memory.
    size_t first_bytes;
    // Memory of the caller's that everything lies in, at any address; then it never grows, and the two above are 0.
    // Some 2200 bytes at least. It is the caller's again when the heap is destroyed: not before, unless
    // is_single_threaded, when a heap may just be left. NULL: memory of the process's heap, where show_alloc_mem
    // shows it as LARGE chunks.
    void *buffer;
    size_t buffer_bytes;
    // One thread at a time uses it: no lock is taken.
    bool is_single_threaded;
};

struct ft_heap_figures {
    size_t chunk_count;      // in use
    size_t used_bytes;       // requested of them
    size_t used_bytes_max;   // the most that ever was
    size_t memory_bytes;     // that the heap has, for chunks and for itself
    size_t memory_bytes_max; // the most that ever was
    size_t limit_bytes;      // of memory_bytes; 0: none
    size_t failure_count;    // requests refused for want of memory
    char tag[FT_HEAP_TAG_BYTES];
};

// Makes a heap. options NULL: the defaults. NULL and EINVAL if they make no sense, or limit or buffer is too small;
// NULL and ENOMEM if there is no memory.
struct ft_heap *ft_heap_create(const struct ft_heap_options *options);

// Ends a heap with all its chunks; its memory goes back. Nothing for NULL. Takes no time for chunks. errno is kept.
void ft_heap_destroy(struct ft_heap *heap);

// Frees all chunks at once, and keeps the memory. errno is kept.
void ft_heap_reset(struct ft_heap *heap);

// Gives the regions back that no chunk is in, the first excepted; returns their bytes. errno is kept.
size_t ft_heap_trim(struct ft_heap *heap);

// malloc, calloc, realloc, aligned_alloc, free and malloc_usable_size, in a heap. ENOMEM also at its limit.
void *ft_heap_malloc(struct ft_heap *heap, size_t bytes);
void *ft_heap_calloc(struct ft_heap *heap, size_t count, size_t each);
void *ft_heap_realloc(struct ft_heap *heap, void *ptr, size_t bytes);
void *ft_heap_aligned_alloc(struct ft_heap *heap, size_t align, size_t bytes);
void ft_heap_free(struct ft_heap *heap, void *ptr);
size_t ft_heap_usable_size(struct ft_heap *heap, void *ptr);

// Its figures, exact, as of now. All zero for no heap.
struct ft_heap_figures ft_heap_figures(struct ft_heap *heap);

// Tells the heap's next zone or chunk in use, by increasing address; false at the end. A zeroed walk stands before the
// start; ft_core.h has both structures. Between two calls anything may happen to the heap: what nobody touches is told
// once, and as it is.
struct ft_core_walk;
struct ft_core_item;
bool ft_heap_next(struct ft_heap *heap, struct ft_core_walk *walk, struct ft_core_item *item);

// Writes a heap to standard output as show_alloc_mem() does the process's. No lock is held while it writes.
void ft_heap_show(struct ft_heap *heap);

#ifdef __cplusplus
}
#endif

#endif
