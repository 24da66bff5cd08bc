// SPDX-License-Identifier: MIT
// A platform that a test has in hand: all of platform/platform.h, over one window of address space that
// is mapped without access once and never grows. Access is real: what is not committed faults.
//
//   window   |  closed  |   open   |  closed  |      nothing      |  open  |   nothing   |
//            '---- one reservation, partly committed ----'        '-- map -'
//            spans: neighbours with the same access are one, as in the kernel's own list
//
// Every call is counted, every call sets errno to something that no caller may pass on, and the calls that
// a system may refuse can be refused: the k-th, from the k-th on, the k-th and the m-th, or whatever goes
// beyond a budget of reserved bytes, of committed bytes (strict accounting: what is open is charged), of
// the address limit, of mappings. A call that breaks the header's contract (a range that is not what it
// has to be, a size that is no multiple of the page) stops the process: that is a bug of the caller's.
//
// One thread uses it at a time.
#ifndef FT_TESTS_FAKE_FAKE_H
#define FT_TESTS_FAKE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where addresses come from.
enum fake_place {
    FAKE_LOW,      // from the window's start, each at a multiple of 64 KiB, with a gap
    FAKE_HIGH,     // from the window's end downwards, without gaps
    FAKE_ADJACENT, // from below a multiple of 4 GiB upwards, without gaps
    FAKE_ODD,      // as LOW, but three pages off the multiple of 64 KiB
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

// Which of the calls that can be refused are: numbered from 1, all five kinds together.
struct fake_faults {
    enum fake_when when;
    uint64_t first;
    uint64_t second; // FAKE_PAIR
};

// Lies, to see whether the tests notice.
enum fake_lie {
    FAKE_HONEST,
    FAKE_COMMIT_LEAVES_DIRT,  // committed memory that is not zero
    FAKE_COMMIT_DOES_NOTHING, // success, but no access
    FAKE_MAP_LEAVES_DIRT,     // mapped memory that is not zero
    FAKE_PURGE_DOES_NOTHING,  // success, but the old bytes are there
    FAKE_RELEASE_DOES_NOTHING // success, but the memory is still charged
};

struct fake_config {
    size_t page_bytes;
    enum fake_place place;
    bool has_no_key; // no means to hear of threads that end
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
    size_t reserved_bytes;
    size_t committed_bytes;
    size_t mapping_count;
    size_t unreleased_bytes; // of releases that were refused
};

extern struct fake_books fake_books;
extern struct fake_limits fake_limits;
extern struct fake_faults fake_faults;

// What platform_at_thread_exit() was told last, or NULL.
extern void (*fake_leave)(void *value);

enum { FAKE_ERRNO = 9 }; // what every call leaves in errno (EBADF)

// Forgets everything: an empty window, no limits, no faults, all counts zero. The first call maps the
// window.
void fake_reset(const struct fake_config *config);

// Whether every byte in the range is open.
bool fake_is_open(const void *base, size_t bytes);

// Says where an address lies, for messages.
const char *fake_place_name(enum fake_place place);

#endif
