// SPDX-License-Identifier: MIT
// A program of nothing but libft_core.a, on Linux without a C library: the tour, and what it found, in
// words. Its start, its end and its output are system calls.
#include "../tour.h"

static unsigned char memory[TOUR_BYTES];

#if defined(__x86_64__)
enum { CALL_WRITE = 1, CALL_EXIT = 231 };
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  and $-16, %rsp\n  call start\n");

static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { CALL_WRITE = 64, CALL_EXIT = 94 };
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  b start\n");

static long call(long number, long first, long second, long third)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#elif defined(__i386__)
enum { CALL_WRITE = 4, CALL_EXIT = 252 };
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  and $-16, %esp\n  call start\n");

static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(second), "d"(third)
                     : "memory");
    return result;
}
#else
#error "no system calls for this machine"
#endif

static void write_text(void *context, const char *text, size_t bytes)
{
    (void)context;
    (void)call(CALL_WRITE, 1, (long)(uintptr_t)text, (long)bytes);
}

static void write_number(size_t number)
{
    char digits[24];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    write_text(NULL, digits + first, sizeof(digits) - first);
}

static void say(const char *words, size_t number)
{
    size_t length = 0;
    while (words[length] != '\0') {
        length++;
    }
    write_text(NULL, words, length);
    write_number(number);
    write_text(NULL, "\n", 1);
}

static void show_two_chunks(void)
{
    struct ft_core *core = ft_core_create(memory, sizeof(memory), NULL);
    struct ft_core_heap heap;
    if (core != NULL && ft_core_open(&heap, core, NULL)) {
        (void)ft_core_alloc(&heap, 42);
        (void)ft_core_alloc(&heap, 4242);
        ft_core_report(&heap, write_text, NULL);
    }
}

__attribute__((noreturn, used)) void start(void);

void start(void)
{
    int line = tour(memory, sizeof(memory));
    struct ft_core_figures figures = tour_figures();
    show_two_chunks();
    say("region: ", figures.region_bytes);
    say("of it metadata: ", figures.metadata_bytes);
    say("smallest region: ", ft_core_bytes_min());
    say(line == 0 ? "the tour is over, line " : "the tour ended early, at line ", (size_t)line);
    for (;;) {
        (void)call(CALL_EXIT, line != 0, 0, 0);
    }
}
