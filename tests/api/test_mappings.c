// SPDX-License-Identifier: MIT
// A process that has as many mappings as it may: what it holds stays as it is, calls are served from what is there or
// refused with ENOMEM, frees and trims work, in forked children too; and when mappings are to be had again, so is memory.
//
//   test_mappings                 every history, each in the program started anew
//   test_mappings NAME STEPS      one of them, with so many operations, however many mappings there may be

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/histories.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { MIB = 1 << 20, PLACES = 4000, MAPPINGS_MAX = 300000, STEPS = 20000 };

static unsigned step_count = STEPS; // operations of a history
static size_t page_bytes;

// ---- mappings that are used up --------------------------------------------------------------------

static size_t mapping_max(void)
{
    char text[32] = {0};
    int file = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? strtoull(text, NULL, 10) : 0;
}

enum { SINGLES_MAX = 4096 };

// A region without access, every second page of which is a mapping of its own; and pages that never become one with
// their neighbours, for the last few.
struct comb {
    char *base;
    size_t bytes;
    size_t teeth;
    void *singles[SINGLES_MAX];
    size_t single_count;
};

// The last few: a tooth takes two. From then on the system refuses whatever is mapped, even over what is there.
static bool use_up_singles(struct comb *comb)
{
    errno = 0;
    for (; comb->single_count < SINGLES_MAX; comb->single_count++) {
        void *page = mmap(NULL, page_bytes, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) {
            return errno == ENOMEM;
        }
        comb->singles[comb->single_count] = page;
    }
    return false;
}

// As many teeth as the system lets the process have. False if it never refuses.
static bool use_up(struct comb *comb)
{
    comb->single_count = 0;
    comb->bytes = 2 * page_bytes * (mapping_max() + 1000);
    comb->base =
        mmap(NULL, comb->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (comb->base == MAP_FAILED) {
        return false;
    }
    errno = 0;
    for (comb->teeth = 0; 2 * comb->teeth * page_bytes < comb->bytes; comb->teeth++) {
        // Never written to.
        if (mmap(comb->base + 2 * comb->teeth * page_bytes, page_bytes, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
            return errno == ENOMEM && use_up_singles(comb);
        }
    }
    return false;
}

static void let_go(const struct comb *comb)
{
    for (size_t index = 0; index < comb->single_count; index++) {
        munmap(comb->singles[index], page_bytes);
    }
    if (munmap(comb->base, comb->bytes) != 0) {
        _exit(97);
    }
}

// ---- what a program does --------------------------------------------------------------------------

struct place {
    void *ptr;
    size_t bytes;
};

static struct place places[PLACES];

static size_t size_for(uint64_t *seed)
{
    // One in 500 wants a mapping of its own.
    return random_below(seed, 500) == 0 ? (size_t)300 * MIB : random_size(seed);
}

// Of chunks that are as large as that the first bytes tell, and the rest is not touched.
static size_t marked(size_t bytes)
{
    return bytes < MIB ? bytes : 4096;
}

static bool is_well(size_t at)
{
    return places[at].ptr == NULL || pattern_holds(places[at].ptr, marked(places[at].bytes), at);
}

// Frees, allocates, enlarges at random. False if a chunk is not what it was, or a refusal is not an ENOMEM. *refused
// counts those.
static bool live(uint64_t seed, unsigned steps, size_t *refused)
{
    for (unsigned step = 0; step < steps; step++) {
        size_t at = random_below(&seed, PLACES), bytes = size_for(&seed);
        if (!is_well(at)) {
            return false;
        }
        errno = 0;
        void *ptr;
        if (random_below(&seed, 3) == 0 && places[at].bytes < MIB && bytes < MIB) {
            ptr = realloc(places[at].ptr, bytes + 1);
            if (ptr == NULL && !is_well(at)) {
                return false;
            }
        } else {
            free(places[at].ptr);
            places[at].ptr = NULL;
            ptr = malloc(bytes + 1);
        }
        if (ptr == NULL) {
            if (errno != ENOMEM) {
                return false;
            }
            ++*refused;
            continue;
        }
        places[at] = (struct place){.ptr = ptr, .bytes = bytes + 1};
        pattern_fill(ptr, marked(bytes + 1), at);
    }
    return true;
}

static bool free_all(void)
{
    bool are_well = true;
    for (size_t at = 0; at < PLACES; at++) {
        are_well = are_well && is_well(at);
        free(places[at].ptr);
        places[at].ptr = NULL;
    }
    return are_well;
}

static size_t resident(void)
{
    char text[128] = {0};
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) {
        _exit(98);
    }
    close(file);
    char *next = text;
    (void)strtoull(next, &next, 10);
    return strtoull(next, NULL, 10) * page_bytes;
}

// ---- histories ------------------------------------------------------------------------------------

// Lives, lives on without mappings, and lives again. Zero, or the step that went wrong.
static int live_without_mappings(void)
{
    struct comb comb;
    size_t refused = 0, start = resident();
    if (!live(1, step_count, &refused) || refused != 0) {
        return 1;
    }
    if (!use_up(&comb)) {
        return 2;
    }
    if (!live(2, step_count, &refused)) {
        return 3;
    }
    // What cannot be had without one, once those are gone that the frees have given back.
    bool is_full = use_up_singles(&comb);
    errno = 0;
    if (!is_full || malloc((size_t)3000 * MIB) != NULL || errno != ENOMEM) {
        return 4;
    }
    fprintf(stderr, "%zu mappings used up, %zu calls refused\n", comb.teeth, refused);
    errno = 77;
    (void)malloc_trim(0);
    if (errno != 77 || !free_all()) {
        return 5;
    }
    (void)malloc_trim(0);
    if (!live(3, step_count, &refused) || !free_all()) {
        return 6;
    }
    let_go(&comb);
    refused = 0;
    if (!live(4, step_count, &refused) || refused != 0) {
        fprintf(stderr, "%zu calls refused although there are mappings\n", refused);
        return 7;
    }
    if (!free_all()) {
        return 8;
    }
    // What the system did not take then it takes now.
    (void)malloc_trim(0);
    size_t now = resident();
    fprintf(stderr, "%zu bytes stay in memory\n", now > start ? now - start : 0);
    return now > start + (size_t)12 * MIB ? 9 : 0;
}

static int a_process_uses_up_its_mappings(void)
{
    return live_without_mappings();
}

// Its mappings are split by what goes back.
static int so_does_a_child(void)
{
    size_t refused = 0;
    if (!live(9, step_count, &refused) || refused != 0) {
        return 20;
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(live_without_mappings());
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return 21;
    }
    return WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : free_all() ? 0 : 22;
}

static void *allocate_in_a_thread(void *argument)
{
    void *mine[200];
    for (size_t round = 0; round < 50; round++) {
        for (size_t at = 0; at < 200; at++) {
            mine[at] = malloc(at * 20 + 1);
            if (mine[at] != NULL) {
                pattern_fill(mine[at], at * 20 + 1, at);
            }
        }
        for (size_t at = 0; at < 200; at++) {
            if (mine[at] != NULL && !pattern_holds(mine[at], at * 20 + 1, at)) {
                *(bool *)argument = true;
            }
            free(mine[at]);
        }
    }
    return NULL;
}

// What threads need was there before, and is used again: their stacks are the C library's.
static int threads_come_and_go_meanwhile(void)
{
    struct comb comb;
    size_t refused = 0;
    static bool is_wrong;
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate_in_a_thread, &is_wrong) != 0) {
        return 1;
    }
    pthread_join(thread, NULL);
    if (!live(5, step_count, &refused) || !use_up(&comb)) {
        return 2;
    }
    for (unsigned round = 0; round < 20; round++) {
        // A system may need a mapping for a stack after all.
        if (pthread_create(&thread, NULL, allocate_in_a_thread, &is_wrong) == 0) {
            if (!live(6 + round, step_count / 20, &refused)) {
                return 3;
            }
            pthread_join(thread, NULL);
        }
    }
    let_go(&comb);
    refused = 0;
    return !live(99, step_count, &refused) || refused != 0 || !free_all() || is_wrong ? 4 : 0;
}

static const struct history histories[] = {
    {"a_process_uses_up_its_mappings", a_process_uses_up_its_mappings},
    {"so_does_a_child", so_does_a_child},
    {"threads_come_and_go_meanwhile", threads_come_and_go_meanwhile},
};

int main(int argument_count, char **arguments)
{
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    if (argument_count == 3) {
        step_count = (unsigned)strtoul(arguments[2], NULL, 10);
    } else if (argument_count == 2 && (mapping_max() == 0 || mapping_max() > MAPPINGS_MAX)) {
        return HISTORY_SKIPPED;
    }
    return histories_main(argument_count, arguments, histories,
                          sizeof histories / sizeof *histories);
}
