// SPDX-License-Identifier: MIT
// What goes back to the system: memory that is free and more than may be kept (README, "What goes back"), and all there is
// when somebody asks for it or the system refuses more. No call of the system is made with the lock held but where it says
// so.
#ifndef FT_API_GIVE_BACK_H
#define FT_API_GIVE_BACK_H

#include "core/heap.h"
#include "core/need.h"

#include <stdbool.h>
#include <stddef.h>

// With the lock held, and let go meanwhile. Purges free runs if too much is kept: a few, and as many as have just come back.
void give_back_runs(size_t come_back);

// With the lock held, and let go meanwhile. The same if much was taken of memory that was never used.
void give_back_grown(void);

// By the heap's thread, or with the lock held if the heap waits for one. Purges pages of its zones, some for each call, if
// too much is kept there.
void give_back_pages(struct heap *heap);

// Without the lock. Gives a mapping back, and tells the arena what became of it. A range that is nothing is none.
void give_back_mapping(const struct leaving *leaving);

// With the lock held all the time. Gives back the address space that is reserved, and what is free next to it, if the
// process's address space is limited. False if there was none.
bool give_back_tails(void);

// By the heap's thread, without the lock. What it keeps at hand, and the pages of its zones, if a trim of all heaps was
// demanded since the last time.
void give_back_demanded(struct heap *heap);

// Without the lock. All that can go back but for keep_bytes of free runs; threads that are elsewhere do their part when
// they next come by. Whether anything went.
bool give_back_all(size_t keep_bytes);

#endif
