// SPDX-License-Identifier: MIT
// What a program may do to an allocator all at once, for test_every_option.py: threads allocate while one of them forks, a
// signal comes again and again, and a library is loaded and unloaded. At its end it tells what it has seen, a word and a
// number in each line. It is content with what it is refused.
//
//   every_probe PLUGIN [fork] [double | foreign]    forks; ends with a free of that kind

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { THREAD_COUNT = 4, STEP_COUNT = 300, SLOT_COUNT = 20, LOAD_COUNT = 5, CHILD_COUNT = 3 };

static bool forks;
static const char *plugin;
static void *volatile kept[3];
static void *_Atomic exchange;
static atomic_uint refused_count;
static atomic_uint damaged_count;
static atomic_uint signal_count; // any thread may get one
static int child_statuses[CHILD_COUNT];
// Who forks while another thread is in the loader has a child whose loader is stuck: so not at the same time.
static pthread_mutex_t loader = PTHREAD_MUTEX_INITIALIZER;

static void on_alarm(int number)
{
    (void)number;
    atomic_fetch_add(&signal_count, 1);
}

struct slot {
    void *ptr;
    size_t bytes;
};

// Fills a slot with a new chunk, or with its old one in a new size.
static void renew(struct slot *slot, unsigned how, size_t bytes)
{
    void *ptr = NULL;
    switch (how) {
    case 0: ptr = realloc(slot->ptr, bytes); break;
    case 1:
        free(slot->ptr);
        slot->ptr = NULL;
        ptr = calloc(1, bytes);
        break;
    default:
        free(atomic_exchange(&exchange, slot->ptr));
        slot->ptr = NULL;
        ptr = malloc(bytes);
    }
    if (ptr == NULL) {
        atomic_fetch_add(&refused_count, 1);
        return;
    }
    pattern_fill(ptr, bytes, bytes);
    *slot = (struct slot){.ptr = ptr, .bytes = bytes};
}

static void churn(uint64_t seed, unsigned step_count)
{
    struct slot slots[SLOT_COUNT] = {{.ptr = NULL}};
    for (unsigned step = 0; step < step_count; step++) {
        struct slot *slot = &slots[random_below(&seed, SLOT_COUNT)];
        if (slot->ptr != NULL && !pattern_holds(slot->ptr, slot->bytes, slot->bytes)) {
            atomic_fetch_add(&damaged_count, 1);
        }
        unsigned how = (unsigned)random_below(&seed, 4);
        renew(slot, how, random_size(&seed) + 1);
    }
    for (size_t index = 0; index < SLOT_COUNT; index++) {
        free(slots[index].ptr);
    }
}

// A child that leaves one chunk.
static int be_child(void)
{
    exchange = NULL; // the parent's
    churn(77, 50);
    free(exchange);
    kept[0] = malloc(333);
    return damaged_count != 0 ? 98 : 0;
}

static void make_child(int *status)
{
    pthread_mutex_lock(&loader);
    pid_t child = fork();
    if (child == 0) {
        exit(be_child());
    }
    pthread_mutex_unlock(&loader);
    while (child > 0 && waitpid(child, status, 0) < 0 && errno == EINTR) {
    }
}

static void *work(void *argument)
{
    uint64_t number = (uintptr_t)argument;
    for (size_t child = 0; child < CHILD_COUNT; child++) {
        churn(number + 1, STEP_COUNT / CHILD_COUNT);
        if (number == 0 && forks) {
            make_child(&child_statuses[child]);
        }
    }
    return NULL;
}

static unsigned load_and_unload(void)
{
    unsigned count = 0;
    for (unsigned round = 0; round < LOAD_COUNT; round++) {
        pthread_mutex_lock(&loader);
        void *library = dlopen(plugin, RTLD_NOW);
        if (library != NULL) {
            count++;
            dlclose(library);
        }
        pthread_mutex_unlock(&loader);
        churn(round + 100, 20);
    }
    return count;
}

static void tell_children(void)
{
    for (size_t child = 0; child < CHILD_COUNT && forks; child++) {
        bool has_exited = WIFEXITED(child_statuses[child]);
        printf("child %d\n", has_exited ? WEXITSTATUS(child_statuses[child]) : 99);
    }
}

static void tell(unsigned load_count)
{
    struct ft_malloc_event event = {.order = 0};
    unsigned history_count = 0;
    unsigned stack_count = 0;
    while (ft_malloc_history_next(&event)) {
        history_count++;
    }
    for (size_t index = 0; index < 3; index++) {
        void *frame;
        stack_count += ft_malloc_stack(kept[index], &frame, 1) != 0;
    }
    unsigned char *fresh = malloc(10);
    printf("loads %u\nhistory %u\nstacks %u\n", load_count, history_count, stack_count);
    printf("refused %u\ndamaged %u\n", refused_count, damaged_count);
    printf("signalled %d\nmapped %zu\n", signal_count > 0, mallinfo2().hblks);
    printf("fill %d\n", fresh != NULL ? fresh[9] : -1);
    tell_children();
    fflush(stdout);
    free(fresh);
}

static void start_alarms(void)
{
    const struct itimerval often = {.it_interval = {0, 1000}, .it_value = {0, 1000}};
    const struct sigaction action = {.sa_handler = on_alarm}; // no SA_RESTART: writes are cut short
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

static void end_badly(const char *how)
{
    char on_stack[64] = "";
    void *ptr = strcmp(how, "double") == 0 ? malloc(100) : on_stack;
    if (ptr != on_stack) {
        free(launder(ptr));
    }
    free(launder(ptr));
}

int main(int argument_count, char **arguments)
{
    pthread_t threads[THREAD_COUNT];
    unsigned thread_count = 0;
    const char *last = argument_count > 2 ? arguments[argument_count - 1] : "";
    plugin = arguments[1];
    forks = argument_count > 2 && strcmp(arguments[2], "fork") == 0;
    start_alarms();
    while (thread_count < THREAD_COUNT && pthread_create(&threads[thread_count], NULL, work,
                                                         (void *)(uintptr_t)thread_count) == 0) {
        thread_count++;
    }
    if (thread_count == 0) {
        work(NULL);
    }
    unsigned load_count = load_and_unload();
    while (thread_count != 0) {
        pthread_join(threads[--thread_count], NULL);
    }
    free(exchange);
    kept[0] = malloc(208);
    kept[1] = calloc(10, 100);
    kept[2] = malloc(1 << 20);
    refused_count += (kept[0] == NULL) + (kept[1] == NULL) + (kept[2] == NULL);
    (void)!malloc(any_size(PTRDIFF_MAX / 2));
    tell(load_count);
    if (strcmp(last, "double") == 0 || strcmp(last, "foreign") == 0) {
        end_badly(last);
    }
    return 0;
}
