// SPDX-License-Identifier: MIT
#include "core/trace_block.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t magic[] = {'F', 'T', 'T', 'R', 'A', 'C', 'E', '1'};

// Where the head has what.
enum {
    AT_PROCESS = 8,
    AT_LANE = 12,
    AT_SEQUENCE = 16,
    AT_ORDER = 24,
    AT_TIME = 32,
    AT_BEGAN = 40,
    AT_HEAD_CHECK = 48,
    AT_LENGTH = 52,
    AT_CHECK = 56,
    MAGIC_BYTES = sizeof(magic),
    WORD_BYTES = 4,
    LONG_BYTES = 8,
};

static void put_bytes(uint8_t *to, uint64_t number, unsigned count)
{
    for (unsigned byte = 0; byte < count; byte++) {
        to[byte] = (uint8_t)(number >> (8 * byte));
    }
}

static uint64_t get_bytes(const uint8_t *from, size_t count)
{
    uint64_t number = 0;
    for (size_t byte = 0; byte < count; byte++) {
        number |= (uint64_t)from[byte] << (8 * byte);
    }
    return number;
}

// Written out, so that compilers see that it is one load.
static uint64_t get_long(const uint8_t *from)
{
    return (uint64_t)from[0] | (uint64_t)from[1] << 8 | (uint64_t)from[2] << 16 |
           (uint64_t)from[3] << 24 | (uint64_t)from[4] << 32 | (uint64_t)from[5] << 40 |
           (uint64_t)from[6] << 48 | (uint64_t)from[7] << 56;
}

// Of eight bytes at a time (the last ones are followed by zeros): the sum, at first 14695981039346656037 and the number of
// bytes, is changed by them bit by bit (exclusive or), multiplied by 1099511628211, and changed by its own upper half. The
// check is its lower half.
static uint32_t check_of(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 14695981039346656037U + count;
    for (size_t at = 0; at < count; at += LONG_BYTES) {
        size_t left = count - at;
        sum ^= left < LONG_BYTES ? get_bytes(bytes + at, left) : get_long(bytes + at);
        sum *= 1099511628211U;
        sum ^= sum >> 32;
    }
    return (uint32_t)sum;
}

void trace_block_begin(const struct trace_head *head, uint8_t *to)
{
    put_bytes(to + AT_PROCESS, head->process, WORD_BYTES);
    put_bytes(to + AT_LANE, head->lane, WORD_BYTES);
    put_bytes(to + AT_SEQUENCE, head->sequence, LONG_BYTES);
    put_bytes(to + AT_ORDER, head->order, LONG_BYTES);
    put_bytes(to + AT_TIME, head->time, LONG_BYTES);
    put_bytes(to + AT_BEGAN, head->began, LONG_BYTES);
    memcpy(to, magic, sizeof(magic));
    put_bytes(to + AT_HEAD_CHECK, check_of(to, AT_HEAD_CHECK), WORD_BYTES);
}

struct trace_state trace_block_state(const struct trace_head *head)
{
    return (struct trace_state){.order = head->order, .time = head->time};
}

void trace_block_close(uint8_t *block, uint32_t length)
{
    put_bytes(block + AT_CHECK, check_of(block + TRACE_HEAD_BYTES, length), WORD_BYTES);
    put_bytes(block + AT_LENGTH, length, WORD_BYTES);
}

static struct trace_head get_head(const uint8_t *block)
{
    return (struct trace_head){
        .process = (uint32_t)get_bytes(block + AT_PROCESS, WORD_BYTES),
        .lane = (uint32_t)get_bytes(block + AT_LANE, WORD_BYTES),
        .sequence = get_long(block + AT_SEQUENCE),
        .order = get_long(block + AT_ORDER),
        .time = get_long(block + AT_TIME),
        .began = get_long(block + AT_BEGAN),
        .length = (uint32_t)get_bytes(block + AT_LENGTH, WORD_BYTES),
        .check = (uint32_t)get_bytes(block + AT_CHECK, WORD_BYTES),
    };
}

enum trace_block trace_block_read(const uint8_t *block, size_t room, struct trace_head *head,
                                  size_t *length)
{
    size_t name_bytes = room < MAGIC_BYTES - 1 ? room : MAGIC_BYTES - 1;
    uint64_t name = get_bytes(block, name_bytes);
    if (name == 0) {
        return TRACE_BLOCK_EMPTY;
    }
    if (name != get_bytes(magic, name_bytes)) {
        return TRACE_BLOCK_FOREIGN;
    }
    if (room >= MAGIC_BYTES && block[MAGIC_BYTES - 1] != magic[MAGIC_BYTES - 1]) {
        return TRACE_BLOCK_NEWER;
    }
    if (room < TRACE_HEAD_BYTES) {
        *length = 0;
        return TRACE_BLOCK_CUT;
    }
    *head = get_head(block);
    if (get_bytes(block + AT_HEAD_CHECK, WORD_BYTES) != check_of(block, AT_HEAD_CHECK) ||
        head->length > TRACE_BLOCK_BYTES - TRACE_HEAD_BYTES) {
        return TRACE_BLOCK_DAMAGED;
    }
    room -= TRACE_HEAD_BYTES;
    *length = head->length != 0 && head->length < room ? head->length : room;
    if (head->length > room || (head->length == 0 && room < TRACE_BLOCK_BYTES - TRACE_HEAD_BYTES)) {
        return TRACE_BLOCK_CUT;
    }
    bool is_whole =
        head->length == 0 || check_of(block + TRACE_HEAD_BYTES, head->length) == head->check;
    return is_whole ? TRACE_BLOCK_GOOD : TRACE_BLOCK_DAMAGED;
}
