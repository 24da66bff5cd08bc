// SPDX-License-Identifier: MIT
// Days of a server, simulated minute by minute by two threads that do what a fixed seed says.
//
//   program DAYS LOAD   prints "minute live resident mapped" every ten minutes of simulated time: bytes
//                       that the program has asked for, and what it has from the system
//
// By day sessions come and go in a wave, LOAD each minute at its height for each thread; by night an index is
// built anew beside the old one, of nodes of another size than yesterday's, and then the old one is freed:
//
//   sessions   some tens of objects, mostly small, that live as long as the session: mostly some minutes,
//              for a few all day
//   requests   buffers, mostly some KiB, that are gone within the minute
//   cache      entries of all sizes that live two to twelve hours
//   index      nodes of one narrow range of sizes, a quarter million with LOAD 40, and a table that doubles
//
// A quarter of the sessions end, and all of the old index, in the other thread than began them. The threads
// wait for each other at each minute's end, so what each does, and what is alive at a sample, depends on
// nothing but the two numbers. Lists go through the chunks themselves, as programs do it.
#include "memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREAD_COUNT = 2,
    STACK_BYTES = 256 << 10, // a thread's stack counts as mapped
    DAY_MINUTES = 24 * 60,
    HORIZON_MINUTES = 1024, // nothing but the index lives as long
    SAMPLE_MINUTES = 10,
};

enum {
    SESSION_OBJECTS_MIN = 10,
    SESSION_OBJECTS_MAX = 50,
    REQUESTS_PER_SESSION = 8,
    BUFFERS_AT_ONCE = 32,
    CACHE_ENTRIES_PER_SESSION = 1,
    CACHE_MINUTES_MIN = 2 * 60,
    CACHE_MINUTES_MAX = 12 * 60,
    INDEX_FIRST_MINUTE = 2 * 60 + 30,
    INDEX_MINUTES = 60,
    INDEX_NODES_PER_LOAD = 100, // in a minute
    INDEX_TABLE_FIRST_BYTES = 4096,
};

// Sessions that begin, in percent of LOAD, at each hour of a day; straight lines between them.
static const unsigned wave[] = {30, 22, 16, 12, 10, 10, 14,  25, 45, 68, 84, 92,
                                95, 97, 99, 98, 95, 90, 100, 96, 84, 70, 55, 41};

struct item {
    struct item *next;
    uint32_t end_minute;
    uint32_t bytes;
};

// What one thread has, and what it leaves for the other: `outbox` of even and of odd minutes, so that
// one is filled while the other thread empties the one of the minute before.
struct worker {
    struct item *ends[HORIZON_MINUTES]; // by the minute in which they end
    struct item *outbox[2];
    size_t allocated_bytes;
    size_t freed_bytes;
    uint64_t seed;
    unsigned number;
};

// The first worker's alone.
struct index {
    struct item *nodes;
    struct item *old_nodes; // while the new index is built
    size_t node_count;
    void *table;
    size_t table_bytes;
};

static struct worker workers[THREAD_COUNT];
static struct index nightly;
static pthread_barrier_t barrier;
static unsigned minute_count;
static unsigned load;

// ---- Chunks ---------------------------------------------------------------------------------

static struct item *item_new(struct worker *worker, size_t bytes)
{
    bytes = bytes < sizeof(struct item) ? sizeof(struct item) : bytes;
    struct item *item = chunk_new(bytes);
    item->bytes = (uint32_t)bytes;
    worker->allocated_bytes += bytes;
    return item;
}

static void item_free(struct worker *worker, struct item *item)
{
    worker->freed_bytes += item->bytes;
    free(item);
}

static void items_free(struct worker *worker, struct item *item)
{
    while (item != NULL) {
        struct item *next = item->next;
        item_free(worker, item);
        item = next;
    }
}

static void push(struct item **list, struct item *item)
{
    item->next = *list;
    *list = item;
}

// 16 bytes to 256 KiB and as good as log-normal: a power of two by thirteen coins, and somewhat more.
static size_t random_bytes(struct worker *worker, unsigned eighths)
{
    size_t power = (size_t)16 << random_heads(&worker->seed, 13, eighths);
    return power + random_below(&worker->seed, power);
}

static unsigned random_minutes(struct worker *worker)
{
    unsigned power = 1u << random_heads(&worker->seed, 9, 3);
    return power + (unsigned)random_below(&worker->seed, power);
}

// ---- What happens in a minute ---------------------------------------------------------------

static unsigned load_now(unsigned minute)
{
    unsigned hour = minute / 60 % 24;
    unsigned past = minute % 60;
    return load * (wave[hour] * (60 - past) + wave[(hour + 1) % 24] * past) / 6000;
}

static void end_what_is_due(struct worker *worker, unsigned minute)
{
    struct item **due = &worker->ends[minute % HORIZON_MINUTES];
    items_free(worker, *due);
    *due = NULL;
}

// Takes over what the other thread left in the minute before.
static void receive(struct worker *worker, unsigned minute)
{
    struct item **outbox = &workers[1 - worker->number].outbox[(minute + 1) % 2];
    struct item *item = *outbox;
    *outbox = NULL;
    while (item != NULL) {
        struct item *next = item->next;
        if (item->end_minute <= minute) {
            item_free(worker, item);
        } else {
            push(&worker->ends[item->end_minute % HORIZON_MINUTES], item);
        }
        item = next;
    }
}

static void begin_session(struct worker *worker, unsigned minute)
{
    unsigned end = minute + random_minutes(worker);
    bool ends_elsewhere = random_below(&worker->seed, 4) == 0;
    struct item **list =
        ends_elsewhere ? &worker->outbox[minute % 2] : &worker->ends[end % HORIZON_MINUTES];
    size_t object_count = SESSION_OBJECTS_MIN;
    object_count += random_below(&worker->seed, SESSION_OBJECTS_MAX - SESSION_OBJECTS_MIN + 1);
    for (size_t i = 0; i < object_count; i++) {
        struct item *item = item_new(worker, random_bytes(worker, 2));
        item->end_minute = end;
        push(list, item);
    }
}

static void add_to_cache(struct worker *worker, unsigned minute)
{
    unsigned end = minute + CACHE_MINUTES_MIN;
    end += (unsigned)random_below(&worker->seed, CACHE_MINUTES_MAX - CACHE_MINUTES_MIN);
    push(&worker->ends[end % HORIZON_MINUTES], item_new(worker, random_bytes(worker, 3)));
}

static void serve_requests(struct worker *worker, size_t count)
{
    struct item *buffers[BUFFERS_AT_ONCE] = {NULL};
    for (size_t i = 0; i < count; i++) {
        struct item **place = &buffers[random_below(&worker->seed, BUFFERS_AT_ONCE)];
        if (*place != NULL) {
            item_free(worker, *place);
        }
        *place = item_new(worker, random_bytes(worker, 4));
    }
    for (size_t i = 0; i < BUFFERS_AT_ONCE; i++) {
        if (buffers[i] != NULL) {
            item_free(worker, buffers[i]);
        }
    }
}

// ---- The index ------------------------------------------------------------------------------

// What is counted as allocated and freed is the table's size, as items count theirs.
static void resize_table(struct worker *worker, size_t bytes)
{
    size_t old_bytes = nightly.table_bytes;
    char *table = realloc(nightly.table, bytes);
    if (table == NULL) {
        fail("realloc returned NULL");
    }
    chunk_touch(table + old_bytes, bytes - old_bytes);
    worker->allocated_bytes += bytes - old_bytes;
    nightly.table = table;
    nightly.table_bytes = bytes;
}

static void begin_index(struct worker *worker)
{
    worker->freed_bytes += nightly.table_bytes;
    free(nightly.table);
    nightly = (struct index){.old_nodes = nightly.nodes};
}

static void add_nodes(struct worker *worker, size_t bytes_min)
{
    for (size_t i = 0; i < (size_t)load * INDEX_NODES_PER_LOAD; i++) {
        struct item *node = item_new(worker, bytes_min + random_below(&worker->seed, 32));
        node->end_minute = 0; // as soon as the other thread has it
        push(&nightly.nodes, node);
        nightly.node_count++;
        if (nightly.node_count * sizeof node > nightly.table_bytes) {
            size_t old_bytes = nightly.table_bytes;
            resize_table(worker, old_bytes != 0 ? old_bytes * 2 : INDEX_TABLE_FIRST_BYTES);
        }
    }
}

static void hand_over_old_nodes(struct worker *worker, unsigned minute)
{
    while (nightly.old_nodes != NULL) {
        struct item *next = nightly.old_nodes->next;
        push(&worker->outbox[minute % 2], nightly.old_nodes);
        nightly.old_nodes = next;
    }
}

static void build_index(struct worker *worker, unsigned minute)
{
    unsigned of_day = minute % DAY_MINUTES;
    if (of_day == INDEX_FIRST_MINUTE) {
        begin_index(worker);
    }
    add_nodes(worker, 40 + 24 * (minute / DAY_MINUTES % 4));
    if (of_day == INDEX_FIRST_MINUTE + INDEX_MINUTES - 1) {
        hand_over_old_nodes(worker, minute);
    }
}

static bool is_index_time(unsigned minute)
{
    unsigned of_day = minute % DAY_MINUTES;
    return of_day >= INDEX_FIRST_MINUTE && of_day < INDEX_FIRST_MINUTE + INDEX_MINUTES;
}

// ---- The days -------------------------------------------------------------------------------

static void live_a_minute(struct worker *worker, unsigned minute)
{
    receive(worker, minute);
    end_what_is_due(worker, minute);
    unsigned sessions = load_now(minute);
    for (unsigned i = 0; i < sessions; i++) {
        begin_session(worker, minute);
    }
    for (unsigned i = 0; i < sessions * CACHE_ENTRIES_PER_SESSION; i++) {
        add_to_cache(worker, minute);
    }
    serve_requests(worker, (size_t)sessions * REQUESTS_PER_SESSION);
    if (worker->number == 0 && is_index_time(minute)) {
        build_index(worker, minute);
    }
}

static void sample(unsigned minute)
{
    size_t live = 0;
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        live += workers[i].allocated_bytes - workers[i].freed_bytes;
    }
    static char line[100]; // and not stdio's buffer, which would come from the heap
    int width = snprintf(line, sizeof line, "%u %zu %zu %zu\n", minute, live, resident_bytes(),
                         mapped_bytes());
    if (fwrite(line, 1, (size_t)width, stdout) != (size_t)width) {
        fail("nobody reads what is printed");
    }
}

// Everybody waits while the first one measures.
static void *work(void *argument)
{
    struct worker *worker = argument;
    for (unsigned minute = 0; minute < minute_count; minute++) {
        live_a_minute(worker, minute);
        pthread_barrier_wait(&barrier);
        if ((minute + 1) % SAMPLE_MINUTES == 0) {
            if (worker->number == 0) {
                sample(minute + 1);
            }
            pthread_barrier_wait(&barrier);
        }
    }
    return NULL;
}

static pthread_t start_second(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, work, &workers[1]) != 0) {
        fail("a thread could not be started");
    }
    pthread_attr_destroy(&attributes);
    return thread;
}

int main(int argc, char **argv)
{
    static char buffer[4096];
    unsigned long days = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    load = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (days < 1 || days > 365 || load < 1 || load > 10000) {
        fprintf(stderr, "usage: %s DAYS LOAD\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    minute_count = (unsigned)days * DAY_MINUTES;
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        workers[i].number = i;
        workers[i].seed = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    }
    pthread_barrier_init(&barrier, NULL, THREAD_COUNT);
    pthread_t second = start_second();
    work(&workers[0]);
    pthread_join(second, NULL);
    return 0;
}
