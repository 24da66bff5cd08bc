// SPDX-License-Identifier: MIT
// An arena is one allocator instance: its sections, the zone map over them, mappings of single chunks,
// and its heaps, in use or waiting for a thread. What several threads share is here, and the caller's
// lock guards it.
//
//   need, from a failed take            the caller                      the arena
//   NEED_COMMIT  two ranges             makes them accessible           arena_committed()
//   NEED_SECTION at least so many bytes reserves a region, then commits arena_plan_section(),
//                                       what the plan says              arena_add_section()
//   NEED_MAPPING exactly so many bytes  maps them                       large_adopt() (large.h)
//
// A commitment covers the units asked for together with the records they may want, and one unit more,
// so that one allocation asks for at most one section and one commitment.
#ifndef FT_CORE_ARENA_H
#define FT_CORE_ARENA_H

#include "core/home.h"
#include "core/need.h"
#include "core/offset.h"
#include "core/zone_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_config {
    // Grain of commitments, a power of two.
    size_t page_bytes;
    // A power of two from 32 bytes to 64 KiB; a multiple of page_bytes if anything is to be committed.
    size_t unit_bytes;
    // Larger chunks get a mapping of their own; SIZE_MAX: none does.
    size_t run_bytes_max;
    // Free runs' memory that is kept, beside an eighth of what is in use, and up to three times as much if what was purged
    // is taken again; SIZE_MAX: all is. A heap keeps a quarter as much in free pages of its zones, beside half of what is
    // in use there, and more for a time (heap_return.h).
    size_t dirty_bytes_max;
    // What runs and mappings may take together; 0: what there is. What the arena needs itself to serve them counts, and
    // is not refused. Only in a wide arena.
    size_t limit_bytes;
    // A class whose zones would be larger is served as runs; a sixteenth of a small region.
    size_t zone_bytes_max;
    // A zone that takes more than one part in so many of what is free is cut only when the class has as many
    // chunks in runs as would fill it; 0: whenever it is wanted.
    size_t free_per_zone;
    // Chunks that all stacks of a heap together may grow to hold; where memory goes back, twice as much beside if they
    // swing (heap_stacks.h).
    size_t stack_bytes_max;
    // Words of home bits that a heap gathers chunks of others for, before they are sent; a power of two, or 0.
    size_t parcel_count;
    // Regions that become sections may hold anything; else they are zero.
    bool is_dirty;
    // The map covers all addresses, and a struct zone_map_wide lies below the arena.
    bool wide;
    // What the caller may have in all, in MiB, about; 0: plenty. Once a 64th of it is in use it is not to be wasted
    // (arena_is_scarce). Only in a wide arena.
    uint16_t space_mib;
    // Bytes of LARGE chunks that a heap keeps in its hand, of each at most half as many (heap_hand.h); 0: heaps have none,
    // and are never to have one.
    uint32_t hand_bytes_max;
};
// Zero wherever a config is made that does not say otherwise: an arena keeps a copy, and no byte of an arena may be what lay
// on a stack.
_Static_assert(sizeof(struct arena_config) ==
                       offsetof(struct arena_config, hand_bytes_max) + sizeof(uint32_t) &&
                   offsetof(struct arena_config, hand_bytes_max) ==
                       offsetof(struct arena_config, space_mib) + sizeof(uint16_t),
               "no byte of it is without a name");

enum { ARENA_UNIT_BYTES_MAX = 1 << 16, ARENA_UNIT_BYTES_MIN = 32 };

// Purges that may split mappings, of 65530 that Linux allows a process.
enum { ARENA_SPLITS_MAX = 16384 };
enum {
    ARENA_GROWTH_BYTES_MIN = 1 << 20
}; // taken of virgin memory before it is asked what leaves for it

enum {
    ARENA_SPACE_SHARE = 64, // of what the caller may have, that may be in use before it is scarce
    ARENA_MAPPINGS_SCARCE =
        4096 // mappings that are made because it is, of 65530 that Linux allows a process
};

enum { ARENA_GONE_COUNT = 16 }; // mappings that are remembered, so that a late free of one is told

struct arena {
    struct zone_map map; // first: offsets in the arena count from here
    struct arena_config config;
    uintptr_t mappings;  // records of mappings of single chunks, by address
    uintptr_t departing; // records of mappings on their way to the system, and of those it refused
    _Atomic uintptr_t gone[ARENA_GONE_COUNT]; // where the last departed mappings were
    _Atomic uintptr_t twice;    // a chunk that was found to have been freed twice, or 0
    struct home_list home_idle; // zones of heaps without a thread that chunks came home to
    uintptr_t heaps;            // all heaps ever made, from the newest on
    uintptr_t first;            // the section that heaps are made in if they can be, or 0
    uintptr_t idle_heaps;       // those that wait for a thread
    uintptr_t common;           // the heap of all threads without one, or 0
    uint32_t heap_count;
    uint32_t unit_shift;
    uint32_t spare_units; // free ones that are kept beside (arena_return.c)
    uint32_t
        clean_units; // free ones that would be zero, if none had been taken since they were counted
    size_t class_bytes_max;    // of the classes that are served as zones, the largest's chunk
    uint8_t class_count;       // they are those below this one
    uint8_t record_kind_count; // lists of records that a section has
    bool is_returning;    // more was kept than may be, and what leaves has not yet brought it down
    bool splits;          // a purge may cost the process two mappings: it was forked
    uint32_t grown_units; // virgin ones taken, for which as many free ones have not left yet

    // Counters, in the arena's own units of measure.
    size_t zone_count;    // TINY and SMALL zones
    size_t large_count;   // chunks that are runs, those in hands among them
    size_t mapping_count; // chunks that are mappings
    size_t mapping_bytes; // bytes of those mappings
    size_t section_count;
    size_t unit_count;      // of all sections
    size_t used_unit_count; // units in runs that are not free, the arena's own included
    size_t used_unit_max;   // the highest that was, since sections last came or went
    size_t meta_unit_count; // the arena's own among them
    size_t change_count;    // of the runs: a walk that knows the number need not look where it is
    size_t failure_count;   // requests that were refused for want of memory, by who counts them
    uint32_t leaving_count; // ranges on their way to the system
    uint32_t looked_units;  // in use at the last look for what came home (heap_home.c), or since
    _Atomic size_t split_count; // ranges purged since purges split
    _Atomic uintptr_t
        trim_count;           // how often all heaps were to give back what they can (heap_return.h)
    size_t gone_count;        // mappings that have departed
    size_t section_bytes_max; // the most that was committed in sections
    size_t committed_bytes_max; // the most that was in sections and mappings together
};

// ANY. The size of a unit, in bytes.
static inline size_t arena_unit_bytes(const struct arena *arena)
{
    return (size_t)1 << arena->unit_shift;
}

// ANY. How many units hold `bytes`, which are far fewer than 2^32 units.
static inline uint32_t arena_units_for(const struct arena *arena, size_t bytes)
{
    return (uint32_t)bits_divide_up(bytes, arena_unit_bytes(arena));
}

// LOCKED. Whether the limit, if there is one, allows so many more bytes to be in use.
static inline bool arena_allows(const struct arena *arena, size_t more_bytes)
{
    size_t limit = arena->config.limit_bytes;
    size_t used = (arena->used_unit_count << arena->unit_shift) + arena->mapping_bytes;
    return limit == 0 || (used <= limit && more_bytes <= limit - used);
}

// ANY. What the caller may have in all, in bytes; 0: plenty.
static inline size_t arena_space_bytes(const struct arena *arena)
{
    return (size_t)arena->config.space_mib << 20;
}

// LOCKED. Whether memory is little, and some of it in use.
static inline bool arena_is_short(const struct arena *arena)
{
    size_t space = arena_space_bytes(arena);
    size_t used = (arena->used_unit_count << arena->unit_shift) + arena->mapping_bytes;
    return space != 0 && used > space / ARENA_SPACE_SHARE;
}

// LOCKED. Whether memory is not to be wasted: what would be a run with much of its last unit unused is better off as a
// mapping, and few chunks of a large class are not worth a zone.
static inline bool arena_is_scarce(const struct arena *arena)
{
    return arena_is_short(arena) && arena->mapping_count < ARENA_MAPPINGS_SCARCE;
}

// A run of some section.
struct run {
    struct section *section; // NULL: none
    uint32_t first;
    uint32_t count;
    uint32_t dirty_count; // units that may hold old bytes, about
    bool clean;           // every byte is known to be zero
};

// LOCKED. Makes zeroed memory an arena without any memory to hand out.
void arena_init(struct arena *arena, const struct arena_config *config);

// ANY. How large a region must be to serve a run of `bytes` at a multiple of `align`, at any address.
size_t arena_region_bytes_for(const struct arena *arena, size_t bytes, size_t align);

// ANY. What must be committed of the region [base, base + bytes) so that it can become a section and
// serve `least` bytes of runs; of kind NEED_NOTHING if it is too small.
struct need arena_plan_section(const struct arena *arena, uintptr_t base, size_t bytes,
                               size_t least);

// LOCKED. Makes the region a section. plan: what arena_plan_section() said, when that is committed;
// NULL if the whole region is committed and zero. False if the region is too small, and then nothing
// has changed.
bool arena_add_section(struct arena *arena, uintptr_t base, size_t bytes, const struct need *plan);

// LOCKED. Whether neither a zone nor a chunk nor a heap is in a section.
bool arena_section_is_unused(const struct section *section);

// LOCKED, while nobody else uses the arena at all. Makes an unused section plain memory again.
void arena_remove_section(struct arena *arena, struct section *section);

// ANY. Makes a refused NEED_COMMIT as modest as it can be. False if it already was.
bool arena_need_least(const struct arena *arena, struct need *need);

// LOCKED. The need that a take of `count` units at a multiple of `align_units` has failed for.
void arena_need_run(const struct arena *arena, uint32_t count, uint32_t align_units,
                    struct need *need);

// LOCKED. The need for more of a section's area for records, by one of this class at least.
struct need arena_need_record_area(const struct arena *arena, const struct section *section,
                                   unsigned record_class);

// LOCKED. The need for `least` committed units in a section, and for what will soon be wanted with them.
struct need arena_need_units(const struct arena *arena, const struct section *section,
                             uint32_t least);

// LOCKED. The ranges of a NEED_COMMIT are committed.
void arena_committed(struct arena *arena, const struct need *need);

// LOCKED. How many bytes of sections are committed.
size_t arena_section_bytes(const struct arena *arena);

// LOCKED. The same with mappings, those included that are on their way to the system.
size_t arena_committed_bytes(const struct arena *arena);

// LOCKED. More is committed than before: keeps the most that ever was. Sections note it themselves.
void arena_note_committed(struct arena *arena);

// LOCKED. Takes a run of at least `bytes`, at a multiple of `align` (a power of two), of kind RUN_META.
// section is NULL on failure, and *need then says what would help.
struct run arena_take_run(struct arena *arena, size_t bytes, size_t align, struct need *need);

// LOCKED. Takes a run of zeroed memory for the arena's own use.
struct run arena_take_meta(struct arena *arena, size_t bytes, struct need *need);

// LOCKED. Gives such a run back, by where it begins.
void arena_give_meta(struct arena *arena, const void *base);

// LOCKED. So many more units are in use.
static inline void arena_count_used(struct arena *arena, size_t more)
{
    arena->change_count++;
    arena->used_unit_count += more;
    if (arena->used_unit_count > arena->used_unit_max) {
        arena->used_unit_max = arena->used_unit_count;
    }
}

// LOCKED. So many less.
static inline void arena_count_unused(struct arena *arena, size_t less)
{
    arena->change_count++;
    arena->used_unit_count -= less;
}

// LOCKED. Gives a run back.
void arena_give_run(struct arena *arena, struct section *section, uint32_t first);

// LOCKED. Whether a free run has so many units, to within an eighth of the longest.
bool arena_has_free_run(const struct arena *arena, size_t units);

// LOCKED. Units that are virgin no more.
size_t arena_taken_units(const struct arena *arena);

// LOCKED. So many units are becoming free because memory is wanted for others: as many more may be kept for those.
void arena_note_wanted(struct arena *arena, size_t units);

// LOCKED. Whether free runs hold more that may be old bytes than is kept while the arena grows.
bool arena_has_to_spare(const struct arena *arena);

// LOCKED. So many virgin units were taken, and are in use.
void arena_note_growth(struct arena *arena, uint32_t units);

// LOCKED. Whether so much was taken of memory that was never used that arena_next_leaving() should be asked.
static inline bool arena_has_grown(const struct arena *arena)
{
    return (size_t)arena->grown_units << arena->unit_shift >= ARENA_GROWTH_BYTES_MIN;
}

// LOCKED. If more free memory is kept than the configuration allows, takes as much as is too much out of the free run that
// has most to give back: it is on its way to the system until arena_left(). False if nothing is to leave.
bool arena_next_leaving(struct arena *arena, struct leaving *leaving);

// LOCKED. The same, if more than so many bytes are kept; no more is kept from now on because it was taken again.
bool arena_next_surplus(struct arena *arena, size_t keep_bytes, struct leaving *leaving);

// LOCKED. What became of a range.
void arena_left(struct arena *arena, const struct leaving *leaving, enum left left);

// ANY. Whether fewer purges than these have split mappings.
static inline bool arena_may_split(const struct arena *arena, size_t splits_max)
{
    return atomic_load_explicit(&arena->split_count, memory_order_relaxed) < splits_max;
}

// ANY. A range was purged, which may have split a mapping.
static inline void arena_note_split(struct arena *arena)
{
    if (arena->splits) {
        atomic_fetch_add_explicit(&arena->split_count, 1, memory_order_relaxed);
    }
}

// LOCKED. A section that has something nobody has at its end, or at that of its area for records: *range. NULL if there is
// none. Only in a wide arena, and not of what it was given committed.
struct section *arena_find_tail(const struct arena *arena, struct range *range);

// LOCKED. The system has that range of the section back.
void arena_cut_tail(struct arena *arena, struct section *section);

// ANY. How many heaps were ever made; one that has just been made may be missed.
static inline uint32_t arena_heap_count(const struct arena *arena)
{
    return atomic_load_explicit((const _Atomic uint32_t *)&arena->heap_count, memory_order_relaxed);
}

// LOCKED. Takes a record from this section or, if it is NULL, from any. NULL and *need on failure.
struct zone *arena_take_record(struct arena *arena, struct section *section, unsigned record_class,
                               bool *recycled, struct need *need);

// ANY. Notes that a chunk was found to have been freed twice.
static inline void arena_note_twice(struct arena *arena, void *chunk)
{
    atomic_store_explicit(&arena->twice, (uintptr_t)chunk, memory_order_relaxed);
}

// LOCKED. Cuts a new zone of this class and enters it in the map. NULL and *need on failure.
struct zone *arena_new_zone(struct arena *arena, unsigned size_class, uint32_t owner,
                            uintptr_t heap, struct need *need);

// LOCKED. The same, in an arena with a wide map, of memory that was never used. NULL if none is committed that would do:
// *need is then what would help, or nothing.
struct zone *arena_new_virgin_zone(struct arena *arena, unsigned size_class, uint32_t owner,
                                   uintptr_t heap, struct need *need);

// LOCKED. Dissolves a zone that is empty and in no list.
void arena_delete_zone(struct arena *arena, struct zone *zone);

// LOCKED. The section that an address lies in, or NULL.
struct section *arena_section_of(const struct arena *arena, const void *ptr);

// LOCKED. The section with the lowest address, or NULL.
static inline struct section *arena_first_section(const struct arena *arena)
{
    return zone_map_first_section(&arena->map);
}

// LOCKED. The next section by address, or NULL.
static inline struct section *arena_next_section(const struct arena *arena,
                                                 const struct section *section)
{
    return zone_map_next_section(&arena->map, section);
}

// LOCKED. Whether the arena's own invariants and those of its sections hold.
bool arena_is_valid(const struct arena *arena);

#endif
