// SPDX-License-Identifier: MIT
// Minimises logic functions of some variables, in the manner of espresso: cubes, small sets of bits in a node each,
// are merged into larger ones until nothing merges, and a small cover is chosen of what is left. The work is counted
// in functions.
#include "single.h"

#include <stdbool.h>

enum {
    VARIABLE_COUNT = 9,
    POINT_COUNT = 1 << VARIABLE_COUNT,
    BUCKET_COUNT = 4096,
    TRUE_OF_EIGHT = 5
};

// The points whose bits under the mask are those of value.
struct cube {
    struct cube *next; // in the bucket
    uint16_t mask;
    uint16_t value;
    bool is_merged;
};

// A set of cubes by their masks and values.
struct cubes {
    struct cube *buckets[BUCKET_COUNT];
    size_t count;
};

static struct cubes *cubes_new(void)
{
    struct cubes *cubes = memory_new(sizeof *cubes);
    *cubes = (struct cubes){.count = 0};
    return cubes;
}

static struct cube **bucket_of(struct cubes *cubes, unsigned mask, unsigned value)
{
    return &cubes->buckets[(mask * 2654435761u ^ value * 40503u) % BUCKET_COUNT];
}

static struct cube *find(struct cubes *cubes, unsigned mask, unsigned value)
{
    struct cube *cube = *bucket_of(cubes, mask, value);
    while (cube != NULL && (cube->mask != mask || cube->value != value)) {
        cube = cube->next;
    }
    return cube;
}

static void insert(struct cubes *cubes, unsigned mask, unsigned value)
{
    if (find(cubes, mask, value) != NULL) {
        return;
    }
    struct cube **bucket = bucket_of(cubes, mask, value);
    struct cube *cube = memory_new(sizeof *cube);
    *cube = (struct cube){.next = *bucket, .mask = (uint16_t)mask, .value = (uint16_t)value};
    *bucket = cube;
    cubes->count++;
}

static void cubes_free(struct cubes *cubes)
{
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        for (struct cube *cube = cubes->buckets[i]; cube != NULL;) {
            struct cube *next = cube->next;
            free(cube);
            cube = next;
        }
    }
    free(cubes);
}

// Two cubes that differ in one bit are one cube without that bit.
static void merge_one(struct cubes *from, struct cubes *into, struct cube *cube)
{
    for (unsigned bit = 1; bit < POINT_COUNT; bit <<= 1) {
        if ((cube->mask & bit) == 0) {
            continue;
        }
        struct cube *other = find(from, cube->mask, cube->value ^ bit);
        if (other != NULL) {
            cube->is_merged = true;
            other->is_merged = true;
            insert(into, cube->mask & ~bit, cube->value & ~bit);
        }
    }
}

static struct cubes *merge(struct cubes *from, struct cubes *primes)
{
    struct cubes *into = cubes_new();
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        for (struct cube *cube = from->buckets[i]; cube != NULL; cube = cube->next) {
            merge_one(from, into, cube);
        }
    }
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        for (struct cube *cube = from->buckets[i]; cube != NULL; cube = cube->next) {
            if (!cube->is_merged) {
                insert(primes, cube->mask, cube->value);
            }
        }
    }
    return into;
}

// How many points that nothing covers yet the cube would cover; covers them if it is chosen.
static unsigned cover(const struct cube *cube, bool *is_open, bool is_chosen)
{
    unsigned count = 0;
    for (unsigned point = 0; point < POINT_COUNT; point++) {
        if (is_open[point] && (point & cube->mask) == cube->value) {
            count++;
            is_open[point] = !is_chosen;
        }
    }
    return count;
}

// Chooses greedily, the cube with most open points first; how many it took.
static unsigned choose_cover(struct cubes *primes, bool *is_open)
{
    unsigned chosen_count = 0;
    for (;;) {
        const struct cube *best = NULL;
        unsigned best_count = 0;
        for (size_t i = 0; i < BUCKET_COUNT; i++) {
            for (const struct cube *cube = primes->buckets[i]; cube != NULL; cube = cube->next) {
                unsigned count = cover(cube, is_open, false);
                if (count > best_count) {
                    best = cube;
                    best_count = count;
                }
            }
        }
        if (best == NULL) {
            return chosen_count;
        }
        cover(best, is_open, true);
        chosen_count++;
    }
}

static void minimise(uint64_t *seed)
{
    bool *is_open = memory_new(POINT_COUNT * sizeof *is_open);
    struct cubes *cubes = cubes_new();
    struct cubes *primes = cubes_new();
    for (unsigned point = 0; point < POINT_COUNT; point++) {
        is_open[point] = random_below(seed, 8) < TRUE_OF_EIGHT;
        if (is_open[point]) {
            insert(cubes, POINT_COUNT - 1, point);
        }
    }
    while (cubes->count > 0) {
        struct cubes *merged = merge(cubes, primes);
        cubes_free(cubes);
        cubes = merged;
    }
    size_t prime_count = primes->count;
    printf("%zu primes, %u of them a cover\n", prime_count, choose_cover(primes, is_open));
    cubes_free(cubes);
    cubes_free(primes);
    free(is_open);
}

int main(int argc, char **argv)
{
    uint64_t seed = 50;
    for (unsigned long left = work_of(argc, argv); left > 0; left--) {
        minimise(&seed);
    }
    return 0;
}
