// SPDX-License-Identifier: MIT
#include "api/stacks_memory.h"

#include "core/bits.h"

enum {
    TABLE_BYTES = 64 << 20, // of address space
    TABLE_COPY_BYTES = 512 << 20,
    TABLE_BYTES_MIN = 1 << 20,
    TABLE_STEP_BYTES = 1 << 20, // that are committed at once; more than any stack takes
    COPY_SHARE = 64,            // a stack with its slice is so much longer
    LIMIT_SHARE = 16,           // of a limit of address space, at most
    OWNERS_BYTES_MIN = 1 << 16, // 4096 chunks
};

// Once: what has no stack for want of memory is told without.
static void tell_full(struct stacks *stacks)
{
    static const char line[] = "ft_malloc: there is no room for more call stacks\n";
    if (!stacks->is_full) {
        stacks->is_full = true;
        platform_tell(PLATFORM_ERRORS, line, sizeof(line) - 1);
    }
}

static bool make_owners(struct address_map *map, size_t bytes)
{
    void *region = platform_map(bytes, platform_page_bytes());
    if (region != NULL) {
        address_map_init(map, region, bytes);
    }
    return region != NULL;
}

// Commits the next step of the table. False if it has come to its end, or if the system refuses.
static bool extend_table(struct stacks *stacks)
{
    struct backtrace_table *table = &stacks->table;
    size_t bytes = stacks->table_bytes - table->bytes;
    bytes = bytes < TABLE_STEP_BYTES ? bytes : TABLE_STEP_BYTES;
    if (bytes == 0 || !platform_commit(table->base + table->bytes, bytes)) {
        return false;
    }
    backtrace_table_bound(table, table->bytes + bytes);
    return true;
}

// How much of address space a table may have; where a limit is near, so little of it that the program has the rest.
static size_t table_bytes_first(const struct stacks *stacks)
{
    size_t bytes = stacks->copies ? TABLE_COPY_BYTES : TABLE_BYTES;
    size_t limit = platform_address_limit() / LIMIT_SHARE;
    while (bytes > limit && bytes > TABLE_BYTES_MIN) {
        bytes /= 2;
    }
    return bytes;
}

static bool make_table(struct stacks *stacks)
{
    size_t bytes = table_bytes_first(stacks);
    void *region = platform_reserve(bytes);
    while (region == NULL && bytes > TABLE_BYTES_MIN) {
        bytes /= 2;
        region = platform_reserve(bytes);
    }
    if (region == NULL) {
        return false;
    }
    stacks->table_bytes = bytes;
    // Where slices are kept, too, there are far fewer stacks in as many bytes.
    backtrace_table_init(&stacks->table, region, stacks->copies ? bytes / COPY_SHARE : bytes);
    size_t head_bytes = bits_align_up(stacks->table.used, platform_page_bytes());
    backtrace_table_bound(&stacks->table, head_bytes);
    if (platform_commit(region, head_bytes) && extend_table(stacks)) {
        return true;
    }
    (void)platform_release(region, bytes);
    return false;
}

bool stacks_memory_open(struct stacks *stacks)
{
    stacks->owners_bytes = OWNERS_BYTES_MIN;
    bool is_open = make_table(stacks) && make_owners(&stacks->owners, OWNERS_BYTES_MIN);
    if (!is_open) {
        tell_full(stacks);
    }
    return is_open;
}

uint32_t stacks_memory_put(struct stacks *stacks, const struct backtrace_key *key,
                           struct backtrace_more more)
{
    uint32_t number = backtrace_table_put(&stacks->table, key, more);
    while (number == 0 && key->count != 0 && extend_table(stacks)) {
        number = backtrace_table_put(&stacks->table, key, more);
    }
    if (number == 0 && key->count != 0) {
        tell_full(stacks);
    }
    return number;
}

void stacks_memory_own(struct stacks *stacks, uintptr_t address, uint32_t number)
{
    if (address_map_set(&stacks->owners, address, number)) {
        return;
    }
    struct address_map larger;
    if (!make_owners(&larger, 2 * stacks->owners_bytes)) {
        tell_full(stacks);
        return;
    }
    address_map_move(&larger, &stacks->owners);
    // What cannot be given back now is lost: half of what there is from now on.
    (void)platform_release(stacks->owners.entries, stacks->owners_bytes);
    stacks->owners = larger;
    stacks->owners_bytes *= 2;
    (void)address_map_set(&stacks->owners, address, number);
}

bool stacks_memory_cut(struct stacks *stacks)
{
    struct backtrace_table *table = &stacks->table;
    size_t bytes = stacks->table_bytes - table->bytes;
    if (bytes == 0 || !platform_release(table->base + table->bytes, bytes)) {
        return false;
    }
    stacks->table_bytes = table->bytes;
    return true;
}
