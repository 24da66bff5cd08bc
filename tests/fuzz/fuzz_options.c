// SPDX-License-Identifier: MIT
// The option parser on any environment. The input is a byte of flags and then strings, each ended by a
// zero byte: the program's own string, if flag 1 is set, and the environment's entries.
//
// What must hold of every environment: each answer is one of the option's; each complaint is one that
// begins with our name and ends its line; an entry that is not ours changes nothing; a source that is
// not trusted makes nothing laxer; the last word of one who may say it is heeded; and to read the same
// twice is to read it once.
#include "api/options.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_PRIVILEGED = 1, FLAG_PROGRAM = 2, ENTRIES_MAX = 64, COMPLAINT_BYTES_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Each in memory of its own, so that who reads beyond its end is seen.
static char *entries[ENTRIES_MAX + 2];
static size_t entry_count;
static uint64_t complaint_hash;

static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_options: %s\n", what);
        abort();
    }
}

static const char *entry_at(size_t index)
{
    demand(index <= entry_count, "an entry behind the end of the environment is asked for");
    return entries[index];
}

static void hear(const char *line, size_t length)
{
    demand(length > 11 && length < COMPLAINT_BYTES_MAX, "a complaint is of no sensible length");
    demand(memcmp(line, "ft_malloc: ", 11) == 0, "a complaint does not say whose it is");
    demand(line[length - 1] == '\n', "a complaint does not end its line");
    demand(memchr(line, 0, length) == NULL, "a complaint holds a zero byte");
    for (size_t at = 0; at < length; at++) {
        complaint_hash = complaint_hash * 31 + (unsigned char)line[at];
    }
}

static char *copy_of(const uint8_t *bytes, size_t length)
{
    char *copy = malloc(length + 1);
    demand(copy != NULL, "the fuzzer has no memory");
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

static struct options parse(const char *program, bool is_privileged)
{
    const struct option_source source = {
        .program = program,
        .entry = entry_at,
        .complain = hear,
        .is_privileged = is_privileged,
    };
    // Not zero at first: every option must be set.
    struct options options;
    memset(&options, 0x5A, sizeof(options));
    options.are_read = true;
    complaint_hash = 0;
    options_parse(&options, &source);
    demand(options.misuse <= ANSWER_IGNORE, "misuse has no such answer");
    demand(options.foreign <= ANSWER_AS_MISUSE, "foreign has no such answer");
    demand(options.debug <= SWITCH_ON && options.bonus <= SWITCH_ON,
           "a switch is neither on nor off");
    demand(options.leaks <= LEAKS_SCAN, "leaks has no such answer");
    demand(options.history == options_word(COUNT_NONE) ||
               (options.history >= 1 && options.history <= 1000000),
           "history is out of its range");
    demand(options.perturb == options_word(COUNT_NONE) ||
               (options.perturb >= 1 && options.perturb <= 255),
           "perturb is no byte");
    demand(options.preset <= PRESET_DEBUG, "there is no such preset");
    demand(options.huge <= SWITCH_ON, "huge is neither on nor off");
    demand(options.cache == options_word(CACHE_USUAL) ||
               (options.cache >= 4096 && options.cache <= 16 << 20),
           "cache is out of its range");
    demand(options_stacks(&options) <= PTRDIFF_MAX, "stacks is no number of bytes");
    demand(options.stacks_rate >= 1 && options.stacks_rate <= PTRDIFF_MAX,
           "slices are of no number of bytes");
    demand(memchr(options.output, '\0', OPTION_TEXT_BYTES) != NULL, "output has no end");
    demand(options_foreign(&options) <= ANSWER_IGNORE, "there is no such answer to a foreign free");
    return options;
}

static bool are_equal(const struct options *left, const struct options *right)
{
    return left->misuse == right->misuse && left->foreign == right->foreign &&
           left->debug == right->debug && left->history == right->history &&
           left->perturb == right->perturb && left->stacks == right->stacks &&
           left->stacks_rate == right->stacks_rate && left->preset == right->preset &&
           strcmp(left->output, right->output) == 0;
}

// Adds an entry, and returns what the environment says then.
static struct options parse_with(const char *entry, const char *program, bool is_privileged)
{
    entries[entry_count++] = (char *)entry;
    entries[entry_count] = NULL;
    struct options options = parse(program, is_privileged);
    entries[--entry_count] = NULL;
    return options;
}

static void check(const char *program, bool is_privileged)
{
    struct options options = parse(program, is_privileged);
    uint64_t complaints = complaint_hash;
    struct options again = parse(program, is_privileged);
    demand(are_equal(&options, &again) && complaints == complaint_hash,
           "the same environment is read in two ways");
    struct options other = parse_with("FT_MALLO_MISUSE=ignore", program, is_privileged);
    demand(are_equal(&options, &other) && complaints == complaint_hash,
           "an entry that is not ours has said something");
    struct options alias = parse_with("MALLOC_PERTURB_=300", program, is_privileged);
    demand(alias.perturb == options.perturb, "a number out of its range is heeded");
    struct options logged = parse_with("FT_MALLOC_DEBUG=1", program, is_privileged);
    demand(logged.debug == (is_privileged ? options.debug : (unsigned)SWITCH_ON),
           "a log is had by who may not ask for it, or not by who may");
    struct options last = parse_with("FT_MALLOC_MISUSE=warn", program, is_privileged);
    demand(is_privileged || last.misuse == ANSWER_WARN, "the last word is not heeded");
    struct options strict = parse_with("FT_MALLOC_FOREIGN=Abort", program, is_privileged);
    demand(strict.foreign == ANSWER_ABORT, "who wants it stricter is not heeded");
    size_t count = entry_count;
    char *first = entries[0];
    entry_count = 0;
    entries[0] = NULL;
    struct options trusted = parse(program, is_privileged);
    entry_count = count;
    entries[0] = first;
    demand(!is_privileged || (options.misuse <= trusted.misuse &&
                              options_foreign(&options) <= options_foreign(&trusted)),
           "an environment that is not trusted has made an option laxer");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    unsigned flags = data[0];
    char *program = NULL;
    size_t at = 1;
    while (at < size && entry_count < ENTRIES_MAX) {
        size_t length = strnlen((const char *)data + at, size - at);
        char *string = copy_of(data + at, length);
        if ((flags & FLAG_PROGRAM) != 0 && program == NULL) {
            program = string;
        } else {
            entries[entry_count++] = string;
        }
        at += length + 1;
    }
    entries[entry_count] = NULL;
    check(program, (flags & FLAG_PRIVILEGED) != 0);
    free(program);
    while (entry_count != 0) {
        free(entries[--entry_count]);
        entries[entry_count] = NULL;
    }
    return 0;
}
