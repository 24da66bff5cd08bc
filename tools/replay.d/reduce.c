// SPDX-License-Identifier: MIT
#include "tools/replay.d/reduce.h"

#include "tools/replay.d/pages.h"
#include "tools/replay.d/replay.h"
#include "tools/replay.d/report.h"
#include "tools/replay.d/writer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SINGLE_MAX = 1000 }; // steps that are tried one by one, when so few are left

struct reducer {
    const struct script *script;
    const char *command;        // NULL: a misuse
    char tried[PATH_MAX];       // the trace that the command is given
    bool *is_kept;              // by steps
    struct script part;         // those that are kept
    enum ft_core_misuse misuse; // that is to show
    size_t test_count;
};

static bool is_misuse(const struct step *step)
{
    return step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC;
}

// ---- whether the failure shows --------------------------------------------------------------------

static void make_part(struct reducer *reducer)
{
    const struct script *script = reducer->script;
    struct script *part = &reducer->part;
    part->count = 0;
    for (size_t index = 0; index < script->count; index++) {
        if (reducer->is_kept[index]) {
            part->steps[part->count] = script->steps[index];
            part->steps[part->count++].is_last = false;
        }
    }
}

// The first misuse that the core finds; FT_CORE_OK: none. *at is how many steps it took.
static enum ft_core_misuse first_misuse(const struct script *script, size_t *at)
{
    struct replay replay;
    enum ft_core_misuse misuse = FT_CORE_OK;
    if (!replay_begin(&replay, script)) {
        exit(1);
    }
    while (replay.next < script->count && misuse == FT_CORE_OK) {
        misuse = replay_step(&replay);
    }
    *at = replay.next;
    replay_end(&replay);
    return misuse;
}

static bool run_command(struct reducer *reducer)
{
    char line[2 * PATH_MAX];
    if (!writer_write(&reducer->part, false, reducer->tried)) {
        exit(1);
    }
    int length = snprintf(line, sizeof(line), "%s '%s'", reducer->command, reducer->tried);
    return length > 0 && (size_t)length < sizeof(line) && system(line) == 0;
}

static bool shows(struct reducer *reducer)
{
    size_t at;
    reducer->test_count++;
    make_part(reducer);
    if (reducer->part.count == 0) {
        return false;
    }
    return reducer->command != NULL ? run_command(reducer)
                                    : first_misuse(&reducer->part, &at) == reducer->misuse;
}

// ---- leaving out ----------------------------------------------------------------------------------

// The unit that a step belongs to: the life of its chunk, or itself.
static size_t unit_of(const struct script *script, size_t index)
{
    const struct step *step = &script->steps[index];
    return is_misuse(step) || step->life == LIFE_NONE ? script->life_count + index : step->life;
}

// Leaves out the units of [from, to), if the failure still shows; else brings them back.
static bool leave_out(struct reducer *reducer, const bool *is_there, size_t from, size_t to)
{
    const struct script *script = reducer->script;
    size_t count = 0;
    for (size_t index = 0; index < script->count; index++) {
        size_t unit = unit_of(script, index);
        if (unit >= from && unit < to && is_there[index]) {
            reducer->is_kept[index] = false;
            count++;
        }
    }
    if (count == 0) {
        return false;
    }
    if (shows(reducer)) {
        return true;
    }
    for (size_t index = 0; index < script->count; index++) {
        size_t unit = unit_of(script, index);
        reducer->is_kept[index] |= unit >= from && unit < to && is_there[index];
    }
    return false;
}

// Copies the script's kept steps into a script of their own, with lives numbered anew, so that what is left is quick to go
// through.
static void settle(struct reducer *reducer, struct script *script)
{
    make_part(reducer);
    uint32_t *lives = pages_take((size_t)script->life_count * sizeof(*lives));
    uint32_t life_count = 0;
    for (size_t index = 0; index < reducer->part.count; index++) {
        struct step *step = &script->steps[index];
        *step = reducer->part.steps[index];
        if (step->life != LIFE_NONE && lives[step->life] == 0) {
            // A misuse may name a chunk that is left out: then it is of none.
            lives[step->life] = is_misuse(step) ? 0 : ++life_count;
        }
        if (step->life != LIFE_NONE) {
            step->life = lives[step->life] != 0 ? lives[step->life] - 1 : LIFE_NONE;
        }
        reducer->is_kept[index] = true;
    }
    script->count = reducer->part.count;
    pages_give(lives, (size_t)script->life_count * sizeof(*lives));
    script->life_count = life_count;
    reducer->part.life_count = life_count;
}

// Half of the units, a quarter, and so on, as long as there are some.
static void reduce_units(struct reducer *reducer, struct script *script)
{
    size_t piece = script->life_count + script->count;
    while (piece > 1) {
        piece = (piece + 1) / 2;
        bool has_left = false;
        bool *is_there = pages_take(script->count);
        size_t bytes = script->count;
        memcpy(is_there, reducer->is_kept, script->count);
        for (size_t from = 0; from < script->life_count + script->count; from += piece) {
            has_left |= leave_out(reducer, is_there, from, from + piece);
        }
        pages_give(is_there, bytes);
        if (has_left) {
            settle(reducer, script);
            size_t most = script->life_count + script->count;
            piece = piece < most ? piece : most;
            // At the end once more, until nothing can be left out.
            piece = piece == 1 ? 2 : piece;
        }
    }
}

// Frees that nothing depends on, and reallocs.
static void reduce_steps(struct reducer *reducer, struct script *script)
{
    for (size_t index = script->count; index-- != 0 && script->count <= SINGLE_MAX;) {
        unsigned kind = script->steps[index].kind;
        if (kind != TRACE_FREE && kind != TRACE_REALLOC) {
            continue;
        }
        reducer->is_kept[index] = false;
        reducer->is_kept[index] = !shows(reducer);
    }
    settle(reducer, script);
}

// ---- the whole ------------------------------------------------------------------------------------

static bool begin(struct reducer *reducer, struct script *script, const char *path)
{
    memset(reducer->is_kept, true, script->count);
    if (reducer->command != NULL) {
        snprintf(reducer->tried, sizeof(reducer->tried), "%s.try", path);
        if (!shows(reducer)) {
            fprintf(stderr, "ft_replay: the command does not end with 0 on the whole trace\n");
            return false;
        }
        return true;
    }
    size_t count;
    reducer->misuse = first_misuse(script, &count);
    if (reducer->misuse == FT_CORE_OK) {
        fprintf(stderr, "ft_replay: the core finds no misuse in the trace\n");
        return false;
    }
    script->count = count;
    return true;
}

bool reduce_script(const struct script *whole, const char *command, const char *path)
{
    struct script script = *whole;
    script.steps = pages_take(whole->count * sizeof(struct step));
    memcpy(script.steps, whole->steps, whole->count * sizeof(struct step));
    struct reducer reducer = {
        .script = &script,
        .command = command,
        .is_kept = pages_take(whole->count),
        .part = *whole,
    };
    reducer.part.steps = pages_take(whole->count * sizeof(struct step));
    bool is_good = begin(&reducer, &script, path);
    if (is_good) {
        settle(&reducer, &script);
        reduce_units(&reducer, &script);
        reduce_steps(&reducer, &script);
        make_part(&reducer);
        is_good = writer_write(&reducer.part, false, path);
    }
    if (is_good) {
        printf("%zu of %zu calls are left, after %zu tries; %s:\n", reducer.part.count,
               whole->count, reducer.test_count, path);
        is_good = report_records(path);
    }
    if (command != NULL) {
        unlink(reducer.tried);
    }
    pages_give(script.steps, whole->count * sizeof(struct step));
    pages_give(reducer.part.steps, whole->count * sizeof(struct step));
    pages_give(reducer.is_kept, whole->count);
    return is_good;
}
