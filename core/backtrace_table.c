// SPDX-License-Identifier: MIT
#include "core/backtrace_table.h"

#include "core/bits.h"
#include "core/check.h"

#include <stdbool.h>
#include <string.h>

// Numbers count in these, so that 32 bits are enough for any region.
enum { GRAIN_BYTES = 16, BUCKET_SHARE = 64, REGION_BYTES_MIN = 4096 };

// What a number leads to; its frames and what is kept beside them follow.
struct record {
    uint32_t next; // of the chain: a number, 0 at its end
    uint32_t hash;
    uint64_t mark;
    uint32_t more_count; // bytes
    uint16_t count;      // frames
    uint16_t spare;
    uint64_t rest; // to a multiple of the grain
};

_Static_assert(sizeof(struct record) % GRAIN_BYTES == 0, "frames lie behind it");

static struct record *record_at(const struct backtrace_table *table, uint32_t number)
{
    return (struct record *)(table->base + (size_t)number * GRAIN_BYTES);
}

static uintptr_t *frames_of(const struct record *record)
{
    return (uintptr_t *)(record + 1);
}

static uint32_t *bucket_of(const struct backtrace_table *table, uint32_t hash)
{
    return (uint32_t *)table->base + (hash & table->bucket_mask);
}

void backtrace_table_init(struct backtrace_table *table, void *region, size_t bytes)
{
    ASSERT(bytes >= REGION_BYTES_MIN && bytes / GRAIN_BYTES <= UINT32_MAX);
    size_t buckets = (size_t)1 << bits_highest(bytes / BUCKET_SHARE);
    *table = (struct backtrace_table){
        .base = region,
        .bytes = bytes,
        .used = bits_align_up(buckets * sizeof(uint32_t), GRAIN_BYTES),
        .bucket_mask = buckets - 1,
    };
}

void backtrace_table_bound(struct backtrace_table *table, size_t bytes)
{
    ASSERT(bytes >= table->used && bytes / GRAIN_BYTES <= UINT32_MAX);
    table->bytes = bytes;
}

// Multiplications by odd numbers with bits everywhere, and shifts that bring high bits down.
static uint32_t hash_of(const struct backtrace_key *key)
{
    uint64_t hash = key->mark ^ key->count;
    for (size_t index = 0; index < key->count; index++) {
        hash = (hash ^ key->frames[index]) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 29;
    }
    hash *= 0xBF58476D1CE4E5B9U;
    return (uint32_t)(hash >> 32);
}

static bool is_same(const struct record *record, const struct backtrace_key *key, uint32_t hash)
{
    if (record->hash != hash || record->mark != key->mark || record->count != key->count) {
        return false;
    }
    const uintptr_t *frames = frames_of(record);
    size_t index = 0;
    while (index < key->count && frames[index] == key->frames[index]) {
        index++;
    }
    return index == key->count;
}

// Makes the record of a backtrace that there is not yet; NULL if the region is full.
static struct record *add(struct backtrace_table *table, const struct backtrace_key *key,
                          struct backtrace_more more)
{
    size_t frame_bytes = key->count * sizeof(uintptr_t);
    size_t bytes = bits_align_up(sizeof(struct record) + frame_bytes + more.count, GRAIN_BYTES);
    if (bytes > table->bytes - table->used) {
        return NULL;
    }
    struct record *record = (struct record *)(table->base + table->used);
    table->used += bytes;
    table->count++;
    record->mark = key->mark;
    record->count = (uint16_t)key->count;
    record->more_count = (uint32_t)more.count;
    memcpy(frames_of(record), key->frames, frame_bytes);
    if (more.count != 0) {
        memcpy(frames_of(record) + key->count, more.bytes, more.count);
    }
    return record;
}

uint32_t backtrace_table_put(struct backtrace_table *table, const struct backtrace_key *key,
                             struct backtrace_more more)
{
    if (key->count == 0) {
        return 0;
    }
    uint32_t hash = hash_of(key);
    uint32_t *bucket = bucket_of(table, hash);
    for (uint32_t number = *bucket; number != 0; number = record_at(table, number)->next) {
        if (is_same(record_at(table, number), key, hash)) {
            return number;
        }
    }
    struct record *record = add(table, key, more);
    if (record == NULL) {
        return 0;
    }
    record->hash = hash;
    record->next = *bucket;
    *bucket = (uint32_t)((size_t)((unsigned char *)record - table->base) / GRAIN_BYTES);
    return *bucket;
}

struct backtrace_key backtrace_table_get(const struct backtrace_table *table, uint32_t number)
{
    if (number == 0) {
        return (struct backtrace_key){.count = 0};
    }
    const struct record *record = record_at(table, number);
    return (struct backtrace_key){
        .frames = frames_of(record), .count = record->count, .mark = record->mark};
}

struct backtrace_more backtrace_table_more(const struct backtrace_table *table, uint32_t number)
{
    if (number == 0) {
        return (struct backtrace_more){.count = 0};
    }
    const struct record *record = record_at(table, number);
    return (struct backtrace_more){.bytes = frames_of(record) + record->count,
                                   .count = record->more_count};
}
