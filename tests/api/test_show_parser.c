// SPDX-License-Identifier: MIT
// The reader of show_alloc_mem's text accepts the form of the drawing and notices each way to break
// it, one at a time.

#include "tests/api/cmocka_api.h"
#include "tests/api/show.h"

#include <string.h>

static const char good[] = "TINY : 0xA0000\n"
                           "0xA0020 - 0xA004A : 42 bytes\n"
                           "0xA006A - 0xA00BE : 84 bytes\n"
                           "SMALL : 0xAD000\n"
                           "0xAD020 - 0xADEAD : 3725 bytes\n"
                           "LARGE : 0xB0000\n"
                           "0xB0020 - 0xBBEEF : 48847 bytes\n"
                           "Total : 52698 bytes\n";

static bool reads(const char *text)
{
    struct show_report report;
    bool valid = show_read(&report, text, strlen(text));
    assert_true(valid == (report.problem[0] == '\0'));
    show_drop(&report);
    return valid;
}

// The good text with one place changed.
static bool reads_with(const char *old, const char *new)
{
    char text[sizeof good + 100];
    const char *at = strstr(good, old);
    assert_non_null(at);
    size_t before = (size_t)(at - good);
    memcpy(text, good, before);
    strcpy(text + before, new);
    strcat(text, at + strlen(old));
    return reads(text);
}

static void the_drawing_is_read(void **state)
{
    (void)state;
    struct show_report report;
    assert_true(show_read(&report, good, strlen(good)));
    assert_int_equal(report.line_count, 4);
    assert_int_equal(report.zone_count, 3);
    assert_int_equal(report.total_bytes, 52698);
    const struct show_line *line = show_find(&report, (void *)0xA006A);
    assert_non_null(line);
    assert_int_equal(line->bytes, 84);
    assert_int_equal(line->kind, SHOW_TINY);
    assert_int_equal(line->zone, 0xA0000);
    assert_null(show_find(&report, (void *)0xA006B));
    show_drop(&report);
}

static void an_empty_heap_and_an_empty_chunk_are_read(void **state)
{
    (void)state;
    assert_true(reads("Total : 0 bytes\n"));
    assert_true(reads("TINY : 0x1000\n0x1000 - 0x1000 : 0 bytes\n0x1010 - 0x1010 : 0 bytes\n"
                      "Total : 0 bytes\n"));
}

static void each_broken_form_is_noticed(void **state)
{
    (void)state;
    const char *const changes[][2] = {
        {"0xA004A", "0xA004a"},                     // lower case
        {"0xA0020", "0x0A0020"},                    // a leading zero
        {"TINY : 0xA0000", "TINY: 0xA0000"},        // a space less
        {"TINY", "tiny"},                           // another name
        {"LARGE", "HUGE"},                          //
        {": 42 bytes", ": 43 bytes"},               // a size that is no difference
        {": 42 bytes", ": 42"},                     // no unit
        {": 42 bytes", ": 42 bytes "},              // a space more
        {": 42 bytes\n", ": 42 bytes\n\n"},         // an empty line
        {"0xA006A - 0xA00BE", "0xA0049 - 0xA009D"}, // overlaps
        {"0xA0020 - 0xA004A", "0xA0080 - 0xA00AA"}, // not in order
        {"SMALL : 0xAD000", "SMALL : 0x9D000"},     // zones not in order
        {"SMALL : 0xAD000", "SMALL : 0xAE000"},     // a chunk below its zone
        {"LARGE : 0xB0000", "LARGE : 0xADE00"},     // a zone inside the chunk before
        {"52698", "52699"},                         // a wrong sum
        {"Total : 52698 bytes\n", ""},              // no total
        {"bytes\nTotal", "bytes Total"},            // a newline less
        {"Total : 52698 bytes\n", "Total : 52698 bytes"},
        {"Total : 52698 bytes\n", "Total : 52698 bytes\nTINY : 0xF0000\n"},
        {"TINY : 0xA0000\n", ""}, // a chunk without a zone
    };
    for (size_t index = 0; index < sizeof changes / sizeof *changes; index++) {
        if (reads_with(changes[index][0], changes[index][1])) {
            fail_msg("accepted with \"%s\" for \"%s\"", changes[index][1], changes[index][0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_drawing_is_read),
        cmocka_unit_test(an_empty_heap_and_an_empty_chunk_are_read),
        cmocka_unit_test(each_broken_form_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
