// SPDX-License-Identifier: MIT
// A zone on plain buffers: a record, and a run filled with a pattern that no zone may touch.
#ifndef FT_TESTS_CORE_ZONE_RECORD_H
#define FT_TESTS_CORE_ZONE_RECORD_H

#include "core/size_class.h"
#include "core/zone_home.h"
#include "tests/core/region.h"

struct zone_record {
    struct region record;
    struct region run;
    struct zone_layout layout;
    unsigned size_class;
    struct zone *zone;
};

// A zone of this class, cut from a run of such units, aligned to one, that is said to be clean or not.
struct zone_record zone_record_new(unsigned size_class, size_t unit_bytes, bool clean);

// Cuts another zone in the same record.
void zone_record_recycle(struct zone_record *record, bool clean);

// Frees both buffers, of which the run is untouched.
void zone_record_delete(struct zone_record *record);

// The words of a zone's two bitmaps.
uintptr_t *zone_record_free_words(const struct zone_record *record);
uintptr_t *zone_record_home_words(const struct zone_record *record);

// A live chunk is freed by a thread that does not own the zone.
void zone_record_send_home(const struct zone_record *record, uint32_t index);

#endif
