// SPDX-License-Identifier: MIT
// Pages of a zone that only free chunks touch: they can go back to the system while others of the zone are in use.
//
// Nobody but the owner hands the zone's free chunks out, so nothing marks a range while it is being purged; a forked
// child finds its chunks free, and not known to be zero.
#ifndef FT_CORE_ZONE_IDLE_H
#define FT_CORE_ZONE_IDLE_H

#include "core/need.h"
#include "core/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// OWNER. The next whole pages, at least so many bytes, that only free chunks of the zone touch, among them some that may
// hold old bytes. *from is the chunk to begin with, and becomes the one to go on with. False if there are none.
bool zone_find_idle(const struct zone *zone, uint32_t *from, size_t page_bytes, size_t least_bytes,
                    struct range *range);

// OWNER. The bytes of such a range are zero by now. So are then those of all chunks that it touches: what of them lies
// outside is cleared.
void zone_note_clean(struct zone *zone, const struct range *range);

// OWNER. There is no access to such a range any more: its chunks are never handed out again.
void zone_lose(struct zone *zone, const struct range *range);

#endif
