// SPDX-License-Identifier: MIT
#include "tools/replay.d/moves.h"

#include "tools/replay.d/pages.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t magic[] = {'F', 'T', 'M', 'O', 'V', 'E', 'S', '1'};

struct maker {
    struct move *moves;
    size_t count;
    uint32_t *slots;  // by lives
    uint32_t *vacant; // slots without a chunk, the last one first
    uint32_t vacant_count;
    uint32_t slot_count;
};

static void add_step(struct maker *maker, const struct step *step)
{
    if (!step->is_done || step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC) {
        return;
    }
    uint32_t *slot = &maker->slots[step->life];
    if (step->kind == TRACE_FREE) {
        maker->vacant[maker->vacant_count++] = *slot;
    } else if (step->kind != TRACE_REALLOC) {
        *slot =
            maker->vacant_count != 0 ? maker->vacant[--maker->vacant_count] : maker->slot_count++;
    }
    maker->moves[maker->count++] = (struct move){
        .bytes = step->kind == TRACE_FREE ? 0 : step->bytes,
        .slot = *slot,
        .kind = step->kind == TRACE_BEFORE ? TRACE_MALLOC : step->kind,
        .power = step->power,
    };
}

static bool write_all(int file, const void *from, size_t bytes)
{
    const char *at = from;
    while (bytes != 0) {
        ssize_t written = write(file, at, bytes);
        if (written < 0) {
            return false;
        }
        at += written;
        bytes -= (size_t)written;
    }
    return true;
}

bool moves_write(const struct script *script, int file)
{
    size_t lives = script->life_count;
    size_t most = script->count * sizeof(struct move);
    struct maker maker = {
        .moves = pages_take(most),
        .slots = pages_take(lives * sizeof(maker.slots[0])),
        .vacant = pages_take(lives * sizeof(maker.vacant[0])),
    };
    for (size_t index = 0; index < script->count; index++) {
        add_step(&maker, &script->steps[index]);
    }
    struct moves_head head = {.move_count = maker.count, .slot_count = maker.slot_count};
    memcpy(head.magic, magic, sizeof(magic));
    bool is_written = write_all(file, &head, sizeof(head)) &&
                      write_all(file, maker.moves, maker.count * sizeof(struct move));
    pages_give(maker.moves, most);
    pages_give(maker.slots, lives * sizeof(maker.slots[0]));
    pages_give(maker.vacant, lives * sizeof(maker.vacant[0]));
    return is_written;
}

bool moves_read_head(struct moves_head *head, int file)
{
    struct stat status;
    if (fstat(file, &status) != 0 || pread(file, head, sizeof(*head), 0) != sizeof(*head)) {
        return false;
    }
    uint64_t room = (uint64_t)status.st_size - sizeof(*head);
    return memcmp(head->magic, magic, sizeof(magic)) == 0 &&
           head->move_count == room / sizeof(struct move) && room % sizeof(struct move) == 0 &&
           head->slot_count <= head->move_count;
}
