// SPDX-License-Identifier: MIT
// Lists of zones with chunks that were sent home: who sends announces the record once, and lists it where somebody
// will look who can take the chunks.
//
//   first ──► newest ──► ... ──► oldest      pushed by anybody, with one exchange and no loop
//   rest  ──► ...                            what the consumer has taken of it, and not yet looked at
//
// Between the exchange and the store of its link a record says HOME_PENDING; a consumer that meets it comes back later.
// Links are offsets from the arena. A list has one consumer: the heap's owner, or whoever has the lock. But what is newest in it
// may be moved to another list, by that one's consumer: of two that want it one finds nothing.
#ifndef FT_CORE_HOME_H
#define FT_CORE_HOME_H

#include "core/offset.h"
#include "core/zone.h"

enum { HOME_PENDING = 1 }; // no record's offset

struct home_list {
    _Atomic uintptr_t first;
    uintptr_t rest; // OWNER
};

// OWNER. Whether a list looks empty just now.
static inline bool home_list_is_empty(const struct home_list *list)
{
    return atomic_load_explicit(&list->first, memory_order_relaxed) == 0 && list->rest == 0;
}

// ANY. Whether the caller is to list this record: nobody else has announced it.
static inline bool home_announce(struct zone *zone)
{
    // Sequentially consistent after zone_send() (zone_home.h): see there. The load spares most calls the exchange.
    struct zone_mail *mail = zone_mail(zone);
    return atomic_load_explicit(&mail->announced, memory_order_seq_cst) == 0 &&
           atomic_exchange_explicit(&mail->announced, 1, memory_order_seq_cst) == 0;
}

// ANY. Lists a record that the caller has announced. Ends after two stores, whatever others do.
static inline void home_list_push(struct home_list *list, const void *arena, struct zone *zone)
{
    struct zone_mail *mail = zone_mail(zone);
    atomic_store_explicit(&mail->next, HOME_PENDING, memory_order_relaxed);
    // Release: who finds the record finds the link pending, or set. Acquire is not needed: nothing is read through it.
    uintptr_t next =
        atomic_exchange_explicit(&list->first, offset_of(arena, zone), memory_order_acq_rel);
    // Release, so that what the exchange acquired is handed on to who follows the link.
    atomic_store_explicit(&mail->next, next, memory_order_release);
}

// OWNER. Takes a record off the list, which may then be announced again. NULL if there is none, or none yet.
static inline struct zone *home_list_take(struct home_list *list, const void *arena)
{
    if (list->rest == 0 && atomic_load_explicit(&list->first, memory_order_relaxed) != 0) {
        // Acquire: pairs with the push's exchange.
        list->rest = atomic_exchange_explicit(&list->first, 0, memory_order_acquire);
    }
    struct zone *zone = offset_to(arena, list->rest);
    if (zone == NULL) {
        return NULL;
    }
    struct zone_mail *mail = zone_mail(zone);
    uintptr_t next = atomic_load_explicit(&mail->next, memory_order_acquire);
    if (next == HOME_PENDING) {
        return NULL;
    }
    list->rest = next;
    // Sequentially consistent before the bits are taken: see zone_send().
    atomic_store_explicit(&mail->announced, 0, memory_order_seq_cst);
    return zone;
}

// OWNER of `list`, which holds nothing that was taken. Moves all to it that its own consumer has not yet taken of another list.
static inline void home_list_move(struct home_list *list, struct home_list *from)
{
    // Acquire: pairs with the push's exchange.
    list->rest = atomic_exchange_explicit(&from->first, 0, memory_order_acquire);
}

#endif
