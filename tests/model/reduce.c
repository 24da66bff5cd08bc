// SPDX-License-Identifier: MIT
#include "tests/model/reduce.h"

#include "tests/model/case.h"
#include "tests/model/watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPT_SECONDS = 20 };

static struct model *model; // made once; the children play on copies

static struct model *model_here(void)
{
    if (model == NULL) {
        model = malloc(sizeof(*model));
        if (model == NULL) {
            abort();
        }
        model_init(model);
    }
    return model;
}

// In a child: what it says is not for people.
static void be_silent(void)
{
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) {
        dup2(nowhere, STDERR_FILENO);
        dup2(nowhere, STDOUT_FILENO);
    }
    watch_begin(model);
    watch_seconds(ATTEMPT_SECONDS);
}

static bool has_failed(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        abort();
    }
    return status != 0;
}

bool reduce_fails(const struct setup *setup, const struct op_list *list)
{
    model_here();
    pid_t child = fork();
    if (child == 0) {
        struct case_totals totals = {0};
        be_silent();
        case_replay(model, setup, list->ops, list->count, &totals);
        _exit(0);
    }
    return has_failed(child);
}

bool reduce_record(const struct setup *setup, struct op_list *list)
{
    model_here();
    size_t bytes = sizeof(struct case_record) + setup->steps * sizeof(struct op);
    struct case_record *record = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (record == MAP_FAILED) {
        abort();
    }
    record->room = setup->steps;
    pid_t child = fork();
    if (child == 0) {
        struct case_totals totals = {0};
        be_silent();
        case_play(model, setup, record, &totals);
        _exit(0);
    }
    bool failed = has_failed(child);
    list->count = 0;
    for (size_t index = 0; failed && index < record->count; index++) {
        op_list_add(list, record->ops[index]);
    }
    munmap(record, bytes);
    return failed;
}

struct reduction {
    struct setup setup;
    struct op_list list;
    struct op_list scratch;
    unsigned tries;
    double end;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool has_time(const struct reduction *reduction)
{
    return seconds_now() < reduction->end;
}

// Leaves `count` operations from `first` on out, if the list then still fails.
static bool leave_out(struct reduction *reduction, size_t first, size_t count)
{
    struct op_list *list = &reduction->list;
    struct op_list *scratch = &reduction->scratch;
    scratch->count = 0;
    for (size_t index = 0; index < list->count; index++) {
        if (index < first || index >= first + count) {
            op_list_add(scratch, list->ops[index]);
        }
    }
    reduction->tries++;
    if (!reduce_fails(&reduction->setup, scratch)) {
        return false;
    }
    struct op_list old = *list;
    *list = *scratch;
    *scratch = old;
    return true;
}

// From the end on, where less depends on what is left out.
static bool leave_out_parts(struct reduction *reduction, size_t count)
{
    bool shorter = false;
    size_t end = reduction->list.count;
    while (end != 0 && has_time(reduction)) {
        size_t first = end > count ? end - count : 0;
        shorter = leave_out(reduction, first, end - first) || shorter;
        end = first;
    }
    return shorter;
}

static void shorten(struct reduction *reduction)
{
    size_t count = (reduction->list.count + 1) / 2;
    while (count != 0 && has_time(reduction)) {
        bool shorter = leave_out_parts(reduction, count);
        if (!shorter || count > 1) {
            count /= 2;
        }
    }
}

// Puts another number in place of *value, if the list then still fails.
static bool put(struct reduction *reduction, uint64_t *value, uint64_t other)
{
    uint64_t old = *value;
    if (old == other || !has_time(reduction)) {
        return false;
    }
    *value = other;
    reduction->tries++;
    if (reduce_fails(&reduction->setup, &reduction->list)) {
        return true;
    }
    *value = old;
    return false;
}

// The smallest number by halving; then by taking steps off.
static bool lower(struct reduction *reduction, uint64_t *value)
{
    if (*value == 0 || put(reduction, value, 0)) {
        return *value != 0;
    }
    bool lowered = false;
    while (*value > 1 && put(reduction, value, *value / 2)) {
        lowered = true;
    }
    for (uint64_t step = *value / 4; step != 0; step /= 4) {
        while (*value > step && put(reduction, value, *value - step)) {
            lowered = true;
        }
    }
    return lowered;
}

static bool lower_op(struct reduction *reduction, size_t index)
{
    struct op *op = &reduction->list.ops[index];
    uint64_t kind = op->kind;
    struct op plain = *op;
    bool lowered = false;
    if (kind == OP_ZEROED || kind == OP_ALIGNED || kind == OP_FREE_SIZED) {
        plain.kind = kind == OP_FREE_SIZED ? OP_FREE : OP_ALLOC;
        plain.more = 0;
        struct op old = *op;
        *op = plain;
        reduction->tries++;
        lowered = reduce_fails(&reduction->setup, &reduction->list);
        if (!lowered) {
            *op = old;
        }
    }
    lowered = lower(reduction, &op->bytes) || lowered;
    return (op->kind != OP_ALIGNED && lower(reduction, &op->more)) || lowered;
}

static bool lower_numbers(struct reduction *reduction)
{
    struct setup *setup = &reduction->setup;
    uint64_t *const fields[] = {
        &setup->extra_bytes,     &setup->phase,      &setup->dirt,
        &setup->zone_bytes_max,  &setup->unit_bytes, &setup->is_zero,
        &setup->stack_bytes_max, &setup->refusals,   &setup->commits,
        &setup->region_bytes,    &setup->parcels,    &setup->no_heap_every,
    };
    bool lowered = false;
    for (unsigned index = 0; index < sizeof(fields) / sizeof(fields[0]); index++) {
        lowered = lower(reduction, fields[index]) || lowered;
    }
    while (setup->heaps > 1 && put(reduction, &setup->heaps, setup->heaps - 1)) {
        lowered = true;
    }
    if (setup->heaps == 1) {
        lowered = put(reduction, &setup->locked, 0) || lowered;
    }
    for (size_t index = 0; index < reduction->list.count; index++) {
        lowered = lower_op(reduction, index) || lowered;
    }
    return lowered;
}

unsigned reduce(struct setup *setup, struct op_list *list, double seconds)
{
    struct reduction reduction = {
        .setup = *setup,
        .list = *list,
        .end = seconds_now() + seconds,
    };
    do {
        shorten(&reduction);
    } while (has_time(&reduction) && lower_numbers(&reduction));
    *setup = reduction.setup;
    *list = reduction.list;
    free(reduction.scratch.ops);
    return reduction.tries;
}
