// SPDX-License-Identifier: MIT
// The fault campaign: every sequence, on every kind of platform, with its calls refused: each one once,
// each one and all that follow, in pairs, and of some kinds only. Each sequence is a process of its own,
// so that one finding hides no other.
//
//   test_faults [--full | --thin] [--replay] [NAME]
//
// Without --full, the platforms take turns from one fault point to the next; with it, each fault point is
// played on each; with --thin, and under a sanitizer, on few of them. --replay has every case play its
// sequence again, not only some.
#include "tests/fake/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KIND_COUNT = 3 * FAKE_PLACE_COUNT * 2, // of platforms and arenas
    THIN_STEP = 7,    // from one of them to the next; they are few, and differ in everything
    PAIRS_FULL = 400, // sequences with so few pairs get all of them
    PAIRS_QUICK = 40,
    REPLAY_EVERY = 16,
    SEQUENCES_MAX = 64,
    CHILDREN_MAX = 4, // at once, and as many as there are processors
};

// The kinds of calls that faults are counted by.
static const unsigned call_sets[] = {
    0,
    1U << FAKE_RELEASE,
    1U << FAKE_PURGE,
    1U << FAKE_COMMIT | 1U << FAKE_RESERVE | 1U << FAKE_MAP,
};
enum { CALL_SET_COUNT = sizeof(call_sets) / sizeof(call_sets[0]) };

struct totals {
    uint64_t cases;
    uint64_t survived;
    uint64_t failures;
    uint64_t lost_bytes;
    unsigned asks_most;
    unsigned resize_asks_most;
    unsigned rounds_most;
    uint64_t replayed;
};

static struct totals *results; // one for each sequence, shared with the children
static struct totals *totals;  // of the sequence that this child plays
static bool is_full;
#ifdef FT_SHORT
static bool is_thin = true;
#else
static bool is_thin;
#endif
static bool replays;

static struct setting setting_of(unsigned kind)
{
    static const size_t pages[] = {4096, 16384, 65536};
    return (struct setting){
        .fake =
            {
                .page_bytes = pages[kind % 3],
                .place = (enum fake_place)(kind % FAKE_PLACE_COUNT),
                .has_no_key = kind % 7 == 0,
                .refused_purge = (enum fake_refused_purge)(kind / 2 % FAKE_PURGED_KINDS),
            },
        .is_thrifty = kind % 2 != 0,
        .seed = kind,
    };
}

static void raise_to(unsigned *most, unsigned value)
{
    *most = value > *most ? value : *most;
}

static void play(const struct sequence *sequence, struct setting setting,
                 const struct fake_faults *faults)
{
    setting.plays_again = replays || totals->cases % REPLAY_EVERY == 0;
    struct outcome outcome = campaign_case(sequence, &setting, faults);
    totals->cases++;
    totals->survived += outcome.refused_by_plan != 0;
    totals->failures += outcome.failures;
    totals->lost_bytes += outcome.remains.lost_bytes;
    totals->replayed += setting.plays_again && !sequence->has_limits;
    raise_to(&totals->asks_most, outcome.asks_most);
    raise_to(&totals->resize_asks_most, outcome.resize_asks_most);
    raise_to(&totals->rounds_most, outcome.rounds);
}

// How many calls there are to refuse, of each set.
static void count_calls(const struct sequence *sequence, const struct setting *setting,
                        uint64_t counts[CALL_SET_COUNT])
{
    struct fake_faults none = {.when = FAKE_NEVER};
    struct outcome outcome = campaign_case(sequence, setting, &none);
    for (unsigned set = 0; set < CALL_SET_COUNT; set++) {
        counts[set] = 0;
        for (unsigned call = 0; call < FAKE_REFUSABLE_COUNT; call++) {
            bool matches = call_sets[set] == 0 || (call_sets[set] >> call & 1) != 0;
            counts[set] += matches ? outcome.calls[call] : 0;
        }
    }
}

// Each call once, and each with all that follow, of each set of calls.
static void play_singles(const struct sequence *sequence, const struct setting *setting,
                         const uint64_t counts[CALL_SET_COUNT], unsigned kind)
{
    for (unsigned set = 0; set < CALL_SET_COUNT; set++) {
        // The platforms share the points, unless all are to be played.
        uint64_t stride = (set == 0 ? 1U : 4U) * (is_full ? 1U : is_thin ? 3U : 6U);
        for (uint64_t first = 1 + kind % stride; first <= counts[set]; first += stride) {
            struct fake_faults faults = {
                .when = FAKE_ONCE, .first = first, .calls = call_sets[set]};
            if (is_full || set == 0) {
                play(sequence, *setting, &faults);
            }
            faults.when = FAKE_FROM_THEN_ON;
            if (is_full || set != 0 || first / stride % 2 == 0) {
                play(sequence, *setting, &faults);
            }
        }
    }
}

static void play_pairs(const struct sequence *sequence, const struct setting *setting,
                       uint64_t count, unsigned kind)
{
    // A refusal makes the calls after it others, more or fewer: pairs go a little beyond.
    uint64_t pairs = (count + 4) * (count + 3) / 2;
    uint64_t most = is_full ? PAIRS_FULL : PAIRS_QUICK;
    uint64_t stride = (pairs + most - 1) / most * (is_full ? 1 : KIND_COUNT / 3);
    uint64_t number = kind;
    for (uint64_t first = 1; first <= count; first++) {
        for (uint64_t second = first + 1; second <= count + 4; second++) {
            if (++number % stride == 0) {
                struct fake_faults pair = {.when = FAKE_PAIR, .first = first, .second = second};
                play(sequence, *setting, &pair);
            }
        }
    }
}

static void play_sequence(const struct sequence *sequence)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind += is_thin && !is_full ? THIN_STEP : 1) {
        struct setting setting = setting_of(kind);
        uint64_t counts[CALL_SET_COUNT];
        count_calls(sequence, &setting, counts);
        play_singles(sequence, &setting, counts, kind);
        play_pairs(sequence, &setting, counts[0], kind);
    }
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// A child that plays a sequence.
struct child {
    pid_t id; // 0: none
    size_t index;
    double start;
};

static void begin_child(struct child *child, size_t index)
{
    fflush(stdout);
    *child = (struct child){.index = index, .start = seconds_now()};
    child->id = fork();
    if (child->id == 0) {
        campaign_watch();
        totals = &results[index];
        play_sequence(sequence_at(index));
        _exit(0);
    }
    child->id = child->id < 0 ? 0 : child->id; // then wait() has one less to tell of, and says so
}

// Waits for any child, and tells what became of it. Returns whether that was well.
static bool end_child(struct child *children)
{
    int status = 0;
    pid_t id = wait(&status);
    for (unsigned at = 0; at < CHILDREN_MAX; at++) {
        if (id > 0 && children[at].id == id) {
            size_t index = children[at].index;
            printf("%-45s %s %6llu faults survived, %.2f s\n", sequence_at(index)->name,
                   status == 0 ? "passed" : "FAILED", (unsigned long long)results[index].survived,
                   seconds_now() - children[at].start);
            children[at].id = 0;
        }
    }
    return id > 0 && status == 0;
}

// Plays those named, or all. Returns how many had findings.
static unsigned play_all(const char *name)
{
    struct child children[CHILDREN_MAX] = {{.id = 0}};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = processors < 1              ? 1
                    : processors > CHILDREN_MAX ? CHILDREN_MAX
                                                : (unsigned)processors;
    unsigned running = 0;
    unsigned failed = 0;
    for (size_t index = 0; sequence_at(index) != NULL && index < SEQUENCES_MAX; index++) {
        if (name != NULL && strcmp(sequence_at(index)->name, name) != 0) {
            continue;
        }
        if (running == most) {
            failed += !end_child(children);
            running--;
        }
        unsigned at = 0;
        while (children[at].id != 0) {
            at++;
        }
        begin_child(&children[at], index);
        running++;
    }
    for (; running != 0; running--) {
        failed += !end_child(children);
    }
    return failed;
}

static struct totals sum_of_results(void)
{
    struct totals sum = {.cases = 0};
    for (size_t index = 0; index < SEQUENCES_MAX; index++) {
        const struct totals *each = &results[index];
        sum.cases += each->cases;
        sum.survived += each->survived;
        sum.failures += each->failures;
        sum.lost_bytes += each->lost_bytes;
        sum.replayed += each->replayed;
        raise_to(&sum.asks_most, each->asks_most);
        raise_to(&sum.resize_asks_most, each->resize_asks_most);
        raise_to(&sum.rounds_most, each->rounds_most);
    }
    return sum;
}

int main(int count, char **arguments)
{
    const char *name = NULL;
    for (int index = 1; index < count; index++) {
        is_full = is_full || strcmp(arguments[index], "--full") == 0;
        is_thin = is_thin || strcmp(arguments[index], "--thin") == 0;
        replays = replays || strcmp(arguments[index], "--replay") == 0;
        name = arguments[index][0] != '-' ? arguments[index] : name;
    }
    results = mmap(NULL, SEQUENCES_MAX * sizeof(*results), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED || sequence_at(SEQUENCES_MAX) != NULL) {
        return 2;
    }
    unsigned failed = play_all(name);
    struct totals sum = sum_of_results();
    printf("%llu cases were played again undisturbed, until nothing grew: at most %u times more\n",
           (unsigned long long)sum.replayed, sum.rounds_most + 2);
    printf("%llu bytes lost in releases that were refused before the arena knew of them\n",
           (unsigned long long)sum.lost_bytes);
    printf("%llu fault points survived, %llu cases, %llu allocations refused, at most %u asks in "
           "an allocation, %u in a realloc\n",
           (unsigned long long)sum.survived, (unsigned long long)sum.cases,
           (unsigned long long)sum.failures, sum.asks_most, sum.resize_asks_most);
    return failed == 0 && sum.survived != 0 ? 0 : 1;
}
