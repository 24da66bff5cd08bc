// SPDX-License-Identifier: MIT
#include "tests/regions/maker.h"

#include <stdlib.h>
#include <string.h>

// Memory for twice as many elements as there were; a test without memory has nothing to say.
static void *grown(void *memory, size_t *room, size_t each)
{
    *room = *room == 0 ? 1024 : *room * 2;
    void *larger = realloc(memory, *room * each);
    if (larger == NULL) {
        abort();
    }
    return larger;
}

static void write_op(struct maker *maker, struct trace_op op)
{
    if (maker->trace.count == maker->op_room) {
        maker->trace.ops = grown(maker->trace.ops, &maker->op_room, sizeof(op));
    }
    maker->trace.ops[maker->trace.count++] = op;
}

static uint32_t take_slot(struct maker *maker)
{
    if (maker->free_slot_count != 0) {
        return maker->free_slots[--maker->free_slot_count];
    }
    if (maker->trace.slot_count == maker->slot_room) {
        size_t room = maker->slot_room;
        size_t same = maker->slot_room;
        maker->sizes = grown(maker->sizes, &room, sizeof(*maker->sizes));
        maker->free_slots = grown(maker->free_slots, &same, sizeof(*maker->free_slots));
        maker->slot_room = (uint32_t)room;
    }
    return maker->trace.slot_count++;
}

static void put_in(struct bag *bag, uint32_t slot)
{
    if (bag->first > 4096 && bag->first > bag->end / 2) {
        memmove(bag->slots, bag->slots + bag->first, (bag->end - bag->first) * sizeof(slot));
        bag->end -= bag->first;
        bag->first = 0;
    }
    if (bag->end == bag->room) {
        bag->slots = grown(bag->slots, &bag->room, sizeof(slot));
    }
    bag->slots[bag->end++] = slot;
}

static uint32_t take_any(struct maker *maker, struct bag *bag)
{
    size_t at = bag->first + random_below(&maker->random, (uint32_t)(bag->end - bag->first));
    uint32_t slot = bag->slots[at];
    bag->slots[at] = bag->slots[--bag->end];
    return slot;
}

void maker_alloc(struct maker *maker, unsigned bag, size_t bytes, size_t align)
{
    uint32_t slot = take_slot(maker);
    maker->sizes[slot] = (uint32_t)bytes;
    maker->live_bytes += bytes;
    maker->live_count++;
    write_op(maker, (struct trace_op){
                        .slot = slot,
                        .bytes = (uint32_t)bytes,
                        .align = (uint16_t)align,
                        .verb = align == 0 ? TRACE_ALLOC : TRACE_ALIGNED,
                    });
    put_in(&maker->bags[bag], slot);
}

static void free_slot(struct maker *maker, uint32_t slot)
{
    maker->live_bytes -= maker->sizes[slot];
    maker->live_count--;
    maker->free_slots[maker->free_slot_count++] = slot;
    write_op(maker, (struct trace_op){.slot = slot, .verb = TRACE_FREE});
}

void maker_free_oldest(struct maker *maker, unsigned bag)
{
    free_slot(maker, maker->bags[bag].slots[maker->bags[bag].first++]);
}

void maker_free_newest(struct maker *maker, unsigned bag)
{
    free_slot(maker, maker->bags[bag].slots[--maker->bags[bag].end]);
}

void maker_free_any(struct maker *maker, unsigned bag)
{
    free_slot(maker, take_any(maker, &maker->bags[bag]));
}

void maker_free_all(struct maker *maker, unsigned bag)
{
    while (maker_count(maker, bag) != 0) {
        maker_free_oldest(maker, bag);
    }
}

static void resize_slot(struct maker *maker, struct bag *bag, uint32_t slot, size_t bytes)
{
    maker->live_bytes += bytes - maker->sizes[slot];
    maker->sizes[slot] = (uint32_t)bytes;
    write_op(maker,
             (struct trace_op){.slot = slot, .bytes = (uint32_t)bytes, .verb = TRACE_REALLOC});
    put_in(bag, slot);
}

void maker_resize_any(struct maker *maker, unsigned bag, uint32_t percent, size_t more)
{
    uint32_t slot = take_any(maker, &maker->bags[bag]);
    size_t bytes = (size_t)((uint64_t)maker->sizes[slot] * percent / 100) + more;
    resize_slot(maker, &maker->bags[bag], slot, bytes);
}

void maker_resize_newest(struct maker *maker, unsigned bag, uint32_t percent, size_t more)
{
    uint32_t slot = maker->bags[bag].slots[--maker->bags[bag].end];
    size_t bytes = (size_t)((uint64_t)maker->sizes[slot] * percent / 100) + more;
    resize_slot(maker, &maker->bags[bag], slot, bytes);
}

size_t maker_newest_bytes(const struct maker *maker, unsigned bag)
{
    return maker->sizes[maker->bags[bag].slots[maker->bags[bag].end - 1]];
}

void maker_move_newest(struct maker *maker, unsigned from, unsigned to)
{
    put_in(&maker->bags[to], maker->bags[from].slots[--maker->bags[from].end]);
}

struct trace maker_finish(struct maker *maker, bool free_all)
{
    for (unsigned bag = 0; bag < BAG_COUNT; bag++) {
        if (free_all) {
            maker_free_all(maker, bag);
        }
        free(maker->bags[bag].slots);
    }
    free(maker->sizes);
    free(maker->free_slots);
    return maker->trace;
}
