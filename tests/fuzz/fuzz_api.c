// SPDX-License-Identifier: MIT
// The api on the fake platform, on any program of calls. The input is a byte of the platform, and then
// operations of four bytes each:
//
//   operation | place | size: exponent, and where it matters more | size: mantissa
//
// The player of tests/fake makes the calls and holds each of them against what it knows: addresses,
// sizes, contents, errno, what the platform has refused. In the end the memory is back, everything is
// freed, and whatever is still mapped must have an owner.
#include "tests/fake/fake.h"
#include "tests/fake/play_more.h"
#include "tests/fake/player.h"
#include "tests/fake/remains.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PLACE_COUNT = 48,
    OPERATIONS_MAX = 400,
    CLEARED_BYTES_MAX = 2 << 20, // chunks above this are not cleared or copied: that takes long
    ALIGN_SHIFT_MAX = 33,
};

enum operation {
    OP_MALLOC,
    OP_CALLOC,
    OP_ALIGNED,
    OP_MEMALIGN,
    OP_POSIX_MEMALIGN,
    OP_VALLOC,
    OP_PVALLOC,
    OP_REALLOC,
    OP_REALLOCARRAY,
    OP_REALLOCF,
    OP_REALLOCARR,
    OP_RECALLOCARRAY,
    OP_IMPOSSIBLE, // a size that nothing has
    OP_FREE,
    OP_FREE_SIZED,
    OP_FREE_ALIGNED_SIZED,
    OP_FREEZERO,
    OP_REALLOC_TO_NOTHING,
    OP_BULK,
    OP_BULK_FREE,
    OP_FREE_ALL,
    OP_THREAD,
    OP_THREAD_END,
    OP_MISUSE,
    OP_WRONG_SIZE,
    OP_SHOW,
    OP_AUDIT,
    OP_FAULT_ONCE,
    OP_FAULTS_FROM_THEN_ON,
    OP_FAULT_PAIR,
    OP_COMMITTED_LIMIT,
    OP_RESERVED_LIMIT,
    OP_MAPPING_LIMIT,
    OP_NO_LIMITS,
    OP_COUNT,
};

struct step {
    unsigned operation;
    unsigned at;
    unsigned exponent;
    unsigned mantissa;
};

static struct player player;

static size_t size_of(const struct step *step)
{
    return ((size_t)(256 + step->mantissa) << step->exponent % 29) >> 8;
}

// A size that may be cleared or copied.
static size_t modest_size_of(const struct step *step)
{
    size_t bytes = size_of(step);
    return bytes <= CLEARED_BYTES_MAX ? bytes : bytes % CLEARED_BYTES_MAX + 1;
}

static size_t align_of(const struct step *step)
{
    return (size_t)1 << (4 + step->mantissa % (ALIGN_SHIFT_MAX - 3));
}

static void allocate(const struct step *step)
{
    size_t bytes = size_of(step);
    size_t align = align_of(step);
    switch (step->operation) {
    case OP_CALLOC: play_calloc(&player, step->at, modest_size_of(step)); break;
    case OP_ALIGNED: play_aligned(&player, step->at, bytes, align); break;
    case OP_MEMALIGN: play_memalign(&player, step->at, bytes, align); break;
    case OP_POSIX_MEMALIGN: play_posix_memalign(&player, step->at, bytes, align); break;
    case OP_VALLOC: play_valloc(&player, step->at, bytes); break;
    case OP_PVALLOC: play_pvalloc(&player, step->at, bytes); break;
    default: play_malloc(&player, step->at, bytes); break;
    }
}

static void resize(const struct step *step)
{
    bool is_modest = player.chunks[step->at].bytes <= CLEARED_BYTES_MAX;
    size_t modest = modest_size_of(step);
    size_t bytes = is_modest ? size_of(step) : modest;
    bytes = bytes != 0 ? bytes : 1;
    switch (step->operation) {
    case OP_REALLOCARRAY: play_reallocarray(&player, step->at, bytes); break;
    case OP_REALLOCF: play_reallocf(&player, step->at, bytes); break;
    case OP_REALLOCARR: play_reallocarr(&player, step->at, bytes); break;
    case OP_RECALLOCARRAY:
        if (is_modest) {
            play_recallocarray(&player, step->at, modest != 0 ? modest : 1);
        }
        break;
    case OP_IMPOSSIBLE: play_realloc(&player, step->at, SIZE_MAX - size_of(step)); break;
    default: play_realloc(&player, step->at, bytes); break;
    }
}

static void give(const struct step *step)
{
    switch (step->operation) {
    case OP_FREE_SIZED: play_free_sized(&player, step->at); break;
    case OP_FREE_ALIGNED_SIZED: play_free_aligned_sized(&player, step->at); break;
    case OP_FREEZERO:
        if (player.chunks[step->at].bytes <= CLEARED_BYTES_MAX) {
            play_freezero(&player, step->at);
        }
        break;
    case OP_REALLOC_TO_NOTHING: play_realloc_to_nothing(&player, step->at); break;
    case OP_BULK: play_bulk(&player, step->at, 8 + modest_size_of(step) % 40000); break;
    case OP_BULK_FREE: play_bulk_free(&player); break;
    case OP_FREE_ALL: play_free_all(&player); break;
    default: play_free(&player, step->at); break;
    }
}

static void do_otherwise(const struct step *step)
{
    bool flag = step->mantissa % 2 != 0;
    switch (step->operation) {
    case OP_THREAD: play_thread(&player, step->exponent % PLAYER_THREADS); break;
    case OP_THREAD_END: play_thread_end(&player); break;
    case OP_MISUSE:
        play_misuse(&player, (enum play_wrong)(step->exponent % WRONG_COUNT),
                    (enum play_wrong_call)(step->mantissa / 2 % WRONG_CALL_COUNT), step->at, flag);
        break;
    case OP_WRONG_SIZE: play_wrong_size(&player, step->at, step->exponent % 2 != 0, flag); break;
    case OP_SHOW: play_show(&player); break;
    default: play_audit(&player); break;
    }
}

static void trouble(const struct step *step)
{
    size_t bytes = size_of(step);
    uint64_t first = fake_books.matching + 1 + step->at % 16;
    unsigned calls = step->exponent % (1U << FAKE_REFUSABLE_COUNT);
    struct fake_faults faults = {.first = first, .second = first + step->mantissa, .calls = calls};
    switch (step->operation) {
    case OP_FAULT_ONCE: faults.when = FAKE_ONCE; break;
    case OP_FAULTS_FROM_THEN_ON: faults.when = FAKE_FROM_THEN_ON; break;
    case OP_FAULT_PAIR: faults.when = FAKE_PAIR; break;
    case OP_COMMITTED_LIMIT:
        fake_limits.committed_bytes = fake_books.committed_bytes / 2 + bytes;
        return;
    case OP_RESERVED_LIMIT:
        fake_limits.reserved_bytes = fake_books.reserved_bytes / 2 + bytes;
        return;
    case OP_MAPPING_LIMIT:
        fake_limits.mapping_count = fake_books.mapping_count / 2 + step->mantissa % 8;
        return;
    default: fake_limits = (struct fake_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX}; break;
    }
    fake_faults = faults;
}

static void play_step(const struct step *step)
{
    if (step->operation <= OP_PVALLOC) {
        allocate(step);
    } else if (step->operation <= OP_IMPOSSIBLE) {
        resize(step);
    } else if (step->operation <= OP_FREE_ALL) {
        give(step);
    } else if (step->operation <= OP_AUDIT) {
        do_otherwise(step);
    } else {
        trouble(step);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static const size_t pages[] = {4096, 16384, 65536};
    const struct fake_config config = {
        .page_bytes = pages[data[0] % 3],
        .place = (enum fake_place)(data[0] / 3 % FAKE_PLACE_COUNT),
        .has_no_key = data[0] / 15 % 5 == 0,
        .refused_purge = (enum fake_refused_purge)(data[0] / 15 % 3),
    };
    fake_reset(&config);
    player_begin(&player, 1, data[0] % 2 != 0);
    for (size_t at = 1; at + 4 <= size && at < 4 * OPERATIONS_MAX; at += 4) {
        const struct step step = {
            .operation = data[at] % OP_COUNT,
            .at = data[at + 1] % PLACE_COUNT,
            .exponent = data[at + 2],
            .mantissa = data[at + 3],
        };
        snprintf(player_context, sizeof(player_context), "byte %zu, operation %u %u %u %u", at,
                 step.operation, step.at, step.exponent, step.mantissa);
        play_step(&step);
    }
    snprintf(player_context, sizeof(player_context), "after all operations");
    fake_limits = (struct fake_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX};
    fake_faults = (struct fake_faults){.when = FAKE_NEVER};
    play_audit(&player);
    play_free_all(&player);
    (void)remains_of(&player);
    return 0;
}
