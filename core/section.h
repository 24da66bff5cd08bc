// SPDX-License-Identifier: MIT
// A section is a large region of memory that runs are handed out of. It describes itself at its start,
// away from what programs can overrun:
//
//   base                                                            unit 0
//   +---------+--------------+-----------+---------------------+--+----------------------------+
//   | section | classes      | run table | records ...         |  | units ...        |  virgin |
//   +---------+--------------+-----------+---------------------+--+----------------------------+
//
// Records (zone.h) are never moved, and never become anything but a record of the same class, so that a
// late free that still holds one reads sense. When the area for records is used up, which is small, so
// that it can be committed together with the first units, more records are made at the section's end,
// which gives up its last units for good, or in runs of kind RUN_RECORDS.
//
// Everything here is LOCKED unless it says otherwise.
#ifndef FT_CORE_SECTION_H
#define FT_CORE_SECTION_H

#include "core/home.h"
#include "core/need.h"
#include "core/run.h"
#include "core/size_class.h"
#include "core/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECTION_RECORD_SHARE = 64,                // units are to records what this is to 1,
    SECTION_AREA_MAX = 1 << 20,               // up to so many bytes of records
    SECTION_RECORD_MAPPED = SIZE_CLASS_COUNT, // the list of records that are a header alone
    SECTION_RECORD_KINDS = SIZE_CLASS_COUNT + 1,
};

struct section {
    struct zone marker;     // what the map entries of LARGE units lead to
    _Atomic uintptr_t next; // the next section by address, from the arena (zone_map.h)
    uintptr_t end;          // the region's end, from this section
    uintptr_t table;        // the run table, from this section
    uintptr_t units;        // unit 0, from this section
    uintptr_t record_next;  // the bytes that the next record may take, from this section
    uintptr_t record_end;   //
    uintptr_t area_end;     // end of the area for records; committed below area_committed
    uintptr_t area_committed;
    uint32_t unit_shift;
    uint32_t cut_count; // units given up at its end, for records
    bool is_continued;  // the next section was made of the same region
    bool keeps_end;     // its end does not go back: it came committed, or its caller says so
    // By class: zones that are nobody's and that chunks came home to; and, from this section, records without a zone.
    // There is memory for as many kinds of records as the arena has.
    struct section_class {
        struct home_list full;
        uintptr_t records;
    } classes[SECTION_RECORD_KINDS];
};

// How a region is laid out as a section; every member is a distance from the region's base.
struct section_shape {
    size_t table;
    size_t records;
    size_t units;
    size_t end;
    uint32_t unit_count; // 0: the region is too small
};

// ANY. The layout of the region at base, of as much of it as one section can use. record_kinds: lists of
// records that it has.
struct section_shape section_shape_of(uintptr_t base, size_t bytes, unsigned unit_shift,
                                      unsigned record_kinds);

// LOCKED. Makes a section of a region that is zeroed, and committed below shape->records at least.
// area_committed: bytes from base that are committed without a gap.
void section_init(struct section *section, const struct section_shape *shape, unsigned unit_shift,
                  uintptr_t area_committed);

// ANY. The section's run table.
static inline struct run_table *section_runs(const struct section *section)
{
    return (struct run_table *)((uintptr_t)section + section->table);
}

// LOCKED. How many of its bytes may be read and written: its head with the records, and its units.
static inline size_t section_committed_bytes(const struct section *section)
{
    size_t units = (size_t)section_runs(section)->committed + section->cut_count;
    return section->area_committed + (units << section->unit_shift);
}

// ANY. The address of a unit.
static inline void *section_unit_at(const struct section *section, uint32_t unit)
{
    return (void *)((uintptr_t)section + section->units + ((uintptr_t)unit << section->unit_shift));
}

// ANY. The unit that an address above unit 0 lies in.
static inline uint32_t section_unit_of(const struct section *section, const void *ptr)
{
    uintptr_t distance = (uintptr_t)ptr - (uintptr_t)section - section->units;
    return (uint32_t)(distance >> section->unit_shift);
}

// ANY. Whether an address lies in a unit of this section.
static inline bool section_holds(const struct section *section, const void *ptr)
{
    uintptr_t distance = (uintptr_t)ptr - (uintptr_t)section - section->units;
    // Relaxed: a section loses its last units under the lock, which hold nothing that is asked for.
    const _Atomic uint32_t *count = (const _Atomic uint32_t *)&section_runs(section)->unit_count;
    return distance >> section->unit_shift < atomic_load_explicit(count, memory_order_relaxed);
}

// ANY. The phase of this section's units for a run aligned to `align_units` units.
struct run_shape section_run_shape(const struct section *section, uint32_t count,
                                   uint32_t align_units);

// LOCKED. Takes a record of this class (or SECTION_RECORD_MAPPED) and returns its header; *recycled
// tells whether it held a zone before; if not, it is zeroed. NULL if there is no room.
struct zone *section_take_record(struct section *section, unsigned record_class, bool *recycled);

// LOCKED. Gives a record back, whose header still tells its class.
void section_give_record(struct section *section, struct zone *zone, unsigned record_class);

// LOCKED. Makes units that nobody else has the place where the next records are made. Their bytes are zero.
void section_add_records(struct section *section, uint32_t first, uint32_t count);

// ANY. Bytes of a record of this class.
size_t section_record_bytes(const struct section *section, unsigned record_class);

// LOCKED. What nobody has at the end of the area for records or, if there is nothing, at the section's own. Of no bytes if
// there is nothing there either.
struct range section_tail(const struct section *section);

// LOCKED. Cuts that off: the section has it no more.
void section_cut_tail(struct section *section);

// LOCKED. Whether the section's invariants hold: its runs (run.h) and that its parts do not overlap.
bool section_is_valid(const struct section *section);

#endif
