// SPDX-License-Identifier: MIT
// Measures the core and its yardstick on a region. It prints numbers, for regions.py to make tables of.
//
//   regions traces                               the names of the traces
//   regions fill KIB TRACE SEEDS [UNIT ZONE STACK]
//                                                for each seed: ours, tlsf, in 1/10000 of the region
//   regions time KIB TRACE ROUNDS SECONDS        for each round: ours, tlsf, in ns; then each one's slowest
//                                                single call in ns, and how many calls each refused
//   regions rounds N KIB TRACE SUBJECT           N times the trace, for callgrind
//   regions calls KIB TRACE                      how many calls one time has
#include "tests/regions/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPS_MIN = 20000, OPS_MAX = 600000, FILL_OPS_MAX = 3000000, REPLAYS = 7 };

#define REGION_ALIGN ((size_t)2 << 20)

struct stand {
    const struct subject *subject;
    void *region;
    void *context;
    void **slots;
};

static void *or_die(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "regions: no memory, or no such region\n");
        exit(1);
    }
    return memory;
}

static void *region_of(size_t bytes)
{
    size_t whole = (bytes + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
    void *region = or_die(aligned_alloc(REGION_ALIGN, whole));
    memset(region, 0xA5, whole); // its pages are there, and nothing in it is zero
    return region;
}

static struct stand stand_for(const struct subject *subject, size_t bytes,
                              const struct trace *trace)
{
    struct stand stand = {.subject = subject, .region = region_of(bytes)};
    stand.context = or_die(subject->open(stand.region, bytes));
    stand.slots = or_die(calloc(trace->slot_count, sizeof(void *)));
    return stand;
}

static void stand_free(struct stand *stand)
{
    free(stand->region);
    free(stand->slots);
}

static enum trace_kind kind_named(const char *name)
{
    for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        if (strcmp(trace_name(kind), name) == 0) {
            return kind;
        }
    }
    fprintf(stderr, "regions: no trace is named %s\n", name);
    exit(2);
}

// More calls on a larger region, but not a thousand times more.
static struct trace steady_trace(size_t bytes, const char *name)
{
    size_t calls = bytes / 64 < OPS_MIN ? OPS_MIN : bytes / 64;
    calls = calls > OPS_MAX ? OPS_MAX : calls;
    return trace_make(kind_named(name), TRACE_STEADY, bytes, calls, 1);
}

// ---- how far one gets -----------------------------------------------------------------------------------

static void print_fill(size_t bytes, const char *name, unsigned seeds)
{
    const struct subject *subjects[2] = {&subject_ours, &subject_tlsf};
    for (unsigned seed = 1; seed <= seeds; seed++) {
        struct trace trace = trace_make(kind_named(name), TRACE_FILL, bytes, FILL_OPS_MAX, seed);
        for (unsigned at = 0; at < 2; at++) {
            struct stand stand = stand_for(subjects[at], bytes, &trace);
            size_t op_count;
            size_t live =
                subject_fill(stand.subject, stand.context, &trace, stand.slots, &op_count);
            if (op_count == trace.count) {
                fprintf(stderr, "regions: the trace has ended before the region was full\n");
                exit(1);
            }
            printf("%llu%c", (unsigned long long)live * 10000 / bytes, at == 0 ? ' ' : '\n');
            stand_free(&stand);
        }
        trace_free(&trace);
    }
}

// ---- how long it takes ------------------------------------------------------------------------------------

// CPU time of this process: what others do on the machine in between does not count.
static double ns_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double ns_per_call(struct stand *stand, const struct trace *trace, double seconds)
{
    double start = ns_now();
    double elapsed = 0;
    size_t calls = 0;
    while (elapsed < seconds * 1e9) {
        subject_follow(stand->subject, stand->context, trace, stand->slots, 0, trace->count);
        calls += trace->count;
        elapsed = ns_now() - start;
    }
    return elapsed / (double)calls;
}

static uint64_t ticks_now(void)
{
    return __builtin_ia32_rdtsc();
}

// The slowest call, of each the fastest of several replays: what else went on meanwhile does not count.
static double ns_of_slowest(struct stand *stand, const struct trace *trace)
{
    uint32_t *fastest = or_die(malloc(trace->count * sizeof(*fastest)));
    memset(fastest, 0xFF, trace->count * sizeof(*fastest));
    struct timespec begin;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    uint64_t first_tick = ticks_now();
    for (unsigned replay = 0; replay < REPLAYS; replay++) {
        for (size_t at = 0; at < trace->count; at++) {
            uint64_t start = ticks_now();
            subject_follow(stand->subject, stand->context, trace, stand->slots, at, 1);
            uint64_t ticks = ticks_now() - start;
            fastest[at] = ticks < fastest[at] ? (uint32_t)ticks : fastest[at];
        }
    }
    uint64_t ticks = ticks_now() - first_tick;
    clock_gettime(CLOCK_MONOTONIC, &end);
    uint32_t slowest = 0;
    for (size_t at = 0; at < trace->count; at++) {
        slowest = fastest[at] > slowest ? fastest[at] : slowest;
    }
    free(fastest);
    double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    return (double)slowest * ns / (double)ticks;
}

static void print_time(size_t bytes, const char *name, unsigned rounds, double seconds)
{
    struct trace trace = steady_trace(bytes, name);
    struct stand stands[2] = {stand_for(&subject_ours, bytes, &trace),
                              stand_for(&subject_tlsf, bytes, &trace)};
    size_t refused[2];
    for (unsigned at = 0; at < 2; at++) {
        // Once to warm up: stacks have their depth then, and to see what is refused.
        refused[at] = subject_follow(stands[at].subject, stands[at].context, &trace,
                                     stands[at].slots, 0, trace.count);
    }
    for (unsigned round = 0; round < rounds; round++) {
        double ns[2];
        for (unsigned turn = 0; turn < 2; turn++) {
            unsigned at = (turn + round) & 1;
            ns[at] = ns_per_call(&stands[at], &trace, seconds);
        }
        printf("%.3f %.3f\n", ns[0], ns[1]);
    }
    printf("%.0f %.0f\n", ns_of_slowest(&stands[0], &trace), ns_of_slowest(&stands[1], &trace));
    printf("%zu %zu\n", refused[0], refused[1]);
    stand_free(&stands[0]);
    stand_free(&stands[1]);
    trace_free(&trace);
}

static void run_rounds(unsigned long rounds, size_t bytes, const char *name,
                       const char *subject_name)
{
    const struct subject *subjects[] = {&subject_ours, &subject_tlsf, &subject_none};
    struct trace trace = steady_trace(bytes, name);
    for (unsigned at = 0; at < 3; at++) {
        if (strcmp(subjects[at]->name, subject_name) == 0) {
            struct stand stand = stand_for(subjects[at], bytes, &trace);
            for (unsigned long round = 0; round < rounds; round++) {
                subject_follow(stand.subject, stand.context, &trace, stand.slots, 0, trace.count);
            }
            stand_free(&stand);
        }
    }
    trace_free(&trace);
}

static size_t kib(const char *word)
{
    return (size_t)strtoull(word, NULL, 10) << 10;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "traces") == 0) {
        for (enum trace_kind kind = 0; kind < TRACE_KIND_COUNT; kind++) {
            puts(trace_name(kind));
        }
        return 0;
    }
    if (strcmp(what, "fill") == 0 && argc >= 5) {
        if (argc == 8) {
            subject_options.unit_bytes = (size_t)strtoull(argv[5], NULL, 10);
            subject_options.zone_bytes_max = (size_t)strtoull(argv[6], NULL, 10);
            subject_options.stack_bytes_max = (size_t)strtoull(argv[7], NULL, 10);
        }
        print_fill(kib(argv[2]), argv[3], (unsigned)strtoul(argv[4], NULL, 10));
        return 0;
    }
    if (strcmp(what, "time") == 0 && argc == 6) {
        print_time(kib(argv[2]), argv[3], (unsigned)strtoul(argv[4], NULL, 10),
                   strtod(argv[5], NULL));
        return 0;
    }
    if (strcmp(what, "rounds") == 0 && argc == 6) {
        run_rounds(strtoul(argv[2], NULL, 10), kib(argv[3]), argv[4], argv[5]);
        return 0;
    }
    if (strcmp(what, "calls") == 0 && argc == 4) {
        struct trace trace = steady_trace(kib(argv[2]), argv[3]);
        printf("%zu\n", trace.count);
        trace_free(&trace);
        return 0;
    }
    fprintf(stderr, "usage: see the top of regions.c\n");
    return 2;
}
