// SPDX-License-Identifier: MIT
// Chunks that can prove that they are still what they were: their bytes follow from their address
// and a seed. A mailbox hands one to whichever thread looks next.
//
// Include this header last: its functions call the allocator under test (tests/api/entry.h).

#ifndef FT_TESTS_THREADS_BLOCK_H
#define FT_TESTS_THREADS_BLOCK_H

#include "tests/api/pattern.h"
#include "tests/threads/kit.h"
#include "tests/api/entry.h"

struct block {
    void *ptr; // NULL: there is none
    size_t bytes;
    uint64_t seed;
};

// A chunk of `bytes` that the caller has just got becomes a block.
static inline struct block block_of(void *ptr, size_t bytes, uint64_t seed)
{
    kit_require(ptr != NULL, "no memory for %zu bytes", bytes);
    pattern_fill(ptr, bytes, seed ^ (uintptr_t)ptr);
    return (struct block){.ptr = ptr, .bytes = bytes, .seed = seed};
}

static inline struct block block_make(size_t bytes, uint64_t seed)
{
    return block_of(malloc(bytes), bytes, seed);
}

static inline bool block_holds(const struct block *block)
{
    return block->ptr == NULL ||
           pattern_holds(block->ptr, block->bytes, block->seed ^ (uintptr_t)block->ptr);
}

static inline void block_require(const struct block *block)
{
    kit_require(block_holds(block), "a chunk of %zu bytes at %p was changed by somebody else",
                block->bytes, block->ptr);
}

// Checks it, and frees it.
static inline void block_drop(struct block *block)
{
    block_require(block);
    free(block->ptr);
    block->ptr = NULL;
}

struct mailbox {
    pthread_mutex_t lock;
    struct block block;
};

// Leaves a block, or none, and takes what lay there.
static inline struct block mailbox_swap(struct mailbox *mailbox, struct block block)
{
    pthread_mutex_lock(&mailbox->lock);
    struct block found = mailbox->block;
    mailbox->block = block;
    pthread_mutex_unlock(&mailbox->lock);
    return found;
}

static inline void mailboxes_open(struct mailbox *mailboxes, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        pthread_mutex_init(&mailboxes[index].lock, NULL);
    }
}

static inline void mailboxes_empty(struct mailbox *mailboxes, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        block_drop(&mailboxes[index].block);
    }
}

#endif
