// SPDX-License-Identifier: MIT
// The fault campaign: every sequence, on every kind of platform, with each of its calls refused once, from
// then on, and in pairs. Each sequence is a process of its own, so that one finding hides no other.
//
//   test_faults [ROUNDS [NAME]]   1 round is what ctest runs; each further one has other seeds and twice
//                                 the pairs
#include "tests/fake/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef FT_SHORT
enum { STRIDE = 7 }; // of the fault points, one of so many is played
#else
enum { STRIDE = 1 };
#endif

enum {
    SINGLES_MAX = 40, // fault points of one sequence and configuration in round 1
    PAIRS_MAX = 20,   // pairs of one sequence and configuration in round 1
};

struct totals {
    uint64_t cases;
    uint64_t survived;
    uint64_t failures;
    unsigned asks_most;
};

static struct totals *totals; // shared with the children

static void play(const struct sequence *sequence, const struct fake_config *config,
                 struct fake_faults faults, uint64_t seed, const struct outcome *undisturbed)
{
    struct outcome outcome = campaign_case(sequence, config, &faults, seed, undisturbed);
    totals->cases++;
    totals->survived += outcome.refused_by_plan != 0;
    totals->failures += outcome.failures;
    totals->asks_most =
        outcome.asks_most > totals->asks_most ? outcome.asks_most : totals->asks_most;
}

static void play_all_faults(const struct sequence *sequence, const struct fake_config *config,
                            uint64_t seed, uint64_t round)
{
    struct fake_faults none = {.when = FAKE_NEVER};
    struct outcome undisturbed = campaign_case(sequence, config, &none, seed, NULL);
    uint64_t count = undisturbed.refusable;
    uint64_t stride = STRIDE * (1 + count / (SINGLES_MAX * round));
    for (uint64_t first = 1 + seed % stride; first <= count; first += stride) {
        struct fake_faults once = {.when = FAKE_ONCE, .first = first};
        play(sequence, config, once, seed, &undisturbed);
        struct fake_faults on = {.when = FAKE_FROM_THEN_ON, .first = first};
        play(sequence, config, on, seed, &undisturbed);
    }
    // A refusal makes the calls after it others, more or fewer: pairs go a little beyond.
    uint64_t pairs = (count + 4) * (count + 3) / 2;
    stride = STRIDE * (1 + pairs / (PAIRS_MAX * round));
    uint64_t number = seed % stride;
    for (uint64_t first = 1; first <= count; first++) {
        for (uint64_t second = first + 1; second <= count + 4; second++) {
            if (++number % stride == 0) {
                struct fake_faults pair = {FAKE_PAIR, first, second};
                play(sequence, config, pair, seed, &undisturbed);
            }
        }
    }
}

static void play_sequence(const struct sequence *sequence, uint64_t rounds)
{
    static const size_t pages[] = {4096, 16384, 65536};
    for (uint64_t round = 1; round <= rounds; round++) {
        for (unsigned kind = 0; kind < 3 * FAKE_PLACE_COUNT; kind++) {
            struct fake_config config = {
                .page_bytes = pages[kind % 3],
                .place = (enum fake_place)(kind / 3),
                .has_no_key = kind % 5 == 0,
            };
            play_all_faults(sequence, &config, round * 100 + kind, round);
        }
    }
}

// Whether the sequence ended without a finding.
static bool play_in_child(const struct sequence *sequence, uint64_t rounds)
{
    pid_t child = fork();
    if (child == 0) {
        campaign_watch();
        play_sequence(sequence, rounds);
        _exit(0);
    }
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int count, char **arguments)
{
    uint64_t rounds = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
    totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED || rounds == 0) {
        return 2;
    }
    unsigned failed = 0;
    for (size_t index = 0; index < sequence_count; index++) {
        if (count > 2 && strcmp(sequences[index].name, arguments[2]) != 0) {
            continue;
        }
        struct totals before = *totals;
        double start = seconds_now();
        bool passed = play_in_child(&sequences[index], rounds);
        failed += !passed;
        printf("%-45s %s %6llu faults survived, %.2f s\n", sequences[index].name,
               passed ? "passed" : "FAILED",
               (unsigned long long)(totals->survived - before.survived), seconds_now() - start);
        fflush(stdout);
    }
    printf("%llu fault points survived, %llu cases, %llu allocations refused, at most %u asks in "
           "one call\n",
           (unsigned long long)totals->survived, (unsigned long long)totals->cases,
           (unsigned long long)totals->failures, totals->asks_most);
    return failed == 0 && totals->survived != 0 ? 0 : 1;
}
