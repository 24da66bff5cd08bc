// SPDX-License-Identifier: MIT
// What the core asks of its caller. The core never calls out: an operation that lacks memory returns a
// need; the caller meets it as it can and tries again, or gives up. What may go back to the system is
// returned the same way.
#ifndef FT_CORE_NEED_H
#define FT_CORE_NEED_H

#include <stddef.h>
#include <stdint.h>

enum need_kind {
    NEED_NOTHING, // more memory would not help
    NEED_COMMIT,  // ranges of a section that must become readable, writable and zero
    NEED_SECTION, // a new region of address space, `bytes` at least
    NEED_MAPPING, // zeroed memory of exactly `bytes`, at a multiple of `align`, for one chunk
};

struct range {
    uintptr_t base;
    size_t bytes; // 0: nothing
};

struct need {
    enum need_kind kind;
    size_t bytes;           // SECTION, MAPPING
    size_t align;           // MAPPING
    size_t run_bytes;       // SECTION: what runs it must be able to serve at once
    struct range commit[2]; // COMMIT
    uintptr_t section;      // COMMIT: the section, from the arena; 0 for a region that becomes one
    uint32_t units;         // COMMIT: units that are committed afterwards
    uint32_t units_least;   // COMMIT: units that would do
};

// A range that the arena has let go of until the caller says what became of it (arena_left).
enum leaving_kind {
    LEAVING_NOTHING,
    LEAVING_PURGE, // replace its pages by zero ones: a range inside a section
    LEAVING_PAGES, // the same: part of a zone, for heap_left() (heap_return.h)
    LEAVING_UNMAP, // give it back whole: a mapping
};

// What has become of a range that was to be purged.
enum left {
    LEFT_DIRTY,    // nothing: the system refused
    LEFT_CLEAN,    // its bytes are zero
    LEFT_RESERVED, // it has no access any more, and cannot be had back
};

struct leaving {
    enum leaving_kind kind;
    struct range range;
    uintptr_t record; // UNMAP, PAGES: the record, from the arena
};

#endif
