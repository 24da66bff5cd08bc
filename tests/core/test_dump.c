// SPDX-License-Identifier: MIT
#include "core/dump.h"

#include "tests/core/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 16, BYTES_MAX = 1 << 12 };

static unsigned char bytes[BYTES_MAX];
static char told[TEXT_BYTES];
static char wanted[TEXT_BYTES];

// All lines of a dump that is told at once.
static const char *dump_of(const void *base, size_t count)
{
    struct text text = {.bytes = told, .room = TEXT_BYTES - 1};
    struct dump dump = {.has_row = false};
    assert_int_equal(dump_rows(&dump, &text, (uintptr_t)base, base, count, true), count);
    told[text.length] = '\0';
    return told;
}

// The line of up to sixteen bytes, by printf.
static void expect_line(const unsigned char *row, size_t count)
{
    char *end = wanted + strlen(wanted);
    end += sprintf(end, "0x%" PRIxPTR " ", (uintptr_t)row);
    for (size_t index = 0; index < 16; index++) {
        end += sprintf(end, index == 8 ? "  " : " ");
        end += index < count ? sprintf(end, "%02x", row[index]) : sprintf(end, "  ");
    }
    end += sprintf(end, "  |");
    for (size_t index = 0; index < count; index++) {
        bool is_printed = row[index] >= 0x20 && row[index] < 0x7F;
        *end++ = is_printed ? (char)row[index] : '.';
    }
    strcpy(end, "|\n");
}

static void fill_apart(void)
{
    wanted[0] = '\0';
    for (size_t index = 0; index < BYTES_MAX; index++) {
        bytes[index] = (unsigned char)(index * 7 + index / 251);
    }
}

static void every_number_of_bytes_is_told_to_the_last(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 70; count++) {
        fill_apart();
        for (size_t at = 0; at < count; at += 16) {
            expect_line(bytes + at, count - at < 16 ? count - at : 16);
        }
        assert_string_equal(dump_of(bytes, count), wanted);
    }
}

static void every_byte_has_two_digits_and_a_character(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        wanted[0] = '\0';
        memset(bytes, (int)byte, 3);
        expect_line(bytes, 3);
        assert_string_equal(dump_of(bytes, 3), wanted);
    }
}

static void lines_that_repeat_are_told_by_an_asterisk_but_for_the_last(void **state)
{
    (void)state;
    fill_apart();
    memset(bytes, 0, 160);
    expect_line(bytes, 16);
    strcat(wanted, "*\n");
    expect_line(bytes + 144, 16);
    assert_string_equal(dump_of(bytes, 160), wanted);

    wanted[0] = '\0';
    bytes[100] = 1;
    expect_line(bytes, 16);
    strcat(wanted, "*\n");
    expect_line(bytes + 96, 16);
    expect_line(bytes + 112, 16);
    strcat(wanted, "*\n");
    expect_line(bytes + 144, 15);
    assert_string_equal(dump_of(bytes, 159), wanted);
}

static void two_equal_lines_are_both_told(void **state)
{
    (void)state;
    wanted[0] = '\0';
    memset(bytes, 'x', 32);
    expect_line(bytes, 16);
    expect_line(bytes + 16, 16);
    assert_string_equal(dump_of(bytes, 32), wanted);
}

static void a_line_that_repeats_one_before_the_last_is_told(void **state)
{
    (void)state;
    fill_apart();
    memset(bytes, 'a', 16);
    memset(bytes + 16, 'b', 16);
    memset(bytes + 32, 'a', 16);
    for (size_t at = 0; at < 48; at += 16) {
        expect_line(bytes + at, 16);
    }
    assert_string_equal(dump_of(bytes, 48), wanted);
}

static void a_dump_may_be_told_in_pieces(void **state)
{
    (void)state;
    fill_apart();
    memset(bytes + 48, 0, 160);
    for (size_t count = 0; count < 300; count += 13) {
        (void)dump_of(bytes, count);
        strcpy(wanted, told);
        for (size_t piece = 16; piece <= 64; piece += 16) {
            struct text text = {.bytes = told, .room = TEXT_BYTES - 1};
            struct dump dump = {.has_row = false};
            size_t at = 0;
            for (; count - at > piece; at += piece) {
                size_t done =
                    dump_rows(&dump, &text, (uintptr_t)bytes + at, bytes + at, piece, false);
                assert_int_equal(done, piece);
            }
            (void)dump_rows(&dump, &text, (uintptr_t)bytes + at, bytes + at, count - at, true);
            told[text.length] = '\0';
            assert_string_equal(told, wanted);
        }
    }
}

static void no_line_is_begun_that_may_not_fit(void **state)
{
    (void)state;
    fill_apart();
    for (size_t room = 0; room < 4 * DUMP_LINE_BYTES; room++) {
        memset(told, 0x5A, sizeof(told));
        struct text text = {.bytes = told, .room = room};
        struct dump dump = {.has_row = false};
        size_t done = dump_rows(&dump, &text, (uintptr_t)bytes, bytes, 160, true);
        assert_int_equal((unsigned char)told[room], 0x5A);
        assert_int_equal(done % DUMP_ROW_BYTES, 0);
        assert_true(room - text.length < DUMP_LINE_BYTES);
        told[text.length] = '\0';
        wanted[0] = '\0';
        for (size_t at = 0; at < done; at += DUMP_ROW_BYTES) {
            expect_line(bytes + at, DUMP_ROW_BYTES);
        }
        assert_string_equal(told, wanted);
    }
}

static void the_longest_line_is_no_longer_than_said(void **state)
{
    (void)state;
    struct text text = {.bytes = told, .room = TEXT_BYTES - 1};
    struct dump dump = {.has_row = false};
    (void)dump_rows(&dump, &text, UINTPTR_MAX - 15, bytes, 16, true);
    assert_in_range(text.length, 80, DUMP_LINE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_bytes_is_told_to_the_last),
        cmocka_unit_test(every_byte_has_two_digits_and_a_character),
        cmocka_unit_test(lines_that_repeat_are_told_by_an_asterisk_but_for_the_last),
        cmocka_unit_test(two_equal_lines_are_both_told),
        cmocka_unit_test(a_line_that_repeats_one_before_the_last_is_told),
        cmocka_unit_test(a_dump_may_be_told_in_pieces),
        cmocka_unit_test(no_line_is_begun_that_may_not_fit),
        cmocka_unit_test(the_longest_line_is_no_longer_than_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
