// SPDX-License-Identifier: MIT
// Options of bytes, numbers and text, and that of the line at exhaustion, as the parser reads them: what is a number,
// what is said of what is none, which source wins, and that a source of less rights has no say.

#include <stdio.h>
#include <string.h>

#include "api/options.h"
#include "api/options_table.h"
#include "tests/api/cmocka_api.h"

enum { ENTRIES_MAX = 4, COMPLAINT_BYTES = 4096 };

static const char *entries[ENTRIES_MAX + 1];
static char complaint[COMPLAINT_BYTES];
static struct options options;

static const char *entry(size_t index)
{
    return entries[index];
}

static void complain(const char *line, size_t length)
{
    strncat(complaint, line, length);
}

// Reads the program's string and up to three variables.
static void parse(bool is_privileged, const char *program, const char *first, const char *second,
                  const char *third)
{
    entries[0] = "PATH=/bin";
    entries[1] = first;
    entries[2] = second;
    entries[3] = third;
    complaint[0] = '\0';
    memset(&options, 0xA5, sizeof options);
    const struct option_source source = {
        .program = program, .entry = entry, .complain = complain, .is_privileged = is_privileged};
    options_parse(&options, &source);
}

// Reads one value as every option of bytes may be told it.
static void expect_bytes(const char *value, size_t bytes)
{
    char limit[128];
    char reserve[128];
    snprintf(limit, sizeof limit, "FT_MALLOC_LIMIT=%s", value);
    snprintf(reserve, sizeof reserve, "FT_MALLOC_OPTIONS=reserve=%s", value);
    parse(false, NULL, limit, reserve, NULL);
    assert_string_equal(complaint, "");
    assert_int_equal(options.limit, bytes);
    assert_int_equal(options.reserve, bytes);
}

static void a_number_of_bytes_may_have_a_unit(void **state)
{
    (void)state;
    expect_bytes("0", 0);
    expect_bytes("1", 1);
    expect_bytes("65536", 65536);
    expect_bytes("007", 7);
    expect_bytes("4k", 4096);
    expect_bytes("4K", 4096);
    expect_bytes("512M", (size_t)512 << 20);
    expect_bytes("512m", (size_t)512 << 20);
    expect_bytes("3G", (size_t)3 << 30);
    expect_bytes("3g", (size_t)3 << 30);
    expect_bytes("2t", (size_t)2 << 40);
    expect_bytes("2T", (size_t)2 << 40);
    expect_bytes("0T", 0);
}

static void the_largest_number_is_that_of_a_chunk(void **state)
{
    (void)state;
    expect_bytes("9223372036854775807", PTRDIFF_MAX);
    expect_bytes("9007199254740991K", (size_t)9007199254740991 << 10);
    expect_bytes("8388607T", (size_t)8388607 << 40);
}

static void words_stand_for_no_number(void **state)
{
    (void)state;
    parse(false, NULL, NULL, NULL, NULL);
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
    assert_int_equal(options.reserve, options_word(RESERVE_USUAL));
    assert_int_equal(options.exhausted, EXHAUSTED_SILENT);
    parse(false, "limit=1M,reserve=1M,exhausted=explain", "FT_MALLOC_LIMIT=cgroup",
          "FT_MALLOC_RESERVE=usual", "FT_MALLOC_EXHAUSTED=silent");
    assert_int_equal(options.limit, options_word(LIMIT_CGROUP));
    assert_int_equal(options.reserve, options_word(RESERVE_USUAL));
    assert_int_equal(options.exhausted, EXHAUSTED_SILENT);
    parse(false, "limit=cgroup", "FT_MALLOC_LIMIT=None", "FT_MALLOC_EXHAUSTED=Explain", NULL);
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
    assert_int_equal(options.exhausted, EXHAUSTED_EXPLAIN);
    parse(false, NULL, "FT_MALLOC_LIMIT=CGROUP", NULL, NULL);
    assert_int_equal(options.limit, options_word(LIMIT_CGROUP));
    assert_string_equal(complaint, "");
}

static void what_is_no_number_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    const char *const wrong[] = {"64X",
                                 "12MB",
                                 "-1",
                                 "+1",
                                 "K",
                                 "0x10",
                                 "1.5G",
                                 "1 M",
                                 " 1",
                                 "M1",
                                 "1KK",
                                 "1,5",
                                 "all",
                                 "cgroups",
                                 "non",
                                 "9223372036854775808",
                                 "18446744073709551616",
                                 "9007199254740992K",
                                 "8388608T",
                                 "99999999999999999999999T"};
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        char setting[128];
        char expected[256];
        snprintf(setting, sizeof setting, "FT_MALLOC_LIMIT=%s", wrong[index]);
        snprintf(expected, sizeof expected,
                 "ft_malloc: option 'limit' cannot be '%s'; it is a number of bytes as 65536 or "
                 "512M, or none, or cgroup\n",
                 wrong[index]);
        parse(false, "limit=5M", setting, NULL, NULL);
        assert_string_equal(complaint, expected);
        assert_int_equal(options.limit, (size_t)5 << 20);
    }
    parse(false, NULL, "FT_MALLOC_RESERVE=much", NULL, NULL);
    assert_string_equal(complaint,
                        "ft_malloc: option 'reserve' cannot be 'much'; it is a number of "
                        "bytes as 65536 or 512M, or usual\n");
    parse(false, NULL, "FT_MALLOC_EXHAUSTED=loud", NULL, NULL);
    assert_string_equal(complaint, "ft_malloc: option 'exhausted' cannot be 'loud'; it is one of "
                                   "silent, explain\n");
}

static void a_word_of_one_option_is_none_of_another(void **state)
{
    (void)state;
    parse(false, "limit=usual,reserve=cgroup,reserve=none", NULL, NULL, NULL);
    assert_non_null(strstr(complaint, "'limit' cannot be 'usual'"));
    assert_non_null(strstr(complaint, "'reserve' cannot be 'cgroup'"));
    assert_non_null(strstr(complaint, "'reserve' cannot be 'none'"));
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
    assert_int_equal(options.reserve, options_word(RESERVE_USUAL));
}

static void nothing_is_no_value_in_a_list_and_no_setting_alone(void **state)
{
    (void)state;
    parse(false, NULL, "FT_MALLOC_OPTIONS=limit=,reserve", NULL, NULL);
    assert_non_null(strstr(complaint, "'limit' cannot be ''"));
    assert_non_null(strstr(complaint, "'reserve' cannot be ''"));
    parse(false, "limit=1M", "FT_MALLOC_LIMIT=", NULL, NULL);
    assert_string_equal(complaint, "");
    assert_int_equal(options.limit, 1 << 20);
}

static void what_is_not_printable_is_a_question_mark_in_the_complaint(void **state)
{
    (void)state;
    parse(false, NULL, "FT_MALLOC_MISUSE=a\nb\x1B[31m \x7F\xC3\xA4~", NULL, NULL);
    assert_string_equal(complaint,
                        "ft_malloc: option 'misuse' cannot be 'a?b?[31m ???~'; it is one "
                        "of abort, warn, ignore\n");
    parse(false, NULL, "FT_MALLOC_OPTIONS=mis\tus\r=warn", NULL, NULL);
    assert_string_equal(complaint,
                        "ft_malloc: no option is called 'mis?us?'; the nearest is 'misuse'\n");
}

static void a_long_value_is_cut_in_the_complaint(void **state)
{
    (void)state;
    static char setting[3000] = "FT_MALLOC_LIMIT=";
    memset(setting + strlen(setting), '7', 2900);
    parse(false, NULL, setting, NULL, NULL);
    assert_non_null(strstr(complaint, "'77777777777777777777777777777777'; it is"));
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
}

static void the_later_source_wins(void **state)
{
    (void)state;
    parse(false, "limit=1M", NULL, NULL, NULL);
    assert_int_equal(options.limit, 1 << 20);
    parse(false, "limit=1M", "FT_MALLOC_OPTIONS=limit=2M", NULL, NULL);
    assert_int_equal(options.limit, 2 << 20);
    parse(false, "limit=1M", "FT_MALLOC_LIMIT=3M", "FT_MALLOC_OPTIONS=limit=2M", NULL);
    assert_int_equal(options.limit, 3 << 20);
    parse(false, "limit=1M", "FT_MALLOC_OPTIONS=limit=2M,reserve=0,limit=4M", NULL, NULL);
    assert_int_equal(options.limit, 4 << 20);
    assert_int_equal(options.reserve, 0);
    parse(false, "limit=1M", "FT_MALLOC_LIMIT=none", NULL, NULL);
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
    assert_string_equal(complaint, "");
}

static void a_source_of_less_rights_has_no_say(void **state)
{
    (void)state;
    parse(true, NULL, "FT_MALLOC_LIMIT=1M", "FT_MALLOC_OPTIONS=reserve=0,exhausted=explain", NULL);
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
    assert_int_equal(options.reserve, options_word(RESERVE_USUAL));
    assert_int_equal(options.exhausted, EXHAUSTED_SILENT);
    parse(true, "limit=1M,reserve=2M,exhausted=explain", "FT_MALLOC_LIMIT=none",
          "FT_MALLOC_RESERVE=usual", "FT_MALLOC_EXHAUSTED=silent");
    assert_int_equal(options.limit, 1 << 20);
    assert_int_equal(options.reserve, 2 << 20);
    assert_int_equal(options.exhausted, EXHAUSTED_SILENT);
    parse(true, NULL, "FT_MALLOC_LIMIT=cgroup", NULL, NULL);
    assert_int_equal(options.limit, options_word(LIMIT_NONE));
    assert_string_equal(complaint, "");
}

static void a_number_has_a_range_and_a_word_below_it(void **state)
{
    (void)state;
    parse(false, NULL, NULL, NULL, NULL);
    assert_int_equal(options.history, options_word(COUNT_NONE));
    assert_int_equal(options.perturb, options_word(COUNT_NONE));
    assert_int_equal(options.mapping, options_word(MAPPING_USUAL));
    parse(false, "history=1,perturb=255", "FT_MALLOC_MAPPING=256M", NULL, NULL);
    assert_int_equal(options.history, 1);
    assert_int_equal(options.perturb, 255);
    assert_int_equal(options.mapping, 256 << 20);
    parse(false, "history=5,perturb=5,mapping=5", "FT_MALLOC_OPTIONS=history=0,perturb=0",
          "FT_MALLOC_MAPPING=usual", "FT_MALLOC_HISTORY=1000000");
    assert_int_equal(options.history, 1000000);
    assert_int_equal(options.perturb, options_word(COUNT_NONE));
    assert_int_equal(options.mapping, options_word(MAPPING_USUAL));
    assert_string_equal(complaint, "");
}

static void what_is_out_of_a_range_changes_nothing_and_is_answered_with_it(void **state)
{
    (void)state;
    const char *const wrong[] = {"1000001", "18446744073709551615", "-1", "2M", "few"};
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        char setting[128];
        char expected[256];
        snprintf(setting, sizeof setting, "FT_MALLOC_HISTORY=%s", wrong[index]);
        snprintf(expected, sizeof expected,
                 "ft_malloc: option 'history' cannot be '%s'; it is a number from 1 to 1000000, "
                 "or 0\n",
                 wrong[index]);
        parse(false, "history=7", setting, NULL, NULL);
        assert_string_equal(complaint, expected);
        assert_int_equal(options.history, 7);
    }
}

static void a_text_is_kept_as_it_is(void **state)
{
    (void)state;
    static char setting[OPTION_TEXT_BYTES + 100] = "FT_MALLOC_OUTPUT=";
    size_t start = strlen(setting);
    parse(false, NULL, NULL, NULL, NULL);
    assert_string_equal(options.output, "");
    parse(false, NULL, "FT_MALLOC_OUTPUT=/A/path with=all,of.%p%%", NULL, NULL);
    assert_string_equal(options.output, "/A/path with=all,of.%p%%");
    parse(false, "output=one,debug=1,output=two", NULL, NULL, NULL);
    assert_string_equal(options.output, "two");
    parse(false, "output=one", "FT_MALLOC_OUTPUT=Errors", NULL, NULL);
    assert_string_equal(options.output, "");
    memset(setting + start, 'x', OPTION_TEXT_BYTES - 1);
    parse(false, NULL, setting, NULL, NULL);
    assert_string_equal(options.output, setting + start);
    assert_string_equal(complaint, "");
    setting[start + OPTION_TEXT_BYTES - 1] = 'x';
    parse(false, "output=one", setting, NULL, NULL);
    assert_string_equal(options.output, "one");
    assert_non_null(strstr(complaint, "; it is a text of up to 1023 bytes, or errors\n"));
    parse(false, "output=one,output=", NULL, NULL, NULL);
    assert_string_equal(options.output, "one");
    assert_non_null(strstr(complaint, "'output' cannot be ''"));
}

static void other_names_are_overridden_by_ours(void **state)
{
    (void)state;
    parse(false, NULL, "MALLOC_DEBUG=1", "MALLOC_BONUS=1", "MALLOC_PERTURB_=7");
    assert_int_equal(options.debug, SWITCH_ON);
    assert_int_equal(options.bonus, SWITCH_ON);
    assert_int_equal(options.perturb, 7);
    parse(false, "reserve=1M", "MALLOC_TRIM_THRESHOLD_=131072", "MALLOC_MMAP_THRESHOLD_=65536",
          NULL);
    assert_int_equal(options.reserve, 131072);
    assert_int_equal(options.mapping, 65536);
    parse(false, "debug=1", "FT_MALLOC_DEBUG=0", "FT_MALLOC_OPTIONS=perturb=2", "MALLOC_DEBUG=1");
    assert_int_equal(options.debug, SWITCH_OFF);
    assert_int_equal(options.perturb, 2);
    parse(false, NULL, "MALLOC_DEBUG=", "MALLOC_debug=1", "MALLOC_DEBUGGER=1");
    assert_int_equal(options.debug, SWITCH_OFF);
    parse(false, NULL, "MALLOC_PERTURB=3", "XMALLOC_BONUS=1", "MALLOC_CHECK_=3");
    assert_int_equal(options.perturb, options_word(COUNT_NONE));
    assert_int_equal(options.bonus, SWITCH_OFF);
    assert_string_equal(complaint, "");
    // What glibc takes and we do not is nobody's mistake.
    parse(false, "reserve=1M,mapping=1M", "MALLOC_TRIM_THRESHOLD_=-1",
          "MALLOC_MMAP_THRESHOLD_=4294967296", "MALLOC_PERTURB_=0x55");
    assert_int_equal(options.reserve, (size_t)8388607 << 40);
    assert_int_equal(options.mapping, 1 << 20);
    assert_int_equal(options.perturb, options_word(COUNT_NONE));
    parse(false, "reserve=1M", "MALLOC_TRIM_THRESHOLD_=0x10", "MALLOC_MMAP_THRESHOLD_=-1",
          "MALLOC_PERTURB_=-1");
    assert_int_equal(options.reserve, 1 << 20);
    assert_string_equal(complaint, "");
    parse(true, "reserve=1M", "MALLOC_TRIM_THRESHOLD_=-1", NULL, NULL);
    assert_int_equal(options.reserve, 1 << 20);
    parse(false, NULL, "MALLOC_DEBUG=yes", NULL, NULL);
    assert_string_equal(complaint,
                        "ft_malloc: option 'debug' cannot be 'yes'; it is one of 0, 1\n");
}

static void a_preset_is_what_nobody_says_otherwise(void **state)
{
    (void)state;
    parse(false, NULL, NULL, NULL, NULL);
    assert_int_equal(options.preset, PRESET_BALANCED);
    const struct options balanced = options;
    parse(false, "preset=Balanced", NULL, NULL, NULL);
    assert_memory_equal(&options.limit, &balanced.limit,
                        offsetof(struct options, output) - offsetof(struct options, limit));
    parse(false, "preset=speed", NULL, NULL, NULL);
    assert_int_equal(options.reserve, (size_t)512 << 20);
    assert_int_equal(options.cache, 8 << 20);
    assert_int_equal(options.huge, SWITCH_ON);
    assert_false(options_watch(&options));
    parse(false, NULL, "FT_MALLOC_PRESET=memory", NULL, NULL);
    assert_int_equal(options.reserve, 1 << 20);
    assert_int_equal(options.cache, 128 << 10);
    assert_int_equal(options.huge, SWITCH_OFF);
    assert_false(options_watch(&options));
    parse(false, "misuse=ignore", "FT_MALLOC_OPTIONS=preset=hardened", NULL, NULL);
    assert_int_equal(options.misuse, ANSWER_IGNORE); // said by the program
    assert_int_equal(options.foreign, ANSWER_ABORT);
    assert_int_equal(options.audit, AUDIT_FORK);
    assert_int_equal(options.perturb, 165);
    assert_true(options_watch(&options));
    parse(false, NULL, "FT_MALLOC_PRESET=debug", NULL, NULL);
    assert_int_equal(options.leaks, LEAKS_REPORT);
    assert_int_equal(options.history, 1000);
    assert_int_equal(options_stacks(&options), 1);
    assert_int_equal(options.exhausted, EXHAUSTED_EXPLAIN);
    assert_string_equal(complaint, "");
}

static void who_says_more_overrides_a_preset_wherever_that_is_said(void **state)
{
    (void)state;
    parse(false, "reserve=7", "FT_MALLOC_PRESET=memory", NULL, NULL);
    assert_int_equal(options.reserve, 7);
    assert_int_equal(options.cache, 128 << 10);
    parse(false, "preset=debug", "MALLOC_PERTURB_=9", "FT_MALLOC_OPTIONS=leaks=0",
          "FT_MALLOC_STACKS=0");
    assert_int_equal(options.perturb, 9);
    assert_int_equal(options.leaks, LEAKS_SILENT);
    assert_int_equal(options_stacks(&options), 0);
    assert_int_equal(options.history, 1000);
    // The last preset counts alone: nothing of another is left.
    parse(false, "preset=debug", "FT_MALLOC_OPTIONS=preset=speed,preset=memory", NULL, NULL);
    assert_int_equal(options.preset, PRESET_MEMORY);
    assert_int_equal(options.history, options_word(COUNT_NONE));
    assert_int_equal(options.huge, SWITCH_OFF);
    assert_string_equal(complaint, "");
    // What is wrong is told once.
    parse(false, "preset=fast", "FT_MALLOC_CACHE=1", NULL, NULL);
    assert_string_equal(complaint,
                        "ft_malloc: option 'preset' cannot be 'fast'; it is one of hardened, "
                        "balanced, memory, speed, debug\n"
                        "ft_malloc: option 'cache' cannot be '1'; it is a number from 4096 to "
                        "16777216, or usual\n");
}

static void a_source_of_less_rights_may_ask_for_more_checks_alone(void **state)
{
    (void)state;
    parse(true, NULL, "FT_MALLOC_PRESET=debug", "FT_MALLOC_OPTIONS=preset=speed,cache=8M,huge=1",
          NULL);
    assert_int_equal(options.preset, PRESET_BALANCED);
    assert_int_equal(options.cache, options_word(CACHE_USUAL));
    assert_int_equal(options.huge, SWITCH_OFF);
    assert_false(options_write(&options));
    parse(true, "preset=hardened", "FT_MALLOC_PRESET=balanced", NULL, NULL);
    assert_int_equal(options.preset, PRESET_HARDENED);
    parse(true, NULL, "FT_MALLOC_PRESET=hardened", NULL, NULL);
    assert_int_equal(options.perturb, 165);
}

static void expect_stacks(const char *setting, size_t each)
{
    parse(false, setting, NULL, NULL, NULL);
    assert_string_equal(complaint, "");
    assert_int_equal(options_stacks(&options), each);
}

enum { STACKS_COMPLAINT_BYTES = 256 };

static void expect_no_stacks_of(const char *value)
{
    char setting[STACKS_COMPLAINT_BYTES];
    char expected[STACKS_COMPLAINT_BYTES];
    snprintf(setting, sizeof setting, "FT_MALLOC_STACKS=%s", value);
    snprintf(expected, sizeof expected,
             "ft_malloc: option 'stacks' cannot be '%s'; it is a number of bytes as 65536 or 512M, "
             "or 0, or all, or copy, which may have a colon and such a number behind it\n",
             value);
    parse(false, "stacks=3", setting, NULL, NULL);
    assert_string_equal(complaint, expected);
    assert_int_equal(options_stacks(&options), 3);
}

static void slices_are_of_every_allocation_or_of_one_in_so_many_bytes(void **state)
{
    (void)state;
    expect_stacks("stacks=copy", 1);
    expect_stacks("stacks=copy:1", 1);
    expect_stacks("stacks=copy:512K", 512 << 10);
    assert_int_equal(options.stacks, options_word(STACKS_COPY));
    expect_stacks("stacks=Copy:9223372036854775807", PTRDIFF_MAX);
    expect_stacks("stacks=copy:7,stacks=copy", 1);
    expect_stacks("stacks=copy:7,stacks=5", 5);
    assert_int_equal(options.stacks, 5);
    expect_stacks("stacks=copy:7,stacks=all", 1);
    assert_int_equal(options.stacks, options_word(STACKS_ALL));
    expect_stacks("stacks=all,stacks=copy:7,history=4", 7);
    assert_int_equal(options.history, 4);
    const char *const wrong[] = {"copy:",  "copy:0",    "copy:x", "copy:1:2", "copy :1", "all:4096",
                                 "0:4096", "4096:4096", ":4096",  "copies:1", ":",       "copy:-1"};
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        expect_no_stacks_of(wrong[index]);
    }
    parse(true, NULL, "FT_MALLOC_STACKS=copy:4K", NULL, NULL);
    assert_int_equal(options_stacks(&options), 0);
    assert_string_equal(complaint, "");
}

static void stacks_are_of_every_call_or_of_one_in_so_many_bytes(void **state)
{
    (void)state;
    expect_stacks("", 0);
    expect_stacks("stacks=0", 0);
    expect_stacks("stacks=1", 1);
    expect_stacks("stacks=All", 1);
    expect_stacks("stacks=copy", 1);
    expect_stacks("stacks=2", 2);
    expect_stacks("stacks=512K", 512 << 10);
    parse(true, NULL, "FT_MALLOC_STACKS=all", "FT_MALLOC_OPTIONS=stacks=4K", NULL);
    assert_int_equal(options_stacks(&options), 0);
    expect_no_stacks_of("some");
}

static void a_source_of_less_rights_sees_nothing(void **state)
{
    (void)state;
    parse(true, NULL, "MALLOC_DEBUG=1", "FT_MALLOC_OPTIONS=bonus=1,leaks=fail,history=9,perturb=9",
          "FT_MALLOC_OUTPUT=/somewhere");
    assert_false(options_watch(&options));
    assert_false(options_write(&options));
    assert_string_equal(options.output, "");
    parse(true, "debug=1,leaks=1,output=mine", "FT_MALLOC_DEBUG=0", "FT_MALLOC_LEAKS=fail",
          "FT_MALLOC_OUTPUT=errors");
    assert_int_equal(options.debug, SWITCH_OFF);
    assert_int_equal(options.leaks, LEAKS_REPORT);
    assert_string_equal(options.output, "mine");
}

static void expect_asked(const char *list, bool watches, bool writes)
{
    parse(false, list, NULL, NULL, NULL);
    assert_int_equal(options_watch(&options), watches);
    assert_int_equal(options_write(&options), writes);
}

static void each_option_says_whether_calls_are_seen_and_something_is_written(void **state)
{
    (void)state;
    expect_asked("", false, false);
    expect_asked("output=x,limit=1M,mapping=1M,misuse=warn,exhausted=explain", false, false);
    expect_asked("stats=exit", false, true);
    expect_asked("debug=1", true, true);
    expect_asked("bonus=1", true, true);
    expect_asked("leaks=1", true, true);
    expect_asked("leaks=fail", true, true);
    expect_asked("leaks=scan", true, true);
    expect_asked("history=1", true, false);
    expect_asked("perturb=1", true, false);
    expect_asked("stacks=0", false, false);
    expect_asked("stacks=1", true, false);
    expect_asked("stacks=copy", true, false);
}

static void the_other_options_are_left_alone(void **state)
{
    (void)state;
    parse(false, NULL, "FT_MALLOC_LIMIT=1M", "FT_MALLOC_RESERVE=0", "FT_MALLOC_EXHAUSTED=explain");
    assert_int_equal(options.misuse, ANSWER_ABORT);
    assert_int_equal(options.foreign, ANSWER_AS_MISUSE);
    assert_int_equal(options.audit, AUDIT_NEVER);
    assert_int_equal(options.stats, STATS_NEVER);
}

// The arrays are of fixed sizes: C has no word against one that fills its array and has no end.
static void each_word_of_the_table_ends_within_its_array(void **state)
{
    (void)state;
    for (size_t i = 0; i < options_row_count; i++) {
        const struct option_row *row = &options_rows[i];
        assert_in_range(strnlen(row->name, sizeof row->name), 1, sizeof row->name - 1);
        for (size_t value = 0; value < OPTION_VALUES_MAX; value++) {
            assert_true(strnlen(row->values[value], OPTION_WORD_BYTES) < OPTION_WORD_BYTES);
        }
        assert_string_equal(row->values[OPTION_VALUES_MAX], "");
    }
    for (size_t i = 0; i < options_alias_count; i++) {
        const struct option_alias *alias = &options_aliases[i];
        assert_in_range(strnlen(alias->variable, sizeof alias->variable), 1,
                        sizeof alias->variable - 1);
        assert_non_null(options_row(
            (struct piece){alias->option, strnlen(alias->option, sizeof alias->option)}));
        assert_true(strnlen(alias->minus_one, sizeof alias->minus_one) < sizeof alias->minus_one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_bytes_may_have_a_unit),
        cmocka_unit_test(the_largest_number_is_that_of_a_chunk),
        cmocka_unit_test(words_stand_for_no_number),
        cmocka_unit_test(what_is_no_number_is_named_with_what_is_allowed),
        cmocka_unit_test(a_word_of_one_option_is_none_of_another),
        cmocka_unit_test(nothing_is_no_value_in_a_list_and_no_setting_alone),
        cmocka_unit_test(what_is_not_printable_is_a_question_mark_in_the_complaint),
        cmocka_unit_test(a_long_value_is_cut_in_the_complaint),
        cmocka_unit_test(the_later_source_wins),
        cmocka_unit_test(a_source_of_less_rights_has_no_say),
        cmocka_unit_test(a_number_has_a_range_and_a_word_below_it),
        cmocka_unit_test(what_is_out_of_a_range_changes_nothing_and_is_answered_with_it),
        cmocka_unit_test(a_text_is_kept_as_it_is),
        cmocka_unit_test(other_names_are_overridden_by_ours),
        cmocka_unit_test(a_preset_is_what_nobody_says_otherwise),
        cmocka_unit_test(who_says_more_overrides_a_preset_wherever_that_is_said),
        cmocka_unit_test(a_source_of_less_rights_may_ask_for_more_checks_alone),
        cmocka_unit_test(slices_are_of_every_allocation_or_of_one_in_so_many_bytes),
        cmocka_unit_test(stacks_are_of_every_call_or_of_one_in_so_many_bytes),
        cmocka_unit_test(a_source_of_less_rights_sees_nothing),
        cmocka_unit_test(each_option_says_whether_calls_are_seen_and_something_is_written),
        cmocka_unit_test(the_other_options_are_left_alone),
        cmocka_unit_test(each_word_of_the_table_ends_within_its_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
