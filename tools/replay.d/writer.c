// SPDX-License-Identifier: MIT
#include "tools/replay.d/writer.h"

#include "tools/replay.d/pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// Where a chunk is, and how large.
struct place {
    uint64_t address;
    uint64_t bytes;
};

struct writer {
    FILE *file;
    const struct script *script;
    struct place *places; // by lives
    uint8_t *block;
    size_t used; // of the block; 0: none is begun
    uint64_t sequence;
    uint64_t order; // of the call written last
    struct trace_state state;
};

static void end_block(struct writer *writer)
{
    if (writer->used != 0) {
        trace_block_close(writer->block, (uint32_t)(writer->used - TRACE_HEAD_BYTES));
        fwrite(writer->block, 1, TRACE_BLOCK_BYTES, writer->file);
        memset(writer->block, 0, TRACE_BLOCK_BYTES);
        writer->used = 0;
    }
}

static bool has_order(enum trace_kind kind)
{
    return trace_is_call(kind) || kind == TRACE_END;
}

static void put(struct writer *writer, const struct trace_record *record)
{
    if (TRACE_BLOCK_BYTES - writer->used < 2 * TRACE_RECORD_BYTES_MAX) {
        end_block(writer);
    }
    if (writer->used == 0) {
        const struct trace_head head = {
            .process = writer->script->process,
            .sequence = writer->sequence++,
            .order = record->order - has_order(record->kind),
            .time = record->time,
        };
        trace_block_begin(&head, writer->block);
        writer->state = trace_block_state(&head);
        writer->used = TRACE_HEAD_BYTES;
    }
    if (writer->state.thread != record->thread) {
        const struct trace_record thread = {.kind = TRACE_THREAD, .thread = record->thread};
        writer->used += trace_put(&writer->state, &thread, writer->block + writer->used);
    }
    writer->used += trace_put(&writer->state, record, writer->block + writer->used);
}

static void write_step(struct writer *writer, const struct step *step)
{
    struct trace_record record = {
        .kind = (enum trace_kind)step->kind,
        .time = step->time,
        .thread = step->thread + 1,
        .align = (uint64_t)1 << step->power,
        .bytes = step->bytes,
    };
    struct place none = {.address = step->address};
    struct place *place = step->life != LIFE_NONE ? &writer->places[step->life] : &none;
    switch (record.kind) {
    case TRACE_FREE:
    case TRACE_REALLOC:
        record.ptr = place->address;
        record.held = place->bytes;
        record.result = record.kind == TRACE_REALLOC && step->is_done ? step->address : 0;
        break;
    case TRACE_BEFORE:
        record.ptr = step->address;
        record.held = step->bytes;
        break;
    case TRACE_MISUSED_FREE:
    case TRACE_MISUSED_REALLOC: record.ptr = step->address; break;
    default: record.result = step->is_done ? step->address : 0; break;
    }
    writer->order += trace_is_call(record.kind);
    record.order = writer->order;
    put(writer, &record);
    bool is_misuse = record.kind == TRACE_MISUSED_FREE || record.kind == TRACE_MISUSED_REALLOC;
    if (step->is_done && !is_misuse) {
        *place = (struct place){.address = step->address, .bytes = step->bytes};
    }
}

static void write_end(struct writer *writer)
{
    const struct trace_record record = {
        .kind = TRACE_END,
        .order = ++writer->order,
        .time = writer->state.time,
        .thread = writer->state.thread,
        .bytes = writer->script->end_bytes,
        .count = writer->script->end_count,
    };
    put(writer, &record);
}

static void write_steps(struct writer *writer, bool with_end)
{
    const struct script *script = writer->script;
    bool is_due = with_end && script->has_end;
    for (size_t index = 0; index < script->count; index++) {
        if (is_due && script->steps[index].order > script->end_order) {
            write_end(writer);
            is_due = false;
        }
        write_step(writer, &script->steps[index]);
    }
    if (is_due) {
        write_end(writer);
    }
}

bool writer_write(const struct script *script, bool with_end, const char *path)
{
    struct writer writer = {
        .file = fopen(path, "wb"),
        .script = script,
        .places = pages_take(script->life_count * sizeof(writer.places[0])),
        .block = pages_take(TRACE_BLOCK_BYTES),
    };
    bool is_good = writer.file != NULL;
    if (is_good) {
        write_steps(&writer, with_end);
        end_block(&writer);
        is_good = ferror(writer.file) == 0;
        is_good = fclose(writer.file) == 0 && is_good;
    }
    pages_give(writer.places, script->life_count * sizeof(writer.places[0]));
    pages_give(writer.block, TRACE_BLOCK_BYTES);
    if (!is_good) {
        fprintf(stderr, "ft_replay: %s cannot be written: %s\n", path, strerror(errno));
    }
    return is_good;
}
