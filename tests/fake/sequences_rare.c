// SPDX-License-Identifier: MIT
// Sequences of the calls and sizes that are rare.
#include "tests/fake/play_more.h"
#include "tests/fake/sequences.h"

#include "tests/fake/fake.h"

static const size_t KIB = 1 << 10;
static const size_t MIB = 1 << 20;
static const size_t GIB = 1 << 30;

// A size of any kind: TINY, SMALL, LARGE.
static size_t any_size(struct player *player)
{
    return 1 + random_size(&player->random, 600 * KIB);
}

static void the_heap_is_shown(struct player *player)
{
    play_show(player);
    play_bulk(player, 300, 24);
    for (unsigned step = 0; step < 120; step++) {
        unsigned at = random_below(&player->random, 40);
        if (step % 20 == 0) {
            play_show(player);
        } else if (random_chance(&player->random, 30)) {
            play_free(player, at);
        } else {
            play_malloc(player, at, any_size(player));
        }
    }
    play_malloc(player, 50, 300 * MIB);
    play_show(player);
    play_free_all(player);
    play_show(player);
}

static void pages_are_asked_for(struct player *player)
{
    for (unsigned at = 0; at < 60; at++) {
        size_t bytes = random_size(&player->random, MIB);
        switch (at % 3) {
        case 0: play_valloc(player, at, bytes); break;
        case 1: play_pvalloc(player, at, bytes); break;
        default: play_memalign(player, at, bytes, (size_t)16 << at % 14); break;
        }
        if (random_chance(&player->random, 30)) {
            play_free(player, random_below(&player->random, at + 1));
        }
    }
    play_valloc(player, 60, 260 * MIB);
    play_pvalloc(player, 61, 260 * MIB + 1);
    play_memalign(player, 62, 260 * MIB + 1, 2 * MIB);
}

static void frees_tell_sizes(struct player *player)
{
    for (unsigned step = 0; step < 400; step++) {
        unsigned at = random_below(&player->random, 60);
        switch (random_below(&player->random, 8)) {
        case 0: play_free_sized(player, at); break;
        case 1: play_free_aligned_sized(player, at); break;
        case 2: play_freezero(player, at); break;
        case 3: play_realloc_to_nothing(player, at); break;
        case 4: play_aligned(player, at, any_size(player), 64U << step % 8); break;
        default: play_malloc(player, at, any_size(player)); break;
        }
    }
    play_malloc(player, 100, 270 * MIB);
    play_free_sized(player, 100);
    play_aligned(player, 100, 270 * MIB, MIB);
    play_free_aligned_sized(player, 100);
}

static void aligned_large_chunks_come_and_go(struct player *player)
{
    for (unsigned step = 0; step < 120; step++) {
        unsigned at = random_below(&player->random, 16);
        size_t align = (size_t)1 << (15 + random_below(&player->random, 12));
        size_t bytes = 40 * KIB + random_size(&player->random, 3 * MIB);
        switch (random_below(&player->random, 4)) {
        case 0: play_free_aligned_sized(player, at); break;
        case 1: play_realloc(player, at, bytes / 4); break;
        default: play_aligned(player, at, bytes, align); break;
        }
    }
}

static void mappings_are_larger_than_sections(struct player *player)
{
    play_malloc(player, 0, GIB + GIB / 4);
    play_malloc(player, 1, 3 * GIB);
    play_malloc(player, 2, 100);
    play_free(player, 1);
    play_aligned(player, 1, GIB + MIB, 512 * MIB);
    play_realloc(player, 0, GIB); // where it is
    play_realloc(player, 0, MIB); // elsewhere
    play_malloc(player, 3, 2 * GIB + 1);
    play_free(player, 1);
    play_malloc(player, 4, GIB + 1);
}

static void forks_between_allocations(struct player *player)
{
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned step = 0; step < 20; step++) {
            play_malloc(player, random_below(&player->random, 30), any_size(player));
        }
        play_fork(player);
        play_thread(player, 1);
        play_malloc(player, 40 + round, any_size(player));
        play_thread(player, 0);
    }
}

static void misuse_changes_nothing(struct player *player)
{
    for (unsigned step = 0; step < 500; step++) {
        unsigned at = random_below(&player->random, 25);
        bool warn = random_chance(&player->random, 50);
        switch (random_below(&player->random, 6)) {
        case 0: play_free(player, at); break;
        case 1: play_realloc(player, at, any_size(player)); break;
        case 2: play_wrong_size(player, at, random_chance(&player->random, 50), warn); break;
        case 3: play_malloc(player, at, any_size(player)); break;
        default:
            play_misuse(player, (enum play_wrong)random_below(&player->random, WRONG_COUNT),
                        (enum play_wrong_call)random_below(&player->random, WRONG_CALL_COUNT), at,
                        warn);
            break;
        }
    }
    play_malloc(player, 30, 258 * MIB);
    play_free(player, 30);
    play_misuse(player, WRONG_STALE, WRONG_FREE, 30, true);
    play_malloc(player, 30, 258 * MIB);
    play_misuse(player, WRONG_INTERIOR, WRONG_REALLOC, 30, true);
}

// From each kind of size to each: TINY, SMALL, LARGE as a run of a class, LARGE, a mapping.
static void resizings_of_every_kind(struct player *player)
{
    const size_t mapping = player_mapping_bytes(player);
    const size_t sizes[] = {1, 1025, 32768, 200000, mapping + 1, mapping + mapping / 2};
    enum { SIZE_COUNT = sizeof(sizes) / sizeof(sizes[0]) };
    for (unsigned pair = 0; pair < SIZE_COUNT * SIZE_COUNT; pair++) {
        size_t from = sizes[pair % SIZE_COUNT];
        size_t to = sizes[pair / SIZE_COUNT];
        unsigned at = pair % 5;
        bool is_huge = from > 16 * MIB && to > 16 * MIB; // which takes long to copy
        if (!is_huge && play_malloc(player, at, from)) {
            play_realloc(player, at, to);
        }
    }
}

// What is freed goes back to the system in part, or is refused, and callocs take it again.
static void calloc_follows_every_free(struct player *player)
{
    size_t bytes = player->is_thrifty ? 1000 * KIB : 6 * MIB;
    unsigned calloc_count = player->is_thrifty ? 9 : 1; // more take long to clear
    // Seven and fifteen, or sixteen: after the last free of so many, memory goes back.
    for (unsigned round = player->is_thrifty ? 6 : 15; round < 16; round += 8) {
        for (unsigned at = 0; at < 18; at++) {
            play_malloc(player, at, bytes);
        }
        for (unsigned at = 0; at <= round; at++) {
            play_free(player, at);
        }
        for (unsigned at = 0; at <= round && at < calloc_count; at++) {
            play_calloc(player, at, bytes);
        }
    }
}

// Mappings that the system does not take back, at the limit of what it gives.
static void mappings_come_back_under_limits(struct player *player)
{
    fake_limits.reserved_bytes = 3 * GIB;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned at = 0; at < 4; at++) {
            play_malloc(player, at, 400 * MIB);
        }
        fake_limits.mapping_count = fake_books.mapping_count;
        play_free(player, 1);
        play_free(player, 2);
        play_malloc(player, 5, 401 * MIB);
        play_malloc(player, 6, 300 * MIB);
        fake_limits.mapping_count = SIZE_MAX;
        play_free_all(player);
    }
}

// Frees most of many chunks, some of them side by side, so that whole pages of their zones can go.
static void thin_out(struct player *player, unsigned first, unsigned count)
{
    for (unsigned at = first; at < first + count; at++) {
        if (at % 64 > random_below(&player->random, 4)) {
            play_free(player, at);
        }
    }
}

static void pages_of_zones_are_purged(struct player *player)
{
    static const size_t sizes[] = {16, 48, 1000, 1024, 2500, 9000};
    for (unsigned size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
        for (unsigned at = 0; at < 600; at++) {
            play_malloc(player, at, sizes[size]);
        }
        thin_out(player, 0, 600);
        play_trim(player, 0);
        for (unsigned at = 0; at < 600; at += 3) {
            play_calloc(player, at, sizes[size]);
        }
        thin_out(player, 0, 600);
    }
    play_show(player);
}

static void trims_between_threads(struct player *player)
{
    for (unsigned round = 0; round < 12; round++) {
        play_thread(player, round % 4);
        for (unsigned at = round * 200; at < round * 200 + 200; at++) {
            play_malloc(player, at, 1 + random_size(&player->random, 3000));
        }
        // Of all threads' chunks.
        thin_out(player, 0, round * 200 + 200);
        if (round % 3 == 0) {
            play_thread_end(player);
            play_thread(player, 4);
        }
        play_trim(player, round % 2 * MIB);
        play_malloc(player, 3000, 100 * KIB + round * MIB / 2);
        for (unsigned at = 0; at < 50; at++) {
            play_calloc(player, 3100 + at, 1 + random_size(&player->random, 3000));
        }
    }
}

// So little may be kept that pages go as a part of ordinary calls.
static void zones_become_sparse_again_and_again(struct player *player)
{
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned at = 0; at < 3000; at++) {
            play_malloc(player, at, 1024);
        }
        thin_out(player, 0, 3000);
        for (unsigned at = 0; at < 1000; at++) {
            play_calloc(player, at, 1024);
        }
    }
}

// A limit that falls below what is reserved, when there is much of that unused: whatever is asked for must be had.
static void a_limit_falls_below_what_is_reserved(struct player *player)
{
    for (unsigned at = 0; at < 200; at++) {
        play_malloc(player, at, random_size(&player->random, 100 * KIB));
    }
    for (unsigned at = 0; at < 200; at += 2) {
        play_free(player, at);
    }
    for (unsigned round = 0; round < 3; round++) {
        fake_limits.reserved_bytes = 100 * MIB;
        uint64_t failures = player->failures;
        for (unsigned step = 0; step < 200; step++) {
            unsigned at = random_below(&player->random, 300);
            if (step % 3 == 0) {
                play_free(player, at);
            } else {
                play_malloc(player, at, random_size(&player->random, 200 * KIB));
            }
        }
        if (fake_faults.when == FAKE_NEVER && player->failures != failures) {
            player_fail("%llu of 200 fail under a limit that leaves room",
                        (unsigned long long)(player->failures - failures));
        }
        play_trim(player, 0);
        fake_limits.reserved_bytes = SIZE_MAX;
        play_malloc(player, 300, 50 * MIB);
    }
}

const struct sequence sequences_rare[] = {
    {"the_heap_is_shown", the_heap_is_shown, false},
    {"pages_are_asked_for", pages_are_asked_for, false},
    {"frees_tell_sizes", frees_tell_sizes, false},
    {"aligned_large_chunks_come_and_go", aligned_large_chunks_come_and_go, false},
    {"mappings_are_larger_than_sections", mappings_are_larger_than_sections, false},
    {"forks_between_allocations", forks_between_allocations, false},
    {"misuse_changes_nothing", misuse_changes_nothing, false},
    {"resizings_of_every_kind", resizings_of_every_kind, false},
    {"calloc_follows_every_free", calloc_follows_every_free, false},
    {"mappings_come_back_under_limits", mappings_come_back_under_limits, true},
    {"pages_of_zones_are_purged", pages_of_zones_are_purged, false},
    {"trims_between_threads", trims_between_threads, false},
    {"zones_become_sparse_again_and_again", zones_become_sparse_again_and_again, false},
    {"a_limit_falls_below_what_is_reserved", a_limit_falls_below_what_is_reserved, true},
};
const size_t sequence_rare_count = sizeof(sequences_rare) / sizeof(sequences_rare[0]);
