// SPDX-License-Identifier: MIT
// Plays operations on the api over the fake platform, and checks each of them: a chunk that is good, or
// NULL with ENOMEM because the platform refused something in this very call, and then nothing else has
// changed. Contents are verified before every free and after every realloc. A thread is a slot's value:
// to switch it by hand is to be another thread.
//
// A finding is told on standard error, with what was being played, and ends the process.
#ifndef FT_TESTS_FAKE_PLAYER_H
#define FT_TESTS_FAKE_PLAYER_H

#include "tests/core/random.h"
#include "tests/fake/contents.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLAYER_CHUNKS = 4096,
    PLAYER_THREADS = 6,
    PLAYER_ASKS_MAX = 3, // for one allocation, the last after heaps have given up what they keep
    // A realloc that is refused something tries to grow where it is, then elsewhere with room to spare, then
    // just so.
    PLAYER_REALLOC_ASKS_MAX = 1 + 2 * PLAYER_ASKS_MAX,
    PLAYER_RUN_BYTES_MAX = 1 << 20,
    PLAYER_DIRTY_BYTES_MAX = 64 << 10,
};

struct player {
    struct played chunks[PLAYER_CHUNKS];
    unsigned chunk_count; // places below which any chunk is
    void *bulk;           // the last of a chain of chunks, each of which holds the one before
    size_t bulk_count;
    size_t bulk_bytes;           // of all of them
    void *stale;                 // the last pointer that was freed
    void *slots[PLAYER_THREADS]; // NULL: a thread that has not begun
    unsigned thread;
    struct random random;
    bool is_thrifty; // the arena
    uint64_t calls;
    uint64_t failures;         // allocations that gave NULL
    unsigned asks_most;        // of one allocation
    unsigned resize_asks_most; // of one realloc
};

// What is being played, for findings.
extern char player_context[256];

// Tells a finding and ends the process by SIGABRT.
_Noreturn void player_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Makes the api as new, and a player without chunks, in thread 0. thrifty: an arena that keeps little free
// memory, and gives chunks above PLAYER_RUN_BYTES_MAX mappings of their own, so that much goes to and fro.
void player_begin(struct player *player, uint64_t seed, bool thrifty);

// The same player with another seed, on the api as it is. It has no chunks, and its threads have ended.
void player_begin_again(struct player *player, uint64_t seed);

// The size above which chunks get mappings of their own.
static inline size_t player_mapping_bytes(const struct player *player)
{
    return player->is_thrifty ? PLAYER_RUN_BYTES_MAX : 256U << 20;
}

// Each frees what the player has at `at` first. False: no memory.
bool play_malloc(struct player *player, unsigned at, size_t bytes);
bool play_calloc(struct player *player, unsigned at, size_t bytes);
bool play_aligned(struct player *player, unsigned at, size_t bytes, size_t align);
bool play_memalign(struct player *player, unsigned at, size_t bytes, size_t align);
bool play_posix_memalign(struct player *player, unsigned at, size_t bytes, size_t align);
bool play_valloc(struct player *player, unsigned at, size_t bytes);
bool play_pvalloc(struct player *player, unsigned at, size_t bytes);

// Resizes what the player has at `at`, if anything, to `bytes`, which are not 0. False: no memory.
bool play_realloc(struct player *player, unsigned at, size_t bytes);
bool play_reallocarray(struct player *player, unsigned at, size_t bytes);
bool play_reallocf(struct player *player, unsigned at, size_t bytes);
bool play_reallocarr(struct player *player, unsigned at, size_t bytes);
bool play_recallocarray(struct player *player, unsigned at, size_t bytes);

// Frees what the player has at `at`, if anything.
void play_free(struct player *player, unsigned at);
void play_free_sized(struct player *player, unsigned at);
void play_free_aligned_sized(struct player *player, unsigned at);
void play_freezero(struct player *player, unsigned at);
void play_realloc_to_nothing(struct player *player, unsigned at);

// Allocates very many chunks of the same size, 8 bytes at least, and frees them.
void play_bulk(struct player *player, unsigned count, size_t bytes);
void play_bulk_free(struct player *player);

// Frees everything.
void play_free_all(struct player *player);

// Gives back what is free but for so many bytes.
void play_trim(struct player *player, size_t keep_bytes);

// Goes on as another thread.
void play_thread(struct player *player, unsigned thread);

// The current thread ends: its heap waits for the next one.
void play_thread_end(struct player *player);

// Holds every invariant of the arena and of every heap against what there is.
void play_audit(const struct player *player);

// For the other sources of the player: what every call begins and ends with.
struct played_call {
    uint64_t refused;
    bool had_heap;
    bool resizes;
};
struct played_call player_call(struct player *player);
void player_check(struct player *player, const struct played_call *call, const void *ptr,
                  size_t bytes, size_t align, int error);
bool player_keep(struct player *player, unsigned at, void *ptr, size_t bytes, size_t align);
void player_verify(const struct played *chunk);

enum { PLAYER_ERRNO = 18 }; // EXDEV: what errno is before a call; nothing of ours sets it

#endif
