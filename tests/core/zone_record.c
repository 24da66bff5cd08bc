// SPDX-License-Identifier: MIT
#include "tests/core/zone_record.h"

#include "core/bits.h"
#include "tests/core/test.h"

#include <string.h>

enum { UNTOUCHED = 0x77 };

struct zone_record zone_record_new(unsigned size_class, size_t unit_bytes, bool clean)
{
    struct zone_record record = {.size_class = size_class};
    record.layout = zone_layout_of(size_class, unit_bytes);
    record.record = region_new(record.layout.record_bytes, 64, 0);
    record.run = region_new(record.layout.unit_count * unit_bytes, unit_bytes, 0);
    memset(record.run.base, UNTOUCHED, record.run.bytes);
    record.zone = (struct zone *)(record.record.base + record.layout.header_at);
    zone_cut(record.zone, &record.layout, size_class, record.run.base, clean, false);
    return record;
}

void zone_record_recycle(struct zone_record *record, bool clean)
{
    zone_cut(record->zone, &record->layout, record->size_class, record->run.base, clean, true);
}

void zone_record_delete(struct zone_record *record)
{
    assert_true(bytes_are(record->run.base, record->run.bytes, UNTOUCHED));
    region_delete(&record->record);
    region_delete(&record->run);
}

uintptr_t *zone_record_free_words(const struct zone_record *record)
{
    return (uintptr_t *)record->zone - record->layout.word_count;
}

uintptr_t *zone_record_home_words(const struct zone_record *record)
{
    return (uintptr_t *)record->zone - 2 * (size_t)record->layout.word_count;
}

void zone_record_send_home(const struct zone_record *record, uint32_t index)
{
    uintptr_t bit = (uintptr_t)1 << index % BITS_PER_WORD;
    assert_true(zone_claim(record->zone, index));
    assert_int_equal(zone_send(record->zone, index / (uint32_t)BITS_PER_WORD, bit), 0);
}
