// SPDX-License-Identifier: MIT
#include "api/root.h"

#include "api/global.h"

enum {
    LAST_ENTRIES = 1280
}; // of the root, which do not rest: systems scatter libraries over a TiB and some

static uintptr_t page_down(uintptr_t address)
{
    return address & ~(uintptr_t)(global.arena.config.page_bytes - 1);
}

static uintptr_t entry_of(uintptr_t address)
{
    return (uintptr_t)&global.wide.root[(uint64_t)address >> ZONE_MAP_LEAF_SHIFT];
}

// The pages that hold the entries of [base, base + bytes).
static struct range pages_of(uintptr_t base, size_t bytes)
{
    uintptr_t first = page_down(entry_of(base));
    uintptr_t last = page_down(entry_of(base + bytes - 1));
    return (struct range){
        .base = first,
        .bytes = last - first + global.arena.config.page_bytes,
    };
}

// Where it is noted whether a page of the root rests.
static uint64_t *word_of(uintptr_t page, uint64_t *bit)
{
    uintptr_t root = page_down((uintptr_t)global.wide.root);
    size_t index = (page - root) / global.arena.config.page_bytes;
    *bit = (uint64_t)1 << index % 64;
    return &global.root_rests[index / 64];
}

// Makes the pages from one address to another rest, and notes those of the root.
static bool rest(uintptr_t from, uintptr_t end)
{
    if (from >= end) {
        return true;
    }
    if (!platform_rest((void *)from, end - from)) {
        return false;
    }
    uintptr_t root = page_down((uintptr_t)global.wide.root);
    for (uintptr_t page = from > root ? from : root; page < end;
         page += global.arena.config.page_bytes) {
        uint64_t bit;
        uint64_t *word = word_of(page, &bit);
        *word |= bit;
    }
    return true;
}

bool root_rest(uintptr_t base, size_t bytes, uintptr_t from)
{
    uintptr_t end = page_down((uintptr_t)&global.wide.root[ZONE_MAP_ROOT_ENTRIES - LAST_ENTRIES]);
    struct range own = pages_of(base, bytes);
    if (!rest(from, own.base < end ? own.base : end)) {
        return false;
    }
    (void)rest(own.base + own.bytes, end);
    return true;
}

// Nobody writes to the page until this has returned, and whoever reads an entry finds 0 before and after.
static bool commit_page(uintptr_t page)
{
    uint64_t bit;
    uint64_t *word = word_of(page, &bit);
    if ((*word & bit) == 0) {
        return true;
    }
    size_t page_bytes = global.arena.config.page_bytes;
    if (!platform_commit((void *)page, page_bytes)) {
        // It may be without access now, and is to be read.
        (void)platform_rest((void *)page, page_bytes);
        return false;
    }
    *word &= ~bit;
    return true;
}

bool root_commit(uintptr_t base, size_t bytes)
{
    struct range pages = pages_of(base, bytes);
    for (uintptr_t at = 0; at < pages.bytes; at += global.arena.config.page_bytes) {
        if (!commit_page(pages.base + at)) {
            return false;
        }
    }
    return true;
}
