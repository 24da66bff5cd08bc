// SPDX-License-Identifier: MIT
// An allocator under test, as a table of what can be done with it. The answers are those of ft_core.h. A
// subject has one arena at a time, and heaps that are told by number.
#ifndef FT_TESTS_MODEL_SUBJECT_H
#define FT_TESTS_MODEL_SUBJECT_H

#include "core/ft_core.h"
#include "tests/model/ground.h"
#include "tests/model/setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where an address lies, by what the subject was given.
enum subject_memory { MEMORY_OUTSIDE, MEMORY_INSIDE, MEMORY_PERHAPS };

struct subject {
    const char *name;
    // Makes an arena in the first of these regions. False: it is too small.
    bool (*create)(const struct setup *setup, unsigned char *ground,
                   const struct ground_region *regions);
    void (*destroy)(void);
    bool (*open)(unsigned heap);
    void (*close)(unsigned heap);
    void (*trim)(unsigned heap);

    void *(*alloc)(unsigned heap, size_t bytes);
    void *(*alloc_zeroed)(unsigned heap, size_t count, size_t each);
    void *(*alloc_aligned)(unsigned heap, size_t align, size_t bytes);
    enum ft_core_misuse (*free)(unsigned heap, void *ptr);
    enum ft_core_misuse (*free_sized)(unsigned heap, void *ptr, size_t bytes);
    bool (*resize)(unsigned heap, void *ptr, size_t bytes);
    void *(*realloc)(unsigned heap, void *ptr, size_t bytes);

    struct ft_core_place (*locate)(const void *ptr);
    bool (*next)(unsigned heap, struct ft_core_walk *walk, struct ft_core_item *item);
    struct ft_core_figures (*figures)(void);
    bool (*check)(void);
    enum subject_memory (*memory)(const void *ptr);
    // Whether the last request, of so many bytes at this alignment, may have been refused.
    bool (*may_refuse)(size_t bytes, size_t align);

    // What not every subject can do: NULL.
    void (*report)(unsigned heap, void (*write)(void *context, const char *text, size_t bytes),
                   void *context);
    bool (*add_region)(unsigned heap, void *region, size_t bytes);
    bool (*remove_region)(unsigned heap, void *region);
    void (*revive)(void);
    // Finds the arena where the first region lies now. False: there is none.
    bool (*attach)(void *region);
    void (*reset)(void);
    void (*refuse)(uint64_t met, uint64_t refused);
};

extern const struct subject subject_core;  // ft_core.h
extern const struct subject subject_wide;  // the inner functions, as the api uses them
extern const struct subject subject_lying; // ft_core.h, but for one wrong answer

// What subject_lying gets wrong, each in a way of its own, and the model has to find.
enum lie {
    LIE_NONE,
    LIE_FORGETS_A_FREE,      // says that a chunk is free, and keeps it
    LIE_FREES_TWICE,         // a double free is fine
    LIE_INTERIOR_IS_FOREIGN, // the wrong name for a misuse
    LIE_ANY_SIZE_IS_RIGHT,   // a sized free of another class is fine
    LIE_WRITES_AFTER_A_CHUNK,
    LIE_WRITES_BEFORE_THE_REGION,
    LIE_OVERLAPS,     // two chunks share memory
    LIE_MISALIGNS,    // an aligned chunk is not
    LIE_NOT_ZERO,     // a zeroed chunk is not
    LIE_LOSES_A_BYTE, // a realloc that moves does not copy the last byte
    LIE_RESIZES_WITHOUT_ROOM,
    LIE_SIZE_IS_CAPACITY, // locate tells the capacity for the size
    LIE_WALKS_PAST_ONE,   // a walk leaves a chunk out
    LIE_WALKS_TWICE,      // and tells another one twice
    LIE_COUNTS_A_ZONE_LESS,
    LIE_USES_A_UNIT_MORE,
    LIE_REFUSES_WITH_MEMORY, // NULL, though there is room
    LIE_COUNTS_NO_FAILURE,
    LIE_FAILS_THE_CHECK,
    LIE_FINDS_NOTHING_THERE, // attach after a move
    LIE_REMOVES_A_REGION_IN_USE,
    LIE_KINDS,
};

#endif
