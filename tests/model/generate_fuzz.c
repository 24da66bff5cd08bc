// SPDX-License-Identifier: MIT
#include "core/size_class.h"
#include "tests/model/generate.h"

static uint8_t take(struct fuzz_bytes *bytes)
{
    return bytes->at != bytes->end ? *bytes->at++ : 0;
}

// An exponent and a mantissa: small numbers exactly, large ones nearly.
static uint64_t number_of(unsigned high, unsigned low)
{
    unsigned exponent = high % 64;
    return exponent < 8 ? (high % 8) * 256 + low : ((uint64_t)low + 256) << (exponent - 8);
}

struct setup generate_fuzz_setup(struct fuzz_bytes *bytes)
{
    uint8_t options = take(bytes);
    uint8_t region = take(bytes);
    uint8_t more = take(bytes);
    uint8_t phase = take(bytes);
    uint8_t extra = take(bytes);
    uint8_t zone = take(bytes);
    uint8_t stack = take(bytes);
    uint8_t unit = take(bytes);
    struct setup setup = {
        .seed = options,
        .subject = SUBJECT_CORE,
        .region_bytes = 1024 + ((uint64_t)region * 256 + more) * 4, // up to 256 KiB
        .phase = phase % 2 != 0 ? phase : (uint64_t)phase * 64,
        .extra_bytes = extra % 4 == 0 ? 0 : 1024 + (uint64_t)extra * 128,
        .zone_bytes_max = zone < 128   ? 0
                          : zone > 240 ? SIZE_MAX
                                       : (uint64_t)(zone - 127) * 512,
        .stack_bytes_max = stack < 128 ? 0 : (uint64_t)(stack - 127) * (stack - 127),
        .unit_bytes = unit < 128 ? 0 : (uint64_t)32 << unit % 9,
        .is_zero = options & 1,
        .dirt = (options & 2) != 0 ? 0xFF : options,
        .heaps = 1 + (options >> 2) % 4,
        .locked = options >> 4 & 1,
        .slots = 64,
        .audit_every = 1000,
    };
    setup_bound(&setup);
    return setup;
}

// The size that two bytes choose: small, beside a class's, or of any number of bits.
static uint64_t size_of(struct fuzz_bytes *bytes)
{
    uint8_t how = take(bytes);
    uint8_t low = take(bytes);
    if (how < 64) {
        return (uint64_t)how * 16 + low % 16;
    }
    if (how < 128) {
        return size_class_bytes(low % SIZE_CLASS_COUNT) + how % 3 - 1;
    }
    return number_of(how, low);
}

static bool has_size(const struct op *op)
{
    return (op->kind >= OP_ALLOC && op->kind <= OP_ALIGNED) || op->kind == OP_RESIZE ||
           op->kind == OP_REALLOC || op->kind == OP_WRONG_SIZE;
}

bool generate_fuzz_op(struct fuzz_bytes *bytes, const struct model *model, struct op *op)
{
    if (bytes->at == bytes->end) {
        return false;
    }
    // Half of all bytes are usual operations.
    static const uint8_t usual[] = {OP_ALLOC, OP_FREE, OP_ALLOC, OP_FREE, OP_REALLOC, OP_RESIZE};
    uint8_t kind = take(bytes);
    uint8_t who = take(bytes);
    *op = (struct op){
        .kind = kind < 128 ? usual[kind % sizeof(usual)] : (uint8_t)(kind % OP_KINDS),
        .heap = (uint8_t)((who >> 6) % model->setup.heaps),
        .slot = who % 64,
    };
    if (has_size(op)) {
        op->bytes = size_of(bytes);
        if (op->kind == OP_ALIGNED) {
            op->more = (uint64_t)1 << take(bytes) % 64;
        } else if (op->kind == OP_ZEROED) {
            op->more = 1 + take(bytes) % 4;
        }
        return true;
    }
    if (op->kind == OP_FREE || op->kind == OP_FREE_SIZED || op->kind == OP_NOTHING) {
        return true;
    }
    uint8_t high = take(bytes);
    uint8_t low = take(bytes);
    op->bytes = op->kind == OP_AT ? model->regions[who % 4].offset + (size_t)high * 256 + low
                                  : number_of(high, low);
    op->more = op->kind == OP_WALK ? 0 : high % 4;
    if (op->kind == OP_WALK) {
        op->bytes %= 64;
    }
    return true;
}
