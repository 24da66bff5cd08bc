// SPDX-License-Identifier: MIT
// A yardstick: two-level segregated fit, the allocator for real-time systems that others are measured by,
// written from the description of M. Masmano, I. Ripoll, A. Crespo and J. Real, "TLSF: a new dynamic memory
// allocator for real-time systems", 2004. It is here to be compared with, and part of no library.
//
//   region  | control: bitmaps, list heads | block | block | ... | end mark |
//
//   block   | size, 2 flags | the caller's bytes ...               |   in use: 8 bytes of overhead
//           | size, 2 flags | next | previous | ... | this block's |   free
//                                                     ^ address, in the last word: how the block behind it
//                                                       finds its free neighbour
//
// Free blocks are kept in lists by size: a first level of powers of two, each cut into 32 equal parts. A
// bitmap for each level tells which lists have members. A request is rounded up to the next list's smallest
// size, so that any member of any list from there on fits, and the first of the lowest such list is taken
// ("good fit"). What it has too much becomes a free block; what is freed merges with both neighbours.
//
// Invariants, all checked by tlsf_is_valid():
//   T1  The blocks cover the region up to the end mark, each a multiple of 16 bytes and 32 at least.
//   T2  No two free blocks are neighbours; each block tells rightly whether the one before it is free.
//   T3  Every free block, and no other, is in the list of its size; a bit is set if its list has members.
//
// Nothing here checks what it is handed: a wrong pointer is the end of it.
#ifndef FT_TESTS_REGIONS_TLSF_H
#define FT_TESTS_REGIONS_TLSF_H

#include <stdbool.h>
#include <stddef.h>

struct tlsf;

// Makes a region the allocator's. NULL if it is too small, or larger than 64 GiB.
struct tlsf *tlsf_create(void *region, size_t bytes);

// A chunk at a multiple of 16. NULL if no list from the request's on has a member.
void *tlsf_alloc(struct tlsf *tlsf, size_t bytes);

// A chunk at a multiple of `align`, a power of two.
void *tlsf_alloc_aligned(struct tlsf *tlsf, size_t align, size_t bytes);

// Gives a chunk back. NULL is fine.
void tlsf_free(struct tlsf *tlsf, void *ptr);

// Changes a chunk's size where it is. False, and then nothing has changed, if there is no room.
bool tlsf_resize(struct tlsf *tlsf, void *ptr, size_t bytes);

// Changes a chunk's size, where it is or elsewhere. NULL, and then nothing has changed, if there is no room.
void *tlsf_realloc(struct tlsf *tlsf, void *ptr, size_t bytes);

// How many bytes the chunk could hold.
size_t tlsf_capacity(const void *ptr);

// How many bytes free blocks have, their headers included.
size_t tlsf_free_bytes(const struct tlsf *tlsf);

// Whether the invariants hold. Goes through everything.
bool tlsf_is_valid(const struct tlsf *tlsf);

#endif
