// SPDX-License-Identifier: MIT
// ft_core: the allocator on memory that you hand it. No operating system, no threads of its own, of libc
// only memcpy, memset, memmove and, as compilers may, memcmp. The whole state lies in your memory.
//
//   static unsigned char buffer[65536];
//
//   struct ft_core_heap heap;
//   struct ft_core *core = ft_core_create(buffer, sizeof buffer, NULL);
//   if (core != NULL && ft_core_open(&heap, core, NULL)) {
//       char *text = ft_core_alloc(&heap, 42);
//       ...
//       ft_core_free(&heap, text);
//   }
//
// An arena lives in one region, or in several that are added to it. A heap is one user's way in: one
// thread's, one process's, one task's. What it allocates anybody may free, through his own heap.
//
// What holds for every function:
//   - Sizes are bytes. A chunk is aligned to 16 at least. A chunk of 0 bytes is a chunk: its pointer is
//     unique until it is freed. A chunk is smaller than 4 GiB.
//   - The exact size and the state of each chunk are known: a double, foreign or interior free is told and
//     changes nothing. One misuse cannot be seen: a stale free after the chunk was handed out again.
//   - Out of memory is NULL or false, and then nothing has changed but the count of failures, and that the heap
//     has given up what it kept at hand.
//   - Every call takes bounded time; core/README.md has the formulas. ft_core_census(), ft_core_check() and
//     ft_core_revive(), which go through everything, and a misuse, whose pointer is looked for, take longer.
//   - Two arenas share nothing. Of one arena, one heap is used by one thread at a time; several heaps may be
//     used at once if each has the same lock. "Exclusive" says: while nobody else uses the arena.
//   - A breach of the arena's own data that is noticed ends in a trap: it must not be written to any more.
#ifndef FT_CORE_H
#define FT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// An arena: at the start of its first region.
struct ft_core;

// How several heaps of one arena keep out of each other's way. Both functions get `context`. The lock
// need not be recursive, and is held for bounded time. It lies outside the arena: each process that
// shares one brings functions of its own.
struct ft_core_lock {
    void (*acquire)(void *context);
    void (*release)(void *context);
    void *context;
};

// A way in, in memory of yours. Its members are the library's.
struct ft_core_heap {
    struct ft_core *core;
    void *heap;
    struct ft_core_lock lock;
};

// What can be chosen when an arena is made; all zero is the default for everything.
struct ft_core_options {
    // The grain of runs: a power of two from 32 to 65536. 0: chosen by the region's size.
    size_t unit_bytes;
    // A class whose zones of 100 chunks would take more than this gets a run for each chunk.
    // 0: a thirty-second of the region, up to 256 units; SIZE_MAX: no class does. A zone that takes more than a sixty-fourth of
    // what is free is cut only when the class has as many chunks in runs as would fill it.
    size_t zone_bytes_max;
    // Bytes of chunks that one heap keeps at hand in its stacks, beside a first few of each class. 0: a
    // sixty-fourth of the region, up to 128 KiB; 1: none at all; at most an eighth of the region and 1 MiB. More
    // means fewer refills and longer flushes.
    size_t stack_bytes_max;
    // Every byte of the regions is zero, of those that are added later as well. False: they may hold anything.
    bool is_zero;
};

// What is wrong with a pointer that was handed back.
enum ft_core_misuse {
    FT_CORE_OK,
    FT_CORE_FOREIGN,         // no memory that this arena hands out
    FT_CORE_DOUBLE_FREE,     // a chunk, or memory that may have been one, that is free
    FT_CORE_NEVER_ALLOCATED, // a chunk that was certainly never handed out, or where none can be
    FT_CORE_INTERIOR,        // inside a chunk that is in use
    FT_CORE_WRONG_SIZE,      // a sized free whose size has another class than the chunk's
};

// ---- arenas -----------------------------------------------------------------------------------------

// The smallest region that ft_core_create() accepts at any address, with default options; it holds a
// chunk of 256 bytes.
size_t ft_core_bytes_min(void);

// Makes a region an arena. options NULL: the defaults. NULL if the region is too small or an option
// makes no sense; then the region may have been written to. The arena begins at the first multiple of
// 64 in the region. Costs time proportional to the metadata: 2 to 15 % of a region of 64 KiB or more,
// a larger share of a smaller one.
struct ft_core *ft_core_create(void *region, size_t bytes, const struct ft_core_options *options);

// Finds an arena that was made in this memory, by this build of the library, and perhaps saved, mapped
// at another address, or shared with another process. NULL if there is none, or if the distance to where
// it was made is no multiple of its unit. The distances between the regions of one arena must be as they
// were. Several processes may use it at once, each with heaps and a lock of its own kind.
struct ft_core *ft_core_attach(void *region);

// Takes every heap away from whoever had it, the dead included: for an arena that was saved or left
// behind. What was allocated stays so. Exclusive; no call may have been under way when the arena was
// saved.
void ft_core_revive(struct ft_core *core);

// Forgets every chunk, every heap and every counter, and keeps the regions. Exclusive.
void ft_core_reset(struct ft_core *core);

// Ends an arena: ft_core_attach() does not find it any more. Its regions are the caller's again.
// Exclusive.
void ft_core_destroy(struct ft_core *core);

// ---- heaps ------------------------------------------------------------------------------------------

// Opens a way in. lock NULL: this is the only heap in use. False if the arena has no memory for it.
bool ft_core_open(struct ft_core_heap *heap, struct ft_core *core, const struct ft_core_lock *lock);

// Closes it. Its chunks stay in use, what it kept at hand goes back, and the next ft_core_open() gets
// what is left. Of zones that become empty later one of each class stays, until an allocation would be refused, or a trim.
void ft_core_close(struct ft_core_heap *heap);

// Gives a region to the arena, at any address beside the others. False if it is too small or overlaps what
// the arena uses.
bool ft_core_add_region(struct ft_core_heap *heap, void *region, size_t bytes);

// Takes a region out that was added: it is the caller's again. Exclusive: others look for their chunks' regions
// without the lock. False, and then nothing has changed, if a chunk in it is in use, or a heap was opened or
// keeps chunks there, or it is the first region. What this heap and closed ones keep at hand is given up first,
// what others keep is not (ft_core_trim()).
bool ft_core_remove_region(struct ft_core_heap *heap, void *region);

// Gives up what the heap and closed ones keep at hand: stacks and empty zones.
void ft_core_trim(struct ft_core_heap *heap);

// ---- chunks -----------------------------------------------------------------------------------------

// A chunk, its bytes undefined.
void *ft_core_alloc(struct ft_core_heap *heap, size_t bytes);

// A zeroed chunk of count * each bytes. NULL if the product overflows, too.
void *ft_core_alloc_zeroed(struct ft_core_heap *heap, size_t count, size_t each);

// A chunk at a multiple of align. NULL if that is no power of two, too.
void *ft_core_alloc_aligned(struct ft_core_heap *heap, size_t align, size_t bytes);

// Gives a chunk back. NULL is fine. Anything but FT_CORE_OK has changed nothing, with one exception: when two heaps free
// one chunk at the same moment, both may be told OK, and FT_CORE_DOUBLE_FREE comes out of a later free by either of
// them or the chunk's owner, which itself succeeded. A chunk of another heap goes home to that without the lock, unless
// it is a run of its own.
enum ft_core_misuse ft_core_free(struct ft_core_heap *heap, void *ptr);

// The same, of a chunk that was requested with this many bytes: FT_CORE_WRONG_SIZE if that is known not to be
// so. A chunk of a zone is known by its class, one of its own run exactly up to 32 KiB, by its units above.
enum ft_core_misuse ft_core_free_sized(struct ft_core_heap *heap, void *ptr, size_t bytes);

// Changes a chunk's size where it is. False if there is no room, if so much less cannot be noted (more than
// 251 bytes below a chunk of a TINY zone, 32767 below one of a SMALL zone), or ptr is no chunk in use; then nothing
// has changed.
bool ft_core_resize(struct ft_core_heap *heap, void *ptr, size_t bytes);

// Changes a chunk's size, where it is or elsewhere; what both sizes cover is kept. A new chunk if ptr is
// NULL. NULL if there is no memory, or ptr is no chunk in use; then nothing has changed. Fewer bytes take no other memory,
// but where ft_core_resize() cannot note them.
void *ft_core_realloc(struct ft_core_heap *heap, void *ptr, size_t bytes);

// ---- questions --------------------------------------------------------------------------------------

enum ft_core_status {
    FT_CORE_NOT_OURS, // no memory that this arena hands out
    FT_CORE_UNUSED,   // memory of this arena, but no chunk
    FT_CORE_FREE,     // a chunk of a zone that is free
    FT_CORE_LIVE,     // a chunk that is in use
};

struct ft_core_place {
    enum ft_core_status status;
    void *base;      // FREE, LIVE: where the chunk begins
    size_t bytes;    // LIVE: what was requested
    size_t capacity; // FREE, LIVE: what it could hold
};

// What any pointer is, without touching its memory. Right for as long as nobody frees or allocates that
// very chunk; in an arena of several heaps, for a pointer that is not known to be a chunk in use, under
// the lock.
struct ft_core_place ft_core_locate(const struct ft_core *core, const void *ptr);

enum ft_core_kind { FT_CORE_TINY, FT_CORE_SMALL, FT_CORE_LARGE };

struct ft_core_item {
    bool is_zone;           // else a chunk in use, of the zone told last
    enum ft_core_kind kind; // of the zone
    void *base;
    size_t bytes; // a zone's whole length; what was requested of a chunk
};

// A walk through an arena; zeroed, it stands before the start.
struct ft_core_walk {
    uintptr_t cursor[8];
};

// Tells the next zone or chunk in use, by increasing address; false at the end. Between two steps
// anything may happen: what nobody touched meanwhile is told once, and as it is; what came meanwhile is told if it lies
// above what was told last. Takes the lock.
bool ft_core_next(struct ft_core_heap *heap, struct ft_core_walk *walk, struct ft_core_item *item);

// Writes the arena as text, zones and chunks with their sizes, through `write`, which may use nothing of
// this arena. Takes the lock for each step.
void ft_core_report(struct ft_core_heap *heap,
                    void (*write)(void *context, const char *text, size_t bytes), void *context);

struct ft_core_figures {
    size_t region_bytes;   // of all regions, as far as they are cut into units
    size_t metadata_bytes; // that no chunk can have: headers, tables, records, heaps
    size_t used_bytes;     // of runs that hold zones and chunks, whatever of them is free
    size_t free_bytes;     // of free runs
    size_t free_bytes_min; // the lowest that was (low-water mark)
    size_t longest_bytes;  // a chunk of this size can be had; of one twice as long, who knows
    size_t zone_count;     // TINY and SMALL zones
    size_t large_count;    // chunks that have a run of their own
    size_t heap_count;     // ever opened at once
    size_t failure_count;  // chunks and heaps that were refused for want of memory
};

// The figures, in bounded time: nothing is walked. Under the lock, if there are several heaps.
struct ft_core_figures ft_core_figures(const struct ft_core *core);

// Where the memory of an arena is. Every byte of its regions, as far as they are cut into units, is in one part: the
// first seven together are ft_core_figures.region_bytes, the first five used_bytes.
struct ft_core_census {
    size_t live_bytes;     // requested, of chunks in use
    size_t rounding_bytes; // by which those and their runs are larger; ends of zones
    size_t zone_bytes;     // free chunks in their zones
    size_t stack_bytes;    // free chunks that heaps have at hand
    size_t home_bytes;     // chunks freed by another heap than their zone's, on their way home
    size_t free_bytes;     // free runs
    size_t metadata_bytes; // headers, tables, records, heaps
    size_t live_count;     // chunks in use
    size_t free_count;     // free chunks of zones, wherever they are
};

// The census. Goes through every run and every chunk's state, and takes some 4 KiB of stack. Under the lock, if there
// are several heaps; what others free meanwhile without it is told where it was or where it is going.
struct ft_core_census ft_core_census(const struct ft_core *core);

// Whether every invariant holds, of every run, zone, record and heap. Exclusive.
bool ft_core_check(const struct ft_core *core);

#ifdef __cplusplus
}
#endif

#endif
