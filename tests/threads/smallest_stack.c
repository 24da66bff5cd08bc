// SPDX-License-Identifier: MIT
// Every entry point on the smallest stack that a thread may have; and how much stack the calls take at
// most, on a stack that was painted: 2 KiB, but for the report on the heap and the line on a misuse.
//
// Stacks are taken to grow downwards. The process starts itself again with every symbol bound, for
// the loader's own work at a first call takes stack as well.

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/threads/block.h"

enum {
    STACK_BYTES = 256 << 10,
    PAINT = 0xA7,
    OWN_FRAME_BYTES = 160, // of the function that paints; it stays unpainted
    CALL_BYTES_MAX = 2048,
    STEP_COUNT = 20000,
    PLACE_COUNT = 2000,
};

static void *places[PLACE_COUNT];
static void *others[PLACE_COUNT];
static volatile unsigned char *stack;
static uint64_t seed = 17;

// ---- what is called: none of these keeps anything large on the stack -----------------------------------

static void first_calls(void)
{
    free(malloc(40));
}

static void tiny_calls(void)
{
    for (size_t step = 0; step < STEP_COUNT; step++) {
        void **place = &places[random_below(&seed, PLACE_COUNT)];
        free(*place);
        *place = malloc(random_below(&seed, 1025));
    }
}

static void calls_of_all_sizes(void)
{
    for (size_t step = 0; step < STEP_COUNT; step++) {
        void **place = &places[random_below(&seed, PLACE_COUNT)];
        size_t bytes = random_size(&seed);
        switch (random_below(&seed, 6)) {
        case 0: *place = realloc(*place, bytes + 1); break;
        case 1:
            free(*place);
            *place = calloc(1, bytes / 16);
            break;
        case 2:
            free(*place);
            *place = aligned_alloc((size_t)16 << random_below(&seed, 14), bytes);
            break;
        default: free(*place); *place = malloc(bytes);
        }
    }
}

static void huge_calls(void)
{
    for (size_t step = 0; step < 10; step++) {
        void *ptr = malloc(any_size((size_t)300 << 20));
        ptr = realloc(ptr, (size_t)280 << 20);
        free(ptr);
        free(aligned_alloc((size_t)1 << 20, (size_t)300 << 20));
    }
    free(malloc(any_size(PTRDIFF_MAX)));
    free(malloc(any_size(SIZE_MAX)));
}

static void rare_calls(void)
{
    void *ptr = NULL;
    (void)!posix_memalign(&ptr, 256, 1000);
    free_aligned_sized(ptr, 256, 1000);
    ptr = reallocarray(NULL, 10, 100);
    kit_require(malloc_usable_size(ptr) >= 1000 && malloc_size(ptr) >= 1000, "a chunk lacks bytes");
    ptr = reallocf(ptr, 5000);
    (void)reallocarr(&ptr, 100, 200);
    ptr = recallocarray(ptr, 100, 300, 200);
    freezero(ptr, 60000);
    free_sized(malloc(malloc_good_size(1000)), malloc_good_size(1000));
    free(memalign(64, 64));
    free(valloc(100));
    free(pvalloc(100));
    (void)memalignment(places);
}

static void frees_of_others(void)
{
    for (size_t index = 0; index < PLACE_COUNT; index++) {
        free(others[index]);
        others[index] = NULL;
    }
}

static void frees_of_all(void)
{
    for (size_t index = 0; index < PLACE_COUNT; index++) {
        free(places[index]);
        places[index] = NULL;
    }
}

// The option misuse=warn is set.
static void misused_calls(void)
{
    char *ptr = malloc(100);
    free(launder(ptr + 16));
    free(launder(places));
    free(ptr);
    free(launder(ptr));
    (void)!realloc(launder(ptr), 10);
}

static void shows(void)
{
    show_alloc_mem();
}

// ---- how deep it goes ----------------------------------------------------------------------------------

static __attribute__((noinline)) size_t depth_of(void (*function)(void))
{
    volatile unsigned char *here = __builtin_frame_address(0);
    volatile unsigned char *at;
    for (at = stack; at < here - OWN_FRAME_BYTES; at++) {
        *at = PAINT;
    }
    function();
    for (at = stack; *at == PAINT; at++) {
    }
    return (size_t)(here - at);
}

struct call {
    const char *name;
    void (*function)(void);
    size_t bytes_max; // 0: none
    size_t depth;
};

static struct call calls[] = {
    {.name = "a thread's first", .function = first_calls, .bytes_max = CALL_BYTES_MAX},
    {.name = "tiny", .function = tiny_calls, .bytes_max = CALL_BYTES_MAX},
    {.name = "all sizes", .function = calls_of_all_sizes, .bytes_max = CALL_BYTES_MAX},
    {.name = "what others own", .function = frees_of_others, .bytes_max = CALL_BYTES_MAX},
    {.name = "after others freed", .function = calls_of_all_sizes, .bytes_max = CALL_BYTES_MAX},
    {.name = "free of everything", .function = frees_of_all, .bytes_max = CALL_BYTES_MAX},
    {.name = "huge", .function = huge_calls, .bytes_max = CALL_BYTES_MAX},
    {.name = "rare", .function = rare_calls, .bytes_max = CALL_BYTES_MAX},
    {.name = "show_alloc_mem", .function = shows},
    {.name = "misuse", .function = misused_calls},
};

enum { CALL_COUNT = sizeof calls / sizeof *calls };

static void *free_every_second(void *argument)
{
    (void)argument;
    for (size_t index = 0; index < PLACE_COUNT; index += 2) {
        free(places[index]);
        places[index] = NULL;
    }
    return NULL;
}

static void *measure(void *argument)
{
    (void)argument;
    for (size_t index = 0; index < CALL_COUNT; index++) {
        if (calls[index].function == frees_of_others) {
            kit_join(kit_start(free_every_second, NULL, 0));
        }
        calls[index].depth = depth_of(calls[index].function);
    }
    return NULL;
}

static void *call_all(void *argument)
{
    (void)argument;
    for (size_t index = 0; index < CALL_COUNT; index++) {
        calls[index].function();
    }
    return NULL;
}

static void make_others(void)
{
    for (size_t index = 0; index < PLACE_COUNT; index++) {
        others[index] = malloc(random_size(&seed) / 8);
    }
}

static void measure_on_own_stack(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *base =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    kit_require(base != MAP_FAILED, "no stack");
    stack = base;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, base, STACK_BYTES);
    kit_require(pthread_create(&thread, &attributes, measure, NULL) == 0, "no thread");
    kit_join(thread);
}

// Until it is put back, standard output and standard errors go nowhere.
static void exchange_output(int saved[2])
{
    fflush(NULL);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (int index = 0; index < 2; index++) {
        saved[index] = dup(index + 1);
        dup2(nowhere, index + 1);
    }
    close(nowhere);
}

static void restore_output(const int saved[2])
{
    for (int index = 0; index < 2; index++) {
        dup2(saved[index], index + 1);
    }
}

int main(int argc, char *argv[])
{
    (void)argc;
    if (getenv("LD_BIND_NOW") == NULL) {
        setenv("LD_BIND_NOW", "1", 1);
        setenv("FT_MALLOC_MISUSE", "warn", 1);
        execv("/proc/self/exe", argv);
        kit_require(false, "the program cannot start itself again");
    }
    int saved[2];
    make_others();
    exchange_output(saved);
    measure_on_own_stack();
    make_others();
    kit_join(kit_start(call_all, NULL, (size_t)PTHREAD_STACK_MIN));
    restore_output(saved);
    for (size_t index = 0; index < CALL_COUNT; index++) {
        printf("%-20s %6zu bytes of stack\n", calls[index].name, calls[index].depth);
    }
    for (size_t index = 0; index < CALL_COUNT; index++) {
        kit_require(calls[index].bytes_max == 0 || calls[index].depth <= calls[index].bytes_max,
                    "%s: calls take %zu bytes of stack, %zu at most", calls[index].name,
                    calls[index].depth, calls[index].bytes_max);
    }
    return 0;
}
