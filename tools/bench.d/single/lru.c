// SPDX-License-Identifier: MIT
// A cache that drops what was used longest ago: a table of lists, and all entries in the order of their last use.
// Keys are drawn so that few are wanted often; entries are 100 to 4000 bytes, and a tenth is written anew in another
// size. The work is counted in questions.
#include "single.h"

#include <string.h>

enum {
    KEY_COUNT = 200000,
    ENTRIES_MAX = 30000,
    BUCKET_COUNT = 1 << 15,
    BYTES_MIN = 100,
    BYTES_DOUBLINGS = 5
};

struct entry {
    struct entry *next_in_bucket;
    struct entry *newer;
    struct entry *older;
    uint32_t key;
    uint32_t bytes;
    unsigned char *content;
};

static struct entry *buckets[BUCKET_COUNT];
static struct entry ends; // newest is ends.older, oldest is ends.newer
static size_t entry_count;
static uint64_t content_bytes;

static struct entry **place_of(uint32_t key)
{
    struct entry **place = &buckets[key * 2654435761u % BUCKET_COUNT];
    while (*place != NULL && (*place)->key != key) {
        place = &(*place)->next_in_bucket;
    }
    return place;
}

static void take_out(struct entry *entry)
{
    entry->newer->older = entry->older;
    entry->older->newer = entry->newer;
}

static void put_newest(struct entry *entry)
{
    entry->newer = &ends;
    entry->older = ends.older;
    ends.older->newer = entry;
    ends.older = entry;
}

static void fill(struct entry *entry, uint64_t *seed)
{
    size_t power = (size_t)BYTES_MIN << random_below(seed, BYTES_DOUBLINGS);
    entry->bytes = (uint32_t)(power + random_below(seed, power));
    entry->content = memory_new(entry->bytes);
    memset(entry->content, (int)(entry->key & 0xFF), entry->bytes);
    content_bytes += entry->bytes;
}

static void empty(struct entry *entry)
{
    content_bytes -= entry->bytes;
    free(entry->content);
}

static void drop_oldest(void)
{
    struct entry *entry = ends.newer;
    struct entry **place = place_of(entry->key);
    *place = entry->next_in_bucket;
    take_out(entry);
    empty(entry);
    free(entry);
    entry_count--;
}

static void add(uint32_t key, uint64_t *seed)
{
    if (entry_count == ENTRIES_MAX) {
        drop_oldest();
    }
    struct entry **place = place_of(key);
    struct entry *entry = memory_new(sizeof *entry);
    *entry = (struct entry){.next_in_bucket = *place, .key = key};
    fill(entry, seed);
    *place = entry;
    put_newest(entry);
    entry_count++;
}

int main(int argc, char **argv)
{
    uint64_t seed = 53;
    unsigned long work = work_of(argc, argv);
    unsigned long hits = 0;
    uint64_t sum = 0;
    ends.newer = &ends;
    ends.older = &ends;
    for (unsigned long i = 0; i < work; i++) {
        size_t limit =
            1 +
            random_below(&seed, KEY_COUNT); // of two draws the smaller: low keys are wanted most
        uint32_t key = (uint32_t)random_below(&seed, limit);
        struct entry *entry = *place_of(key);
        if (entry == NULL) {
            add(key, &seed);
            continue;
        }
        hits++;
        sum += entry->content[entry->bytes / 2];
        take_out(entry);
        put_newest(entry);
        if (random_below(&seed, 10) == 0) {
            empty(entry);
            fill(entry, &seed);
        }
    }
    printf("%lu of %lu found, sum %llu, %llu bytes\n", hits, work, (unsigned long long)sum,
           (unsigned long long)content_bytes);
    while (entry_count > 0) {
        drop_oldest();
    }
    return 0;
}
