// SPDX-License-Identifier: MIT
#include "tests/regions/tlsf.h"

#include <stdint.h>
#include <string.h>

enum {
    GRAIN = 16,      // every size is a multiple, and every chunk is aligned to it
    HEADER = 8,      // what a block has before the caller's bytes
    BLOCK_MIN = 32,  // header, two links and the last word
    SECOND_BITS = 5, // lists for each power of two, as a power of two
    SECOND_COUNT = 1 << SECOND_BITS,
    // Sizes below share the first row, where the lists are GRAIN apart: the rows above begin here.
    LINEAR_BITS = SECOND_BITS + 4,
    LINEAR_MAX = 1 << LINEAR_BITS,
    REGION_BITS_MAX = 36,
};

enum { IS_FREE = 1, BEFORE_IS_FREE = 2, FLAGS = 3 };

struct block {
    size_t word;        // bytes from this header to the next one's, and two flags
    struct block *next; // free: neighbours in the list
    struct block *previous;
};

struct tlsf {
    uint32_t first_bits; // rows that have members
    uint32_t row_count;
    struct block *first; // the block at the lowest address
    size_t free_bytes;
    uint32_t *second_bits; // for each row: lists that have members
    struct block **lists;  // SECOND_COUNT for each row
};

struct place {
    uint32_t row;
    uint32_t column;
};

static unsigned highest_bit(size_t value)
{
    return 63U - (unsigned)__builtin_clzll(value);
}

static size_t size_of(const struct block *block)
{
    return block->word & ~(size_t)FLAGS;
}

static struct block *after(const struct block *block)
{
    return (struct block *)((uintptr_t)block + size_of(block));
}

// The last word of a free block, which tells where it begins.
static struct block **last_word(const struct block *block)
{
    return (struct block **)((uintptr_t)after(block) - sizeof(struct block *));
}

static void *bytes_of(const struct block *block)
{
    return (void *)((uintptr_t)block + HEADER);
}

static struct block *block_of(const void *ptr)
{
    return (struct block *)((uintptr_t)ptr - HEADER);
}

// The list that a block of this size is kept in.
static struct place place_of(size_t size)
{
    if (size < LINEAR_MAX) {
        return (struct place){.row = 0, .column = (uint32_t)(size / GRAIN)};
    }
    unsigned high = highest_bit(size);
    return (struct place){
        .row = high - LINEAR_BITS + 1,
        .column = (uint32_t)(size >> (high - SECOND_BITS)) & (SECOND_COUNT - 1),
    };
}

// The first list of which every member has this size at least.
static struct place place_above(size_t size)
{
    if (size >= LINEAR_MAX) {
        size += ((size_t)1 << (highest_bit(size) - SECOND_BITS)) - 1;
    }
    return place_of(size);
}

// The size of a block whose chunk holds this many bytes; 0 if no region has one.
static size_t size_for(size_t bytes)
{
    if (bytes > (size_t)1 << REGION_BITS_MAX) {
        return 0;
    }
    size_t size = (bytes + HEADER + GRAIN - 1) & ~(size_t)(GRAIN - 1);
    return size < BLOCK_MIN ? BLOCK_MIN : size;
}

// ---- lists --------------------------------------------------------------------------------------

static void insert(struct tlsf *tlsf, struct block *block)
{
    struct place place = place_of(size_of(block));
    struct block **list = &tlsf->lists[place.row * SECOND_COUNT + place.column];
    block->next = *list;
    block->previous = NULL;
    if (*list != NULL) {
        (*list)->previous = block;
    }
    *list = block;
    tlsf->second_bits[place.row] |= (uint32_t)1 << place.column;
    tlsf->first_bits |= (uint32_t)1 << place.row;
    tlsf->free_bytes += size_of(block);
}

static void take_out(struct tlsf *tlsf, struct block *block)
{
    struct place place = place_of(size_of(block));
    struct block **list = &tlsf->lists[place.row * SECOND_COUNT + place.column];
    tlsf->free_bytes -= size_of(block);
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    if (block->previous != NULL) {
        block->previous->next = block->next;
        return;
    }
    *list = block->next;
    if (block->next == NULL) {
        tlsf->second_bits[place.row] &= ~((uint32_t)1 << place.column);
        if (tlsf->second_bits[place.row] == 0) {
            tlsf->first_bits &= ~((uint32_t)1 << place.row);
        }
    }
}

// A free block of this size at least, still in its list, or NULL.
static struct block *find(const struct tlsf *tlsf, size_t size)
{
    struct place place = place_above(size);
    if (place.row >= tlsf->row_count) {
        return NULL;
    }
    uint32_t columns = tlsf->second_bits[place.row] & (UINT32_MAX << place.column);
    if (columns == 0) {
        // Two shifts, because one by 32 has no meaning.
        uint32_t rows = tlsf->first_bits & (UINT32_MAX << place.row << 1);
        if (rows == 0) {
            return NULL;
        }
        place.row = (uint32_t)__builtin_ctz(rows);
        columns = tlsf->second_bits[place.row];
    }
    return tlsf->lists[place.row * SECOND_COUNT + (uint32_t)__builtin_ctz(columns)];
}

// ---- blocks -------------------------------------------------------------------------------------

// Marks a block that is in no list as free, merges nothing, and puts it into its list.
static void put_free(struct tlsf *tlsf, struct block *block)
{
    block->word |= IS_FREE;
    *last_word(block) = block;
    after(block)->word |= BEFORE_IS_FREE;
    insert(tlsf, block);
}

static void mark_used(struct block *block)
{
    block->word &= ~(size_t)IS_FREE;
    after(block)->word &= ~(size_t)BEFORE_IS_FREE;
}

// Cuts a block in use down to `size` and frees what is behind that, with the free block that follows.
static void trim(struct tlsf *tlsf, struct block *block, size_t size)
{
    size_t rest = size_of(block) - size;
    if (rest < BLOCK_MIN) {
        return;
    }
    block->word -= rest;
    struct block *tail = after(block);
    tail->word = rest;
    struct block *next = after(tail);
    if ((next->word & IS_FREE) != 0) {
        take_out(tlsf, next);
        tail->word += size_of(next);
    }
    put_free(tlsf, tail);
}

// Takes a free block and cuts it to `size`. What follows a free block is in use, so nothing merges.
static void *use(struct tlsf *tlsf, struct block *block, size_t size)
{
    take_out(tlsf, block);
    mark_used(block);
    trim(tlsf, block, size);
    return bytes_of(block);
}

struct tlsf *tlsf_create(void *region, size_t bytes)
{
    uintptr_t start = ((uintptr_t)region + GRAIN - 1) & ~(uintptr_t)(GRAIN - 1);
    uintptr_t end = ((uintptr_t)region + bytes) & ~(uintptr_t)(GRAIN - 1);
    if (bytes < LINEAR_MAX || bytes > (size_t)1 << REGION_BITS_MAX) {
        return NULL;
    }
    uint32_t rows = place_of(bytes).row + 1;
    size_t lists_at = sizeof(struct tlsf);
    size_t bits_at = lists_at + rows * SECOND_COUNT * sizeof(struct block *);
    size_t control = bits_at + rows * sizeof(uint32_t);
    // The first header lies before a multiple of GRAIN; the end mark is a header alone.
    uintptr_t first = ((start + control + HEADER + GRAIN - 1) & ~(uintptr_t)(GRAIN - 1)) - HEADER;
    if (first + BLOCK_MIN + HEADER > end) {
        return NULL;
    }
    struct tlsf *tlsf = (struct tlsf *)start;
    memset(tlsf, 0, control);
    tlsf->row_count = rows;
    tlsf->lists = (struct block **)(start + lists_at);
    tlsf->second_bits = (uint32_t *)(start + bits_at);
    tlsf->first = (struct block *)first;
    tlsf->first->word = end - HEADER - first;
    after(tlsf->first)->word = 0;
    put_free(tlsf, tlsf->first);
    return tlsf;
}

// ---- chunks -------------------------------------------------------------------------------------

void *tlsf_alloc(struct tlsf *tlsf, size_t bytes)
{
    size_t size = size_for(bytes);
    struct block *block = size == 0 ? NULL : find(tlsf, size);
    return block == NULL ? NULL : use(tlsf, block, size);
}

void *tlsf_alloc_aligned(struct tlsf *tlsf, size_t align, size_t bytes)
{
    size_t size = size_for(bytes);
    if (align <= GRAIN || size == 0 || align > (size_t)1 << REGION_BITS_MAX) {
        return align <= GRAIN ? tlsf_alloc(tlsf, bytes) : NULL;
    }
    // Room for a block of its own before the chunk, wherever the found block lies.
    struct block *block = find(tlsf, size + align + BLOCK_MIN);
    if (block == NULL) {
        return NULL;
    }
    uintptr_t bytes_at = ((uintptr_t)bytes_of(block) + align - 1) & ~(uintptr_t)(align - 1);
    size_t gap = bytes_at - (uintptr_t)bytes_of(block);
    if (gap != 0 && gap < BLOCK_MIN) {
        gap += align;
    }
    if (gap == 0) {
        return use(tlsf, block, size);
    }
    take_out(tlsf, block);
    mark_used(block);
    size_t whole = size_of(block);
    block->word -= whole - gap;
    struct block *chunk = after(block);
    chunk->word = whole - gap;
    put_free(tlsf, block);
    trim(tlsf, chunk, size);
    return bytes_of(chunk);
}

void tlsf_free(struct tlsf *tlsf, void *ptr)
{
    if (ptr == NULL) {
        return;
    }
    struct block *block = block_of(ptr);
    struct block *next = after(block);
    if ((next->word & IS_FREE) != 0) {
        take_out(tlsf, next);
        block->word += size_of(next);
    }
    if ((block->word & BEFORE_IS_FREE) != 0) {
        struct block *before = ((struct block **)block)[-1];
        take_out(tlsf, before);
        before->word += size_of(block);
        block = before;
    }
    put_free(tlsf, block);
}

bool tlsf_resize(struct tlsf *tlsf, void *ptr, size_t bytes)
{
    struct block *block = block_of(ptr);
    size_t size = size_for(bytes);
    if (size == 0) {
        return false;
    }
    if (size > size_of(block)) {
        struct block *next = after(block);
        if ((next->word & IS_FREE) == 0 || size_of(block) + size_of(next) < size) {
            return false;
        }
        take_out(tlsf, next);
        block->word += size_of(next);
        after(block)->word &= ~(size_t)BEFORE_IS_FREE;
    }
    trim(tlsf, block, size);
    return true;
}

void *tlsf_realloc(struct tlsf *tlsf, void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return tlsf_alloc(tlsf, bytes);
    }
    if (tlsf_resize(tlsf, ptr, bytes)) {
        return ptr;
    }
    void *moved = tlsf_alloc(tlsf, bytes);
    if (moved != NULL) {
        // Only a chunk that grows moves.
        memcpy(moved, ptr, tlsf_capacity(ptr));
        tlsf_free(tlsf, ptr);
    }
    return moved;
}

size_t tlsf_capacity(const void *ptr)
{
    return size_of(block_of(ptr)) - HEADER;
}

// ---- questions ----------------------------------------------------------------------------------

size_t tlsf_free_bytes(const struct tlsf *tlsf)
{
    return tlsf->free_bytes;
}

// Whether every member of this list belongs there, and its bits are right (T3). Adds up what it has.
static bool list_is_valid(const struct tlsf *tlsf, uint32_t row, uint32_t column, size_t *bytes)
{
    const struct block *previous = NULL;
    const struct block *block = tlsf->lists[row * SECOND_COUNT + column];
    bool row_is_set = (tlsf->first_bits >> row & 1) != 0;
    bool is_set = (tlsf->second_bits[row] >> column & 1) != 0;
    if (is_set != (block != NULL) || (is_set && !row_is_set)) {
        return false;
    }
    for (; block != NULL; block = block->next) {
        struct place place = place_of(size_of(block));
        if (place.row != row || place.column != column || (block->word & IS_FREE) == 0 ||
            block->previous != previous) {
            return false;
        }
        *bytes += size_of(block);
        previous = block;
    }
    return true;
}

bool tlsf_is_valid(const struct tlsf *tlsf)
{
    size_t walked = 0;
    bool before_is_free = false;
    const struct block *block = tlsf->first;
    for (; size_of(block) != 0; block = after(block)) {
        bool is_free = (block->word & IS_FREE) != 0;
        if (size_of(block) % GRAIN != 0 || size_of(block) < BLOCK_MIN ||
            ((block->word & BEFORE_IS_FREE) != 0) != before_is_free ||
            (is_free && before_is_free) || (is_free && *last_word(block) != block)) {
            return false;
        }
        walked += is_free ? size_of(block) : 0;
        before_is_free = is_free;
    }
    size_t listed = 0;
    for (uint32_t row = 0; row < tlsf->row_count; row++) {
        if ((tlsf->first_bits >> row & 1) != 0 && tlsf->second_bits[row] == 0) {
            return false;
        }
        for (uint32_t column = 0; column < SECOND_COUNT; column++) {
            if (!list_is_valid(tlsf, row, column, &listed)) {
                return false;
            }
        }
    }
    return ((block->word & BEFORE_IS_FREE) != 0) == before_is_free && walked == listed &&
           walked == tlsf->free_bytes;
}
