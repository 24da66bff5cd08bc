// SPDX-License-Identifier: MIT
#include "tests/model/generate.h"

#include "core/size_class.h"

void generate_begin(struct generator *generator, const struct setup *setup)
{
    *generator = (struct generator){
        .random = {.state = setup->seed ^ 0x6A09E667F3BCC909},
        .next_audit = setup->audit_every,
        .next_rare = setup->rare_every,
    };
}

// ---- sizes --------------------------------------------------------------------------------------

// A size below, at, or above a number.
static size_t beside(struct random *random, size_t bytes)
{
    return bytes + random_below(random, 3) - 1;
}

// What is asked for now and then, whatever else is: sizes that cannot be, and those of the whole region.
static size_t odd_size(struct random *random, const struct model *model)
{
    switch (random_below(random, 8)) {
    case 0: return SIZE_MAX - random_below(random, 128);
    case 1: return beside(random, (size_t)PTRDIFF_MAX);
    case 2: return ((size_t)1 << 32) + random_below(random, 64) - 32;
    case 3: return ((size_t)1 << (32 + random_below(random, 32))) - random_below(random, 2);
    case 4: return model->setup.region_bytes - random_below(random, 256);
    case 5: return model->setup.region_bytes / (1 + random_below(random, 4));
    default:
        return model->setup.subject == SUBJECT_WIDE
                   ? random_size(random, model->setup.region_bytes)
                   : beside(random, model->subject->figures().longest_bytes);
    }
}

static size_t edge_size(struct random *random, const struct model *model)
{
    if (random_chance(random, 60)) {
        return beside(random, size_class_bytes(random_below(random, SIZE_CLASS_COUNT)));
    }
    size_t unit = model->setup.unit_bytes != 0 ? model->setup.unit_bytes
                                               : (size_t)64 << random_below(random, 9);
    return beside(random, unit * (1 + random_below(random, 12)));
}

// Each number of bits as likely as any other; of large regions, seldom much.
static size_t spread_size(struct random *random, const struct model *model)
{
    size_t most = model->setup.region_bytes;
    if (most > 65536 && !random_chance(random, 2)) {
        most = most / 64 > 65536 ? most / 64 : 65536;
    }
    return random_size(random, most);
}

static size_t choose_size(struct random *random, const struct model *model)
{
    uint32_t chance = random_below(random, 256);
    if (chance == 0) {
        return odd_size(random, model);
    }
    switch ((enum setup_sizes)model->setup.sizes) {
    case SIZES_TINY: return chance < 250 ? random_below(random, 513) : spread_size(random, model);
    case SIZES_SPREAD: return spread_size(random, model);
    case SIZES_ONE:
        // One class at a time, the next one after each swing.
        return chance < 240 ? size_class_bytes((
                                  unsigned)((model->setup.seed + model->step / model->setup.swing) %
                                            SIZE_CLASS_COUNT)) -
                                  random_below(random, 8)
                            : edge_size(random, model);
    case SIZES_EDGES: return edge_size(random, model);
    case SIZES_MIXED:
    case SIZES_KINDS:
    default:
        return chance < 120   ? random_below(random, 1025)
               : chance < 180 ? edge_size(random, model)
                              : spread_size(random, model);
    }
}

static uint64_t choose_align(struct random *random)
{
    uint32_t chance = random_below(random, 64);
    return chance == 0   ? random_next(random) >> random_below(random, 64) // hardly a power of two
           : chance == 1 ? (uint64_t)1 << random_below(random, 64)
                         : (uint64_t)1 << random_below(random, 17);
}

// ---- operations ---------------------------------------------------------------------------------

static struct op fill_slot(struct random *random, const struct model *model, struct op op)
{
    op.bytes = choose_size(random, model);
    uint32_t chance = random_below(random, 16);
    op.kind = chance < 12 ? OP_ALLOC : chance < 14 ? OP_ZEROED : OP_ALIGNED;
    if (op.kind == OP_ZEROED) {
        op.more = random_chance(random, 90) ? 1 : random_below(random, 64);
        op.bytes = op.more > 1 ? op.bytes / op.more : op.bytes;
        if (random_below(random, 256) == 0) { // a product that overflows
            op.more = UINT64_MAX / 2;
        }
    } else if (op.kind == OP_ALIGNED) {
        op.more = choose_align(random);
    } else if (chance == 0) {
        op.kind = OP_REALLOC; // of NULL
    }
    return op;
}

static struct op use_slot(struct random *random, const struct model *model, struct op op)
{
    const struct slot *slot = &model->slots[op.slot];
    uint32_t chance = random_below(random, 32);
    op.kind = chance < 22   ? OP_FREE
              : chance < 26 ? OP_FREE_SIZED
              : chance < 29 ? OP_RESIZE
                            : OP_REALLOC;
    if (op.kind >= OP_RESIZE) {
        uint32_t how = random_below(random, 4);
        op.bytes = how == 0   ? choose_size(random, model)
                   : how == 1 ? slot->bytes + random_below(random, 256)
                   : how == 2 ? slot->bytes / 2 + random_size(random, slot->bytes | 1)
                              : beside(random, slot->capacity);
    }
    return op;
}

static struct op misuse(struct random *random, const struct model *model, struct op op)
{
    op.kind = (uint8_t)(OP_STALE + random_below(random, OP_FOREIGN - OP_STALE + 1));
    op.more = random_below(random, BY_KINDS);
    op.bytes = random_next(random) >> random_below(random, 64);
    if (op.kind == OP_WRONG_SIZE) {
        op.bytes = random_chance(random, 50) ? choose_size(random, model)
                                             : beside(random, model->slots[op.slot].capacity);
    } else if (op.kind == OP_AT) {
        // Near the regions: whole numbers of grains above their start, most of the time.
        const struct ground_region *region = &model->regions[random_below(random, 4)];
        size_t above = random_next(random) % (region->bytes + 64);
        op.bytes = region->offset + (random_chance(random, 75) ? above & ~(size_t)15 : above);
    }
    return op;
}

// Operations on the whole arena.
static struct op rare(struct generator *generator, const struct model *model, struct op op)
{
    struct random *random = &generator->random;
    generator->next_rare =
        model->step + 1 + random_below(random, 2 * (uint32_t)model->setup.rare_every);
    op.slot = (uint16_t)random_below(random, GROUND_REGIONS_MAX);
    uint32_t chance = random_below(random, 64);
    if (chance < 20) {
        op.kind = OP_ADD_REGION;
        op.more = random_chance(random, 85) ? 0 : 1 + random_below(random, 2);
        op.bytes = random_below(random, 64);
    } else if (chance < 40) {
        op.kind = OP_REMOVE_REGION;
        op.more = random_below(random, 2);
    } else if (chance < 48) {
        op.kind = OP_REPORT;
    } else if (chance < 54) {
        op.kind = OP_MOVE;
        op.more = random_below(random, 3);
    } else if (chance < 57) {
        op.kind = OP_REVIVE;
    } else if (chance < 60) {
        op.kind = OP_EMPTY;
        op.more = random_next(random) >> 32;
    } else {
        op.kind = chance < 62 ? OP_RESET : OP_RECREATE;
    }
    return op;
}

// What is neither usual nor misuse.
static struct op other(struct random *random, const struct model *model, struct op op)
{
    uint32_t chance = random_below(random, 32);
    if (chance < 12) {
        op.kind = OP_LOCATE;
        op.bytes = random_next(random) >> 16;
    } else if (chance < 22) {
        op.kind = OP_WALK;
        op.bytes = 1 + random_below(random, 40);
    } else if (chance < 24) {
        op.kind = OP_TRIM;
    } else if (chance < 28) {
        op.kind = OP_OPEN;
    } else if (chance < 30) {
        op.kind = model->open_count > 1 ? OP_CLOSE : OP_TRIM;
    } else {
        op.kind = OP_REFUSE;
        op.bytes = random_below(random, 3);
        op.more = model->setup.refusals ? random_below(random, 4) : 0;
    }
    op.heap = (uint8_t)random_below(random, (uint32_t)model->setup.heaps);
    return op;
}

static uint8_t choose_heap(struct random *random, const struct model *model)
{
    uint32_t heap = random_below(random, (uint32_t)model->setup.heaps);
    while (!model->heap_is_open[heap] && model->open_count != 0) {
        heap = (heap + 1) % (uint32_t)model->setup.heaps;
    }
    return (uint8_t)heap;
}

struct op generate_next(struct generator *generator, const struct model *model)
{
    struct random *random = &generator->random;
    struct op op = {.heap = choose_heap(random, model)};
    if (model->step >= generator->next_audit) {
        generator->next_audit = model->step + model->setup.audit_every;
        op.kind = OP_AUDIT;
        return op;
    }
    if (model->step >= generator->next_rare) {
        return rare(generator, model, op);
    }
    uint32_t slots = (uint32_t)model->setup.slots;
    op.slot = (uint16_t)random_below(random, slots);
    uint32_t chance = random_below(random, 1024);
    if (chance < 24) {
        return misuse(random, model, op);
    }
    if (chance < 40 || model->open_count == 0) {
        return other(random, model, op);
    }
    // While filling, a taken slot is mostly left alone, and while emptying, an empty one.
    bool filling = model->step / model->setup.swing % 2 == 0;
    if ((model->slots[op.slot].ptr != NULL) == filling && chance < 800) {
        op.slot = (uint16_t)random_below(random, slots);
    }
    return model->slots[op.slot].ptr == NULL ? fill_slot(random, model, op)
                                             : use_slot(random, model, op);
}
