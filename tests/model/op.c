// SPDX-License-Identifier: MIT
#include "tests/model/op.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[OP_KINDS] = {
    [OP_NOTHING] = "nothing",
    [OP_ALLOC] = "alloc",
    [OP_ZEROED] = "zeroed",
    [OP_ALIGNED] = "aligned",
    [OP_FREE] = "free",
    [OP_FREE_SIZED] = "free_sized",
    [OP_RESIZE] = "resize",
    [OP_REALLOC] = "realloc",
    [OP_STALE] = "stale",
    [OP_INTERIOR] = "interior",
    [OP_WRONG_SIZE] = "wrong_size",
    [OP_AT] = "at",
    [OP_FOREIGN] = "foreign",
    [OP_LOCATE] = "locate",
    [OP_WALK] = "walk",
    [OP_REPORT] = "report",
    [OP_AUDIT] = "audit",
    [OP_TRIM] = "trim",
    [OP_OPEN] = "open",
    [OP_CLOSE] = "close",
    [OP_ADD_REGION] = "add_region",
    [OP_REMOVE_REGION] = "remove_region",
    [OP_REVIVE] = "revive",
    [OP_MOVE] = "move",
    [OP_RESET] = "reset",
    [OP_RECREATE] = "recreate",
    [OP_REFUSE] = "refuse",
    [OP_EMPTY] = "empty",
};

const char *op_name(unsigned kind)
{
    return kind < OP_KINDS ? names[kind] : "?";
}

void op_print(const struct op *op, char text[OP_TEXT_BYTES])
{
    int at = snprintf(text, OP_TEXT_BYTES, "%s %u", op_name(op->kind), op->heap);
    if (op->slot != 0 || op->bytes != 0 || op->more != 0) {
        at += snprintf(text + at, OP_TEXT_BYTES - (size_t)at, " %u", op->slot);
    }
    if (op->bytes != 0 || op->more != 0) {
        at += snprintf(text + at, OP_TEXT_BYTES - (size_t)at, " %" PRIu64, op->bytes);
    }
    if (op->more != 0) {
        snprintf(text + at, OP_TEXT_BYTES - (size_t)at, " %" PRIu64, op->more);
    }
}

bool op_parse(const char *line, struct op *op)
{
    char name[32];
    uint64_t heap = 0;
    uint64_t slot = 0;
    uint64_t bytes = 0;
    uint64_t more = 0;
    int read = sscanf(line, "%31s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, name, &heap, &slot,
                      &bytes, &more);
    for (unsigned kind = 0; read >= 1 && kind < OP_KINDS; kind++) {
        if (strcmp(name, names[kind]) == 0) {
            *op = (struct op){(uint8_t)kind, (uint8_t)heap, (uint16_t)slot, bytes, more};
            return heap <= UINT8_MAX && slot <= UINT16_MAX;
        }
    }
    return false;
}

void op_list_add(struct op_list *list, struct op op)
{
    if (list->count == list->room) {
        list->room = list->room != 0 ? 2 * list->room : 1024;
        list->ops = realloc(list->ops, list->room * sizeof(*list->ops));
        if (list->ops == NULL) {
            abort();
        }
    }
    list->ops[list->count++] = op;
}
