// SPDX-License-Identifier: MIT
// A heap is what one thread owns: for each size class a stack of free chunks, and behind it the zones
// that the class's chunks come from.
//
//   alloc: pop ◄── stack ◄── refill: lowest addresses of the fullest zone ◄── a new zone (LOCKED)
//   free:  push ─► stack ─► flush: the older half goes home ─► an empty zone goes back (LOCKED)
//
// Stacks begin small and become deeper when they overflow, within a budget for all classes together, and deeper still if
// they swing (heap_stacks.h), so that what a program usually allocates and frees by turns never leaves them. An entry below the
// bottom of each stack holds no chunk; it is what an empty stack pops.
//
// A chunk freed by a thread that does not own its zone goes on its way home (zone.h): its bit waits in a parcel of the
// freeing heap with others of the same word, and when that is sent, the zone is listed (home.h):
//
//   its owner's `home`       the owner takes the chunks when it next needs some
//   its section's `full`     it is nobody's: for who is short of its class, under the lock
//   the arena's `home_idle`  its owner waits for a thread: for whoever has sent the chunks, under the lock
//
// A zone that has nothing more to hand out its owner makes nobody's. It takes it back on a free of its own; a heap that
// is short of the class takes it when most have come home; who sends the last one home takes it, and gives it back.
// Its chunks may be in any stack meanwhile.
//
// Invariants, all checked by heap_is_valid():
//   H1  Every entry of a stack is a chunk of its class, neither live nor on its way home, and not in its zone.
//   H2  A zone of this heap is in the list of its fill, or in none if it has nothing to take.
//   H3  The `home` list is of records that are announced, each once.
//   H4  Stacks lie in the heap's memory one behind the other, by class.
//   H5  Each zone has counted itself as it is, and dirty_bytes and held_bytes are the sums.
//
// What a heap holds in pointers (its stacks) means nothing to another process, and is set right when a heap
// that has moved is acquired; zones and lists are offsets.
#ifndef FT_CORE_HEAP_H
#define FT_CORE_HEAP_H

#include "core/arena.h"
#include "core/bits.h"
#include "core/chunk.h"
#include "core/home.h"
#include "core/large.h"
#include "core/size_class.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAP_OWNER_SHIFT = 12, // an owner word: the heap's id above, a stack's place below
    HEAP_OWNER_MASK = (1 << HEAP_OWNER_SHIFT) - 1,
    HEAP_ID_MAX = (1 << 20) - 4,      // heaps of one arena; the ids above mean none, full and dead
    HEAP_STACK_CAPACITY_MAX = 8192,   // entries of one stack
    HEAP_STACK_BYTES_MAX = 256 << 10, // chunks that one stack may hold,
    HEAP_SWING_BYTES_MAX = 1 << 20,   // or one that swings (heap_stacks.h)
    HEAP_RUN_CLASS_BYTES = 4096,      // larger classes are served as runs, before they get a zone:
    HEAP_BYTES_PER_RUN = 1024,        // a chunk for each so many bytes of their size
};

struct heap_stack {
    struct chunk_entry *top;   // one above the entry that is popped next
    struct chunk_entry *limit; // the highest value of top
    struct chunk_entry *bottom;
    uint16_t capacity; // entries from bottom to limit
    // Chunks of the class served as runs: on a buffer by now, else so far, up to the limit, and then what became of the first
    // zone (heap_grow.c).
    uint16_t served;
};

// Chunks of one word of home bits that wait to be sent.
struct heap_parcel {
    uintptr_t at;   // the state of the word's first chunk, from the heap; 0: nothing waits
    uintptr_t zone; // from the arena
    uintptr_t bits;
    uintptr_t room; // for so many more; never 0 while something waits
};

// What a heap keeps in its zones, and the search for pages of them to purge (heap_return.h). OWNER.
struct heap_return {
    uintptr_t dirty_bytes; // free chunks that may hold old bytes
    uintptr_t held_bytes;  // chunks of the same zones that are in use, or in stacks
    uintptr_t zone;        // where the search goes on, from the arena; 0: at the next list
    uintptr_t chunk;       // in that zone
    uintptr_t list;        // which list is next, from those of the emptiest zones on
    uintptr_t above;       // dirty bytes up to which another search is not worth it; 0: it is
    uintptr_t least_bytes; // the longest ranges that the last search passed over were shorter
    uintptr_t taken_bytes; // chunks taken out of zones, for which no range has left yet
    uintptr_t held_then;   // held bytes when all zones had been looked at
    uintptr_t spare_bytes; // kept beside, since as many had left and were taken again
    uintptr_t trim;        // the last of the arena's trims that this heap has had its part in
    uintptr_t home_class;  // whose zones that are nobody's heap_adopt_next() looks through next
    uintptr_t scattered;   // dirty bytes left when stacks last went home for them, or fewer since
    bool is_on; // more was kept than may be, and what was purged has not yet brought it down
};

// LARGE chunks that the heap's thread has freed and may have again (heap_hand.h). OWNER.
enum { HEAP_HAND_COUNT = 8 };
struct heap_hand {
    uintptr_t units_max;       // of all of them
    uintptr_t class_bytes_max; // requests of no more are served by classes
    uintptr_t units;           // of those that are there
    uintptr_t count;
    struct heap_held {
        void *chunk;
        struct unit *unit;   // its run's first
    } held[HEAP_HAND_COUNT]; // the one that was freed last at the end
};

// Every member is one word or two, or half of one, so that stacks are found by their number of words on any machine.
// The first 64 bytes are read by every free, and by others who send chunks home: nothing there changes from call to call.
struct heap {
    uint32_t owner; // the id, shifted; the lower bits are 0
    // Two halves of a word.
    _Alignas(uintptr_t) _Atomic uint16_t is_idle; // written LOCKED: no thread has it
    uint16_t hand;                                // from this heap; 0: it has none
    _Alignas(uintptr_t) uint16_t
        class_count;        // classes that are served as zones: those below this one
    uint16_t back;          // what goes back to the system, from this heap; 0: nothing ever
    uintptr_t arena;        // from this heap
    uintptr_t lists;        // of zones, by class and fill (heap_lists), from this heap
    uintptr_t parcels;      // from this heap
    uintptr_t parcel_count; // a power of two, or 0
    uintptr_t next_heap;    // LOCKED: the arena's list of all heaps
    // Other threads write the next line of a cache, and the heap's own thread hardly ever needs the rest of it.
    struct home_list home; // zones with chunks that came home
    uintptr_t next_idle;   // LOCKED: the arena's list of heaps without a thread
    uintptr_t address;     // of this heap, when its pointers were written
    uintptr_t budget;      // bytes of chunks that stacks may still grow by
    uintptr_t memory;      // for stacks, from this heap
    uintptr_t memory_end;
    uintptr_t
        memory_unused; // bytes of it, and of what a stack that swings has got, that no stack has had
    uintptr_t empties;       // OWNER: zones that became empty and go back, from the arena
    uintptr_t parcels_open;  // in which something waits
    struct chunk_entry none; // what a stack without memory has below its bottom
    struct heap_stack stacks[SIZE_CLASS_COUNT]; // there is memory for class_count of them
};

// What the stacks of HEAP_NONE have below their bottom.
extern const struct chunk_entry heap_no_entry[1];

// The heap of a thread that has none: its stacks are empty, and it owns no zone, so that every call goes the slow way. The
// caller defines it, as a constant, with this initial value.
#define HEAP_OWNER_NONE (UINT32_MAX & ~(uint32_t)HEAP_OWNER_MASK)
#define HEAP_NO_STACK                                  \
    {                                                  \
        .top = (struct chunk_entry *)&heap_no_entry[1] \
    }
#define HEAP_NO_STACKS_8                                                                      \
    HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, HEAP_NO_STACK, \
        HEAP_NO_STACK, HEAP_NO_STACK
#define HEAP_NONE                                                                          \
    {                                                                                      \
        .owner = HEAP_OWNER_NONE,                                                          \
        .stacks = {HEAP_NO_STACKS_8, HEAP_NO_STACKS_8, HEAP_NO_STACKS_8, HEAP_NO_STACKS_8, \
                   HEAP_NO_STACKS_8},                                                      \
    }

// ANY. Whether this is the heap of a thread that has none.
static inline bool heap_is_none(const struct heap *heap)
{
    return heap->owner == HEAP_OWNER_NONE;
}

// Where a TINY request is served, and the state that its chunk gets.
struct heap_place {
    uint8_t stack_word; // the class's stack in a heap, in words of a pointer's size
    uint8_t live_state; // STATE_LIVE + slack
};

// For each number of bytes.
extern const struct heap_place heap_places[SIZE_CLASS_TINY_MAX + 1];

// The same for SMALL sizes, which are as many as begin a step of 256 bytes above TINY.
enum {
    HEAP_SMALL_STEP = 256,
    HEAP_SMALL_CHUNKS_MAX = 128, // of a zone on units of 64 KiB
};
struct heap_small_place {
    uint8_t stack_word;
    uint8_t
        steps; // a power of two that divides the class's size and is more than any slack in it, in steps
};
extern const struct heap_small_place
    heap_small_places[(SIZE_CLASS_SMALL_MAX - SIZE_CLASS_TINY_MAX) / HEAP_SMALL_STEP];

// ANY. The smallest memory that a heap of this arena can use, in bytes: it has no stacks.
size_t heap_bytes_min(const struct arena *arena);

// ANY. What the first stack of a TINY class takes beside that, the largest of all classes.
size_t heap_first_stack_bytes(void);

// ANY. The arena that a heap belongs to.
static inline struct arena *heap_arena(const struct heap *heap)
{
    return (struct arena *)((uintptr_t)heap + heap->arena);
}

// OWNER. What the heap keeps, or NULL if nothing of its arena goes back.
static inline struct heap_return *heap_returns(const struct heap *heap)
{
    return offset_to(heap, heap->back);
}

// OWNER. The first zone of each fill of a class, from the arena.
static inline uintptr_t *heap_lists(const struct heap *heap, unsigned size_class)
{
    return (uintptr_t *)((uintptr_t)heap + heap->lists) + (size_t)size_class * ZONE_FILL_COUNT;
}

// OWNER. Whether the heap has nothing of this class at hand: its stack is empty, none of its zones has a chunk, and
// none has come home.
static inline bool heap_lacks(const struct heap *heap, unsigned size_class)
{
    const uintptr_t *lists = heap_lists(heap, size_class);
    uintptr_t any = !home_list_is_empty(&heap->home);
    for (unsigned fill = 0; fill < ZONE_FILL_COUNT; fill++) {
        any |= lists[fill];
    }
    return any == 0 && heap->stacks[size_class].top == heap->stacks[size_class].bottom;
}

// LOCKED. Gives the calling thread a heap: one that waits for a thread, or a new one with `bytes` of
// memory. NULL and *need on failure.
struct heap *heap_acquire(struct arena *arena, size_t bytes, struct need *need);

// LOCKED. The heap of all threads without one: the caller may use it until he lets go of the lock, as its owner and as
// of a heap that waits for a thread. It is made at the first time, with `bytes` of memory: NULL and *need on failure.
struct heap *heap_common(struct arena *arena, size_t bytes, struct need *need);

// OWNER and LOCKED. The heap's thread ends: what its stacks hold goes home, empty zones go back, and
// the heap waits for the next thread. Where the arena grows, TINY chunks stay at hand for that one, until another heap is the
// next to be handed on.
void heap_retire(struct heap *heap);

// LOCKED, while nobody else is in any call. Takes every heap but `survivor` (which may be NULL, and else is the calling
// thread's) from whoever had it. Nothing that those heaps knew is trusted: what is live by its state stays, all else
// becomes free, and they wait for the next thread. Ranges on their way to the system become dirty. The arena may have
// moved since.
void heap_revive(struct arena *arena, struct heap *survivor);

// OWNER. Hands out a chunk of this class, for `bytes` that it holds and whose slack it can note, from the stack, what has
// come home, or the heap's own zones. ptr is NULL if they have none. If nobody wants more than the least alignment and a SMALL
// class is hardly used yet, the chunk may be a freed one of a little larger class: no new page is touched for it.
struct grant heap_take(struct heap *heap, unsigned size_class, size_t bytes, size_t align);

// OWNER and LOCKED. Hands out a chunk for any request: from a zone that was nobody's, a new zone, a run. ptr is
// NULL on failure, and *need then says what would help. align is a power of two.
struct grant heap_alloc(struct heap *heap, size_t bytes, size_t align, struct need *need);

// ANY. The class that serves a request in this heap, or SIZE_CLASS_NONE if a run does.
unsigned heap_class_for(const struct heap *heap, size_t bytes, size_t align);

// OWNER. Whether the heap owns a zone.
static inline bool heap_owns(const struct heap *heap, const struct zone *zone)
{
    // Relaxed: what the calling thread wrote is the answer, whoever else writes meanwhile.
    return (atomic_load_explicit(&zone->owner, memory_order_relaxed) ^ heap->owner) <=
           HEAP_OWNER_MASK;
}

// OWNER and LOCKED. On a buffer, for a class that the heap lacks: a run that is free already, if the class is
// still served as runs. ptr is NULL if not, or if heap_alloc() has more to try.
struct grant heap_take_run(struct heap *heap, unsigned size_class, size_t bytes);

// OWNER. Takes back a chunk that the program held, of a zone of this heap. False if it is not live: another thread has
// freed it since the chunk was located, when the zone was not yet this heap's; then nothing has changed.
bool heap_put(struct heap *heap, const struct chunk *chunk);

// OWNER. On a buffer: the heap's thread has freed a run that served a request of so many bytes. Where several
// heaps free each other's chunks, the count is a guess.
void heap_note_run_freed(struct heap *heap, size_t bytes);

// OWNER. Makes a zone this heap's again that was so last and is nobody's by now. False if it is not like that.
bool heap_take_back(struct heap *heap, struct zone *zone);

// OWNER. Takes back a chunk of a TINY or SMALL zone that this heap does not own: it goes on its way home, without a
// lock. heap is NULL for a thread without one. False if it was freed meanwhile: then nothing has changed.
bool heap_send(struct heap *heap, struct arena *arena, const struct chunk *chunk);

// OWNER. A parcel. index is below parcel_count.
static inline struct heap_parcel *heap_parcel_at(const struct heap *heap, uintptr_t index)
{
    return (struct heap_parcel *)((uintptr_t)heap + heap->parcels) + index;
}

// OWNER. Where the bit of the TINY chunk with this state is gathered. The heap has parcels: two for each class, because
// chunks of one are mostly freed in the order that they were made in.
static inline struct heap_parcel *heap_parcel_of(const struct heap *heap, const struct zone *zone,
                                                 const void *state)
{
    uintptr_t side = (uintptr_t)state / BITS_PER_WORD % 2;
    return heap_parcel_at(heap,
                          (zone->size_class * (uintptr_t)2 + side) & (heap->parcel_count - 1));
}

// ANY. What a parcel is `at` that gathers the bit of the TINY chunk with this state. States begin on a cache line, so that
// those of one word are aligned as the word's bits are.
static inline uintptr_t heap_parcel_place(const struct heap *heap, const void *state)
{
    return ((uintptr_t)state & ~(uintptr_t)(BITS_PER_WORD - 1)) - (uintptr_t)heap;
}

// OWNER. Puts a TINY chunk that was claimed, with this state, into a parcel. Whether anything was sent. The heap has
// parcels.
bool heap_gather(struct heap *heap, struct zone *zone, void *state);

// What was done with a chunk that another thread's zone, or nobody's, has handed out.
enum heap_sent { HEAP_NOT_SENT, HEAP_GATHERED, HEAP_SENT };

// OWNER. A live TINY chunk with this state, whose zone the heap does not own, goes on its way home; SENT: others with it,
// so that zones may have become empty. NOT_SENT, and nothing has changed: it was freed meanwhile, its zone is to be taken
// back, or the heap gathers nothing.
enum heap_sent heap_send_away(struct heap *heap, struct zone *zone, void *state);

// OWNER. Sends a chunk whose state says that it is on its way home, at once or in a parcel. heap may be NULL.
void heap_send_claimed(struct heap *heap, struct arena *arena, struct zone *zone, uint32_t index);

// OWNER. Sends the parcels.
void heap_send_parcels(struct heap *heap);

// ANY. Whether a chunk was found to have been freed twice by two threads at a time, since this was last asked: it, or
// NULL. Both frees were taken for good; what is then true of the chunk is that it is free once.
static inline void *heap_freed_twice(struct arena *arena)
{
    // Relaxed: the address is all that is told.
    if (__builtin_expect(atomic_load_explicit(&arena->twice, memory_order_relaxed) == 0, 1)) {
        return NULL;
    }
    return (void *)atomic_exchange_explicit(&arena->twice, 0, memory_order_relaxed);
}

// ANY. Whether heap_receive_idle() would find something new.
static inline bool heap_has_idle_home(const struct arena *arena)
{
    return atomic_load_explicit(&arena->home_idle.first, memory_order_relaxed) != 0;
}

// LOCKED. Heaps that wait for a thread take what has come home to them. Returns one of those, or NULL.
struct heap *heap_receive_idle(struct arena *arena);

// LOCKED. What is listed for heaps whose threads may sleep is listed anew: zones that are nobody's by now where every heap
// finds them, others for those who own them by now.
void heap_look_home(struct arena *arena);

// LOCKED. The same if the arena has grown by a part since it was done last.
void heap_look_home_grown(struct arena *arena);

// OWNER and LOCKED. Makes a zone of this class this heap's that is nobody's and has chunks that came home. False if
// there is none. any: however many of its chunks are in use; else only one that few of are, that this heap had last, or
// whose last owner waits for a thread: of others the chunks in use and those handed out next would share cache lines.
bool heap_adopt(struct heap *heap, unsigned size_class, bool any);

// OWNER and LOCKED. The same for the next class in turn, where memory goes back to the system: chunks that come home to
// zones that are nobody's are in nobody's count, and of a class that nobody wants any more they would stay.
void heap_adopt_next(struct heap *heap);

// OWNER. Whether zones wait for heap_give_empty().
static inline bool heap_has_empty(const struct heap *heap)
{
    return heap->empties != 0;
}

// OWNER and LOCKED. Gives one empty zone back to its section. False if there was none.
bool heap_give_empty(struct heap *heap);

// OWNER. Returns every chunk in the stack of a class that heap_look_for_idle() has told to its zone, or on its way there; the
// stack's depth is then there for others (heap_stacks.h).
void heap_give_up_class(struct heap *heap, unsigned size_class);

// OWNER. Returns every chunk in the stacks of this class and those above.
void heap_flush_from(struct heap *heap, unsigned size_class);

// OWNER. The same for all classes.
static inline void heap_flush(struct heap *heap)
{
    heap_flush_from(heap, 0);
}

// OWNER. Takes back what other threads have freed.
void heap_drain(struct heap *heap);

// LOCKED, while nobody else is in any call. All heaps take back what came home to them, so that none lists a record
// without a zone. For arenas that nothing leaves for the system.
void heap_drain_all(struct arena *arena);

// OWNER. Makes the empty zones that were kept, of this class and those above, wait for heap_give_empty(), too.
void heap_unlist_empty(struct heap *heap, unsigned size_class);

// OWNER and LOCKED. Gives up what the heap keeps at hand: its stacks' chunks go home, and its empty zones
// back to their sections.
void heap_trim(struct heap *heap);

// LOCKED. How many heaps have a thread.
uint32_t heap_count_in_use(const struct arena *arena);

// LOCKED. The same for all heaps that wait for a thread, and the common one.
void heap_trim_idle(struct arena *arena);

// OWNER and LOCKED. The last resort when no need can be met: trims the heap and those that wait for a thread, and looks
// again, at last for a chunk of a larger class.
struct grant heap_scrape(struct heap *heap, size_t bytes, size_t align);

// OWNER and LOCKED, while nobody else is in any call. Whether the invariants hold, those of the heap's zones included.
bool heap_is_valid(const struct heap *heap);

#endif
