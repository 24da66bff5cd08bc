// SPDX-License-Identifier: MIT
// An arena that two processes use at once, each at an address of its own, with a heap of its own and a
// mutex that both share. What one allocates the other frees. Then one is killed, and the other goes on.
//
// Between the processes go distances, never pointers.
#include <ft_core.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ARENA_AT = 65536, // in the shared memory, after what is below
    ARENA_BYTES = 8 << 20,
    RING_SLOTS = 512,
    ROUNDS = 150000, // allocations of each process, each of which the other frees
    LEFT_BEHIND = 500,
};

// Distances on their way from one process to the other.
struct ring {
    _Atomic uint32_t written;
    _Atomic uint32_t read;
    uintptr_t slots[RING_SLOTS];
};

// At the start of the shared memory.
struct table {
    pthread_mutex_t mutex;
    pthread_barrier_t barrier; // of both workers
    _Atomic uintptr_t addresses[2];
    struct ring rings[2]; // by who writes to it
    atomic_bool is_idle;  // the one that is killed does nothing more
    atomic_bool is_dead;
};

_Static_assert(sizeof(struct table) <= ARENA_AT, "the arena begins behind it");

// What the first bytes of each chunk say.
struct parcel {
    uint32_t bytes;
    uint32_t sender;
};

struct worker {
    struct table *table;
    struct ft_core *core;
    struct ft_core_heap heap;
    uint32_t self;
    uint32_t seed;
};

static void expect(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "shared: %s\n", what);
        exit(1);
    }
}

static void acquire(void *context)
{
    (void)pthread_mutex_lock(context);
}

static void release(void *context)
{
    (void)pthread_mutex_unlock(context);
}

static uint32_t random_of(struct worker *worker)
{
    worker->seed = worker->seed * 1664525 + 1013904223;
    return worker->seed >> 8;
}

// The same memory, wherever there is room beside `skip` bytes that nobody else has.
static unsigned char *map_shared(int file, size_t skip)
{
    expect(mmap(NULL, skip, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED,
           "no room");
    // At a multiple of 64 KiB: arenas move by whole units.
    size_t bytes = ARENA_AT + ARENA_BYTES;
    unsigned char *room = mmap(NULL, bytes + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(room != MAP_FAILED, "no room");
    room += (65536 - (uintptr_t)room % 65536) % 65536;
    void *memory = mmap(room, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    expect(memory == room, "the memory cannot be mapped");
    return memory;
}

static void open_heap(struct worker *worker)
{
    const struct ft_core_lock lock = {acquire, release, &worker->table->mutex};
    expect(ft_core_open(&worker->heap, worker->core, &lock), "no heap");
}

// Sends a new chunk, if the ring has room for it.
static bool send_chunk(struct worker *worker)
{
    struct ring *ring = &worker->table->rings[worker->self];
    uint32_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&ring->read, memory_order_acquire) == RING_SLOTS) {
        return false;
    }
    uint32_t kind = random_of(worker) % 100;
    uint32_t most = kind < 85 ? 300 : kind < 98 ? 3000 : 20000;
    uint32_t bytes = (uint32_t)sizeof(struct parcel) + random_of(worker) % most;
    unsigned char *ptr = ft_core_alloc(&worker->heap, bytes);
    expect(ptr != NULL, "no memory");
    struct parcel parcel = {.bytes = bytes, .sender = worker->self};
    memset(ptr, (int)(bytes & 0xFF), bytes);
    memcpy(ptr, &parcel, sizeof(parcel));
    ring->slots[written % RING_SLOTS] = (uintptr_t)ptr - (uintptr_t)worker->core;
    atomic_store_explicit(&ring->written, written + 1, memory_order_release);
    return true;
}

static void check_parcel(struct worker *worker, const unsigned char *ptr, uint32_t sender)
{
    struct parcel parcel;
    memcpy(&parcel, ptr, sizeof(parcel));
    expect(parcel.sender == sender, "a chunk is not from the other one");
    expect(ft_core_locate(worker->core, ptr).bytes == parcel.bytes, "its size is another");
    expect(parcel.bytes == sizeof(parcel) || ptr[parcel.bytes - 1] == (parcel.bytes & 0xFF),
           "its end holds something else");
}

// Frees the next chunk of the other process, if there is one.
static bool receive_chunk(struct worker *worker)
{
    struct ring *ring = &worker->table->rings[1 - worker->self];
    uint32_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (read == atomic_load_explicit(&ring->written, memory_order_acquire)) {
        return false;
    }
    unsigned char *ptr = (unsigned char *)worker->core + ring->slots[read % RING_SLOTS];
    atomic_store_explicit(&ring->read, read + 1, memory_order_release);
    check_parcel(worker, ptr, 1 - worker->self);
    expect(ft_core_free(&worker->heap, ptr) == FT_CORE_OK, "a chunk is not taken back");
    return true;
}

static void exchange(struct worker *worker)
{
    uint32_t sent = 0;
    uint32_t received = 0;
    while (sent < ROUNDS || received < ROUNDS) {
        bool did = sent < ROUNDS && send_chunk(worker);
        sent += did;
        bool got = received < ROUNDS && receive_chunk(worker);
        received += got;
        if (!did && !got) {
            sched_yield();
        }
    }
}

static void meet(struct worker *worker)
{
    int result = pthread_barrier_wait(&worker->table->barrier);
    expect(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD, "they do not meet");
}

// Each looks at everything while the other waits, with its heap open at another address.
static void check_in_turn(struct worker *worker)
{
    for (uint32_t turn = 0; turn < 2; turn++) {
        meet(worker);
        if (turn == worker->self) {
            expect(ft_core_check(worker->core), "it does not hold together");
            struct ft_core_walk walk = {.cursor = {0}};
            struct ft_core_item item;
            while (ft_core_next(&worker->heap, &walk, &item)) {
                expect(item.is_zone, "a chunk is left");
            }
        }
        meet(worker);
    }
}

// Leaves chunks of its own behind, and an open heap with chunks at hand, and waits for its end.
static void be_killed(struct worker *worker)
{
    for (uint32_t each = 0; each < LEFT_BEHIND; each++) {
        struct parcel parcel = {.bytes = sizeof(parcel) + each % 500, .sender = worker->self};
        unsigned char *ptr = ft_core_alloc(&worker->heap, parcel.bytes);
        expect(ptr != NULL, "no memory");
        memset(ptr, (int)(parcel.bytes & 0xFF), parcel.bytes);
        memcpy(ptr, &parcel, sizeof(parcel));
        void *passing = ft_core_alloc(&worker->heap, 40);
        expect(ft_core_free(&worker->heap, passing) == FT_CORE_OK, "it is not taken back");
    }
    atomic_store(&worker->table->is_idle, true);
    for (;;) {
        pause();
    }
}

// Takes over what the dead one left.
static void go_on(struct worker *worker)
{
    while (!atomic_load(&worker->table->is_dead)) {
        usleep(500);
    }
    ft_core_revive(worker->core); // its own heap as well
    expect(ft_core_check(worker->core), "what was left behind does not hold together");
    open_heap(worker);
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    uint32_t count = 0;
    while (ft_core_next(&worker->heap, &walk, &item)) {
        if (!item.is_zone) {
            check_parcel(worker, item.base, 1 - worker->self);
            expect(ft_core_free(&worker->heap, item.base) == FT_CORE_OK, "it is not taken back");
            count++;
        }
    }
    expect(count == LEFT_BEHIND, "chunks of the dead are missing");
    for (uint32_t round = 0; round < 20000; round++) {
        void *ptr = ft_core_alloc(&worker->heap, random_of(worker) % 2000);
        expect(ptr != NULL && ft_core_free(&worker->heap, ptr) == FT_CORE_OK, "it does not go on");
    }
    ft_core_close(&worker->heap);
    ft_core_revive(worker->core); // which trims all heaps
    expect(ft_core_figures(worker->core).used_bytes == 0, "something is left");
    expect(ft_core_figures(worker->core).heap_count == 2, "there are more heaps than processes");
    expect(ft_core_check(worker->core), "it does not hold together in the end");
}

static int work(int file, uint32_t self)
{
    alarm(120);
    unsigned char *memory = map_shared(file, self == 0 ? 65536 : 5 << 20);
    struct worker worker = {.table = (struct table *)memory, .self = self, .seed = self + 1};
    if (self == 0) {
        expect(ft_core_create(memory + ARENA_AT, ARENA_BYTES, NULL) != NULL, "no arena");
    }
    atomic_store(&worker.table->addresses[self], (uintptr_t)memory);
    meet(&worker);
    expect(worker.table->addresses[0] != worker.table->addresses[1], "they have the same address");
    worker.core = ft_core_attach(memory + ARENA_AT);
    expect(worker.core != NULL, "no arena is found");
    open_heap(&worker);
    exchange(&worker);
    check_in_turn(&worker);
    if (self == 1) {
        be_killed(&worker);
    }
    go_on(&worker);
    return 0;
}

static void init_table(struct table *table)
{
    pthread_mutexattr_t mutex;
    pthread_barrierattr_t barrier;
    expect(pthread_mutexattr_init(&mutex) == 0 &&
               pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED) == 0 &&
               pthread_mutex_init(&table->mutex, &mutex) == 0,
           "no mutex");
    expect(pthread_barrierattr_init(&barrier) == 0 &&
               pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED) == 0 &&
               pthread_barrier_init(&table->barrier, &barrier, 2) == 0,
           "no barrier");
}

int main(void)
{
    FILE *file = tmpfile();
    expect(file != NULL && ftruncate(fileno(file), ARENA_AT + ARENA_BYTES) == 0, "no file");
    pid_t workers[2];
    struct table *table = (struct table *)map_shared(fileno(file), 4096);
    init_table(table);
    for (uint32_t each = 0; each < 2; each++) {
        workers[each] = fork();
        expect(workers[each] >= 0, "no process");
        if (workers[each] == 0) {
            _exit(work(fileno(file), each));
        }
    }
    int status = 0;
    while (!atomic_load(&table->is_idle)) {
        pid_t early = waitpid(-1, &status, WNOHANG);
        if (early != 0) {
            (void)kill(workers[early == workers[0]], SIGKILL);
            expect(false, "a process ended early");
        }
        usleep(1000);
    }
    expect(kill(workers[1], SIGKILL) == 0 && waitpid(workers[1], &status, 0) == workers[1],
           "it cannot be killed");
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it ended otherwise");
    atomic_store(&table->is_dead, true);
    expect(waitpid(workers[0], &status, 0) == workers[0] && status == 0, "the other one failed");
    return 0;
}
