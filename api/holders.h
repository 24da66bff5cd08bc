// SPDX-License-Identifier: MIT
// Which thread has which heap: so that a heap is found again whose thread ended without a word. The system tells of a
// thread's end by the destructor of a key, and not at all if the thread asks for that in the last round of its
// destructors. What tells a thread from all others that live (platform_thread_self()) comes again, though: where a thread
// begins, whoever had a heap there has ended.
//
// A table of places that grows with the notes, so that none is lost for another: a heap whose note is gone stays with
// nobody. Notes are those of all threads that have a heap, and of as many ended ones as there are places in memory where no
// thread has begun since. With the arena's lock held, all of it.
#ifndef FT_API_HOLDERS_H
#define FT_API_HOLDERS_H

#include <stddef.h>

struct heap;

enum { HOLDERS_SHIFT = 8, HOLDERS_COUNT = 1 << HOLDERS_SHIFT };

struct holder {
    const void *thread; // NULL: none
    struct heap *heap;
};

struct holders {
    size_t count; // of notes
    struct holder
        *more; // twice as many places, or more, once there are too few; NULL: there are not
    unsigned more_shift;
    struct holder places[HOLDERS_COUNT];
};

// Notes that a thread, of which nothing is noted, has a heap from now on. Not if there is neither a place nor memory.
void holders_note(struct holders *holders, const void *thread, struct heap *heap);

// The heap that is noted of a thread; the note is gone. NULL if none is.
struct heap *holders_take(struct holders *holders, const void *thread);

// Forgets all notes.
void holders_clear(struct holders *holders);

#endif
