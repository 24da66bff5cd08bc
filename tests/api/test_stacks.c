// SPDX-License-Identifier: MIT
// Call stacks of chunks and calls, in a program that keeps frame pointers: what is told is what was called, on every
// stack that a thread can be on, and whatever is in the register that is to be the frame pointer.

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

enum { FRAMES_MAX = 80, DEPTH = 5, STACK_BYTES = 256 << 10, THREAD_COUNT = 4 };

#ifdef __SANITIZE_THREAD__
enum { OURS_MAX = 8 }; // nothing is called as the last thing there
#else
enum { OURS_MAX = 3 };
#endif

const char *ft_malloc_options = "stacks=all,history=64";

#define NOINLINE __attribute__((noinline))

// Where each call in a chain goes on, the innermost first; of the calling thread.
static _Thread_local void *codes[FRAMES_MAX];

// Calls itself until it is `depth` calls deep, and allocates there.
NOINLINE static void *dig(unsigned depth, size_t bytes)
{
    codes[depth] = __builtin_return_address(0);
    void *volatile ptr = depth == 0 ? malloc(bytes) : dig(depth - 1, bytes);
    return ptr;
}

// Where a function goes on that the program has called us from, or called what called us: 1, or a little more if a function
// of ours has called another for the program. 0 if it is not there.
static size_t place_of(void *const *frames, size_t count, const void *code)
{
    for (size_t index = 1; index < count && index <= OURS_MAX; index++) {
        if (frames[index] == code) {
            return index;
        }
    }
    return 0;
}

// Whether a chunk's stack is that of dig(DEPTH).
static bool is_dug(const void *ptr)
{
    void *frames[FRAMES_MAX];
    size_t count = ft_malloc_stack(ptr, frames, FRAMES_MAX);
    size_t first = place_of(frames, count, codes[0]);
    return first != 0 && count > first + DEPTH &&
           memcmp(frames + first, codes, (DEPTH + 1) * sizeof(*frames)) == 0;
}

static void a_chunk_has_the_stack_of_its_allocation(void **state)
{
    (void)state;
    void *ptr = dig(DEPTH, 100);
    assert_true(is_dug(ptr));
    void *frames[FRAMES_MAX];
    void *some[FRAMES_MAX];
    size_t count = ft_malloc_stack(ptr, frames, FRAMES_MAX);
    for (size_t max = 0; max < count; max++) {
        assert_int_equal(ft_malloc_stack(ptr, some, max), max);
        assert_memory_equal(some, frames, max * sizeof(*frames));
    }
    free(ptr);
}

static void what_is_no_chunk_in_use_has_none(void **state)
{
    (void)state;
    void *frames[FRAMES_MAX];
    char *ptr = dig(DEPTH, 100);
    assert_int_equal(ft_malloc_stack(NULL, frames, FRAMES_MAX), 0);
    assert_int_equal(ft_malloc_stack(frames, frames, FRAMES_MAX), 0);
    assert_int_equal(ft_malloc_stack(ptr + 16, frames, FRAMES_MAX), 0);
    free(ptr);
    assert_int_equal(ft_malloc_stack(launder(ptr), frames, FRAMES_MAX), 0);
}

// The same of a chunk's stack, for a function that has noted in codes[0] where it goes on.
static size_t caller_place(const void *ptr)
{
    void *frames[FRAMES_MAX];
    size_t count = ft_malloc_stack(ptr, frames, FRAMES_MAX);
    return place_of(frames, count, codes[0]);
}

NOINLINE static void *call_realloc(void *ptr, size_t bytes)
{
    codes[0] = __builtin_return_address(0);
    void *volatile moved = realloc(ptr, bytes);
    return moved;
}

static void a_chunk_that_is_resized_has_the_stack_of_that(void **state)
{
    (void)state;
    const size_t sizes[] = {90, 5000, 100000, 1000000, 200};
    void *ptr = dig(DEPTH, 100);
    for (size_t index = 0; index < sizeof(sizes) / sizeof(*sizes); index++) {
        ptr = call_realloc(ptr, sizes[index]);
        assert_int_not_equal(caller_place(ptr), 0);
    }
    free(ptr);
}

NOINLINE static void *call_entry(unsigned which)
{
    codes[0] = __builtin_return_address(0);
    void *volatile ptr = NULL;
    void *target = NULL;
    switch (which) {
    case 0: ptr = malloc(10); break;
    case 1: ptr = calloc(10, 10); break;
    case 2: ptr = realloc(NULL, 10); break;
    case 3: ptr = aligned_alloc(256, 10); break;
    case 4: ptr = posix_memalign(&target, 64, 10) == 0 ? target : NULL; break;
    case 5: ptr = memalign(64, 10); break;
    case 6: ptr = valloc(10); break;
    case 7: ptr = pvalloc(10); break;
    case 8: ptr = reallocarray(NULL, 10, 10); break;
    case 9: ptr = malloc(100000); break;
    case 10: ptr = reallocf(NULL, 10); break;
    case 11: ptr = recallocarray(NULL, 0, 3, 5); break;
    case 12: ptr = reallocarr(&target, 3, 5) == 0 ? target : NULL; break;
    default: break;
    }
    return ptr;
}

static void every_way_to_allocate_is_seen_from_its_caller(void **state)
{
    (void)state;
    unsigned which = 0;
    void *ptr;
    for (; (ptr = call_entry(which)) != NULL; which++) {
        if (caller_place(ptr) == 0) {
            fail_msg("entry %u: its caller is not there", which);
        }
        free(ptr);
    }
    assert_int_equal(which, 13);
}

static void deep_stacks_are_cut_at_their_outer_end(void **state)
{
    (void)state;
    void *frames[FRAMES_MAX];
    void *ptr = dig(FRAMES_MAX - 1, 10);
    assert_int_equal(ft_malloc_stack(ptr, frames, FRAMES_MAX), 64);
    size_t first = place_of(frames, 64, codes[0]);
    assert_int_not_equal(first, 0);
    assert_memory_equal(frames + first, codes, (64 - first) * sizeof(*frames));
    free(ptr);
}

static void calls_that_are_the_same_have_one_number(void **state)
{
    (void)state;
    void *frames[FRAMES_MAX];
    struct ft_malloc_event event = {.order = 0};
    while (ft_malloc_history_next(&event)) {
        assert_int_not_equal(event.stack, 0);
        assert_true(ft_malloc_stack_frames(event.stack, frames, FRAMES_MAX) > 0);
    }
    const uint64_t last = event.order;
    static const volatile unsigned depths[] = {2, 2, 1};
    for (volatile size_t index = 0; index < 3; index++) {
        free(dig(depths[index], 10));
    }
    uint32_t numbers[3] = {0};
    size_t found = 0;
    event.order = last;
    while (ft_malloc_history_next(&event)) {
        if (event.kind == FT_MALLOC_EVENT_MALLOC && found < 3) {
            numbers[found++] = event.stack;
        }
    }
    assert_int_equal(found, 3);
    assert_int_not_equal(numbers[0], 0);
    assert_int_equal(numbers[0], numbers[1]);
    assert_int_not_equal(numbers[0], numbers[2]);
    assert_int_equal(ft_malloc_stack_frames(0, NULL, 5), 0);
}

static atomic_uint failure_count;

// Keeps chunks from two places, and looks now and then whether each still has the stack of its own.
static void *dig_in_thread(void *argument)
{
    enum { KEPT = 40 };
    void *kept[2][KEPT] = {{NULL}};
    void *frames[FRAMES_MAX];
    size_t depth[2] = {DEPTH, DEPTH + 3};
    (void)argument;
    for (unsigned step = 0; step < 4000; step++) {
        unsigned way = step % 2;
        unsigned slot = step * 7 / 3 % KEPT;
        void *old = kept[way][slot];
        if (old != NULL) {
            size_t count = ft_malloc_stack(old, frames, FRAMES_MAX);
            // The chain is told by its length: the same function calls itself.
            size_t first = place_of(frames, count, codes[0]);
            size_t same = 1;
            while (first + same < count && frames[first + same] == frames[first]) {
                same++;
            }
            failure_count += first == 0 || same != depth[way];
            free(old);
        }
        kept[way][slot] = dig((unsigned)depth[way], 20 + step % 300);
    }
    for (unsigned slot = 0; slot < KEPT; slot++) {
        free(kept[0][slot]);
        free(kept[1][slot]);
    }
    return NULL;
}

static void threads_have_stacks_of_their_own(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, dig_in_thread, NULL), 0);
    }
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
    assert_int_equal(failure_count, 0);
}

// ---- other stacks ---------------------------------------------------------------------------------

static volatile bool was_dug; // whatever a compiler thinks that raise() leaves alone
static unsigned char *other_stack;

static int map_stack(void **state)
{
    (void)state;
    other_stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    was_dug = false;
    return other_stack != MAP_FAILED ? 0 : 1;
}

static int unmap_stack(void **state)
{
    (void)state;
    return munmap(other_stack, STACK_BYTES);
}

static void dig_here(void)
{
    void *ptr = dig(DEPTH, 64);
    was_dug = is_dug(ptr);
    free(ptr);
}

static void on_signal(int number)
{
    (void)number;
    dig_here();
}

// The signal comes while the thread is known to be in none of our functions.
static void raise_on(int flags)
{
    const stack_t stack = {.ss_sp = other_stack, .ss_size = STACK_BYTES};
    const stack_t none = {.ss_flags = SS_DISABLE};
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    struct sigaction before;
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, &before);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    sigaltstack(&none, NULL);
}

static void a_handler_of_a_signal_has_a_stack(void **state)
{
    (void)state;
    raise_on(0);
    assert_true(was_dug);
    was_dug = false;
    raise_on(SA_ONSTACK);
    assert_true(was_dug);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HAS_CONTEXTS 1
#else
#define HAS_CONTEXTS 0 // the sanitizers want to be told of them
#endif

static ucontext_t outside;
static ucontext_t inside;

static void *switch_and_dig(void *argument)
{
    (void)argument;
    for (unsigned round = 0; round < 20; round++) {
        void *volatile ptr = malloc(10); // on the thread's own stack, too
        free(ptr);
        getcontext(&inside);
        inside.uc_stack.ss_sp = other_stack;
        inside.uc_stack.ss_size = STACK_BYTES;
        inside.uc_link = &outside;
        makecontext(&inside, dig_here, 0);
        swapcontext(&outside, &inside);
    }
    return NULL;
}

static void a_coroutine_has_a_stack(void **state)
{
    (void)state;
    if (!HAS_CONTEXTS) {
        return;
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, switch_and_dig, NULL), 0);
    pthread_join(thread, NULL);
    assert_true(was_dug);
    was_dug = false;
    switch_and_dig(NULL);
    assert_true(was_dug);
}

// ---- what is no frame pointer ---------------------------------------------------------------------

#if defined(__x86_64__) && defined(__linux__)
// Calls malloc(bytes) with anything in the frame pointer.
void *malloc_with(size_t bytes, uintptr_t frame_pointer);
__asm__(".text\n"
        ".globl malloc_with\n"
        ".type malloc_with, @function\n"
        "malloc_with:\n"
        "    push %rbp\n"
        "    mov %rsi, %rbp\n"
        "    call *malloc_here(%rip)\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size malloc_with, . - malloc_with\n");
#else
static void *malloc_with(size_t bytes, uintptr_t frame_pointer)
{
    (void)frame_pointer;
    return malloc(bytes);
}
#endif
void *(*malloc_here)(size_t) __attribute__((used)) = malloc;

static void *try_frame_pointers(void *argument)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t page = (uintptr_t)argument;
    const uintptr_t values[] = {0,
                                1,
                                15,
                                16,
                                4096,
                                here,
                                here - 16,
                                here - 4096,
                                here + 8,
                                here + 64,
                                here + 4096,
                                here + (1 << 20),
                                here + (64 << 20),
                                page,
                                page - 16,
                                page + 4096 - 16,
                                (uintptr_t)&failure_count,
                                (uintptr_t)malloc_with & ~(uintptr_t)15,
                                UINTPTR_MAX,
                                UINTPTR_MAX & ~(uintptr_t)15,
                                (uintptr_t)1 << 47,
                                ((uintptr_t)1 << 47) - 16};
    for (size_t index = 0; index < sizeof(values) / sizeof(*values); index++) {
        for (unsigned step = 0; step < 5; step++) {
            void *frames[FRAMES_MAX];
            void *ptr = malloc_with(64, values[index] + step * 16);
            size_t count = ft_malloc_stack(ptr, frames, FRAMES_MAX);
            failure_count += count < 1 || count > 64;
            free(ptr);
        }
    }
    return NULL;
}

static void *closed_page;

static void try_frame_pointers_here(void)
{
    try_frame_pointers(closed_page);
}

static void whatever_is_in_the_frame_pointer_nothing_is_read_that_cannot_be(void **state)
{
    (void)state;
    closed_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    failure_count = 0;
    try_frame_pointers(closed_page);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, try_frame_pointers, closed_page), 0);
    pthread_join(thread, NULL);
    if (HAS_CONTEXTS) {
        getcontext(&inside);
        inside.uc_stack.ss_sp = other_stack;
        inside.uc_stack.ss_size = STACK_BYTES;
        inside.uc_link = &outside;
        makecontext(&inside, try_frame_pointers_here, 0);
        swapcontext(&outside, &inside);
    }
    assert_int_equal(failure_count, 0);
    munmap(closed_page, 4096);
}

#ifndef __SANITIZE_THREAD__
static void *fork_and_dig(void *argument)
{
    (void)argument;
    pid_t child = fork();
    if (child == 0) {
        void *ptr = dig(DEPTH, 10);
        _exit(is_dug(ptr) ? 0 : 1);
    }
    int status = -1;
    failure_count += waitpid(child, &status, 0) != child || status != 0;
    return NULL;
}

static void a_forked_child_has_its_stacks(void **state)
{
    (void)state;
    failure_count = 0;
    pthread_t churner;
    assert_int_equal(pthread_create(&churner, NULL, dig_in_thread, NULL), 0);
    for (unsigned count = 0; count < 10; count++) {
        fork_and_dig(NULL);
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fork_and_dig, NULL), 0);
    pthread_join(thread, NULL);
    pthread_join(churner, NULL);
    assert_int_equal(failure_count, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_has_the_stack_of_its_allocation),
        cmocka_unit_test(what_is_no_chunk_in_use_has_none),
        cmocka_unit_test(a_chunk_that_is_resized_has_the_stack_of_that),
        cmocka_unit_test(every_way_to_allocate_is_seen_from_its_caller),
        cmocka_unit_test(deep_stacks_are_cut_at_their_outer_end),
        cmocka_unit_test(calls_that_are_the_same_have_one_number),
        cmocka_unit_test(threads_have_stacks_of_their_own),
        cmocka_unit_test_setup_teardown(a_handler_of_a_signal_has_a_stack, map_stack, unmap_stack),
        cmocka_unit_test_setup_teardown(a_coroutine_has_a_stack, map_stack, unmap_stack),
        cmocka_unit_test_setup_teardown(
            whatever_is_in_the_frame_pointer_nothing_is_read_that_cannot_be, map_stack,
            unmap_stack),
#ifndef __SANITIZE_THREAD__
        cmocka_unit_test(a_forked_child_has_its_stacks),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
