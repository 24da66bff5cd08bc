// SPDX-License-Identifier: MIT
#include "tools/replay.d/script.h"

#include "tools/replay.d/map.h"
#include "tools/replay.d/pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What is known of a chunk that is live, or was the last one at its address.
struct chunk {
    uint64_t bytes;
    uint32_t life;
    bool is_live;
};

// What a script is made with.
struct maker {
    struct script *script;
    struct map places;  // address -> index of chunks, and one more
    struct map threads; // number -> the same of threads
    struct chunk *chunks;
    size_t chunk_bytes;
    size_t chunk_count;
    uint64_t last_thread; // that was looked up, and its number
    uint32_t last_number;
};

enum { LEAST_BYTES = 1 << 20 };

static struct step *add_step(struct maker *maker, const struct trace_record *record)
{
    struct script *script = maker->script;
    if ((script->count + 1) * sizeof(struct step) > script->bytes) {
        script->steps = pages_grow(script->steps, &script->bytes, LEAST_BYTES);
    }
    if (maker->last_thread != record->thread || script->thread_count == 0) {
        uint64_t *number = map_at(&maker->threads, record->thread);
        *number = *number != 0 ? *number : ++script->thread_count;
        maker->last_thread = record->thread;
        maker->last_number = (uint32_t)*number - 1;
    }
    struct step *step = &script->steps[script->count++];
    *step = (struct step){
        .order = record->order,
        .time = record->time,
        .bytes = record->bytes,
        .address = record->result != 0 ? record->result : record->ptr,
        .life = LIFE_NONE,
        .thread = maker->last_number,
        .stack = record->stack,
        .kind = (uint8_t)record->kind,
    };
    while (record->align >> step->power > 1) {
        step->power++;
    }
    return step;
}

// The chunk that is or was last at this address, NULL if none ever was.
static struct chunk *chunk_at(const struct maker *maker, uint64_t address)
{
    const uint64_t *place = map_find(&maker->places, address);
    return place != NULL ? &maker->chunks[*place - 1] : NULL;
}

static void count(struct maker *maker, const struct trace_record *record, uint64_t freed,
                  uint64_t got, int change)
{
    struct script *script = maker->script;
    script->live_bytes = script->live_bytes - freed + got;
    script->live_count += (uint64_t)(int64_t)change;
    if (script->live_bytes > script->peak_bytes) {
        script->peak_bytes = script->live_bytes;
        script->peak_order = record->order;
    }
}

// A chunk of this life is at an address from now on.
static void begin_life(struct maker *maker, const struct trace_record *record, uint64_t address,
                       uint64_t bytes, uint32_t life)
{
    uint64_t *place = map_at(&maker->places, address);
    if (*place == 0) {
        if ((maker->chunk_count + 1) * sizeof(struct chunk) > maker->chunk_bytes) {
            maker->chunks = pages_grow(maker->chunks, &maker->chunk_bytes, LEAST_BYTES);
        }
        *place = ++maker->chunk_count;
    }
    maker->chunks[*place - 1] = (struct chunk){.bytes = bytes, .life = life, .is_live = true};
    count(maker, record, 0, bytes, 1);
}

static void end_life(struct maker *maker, const struct trace_record *record, struct chunk *chunk)
{
    chunk->is_live = false;
    count(maker, record, chunk->bytes, 0, -1);
}

// If the trace has lost the free of what was at an address, it is made up.
static void make_room(struct maker *maker, const struct trace_record *record, uint64_t address)
{
    struct chunk *chunk = chunk_at(maker, address);
    if (chunk != NULL && chunk->is_live) {
        const struct trace_record lost = {
            .kind = TRACE_FREE,
            .order = record->order,
            .time = record->time,
            .thread = record->thread,
            .ptr = address,
        };
        struct step *step = add_step(maker, &lost);
        step->life = chunk->life;
        step->is_done = true;
        end_life(maker, record, chunk);
        maker->script->lost_frees++;
    }
}

static void add_alloc(struct maker *maker, const struct trace_record *record)
{
    bool is_before = record->kind == TRACE_BEFORE;
    uint64_t address = is_before ? record->ptr : record->result;
    if (address != 0) {
        make_room(maker, record, address);
    }
    struct step *step = add_step(maker, record);
    step->bytes = is_before ? record->held : record->bytes;
    if (address != 0) {
        step->life = maker->script->life_count++;
        step->is_done = true;
        begin_life(maker, record, address, step->bytes, step->life);
    }
}

static void add_free(struct maker *maker, const struct trace_record *record)
{
    struct chunk *chunk = chunk_at(maker, record->ptr);
    if (chunk == NULL || !chunk->is_live) {
        maker->script->unknown_frees++;
        return;
    }
    struct step *step = add_step(maker, record);
    step->life = chunk->life;
    step->is_done = true;
    end_life(maker, record, chunk);
}

static void add_realloc(struct maker *maker, const struct trace_record *record)
{
    struct chunk *chunk = chunk_at(maker, record->ptr);
    if (chunk == NULL || !chunk->is_live) {
        // A chunk of which only the end is known, or its new beginning.
        maker->script->unknown_frees++;
        if (record->result != 0) {
            struct trace_record fresh = *record;
            fresh.kind = TRACE_MALLOC;
            add_alloc(maker, &fresh);
        }
        return;
    }
    if (record->result != 0 && record->result != record->ptr) {
        make_room(maker, record, record->result);
        chunk = chunk_at(maker, record->ptr);
    }
    struct step *step = add_step(maker, record);
    bool is_free = record->result == 0 && record->bytes == 0;
    step->kind = is_free ? TRACE_FREE : TRACE_REALLOC;
    step->life = chunk->life;
    step->is_done = record->result != 0 || is_free;
    if (step->is_done) {
        end_life(maker, record, chunk);
    }
    if (record->result != 0) {
        begin_life(maker, record, record->result, record->bytes, step->life);
    }
}

// The chunk that a misused pointer leads to: one that starts there, or live around it.
static void add_misuse(struct maker *maker, const struct trace_record *record)
{
    struct step *step = add_step(maker, record);
    const struct chunk *chunk = chunk_at(maker, record->ptr);
    if (chunk != NULL) {
        step->life = chunk->life;
        return;
    }
    const struct map *places = &maker->places;
    for (size_t index = 0; index < places->bytes / sizeof(struct map_entry); index++) {
        const struct map_entry *entry = &places->entries[index];
        if (!entry->is_used || entry->key > record->ptr) {
            continue;
        }
        chunk = &maker->chunks[entry->value - 1];
        if (chunk->is_live && record->ptr - entry->key < chunk->bytes) {
            step->life = chunk->life;
            step->offset = record->ptr - entry->key;
            return;
        }
    }
}

static void note_end(struct script *script, const struct trace_record *record)
{
    script->has_end = true;
    script->end_order = record->order;
    script->end_count = record->count;
    script->end_bytes = record->bytes;
    script->live_count_at_end = script->live_count;
    script->live_bytes_at_end = script->live_bytes;
}

static void add(struct maker *maker, const struct trace_record *record)
{
    maker->script->kind_counts[record->kind]++;
    switch (record->kind) {
    case TRACE_MALLOC:
    case TRACE_CALLOC:
    case TRACE_ALIGNED:
    case TRACE_BEFORE: add_alloc(maker, record); break;
    case TRACE_REALLOC: add_realloc(maker, record); break;
    case TRACE_FREE: add_free(maker, record); break;
    case TRACE_MISUSED_FREE:
    case TRACE_MISUSED_REALLOC: add_misuse(maker, record); break;
    case TRACE_END: note_end(maker->script, record); break;
    default: break;
    }
}

static void mark_last(struct script *script)
{
    bool *seen = pages_take(script->thread_count);
    for (size_t index = script->count; index-- != 0;) {
        struct step *step = &script->steps[index];
        step->is_last = !seen[step->thread];
        seen[step->thread] = true;
    }
    pages_give(seen, script->thread_count);
}

void script_make(struct script *script, struct reader *reader)
{
    *script = (struct script){.process = reader->process};
    struct maker maker = {.script = script};
    struct trace_record record;
    while (reader_next(reader, &record)) {
        add(&maker, &record);
    }
    mark_last(script);
    map_clear(&maker.places);
    map_clear(&maker.threads);
    pages_give(maker.chunks, maker.chunk_bytes);
    script->missing_calls = reader->missing_calls;
    script->damaged_blocks = reader->damaged_blocks;
    script->missing_blocks = reader->missing_blocks;
    script->is_cut = reader->is_cut;
}

// What is wrong with a trace that can be read, a line each.
static void tell_wrongs(const struct script *script, const char *path)
{
    if (script->is_cut) {
        fprintf(stderr,
                "ft_replay: %s: the file ends inside a block; what lies behind is missing\n", path);
    }
    if (script->damaged_blocks != 0) {
        fprintf(stderr, "ft_replay: %s: %zu blocks are damaged, and left out\n", path,
                script->damaged_blocks);
    }
    if (script->missing_blocks != 0) {
        fprintf(stderr, "ft_replay: %s: %zu blocks are missing\n", path, script->missing_blocks);
    }
    if (script->missing_calls != 0) {
        fprintf(stderr, "ft_replay: %s: %" PRIu64 " calls are missing\n", path,
                script->missing_calls);
    }
}

bool script_read(struct script *script, const char *path, bool is_quiet)
{
    static struct reader reader;
    if (!reader_open(&reader, path)) {
        return false;
    }
    script_make(script, &reader);
    reader_close(&reader);
    if (!is_quiet) {
        tell_wrongs(script, path);
    }
    return true;
}

void script_clear(struct script *script)
{
    pages_give(script->steps, script->bytes);
    *script = (struct script){.steps = NULL};
}
