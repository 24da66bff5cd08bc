// SPDX-License-Identifier: MIT
#include "core/text.h"

#include "core/show.h"
#include "tests/core/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 200, GUARD = 0x5A };

static char buffer[ROOM + 1];

// Empty text with this much room.
static struct text blank(size_t room)
{
    memset(buffer, GUARD, sizeof(buffer));
    return (struct text){.bytes = buffer, .room = room};
}

static void expect(const struct text *text, const char *string)
{
    assert_int_equal(text->length, strlen(string));
    assert_memory_equal(text->bytes, string, text->length);
    assert_int_equal((unsigned char)text->bytes[text->length], GUARD);
}

static void numbers_are_written_as_printf_does(void **state)
{
    (void)state;
    const uint64_t samples[] = {0,         1, 9, 10, 99, 100, 65535, UINT32_MAX, UINT64_MAX / 3,
                                UINT64_MAX};
    for (unsigned sample = 0; sample < sizeof(samples) / sizeof(*samples); sample++) {
        char wanted[64];
        struct text text = blank(ROOM);
        text_decimal(&text, samples[sample]);
        snprintf(wanted, sizeof(wanted), "%" PRIu64, samples[sample]);
        expect(&text, wanted);
        text = blank(ROOM);
        text_address(&text, (uintptr_t)samples[sample]);
        snprintf(wanted, sizeof(wanted), "0x%" PRIXPTR, (uintptr_t)samples[sample]);
        expect(&text, wanted);
        text = blank(ROOM);
        text_pointer(&text, (uintptr_t)samples[sample]);
        snprintf(wanted, sizeof(wanted), "0x%" PRIxPTR, (uintptr_t)samples[sample]);
        expect(&text, wanted);
        for (unsigned digits = 0; digits <= 20; digits++) {
            text = blank(ROOM);
            text_hexadecimal(&text, samples[sample], digits);
            snprintf(wanted, sizeof(wanted), "%0*" PRIx64, (int)digits, samples[sample]);
            expect(&text, wanted);
        }
        text = blank(ROOM);
        text_hexadecimal(&text, samples[sample], 1000);
        snprintf(wanted, sizeof(wanted), "%020" PRIx64, samples[sample]);
        expect(&text, wanted);
    }
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    for (size_t room = 0; room <= 12; room++) {
        struct text text = blank(room);
        text_string(&text, "abc");
        text_bytes(&text, "defgh", 4);
        text_decimal(&text, 12345);
        char wanted[13] = "abcdefg12345";
        wanted[room] = '\0';
        expect(&text, wanted);
    }
}

static void every_step_of_a_walk_is_a_line(void **state)
{
    (void)state;
    const struct walk_step steps[] = {
        {.what = WALK_ZONE, .kind = ZONE_TINY, .base = (void *)0x1000, .bytes = 4096},
        {.what = WALK_CHUNK, .kind = ZONE_TINY, .base = (void *)0x1000, .bytes = 42},
        {.what = WALK_ZONE, .kind = ZONE_SMALL, .base = (void *)0xAB000, .bytes = 4096},
        {.what = WALK_ZONE, .kind = ZONE_LARGE, .base = (void *)0xAC000, .bytes = 4096},
        {.what = WALK_CHUNK, .kind = ZONE_LARGE, .base = (void *)0xAC000, .bytes = 4000},
        {.what = WALK_CHUNK, .kind = ZONE_LARGE, .base = (void *)0xAD000, .bytes = 0},
        {.what = WALK_END},
    };
    struct show show = {.total = 0};
    struct text text = blank(ROOM);
    for (unsigned step = 0; step < 3; step++) {
        show_step(&show, &text, &steps[step]);
    }
    expect(&text, "TINY : 0x1000\n0x1000 - 0x102A : 42 bytes\nSMALL : 0xAB000\n");
    text = blank(ROOM);
    for (unsigned step = 3; step < 7; step++) {
        show_step(&show, &text, &steps[step]);
    }
    expect(&text, "LARGE : 0xAC000\n0xAC000 - 0xACFA0 : 4000 bytes\n"
                  "0xAD000 - 0xAD000 : 0 bytes\nTotal : 4042 bytes\n");
}

static void no_line_is_longer_than_said(void **state)
{
    (void)state;
    struct show show = {.total = UINT64_MAX - UINTPTR_MAX / 2};
    const struct walk_step longest = {
        .what = WALK_CHUNK, .base = (void *)(UINTPTR_MAX / 2 + 1), .bytes = UINTPTR_MAX / 2};
    struct text text = blank(ROOM);
    show_step(&show, &text, &longest);
    assert_in_range(text.length, 40, SHOW_LINE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_printf_does),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(every_step_of_a_walk_is_a_line),
        cmocka_unit_test(no_line_is_longer_than_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
