// SPDX-License-Identifier: MIT
#include "tests/fake/campaign.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROBE_AT = PLAYER_CHUNKS - 8, // places that no sequence uses
    ROUNDS_MAX = 4,
};

static struct player player;
static unsigned rounds_most;

// Whatever size is asked for can be had again.
static void probe(void)
{
    static const size_t sizes[] = {10, 3000, 20000, 200000, 5 << 20, 258 << 20};
    unsigned at = PROBE_AT;
    for (unsigned index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        bool is_large = sizes[index] > (1 << 20); // which takes long to clear
        if (!(is_large ? play_malloc : play_calloc)(&player, at + index, sizes[index])) {
            player_fail("%zu bytes cannot be had although the memory is back", sizes[index]);
        }
    }
    for (unsigned index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        play_free(&player, at + index);
    }
}

static void give_memory_back(void)
{
    fake_faults = (struct fake_faults){.when = FAKE_NEVER};
    fake_limits = (struct fake_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX};
}

static void tell_context(const struct sequence *sequence, const struct setting *setting,
                         const struct fake_faults *faults)
{
    static const char *const whens[] = {"nothing", "once", "from then on", "a pair"};
    snprintf(player_context, sizeof(player_context),
             "%s, pages of %zu, %s, %s, seed %llu, %s %llu %llu of calls %#x", sequence->name,
             setting->fake.page_bytes, fake_place_name(setting->fake.place),
             setting->is_thrifty ? "thrifty" : "as always", (unsigned long long)setting->seed,
             whens[faults->when], (unsigned long long)faults->first,
             (unsigned long long)faults->second, faults->calls);
}

static struct remains play_undisturbed(const struct sequence *sequence,
                                       const struct setting *setting)
{
    player_begin_again(&player, setting->seed);
    sequence->play(&player);
    play_free_all(&player);
    give_memory_back();
    return remains_of(&player);
}

// To play the same again soon takes nothing more: what the arena has kept serves again. The first rounds
// may leave more than the faults did, because zones that heaps keep cut the free memory up differently.
static void play_again(const struct sequence *sequence, const struct setting *setting)
{
    struct remains last = play_undisturbed(sequence, setting);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct remains now = play_undisturbed(sequence, setting);
        if (now.kept_bytes > last.kept_bytes || now.lost_bytes > last.lost_bytes) {
            player_fail("undisturbed, releases were refused");
        }
        if (now.section_bytes == last.section_bytes &&
            now.committed_bytes <= last.committed_bytes && now.own_units == last.own_units) {
            rounds_most = round > rounds_most ? round : rounds_most;
            return;
        }
        last = now;
    }
    player_fail("%zu bytes in sections, %zu committed, %zu units of its own after %u rounds, and "
                "still it grows",
                last.section_bytes, last.committed_bytes, last.own_units, ROUNDS_MAX);
}

struct outcome campaign_case(const struct sequence *sequence, const struct setting *setting,
                             const struct fake_faults *faults)
{
    tell_context(sequence, setting, faults);
    fake_reset(&setting->fake);
    player_begin(&player, setting->seed, setting->is_thrifty);
    fake_faults = *faults;
    sequence->play(&player);
    struct outcome outcome = {.failures = player.failures};
    memcpy(outcome.calls, fake_books.calls, sizeof(outcome.calls));
    if (faults->when == FAKE_NEVER && !sequence->has_limits && player.failures != 0) {
        player_fail("%llu allocations fail undisturbed", (unsigned long long)player.failures);
    }
    play_audit(&player);
    if (faults->first % 2 != 0) {
        play_free_all(&player);
    }
    give_memory_back();
    probe();
    play_free_all(&player);
    outcome.remains = remains_of(&player);
    outcome.refused_by_plan = fake_books.refused_by_plan;
    outcome.asks_most = player.asks_most;
    outcome.resize_asks_most = player.resize_asks_most;
    rounds_most = 0;
    if (setting->plays_again && !sequence->has_limits) {
        play_again(sequence, setting);
    }
    outcome.rounds = rounds_most;
    return outcome;
}

static void on_crash(int number)
{
    static const char before[] = "crash in: ";
    ssize_t ignored = write(STDERR_FILENO, before, sizeof(before) - 1);
    ignored = write(STDERR_FILENO, player_context, strlen(player_context));
    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    _exit(128 + number);
}

void campaign_watch(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP};
    for (unsigned index = 0; index < sizeof(numbers) / sizeof(numbers[0]); index++) {
        struct sigaction action = {.sa_handler = on_crash};
        sigaction(numbers[index], &action, NULL);
    }
}
