// SPDX-License-Identifier: MIT
#include "tests/fake/campaign.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROBE_AT = PLAYER_CHUNKS - 8, // places that no sequence uses
    OWN_UNITS_MORE = 16,          // a fault may end in another section, whose leaves are two more
};

static struct player player;

// Whatever size is asked for can be had again.
static void probe(void)
{
    static const size_t sizes[] = {10, 3000, 20000, 300000, 5 << 20, 258 << 20};
    unsigned at = PROBE_AT;
    for (unsigned index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        bool is_huge = sizes[index] > (8 << 20); // which takes long to clear
        if (!(is_huge ? play_malloc : play_calloc)(&player, at + index, sizes[index])) {
            player_fail("%zu bytes cannot be had although the memory is back", sizes[index]);
        }
    }
    for (unsigned index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        play_free(&player, at + index);
    }
}

static void check_remains(const struct outcome *now, const struct outcome *undisturbed)
{
    // A refused reservation makes sections smaller and more: what is mapped is theirs, whatever they are.
    size_t allowed = now->remains.section_bytes + now->unreleased_bytes;
    if (now->remains.mapped_bytes > allowed) {
        player_fail("%zu bytes stay mapped, %zu would be right", now->remains.mapped_bytes,
                    allowed);
    }
    // Commitments come in steps as large as what there is, so that one may be three times the other.
    size_t committed = 3 * undisturbed->remains.committed_bytes + now->unreleased_bytes + (4 << 20);
    if (now->remains.committed_bytes > committed) {
        player_fail("%zu bytes stay committed, %zu at most would be right",
                    now->remains.committed_bytes, committed);
    }
    if (now->remains.own_units > undisturbed->remains.own_units + OWN_UNITS_MORE) {
        player_fail("the arena keeps %zu units for itself, and %zu undisturbed",
                    now->remains.own_units, undisturbed->remains.own_units);
    }
}

static void tell_context(const struct sequence *sequence, const struct fake_config *config,
                         const struct fake_faults *faults, uint64_t seed)
{
    static const char *const whens[] = {"nothing", "once", "from then on", "a pair"};
    snprintf(player_context, sizeof(player_context),
             "%s, pages of %zu, %s, seed %llu, %s %llu %llu", sequence->name, config->page_bytes,
             fake_place_name(config->place), (unsigned long long)seed, whens[faults->when],
             (unsigned long long)faults->first, (unsigned long long)faults->second);
}

struct outcome campaign_case(const struct sequence *sequence, const struct fake_config *config,
                             const struct fake_faults *faults, uint64_t seed,
                             const struct outcome *undisturbed)
{
    tell_context(sequence, config, faults, seed);
    fake_reset(config);
    player_begin(&player, seed);
    fake_faults = *faults;
    sequence->play(&player);
    struct outcome outcome = {
        .refusable = fake_books.refusable,
        .failures = player.failures,
    };
    if (faults->when == FAKE_NEVER && !sequence->has_limits && player.failures != 0) {
        player_fail("%llu allocations fail undisturbed", (unsigned long long)player.failures);
    }
    play_audit(&player);
    if (faults->first % 2 != 0) {
        play_free_all(&player);
    }
    fake_faults = (struct fake_faults){.when = FAKE_NEVER};
    fake_limits = (struct fake_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    probe();
    play_audit(&player);
    play_free_all(&player);
    probe();
    outcome.remains = play_remains(&player);
    outcome.refused_by_plan = fake_books.refused_by_plan;
    outcome.unreleased_bytes = fake_books.unreleased_bytes;
    outcome.asks_most = player.asks_most;
    if (undisturbed != NULL) {
        check_remains(&outcome, undisturbed);
    }
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
