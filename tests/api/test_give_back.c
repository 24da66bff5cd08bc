// SPDX-License-Identifier: MIT
// What goes back to the system (README): histories of programs, and what stays in memory after each; malloc_trim; how many
// mappings that costs; and address space that is limited below what is reserved.
//
// Each history is the program started anew, because a forked child is not what a plain process is.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/histories.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { KIB = 1 << 10, MIB = 1 << 20, TOTAL = 200 * MIB, CHUNKS_MAX = TOTAL / 64 };

// What is not memory of chunks, by the rough: states of chunks, the zone map, stacks of threads.
enum { ASIDE = 4 * MIB };

static void **chunks; // in a mapping of its own
static size_t chunk_count;

// ---- what the system says -----------------------------------------------------------------------

// Of /proc/self/statm: pages of address space, and in memory.
static size_t statm_bytes(unsigned word)
{
    char text[128] = {0};
    int file = open("/proc/self/statm", O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) {
        _exit(98);
    }
    close(file);
    char *next = text;
    size_t pages = strtoull(next, &next, 10);
    for (; word != 0; word--) {
        pages = strtoull(next, &next, 10);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t address_space(void)
{
    return statm_bytes(0);
}

static size_t resident(void)
{
    return statm_bytes(1);
}

static size_t mapping_count(void)
{
    static char text[64 * KIB];
    size_t count = 0;
    int file = open("/proc/self/maps", O_RDONLY);
    for (ssize_t got; (got = read(file, text, sizeof text)) > 0;) {
        for (ssize_t at = 0; at < got; at++) {
            count += text[at] == '\n';
        }
    }
    close(file);
    return count;
}

// The README's bound on what is free and stays.
static size_t bound(size_t in_use, unsigned threads)
{
    return in_use / 10 * 7 + 20 * MIB + (size_t)threads * 9 * MIB + ASIDE;
}

// What may stay beside while much is being freed at once.
static size_t burst(unsigned threads)
{
    return (size_t)64 * MIB / threads;
}

// And of free runs, where what was purged is taken again.
enum { AGAIN = 48 * MIB };

// What a history ends with: zero, or a number that says which step went wrong, with the figures on standard error.
static int expect_at_most(int step, const char *what, size_t value, size_t most)
{
    fprintf(stderr, "%s: %zu, at most %zu\n", what, value, most);
    return value <= most ? 0 : step;
}

// ---- chunks -------------------------------------------------------------------------------------

static size_t sizes[16];
static unsigned size_count;

static size_t size_of(size_t index)
{
    return sizes[index % size_count];
}

static void tag(void *ptr, size_t index)
{
    pattern_fill(ptr, size_of(index), index);
}

static bool is_tagged(size_t index)
{
    return pattern_holds(chunks[index], size_of(index), index);
}

// Allocates so many bytes in chunks, all written to. False if a chunk is refused.
static bool fill(size_t bytes)
{
    size_t sum = 0;
    for (chunk_count = 0; sum < bytes && chunk_count < CHUNKS_MAX; chunk_count++) {
        chunks[chunk_count] = malloc(size_of(chunk_count));
        if (chunks[chunk_count] == NULL) {
            return false;
        }
        tag(chunks[chunk_count], chunk_count);
        sum += size_of(chunk_count);
    }
    return true;
}

// Frees all chunks but those whose number a step divides. Returns the bytes still in use.
static size_t free_but(size_t step)
{
    size_t in_use = 0;
    for (size_t index = 0; index < chunk_count; index++) {
        if (step != 0 && index % step == 0) {
            in_use += malloc_usable_size(chunks[index]);
            continue;
        }
        free(chunks[index]);
        chunks[index] = NULL;
    }
    return in_use;
}

// Frees one in five stretches of 16 chunks, which may be kept because so much is in use. Returns the bytes.
static size_t free_a_fifth(void)
{
    size_t freed = 0;
    for (size_t index = 0; index < chunk_count; index++) {
        if (index / 16 % 5 == 0) {
            freed += malloc_usable_size(chunks[index]);
            free(chunks[index]);
            chunks[index] = NULL;
        }
    }
    return freed;
}

static bool the_rest_is_as_it_was(void)
{
    for (size_t index = 0; index < chunk_count; index++) {
        if (chunks[index] != NULL && !is_tagged(index)) {
            return false;
        }
    }
    return true;
}

// As many as take the place of what went back, or some 4096.
static bool a_calloc_is_zero(void)
{
    static void *zeros[4096];
    unsigned count = 0;
    bool is_zero = true;
    for (size_t sum = 0; count < 4096 && sum < 64 * MIB; count++) {
        unsigned index = count;
        size_t bytes = size_of(index);
        sum += bytes;
        zeros[index] = calloc(1, bytes);
        unsigned char *first = zeros[index];
        is_zero =
            is_zero && first != NULL && *first == 0 && memcmp(first, first + 1, bytes - 1) == 0;
    }
    for (unsigned index = 0; index < count; index++) {
        free(zeros[index]);
    }
    return is_zero;
}

static void of_size(size_t bytes)
{
    sizes[0] = bytes;
    size_count = 1;
}

static void of_many_sizes(void)
{
    static const size_t many[] = {64, 200, 1024, 3000, 300, 20000, 500, 40000, 1000, 300000};
    memcpy(sizes, many, sizeof many);
    size_count = sizeof many / sizeof *many;
}

// ---- histories ----------------------------------------------------------------------------------

static int all_is_freed(void)
{
    static const size_t each[] = {64, 1000, 1024, 5000, 20000, 32768, 40000, 300000, 10 * MIB};
    for (unsigned size = 0; size <= sizeof each / sizeof *each; size++) {
        if (size < sizeof each / sizeof *each) {
            of_size(each[size]);
        } else {
            of_many_sizes();
        }
        size_t start = resident();
        if (!fill(TOTAL) || resident() < start + TOTAL / 2) {
            return 1;
        }
        free_but(0);
        size_t now = resident();
        int status = expect_at_most(10, "after all was freed", now > start ? now - start : 0,
                                    bound(0, 1) + (size != 0 ? AGAIN : 0));
        status = status != 0 ? status : !a_calloc_is_zero();
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int one_in_a_hundred_is_kept(void)
{
    of_size(KIB);
    size_t start = resident();
    if (!fill(TOTAL)) {
        return 1;
    }
    size_t in_use = free_but(100);
    int status = expect_at_most(2, "after the frees", resident() - start - in_use,
                                bound(in_use, 1) + burst(1));
    if (status != 0) {
        return status;
    }
    // Each keeps its page.
    errno = 77;
    if (malloc_trim(0) != 1 || errno != 77) {
        return 3;
    }
    status = expect_at_most(4, "after a trim", resident() - start,
                            (chunk_count / 100 + 1) * 4 * KIB + ASIDE);
    if (status != 0) {
        return status;
    }
    if (malloc_trim(0) != 0 || errno != 77) {
        return 5;
    }
    return the_rest_is_as_it_was() && a_calloc_is_zero() ? 0 : 6;
}

// So many bytes are taken, of a size that is new, and given back, while little is in use.
static bool go_on(size_t bytes)
{
    enum { CHUNK = 3000, COUNT = 2000 }; // more than stacks hold
    static void *taken[COUNT];
    for (size_t sum = 0; sum < bytes; sum += (size_t)CHUNK * COUNT) {
        for (unsigned index = 0; index < COUNT; index++) {
            taken[index] = malloc(CHUNK);
            if (taken[index] == NULL) {
                return false;
            }
        }
        for (unsigned index = 0; index < COUNT; index++) {
            free(taken[index]);
        }
    }
    return true;
}

// What is left of a burst of frees goes by itself, if the program does anything at all.
static int what_a_burst_leaves_goes_with_time(void)
{
    of_size(KIB);
    size_t start = resident();
    if (!fill(TOTAL)) {
        return 1;
    }
    size_t in_use = free_but(100);
    size_t at_once = resident();
    if (at_once < start + in_use + bound(in_use, 1) || !go_on((size_t)32 << 30)) {
        return 2;
    }
    int status =
        expect_at_most(3, "after some time", resident() - start - in_use, bound(in_use, 1));
    return status != 0 ? status : the_rest_is_as_it_was() ? 0 : 4;
}

static int whole_stretches_are_freed(void)
{
    of_many_sizes();
    size_t start = resident();
    if (!fill(TOTAL)) {
        return 1;
    }
    size_t in_use = 0;
    // Nine in ten, thousands side by side.
    for (size_t index = 0; index < chunk_count; index++) {
        if (index * 10 / chunk_count % 10 == 4) {
            in_use += malloc_usable_size(chunks[index]);
            continue;
        }
        free(chunks[index]);
        chunks[index] = NULL;
    }
    int status = expect_at_most(2, "after the frees", resident() - start - in_use,
                                bound(in_use, 1) + burst(1));
    return status != 0 ? status : the_rest_is_as_it_was() && a_calloc_is_zero() ? 0 : 3;
}

// A program that goes back and forth does not fault and purge all the time: it has what it freed.
static int back_and_forth_costs_no_system_calls(void)
{
    of_size(KIB);
    for (unsigned round = 0; round < 20; round++) {
        if (!fill(3 * MIB)) {
            return 1;
        }
        free_but(0);
    }
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (unsigned round = 0; round < 100; round++) {
        if (!fill(3 * MIB)) {
            return 1;
        }
        free_but(0);
    }
    getrusage(RUSAGE_SELF, &after);
    return expect_at_most(2, "faults", (size_t)(after.ru_minflt - before.ru_minflt), 1000);
}

enum { THREADS = 8, THREAD_BYTES = 25 * MIB };

static void *live_and_let_go(void *argument)
{
    enum { COUNT = THREAD_BYTES / KIB };
    void **mine = chunks + (size_t)(uintptr_t)argument * COUNT;
    for (unsigned index = 0; index < COUNT; index++) {
        mine[index] = malloc(KIB);
        memset(mine[index], 1, KIB);
    }
    for (unsigned index = 0; index < COUNT; index++) {
        if (index % 50 != 0) {
            free(mine[index]);
        }
    }
    return NULL;
}

static bool in_threads(void *(*function)(void *), unsigned count)
{
    pthread_t threads[THREADS];
    for (unsigned thread = 0; thread < count; thread++) {
        if (pthread_create(&threads[thread], NULL, function, (void *)(uintptr_t)thread) != 0) {
            return false;
        }
    }
    for (unsigned thread = 0; thread < count; thread++) {
        pthread_join(threads[thread], NULL);
    }
    return true;
}

static int threads_end(void)
{
    size_t start = resident();
    if (!in_threads(live_and_let_go, THREADS)) {
        return 1;
    }
    size_t in_use = (size_t)THREADS * THREAD_BYTES / 50;
    int status = expect_at_most(2, "after they ended", resident() - start - in_use,
                                bound(in_use, THREADS) + burst(THREADS));
    if (status != 0) {
        return status;
    }
    if (malloc_trim(0) != 1) {
        return 3;
    }
    return expect_at_most(4, "after a trim", resident() - start, in_use * 4 + ASIDE);
}

static atomic_size_t produced;

static void *produce(void *argument)
{
    (void)argument;
    for (size_t index = 0; index < TOTAL / KIB; index++) {
        chunks[index] = malloc(KIB);
        memset(chunks[index], 1, KIB);
        atomic_store(&produced, index + 1);
    }
    return NULL;
}

static int a_consumer_frees_what_a_producer_made(void)
{
    size_t start = resident();
    for (unsigned round = 0; round < 3; round++) {
        pthread_t thread;
        atomic_store(&produced, 0);
        if (pthread_create(&thread, NULL, produce, NULL) != 0) {
            return 1;
        }
        // First all is there before; then it comes behind, and some of what goes back is taken again.
        if (round == 0) {
            pthread_join(thread, NULL);
        }
        for (size_t index = 0; index < TOTAL / KIB; index++) {
            while (atomic_load(&produced) <= index) {
            }
            free(chunks[index]);
        }
        if (round != 0) {
            pthread_join(thread, NULL);
        }
        int status = expect_at_most(2, "after the last was freed", resident() - start,
                                    bound(0, 2) + (round != 0 ? AGAIN : 0));
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static atomic_bool ends;
static atomic_bool is_sparse;

static void *thin_out_and_go_on(void *argument)
{
    (void)argument;
    of_size(KIB);
    fill(100 * MIB);
    free_a_fifth();
    atomic_store(&is_sparse, true);
    while (!atomic_load(&ends)) {
        free(launder(malloc(100 * KIB)));
        usleep(100);
    }
    return NULL;
}

static int a_trim_reaches_threads_that_come_by(void)
{
    pthread_t thread;
    size_t start = resident();
    if (pthread_create(&thread, NULL, thin_out_and_go_on, NULL) != 0) {
        return 1;
    }
    while (!atomic_load(&is_sparse)) {
        usleep(1000);
    }
    if (resident() < start + 95 * (size_t)MIB) {
        return 3;
    }
    malloc_trim(0);
    size_t most = 80 * (size_t)MIB + ASIDE;
    // However long it takes on a busy machine; the whole program has a minute.
    while (resident() > start + most) {
        usleep(1000);
    }
    atomic_store(&ends, true);
    pthread_join(thread, NULL);
    return the_rest_is_as_it_was() ? 0 : 2;
}

static void *trim_again_and_again(void *argument)
{
    (void)argument;
    while (!atomic_load(&ends)) {
        malloc_trim(0);
    }
    return NULL;
}

static void *churn(void *argument)
{
    enum { PLACES = 2000 };
    static __thread void *places[PLACES];
    static __thread size_t bytes[PLACES];
    uint64_t seed = (uintptr_t)argument + 1;
    bool is_well = true;
    for (unsigned step = 0; step < 60000; step++) {
        size_t at = random_below(&seed, PLACES);
        is_well = is_well && (places[at] == NULL || pattern_holds(places[at], bytes[at], at));
        free(places[at]);
        // Now and then most goes.
        places[at] = NULL;
        if (step / 5000 % 4 != 3) {
            bytes[at] = random_below(&seed, 3000) + 1;
            places[at] = random_below(&seed, 4) == 0 ? calloc(1, bytes[at]) : malloc(bytes[at]);
            pattern_fill(places[at], bytes[at], at);
        }
    }
    for (unsigned at = 0; at < PLACES; at++) {
        free(places[at]);
    }
    return is_well ? NULL : (void *)1;
}

static int trims_beside_threads_change_nothing(void)
{
    pthread_t trimmer, threads[3];
    if (pthread_create(&trimmer, NULL, trim_again_and_again, NULL) != 0) {
        return 1;
    }
    int status = 0;
    for (uintptr_t thread = 0; thread < 3; thread++) {
        if (pthread_create(&threads[thread], NULL, churn, (void *)thread) != 0) {
            return 1;
        }
    }
    for (unsigned thread = 0; thread < 3; thread++) {
        void *result = NULL;
        pthread_join(threads[thread], &result);
        status = result != NULL ? 2 : status;
    }
    atomic_store(&ends, true);
    pthread_join(trimmer, NULL);
    return status;
}

// ---- mappings -----------------------------------------------------------------------------------

enum { MAPPINGS_FEW = 64, MAPPINGS_OF_A_CHILD = 35000 };

// Frees and trims in ways that make many holes.
static int make_holes(size_t mappings_most)
{
    size_t before = mapping_count();
    // The first makes as many holes as may be, and the others other ones.
    static const struct {
        size_t bytes, step, total;
    } ways[] = {
        {4 * KIB, 2, TOTAL / 2}, {4 * KIB, 10, TOTAL / 8}, {KIB, 10, TOTAL / 8},
        {KIB, 50, TOTAL / 8},    {64 * KIB, 2, TOTAL / 8}, {64 * KIB, 10, TOTAL / 8},
    };
    for (unsigned way = 0; way < sizeof ways / sizeof *ways; way++) {
        of_size(ways[way].bytes);
        if (!fill(ways[way].total)) {
            return 1;
        }
        free_but(ways[way].step);
        malloc_trim(0);
        size_t now = mapping_count();
        fprintf(stderr, "%zu bytes, one in %zu kept: %zu mappings, %zu before, %zu MiB\n",
                ways[way].bytes, ways[way].step, now, before, resident() >> 20);
        if (now > before + mappings_most) {
            return 2;
        }
        if (!the_rest_is_as_it_was()) {
            return 3;
        }
        free_but(0);
    }
    return 0;
}

static int a_plain_process_has_few_mappings(void)
{
    return make_holes(MAPPINGS_FEW);
}

// The status of a child that does this.
static int in_child(int (*function)(void))
{
    pid_t id = fork();
    if (id == 0) {
        _exit(function());
    }
    int status = -1;
    return id > 0 && waitpid(id, &status, 0) == id && WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

static int holes_of_a_child(void)
{
    return make_holes(MAPPINGS_OF_A_CHILD);
}

static int a_forked_child_does_not_use_up_its_mappings(void)
{
    of_size(KIB);
    if (!fill(TOTAL)) {
        return 1;
    }
    free_but(100);
    return in_child(holes_of_a_child);
}

static unsigned generation;

static int live_in_generations(void)
{
    int status = make_holes(MAPPINGS_OF_A_CHILD);
    if (status != 0 || ++generation == 3) {
        return status;
    }
    return in_child(live_in_generations);
}

static int nor_do_children_of_children(void)
{
    return in_child(live_in_generations);
}

static int nothing(void)
{
    return 0;
}

static int a_parent_has_few_mappings_after_its_forks(void)
{
    of_size(KIB);
    if (!fill(TOTAL)) {
        return 1;
    }
    for (unsigned fork = 0; fork < 3; fork++) {
        if (in_child(nothing) != 0) {
            return 4;
        }
    }
    free_but(0);
    return make_holes(MAPPINGS_FEW);
}

static int trim_in_child(void)
{
    size_t before = resident();
    if (malloc_trim(0) != 1) {
        return 5;
    }
    int status = expect_at_most(5, "in the child", resident(), before - 35 * (size_t)MIB);
    if (status != 0) {
        return status;
    }
    if (!the_rest_is_as_it_was() || !a_calloc_is_zero()) {
        return 6;
    }
    free_but(0);
    return 0;
}

static int a_trim_works_in_a_forked_child(void)
{
    of_size(KIB);
    if (!fill(TOTAL)) {
        return 1;
    }
    if (free_a_fifth() < 39 * (size_t)MIB || resident() < 195 * (size_t)MIB) {
        return 8;
    }
    int status = in_child(trim_in_child);
    if (status != 0) {
        return status;
    }
    // What the child did is the child's.
    size_t before = resident();
    if (malloc_trim(0) != 1 || resident() > before - 35 * (size_t)MIB || malloc_trim(0) != 0) {
        return 7;
    }
    return the_rest_is_as_it_was() && a_calloc_is_zero() ? 0 : 9;
}

// ---- limits -------------------------------------------------------------------------------------

static void limit_address_space(size_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_AS, &limit);
}

// Two hundred operations of all kinds. How many were refused.
static unsigned two_hundred_operations(void)
{
    enum { PLACES = 20 };
    void *places[PLACES] = {NULL};
    unsigned refused = 0;
    for (unsigned step = 0; step < 200; step++) {
        size_t at = step % PLACES;
        size_t bytes = (size_t)10 << step % 13;
        void *ptr = step % 3 == 0   ? realloc(places[at], bytes)
                    : step % 3 == 1 ? calloc(1, bytes)
                                    : malloc(bytes);
        if (ptr == NULL) {
            refused++;
            continue;
        }
        if (step % 3 != 0) {
            free(places[at]);
        }
        places[at] = ptr;
        memset(ptr, 1, bytes);
    }
    for (unsigned at = 0; at < PLACES; at++) {
        free(places[at]);
    }
    return refused;
}

static int a_limit_below_what_is_reserved_leaves_room(void)
{
    of_many_sizes();
    if (!fill(100 * MIB) || address_space() < 500 * (size_t)MIB) {
        return 1;
    }
    free_but(4);
    for (unsigned round = 0; round < 3; round++) {
        limit_address_space((size_t)300 * MIB);
        unsigned refused = two_hundred_operations();
        fprintf(stderr, "%u of 200 refused, %zu MiB of address space\n", refused,
                address_space() >> 20);
        if (refused != 0) {
            return 2;
        }
        if (!the_rest_is_as_it_was()) {
            return 3;
        }
        limit_address_space(RLIM_INFINITY);
        void *large = malloc((size_t)500 * MIB);
        if (large == NULL || two_hundred_operations() != 0) {
            return 4;
        }
        free(large);
    }
    free_but(0);
    malloc_trim(0);
    return two_hundred_operations() == 0 ? 0 : 5;
}

// Everything that is free is had again under a limit that is met.
static int a_limit_that_is_met_gives_all_that_is_free(void)
{
    of_size(KIB);
    if (!fill(100 * MIB)) {
        return 1;
    }
    limit_address_space((size_t)160 * MIB);
    free_but(0);
    // LARGE chunks take the place of zones.
    size_t count = 0;
    while (count < 1000 && (chunks[count] = malloc(MIB)) != NULL) {
        memset(chunks[count++], 1, MIB);
    }
    fprintf(stderr, "%zu chunks of a MiB\n", count);
    return count >= 90 ? 0 : 2;
}

// ---- all ----------------------------------------------------------------------------------------

static const struct history histories[] = {
    {"all_is_freed", all_is_freed},
    {"one_in_a_hundred_is_kept", one_in_a_hundred_is_kept},
    {"what_a_burst_leaves_goes_with_time", what_a_burst_leaves_goes_with_time},
    {"whole_stretches_are_freed", whole_stretches_are_freed},
    {"back_and_forth_costs_no_system_calls", back_and_forth_costs_no_system_calls},
    {"threads_end", threads_end},
    {"a_consumer_frees_what_a_producer_made", a_consumer_frees_what_a_producer_made},
    {"a_trim_reaches_threads_that_come_by", a_trim_reaches_threads_that_come_by},
    {"trims_beside_threads_change_nothing", trims_beside_threads_change_nothing},
    {"a_plain_process_has_few_mappings", a_plain_process_has_few_mappings},
    {"a_forked_child_does_not_use_up_its_mappings", a_forked_child_does_not_use_up_its_mappings},
    {"nor_do_children_of_children", nor_do_children_of_children},
    {"a_parent_has_few_mappings_after_its_forks", a_parent_has_few_mappings_after_its_forks},
    {"a_trim_works_in_a_forked_child", a_trim_works_in_a_forked_child},
    {"a_limit_below_what_is_reserved_leaves_room", a_limit_below_what_is_reserved_leaves_room},
    {"a_limit_that_is_met_gives_all_that_is_free", a_limit_that_is_met_gives_all_that_is_free},
};

int main(int argument_count, char **arguments)
{
    if (argument_count == 2) {
        chunks = mmap(NULL, CHUNKS_MAX * sizeof *chunks, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    }
    return histories_main(argument_count, arguments, histories,
                          sizeof histories / sizeof *histories);
}
