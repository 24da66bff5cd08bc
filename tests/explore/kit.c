// SPDX-License-Identifier: MIT
#include "tests/explore/kit.h"

#include "core/ft_core_state.h"
#include "tests/explore/kit_hooked.h"

#include <string.h>

// ---- frees --------------------------------------------------------------------------------------

static unsigned column(void)
{
    unsigned self = explore_self();
    return self < KIT_HEAPS_MAX ? self : KIT_HEAPS_MAX;
}

static void acquire(void *context)
{
    (void)context;
    explore_lock();
}

static void release(void *context)
{
    (void)context;
    explore_unlock();
}

static void note_late(struct kit *kit)
{
    kit->late[column()] += kit_hooked_is_late(&kit->core->arena);
}

// Frees a chunk of a slot through a heap, or, KIT_HEAPS_MAX, without one, and keeps the books.
static void free_slot(struct kit *kit, unsigned heap, unsigned slot)
{
    const struct kit_plan *plan = explore_plan();
    struct arena *arena = &kit->core->arena;
    void *ptr = kit->slots[slot];
    kit->is_held[slot] = false;
    if (!plan->misuses) {
        kit_hooked_use(ptr);
    }
    bool is_taken;
    if (heap == KIT_HEAPS_MAX) {
        is_taken = kit_hooked_free_without_heap(arena, ptr);
    } else if (plan->as_core) {
        is_taken = ft_core_free(&kit->heaps[heap], ptr) == FT_CORE_OK;
    } else {
        is_taken = kit_hooked_free(arena, kit->heaps[heap].heap, ptr);
    }
    kit->taken_back[column()] += is_taken;
    kit->reported[column()] += !is_taken;
    if (!plan->as_core) {
        note_late(kit);
    }
}

static void alloc_slot(struct kit *kit, unsigned heap, unsigned slot)
{
    const struct kit_plan *plan = explore_plan();
    size_t bytes = plan->is_large ? KIT_LARGE_BYTES : KIT_CHUNK_BYTES;
    void *ptr = plan->is_large ? kit_hooked_take(kit->heaps[heap].heap, bytes) : NULL;
    ptr = ptr != NULL ? ptr : ft_core_alloc(&kit->heaps[heap], bytes);
    if (ptr == NULL) {
        explore_fail("there is no memory");
        return;
    }
    for (unsigned other = 0; other < KIT_SLOTS && !plan->misuses; other++) {
        if (kit->slots[other] == ptr && kit->is_held[other]) {
            explore_fail("slot %u gets a chunk that slot %u holds", slot, other);
        }
    }
    if (!plan->misuses) {
        kit_hooked_use(ptr);
    }
    kit->slots[slot] = ptr;
    kit->is_held[slot] = true;
    kit->handed_out[column()]++;
    note_late(kit);
}

// ---- set-up -------------------------------------------------------------------------------------

// The rest of the chunks of the first zone, by address.
static void free_rest(struct kit *kit, unsigned heap)
{
    unsigned char *first = kit->slots[0];
    const struct zone *zone = zone_map_find(&kit->core->arena.map, first);
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        void *chunk = zone_chunk(zone, index);
        if (chunk != kit->slots[0] && chunk != kit->slots[1]) {
            void *saved = kit->slots[KIT_SLOTS - 1];
            kit->slots[KIT_SLOTS - 1] = chunk;
            free_slot(kit, heap, KIT_SLOTS - 1);
            kit->slots[KIT_SLOTS - 1] = saved;
        }
    }
    memset(kit->is_held + 2, 0, sizeof kit->is_held - 2);
    heap_send_parcels(kit->heaps[heap].heap);
}

// Hands out all that the first heap has.
static void hand_out_all(struct kit *kit)
{
    while (!heap_lacks(kit->heaps[0].heap, 0)) {
        if (ft_core_alloc(&kit->heaps[0], KIT_CHUNK_BYTES) != NULL) {
            kit->handed_out[KIT_HEAPS_MAX]++;
        }
    }
}

static void open_heaps(struct kit *kit, const struct kit_plan *plan)
{
    const struct ft_core_lock lock = {.acquire = acquire, .release = release};
    const struct ft_core_options options = {
        .unit_bytes = KIT_UNIT_BYTES,
        .zone_bytes_max = 100 * KIT_CHUNK_BYTES,
        .is_zero = true,
    };
    kit->core = ft_core_create(kit->region, sizeof kit->region, &options);
    if (kit->core == NULL) {
        explore_fail("no arena");
        return;
    }
    kit->core->arena.config.free_per_zone = 0; // a zone is cut at once
    kit->core->arena.config.parcel_count = plan->parcels ? 2 : 0;
    kit->core->arena.config.hand_bytes_max = plan->is_large ? (size_t)2 * KIT_LARGE_BYTES : 0;
    for (unsigned heap = 0; heap < KIT_HEAPS_MAX && plan->programs[heap] != NULL; heap++) {
        if (!ft_core_open(&kit->heaps[heap], kit->core, &lock)) {
            explore_fail("no heap %u", heap);
        }
    }
}

static void set_up(void *memory)
{
    struct kit *kit = memory;
    const struct kit_plan *plan = explore_plan();
    open_heaps(kit, plan);
    unsigned last = 0;
    while (last + 1 < KIT_HEAPS_MAX && plan->programs[last + 1] != NULL) {
        last++;
    }
    for (unsigned slot = 0; slot < KIT_SLOTS; slot++) {
        if (plan->start == KIT_TWO && slot == KIT_SLOTS / 2) {
            hand_out_all(kit);
        }
        alloc_slot(kit, 0, slot);
    }
    if (plan->start != KIT_OWNED) {
        hand_out_all(kit);
    }
    if (plan->start == KIT_LAST) {
        free_rest(kit, last);
    } else if (plan->start == KIT_HOME) {
        free_slot(kit, last, KIT_SLOTS - 1);
        heap_send_parcels(kit->heaps[last].heap);
    }
}

// ---- programs -----------------------------------------------------------------------------------

static void open_again(struct kit *kit, unsigned heap)
{
    const struct ft_core_lock lock = kit->heaps[heap].lock;
    if (!ft_core_open(&kit->heaps[heap], kit->core, &lock)) {
        explore_fail("no heap %u", heap);
    }
}

static void play_one(struct kit *kit, unsigned self, char what, unsigned slot)
{
    struct heap *heap = kit->heaps[self].heap;
    switch (what) {
    case '-': free_slot(kit, self, slot); break;
    case '~': free_slot(kit, KIT_HEAPS_MAX, slot); break;
    case '+': alloc_slot(kit, self, slot); break;
    case '>': kit_hooked_pass_on(&kit->mail[slot]); break;
    case '<': kit_hooked_wait_for(&kit->mail[slot]); break;
    case 'd': heap_drain(heap); break;
    case 's': heap_send_parcels(heap); break;
    case 't': ft_core_trim(&kit->heaps[self]); break;
    case 'r': ft_core_close(&kit->heaps[self]); break;
    case 'o': open_again(kit, self); break;
    default: explore_fail("a program has %c", what);
    }
}

static void play(void *memory)
{
    struct kit *kit = memory;
    const struct kit_plan *plan = explore_plan();
    unsigned self = explore_self();
    for (const char *next = plan->programs[self]; *next != '\0'; next++) {
        char what = *next;
        unsigned slot = next[1] >= '0' && next[1] < '0' + KIT_SLOTS ? (unsigned)(*++next - '0') : 0;
        play_one(kit, self, what, slot);
    }
}

struct explore_scenario kit_scenario(const struct kit_plan *plan)
{
    static const char *const names[KIT_HEAPS_MAX] = {"first", "second", "third"};
    struct explore_scenario scenario = {
        .name = plan->name,
        .about = plan->about,
        .memory_bytes = sizeof(struct kit),
        .set_up = set_up,
        .verdict = kit_judge,
        .name_of = kit_name,
        .plan = plan,
    };
    for (unsigned fiber = 0; fiber < KIT_HEAPS_MAX && plan->programs[fiber] != NULL; fiber++) {
        scenario.fibers[fiber] = (struct explore_fiber){.name = names[fiber], .run = play};
    }
    return scenario;
}
