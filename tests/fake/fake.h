// SPDX-License-Identifier: MIT
// A platform that a test has in hand: all of platform/platform.h, over a window of address space that is
// mapped without access once and never grows. Access is real: what is not committed faults.
//
//   window   |  closed  |   open   |  closed  |      nothing      |  open  |   nothing   |
//            '---- one reservation, partly committed ----'        '-- map -'
//            spans: neighbours with the same access are one, as in the kernel's own list
//
// Every call is counted, every call sets errno to something that no caller may pass on, and the calls that
// a system may refuse can be refused: the k-th, from the k-th on, the k-th and the m-th, of all kinds
// together or of some, or whatever goes beyond a budget of reserved bytes, of committed bytes (strict
// accounting: what is open is charged), of the address limit, of mappings. A call that breaks the
// header's contract (a range that is not what it has to be, a size that is no multiple of the page) stops
// the process: that is a bug of the caller's.
//
// fake.c puts the platform's calls on the window; fake_linux.c puts the system calls of platform/linux.c
// there, so that the real source runs on it.
//
// One thread uses it at a time.
#ifndef FT_TESTS_FAKE_FAKE_H
#define FT_TESTS_FAKE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where addresses come from. Where the system does not give such a window, any other serves.
enum fake_place {
    FAKE_LOW,      // below 4 GiB on, upwards, each at a multiple of 64 KiB, with a gap
    FAKE_HIGH,     // below the end of the address space, upwards without gaps
    FAKE_FALLING,  // from the window's end downwards, without gaps, as Linux does
    FAKE_ADJACENT, // from below a multiple of 4 GiB upwards, without gaps
    FAKE_ODD,      // upwards, three pages off the multiples of 64 KiB
    FAKE_PLACE_COUNT,
};

enum fake_call {
    FAKE_RESERVE, // the first five can be refused
    FAKE_MAP,
    FAKE_COMMIT,
    FAKE_PURGE,
    FAKE_RELEASE,
    FAKE_PAGE_BYTES,
    FAKE_ADDRESS_LIMIT,
    FAKE_LOCK,
    FAKE_UNLOCK,
    FAKE_LOCK_RESET,
    FAKE_EXIT_OPEN,
    FAKE_AT_THREAD_EXIT,
    FAKE_AT_FORK,
    FAKE_WRITE,
    FAKE_CANCEL,
    FAKE_ENVIRONMENT,
    FAKE_CALL_COUNT,
    FAKE_REFUSABLE_COUNT = FAKE_PAGE_BYTES,
};

enum fake_when { FAKE_NEVER, FAKE_ONCE, FAKE_FROM_THEN_ON, FAKE_PAIR };

// Which of the calls that can be refused are: numbered from 1, those of the kinds in `calls` together.
struct fake_faults {
    enum fake_when when;
    uint64_t first;
    uint64_t second; // FAKE_PAIR
    unsigned calls;  // bits 1 << enum fake_call; 0: all five
};

// What a purge that was refused by plan has done to the bytes all the same. LOST: the pages are gone, and no others to be
// had in their place.
enum fake_refused_purge {
    FAKE_PURGED_NOTHING,
    FAKE_PURGED_HALF,
    FAKE_PURGED_ALL,
    FAKE_PURGED_LOST,
    FAKE_PURGED_KINDS
};

// Lies, to see whether the tests notice.
enum fake_lie {
    FAKE_HONEST,
    FAKE_COMMIT_LEAVES_DIRT,   // committed memory that is not zero
    FAKE_COMMIT_DOES_NOTHING,  // success, but no access
    FAKE_MAP_LEAVES_DIRT,      // mapped memory that is not zero
    FAKE_PURGE_DOES_NOTHING,   // success, but the old bytes are there
    FAKE_PURGE_DOES_HALF,      // success, but the second half has its old bytes
    FAKE_RELEASE_DOES_NOTHING, // success, but the memory is still charged
    FAKE_REFUSES_UNASKED,      // every ninth call that can be refused fails, and nothing says so
};

struct fake_config {
    size_t page_bytes;
    enum fake_place place;
    bool has_no_key; // no means to hear of threads that end
    enum fake_refused_purge refused_purge;
    enum fake_lie lie;
};

// May be changed at any time; SIZE_MAX: no limit.
struct fake_limits {
    size_t reserved_bytes; // of what is mapped at all: the address limit that the system tells, too
    size_t committed_bytes; // of what is open
    size_t mapping_count;
};

struct fake_books {
    uint64_t calls[FAKE_CALL_COUNT];
    uint64_t refusable;       // calls that could be refused
    uint64_t refused;         // those that were, for whatever reason
    uint64_t refused_by_plan; // those that were because the faults said so
    uint64_t matching;        // calls that could be refused, of the kinds that the faults name
    size_t reserved_bytes;
    size_t committed_bytes;
    size_t mapping_count;
    size_t unreleased_bytes; // of releases that were refused
};

// What was given and not taken back: from one reserve or map.
struct fake_grant {
    uintptr_t base;
    size_t bytes;
    bool is_stuck; // the last release of it was refused
    bool is_used;  // fake_use() has said so
};

struct fake_fork {
    void (*before)(void);
    void (*in_parent)(void);
    void (*in_child)(void);
};

enum { FAKE_OUTPUT_BYTES = 1 << 19 };

// What was written, if it is kept; else it goes where it should.
struct fake_output {
    bool is_kept;
    bool is_cut; // there was no room for all
    size_t length;
    char bytes[FAKE_OUTPUT_BYTES];
};

extern struct fake_books fake_books;
extern struct fake_limits fake_limits;
extern struct fake_faults fake_faults;
extern struct fake_output fake_output;

// What platform_at_thread_exit() and platform_at_fork() were told last, or NULL.
extern void (*fake_leave)(void *value);
extern struct fake_fork fake_fork;

enum { FAKE_ERRNO = 9 }; // what every call leaves in errno (EBADF)

// Forgets everything: an empty window, no limits, no faults, all counts zero. The first call maps the
// window.
void fake_reset(const struct fake_config *config);

// Whether every byte in the range is open.
bool fake_is_open(const void *base, size_t bytes);

// Whether a byte in the range, which was given, is not open.
bool fake_is_lost(const void *base, size_t bytes);

// The grant of this index, in no order; NULL behind the last one.
const struct fake_grant *fake_grant_at(size_t index);

// A chunk begins where this was given, if it was.
void fake_use(const void *base);

// Says where an address lies, for messages.
const char *fake_place_name(enum fake_place place);

#endif
