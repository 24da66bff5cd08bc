// SPDX-License-Identifier: MIT
// Random operations on the core, each answer held against a simple model. See the usage below.
#include "tests/model/case.h"
#include "tests/model/reduce.h"
#include "tests/model/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "test_model [--subject core|wide] [--seed S] [--steps N] [--seconds T] [--region BYTES]\n"
    "    plays the cases of seeds S, S + 1, … until N steps were played, or T seconds have "
    "passed.\n"
    "    A failure names its seed and step; --seed and --steps play it again.\n"
    "test_model … --reduce FILE\n"
    "    has the operations of the first failure made few, printed, and written to a file\n"
    "test_model --record FILE --seed S [--steps N]\n"
    "    writes the operations of a case\n"
    "test_model --replay FILE [--reduce FILE]\n"
    "    plays what a file holds\n"
    "The exit status is 1 if anything was found.\n";

enum { CASE_SECONDS = 120, REDUCE_SECONDS = 60 };

#ifdef FT_SHORT
enum { STEPS = 300000 };
#else
enum { STEPS = 1000000 };
#endif

struct options {
    uint64_t subject;
    uint64_t seed;
    uint64_t steps;
    uint64_t region_bytes;
    uint64_t seconds;
    uint64_t lie;
    const char *record;
    const char *replay;
    const char *reduce;
};

// What the player tells its parent, in memory that both see.
struct progress {
    struct case_totals totals;
    struct setup setup; // of the case being played
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct setup setup_of_options(const struct options *options, uint64_t seed, uint64_t steps)
{
    struct setup setup =
        setup_of_seed(seed, (enum setup_subject)options->subject, options->region_bytes);
    setup.lie = options->lie;
    setup.steps = steps < setup.steps ? steps : setup.steps;
    return setup;
}

// In a child: case after case.
static void play_cases(const struct options *options, struct progress *progress)
{
    static struct model model;
    model_init(&model);
    watch_begin(&model);
    double end = seconds_now() + (double)options->seconds;
    const uint64_t *steps = &progress->totals.operations;
    for (uint64_t seed = options->seed; *steps < options->steps; seed++) {
        if (options->seconds != 0 && seconds_now() > end) {
            break;
        }
        progress->setup = setup_of_options(options, seed, options->steps - *steps);
        watch_seconds(CASE_SECONDS);
        case_play(&model, &progress->setup, NULL, &progress->totals);
    }
    watch_seconds(0);
}

static void print_list(const struct setup *setup, const struct op_list *list)
{
    setup_print(stdout, setup);
    for (size_t index = 0; index < list->count; index++) {
        char text[OP_TEXT_BYTES];
        op_print(&list->ops[index], text);
        printf("%s\n", text);
    }
    fflush(stdout);
}

static void reduce_list(struct setup *setup, struct op_list *list, const char *path)
{
    size_t count = list->count;
    unsigned tries = reduce(setup, list, REDUCE_SECONDS);
    printf("reduced from %zu operations to %zu by %u attempts:\n", count, list->count, tries);
    print_list(setup, list);
    if (setup_save(path, setup, list)) {
        printf("again: test_model --replay %s\n", path);
    }
}

static int play(const struct options *options)
{
    struct progress *progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED) {
        return 2;
    }
    double start = seconds_now();
    pid_t child = fork();
    if (child == 0) {
        play_cases(options, progress);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return 2;
    }
    double seconds = seconds_now() - start;
    const struct case_totals *totals = &progress->totals;
    printf("%" PRIu64 " operations in %" PRIu64 " cases (%" PRIu64 " regions too small), %" PRIu64
           " refused, %" PRIu64 " misuses, %" PRIu64 " audits, %.1f s, %.2f million/s\n",
           totals->operations, totals->cases, totals->too_small, totals->refused, totals->misuses,
           totals->audits, seconds, (double)totals->operations / 1e6 / seconds);
    if (status == 0) {
        return 0;
    }
    printf("FAILED: test_model --subject %s --seed %" PRIu64 " --steps %" PRIu64,
           options->subject == SUBJECT_WIDE ? "wide" : "core", progress->setup.seed,
           progress->setup.steps);
    if (options->region_bytes != 0) {
        printf(" --region %" PRIu64, options->region_bytes);
    }
    printf("\n");
    fflush(stdout);
    struct op_list list = {0};
    if (options->reduce != NULL && reduce_record(&progress->setup, &list)) {
        reduce_list(&progress->setup, &list, options->reduce);
    }
    return 1;
}

static int replay(const struct options *options)
{
    struct setup setup;
    struct op_list list = {0};
    if (!setup_load(options->replay, &setup, &list)) {
        return 2;
    }
    if (options->reduce != NULL && reduce_fails(&setup, &list)) {
        reduce_list(&setup, &list, options->reduce);
    }
    static struct model model;
    struct case_totals totals = {0};
    model_init(&model);
    watch_begin(&model);
    watch_seconds(CASE_SECONDS);
    case_replay(&model, &setup, list.ops, list.count, &totals);
    printf("%" PRIu64 " operations, nothing found\n", totals.operations);
    return 0;
}

static int record(const struct options *options)
{
    struct setup setup = setup_of_options(options, options->seed, options->steps);
    struct case_record *noted = calloc(1, sizeof(*noted) + setup.steps * sizeof(struct op));
    static struct model model;
    struct case_totals totals = {0};
    if (noted == NULL) {
        return 2;
    }
    noted->room = setup.steps;
    model_init(&model);
    watch_begin(&model);
    case_play(&model, &setup, noted, &totals);
    struct op_list list = {.ops = noted->ops, .count = noted->count, .room = noted->room};
    return setup_save(options->record, &setup, &list) ? 0 : 2;
}

static bool parse_option(const char *name, const char *value, struct options *options)
{
    const struct {
        const char *name;
        uint64_t *number;
        const char **text;
    } known[] = {
        {"--seed", &options->seed, NULL},
        {"--steps", &options->steps, NULL},
        {"--region", &options->region_bytes, NULL},
        {"--seconds", &options->seconds, NULL},
        {"--lie", &options->lie, NULL},
        {"--record", NULL, &options->record},
        {"--replay", NULL, &options->replay},
        {"--reduce", NULL, &options->reduce},
    };
    if (strcmp(name, "--subject") == 0) {
        options->subject = strcmp(value, "wide") == 0 ? SUBJECT_WIDE : SUBJECT_CORE;
        return strcmp(value, "wide") == 0 || strcmp(value, "core") == 0;
    }
    for (unsigned index = 0; index < sizeof(known) / sizeof(known[0]); index++) {
        if (strcmp(name, known[index].name) != 0) {
            continue;
        }
        if (known[index].text != NULL) {
            *known[index].text = value;
            return true;
        }
        char *end;
        *known[index].number = strtoull(value, &end, 0);
        return *end == '\0' && end != value;
    }
    return false;
}

int main(int count, char **arguments)
{
    struct options options = {.seed = 1, .steps = STEPS};
    for (int index = 1; index < count; index += 2) {
        if (index + 1 >= count || !parse_option(arguments[index], arguments[index + 1], &options)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (options.lie != 0) {
        options.subject = SUBJECT_LYING;
    }
    return options.replay != NULL   ? replay(&options)
           : options.record != NULL ? record(&options)
                                    : play(&options);
}
