// SPDX-License-Identifier: MIT
#include "tools/replay.d/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROW_COUNT = 20,
    MISUSE_LINES_MAX = 50,
    LOOK_EACH = 64, // steps between two looks at how much is in use
    NANOSECONDS = 1000000000,
    GROUP_TEXT_BYTES = 32,
    MODULES_MAX = 1000,
    FRAMES_MAX = 256,
};

// ---- numbers as text ------------------------------------------------------------------------------

// With a comma at each thousand.
static const char *grouped(uint64_t number, char text[GROUP_TEXT_BYTES])
{
    char digits[GROUP_TEXT_BYTES];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    char *at = text;
    for (int index = 0; index < length; index++) {
        *at++ = digits[index];
        if ((length - index) % 3 == 1 && index + 1 < length) {
            *at++ = ',';
        }
    }
    *at = '\0';
    return text;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void tell_number(const char *what, uint64_t number)
{
    char text[GROUP_TEXT_BYTES];
    printf("  %-36s%16s\n", what, grouped(number, text));
}

// ---- the calls ------------------------------------------------------------------------------------

static const char *const kind_names[TRACE_KIND_COUNT] = {
    [TRACE_MALLOC] = "malloc",
    [TRACE_CALLOC] = "calloc",
    [TRACE_REALLOC] = "realloc",
    [TRACE_ALIGNED] = "aligned_alloc",
    [TRACE_FREE] = "free",
    [TRACE_MISUSED_FREE] = "misused free",
    [TRACE_MISUSED_REALLOC] = "misused realloc",
    [TRACE_END] = "end",
    [TRACE_BEFORE] = "before",
    [TRACE_THREAD] = "thread",
    [TRACE_STACK] = "stack",
    [TRACE_MODULE] = "module",
};

static void tell_calls(const struct script *script)
{
    printf("process %" PRIu32 ", %" PRIu32 " threads\n", script->process, script->thread_count);
    for (unsigned kind = TRACE_MALLOC; kind <= TRACE_MISUSED_REALLOC; kind++) {
        if (script->kind_counts[kind] != 0) {
            tell_number(kind_names[kind], script->kind_counts[kind]);
        }
    }
    if (script->kind_counts[TRACE_BEFORE] != 0) {
        tell_number("chunks that were there before", script->kind_counts[TRACE_BEFORE]);
    }
}

// ---- the replay -----------------------------------------------------------------------------------

const char *report_misuse_words(enum ft_core_misuse misuse)
{
    switch (misuse) {
    case FT_CORE_FOREIGN: return "a foreign pointer";
    case FT_CORE_DOUBLE_FREE: return "a double free";
    case FT_CORE_NEVER_ALLOCATED: return "a pointer that was never allocated";
    case FT_CORE_INTERIOR: return "a pointer inside a chunk";
    case FT_CORE_WRONG_SIZE: return "a wrong size";
    default: return "a chunk that is in use here";
    }
}

// Between the rows of the table, where it was.
static void tell_misuse(const struct step *step, enum ft_core_misuse misuse, uint64_t count)
{
    if (count < MISUSE_LINES_MAX) {
        printf("  MISUSE: call %" PRIu64 ", %s of 0x%" PRIx64 " by thread %" PRIu32 ": %s\n",
               step->order, step->kind == TRACE_MISUSED_FREE ? "free" : "realloc", step->address,
               step->thread + 1, report_misuse_words(misuse));
    }
}

static void tell_head(void)
{
    printf("\n  %14s %10s %10s %14s %14s %7s %14s %14s\n", "call", "seconds", "chunks",
           "live bytes", "in use", "live", "free in zones", "metadata");
}

static void tell_row(struct replay *replay, const struct step *step, uint64_t began)
{
    struct ft_core_census census = ft_core_census(replay->core);
    uint64_t used = census.live_bytes + census.rounding_bytes + census.zone_bytes +
                    census.stack_bytes + census.home_bytes;
    char texts[5][GROUP_TEXT_BYTES];
    printf("  %14s %10.3f %10s %14s %14s %5.1f %% %14s %14s\n", grouped(step->order, texts[0]),
           step->time > began ? (double)(step->time - began) / NANOSECONDS : 0.0,
           grouped(replay->live_count, texts[1]), grouped(replay->live_bytes, texts[2]),
           grouped(used, texts[3]), percent(replay->live_bytes, used),
           grouped(census.zone_bytes + census.stack_bytes + census.home_bytes, texts[4]),
           grouped(census.metadata_bytes, (char[GROUP_TEXT_BYTES]){0}));
}

// What a replay has come to.
struct course {
    uint64_t peak_used; // bytes of runs and zones
    uint64_t misuse_count;
};

static void look(struct replay *replay, struct course *course)
{
    struct ft_core_figures figures = ft_core_figures(replay->core);
    if (figures.used_bytes > course->peak_used) {
        course->peak_used = figures.used_bytes;
    }
}

static void play(struct replay *replay, struct course *course, uint64_t until, bool with_rows)
{
    const struct script *script = replay->script;
    uint64_t began = script->count != 0 ? script->steps[0].time : 0;
    size_t row = 0;
    while (replay->next < script->count &&
           (until == 0 || script->steps[replay->next].order <= until)) {
        const struct step *step = &script->steps[replay->next];
        enum ft_core_misuse misuse = replay_step(replay);
        bool is_misuse = step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC;
        if (is_misuse) {
            tell_misuse(step, misuse, course->misuse_count++);
        }
        if (replay->next % LOOK_EACH == 0 || replay->next == script->count) {
            look(replay, course);
        }
        if (with_rows && replay->next * ROW_COUNT >= (row + 1) * script->count) {
            row = replay->next * ROW_COUNT / script->count;
            tell_row(replay, step, began);
        }
    }
}

// ---- the whole ------------------------------------------------------------------------------------

static void write_text(void *context, const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, context);
}

// Whether the replay, or the trace, and the program agree about the end.
static bool tell_end(const struct script *script, const struct replay *replay, bool is_whole)
{
    printf("\nat the end\n");
    tell_number("live chunks", replay->live_count);
    tell_number("live bytes", replay->live_bytes);
    if (!script->has_end || !is_whole) {
        return true;
    }
    bool is_same = script->end_count == script->live_count_at_end &&
                   script->end_bytes == script->live_bytes_at_end;
    char count[GROUP_TEXT_BYTES];
    char bytes[GROUP_TEXT_BYTES];
    printf("  the program had %s chunks, %s bytes at its end, call %" PRIu64 ": %s\n",
           grouped(script->end_count, count), grouped(script->end_bytes, bytes), script->end_order,
           is_same ? "the same" : "NOT the same");
    return is_same;
}

static void tell_memory(const struct script *script, const struct replay *replay,
                        const struct course *course)
{
    if (course->misuse_count > MISUSE_LINES_MAX) {
        printf("  and %" PRIu64 " misuses more\n", course->misuse_count - MISUSE_LINES_MAX);
    }
    printf("\nmemory\n");
    tell_number("peak of live bytes", script->peak_bytes);
    tell_number("  after call", script->peak_order);
    tell_number("peak of memory in use", course->peak_used);
    printf("  %-36s%14.1f %%\n", "chunks where one was before",
           percent(replay->reuse_count, replay->alloc_count));
    if (replay->failed_count != 0) {
        tell_number("chunks that could not be had here", replay->failed_count);
    }
    if (script->unknown_frees != 0) {
        tell_number("frees of chunks that are not known", script->unknown_frees);
    }
    if (script->lost_frees != 0) {
        tell_number("frees that are missing", script->lost_frees);
    }
}

bool report_replay(const struct script *script, uint64_t until)
{
    struct replay replay;
    struct course course = {.peak_used = 0};
    if (!replay_begin(&replay, script)) {
        return false;
    }
    tell_calls(script);
    if (until != 0) {
        play(&replay, &course, until, false);
        printf("\nthe heap after call %" PRIu64 "\n", until);
        fflush(stdout);
        ft_core_report(replay_heap(&replay), write_text, stdout);
    } else {
        tell_head();
        play(&replay, &course, 0, true);
        tell_memory(script, &replay, &course);
    }
    bool is_same = tell_end(script, &replay, until == 0);
    bool is_valid = ft_core_check(replay.core);
    printf("  digest %016" PRIx64 "%s%s\n", replay_digest(&replay),
           replay.is_in_place ? "" : " (the usual addresses were taken: comparable to none)",
           is_valid ? "" : "; the heap is NOT valid");
    replay_end(&replay);
    return is_same && is_valid;
}

// ---- call stacks ----------------------------------------------------------------------------------

// What was mapped where call stacks lead to.
struct modules {
    struct trace_record list[MODULES_MAX];
    size_t count;
};

// Notes a module; of those that are told again, at the process's end, the last.
static void note_module(struct modules *modules, const struct trace_record *record)
{
    size_t index = 0;
    while (index < modules->count && modules->list[index].ptr != record->ptr) {
        index++;
    }
    if (index < MODULES_MAX) {
        modules->list[index] = *record;
        modules->count += index == modules->count;
    }
}

// "    #0 /usr/bin/program+0x1234", as tools/symbols reads it.
static void tell_frame(const struct modules *modules, size_t number, uint64_t frame)
{
    printf("    #%zu ", number);
    for (size_t index = 0; index < modules->count; index++) {
        const struct trace_record *module = &modules->list[index];
        if (frame - module->ptr < module->bytes) {
            printf("%.*s+0x%" PRIx64 "\n", (int)module->data_bytes, (const char *)module->data,
                   frame - module->ptr);
            return;
        }
    }
    printf("0x%" PRIx64 "\n", frame);
}

static void tell_stack(const struct modules *modules, const struct trace_record *record)
{
    uint64_t frames[FRAMES_MAX];
    size_t count = trace_frames_get(record->data, record->data_bytes, frames, FRAMES_MAX);
    printf("stack %" PRIu32 "\n", record->stack);
    for (size_t index = 0; index < count; index++) {
        tell_frame(modules, index, frames[index]);
    }
}

// ---- records --------------------------------------------------------------------------------------

static void tell_record(const struct modules *modules, const struct trace_record *record)
{
    if (record->kind == TRACE_STACK) {
        tell_stack(modules, record);
        return;
    }
    if (trace_is_call(record->kind)) {
        printf("[%" PRIu64 "] ", record->order);
    }
    printf("%s", kind_names[record->kind]);
    switch (record->kind) {
    case TRACE_THREAD: printf(" %" PRIu32 "\n", record->thread); return;
    case TRACE_END:
        printf(" with %" PRIu64 " chunks, %" PRIu64 " bytes\n", record->count, record->bytes);
        return;
    case TRACE_MODULE:
        printf(" 0x%" PRIx64 " + %" PRIu64 " %.*s\n", record->ptr, record->bytes,
               (int)record->data_bytes, (const char *)record->data);
        return;
    default: break;
    }
    if (record->ptr != 0) {
        printf(" 0x%" PRIx64, record->ptr);
    }
    if (record->kind == TRACE_FREE || record->kind == TRACE_REALLOC ||
        record->kind == TRACE_BEFORE) {
        printf(" (%" PRIu64 " bytes)", record->held);
    }
    if (record->kind != TRACE_FREE && record->kind != TRACE_MISUSED_FREE &&
        record->kind != TRACE_BEFORE) {
        printf(" %" PRIu64 " bytes", record->bytes);
    }
    if (record->kind == TRACE_ALIGNED) {
        printf(" at multiples of %" PRIu64, record->align);
    }
    if (record->result != 0) {
        printf(" -> 0x%" PRIx64, record->result);
    }
    if (record->stack != 0) {
        printf(" from stack %" PRIu32, record->stack);
    }
    printf(" by thread %" PRIu32 "\n", record->thread);
}

// Reads a trace once for its modules, and once more for all else.
static bool read_records(const char *path, struct modules *modules, bool tells)
{
    static struct reader reader;
    if (!reader_open(&reader, path)) {
        return false;
    }
    struct trace_record record;
    while (reader_next(&reader, &record)) {
        if (tells) {
            tell_record(modules, &record);
        } else if (record.kind == TRACE_MODULE) {
            note_module(modules, &record);
        }
    }
    // Modules' names lie in the first reading's file.
    if (tells) {
        reader_close(&reader);
    }
    return true;
}

bool report_records(const char *path)
{
    static struct modules modules;
    return read_records(path, &modules, false) && read_records(path, &modules, true);
}
