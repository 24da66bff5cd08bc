// SPDX-License-Identifier: MIT
// How many instructions the worst single call takes, of very many that were made to be bad (adversary.h).
//
//   regions_worst guess KIB SUBJECT CALLS TOP   of each kind the TOP calls that pass the most basic blocks
//   regions_worst count KIB SUBJECT CALLS       instructions of the calls whose numbers it reads
//
// SUBJECT: ours, runs (ours with zone_bytes_max 1), tlsf.
//
// To step through every instruction of a million calls takes hours. So this is built twice: once with the
// compiler's coverage hook in what is measured, which counts basic blocks at nearly full speed and names the
// candidates; and once as it is, where the very same calls are made again and the candidates are run one
// instruction at a time, by the processor's trap flag. Regions lie at the same alignment in both, so all that
// happens in them is the same. Bytes that are set or copied by a repeated string instruction count as one.
#define _GNU_SOURCE
#include "tests/regions/adversary.h"
#include "tests/regions/subject.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { CHUNKS_MAX = 60000, CANDIDATES_MAX = 1000, CALLS_MAX = 16000, SEED = 1 };

#define REGION_ALIGN ((size_t)64 << 20)

static const char *const verbs[ADVERSARY_VERB_COUNT] = {"alloc", "aligned", "free", "resize"};

// ---- counting -------------------------------------------------------------------------------------------

static uint64_t block_count;

void __sanitizer_cov_trace_pc(void);

// Called by what was compiled with -fsanitize-coverage=trace-pc, in every basic block.
void __sanitizer_cov_trace_pc(void)
{
    block_count++;
}

static volatile uint64_t step_count;
static uintptr_t last_step;

static void on_step(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    uintptr_t at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    // A repeated string instruction traps again and again where it is.
    step_count += at != last_step;
    last_step = at;
}

static inline void set_trap_flag(void)
{
    // Below the red zone.
    __asm__ volatile("lea -128(%%rsp), %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static inline void clear_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n pushfq\n andq $~0x100, (%%rsp)\n popfq\n"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

// ---- calls ----------------------------------------------------------------------------------------------

struct answer {
    void *ptr;
    bool resized;
};

static inline struct answer make(const struct subject *subject, void *context,
                                 const struct adversary_call *call)
{
    struct answer answer = {.ptr = NULL};
    switch (call->verb) {
    case ADVERSARY_ALLOC: answer.ptr = subject->alloc(context, call->bytes); break;
    case ADVERSARY_ALIGNED:
        answer.ptr = subject->alloc_aligned(context, call->align, call->bytes);
        break;
    case ADVERSARY_RESIZE: answer.resized = subject->resize(context, call->ptr, call->bytes); break;
    default: subject->free(context, call->ptr); break;
    }
    return answer;
}

// The same, one instruction at a time.
static __attribute__((noinline)) struct answer make_stepping(const struct subject *subject,
                                                             void *context,
                                                             const struct adversary_call *call)
{
    step_count = 0;
    last_step = 0;
    set_trap_flag();
    struct answer answer = make(subject, context, call);
    clear_trap_flag();
    return answer;
}

// What the way to a call and back takes: the same call of a subject that does nothing.
static uint64_t way_of(enum adversary_verb verb)
{
    struct adversary_call call = {.verb = verb, .align = 16};
    make_stepping(&subject_none, &call, &call);
    return step_count;
}

static struct sigaction stepping_action(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = on_step;
    return action;
}

static void *begin(const struct subject *subject, size_t bytes)
{
    size_t whole = (bytes + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
    void *region = aligned_alloc(REGION_ALIGN, whole);
    void *context = NULL;
    if (region != NULL) {
        memset(region, 0xA5, bytes);
        context = subject->open(region, bytes);
    }
    if (context == NULL) {
        fprintf(stderr, "regions_worst: no memory, or no such region\n");
        exit(1);
    }
    return context;
}

// ---- the two passes -------------------------------------------------------------------------------------

struct candidate {
    uint64_t cost;
    size_t number;
};

// Keeps the costliest: `list` is ordered, the costliest first.
static void enter(struct candidate *list, size_t *count, size_t top, struct candidate candidate)
{
    if (*count == top && list[top - 1].cost >= candidate.cost) {
        return;
    }
    size_t at = *count < top ? (*count)++ : top - 1;
    for (; at != 0 && list[at - 1].cost < candidate.cost; at--) {
        list[at] = list[at - 1];
    }
    list[at] = candidate;
}

static bool is_refused(const struct adversary_call *call, struct answer answer)
{
    switch (call->verb) {
    case ADVERSARY_FREE: return false;
    case ADVERSARY_RESIZE: return !answer.resized;
    default: return answer.ptr == NULL;
    }
}

static void guess(const struct subject *subject, size_t bytes, size_t calls, size_t top)
{
    static struct candidate lists[2 * ADVERSARY_VERB_COUNT][CANDIDATES_MAX]; // done, refused
    size_t counts[2 * ADVERSARY_VERB_COUNT] = {0};
    void *context = begin(subject, bytes);
    struct adversary adversary = adversary_new(bytes, CHUNKS_MAX, SEED);
    for (size_t number = 0; number < calls; number++) {
        struct adversary_call call = adversary_next(&adversary);
        block_count = 0;
        struct answer answer = make(subject, context, &call);
        size_t list = 2 * (size_t)call.verb + is_refused(&call, answer);
        enter(lists[list], &counts[list], top < CANDIDATES_MAX ? top : CANDIDATES_MAX,
              (struct candidate){block_count, number});
        adversary_answer(&adversary, &call, answer.ptr, answer.resized);
    }
    adversary_delete(&adversary);
    for (size_t list = 0; list < 2 * ADVERSARY_VERB_COUNT; list++) {
        for (size_t at = 0; at < counts[list]; at++) {
            printf("%zu %s%s %llu\n", lists[list][at].number, verbs[list / 2],
                   list % 2 != 0 ? "-refused" : "", (unsigned long long)lists[list][at].cost);
        }
    }
}

static int compare_numbers(const void *left, const void *right)
{
    size_t first = *(const size_t *)left;
    size_t second = *(const size_t *)right;
    return (first > second) - (first < second);
}

static void count(const struct subject *subject, size_t bytes, size_t calls)
{
    static size_t numbers[CALLS_MAX];
    size_t number_count = 0;
    while (number_count < CALLS_MAX && scanf("%zu", &numbers[number_count]) == 1) {
        number_count++;
    }
    qsort(numbers, number_count, sizeof(*numbers), compare_numbers);
    struct sigaction action = stepping_action();
    sigaction(SIGTRAP, &action, NULL);
    uint64_t ways[ADVERSARY_VERB_COUNT];
    for (unsigned verb = 0; verb < ADVERSARY_VERB_COUNT; verb++) {
        ways[verb] = way_of((enum adversary_verb)verb);
    }
    void *context = begin(subject, bytes);
    struct adversary adversary = adversary_new(bytes, CHUNKS_MAX, SEED);
    size_t next = 0;
    for (size_t number = 0; number < calls && next < number_count; number++) {
        struct adversary_call call = adversary_next(&adversary);
        bool is_candidate = numbers[next] == number;
        struct answer answer =
            is_candidate ? make_stepping(subject, context, &call) : make(subject, context, &call);
        if (is_candidate) {
            printf("%s%s %llu\n", verbs[call.verb], is_refused(&call, answer) ? "-refused" : "",
                   (unsigned long long)(step_count - ways[call.verb]));
            while (next < number_count && numbers[next] == number) {
                next++;
            }
        }
        adversary_answer(&adversary, &call, answer.ptr, answer.resized);
    }
    adversary_delete(&adversary);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: see the top of regions_worst.c\n");
        return 2;
    }
    size_t bytes = (size_t)strtoull(argv[2], NULL, 10) << 10;
    const struct subject *subject =
        strcmp(argv[3], subject_tlsf.name) == 0 ? &subject_tlsf : &subject_ours;
    if (strcmp(argv[3], "runs") == 0) {
        subject_options.zone_bytes_max = 1; // no zones: every chunk is a run
    }
    size_t calls = (size_t)strtoull(argv[4], NULL, 10);
    if (strcmp(argv[1], "guess") == 0 && argc == 6) {
        guess(subject, bytes, calls, (size_t)strtoull(argv[5], NULL, 10));
    } else {
        count(subject, bytes, calls);
    }
    return 0;
}
