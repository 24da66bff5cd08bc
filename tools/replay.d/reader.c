// SPDX-License-Identifier: MIT
#include "tools/replay.d/reader.h"

#include "tools/replay.d/pages.h"
#include "tools/replay.d/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- blocks ---------------------------------------------------------------------------------------

static bool comes_before(const struct reader_block *left, const struct reader_block *right)
{
    return left->lane != right->lane ? left->lane < right->lane : left->sequence < right->sequence;
}

// By lanes, and each lane's in its order. They are so already, but for lanes that took turns: each moves up little.
static void sort(struct reader_block *blocks, size_t count)
{
    for (size_t gap = count / 2; gap != 0; gap /= 2) {
        for (size_t index = gap; index < count; index++) {
            struct reader_block block = blocks[index];
            size_t at = index;
            for (; at >= gap && comes_before(&block, &blocks[at - gap]); at -= gap) {
                blocks[at] = blocks[at - gap];
            }
            blocks[at] = block;
        }
    }
}

// Whether a block is of the process that the first good one is of.
static bool is_ours(struct reader *reader, const struct trace_head *head)
{
    if (reader->block_count == 0) {
        reader->process = head->process;
        reader->began = head->began;
    }
    return head->process == reader->process && head->began == reader->began &&
           head->lane < READER_LANES_MAX;
}

static void list_block(struct reader *reader, size_t at)
{
    struct trace_head head;
    size_t length;
    size_t room = reader->size - at < TRACE_BLOCK_BYTES ? reader->size - at : TRACE_BLOCK_BYTES;
    enum trace_block found = trace_block_read(reader->bytes + at, room, &head, &length);
    reader->is_cut |= found == TRACE_BLOCK_CUT;
    if (found == TRACE_BLOCK_EMPTY || (found == TRACE_BLOCK_CUT && length == 0)) {
        return;
    }
    if ((found != TRACE_BLOCK_GOOD && found != TRACE_BLOCK_CUT) || !is_ours(reader, &head)) {
        reader->damaged_blocks++;
        return;
    }
    reader->blocks[reader->block_count++] = (struct reader_block){
        .lane = head.lane,
        .sequence = head.sequence,
        .at = at + TRACE_HEAD_BYTES,
        .length = length,
        .state = trace_block_state(&head),
    };
}

// ---- lanes ----------------------------------------------------------------------------------------

static void enter_block(const struct reader *reader, struct reader_lane *lane)
{
    const struct reader_block *block = &reader->blocks[lane->block];
    lane->at = reader->bytes + block->at;
    lane->room = block->length;
    lane->state = block->state;
}

// Reads a lane's next record.
static void advance(struct reader *reader, struct reader_lane *lane)
{
    size_t length = 0;
    while (lane->block < lane->end) {
        length = trace_get(&lane->state, lane->at, lane->room, &lane->next);
        if (length != 0 && length != SIZE_MAX) {
            lane->at += length;
            lane->room -= length;
            return;
        }
        bool is_at_cut = reader->is_cut && lane->at + lane->room == reader->bytes + reader->size;
        reader->damaged_blocks += length == SIZE_MAX && !is_at_cut;
        if (++lane->block < lane->end) {
            enter_block(reader, lane);
        }
    }
    lane->next.kind = TRACE_NOTHING;
}

static void open_lanes(struct reader *reader)
{
    struct reader_lane *lane = NULL;
    const struct reader_block *blocks = reader->blocks;
    for (size_t index = 0; index < reader->block_count; index++) {
        bool is_new = index == 0 || blocks[index].lane != blocks[index - 1].lane;
        if (is_new) {
            lane = &reader->lanes[reader->lane_count++];
            *lane = (struct reader_lane){.block = index, .end = index};
        }
        uint64_t wanted = is_new ? 0 : blocks[index - 1].sequence + 1;
        if (blocks[index].sequence > wanted) {
            reader->missing_blocks += blocks[index].sequence - wanted;
        }
        lane->end = index + 1;
    }
    for (uint32_t index = 0; index < reader->lane_count; index++) {
        enter_block(reader, &reader->lanes[index]);
        advance(reader, &reader->lanes[index]);
    }
}

// ---- the file -------------------------------------------------------------------------------------

static enum reader_answer answer_of(const struct reader *reader)
{
    struct trace_head head;
    size_t length;
    size_t room = reader->size < TRACE_BLOCK_BYTES ? reader->size : TRACE_BLOCK_BYTES;
    switch (trace_block_read(reader->bytes, room, &head, &length)) {
    case TRACE_BLOCK_FOREIGN: return READER_FOREIGN;
    case TRACE_BLOCK_NEWER: return READER_NEWER;
    default: break;
    }
    if (reader->block_count != 0) {
        return READER_OK;
    }
    return reader->damaged_blocks != 0 ? READER_DAMAGED : READER_EMPTY;
}

enum reader_answer reader_open_bytes(struct reader *reader, const uint8_t *bytes, size_t size)
{
    *reader = (struct reader){.bytes = bytes, .size = size};
    size_t most = size / TRACE_BLOCK_BYTES + 1;
    reader->blocks = pages_take(most * sizeof(reader->blocks[0]));
    for (size_t at = 0; at < size; at += TRACE_BLOCK_BYTES) {
        list_block(reader, at);
    }
    sort(reader->blocks, reader->block_count);
    open_lanes(reader);
    if (reader->block_count != 0) {
        // Those that the parent made before a fork are none of this file's.
        reader->order = UINT64_MAX;
        for (size_t index = 0; index < reader->block_count; index++) {
            uint64_t order = reader->blocks[index].state.order;
            reader->order = order < reader->order ? order : reader->order;
        }
    }
    enum reader_answer answer = answer_of(reader);
    if (answer != READER_OK) {
        reader_close(reader);
    }
    return answer;
}

// Maps a file that is open, and reads what is mapped.
static enum reader_answer map_file(struct reader *reader, int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return READER_UNREADABLE;
    }
    size_t size = (size_t)status.st_size;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return READER_UNREADABLE;
    }
    if (size == 0) {
        return READER_EMPTY;
    }
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        return READER_UNREADABLE;
    }
    enum reader_answer answer = reader_open_bytes(reader, bytes, size);
    if (answer != READER_OK) {
        munmap(bytes, size);
    }
    reader->is_mapped = answer == READER_OK;
    return answer;
}

static enum reader_answer open_file(struct reader *reader, const char *path)
{
    static const enum reader_answer answers[] = {
        [UNPACK_OK] = READER_OK,
        [UNPACK_NO_ZSTD] = READER_NO_ZSTD,
        [UNPACK_DAMAGED] = READER_BAD_ZSTD,
        [UNPACK_TOO_LARGE] = READER_TOO_LARGE,
    };
    *reader = (struct reader){.bytes = NULL};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return READER_UNREADABLE;
    }
    enum reader_answer answer = READER_OK;
    if (unpack_is_packed(descriptor)) {
        answer = answers[unpack_file(&descriptor)];
    }
    if (answer == READER_OK) {
        answer = map_file(reader, descriptor);
    }
    int saved = errno;
    close(descriptor);
    errno = saved;
    return answer;
}

void reader_close(struct reader *reader)
{
    pages_give(reader->blocks, (reader->size / TRACE_BLOCK_BYTES + 1) * sizeof(reader->blocks[0]));
    reader->blocks = NULL;
    if (reader->is_mapped) {
        munmap((void *)(uintptr_t)reader->bytes, reader->size);
    }
}

bool reader_next(struct reader *reader, struct trace_record *record)
{
    struct reader_lane *first = NULL;
    for (uint32_t index = 0; index < reader->lane_count; index++) {
        struct reader_lane *lane = &reader->lanes[index];
        if (lane->next.kind != TRACE_NOTHING &&
            (first == NULL || lane->next.order < first->next.order)) {
            first = lane;
        }
    }
    if (first == NULL) {
        return false;
    }
    *record = first->next;
    if (record->order > reader->order) {
        reader->missing_calls += record->order - reader->order - 1;
        reader->order = record->order;
    }
    advance(reader, first);
    return true;
}

// What an answer says, as the end of a sentence that begins with the file's name.
static const char *words_of(enum reader_answer answer)
{
    switch (answer) {
    case READER_UNREADABLE: return "cannot be read";
    case READER_FOREIGN: return "is no trace of ft_malloc";
    case READER_NEWER: return "is a trace of a version that this program does not know";
    case READER_EMPTY: return "is empty: nothing of a trace is in it";
    case READER_DAMAGED: return "is damaged: no block of it is what was written";
    case READER_NO_ZSTD: return "is compressed, and there is no zstd here to unpack it";
    case READER_BAD_ZSTD: return "is compressed, and cut or damaged: zstd cannot unpack it";
    case READER_TOO_LARGE: return "is compressed, and unpacked larger than may be";
    default: return "is a trace";
    }
}

bool reader_open(struct reader *reader, const char *path)
{
    enum reader_answer answer = open_file(reader, path);
    if (answer != READER_OK) {
        bool is_told = answer == READER_UNREADABLE;
        fprintf(stderr, "ft_replay: %s %s%s%s\n", path, words_of(answer), is_told ? ": " : "",
                is_told ? strerror(errno) : "");
    }
    return answer == READER_OK;
}
