// SPDX-License-Identifier: MIT
// What is known of the calling thread's stack, of its registers and of what the process has mapped.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/platform/platform_test.h"

enum { PAGE = 4096 };

// ---- mappings -------------------------------------------------------------------------------------

static char list_path[64];

static void write_list(const char *text, size_t length)
{
    strcpy(list_path, "/tmp/ft_malloc_maps_XXXXXX");
    int file = mkstemp(list_path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, length), (ssize_t)length);
    close(file);
}

static size_t count_mappings(const char *text)
{
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    size_t count = 0;
    write_list(text, strlen(text));
    assert_true(platform_mappings_open(&mappings, list_path));
    while (platform_mappings_next(&mappings, &mapping)) {
        count++;
    }
    platform_mappings_close(&mappings);
    unlink(list_path);
    return count;
}

static void a_list_is_read_line_by_line(void **state)
{
    (void)state;
    static const char text[] =
        "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/dbus daemon (deleted)\n"
        "7ffe12-7fff0f rw-p 00000000 00:00 0 \n"
        "ffffffffff600000-ffffffffff601000 --xp 0000000a 00:00 0\n"
        "1000-2000 ---s abcdef0123456789 00:00 0                [stack]\n";
    static const struct platform_mapping wanted[] = {
        {.base = 0x400000,
         .end = 0x452000,
         .offset = 0x1000,
         .is_readable = true,
         .is_executable = true,
         .path = "/usr/bin/dbus daemon (deleted)",
         .path_bytes = 30},
        {.base = 0x7ffe12, .end = 0x7fff0f, .is_readable = true, .is_writable = true},
        {.base = 0xffffffffff600000,
         .end = 0xffffffffff601000,
         .offset = 10,
         .is_executable = true},
        {.base = 0x1000,
         .end = 0x2000,
         .offset = 0xabcdef0123456789,
         .path = "[stack]",
         .path_bytes = 7},
    };
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    write_list(text, sizeof(text) - 1);
    assert_true(platform_mappings_open(&mappings, list_path));
    for (size_t index = 0; index < 4; index++) {
        assert_true(platform_mappings_next(&mappings, &mapping));
        assert_int_equal(mapping.base, wanted[index].base);
        assert_int_equal(mapping.end, wanted[index].end);
        assert_true(mapping.offset == wanted[index].offset);
        assert_int_equal(mapping.is_readable, wanted[index].is_readable);
        assert_int_equal(mapping.is_writable, wanted[index].is_writable);
        assert_int_equal(mapping.is_executable, wanted[index].is_executable);
        assert_int_equal(mapping.is_shared, index == 3);
        assert_int_equal(mapping.path_bytes, wanted[index].path_bytes);
        if (mapping.path_bytes != 0) {
            assert_memory_equal(mapping.path, wanted[index].path, mapping.path_bytes);
        }
        assert_int_equal(mapping.line[mapping.line_bytes], '\n');
    }
    assert_false(platform_mappings_next(&mappings, &mapping));
    platform_mappings_close(&mappings);
    unlink(list_path);
}

static void what_is_no_line_ends_the_list(void **state)
{
    (void)state;
    static const char good[] = "1000-2000 rw-p 0 00:00 0\n";
    const char *const wrong[] = {"",
                                 "\n",
                                 "1000-2000 rw-p 0 00:00 0", // not ended
                                 "1000\n",
                                 "1000-2000\n",
                                 "1000-2000 rw-p\n",
                                 "1000-2000 rw-p 0\n",
                                 "-2000 rw-p 0 00:00 0\n",
                                 "1000- rw-p 0 00:00 0\n",
                                 "x000-2000 rw-p 0 00:00 0\n",
                                 "1G00-2000 rw-p 0 00:00 0\n",
                                 "1000-20001111222233334 rw-p 0 00:00 0\n",
                                 "1000-2000 rw-p  00:00 0\n"};
    for (size_t index = 0; index < sizeof(wrong) / sizeof(*wrong); index++) {
        char text[256];
        snprintf(text, sizeof(text), "%s%s", good, wrong[index]);
        assert_int_equal(count_mappings(text), 1);
    }
    assert_int_equal(count_mappings("1000-2000 rw-p 0 00:00\n"), 1);
    assert_false(platform_mappings_open(&(struct platform_mappings){.file = -1}, "/nowhere/maps"));
}

static void lines_are_read_however_they_meet_the_buffer(void **state)
{
    (void)state;
    static char text[200000];
    size_t length = 0;
    size_t count = 0;
    for (; length < 190000; count++) {
        length +=
            (size_t)sprintf(text + length, "%zx-%zx r--p 00000000 00:00 %zu %*s/%zu\n", count * 16,
                            count * 16 + 8, count, (int)(count * 37 % 4000), "", count);
    }
    assert_int_equal(count_mappings(text), count);
    memset(text, '1', 5000);
    strcpy(text + 5000, "\n1000-2000 rw-p 0 00:00 0\n");
    assert_int_equal(count_mappings(text), 0);
}

static void the_process_has_what_it_has_mapped(void **state)
{
    (void)state;
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    unsigned char *own = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has_own = false;
    bool has_code = false;
    uintptr_t before = 0;
    assert_true(platform_mappings_open(&mappings, NULL));
    while (platform_mappings_next(&mappings, &mapping)) {
        assert_true(mapping.base < mapping.end && mapping.base >= before);
        before = mapping.end;
        has_own =
            has_own || ((uintptr_t)own >= mapping.base && (uintptr_t)own < mapping.end &&
                        mapping.is_readable && !mapping.is_writable && !mapping.is_executable);
        uintptr_t code = (uintptr_t)the_process_has_what_it_has_mapped;
        has_code =
            has_code || (code >= mapping.base && code < mapping.end && mapping.is_executable &&
                         mapping.path_bytes > 1 && mapping.path[0] == '/');
    }
    platform_mappings_close(&mappings);
    assert_true(has_own && has_code);
    munmap(own, 2 * PAGE);
}

// ---- the stack ------------------------------------------------------------------------------------

static void *expect_stack(void *argument)
{
    unsigned char here;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    errno = 77;
    uintptr_t end = platform_stack_end(frame);
    bool is_good = errno == 77 && end > frame && platform_stack_end(frame - 64) == end &&
                   platform_stack_end(end) == 0 && platform_stack_end(end - 1) == end;
    // All of it can be read.
    unsigned sum = 0;
    for (uintptr_t at = frame; is_good && at < end; at += PAGE / 2) {
        is_good = platform_peek_surely(&here, (const void *)at, 1) == 1;
        sum += here;
    }
    (void)sum;
    static unsigned char elsewhere[16];
    is_good = is_good && platform_stack_end((uintptr_t)elsewhere) == 0;
    *(bool *)argument = is_good;
    return NULL;
}

static void each_thread_knows_its_stack(void **state)
{
    (void)state;
    bool is_good = false;
    expect_stack(&is_good);
    assert_true(is_good);
    for (size_t bytes = 64 << 10; bytes <= 16 << 20; bytes *= 4) {
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, bytes);
        is_good = false;
        assert_int_equal(pthread_create(&thread, &attributes, expect_stack, &is_good), 0);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attributes);
        assert_true(is_good);
    }
}

static volatile uintptr_t end_in_handler;

static void on_signal(int number)
{
    (void)number;
    end_in_handler = platform_stack_end((uintptr_t)__builtin_frame_address(0));
}

// A child's first thread, which asks first where it is not on its own stack.
static int ask_on_another_stack(void *argument)
{
    static _Alignas(PAGE) unsigned char other[256 << 10];
    (void)argument;
    const stack_t stack = {.ss_sp = other, .ss_size = sizeof(other)};
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    end_in_handler = 1;
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0 ||
        raise(SIGUSR1) != 0) {
        return 1;
    }
    return end_in_handler == 0 ? 0 : 2;
}

static void another_stack_is_not_known(void **state)
{
    (void)state;
    expect_in_child(ask_on_another_stack, NULL);
}

static void what_cannot_be_read_is_not_read(void **state)
{
    (void)state;
    unsigned char copy[64];
    unsigned char *pages =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(pages, 7, PAGE);
    mprotect(pages + PAGE, PAGE, PROT_NONE);
    errno = 77;
    assert_int_equal(platform_peek_surely(copy, pages + PAGE, 1), 0);
    assert_int_equal(platform_peek_surely(copy, (const void *)16, 1), 0);
    assert_int_equal(platform_peek_surely(copy, (const void *)(UINTPTR_MAX - 100), 64), 0);
    assert_int_equal(platform_peek_surely(copy, pages + PAGE - 64, 64), 64);
    assert_int_equal(copy[63], 7);
    assert_int_equal(platform_peek_surely(copy, pages + PAGE - 40, 64), 40);
    assert_int_equal(errno, 77);
    munmap(pages, 2 * PAGE);
}

static void the_registers_are_those_of_the_caller(void **state)
{
    (void)state;
    uintptr_t registers[PLATFORM_REGISTERS];
    bool is_known = platform_registers(registers);
#ifdef __x86_64__
    assert_true(is_known);
    uintptr_t code = (uintptr_t)the_registers_are_those_of_the_caller;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    assert_in_range(registers[0], code, code + 4096);
    assert_true(registers[1] <= (uintptr_t)registers && registers[1] + 4096 > (uintptr_t)registers);
    assert_int_equal(registers[2], frame); // which the builtin has made the frame pointer
#else
    (void)is_known;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read_line_by_line),
        cmocka_unit_test(what_is_no_line_ends_the_list),
        cmocka_unit_test(lines_are_read_however_they_meet_the_buffer),
        cmocka_unit_test(the_process_has_what_it_has_mapped),
        cmocka_unit_test(each_thread_knows_its_stack),
        cmocka_unit_test(another_stack_is_not_known),
        cmocka_unit_test(what_cannot_be_read_is_not_read),
        cmocka_unit_test(the_registers_are_those_of_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
