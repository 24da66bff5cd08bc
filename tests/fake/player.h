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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAYER_CHUNKS = 4096, PLAYER_THREADS = 6, PLAYER_ASKS_MAX = 2 };

struct played {
    unsigned char *ptr; // NULL: none
    size_t bytes;
    uint64_t seed; // of its contents
};

struct player {
    struct played chunks[PLAYER_CHUNKS];
    void *bulk; // the last of a chain of chunks, each of which holds the one before
    void *slots[PLAYER_THREADS]; // NULL: a thread that has not begun
    unsigned thread;
    struct random random;
    uint64_t calls;
    uint64_t failures;  // allocations that gave NULL
    unsigned asks_most; // of one call
};

// What is being played, for findings.
extern char player_context[256];

// Tells a finding and ends the process.
_Noreturn void player_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Makes the api as new, and a player without chunks, in thread 0.
void player_begin(struct player *player, uint64_t seed);

// Each frees what the player has at `at` first, except that realloc resizes it. False: no memory.
bool play_malloc(struct player *player, unsigned at, size_t bytes);
bool play_calloc(struct player *player, unsigned at, size_t bytes);
bool play_aligned(struct player *player, unsigned at, size_t bytes, size_t align);
bool play_posix_memalign(struct player *player, unsigned at, size_t bytes, size_t align);
bool play_realloc(struct player *player, unsigned at, size_t bytes);
bool play_reallocf(struct player *player, unsigned at, size_t bytes);
bool play_reallocarr(struct player *player, unsigned at, size_t bytes);
bool play_recallocarray(struct player *player, unsigned at, size_t bytes);
void play_free(struct player *player, unsigned at);

// Allocates very many chunks of the same size, 8 bytes at least, and frees them.
void play_bulk(struct player *player, unsigned count, size_t bytes);
void play_bulk_free(struct player *player);

// Frees everything.
void play_free_all(struct player *player);

// Goes on as another thread.
void play_thread(struct player *player, unsigned thread);

// The current thread ends: its heap waits for the next one.
void play_thread_end(struct player *player);

// Holds every invariant of the arena and of every heap against what there is.
void play_audit(const struct player *player);

// What is left in the arena when the player has nothing.
struct remains {
    size_t mapped_bytes;
    size_t section_bytes; // of sections that the platform has given, and what their ends may lose
    size_t committed_bytes;
    size_t own_units; // runs of the arena's own: heaps, leaves, records
};

// Ends every thread, audits, and checks that no chunk and no run of one is left.
struct remains play_remains(struct player *player);

#endif
