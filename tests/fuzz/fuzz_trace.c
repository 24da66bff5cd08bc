// SPDX-License-Identifier: MIT
// Traces of any bytes: what reads them must not fail, and what it makes of them must make sense.
//
// What must hold: a file reads the same twice; a record that could be read is written with bytes that read the same; a script
// has each life begun once and ended once, and ends with what it counted; stripped, it has no two chunks at one address.
#include "tools/replay.d/map.h"
#include "tools/replay.d/script.h"
#include "tools/replay.d/strip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_trace: %s\n", what);
        abort();
    }
}

static bool are_equal(const struct trace_record *left, const struct trace_record *right)
{
    return left->kind == right->kind && left->order == right->order && left->time == right->time &&
           left->thread == right->thread && left->stack == right->stack &&
           left->align == right->align && left->ptr == right->ptr && left->held == right->held &&
           left->bytes == right->bytes && left->result == right->result &&
           left->count == right->count && left->data_bytes == right->data_bytes &&
           (left->data_bytes == 0 || memcmp(left->data, right->data, left->data_bytes) == 0);
}

// The bytes of a block's records, without a head.
static void check_records(const uint8_t *data, size_t size)
{
    struct trace_state state = {.order = 3, .time = 4};
    struct trace_record record;
    size_t at = 0;
    for (;;) {
        struct trace_state before = state;
        size_t length = trace_get(&state, data + at, size - at, &record);
        if (length == 0 || length == SIZE_MAX) {
            return;
        }
        demand(length <= size - at, "a record is longer than what is there");
        uint8_t bytes[TRACE_RECORD_BYTES_MAX + TRACE_DATA_BYTES_MAX] = {0};
        struct trace_state put = before;
        size_t count = trace_put(&put, &record, bytes);
        struct trace_record again;
        demand(count <= TRACE_RECORD_BYTES_MAX + record.data_bytes, "a record is too long");
        demand(trace_get(&before, bytes, sizeof(bytes), &again) == count, "a record reads not");
        demand(are_equal(&record, &again), "a record reads in another way");
        uint64_t frames[8];
        demand(record.kind != TRACE_STACK ||
                   trace_frames_get(record.data, record.data_bytes, frames, 8) <= 8,
               "too many frames");
        at += length;
    }
}

static void check_script(const struct script *script)
{
    uint8_t *lives = calloc(script->life_count + 1, 1);
    demand(lives != NULL, "the fuzzer has no memory");
    uint64_t live_count = 0;
    uint64_t live_bytes = 0;
    uint64_t *held = calloc(script->life_count + 1, sizeof(*held));
    demand(held != NULL, "the fuzzer has no memory");
    for (size_t index = 0; index < script->count; index++) {
        const struct step *step = &script->steps[index];
        demand(step->thread < script->thread_count, "a step is of no thread");
        bool is_misuse = step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC;
        if (is_misuse || !step->is_done) {
            continue;
        }
        demand(step->life < script->life_count, "a step is of no life");
        bool is_new = step->kind != TRACE_FREE && step->kind != TRACE_REALLOC;
        demand(lives[step->life] == !is_new, "a life begins twice, or goes on behind its end");
        live_count += is_new;
        live_bytes -= held[step->life];
        held[step->life] = step->kind == TRACE_FREE ? 0 : step->bytes;
        live_bytes += held[step->life];
        live_count -= step->kind == TRACE_FREE;
        lives[step->life] = step->kind == TRACE_FREE ? 2 : 1;
    }
    demand(live_count == script->live_count && live_bytes == script->live_bytes,
           "a script ends with something else than it says");
    free(lives);
    free(held);
}

// No two chunks that are live at once have one address, whichever they are given.
static void check_stripped(struct script *script)
{
    struct map owners = {.entries = NULL}; // address -> life, and one more
    uint64_t *addresses = calloc(script->life_count + 1, sizeof(*addresses));
    demand(addresses != NULL, "the fuzzer has no memory");
    strip_script(script);
    for (size_t index = 0; index < script->count; index++) {
        const struct step *step = &script->steps[index];
        bool is_misuse = step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC;
        if (is_misuse || !step->is_done) {
            continue;
        }
        if (step->kind == TRACE_FREE || step->kind == TRACE_REALLOC) {
            *map_at(&owners, addresses[step->life]) = 0;
        }
        if (step->kind != TRACE_FREE) {
            uint64_t *owner = map_at(&owners, step->address);
            demand(step->address != 0 && *owner == 0, "two chunks have one address");
            *owner = (uint64_t)step->life + 1;
            addresses[step->life] = step->address;
        }
    }
    map_clear(&owners);
    free(addresses);
}

static uint64_t sum_of(const uint8_t *data, size_t size)
{
    static struct reader reader;
    struct trace_record record;
    uint64_t sum = 0;
    if (reader_open_bytes(&reader, data, size) != READER_OK) {
        return 1;
    }
    uint64_t last = 0;
    while (reader_next(&reader, &record)) {
        sum = sum * 31 + record.order + record.ptr * 7 + record.bytes + (uint64_t)record.kind;
        demand(reader.order >= last, "the count of calls goes back");
        last = reader.order;
    }
    reader_close(&reader);
    return sum;
}

// Heads whose sums are right would never be found: the input's records are put behind such ones, in as many lanes as the first
// byte says.
static void check_as_blocks(const uint8_t *data, size_t size)
{
    enum { BLOCKS_MAX = 3 };
    static uint8_t file[BLOCKS_MAX * TRACE_BLOCK_BYTES];
    memset(file, 0, sizeof(file));
    size_t count = data[0] % BLOCKS_MAX + 1;
    size_t each = (size - 1) / count;
    each =
        each < TRACE_BLOCK_BYTES - TRACE_HEAD_BYTES ? each : TRACE_BLOCK_BYTES - TRACE_HEAD_BYTES;
    for (size_t index = 0; index < count; index++) {
        uint8_t *block = file + index * TRACE_BLOCK_BYTES;
        const struct trace_head head = {
            .process = 1,
            .lane = (data[0] & 64) != 0 ? (uint32_t)index : 0,
            .sequence = (data[0] & 64) != 0 ? 0 : index,
            .order = index * (data[0] & 15),
        };
        trace_block_begin(&head, block);
        memcpy(block + TRACE_HEAD_BYTES, data + 1 + index * each, each);
        if ((data[0] & 128) != 0 && each != 0) {
            trace_block_close(block, (uint32_t)each);
        }
    }
    size_t length = count * TRACE_BLOCK_BYTES - ((data[0] & 32) != 0 ? TRACE_BLOCK_BYTES / 2 : 0);
    demand(sum_of(file, length) == sum_of(file, length), "a file reads in two ways");
    static struct reader reader;
    if (reader_open_bytes(&reader, file, length) == READER_OK) {
        struct script script;
        script_make(&script, &reader);
        check_script(&script);
        check_stripped(&script);
        script_clear(&script);
        reader_close(&reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    check_records(data, size);
    demand(sum_of(data, size) == sum_of(data, size), "a file reads in two ways");
    check_as_blocks(data, size);
    return 0;
}
