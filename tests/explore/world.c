// SPDX-License-Identifier: MIT
#include "tests/explore/world.h"

#include "tests/explore/race.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

enum {
    STACK_BYTES = 8 << 10,
    SIGNAL_STACK_BYTES = 64 << 10,
    WORD_BYTES = sizeof(uint64_t),
    STEP_SECONDS_MAX = 3, // of a processor; a step takes microseconds
};

struct fiber {
    jmp_buf context;     // where it goes on
    unsigned char *live; // its stack is in use from here
    struct explore_access next;
    bool has_ended;
};

// What is saved as it is; memory and stacks are saved as far as they are in use.
static struct {
    struct fiber fibers[EXPLORE_FIBERS_MAX];
    uint64_t lock_holder; // a fiber, or WORLD_NOBODY
    struct race_state races;
} head;
static _Alignas(4096) unsigned char memory[EXPLORE_MEMORY_MAX];
static _Alignas(4096) unsigned char stacks[EXPLORE_FIBERS_MAX][STACK_BYTES];

// What is not part of the world: it is the same in all of them, or matters only within a step.
static const struct explore_scenario *scenario;
static unsigned fiber_count;
static unsigned running = WORLD_NOBODY;
static jmp_buf explorer;
static volatile sig_atomic_t seconds; // that the present step has taken
static char failure[256];
static struct world_race race; // if that is the failure

void explore_fail(const char *format, ...)
{
    if (failure[0] != '\0') {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
}

const char *world_failure(void)
{
    return failure[0] != '\0' ? failure : NULL;
}

const void *world_memory(void)
{
    return memory;
}

const void *explore_plan(void)
{
    return scenario->plan;
}

unsigned explore_self(void)
{
    return running;
}

// ---- what stops by a signal ---------------------------------------------------------------------

// A trap of the code under test, in a fiber, the set-up or the verdict.
static void on_signal(int number)
{
    explore_fail("it stops by signal %d", number);
    _longjmp(explorer, 1);
}

// A second of the processor has gone by. What has no access to stop at may never end.
static void on_second(int number)
{
    (void)number;
    if (++seconds >= STEP_SECONDS_MAX) {
        seconds = 0;
        explore_fail("it does not end");
        _longjmp(explorer, 1);
    }
}

// The handlers leave by a jump, so that nothing may be blocked while it runs.
static void catch_signals(void)
{
    static unsigned char signal_stack[SIGNAL_STACK_BYTES];
    static const int numbers[] = {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    const stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    (void)sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
    (void)sigemptyset(&action.sa_mask);
    for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++) {
        (void)sigaction(numbers[index], &action, NULL);
    }
    action.sa_handler = on_second;
    (void)sigaction(SIGPROF, &action, NULL);
    const struct itimerval timer = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
    (void)setitimer(ITIMER_PROF, &timer, NULL);
}

// ---- fibers -------------------------------------------------------------------------------------

static unsigned char *stack_end(unsigned fiber)
{
    return stacks[fiber] + STACK_BYTES;
}

// An address at or below all that the caller's frame holds.
__attribute__((noinline)) static unsigned char *lowest_in_use(void)
{
    return __builtin_frame_address(0);
}

__attribute__((noinline)) static void pause_fiber(struct fiber *fiber)
{
    fiber->live = (unsigned char *)((uintptr_t)lowest_in_use() & ~(uintptr_t)(WORD_BYTES - 1));
    if (_setjmp(fiber->context) == 0) {
        _longjmp(explorer, 1);
    }
}

void explore_point(enum explore_kind kind, const volatile void *at, uint32_t bytes,
                   const void *code)
{
    if (running == WORLD_NOBODY) {
        return;
    }
    struct fiber *fiber = &head.fibers[running];
    fiber->next = (struct explore_access){.kind = kind, .bytes = bytes, .at = at, .code = code};
    pause_fiber(fiber);
}

// An address as races know it, or RACE_LOCK_PLACE if it is none of the scenario's memory.
static uint32_t place_of(const volatile void *at)
{
    uintptr_t start = (uintptr_t)at - (uintptr_t)memory;
    return start < scenario->memory_bytes ? (uint32_t)start : RACE_LOCK_PLACE;
}

void explore_done(const volatile void *at, bool has_read, bool has_written, int order)
{
    uint32_t place = place_of(at);
    if (running == WORLD_NOBODY || place == RACE_LOCK_PLACE) {
        return;
    }
    bool is_whole = order == memory_order_seq_cst || order == memory_order_acq_rel;
    if (has_read && (is_whole || order == memory_order_acquire || order == memory_order_consume)) {
        race_acquire(&head.races, running, place);
    }
    if (has_written && (is_whole || order == memory_order_release)) {
        race_release(&head.races, running, place, has_read);
    } else if (has_written && !has_read) {
        race_overwrite(&head.races, place);
    }
}

void explore_plain(const void *at, size_t bytes, bool is_write, const void *code)
{
    uint32_t start = place_of(at);
    if (running == WORLD_NOBODY || start == RACE_LOCK_PLACE) {
        return;
    }
    const struct race_range access = {
        .start = (uint16_t)start,
        .end = (uint16_t)(start + bytes),
        .is_write = is_write,
        .code = code,
    };
    unsigned other;
    const struct race_range *range = race_access(&head.races, running, &access, &other);
    if (range != NULL && world_failure() == NULL) {
        race = (struct world_race){.at = at, .codes = {range->code, code}};
        explore_fail("plain accesses of %s and %s race", scenario->fibers[other].name,
                     scenario->fibers[running].name);
    }
}

const struct world_race *world_race(void)
{
    return race.at != NULL ? &race : NULL;
}

void explore_lock(void)
{
    if (running != WORLD_NOBODY) {
        explore_point(EXPLORE_LOCK, &head.lock_holder, WORD_BYTES, __builtin_return_address(0));
        head.lock_holder = running;
        race_acquire(&head.races, running, RACE_LOCK_PLACE);
    }
}

void explore_unlock(void)
{
    if (running == WORLD_NOBODY) {
        return;
    }
    if (head.lock_holder != running) {
        explore_fail("a fiber lets go of the lock, and has not taken it");
    }
    head.lock_holder = WORLD_NOBODY;
    race_release(&head.races, running, RACE_LOCK_PLACE, true);
}

// What a fiber's stack begins with. Once it has ended there is nothing of it left but that.
static void fiber_main(void)
{
    unsigned self = running;
    scenario->fibers[self].run(memory);
    if (head.lock_holder == self) {
        explore_fail("a fiber ends, and holds the lock");
    }
    head.fibers[self] = (struct fiber){.live = stack_end(self), .has_ended = true};
    _longjmp(explorer, 1);
}

// What lies below a stack in use says nothing, and must not make a difference: it is zero from `from` on.
static void clear_below(unsigned fiber, unsigned char *from)
{
    if (from < head.fibers[fiber].live) {
        memset(from, 0, (size_t)(head.fibers[fiber].live - from));
    }
}

static void go_on(unsigned fiber)
{
    running = fiber;
    seconds = 0;
    if (_setjmp(explorer) == 0) {
        _longjmp(head.fibers[fiber].context, 1);
    }
    running = WORLD_NOBODY;
}

// The fiber goes as far as its first access.
static void start(unsigned fiber)
{
    static ucontext_t context;
    head.fibers[fiber] = (struct fiber){.live = stack_end(fiber)};
    (void)getcontext(&context);
    context.uc_stack.ss_sp = stacks[fiber];
    context.uc_stack.ss_size = STACK_BYTES;
    context.uc_link = NULL;
    makecontext(&context, fiber_main, 0);
    running = fiber;
    seconds = 0;
    if (_setjmp(explorer) == 0) {
        (void)setcontext(&context);
    }
    running = WORLD_NOBODY;
    clear_below(fiber, stacks[fiber]);
}

// ---- the world ----------------------------------------------------------------------------------

// Calls a function of the scenario, if it has one, outside of fibers.
static void call(void (*function)(void *memory))
{
    seconds = 0;
    if (function != NULL && _setjmp(explorer) == 0) {
        function(memory);
    }
}

// What races know, in the one form that tells worlds apart.
static void settle_races(void)
{
    unsigned is_over = 0;
    for (unsigned fiber = 0; fiber < fiber_count; fiber++) {
        is_over |= (unsigned)head.fibers[fiber].has_ended << fiber;
    }
    race_settle(&head.races, fiber_count, is_over);
}

void world_begin(const struct explore_scenario *of)
{
    scenario = of;
    failure[0] = '\0';
    race.at = NULL;
    memset(memory, 0, sizeof memory);
    memset(stacks, 0, sizeof stacks);
    memset(&head, 0, sizeof head);
    head.lock_holder = WORLD_NOBODY;
    if (scenario->memory_bytes > EXPLORE_MEMORY_MAX) {
        explore_fail("the scenario wants too much memory");
        return;
    }
    fiber_count = 0;
    catch_signals();
    call(scenario->set_up);
    while (fiber_count < EXPLORE_FIBERS_MAX && scenario->fibers[fiber_count].name != NULL) {
        fiber_count++;
        start(fiber_count - 1);
    }
    settle_races();
}

bool world_can_step(unsigned fiber)
{
    return fiber < fiber_count && !head.fibers[fiber].has_ended &&
           (head.fibers[fiber].next.kind != EXPLORE_LOCK || head.lock_holder == WORLD_NOBODY);
}

bool world_has_ended(void)
{
    unsigned ended = 0;
    while (ended < fiber_count && head.fibers[ended].has_ended) {
        ended++;
    }
    return ended == fiber_count;
}

struct explore_access world_next(unsigned fiber)
{
    return head.fibers[fiber].next;
}

void world_step(unsigned fiber)
{
    go_on(fiber);
    if (stacks[fiber][0] != 0) {
        explore_fail("a fiber's stack is too small");
    }
    clear_below(fiber, stacks[fiber]);
    settle_races();
}

void world_judge(void)
{
    if (world_has_ended()) {
        call(scenario->verdict);
        return;
    }
    unsigned fiber = 0;
    while (fiber < fiber_count && !world_can_step(fiber)) {
        fiber++;
    }
    if (fiber == fiber_count) {
        explore_fail("all fibers wait for the lock");
    }
}

// ---- what a world consists of -------------------------------------------------------------------

unsigned world_parts(struct world_part parts[WORLD_PARTS_MAX])
{
    unsigned count = 0;
    parts[count++] = (struct world_part){.start = (unsigned char *)&head, .bytes = sizeof head};
    parts[count++] = (struct world_part){.start = memory, .bytes = scenario->memory_bytes};
    for (unsigned fiber = 0; fiber < fiber_count; fiber++) {
        unsigned char *live = head.fibers[fiber].live;
        parts[count++] =
            (struct world_part){.start = live, .bytes = (size_t)(stack_end(fiber) - live)};
    }
    return count;
}

void world_restore(const unsigned char *saved)
{
    unsigned char *live[EXPLORE_FIBERS_MAX];
    for (unsigned fiber = 0; fiber < fiber_count; fiber++) {
        live[fiber] = head.fibers[fiber].live;
    }
    memcpy(&head, saved, sizeof head);
    struct world_part parts[WORLD_PARTS_MAX];
    unsigned count = world_parts(parts);
    for (unsigned index = 0; index < count; index++) {
        memcpy(parts[index].start, saved, parts[index].bytes);
        saved += parts[index].bytes;
    }
    for (unsigned fiber = 0; fiber < fiber_count; fiber++) {
        clear_below(fiber, live[fiber]);
    }
}
