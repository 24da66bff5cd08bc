// SPDX-License-Identifier: MIT
#include "tests/model/setup.h"

#include "tests/core/random.h"
#include "tests/model/ground.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct field {
    const char *name;
    size_t offset;
};

static const struct field fields[] = {
    {"seed", offsetof(struct setup, seed)},
    {"steps", offsetof(struct setup, steps)},
    {"subject", offsetof(struct setup, subject)},
    {"region_bytes", offsetof(struct setup, region_bytes)},
    {"phase", offsetof(struct setup, phase)},
    {"extra_bytes", offsetof(struct setup, extra_bytes)},
    {"unit_bytes", offsetof(struct setup, unit_bytes)},
    {"zone_bytes_max", offsetof(struct setup, zone_bytes_max)},
    {"stack_bytes_max", offsetof(struct setup, stack_bytes_max)},
    {"is_zero", offsetof(struct setup, is_zero)},
    {"dirt", offsetof(struct setup, dirt)},
    {"heaps", offsetof(struct setup, heaps)},
    {"locked", offsetof(struct setup, locked)},
    {"slots", offsetof(struct setup, slots)},
    {"sizes", offsetof(struct setup, sizes)},
    {"swing", offsetof(struct setup, swing)},
    {"audit_every", offsetof(struct setup, audit_every)},
    {"rare_every", offsetof(struct setup, rare_every)},
    {"refusals", offsetof(struct setup, refusals)},
    {"commits", offsetof(struct setup, commits)},
    {"run_bytes_max", offsetof(struct setup, run_bytes_max)},
    {"dirty_bytes_max", offsetof(struct setup, dirty_bytes_max)},
    {"parcels", offsetof(struct setup, parcels)},
    {"no_heap_every", offsetof(struct setup, no_heap_every)},
    {"lie", offsetof(struct setup, lie)},
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]), LINE_BYTES = 2048 };

static uint64_t read_field(const struct setup *setup, unsigned index)
{
    uint64_t value;
    memcpy(&value, (const char *)setup + fields[index].offset, sizeof(value));
    return value;
}

void setup_print(FILE *file, const struct setup *setup)
{
    fprintf(file, "setup");
    for (unsigned index = 0; index < FIELD_COUNT; index++) {
        if (read_field(setup, index) != 0) {
            fprintf(file, " %s=%" PRIu64, fields[index].name, read_field(setup, index));
        }
    }
    fprintf(file, "\n");
}

static bool parse_field(const char *word, size_t length, struct setup *setup)
{
    for (unsigned index = 0; index < FIELD_COUNT; index++) {
        size_t name_length = strlen(fields[index].name);
        if (length > name_length && word[name_length] == '=' &&
            strncmp(word, fields[index].name, name_length) == 0) {
            uint64_t value = strtoull(word + name_length + 1, NULL, 0);
            memcpy((char *)setup + fields[index].offset, &value, sizeof(value));
            return true;
        }
    }
    return false;
}

bool setup_parse(const char *line, struct setup *setup)
{
    if (strncmp(line, "setup ", 6) != 0) {
        return false;
    }
    memset(setup, 0, sizeof(*setup));
    const char *word = line + 5;
    for (word += strspn(word, " \n"); *word != '\0'; word += strspn(word, " \n")) {
        size_t length = strcspn(word, " \n");
        if (!parse_field(word, length, setup)) {
            return false;
        }
        word += length;
    }
    setup_bound(setup);
    return true;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

void setup_bound(struct setup *setup)
{
    setup->subject %= SUBJECT_KINDS;
    setup->region_bytes = at_most(setup->region_bytes, GROUND_REGION_BYTES_MAX);
    setup->extra_bytes = at_most(setup->extra_bytes, GROUND_EXTRA_BYTES_MAX);
    setup->phase %= GROUND_GRAIN_BYTES;
    setup->heaps = at_most(setup->heaps != 0 ? setup->heaps : 1, SETUP_HEAPS_MAX);
    setup->locked |= setup->heaps > 1;
    setup->slots = at_most(setup->slots != 0 ? setup->slots : 1, SETUP_SLOTS_MAX);
    setup->sizes %= SIZES_KINDS;
    setup->parcels = at_most(setup->parcels, SETUP_PARCELS_MAX);
    setup->swing += setup->swing == 0;
    setup->audit_every += setup->audit_every == 0;
    setup->rare_every += setup->rare_every == 0;
}

// A number up to 2^bits, each number of bits as likely as any other from least to bits.
static uint64_t spread(struct random *random, unsigned least, unsigned bits)
{
    unsigned chosen = least + random_below(random, bits - least + 1);
    return random_next(random) & (((uint64_t)2 << chosen) - 1);
}

static void choose_core(struct setup *setup, struct random *random)
{
    // Small regions run out of memory, which is where the corners are; large ones are slow to make.
    unsigned kind = random_below(random, 100);
    setup->region_bytes = kind < 10   ? 1024 + random_below(random, 4096)
                          : kind < 50 ? 2048 + spread(random, 10, 14)
                          : kind < 90 ? 8192 + spread(random, 13, 19)
                          : kind < 99 ? 65536 + spread(random, 17, 22)
                                      : 65536 + spread(random, 20, 25);
    if (random_chance(random, 40)) {
        setup->extra_bytes = random_chance(random, 50) ? 2048 + spread(random, 10, 14)
                                                       : setup->region_bytes / 2 + 2048;
    }
    setup->unit_bytes = random_chance(random, 60) ? 0 : (uint64_t)32 << random_below(random, 12);
    unsigned zones = random_below(random, 10);
    setup->zone_bytes_max = zones < 6   ? 0
                            : zones < 8 ? SIZE_MAX
                                        : setup->region_bytes >> random_below(random, 8);
    unsigned stacks = random_below(random, 10);
    setup->stack_bytes_max = stacks < 6 ? 0 : stacks < 8 ? 1 : spread(random, 4, 20);
}

static void choose_wide(struct setup *setup, struct random *random)
{
    setup->region_bytes = (uint64_t)2 << (20 + random_below(random, 3));
    setup->stack_bytes_max = (uint64_t)16384 << random_below(random, 3);
    setup->refusals = random_chance(random, 60);
    setup->commits = random_chance(random, 70);
    setup->run_bytes_max = random_chance(random, 50) ? 1 << 20 : SIZE_MAX;
    // Mostly so little that pages of zones go as well.
    setup->dirty_bytes_max = random_chance(random, 75) ? spread(random, 8, 21) : SIZE_MAX;
    setup->parcels = random_chance(random, 60) ? (uint64_t)1 << random_below(random, 8) : 0;
    setup->no_heap_every = random_chance(random, 50) ? 2 + random_below(random, 40) : 0;
}

struct setup setup_of_seed(uint64_t seed, enum setup_subject subject, uint64_t region_bytes)
{
    struct random random = {.state = seed * 0x2545F4914F6CDD1D};
    struct setup setup = {.seed = seed, .subject = subject};
    setup.phase = random_chance(&random, 50) ? random_below(&random, GROUND_GRAIN_BYTES)
                                             : 16 * random_below(&random, GROUND_GRAIN_BYTES / 16);
    setup.is_zero = random_chance(&random, 30);
    setup.dirt = random_chance(&random, 50) ? 0xFF : random_below(&random, 256);
    setup.heaps = random_chance(&random, 40) ? 1 : 1 + random_below(&random, SETUP_HEAPS_MAX);
    setup.locked = setup.heaps > 1 || random_chance(&random, 50);
    setup.slots = 8 + spread(&random, 3, 9);
    setup.sizes = random_below(&random, SIZES_KINDS);
    setup.swing = 64 + spread(&random, 6, 11);
    if (subject == SUBJECT_WIDE) {
        choose_wide(&setup, &random);
    } else {
        choose_core(&setup, &random);
        if (region_bytes != 0) {
            setup.region_bytes = region_bytes;
        }
    }
    if (setup.region_bytes > 1 << 20) {
        setup.slots *= 4;
    }
    setup.audit_every = 1500 + 4 * setup.slots + setup.region_bytes / 64;
    setup.rare_every = 400 + setup.region_bytes / 128;
    setup.steps = 12000 + setup.region_bytes / 32;
    setup_bound(&setup);
    return setup;
}

bool setup_save(const char *path, const struct setup *setup, const struct op_list *list)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return false;
    }
    setup_print(file, setup);
    for (size_t index = 0; index < list->count; index++) {
        char text[OP_TEXT_BYTES];
        op_print(&list->ops[index], text);
        fprintf(file, "%s\n", text);
    }
    bool written = ferror(file) == 0;
    if (fclose(file) != 0 || !written) {
        perror(path);
        return false;
    }
    return true;
}

bool setup_load(const char *path, struct setup *setup, struct op_list *list)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return false;
    }
    char line[LINE_BYTES];
    bool understood = true;
    bool has_setup = false;
    for (unsigned number = 1; understood && fgets(line, sizeof(line), file) != NULL; number++) {
        struct op op;
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (!has_setup) {
            understood = has_setup = setup_parse(line, setup);
        } else {
            understood = op_parse(line, &op);
            if (understood) {
                op_list_add(list, op);
            }
        }
        if (!understood) {
            fprintf(stderr, "%s:%u: not understood: %s", path, number, line);
        }
    }
    fclose(file);
    return understood && has_setup;
}
