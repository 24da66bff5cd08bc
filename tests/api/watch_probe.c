// SPDX-License-Identifier: MIT
// Programs for test_watch.py, by name. Each says on standard output what it has done, where that is worth comparing.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { THREAD_COUNT = 4, STEP_COUNT = 3000, SLOT_COUNT = 50, EXCHANGE_COUNT = 16 };

static void *kept[8];

static int tell_one_of_each(void)
{
    void *chunk = malloc(112);
    chunk = realloc(launder(chunk), 100);
    chunk = realloc(launder(chunk), 5000);
    free(launder(chunk));
    chunk = calloc(3, 7);
    free(launder(chunk));
    chunk = aligned_alloc(256, 1000);
    free(launder(chunk));
    chunk = malloc(40000);
    chunk = realloc(launder(chunk), 0);
    errno = 77;
    chunk = malloc(any_size((size_t)-1));
    if (chunk != NULL || errno != ENOMEM) {
        return 1;
    }
    free(launder(chunk));
    errno = 77;
    chunk = malloc(10);
    free_sized(launder(chunk), 10);
    return errno == 77 ? 0 : 2;
}

static int leak_three(void)
{
    kept[0] = malloc(208);
    kept[1] = calloc(10, 100);
    kept[2] = malloc(1 << 20);
    kept[3] = malloc(16);
    free(launder(kept[3]));
    printf("%p %p %p\n", kept[0], kept[1], kept[2]);
    return 0;
}

static int keep_one(void)
{
    kept[0] = malloc(208);
    return 0;
}

static int keep_nothing(void)
{
    free(launder(malloc(208)));
    puts("through a buffer of standard output");
    return 0;
}

// What threads hand to each other.
static void *_Atomic exchange[EXCHANGE_COUNT];

static void *churn(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    void *slots[SLOT_COUNT] = {NULL};
    for (unsigned step = 0; step < STEP_COUNT; step++) {
        void **slot = &slots[random_below(&seed, SLOT_COUNT)];
        size_t bytes = random_size(&seed) + 1;
        switch (random_below(&seed, 5)) {
        case 0:
        case 1:
            free(*slot);
            *slot = malloc(bytes);
            break;
        case 2: *slot = realloc(*slot, bytes); break;
        case 3:
            free(*slot);
            *slot = calloc(1, bytes);
            break;
        default: *slot = atomic_exchange(&exchange[random_below(&seed, EXCHANGE_COUNT)], *slot);
        }
    }
    for (unsigned index = 0; index < SLOT_COUNT; index++) {
        free(slots[index]);
    }
    return NULL;
}

static int churn_in_threads(void)
{
    pthread_t threads[THREAD_COUNT];
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        if (pthread_create(&threads[index], NULL, churn, (void *)(index + 1)) != 0) {
            return 1;
        }
    }
    for (unsigned index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
    for (unsigned index = 0; index < EXCHANGE_COUNT; index++) {
        free(exchange[index]);
    }
    return 0;
}

// Children of a threaded process, each of which leaves one chunk.
static int fork_beside_threads(void)
{
    pthread_t thread;
    kept[0] = malloc(999);
    if (pthread_create(&thread, NULL, churn, (void *)7) != 0) {
        return 1;
    }
    for (unsigned count = 0; count < 20; count++) {
        pid_t child = fork();
        if (child == 0) {
            kept[1] = malloc(333);
            free(launder(malloc(20)));
            exit(0);
        }
        int status = -1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            return 2;
        }
    }
    pthread_join(thread, NULL);
    free(launder(kept[0]));
    return 0;
}

static volatile sig_atomic_t signal_count;

static void on_alarm(int number)
{
    (void)number;
    signal_count++;
}

static int churn_under_signals(void)
{
    const struct itimerval often = {.it_interval = {0, 200}, .it_value = {0, 200}};
    const struct sigaction action = {.sa_handler = on_alarm}; // no SA_RESTART: writes are cut short
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (signal_count < 20) {
        churn((void *)3);
    }
    const struct itimerval never = {.it_value = {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    for (unsigned index = 0; index < EXCHANGE_COUNT; index++) {
        free(exchange[index]);
    }
    return 0;
}

static int double_free(void)
{
    void *chunk = malloc(30);
    free(launder(chunk));
    free(launder(chunk));
    return realloc(launder(chunk), 50) == NULL ? 0 : 1;
}

// A pointer that comes again and again, is led into, and is no chunk's at last.
static int misuse_a_busy_pointer(void)
{
    char *chunk = malloc(48);
    for (unsigned count = 0; count < 10; count++) {
        free(launder(chunk));
        char *again = malloc(48 - count);
        if (again != chunk) {
            return 1;
        }
    }
    free(launder(chunk + 8));
    kept[0] = malloc(40);
    free(launder(chunk));
    free(launder(chunk));
    return 0;
}

// As programs do that take standard error's number for a file of theirs; an error is told of, and memory is refused.
static int have_data_for_errors(void)
{
    close(STDERR_FILENO);
    if (open("data", O_RDWR | O_CREAT | O_APPEND, 0600) != STDERR_FILENO ||
        write(STDERR_FILENO, "data", 4) != 4) {
        return 1;
    }
    void *chunk = malloc(30);
    free(launder(chunk));
    free(launder(chunk));
    return malloc(any_size((size_t)-1)) == NULL ? 0 : 2;
}

// What is in a new chunk, in one that has grown, in a cleared one and in one that was freed.
static int tell_fill(void)
{
    unsigned char *chunk = malloc(100);
    unsigned new_byte = chunk[0];
    unsigned last_byte = chunk[99];
    memset(chunk, 5, 100);
    chunk = realloc(chunk, 3000);
    unsigned old_byte = chunk[99];
    unsigned grown_byte = chunk[2999];
    unsigned char *cleared = calloc(1, 64);
    unsigned cleared_byte = cleared[63];
    unsigned char *volatile freed = malloc(200);
    memset(freed, 5, 200);
    free(launder(freed));
    printf("%u %u %u %u %u %u\n", new_byte, last_byte, old_byte, grown_byte, cleared_byte,
           freed[100]);
    free(chunk);
    free(cleared);
    return 0;
}

// The last calls, as the heap is shown and as a program may ask for them.
static int show(void)
{
    kept[0] = malloc(208);
    kept[1] = calloc(5, 5);
    kept[1] = realloc(kept[1], 600);
    free(launder(kept[0]));
    show_alloc_mem_ex();
    struct ft_malloc_event event = {.order = 0};
    while (ft_malloc_history_next(&event)) {
        fprintf(stderr, "%llu %u %d %zu %zu %d\n", (unsigned long long)event.order, event.thread,
                (int)event.kind, event.held, event.bytes, event.is_misuse);
    }
    return 0;
}

static int call_thousands(void)
{
    for (size_t bytes = 1; bytes <= 30000; bytes++) {
        kept[0] = malloc(bytes);
    }
    return 0;
}

static int close_everything(void)
{
    for (int descriptor = 0; descriptor < 1024; descriptor++) {
        close(descriptor);
    }
    call_thousands();
    kept[0] = malloc(208);
    return 0;
}

// As those do that begin by closing what they may have been left.
static int close_but_three(void)
{
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        close(descriptor);
    }
    kept[0] = malloc(208);
    return 0;
}

// Which descriptors there are, of those that scripts name.
static int tell_descriptors(void)
{
    for (int descriptor = 0; descriptor < 1000; descriptor++) {
        if (fcntl(descriptor, F_GETFD) != -1) {
            printf("%d\n", descriptor);
        }
    }
    return 0;
}

enum { LOST_COUNT = 100, CHAIN_COUNT = 100 };

// A chain that begins at a variable, each link leading into the middle of the next one.
static void *volatile chain;
static void *volatile into_large;

static void make_chain(void)
{
    void **link = NULL;
    for (unsigned index = 0; index < CHAIN_COUNT; index++) {
        void **next = malloc(500);
        next[0] = link != NULL ? link + index % 60 : NULL;
        link = next;
    }
    chain = link;
}

// Chunks in pairs that know each other, and that nobody else knows.
static void lose(void)
{
    for (unsigned index = 0; index < LOST_COUNT / 2; index++) {
        void **one = malloc(300);
        void **other = malloc(300);
        memset(one, 0, 300);
        memset(other, 0, 300);
        *one = other;
        *other = one;
    }
}

static pthread_mutex_t held_back = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_waiting;

static _Thread_local void *volatile of_this_thread;

static void *hold_on_stack(void *argument)
{
    void *volatile mine = malloc(7777);
    of_this_thread = malloc(9999);
    is_waiting = true;
    pthread_mutex_lock(&held_back);
    free(mine);
    return argument;
}

// A page that is sealed, with the only pointer to a chunk.
static bool seal(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void **sealed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sealed == MAP_FAILED) {
        return false;
    }
    sealed[7] = malloc(8888);
    return mprotect(sealed, page, PROT_READ) == 0;
}

// What a program can still reach at its end, and what not.
static int reach_and_lose(void)
{
    pthread_t thread;
    make_chain();
    lose();
    void **large = malloc(300 << 20); // a mapping
    large[1000] = malloc(6666);
    into_large = (char *)large + 5;
    pthread_mutex_lock(&held_back);
    if (!seal() || pthread_create(&thread, NULL, hold_on_stack, NULL) != 0) {
        return 1;
    }
    while (!is_waiting) {
        usleep(1000);
    }
    return 0;
}

static void *call_a_little(void *argument)
{
    (void)argument;
    for (unsigned count = 0; count < 100; count++) {
        free(launder(malloc(777)));
    }
    return NULL;
}

// One after another and a few at a time.
static int call_in_many_threads(void)
{
    enum { ROUND_COUNT = 10, AT_ONCE = 4 };
    for (unsigned count = 0; count < ROUND_COUNT; count++) {
        pthread_t threads[AT_ONCE];
        for (unsigned index = 0; index < AT_ONCE; index++) {
            if (pthread_create(&threads[index], NULL, call_a_little, NULL) != 0) {
                return 1;
            }
        }
        for (unsigned index = 0; index < AT_ONCE; index++) {
            pthread_join(threads[index], NULL);
        }
    }
    return 0;
}

enum { PATH_BITS = 16 };

static void *walk_by_one(unsigned number, unsigned bit);
static void *walk_by_other(unsigned number, unsigned bit);

// Not known to the compiler, so that each has a frame.
static void *(*volatile const walks[])(unsigned, unsigned) = {walk_by_one, walk_by_other};

// Comes to an allocation by a way of its own for each number, which its bits tell.
static void *walk(unsigned number, unsigned bit)
{
    return bit == PATH_BITS ? malloc(number + 1) : walks[number >> bit & 1](number, bit + 1);
}

static void *walk_by_one(unsigned number, unsigned bit)
{
    void *volatile chunk = walk(number, bit);
    return chunk;
}

static void *walk_by_other(unsigned number, unsigned bit)
{
    void *volatile chunk = walk(number, bit);
    signal_count = 0;
    return chunk;
}

static int walk_many_ways(void)
{
    for (unsigned number = 0; number < 1U << PATH_BITS; number++) {
        free(walk(number, 0));
    }
    return 0;
}

static int be_killed(void)
{
    call_thousands();
    kill(getpid(), SIGKILL);
    return 1;
}

// Loads the library that a variable names, which allocates, and is killed.
static int load_and_be_killed(void)
{
    call_thousands();
    if (dlopen(getenv("PROBE_PLUGIN"), RTLD_NOW) == NULL) {
        return 1;
    }
    kill(getpid(), SIGKILL);
    return 1;
}

static const struct {
    const char *name;
    int (*run)(void);
} programs[] = {
    {"each", tell_one_of_each},
    {"three", leak_three},
    {"one", keep_one},
    {"nothing", keep_nothing},
    {"threads", churn_in_threads},
    {"fork", fork_beside_threads},
    {"signals", churn_under_signals},
    {"double", double_free},
    {"data", have_data_for_errors},
    {"busy", misuse_a_busy_pointer},
    {"fill", tell_fill},
    {"close", close_everything},
    {"rest", close_but_three},
    {"descriptors", tell_descriptors},
    {"show", show},
    {"reach", reach_and_lose},
    {"many", call_in_many_threads},
    {"thousands", call_thousands},
    {"ways", walk_many_ways},
    {"kill", be_killed},
    {"load", load_and_be_killed},
};

int main(int argument_count, char **arguments)
{
    for (size_t index = 0; index < sizeof(programs) / sizeof(programs[0]); index++) {
        if (argument_count == 2 && strcmp(arguments[1], programs[index].name) == 0) {
            return programs[index].run();
        }
    }
    return 99;
}
