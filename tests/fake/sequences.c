// SPDX-License-Identifier: MIT
#include "tests/fake/sequences.h"

#include "tests/fake/fake.h"

static const size_t KIB = 1 << 10;
static const size_t MIB = 1 << 20;

// Allocates and frees at random places, sizes from `least` to `most`.
static void churn(struct player *player, unsigned steps, unsigned places, size_t least, size_t most)
{
    for (unsigned step = 0; step < steps; step++) {
        unsigned at = random_below(&player->random, places);
        if (random_chance(&player->random, 40)) {
            play_free(player, at);
        } else {
            play_malloc(player, at, least + random_size(&player->random, most - least));
        }
    }
}

static void tiny_chunks_come_and_go(struct player *player)
{
    play_bulk(player, 4000, 1000);
    churn(player, 1000, 400, 0, 1024);
}

static void small_chunks_come_and_go(struct player *player)
{
    churn(player, 400, 150, 1025, 31000);
}

static void large_chunks_come_and_go(struct player *player)
{
    churn(player, 300, 60, 40000, 2 * MIB);
}

static void chunks_of_every_class_stay(struct player *player)
{
    unsigned at = 0;
    for (size_t bytes = 16; bytes <= 32768; bytes += bytes < 128 ? 16 : bytes / 4) {
        for (unsigned index = 0; index < 7; index++) {
            play_malloc(player, at++, bytes);
        }
    }
    play_free_all(player);
}

static void huge_chunks_get_mappings(struct player *player)
{
    for (unsigned round = 0; round < 2; round++) {
        play_malloc(player, 0, 257 * MIB);
        play_malloc(player, 1, 300 * MIB + 1);
        play_malloc(player, 2, 10);
        play_malloc(player, 3, 260 * MIB + 12345);
        play_free(player, 1);
        play_malloc(player, 4, 290 * MIB);
        play_free_all(player);
    }
}

static void mappings_that_stay_serve_again(struct player *player)
{
    size_t least = player_mapping_bytes(player);
    if (player->is_thrifty) { // otherwise it takes long to clear and to copy
        play_malloc(player, 2, least + MIB);
        play_free(player, 2);
        play_calloc(player, 2, least + MIB - 1);
        // One that stayed is far larger than what grows into it.
        play_malloc(player, 0, 3 * least);
        play_free(player, 0);
        play_malloc(player, 1, least + least / 16);
        play_realloc(player, 1, least + least / 8);
    }
    for (unsigned round = 0; round < 2; round++) {
        play_malloc(player, 0, least + least / 3 - round * 5000);
        play_free(player, 0);
        play_malloc(player, 1, least + least / 4 - round * 5000);
        play_free(player, 1);
        play_malloc(player, 1, least + least / 6 - round * 5000);
        play_realloc(player, 1, least + least / 8);
        play_free(player, 1);
    }
}

static void a_chunk_grows_from_tiny_to_huge(struct player *player)
{
    for (size_t bytes = 10; bytes < 3 * MIB; bytes += bytes + 3) {
        play_realloc(player, 0, bytes);
        play_malloc(player, 1 + random_below(&player->random, 30), bytes);
    }
    play_realloc(player, 0, 257 * MIB);
}

static void a_chunk_shrinks_from_huge_to_tiny(struct player *player)
{
    play_malloc(player, 0, 258 * MIB);
    play_realloc(player, 0, 257 * MIB);
    for (size_t bytes = 2 * MIB; bytes > 1; bytes -= bytes / 3 + 1) {
        play_realloc(player, 0, bytes);
    }
}

static void chunks_shrink_when_their_class_has_nothing(struct player *player)
{
    static const size_t from[] = {1024, 5000, 20000, 32768, 60000, 500000};
    static const size_t to[] = {8, 100, 700, 2000, 9000, 16000, 30000};
    for (unsigned pair = 0; pair < 6 * 7; pair++) {
        if (to[pair % 7] < from[pair / 7] && play_malloc(player, pair, from[pair / 7])) {
            play_realloc(player, pair, to[pair % 7]);
        }
    }
}

static void a_chunk_grows_where_it_is(struct player *player)
{
    play_malloc(player, 0, 64 * KIB);
    for (size_t bytes = 128 * KIB; bytes < 5 * MIB; bytes += bytes / 8 + 64 * KIB) {
        play_realloc(player, 0, bytes);
    }
}

static void chunks_change_size_at_random(struct player *player)
{
    for (unsigned step = 0; step < 300; step++) {
        play_realloc(player, random_below(&player->random, 20),
                     1 + random_size(&player->random, MIB + MIB / 2));
    }
}

static void bsd_calls_change_sizes(struct player *player)
{
    for (unsigned step = 0; step < 200; step++) {
        unsigned at = random_below(&player->random, 12);
        size_t bytes = 1 + random_size(&player->random, MIB / 2);
        switch (random_below(&player->random, 4)) {
        case 0: play_reallocf(player, at, bytes); break;
        case 1: play_reallocarr(player, at, bytes); break;
        case 2: play_reallocarray(player, at, bytes); break;
        default: play_recallocarray(player, at, bytes); break;
        }
    }
}

static void alignments_of_all_sizes(struct player *player)
{
    unsigned at = 0;
    for (size_t align = 16; align <= 64 * MIB; align *= 4) {
        play_aligned(player, at++, 100, align);
        play_posix_memalign(player, at++, align + 7, align);
        play_aligned(player, at++, 200 * KIB, align);
    }
    play_aligned(player, at++, MIB, 512 * MIB);
    play_posix_memalign(player, at, 270 * MIB, MIB);
    play_free_all(player);
}

static void calloc_takes_what_was_used(struct player *player)
{
    churn(player, 200, 20, 40000, 2 * MIB);
    churn(player, 500, 200, 10, 9000);
    for (unsigned step = 0; step < 300; step++) {
        unsigned at = random_below(&player->random, 100);
        if (random_chance(&player->random, 30)) {
            play_free(player, at);
        } else {
            play_calloc(player, at, random_size(&player->random, MIB));
        }
    }
}

// So much comes back at once that the arena sends some of it to the system.
static void much_is_purged(struct player *player)
{
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned at = 0; at < 18; at++) {
            play_malloc(player, at, 5 * MIB);
        }
        for (unsigned at = 0; at < 18; at++) {
            play_free(player, at);
        }
    }
}

static void calloc_takes_what_was_purged(struct player *player)
{
    for (unsigned at = 0; at < 18; at++) {
        play_malloc(player, at, 5 * MIB);
    }
    for (unsigned at = 0; at < 18; at++) {
        play_free(player, at);
    }
    play_trim(player,
              0); // else a part of what is free is known to be zero, and calloc makes sure of all
    play_calloc(player, 0, 5 * MIB);
    play_calloc(player, 1, MIB);
    play_free_all(player);
}

static void small_zones_are_purged(struct player *player)
{
    play_bulk(player, player->is_thrifty ? 400 : 2600, 30000);
    play_bulk_free(player);
    for (unsigned at = 0; at < 40; at++) {
        play_calloc(player, at, 100 * KIB + at);
    }
}

static void sections_follow_each_other(struct player *player)
{
    for (unsigned at = 0; at < 11; at++) {
        play_malloc(player, at, 200 * MIB);
        play_malloc(player, 20 + at, 3 * KIB);
    }
    play_free_all(player);
}

static void sections_grow_step_by_step(struct player *player)
{
    for (unsigned at = 0; at < 200; at++) {
        play_malloc(player, at, 700 * KIB);
    }
}

static void every_thread_gets_a_heap(struct player *player)
{
    for (unsigned thread = 0; thread < PLAYER_THREADS; thread++) {
        play_thread(player, thread);
        play_malloc(player, thread, 40);
        play_malloc(player, 10 + thread, 4000);
        play_calloc(player, 20 + thread, 100000);
    }
}

static void threads_free_for_each_other(struct player *player)
{
    for (unsigned step = 0; step < 1000; step++) {
        if (random_chance(&player->random, 5)) {
            play_thread(player, random_below(&player->random, 4));
        }
        unsigned at = random_below(&player->random, 400);
        if (random_chance(&player->random, 45)) {
            play_free(player, at);
        } else {
            play_malloc(player, at, random_size(&player->random, 20000));
        }
    }
}

static void threads_end_and_others_take_over(struct player *player)
{
    for (unsigned round = 0; round < 12; round++) {
        play_thread(player, 1 + round % (PLAYER_THREADS - 1));
        churn(player, 150, 300, 0, 9000);
        if (round % 3 != 0) {
            play_thread_end(player);
        }
    }
    play_thread(player, 0);
    play_free_all(player);
}

static void committed_memory_is_short_for_a_while(struct player *player)
{
    fake_limits.committed_bytes = 12 * MIB;
    churn(player, 300, 100, 20, MIB);
    fake_limits.committed_bytes = 5 * MIB;
    churn(player, 150, 100, 20, MIB);
    fake_limits.committed_bytes = 40 * MIB;
    churn(player, 150, 100, 20, MIB);
    fake_limits.committed_bytes = 0;
    play_free_all(player);
}

static void the_address_limit_falls_and_rises(struct player *player)
{
    fake_limits.reserved_bytes = 64 * MIB;
    churn(player, 200, 60, 20, 3 * MIB);
    fake_limits.reserved_bytes = 8 * MIB;
    churn(player, 150, 60, 20, 3 * MIB);
    fake_limits.reserved_bytes = 400 * MIB;
    churn(player, 150, 60, 20, 20 * MIB);
    play_malloc(player, 0, 300 * MIB);
}

static void mappings_are_few(struct player *player)
{
    fake_limits.mapping_count = 6;
    for (unsigned at = 0; at < 8; at++) {
        play_malloc(player, at, 257 * MIB);
        play_malloc(player, 20 + at, MIB);
    }
    fake_limits.mapping_count = 3;
    for (unsigned at = 0; at < 8; at += 2) {
        play_free(player, at);
    }
    churn(player, 200, 60, 20, MIB);
}

// Records of 16-byte chunks take more than their share of a section's metadata.
static void records_use_up_their_area(struct player *player)
{
    play_bulk(player, 56000, 16);
    churn(player, 100, 50, 20, 30000);
    play_bulk_free(player);
}

static void anything(struct player *player)
{
    for (unsigned step = 0; step < 500; step++) {
        unsigned at = random_below(&player->random, 60);
        size_t bytes =
            1 + random_size(&player->random, random_chance(&player->random, 2) ? 20 * MIB : MIB);
        switch (random_below(&player->random, 12)) {
        case 0:
        case 1: play_malloc(player, at, bytes); break;
        case 2: play_calloc(player, at, bytes); break;
        case 3:
            play_aligned(player, at, bytes, (size_t)16 << random_below(&player->random, 14));
            break;
        case 4: play_posix_memalign(player, at, bytes, 64); break;
        case 5:
        case 6: play_realloc(player, at, bytes); break;
        case 7: play_reallocf(player, at, bytes); break;
        case 8: play_recallocarray(player, 60 + at % 8, bytes % (100 * KIB) + 1); break;
        case 9: play_thread(player, random_below(&player->random, 3)); break;
        default: play_free(player, at); break;
        }
    }
}

const struct sequence sequences_common[] = {
    {"tiny_chunks_come_and_go", tiny_chunks_come_and_go, false},
    {"small_chunks_come_and_go", small_chunks_come_and_go, false},
    {"large_chunks_come_and_go", large_chunks_come_and_go, false},
    {"chunks_of_every_class_stay", chunks_of_every_class_stay, false},
    {"huge_chunks_get_mappings", huge_chunks_get_mappings, false},
    {"mappings_that_stay_serve_again", mappings_that_stay_serve_again, false},
    {"a_chunk_grows_from_tiny_to_huge", a_chunk_grows_from_tiny_to_huge, false},
    {"a_chunk_shrinks_from_huge_to_tiny", a_chunk_shrinks_from_huge_to_tiny, false},
    {"chunks_shrink_when_their_class_has_nothing", chunks_shrink_when_their_class_has_nothing,
     false},
    {"a_chunk_grows_where_it_is", a_chunk_grows_where_it_is, false},
    {"chunks_change_size_at_random", chunks_change_size_at_random, false},
    {"bsd_calls_change_sizes", bsd_calls_change_sizes, false},
    {"alignments_of_all_sizes", alignments_of_all_sizes, false},
    {"calloc_takes_what_was_used", calloc_takes_what_was_used, false},
    {"much_is_purged", much_is_purged, false},
    {"calloc_takes_what_was_purged", calloc_takes_what_was_purged, false},
    {"small_zones_are_purged", small_zones_are_purged, false},
    {"sections_follow_each_other", sections_follow_each_other, false},
    {"sections_grow_step_by_step", sections_grow_step_by_step, false},
    {"every_thread_gets_a_heap", every_thread_gets_a_heap, false},
    {"threads_free_for_each_other", threads_free_for_each_other, false},
    {"threads_end_and_others_take_over", threads_end_and_others_take_over, false},
    {"committed_memory_is_short_for_a_while", committed_memory_is_short_for_a_while, true},
    {"the_address_limit_falls_and_rises", the_address_limit_falls_and_rises, true},
    {"mappings_are_few", mappings_are_few, true},
    {"records_use_up_their_area", records_use_up_their_area, false},
    {"anything", anything, false},
};
const size_t sequence_common_count = sizeof(sequences_common) / sizeof(sequences_common[0]);

const struct sequence *sequence_at(size_t index)
{
    if (index < sequence_common_count) {
        return &sequences_common[index];
    }
    index -= sequence_common_count;
    return index < sequence_rare_count ? &sequences_rare[index] : NULL;
}
