// SPDX-License-Identifier: MIT
// show_alloc_mem_ex: without what it adds it is show_alloc_mem's text, and what it adds is so. Nothing that the test
// itself needs lies in the heap that is shown.

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { TEXT_BYTES = 32 << 20, BAR_COLUMNS = 40 };

static char text[TEXT_BYTES];  // what was shown last, as strings of lines
static char plain[TEXT_BYTES]; // the same without what is added
static size_t text_bytes;

static struct {
    const void *ptr;
    size_t offset;
    size_t bytes;
} window;

static void show_window(void)
{
    show_alloc_mem_ex_at(window.ptr, window.offset, window.bytes);
}

// What a function writes to standard output.
static void take(void (*show)(void))
{
    int file = memfd_create("show", MFD_CLOEXEC);
    int saved = dup(STDOUT_FILENO);
    assert_true(file >= 0 && saved >= 0);
    fflush(stdout);
    assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
    errno = 77;
    show();
    assert_int_equal(errno, 77);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ssize_t got = pread(file, text, TEXT_BYTES - 1, 0);
    assert_in_range(got, 1, TEXT_BYTES - 2);
    text_bytes = (size_t)got;
    text[text_bytes] = '\0';
    close(file);
}

// The next line of a text, ended by a zero byte; NULL at the end.
static char *next_line(char **at)
{
    char *line = *at;
    char *end = strchr(line, '\n');
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    *at = end + 1;
    return line;
}

// Whether a line is one of what a chunk holds: its address, in lower case.
static bool is_of_a_dump(const char *line)
{
    uintptr_t address;
    int length = 0;
    return sscanf(line, "0x%" SCNxPTR "%n", &address, &length) == 1 &&
           strncmp(line + length, "  ", 2) == 0;
}

// Takes a text apart: what show_alloc_mem tells into `plain`. The numbers of lines that were added.
struct added {
    size_t bars;
    size_t rows;
};

static struct added split(void)
{
    struct added added = {0, 0};
    char *at = text;
    char *end = plain;
    for (char *line; (line = next_line(&at)) != NULL;) {
        if (line[0] == '[') {
            added.bars++;
        } else if (line[0] == '*' || is_of_a_dump(line)) {
            added.rows++;
        } else {
            end += sprintf(end, "%s\n", line);
        }
    }
    *end = '\0';
    return added;
}

static void without_what_it_adds_it_is_show_alloc_mem(void **state)
{
    (void)state;
    static void *ptrs[500];
    uint64_t seed = 5;
    for (size_t index = 0; index < 500; index++) {
        size_t bytes = random_size(&seed);
        ptrs[index] = malloc(bytes);
        pattern_fill(ptrs[index], bytes, index);
    }
    for (size_t index = 0; index < 500; index += 3) {
        free(ptrs[index]);
        ptrs[index] = NULL;
    }
    take(show_alloc_mem_ex);
    struct added added = split();
    struct show_report report;
    assert_true(show_read(&report, plain, strlen(plain)));
    assert_int_equal(added.bars, report.zone_count);
    assert_true(added.rows > report.line_count);
    show_drop(&report);
    take(show_alloc_mem);
    assert_string_equal(text, plain);
    for (size_t index = 0; index < 500; index++) {
        free(ptrs[index]);
    }
}

// The bytes of a chunk as the lines below its own tell them.
static void expect_content(const unsigned char *ptr, size_t bytes)
{
    char head[128];
    snprintf(head, sizeof(head), "\n0x%" PRIXPTR " - 0x%" PRIXPTR " : %zu bytes\n", (uintptr_t)ptr,
             (uintptr_t)ptr + bytes, bytes);
    char *found = strstr(text, head);
    assert_non_null(found);
    char *at = found + strlen(head);
    for (size_t row = 0; row < bytes; row += 16) {
        char expected[128];
        char *end = expected + sprintf(expected, "0x%" PRIxPTR " ", (uintptr_t)ptr + row);
        size_t count = bytes - row < 16 ? bytes - row : 16;
        for (size_t index = 0; index < 16; index++) {
            end += sprintf(end, index == 8 ? "  " : " ");
            end += index < count ? sprintf(end, "%02x", ptr[row + index]) : sprintf(end, "  ");
        }
        end += sprintf(end, "  |");
        for (size_t index = 0; index < count; index++) {
            unsigned char letter = ptr[row + index];
            *end++ = letter >= 0x20 && letter < 0x7F ? (char)letter : '.';
        }
        strcpy(end, "|\n");
        assert_memory_equal(at, expected, strlen(expected));
        at += strlen(expected);
    }
}

static void each_chunk_is_told_byte_by_byte(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 15, 16, 17, 100, 1024, 5000, 40000, 300000};
    unsigned char *ptrs[sizeof(sizes) / sizeof(sizes[0])];
    for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        ptrs[index] = malloc(sizes[index]);
        for (size_t at = 0; at < sizes[index]; at++) {
            ptrs[index][at] = (unsigned char)(at * 7 + at / 256 + index);
        }
    }
    take(show_alloc_mem_ex);
    for (size_t index = 0; index < sizeof(sizes) / sizeof(sizes[0]); index++) {
        expect_content(ptrs[index], sizes[index]);
        free(ptrs[index]);
    }
}

static void a_large_chunk_of_zeros_is_few_lines(void **state)
{
    (void)state;
    take(show_alloc_mem_ex);
    size_t before = split().rows;
    void *chunk = calloc(1, 50 << 20);
    take(show_alloc_mem_ex);
    assert_in_range(split().rows, before + 3, before + 3);
    free(launder(chunk));
}

static void a_bar_tells_how_full_its_zone_is(void **state)
{
    (void)state;
    char *chunk = launder(malloc(3 << 20));
    memset(chunk, 0, 3 << 20);
    take(show_alloc_mem_ex);
    char head[64];
    snprintf(head, sizeof(head), "LARGE : 0x%" PRIXPTR "\n[", (uintptr_t)chunk);
    char *bar = strstr(text, head);
    assert_non_null(bar);
    bar += strlen(head);
    unsigned percent;
    size_t count;
    size_t used;
    size_t whole;
    assert_int_equal(sscanf(bar + BAR_COLUMNS, "] %u %%, %zu chunk in use, %zu of %zu bytes",
                            &percent, &count, &used, &whole),
                     4);
    assert_int_equal(count, 1);
    assert_int_equal(used, 3 << 20);
    assert_int_equal(percent, used * 100 / whole);
    assert_int_equal(strspn(bar, "#"), percent * BAR_COLUMNS / 100);
    assert_int_equal(strspn(bar, "#") + strspn(bar + strspn(bar, "#"), "."), BAR_COLUMNS);
    free(chunk);
}

static void nothing_is_coloured_where_there_is_no_terminal(void **state)
{
    (void)state;
    take(show_alloc_mem_ex);
    assert_null(strchr(text, '\033'));
}

static void memory_that_cannot_be_read_is_told_as_such(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *chunk = launder(aligned_alloc(page, 4 * page));
    memset(chunk, 'r', 4 * page);
    assert_int_equal(mprotect(chunk + page, page, PROT_NONE), 0);
    take(show_alloc_mem_ex);
    char expected[64];
    snprintf(expected, sizeof(expected), "\n0x%" PRIxPTR "  cannot be read\n",
             (uintptr_t)chunk + page);
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "Total : "));
    assert_int_equal(mprotect(chunk + page, page, PROT_READ | PROT_WRITE), 0);
    free(chunk);
}

static void expect_window(const void *ptr, size_t offset, size_t bytes, const char *lines)
{
    window.ptr = ptr;
    window.offset = offset;
    window.bytes = bytes;
    take(show_window);
    if (strcmp(text, lines) != 0) {
        fail_msg("\"%s\" instead of \"%s\"", text, lines);
    }
}

static void a_window_is_cut_to_its_chunk(void **state)
{
    (void)state;
    char *chunk = launder(malloc(42));
    char head[128];
    char lines[512];
    uintptr_t at = (uintptr_t)chunk;
    memcpy(chunk, "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF", 42);
    snprintf(head, sizeof(head), "0x%" PRIXPTR " - 0x%" PRIXPTR " : 42 bytes\n", at, at + 42);

    snprintf(lines, sizeof(lines), "%s0x%" PRIxPTR "  63 64 65 %41s|cde|\n", head, at + 2, "");
    expect_window(chunk, 2, 3, lines);
    expect_window(chunk + 1, 1, 3, lines);
    snprintf(lines, sizeof(lines), "%s0x%" PRIxPTR "  45 46 %44s|EF|\n", head, at + 40, "");
    expect_window(chunk, 40, 1000, lines);
    expect_window(chunk + 40, 0, (size_t)-1, lines);
    expect_window(chunk, 42, 1, head);
    expect_window(chunk, (size_t)-1, 1, head);
    expect_window(chunk, 0, 0, head);
    free(chunk);
    snprintf(lines, sizeof(lines), "0x%" PRIxPTR " is in no chunk in use\n", at);
    expect_window((const void *)at, 0, 10, lines);
    expect_window(NULL, 0, 10, "0x0 is in no chunk in use\n");
}

static atomic_bool stop;

static void *churn(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    void *slots[64] = {NULL};
    while (!stop) {
        size_t slot = random_below(&seed, 64);
        free(slots[slot]);
        slots[slot] = malloc(random_size(&seed));
    }
    for (size_t slot = 0; slot < 64; slot++) {
        free(slots[slot]);
    }
    return NULL;
}

static void it_may_run_beside_threads_that_allocate(void **state)
{
    (void)state;
    pthread_t threads[3];
    stop = false;
    for (uintptr_t index = 0; index < 3; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, churn, (void *)(index + 1)), 0);
    }
    for (unsigned round = 0; round < 100 / SHORTER; round++) {
        take(show_alloc_mem_ex);
        (void)split();
        struct show_report report;
        if (!show_read(&report, plain, strlen(plain))) {
            stop = true;
            fail_msg("%s", report.problem);
        }
        show_drop(&report);
    }
    stop = true;
    for (unsigned index = 0; index < 3; index++) {
        pthread_join(threads[index], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_what_it_adds_it_is_show_alloc_mem),
        cmocka_unit_test(each_chunk_is_told_byte_by_byte),
        cmocka_unit_test(a_large_chunk_of_zeros_is_few_lines),
        cmocka_unit_test(a_bar_tells_how_full_its_zone_is),
        cmocka_unit_test(nothing_is_coloured_where_there_is_no_terminal),
        cmocka_unit_test(memory_that_cannot_be_read_is_told_as_such),
        cmocka_unit_test(a_window_is_cut_to_its_chunk),
        cmocka_unit_test(it_may_run_beside_threads_that_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
