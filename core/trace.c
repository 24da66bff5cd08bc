// SPDX-License-Identifier: MIT
#include "core/trace.h"

#include <stdatomic.h>
#include <string.h>

// The first byte of a record.
enum {
    KIND_MASK = 0x0F,
    FLAG_TIME = 0x10,
    FLAG_GAP = 0x20,
    FLAG_STACK = 0x40,
    FLAG_REFUSED = 0x80,
};

// What a kind of record has.
enum {
    HAS_ORDER = 1 << 0, // and perhaps TIME, GAP
    HAS_STACK = 1 << 1, // perhaps STACK
    HAS_THREAD = 1 << 2,
    HAS_NUMBER = 1 << 3, // a stack's, which is told
    HAS_ALIGN = 1 << 4,
    HAS_PTR = 1 << 5,
    HAS_HELD = 1 << 6,
    HAS_BYTES = 1 << 7,
    HAS_RESULT = 1 << 8, // or REFUSED
    HAS_COUNT = 1 << 9,
    HAS_DATA = 1 << 10,
    HAS_CALL = HAS_ORDER | HAS_STACK,
};

static const uint16_t has[TRACE_KIND_COUNT] = {
    [TRACE_MALLOC] = HAS_CALL | HAS_BYTES | HAS_RESULT,
    [TRACE_CALLOC] = HAS_CALL | HAS_BYTES | HAS_RESULT,
    [TRACE_REALLOC] = HAS_CALL | HAS_PTR | HAS_HELD | HAS_BYTES | HAS_RESULT,
    [TRACE_ALIGNED] = HAS_CALL | HAS_ALIGN | HAS_BYTES | HAS_RESULT,
    [TRACE_FREE] = HAS_CALL | HAS_PTR | HAS_HELD,
    [TRACE_MISUSED_FREE] = HAS_CALL | HAS_PTR,
    [TRACE_MISUSED_REALLOC] = HAS_CALL | HAS_PTR | HAS_BYTES,
    [TRACE_END] = HAS_ORDER | HAS_BYTES | HAS_COUNT,
    [TRACE_BEFORE] = HAS_PTR | HAS_HELD,
    [TRACE_THREAD] = HAS_THREAD,
    [TRACE_STACK] = HAS_NUMBER | HAS_DATA,
    [TRACE_MODULE] = HAS_PTR | HAS_BYTES | HAS_DATA,
};

enum { NUMBER_BITS = 7, NUMBER_MORE = 0x80, NUMBER_BYTES_MAX = 10, ADDRESS_SHIFT = 4 };

// ---- writing --------------------------------------------------------------------------------------

static uint8_t *put_number(uint8_t *to, uint64_t number)
{
    while (number >= NUMBER_MORE) {
        *to++ = (uint8_t)(number | NUMBER_MORE);
        number >>= NUMBER_BITS;
    }
    *to++ = (uint8_t)number;
    return to;
}

static uint8_t *put_difference(uint8_t *to, uint64_t difference)
{
    return put_number(to, (difference << 1) ^ (0 - (difference >> 63)));
}

static uint8_t *put_address(struct trace_state *state, uint8_t *to, uint64_t address)
{
    uint64_t turned = (address >> ADDRESS_SHIFT) | (address << (64 - ADDRESS_SHIFT));
    to = put_difference(to, turned - state->address);
    state->address = turned;
    return to;
}

// What calls have before their fields; adds its flags.
static uint8_t *put_call(struct trace_state *state, const struct trace_record *record, uint8_t *to,
                         unsigned *first)
{
    if (record->time != state->time) {
        *first |= FLAG_TIME;
        to = put_number(to, record->time - state->time);
        state->time = record->time;
    }
    if (record->order != state->order + 1) {
        *first |= FLAG_GAP;
        to = put_number(to, record->order - state->order - 1);
    }
    state->order = record->order;
    if (record->stack != 0 && (has[record->kind] & HAS_STACK) != 0) {
        *first |= FLAG_STACK;
        to = put_difference(to, (uint64_t)record->stack - state->stack);
        state->stack = record->stack;
    }
    return to;
}

static uint8_t *put_data(const struct trace_record *record, uint8_t *to)
{
    to = put_number(to, record->data_bytes);
    memcpy(to, record->data, record->data_bytes);
    return to + record->data_bytes;
}

static unsigned power_of(uint64_t align)
{
    unsigned power = 0;
    while (align >> power > 1) {
        power++;
    }
    return power;
}

// The field that only THREAD, STACK and ALIGNED have.
static uint8_t *put_rare(struct trace_state *state, const struct trace_record *record, uint8_t *to)
{
    if (record->kind == TRACE_THREAD) {
        to = put_number(to, record->thread);
        state->thread = record->thread;
    } else if (record->kind == TRACE_STACK) {
        to = put_number(to, record->stack);
    } else {
        to = put_number(to, power_of(record->align));
    }
    return to;
}

// Whether a call is what most are: the next one of its lane, without anything that only some records have.
static bool is_usual(const struct trace_state *state, const struct trace_record *record)
{
    return record->time == state->time && record->order == state->order + 1 && record->stack == 0 &&
           (record->kind == TRACE_FREE || (record->kind == TRACE_MALLOC && record->result != 0));
}

// The same bytes as put_fields() would make of it, without asking for what it has not.
static uint8_t *put_usual(struct trace_state *state, const struct trace_record *record, uint8_t *to)
{
    state->order = record->order;
    if (record->kind == TRACE_FREE) {
        to = put_address(state, to, record->ptr);
        return put_number(to, record->held);
    }
    to = put_number(to, record->bytes);
    return put_address(state, to, record->result);
}

// What any record has behind its first byte, to which its flags are added.
static uint8_t *put_fields(struct trace_state *state, const struct trace_record *record,
                           uint8_t *at, unsigned *first)
{
    unsigned fields = has[record->kind];
    if ((fields & HAS_ORDER) != 0) {
        at = put_call(state, record, at, first);
    }
    if ((fields & (HAS_THREAD | HAS_NUMBER | HAS_ALIGN)) != 0) {
        at = put_rare(state, record, at);
    }
    if ((fields & HAS_PTR) != 0) {
        at = put_address(state, at, record->ptr);
    }
    if ((fields & HAS_HELD) != 0) {
        at = put_number(at, record->held);
    }
    if ((fields & HAS_BYTES) != 0) {
        at = put_number(at, record->bytes);
    }
    if ((fields & HAS_RESULT) != 0 && record->result == 0) {
        *first |= FLAG_REFUSED;
    } else if ((fields & HAS_RESULT) != 0) {
        at = put_address(state, at, record->result);
    }
    if ((fields & HAS_COUNT) != 0) {
        at = put_number(at, record->count);
    }
    if ((fields & HAS_DATA) != 0) {
        at = put_data(record, at);
    }
    return at;
}

size_t trace_put(struct trace_state *state, const struct trace_record *record, uint8_t *to)
{
    unsigned first = record->kind;
    uint8_t *at = is_usual(state, record) ? put_usual(state, record, to + 1)
                                          : put_fields(state, record, to + 1, &first);
    // Release: whoever finds the first byte finds the others.
    atomic_store_explicit((_Atomic uint8_t *)to, (uint8_t)first, memory_order_release);
    return (size_t)(at - to);
}

// ---- reading --------------------------------------------------------------------------------------

struct input {
    const uint8_t *at;
    const uint8_t *end;
    bool is_bad;
};

static uint64_t get_number(struct input *input)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < NUMBER_BITS * NUMBER_BYTES_MAX; shift += NUMBER_BITS) {
        if (input->at == input->end) {
            break;
        }
        uint64_t byte = *input->at++;
        uint64_t bits = byte & (NUMBER_MORE - 1);
        number |= bits << shift;
        if (byte < NUMBER_MORE) {
            // The last of ten has room for one bit alone.
            input->is_bad |= number >> shift != bits;
            return number;
        }
    }
    input->is_bad = true;
    return 0;
}

static uint64_t get_difference(struct input *input)
{
    uint64_t number = get_number(input);
    return (number >> 1) ^ (0 - (number & 1));
}

// A number that is kept in 32 bits.
static uint32_t get_small(struct input *input)
{
    uint64_t number = get_number(input);
    input->is_bad |= number > UINT32_MAX;
    return (uint32_t)number;
}

static uint64_t get_address(struct trace_state *state, struct input *input)
{
    state->address += get_difference(input);
    return (state->address << ADDRESS_SHIFT) | (state->address >> (64 - ADDRESS_SHIFT));
}

static void get_call(struct trace_state *state, struct input *input, unsigned first,
                     struct trace_record *record)
{
    if ((first & FLAG_TIME) != 0) {
        state->time += get_number(input);
    }
    state->order++;
    if ((first & FLAG_GAP) != 0) {
        uint64_t gap = get_number(input);
        input->is_bad |= gap > UINT64_MAX - state->order;
        state->order += gap;
    }
    if ((first & FLAG_STACK) != 0) {
        uint64_t stack = state->stack + get_difference(input);
        input->is_bad |= stack == 0 || stack > UINT32_MAX;
        state->stack = (uint32_t)stack;
        record->stack = state->stack;
    }
}

static void get_rare(struct trace_state *state, struct input *input, struct trace_record *record)
{
    if (record->kind == TRACE_THREAD) {
        state->thread = get_small(input);
    } else if (record->kind == TRACE_STACK) {
        record->stack = get_small(input);
    } else {
        uint64_t power = get_number(input);
        input->is_bad |= power >= 64;
        record->align = (uint64_t)1 << (power & 63);
    }
}

static void get_data(struct input *input, struct trace_record *record)
{
    uint64_t bytes = get_number(input);
    if (bytes > TRACE_DATA_BYTES_MAX || bytes > (size_t)(input->end - input->at)) {
        input->is_bad = true;
        return;
    }
    record->data = input->at;
    record->data_bytes = (size_t)bytes;
    input->at += bytes;
}

// Whether a record's first byte is one.
static bool is_first(unsigned first)
{
    unsigned kind = first & KIND_MASK;
    unsigned may = 0;
    if (kind == TRACE_NOTHING || kind >= TRACE_KIND_COUNT) {
        return false;
    }
    may |= (has[kind] & HAS_ORDER) != 0 ? FLAG_TIME | FLAG_GAP : 0;
    may |= (has[kind] & HAS_STACK) != 0 ? FLAG_STACK : 0;
    may |= (has[kind] & HAS_RESULT) != 0 ? FLAG_REFUSED : 0;
    return (first & ~may & ~(unsigned)KIND_MASK) == 0;
}

static void get_fields(struct trace_state *state, struct input *input, unsigned first,
                       struct trace_record *record)
{
    unsigned fields = has[record->kind];
    if ((fields & HAS_ORDER) != 0) {
        get_call(state, input, first, record);
    }
    if ((fields & (HAS_THREAD | HAS_NUMBER | HAS_ALIGN)) != 0) {
        get_rare(state, input, record);
    }
    if ((fields & HAS_PTR) != 0) {
        record->ptr = get_address(state, input);
    }
    if ((fields & HAS_HELD) != 0) {
        record->held = get_number(input);
    }
    if ((fields & HAS_BYTES) != 0) {
        record->bytes = get_number(input);
    }
    if ((fields & HAS_RESULT) != 0 && (first & FLAG_REFUSED) == 0) {
        record->result = get_address(state, input);
        input->is_bad |= record->result == 0;
    }
    if ((fields & HAS_COUNT) != 0) {
        record->count = get_number(input);
    }
    if ((fields & HAS_DATA) != 0) {
        get_data(input, record);
    }
}

size_t trace_get(struct trace_state *state, const uint8_t *from, size_t room,
                 struct trace_record *record)
{
    if (room == 0) {
        return 0;
    }
    // Acquire: pairs with the store that ends trace_put(), of a block that is still being written.
    unsigned first = atomic_load_explicit((const _Atomic uint8_t *)from, memory_order_acquire);
    if (first == TRACE_NOTHING) {
        return 0;
    }
    if (!is_first(first)) {
        return SIZE_MAX;
    }
    struct input input = {.at = from + 1, .end = from + room};
    *record = (struct trace_record){.kind = (enum trace_kind)(first & KIND_MASK)};
    get_fields(state, &input, first, record);
    record->order = state->order;
    record->time = state->time;
    record->thread = state->thread;
    return input.is_bad ? SIZE_MAX : (size_t)(input.at - from);
}

// ---- call stacks ----------------------------------------------------------------------------------

size_t trace_frames_put(const uint64_t *frames, size_t count, uint8_t *to)
{
    uint8_t *at = to;
    uint64_t last = 0;
    for (size_t index = 0; index < count; index++) {
        if ((size_t)(at - to) > TRACE_DATA_BYTES_MAX - NUMBER_BYTES_MAX) {
            break;
        }
        at = put_difference(at, frames[index] - last);
        last = frames[index];
    }
    return (size_t)(at - to);
}

size_t trace_frames_get(const uint8_t *data, size_t bytes, uint64_t *frames, size_t max)
{
    struct input input = {.at = data, .end = data + bytes};
    uint64_t last = 0;
    size_t count = 0;
    while (input.at != input.end && count < max) {
        last += get_difference(&input);
        frames[count++] = last;
    }
    return input.is_bad ? 0 : count;
}
