// SPDX-License-Identifier: MIT
// Bounds that options set (README): a limit is nearly usable as a whole, is never passed, and is an answer that a program can
// live with; a reserve of nothing keeps less; and the line at exhaustion says what is true, once for each refusal.
//
// Each history is the program started anew, with options in its environment.

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { KIB = 1 << 10, MIB = 1 << 20, LIMIT = 64 * MIB, CHUNKS_MAX = LIMIT / 16, THREADS = 4 };

static const size_t GIB = (size_t)1 << 30;

static char *program;
static void **chunks; // in a mapping of its own
static size_t chunk_count;

// ---- what histories do ----------------------------------------------------------------------------

// Allocates and writes chunks of a size until one is refused. Their bytes; 0 if errno is another than it should be.
static size_t fill_with(size_t bytes)
{
    size_t sum = 0;
    errno = 0;
    for (void *ptr; (ptr = malloc(any_size(bytes))) != NULL; sum += bytes) {
        if (chunk_count == CHUNKS_MAX) {
            return 0;
        }
        memset(ptr, 1, bytes);
        chunks[chunk_count++] = ptr;
    }
    return errno == ENOMEM ? sum : 0;
}

static void free_all(void)
{
    while (chunk_count != 0) {
        free(chunks[--chunk_count]);
    }
}

// A step's number if so many bytes are not within the limit, or less than so many hundredths of it.
static int expect_filled(int step, size_t bytes, size_t least_percent)
{
    if (bytes <= LIMIT && bytes >= LIMIT / 100 * least_percent) {
        return 0;
    }
    fprintf(stderr, "step %d: %zu bytes, at least %zu %%\n", step, bytes, least_percent);
    return step;
}

// ---- a limit --------------------------------------------------------------------------------------

static int a_limit_is_usable(size_t size)
{
    int failed = expect_filled(1, fill_with(size), 85);
    free_all();
    if (failed == 0) {
        failed = expect_filled(2, fill_with(size), 85);
        free_all();
    }
    // Others get what these gave back.
    for (size_t other = 48; failed == 0 && other < MIB; other *= 64) {
        failed = expect_filled(3, fill_with(other), 85);
        free_all();
    }
    return failed;
}

static size_t chunks_of_all_sizes(uint64_t seed)
{
    size_t sum = 0;
    for (unsigned refused = 0; refused < 100;) {
        size_t bytes = (size_t)16 << random_below(&seed, 17);
        bytes += random_below(&seed, bytes);
        bytes = bytes < MIB ? bytes : MIB;
        void *ptr = malloc(bytes);
        if (ptr == NULL) {
            refused++;
            continue;
        }
        sum += bytes;
        chunks[chunk_count++] = ptr;
    }
    return sum;
}

// Zones of sizes that come up now and then are not full, which counts.
static int sizes_may_be_mixed(size_t unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        int failed = expect_filled((int)seed, chunks_of_all_sizes(seed), 85);
        free_all();
        if (failed != 0) {
            return failed;
        }
    }
    return 0;
}

static int realloc_leaves_what_it_cannot_enlarge(size_t size)
{
    unsigned char *ptr = malloc(size);
    pattern_fill(ptr, size, 5);
    // Not by itself, and not when all is full.
    errno = 0;
    if (realloc(ptr, any_size(100 * (size_t)MIB)) != NULL || errno != ENOMEM) {
        return 1;
    }
    (void)fill_with(MIB);
    (void)fill_with(KIB);
    (void)fill_with(16);
    errno = 0;
    if (realloc(launder(ptr), any_size(size + 2 * MIB)) != NULL || errno != ENOMEM) {
        return 2;
    }
    if (!pattern_holds(ptr, size, 5) || malloc_usable_size(ptr) != size) {
        return 3;
    }
    free_all();
    unsigned char *moved = realloc(launder(ptr), size + 2 * MIB);
    if (moved == NULL || !pattern_holds(moved, size, 5)) {
        return 4;
    }
    free(moved);
    return expect_filled(5, fill_with(KIB), 85);
}

static void *allocate_a_little(void *unused)
{
    (void)unused;
    free(malloc(any_size(100)));
    return NULL;
}

// How much there is does not matter, only that each call answers. size: 0 if not even that much is to be had.
static int a_process_lives_with(size_t size)
{
    const size_t sizes[] = {0, 1, 100, 2000, 30000, 100000, 3000000};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        void *all[] = {malloc(any_size(sizes[index])), calloc(1, any_size(sizes[index])),
                       aligned_alloc(4096, any_size(sizes[index])),
                       realloc(NULL, any_size(sizes[index]))};
        for (size_t at = 0; at < sizeof all / sizeof *all; at++) {
            if (all[at] != NULL && sizes[index] > size) {
                return 1;
            }
            if (all[at] != NULL) {
                memset(all[at], 1, sizes[index]);
            }
            free(all[at]);
        }
    }
    // A thread can hardly be made without memory: what counts is that it is refused then.
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate_a_little, NULL) == 0) {
        pthread_join(thread, NULL);
    }
    show_alloc_mem();
    (void)malloc_trim(0);
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        allocate_a_little(NULL);
        _exit(7);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) {
        return 2;
    }
    return size == 0 || malloc(size) != NULL ? 0 : 3;
}

// What a thread got, until it was refused.
struct share {
    pthread_t thread;
    pthread_barrier_t *barrier;
    void **first; // each chunk's first word points to the one before it
    size_t bytes;
    bool is_wrong;
};

static void *take_a_share(void *argument)
{
    struct share *share = argument;
    pthread_barrier_wait(share->barrier);
    errno = 0;
    for (void **ptr; (ptr = malloc(any_size(KIB))) != NULL; share->bytes += KIB) {
        memset(ptr, 1, KIB);
        *ptr = (void *)share->first;
        share->first = ptr;
    }
    share->is_wrong = errno != ENOMEM;
    pthread_barrier_wait(share->barrier); // nobody frees before all are refused
    while (share->first != NULL) {
        void **before = *share->first;
        free((void *)share->first);
        share->first = before;
    }
    return NULL;
}

static int threads_share_a_limit(size_t unused)
{
    (void)unused;
    for (int round = 1; round <= 3; round++) {
        static struct share shares[THREADS];
        pthread_barrier_t barrier;
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (unsigned index = 0; index < THREADS; index++) {
            shares[index] = (struct share){.barrier = &barrier};
            if (pthread_create(&shares[index].thread, NULL, take_a_share, &shares[index]) != 0) {
                return 99;
            }
        }
        size_t sum = 0;
        for (unsigned index = 0; index < THREADS; index++) {
            pthread_join(shares[index].thread, NULL);
            sum += shares[index].bytes;
            if (shares[index].is_wrong) {
                return 10;
            }
        }
        pthread_barrier_destroy(&barrier);
        if (expect_filled(round, sum, 85) != 0) {
            return round;
        }
    }
    return 0;
}

static int a_child_has_the_same_limit(size_t unused)
{
    (void)unused;
    void *held = malloc((size_t)20 * MIB);
    pid_t child = fork();
    if (child == 0) {
        size_t bytes = fill_with(KIB);
        free(held);
        bytes += fill_with(KIB);
        _exit(expect_filled(1, bytes, 85));
    }
    int status = -1;
    if (held == NULL || child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        return 2;
    }
    // What the child took is not the parent's.
    if (expect_filled(3, fill_with(KIB) + (size_t)20 * MIB, 85) != 0) {
        return 3;
    }
    free(held);
    free_all();
    return 0;
}

// ---- the reserve ----------------------------------------------------------------------------------

static size_t resident(void)
{
    char text[128] = {0};
    int file = open("/proc/self/statm", O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) {
        _exit(98);
    }
    close(file);
    char *next = text;
    (void)strtoull(next, &next, 10);
    return strtoull(next, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

// Allocates 200 MB of 1 KiB and frees all in random order; tells how much more is in memory than there was.
static int free_at_random(size_t unused)
{
    (void)unused;
    memset(chunks, 0, 200000 * sizeof *chunks);
    size_t before = resident();
    uint64_t seed = 9;
    for (chunk_count = 0; chunk_count < 200000; chunk_count++) {
        chunks[chunk_count] = malloc(KIB);
        if (chunks[chunk_count] == NULL) {
            return 1;
        }
        memset(chunks[chunk_count], 1, KIB);
    }
    if (resident() - before < (size_t)200000 * KIB) {
        return 2;
    }
    while (chunk_count != 0) {
        size_t index = random_below(&seed, chunk_count);
        free(chunks[index]);
        chunks[index] = chunks[--chunk_count];
    }
    size_t after = resident();
    dprintf(STDOUT_FILENO, "%zu\n", after > before ? after - before : 0);
    return 0;
}

// ---- the line at exhaustion -----------------------------------------------------------------------

static size_t held_bytes;

static void hold(size_t count, size_t bytes)
{
    for (; count != 0; count--) {
        chunks[chunk_count++] = malloc(bytes);
        held_bytes += bytes;
    }
}

// Two refusals, with 5000 chunks of 1024, 600 of 4096 and 10000 of 100 bytes, then without the first. On standard output
// what is held at each.
static int be_refused_twice(size_t unused)
{
    (void)unused;
    hold(10000, 100);
    hold(600, 4096);
    hold(5000, 1024);
    dprintf(STDOUT_FILENO, "%zu ", held_bytes);
    errno = 0;
    if (malloc(any_size(GIB)) != NULL || errno != ENOMEM) {
        return 1;
    }
    for (; chunk_count != 10600; held_bytes -= 1024) {
        free(chunks[--chunk_count]);
    }
    dprintf(STDOUT_FILENO, "%zu ", held_bytes);
    errno = 0;
    return malloc(any_size(GIB + 1)) == NULL && errno == ENOMEM ? 0 : 2;
}

static bool is_refused(const void *ptr)
{
    bool refused = ptr == NULL && errno == ENOMEM;
    errno = 0;
    return refused;
}

// Every call that may be refused, with another number of bytes each: GIB + 1, GIB + 2 and so on.
static int be_refused_by_all(size_t unused)
{
    (void)unused;
    void *small = malloc(100);
    void *run = malloc(100000);
    void *large = malloc((size_t)20 * MIB);
    void *ptr = NULL;
    errno = 0;
    bool good = is_refused(malloc(any_size(GIB + 1)));
    good = is_refused(calloc(1, any_size(GIB + 2))) && good;
    good = is_refused(realloc(NULL, any_size(GIB + 3))) && good;
    good = is_refused(realloc(small, any_size(GIB + 4))) && good;
    good = is_refused(realloc(run, any_size(GIB + 5))) && good;
    good = is_refused(realloc(large, any_size(GIB + 6))) && good;
    good = is_refused(aligned_alloc(64, any_size(GIB + 7))) && good;
    good = posix_memalign(&ptr, 4096, any_size(GIB + 8)) == ENOMEM && errno == 0 && good;
    good = is_refused(reallocarray(small, 1, any_size(GIB + 9))) && good;
    good = is_refused(valloc(any_size(GIB + 10))) && good;
    return good && ptr == NULL ? 0 : 1;
}

static int be_refused_what_no_memory_holds(size_t unused)
{
    (void)unused;
    void *ptr = malloc(100);
    errno = 0;
    bool good = is_refused(malloc(any_size(SIZE_MAX)));
    good = is_refused(pvalloc(any_size(SIZE_MAX - 1))) && good;
    good = is_refused(realloc(ptr, any_size(SIZE_MAX - 2))) && good;
    // Of a product that overflows there is nothing to tell.
    good = is_refused(calloc(any_size(SIZE_MAX), 2)) && good;
    good = is_refused(reallocarray(ptr, any_size(SIZE_MAX), 2)) && good;
    return good ? 0 : 1;
}

// A chunk as large as the limit is too large with what the process has already.
static int be_refused_the_limit(size_t limit)
{
    errno = 0;
    return is_refused(malloc(any_size(limit))) ? 0 : 1;
}

// What is refused at first and served in another way is no refusal.
static int have_it_another_way(size_t unused)
{
    (void)unused;
    // A mapping that grows is first asked for with half as much again.
    void *large = malloc((size_t)20 * MIB);
    void *more = realloc(launder(large), any_size((size_t)40 * MIB));
    if (large == NULL || more == NULL) {
        return 1;
    }
    free(more);
    // A chunk that is made smaller stays where it is when there is no room for a lesser one.
    void *ptr = malloc(2000);
    (void)fill_with(MIB);
    (void)fill_with(KIB);
    (void)fill_with(100);
    (void)fill_with(16);
    return ptr != NULL && realloc(launder(ptr), any_size(90)) != NULL ? 0 : 2;
}

// A heap of one's own is refused what it grows by more than once before a chunk is.
static int fill_a_heap(size_t unused)
{
    (void)unused;
    struct ft_heap *small = ft_heap_create(&(struct ft_heap_options){.limit_bytes = 4 * KIB});
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.first_bytes = 8 * MIB});
    void *last = NULL;
    size_t count = 0;
    for (void *ptr; (ptr = ft_heap_malloc(heap, KIB)) != NULL; count++) {
        last = ptr;
    }
    bool is_refused = errno == ENOMEM && count > 48 * KIB;
    is_refused = is_refused && ft_heap_realloc(heap, last, 10 * KIB) == NULL && errno == ENOMEM;
    // At the limit of a heap nothing is said.
    return is_refused && ft_heap_malloc(small, 5 * KIB) == NULL ? 0 : 1;
}

// ---- histories ------------------------------------------------------------------------------------

static const struct history {
    const char *name;
    int (*play)(size_t argument);
} histories[] = {
    {"usable", a_limit_is_usable},
    {"mixed", sizes_may_be_mixed},
    {"realloc", realloc_leaves_what_it_cannot_enlarge},
    {"lives", a_process_lives_with},
    {"threads", threads_share_a_limit},
    {"child", a_child_has_the_same_limit},
    {"random", free_at_random},
    {"refused", be_refused_twice},
    {"all", be_refused_by_all},
    {"huge", be_refused_what_no_memory_holds},
    {"beyond", be_refused_the_limit},
    {"another", have_it_another_way},
    {"heap", fill_a_heap},
};

enum { IS_NOT_POSSIBLE = 77 };

static bool write_limit(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool is_written = file >= 0 && write(file, "67108864\n", 9) == 9;
    close(file);
    return is_written;
}

// Goes on as a history in a place where the system's files name a limit for all groups, which takes rights.
static int enter_a_group(void *unused)
{
    (void)unused;
    bool is_made =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) == 0 &&
        mkdir("/sys/fs/cgroup/memory", 0755) == 0 && write_limit("/sys/fs/cgroup/memory.max") &&
        write_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    if (!is_made || access("/proc/self/cgroup", R_OK) != 0) {
        return IS_NOT_POSSIBLE;
    }
    char history[] = "beyond";
    char limit[] = "67108864";
    char options[] = "FT_MALLOC_OPTIONS=limit=cgroup,exhausted=explain";
    execve(program, (char *[]){program, history, limit, NULL}, (char *[]){options, NULL});
    return 98;
}

static struct child child;

static void play(const char *name, size_t argument, const char *first, const char *second)
{
    child_play(&child, program, name, argument, first, second);
}

// ---- tests ----------------------------------------------------------------------------------------

static void most_of_a_limit_is_usable_whatever_the_size(void **state)
{
    (void)state;
    const size_t sizes[] = {16,    64,    100,   1000,  1024,   4096,    5000,
                            20000, 32768, 33000, 65536, 100000, 1000000, MIB};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        play("usable", sizes[index], "FT_MALLOC_LIMIT=64M", NULL);
        assert_string_equal(child.err, ""); // of refusals nothing is said unless it is wanted
    }
    play("mixed", 0, "FT_MALLOC_LIMIT=64M", NULL);
}

static void realloc_at_the_limit_leaves_the_chunk(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 1000, 5000, 30000, 100000, 3000000, 20 * MIB};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        play("realloc", sizes[index], "FT_MALLOC_OPTIONS=limit=64M", NULL);
    }
}

static void a_limit_below_what_a_process_needs_is_an_answer(void **state)
{
    (void)state;
    play("lives", 0, "FT_MALLOC_LIMIT=0", NULL);
    play("lives", 0, "FT_MALLOC_LIMIT=1", NULL);
    play("lives", 0, "FT_MALLOC_LIMIT=4K", "FT_MALLOC_EXHAUSTED=explain");
    play("lives", 0, "FT_MALLOC_LIMIT=64K", NULL);
    play("lives", 100000, "FT_MALLOC_LIMIT=1M", NULL);
}

static void threads_have_one_limit_together(void **state)
{
    (void)state;
    play("threads", 0, "FT_MALLOC_LIMIT=64M", NULL);
}

static void a_forked_child_has_the_limit_too(void **state)
{
    (void)state;
    play("child", 0, "FT_MALLOC_LIMIT=64M", NULL);
}

static void without_a_reserve_less_stays(void **state)
{
    (void)state;
    play("random", 0, "FT_MALLOC_RESERVE=usual", NULL);
    size_t usual = strtoull(child.out, NULL, 10);
    play("random", 0, "FT_MALLOC_RESERVE=0", NULL);
    size_t least = strtoull(child.out, NULL, 10);
    play("random", 0, "FT_MALLOC_RESERVE=100M", NULL);
    size_t most = strtoull(child.out, NULL, 10);
    if (least >= usual || usual >= most || most < 16 * (size_t)MIB) {
        fail_msg("%zu with none, %zu with the usual, %zu with 100M", least, usual, most);
    }
}

enum { CLASSES_MAX = 4 };

struct told {
    size_t asked, in_use, zones, reserve, longest, committed, limit;
    size_t class_count;
    struct {
        size_t chunk_bytes, bytes, chunks;
    } classes[CLASSES_MAX];
};

// Drops the commas between digits.
static void drop_groups(char *plain, const char *line, size_t length)
{
    for (size_t index = 0; index < length; index++) {
        bool is_group = line[index] == ',' && index != 0 && line[index - 1] >= '0' &&
                        line[index - 1] <= '9' && line[index + 1] >= '0' && line[index + 1] <= '9';
        *plain = line[index];
        plain += !is_group;
    }
    *plain = '\0';
}

// Reads a line, and fails unless it is one in every letter. What comes after it.
static const char *read_told(const char *text, struct told *told)
{
    char plain[2048];
    size_t length = strcspn(text, "\n");
    assert_true(text[length] == '\n' && length < sizeof plain);
    drop_groups(plain, text, length);
    *told = (struct told){.asked = 0};
    int end = 0;
    sscanf(
        plain,
        "ft_malloc: out of memory: asked for %zu bytes; in use %zu, free in zones %zu, in reserve "
        "%zu (longest run %zu), committed %zu, limit %zu%n",
        &told->asked, &told->in_use, &told->zones, &told->reserve, &told->longest, &told->committed,
        &told->limit, &end);
    if (end == 0) {
        fail_msg("no such line: %s", text);
    }
    const char *at = plain + end;
    while (*at != '\0' && told->class_count < CLASSES_MAX) {
        const char *form = told->class_count == 0 ? "; most in zones of %zu (%zu for %zu chunks)%n"
                                                  : ", %zu (%zu for %zu chunks)%n";
        end = 0;
        sscanf(at, form, &told->classes[told->class_count].chunk_bytes,
               &told->classes[told->class_count].bytes, &told->classes[told->class_count].chunks,
               &end);
        if (end == 0) {
            fail_msg("no such end of a line: %s", at);
        }
        told->class_count++;
        at += end;
    }
    return text + length + 1;
}

static void expect_class(const struct told *told, size_t index, size_t chunk_bytes, size_t least,
                         size_t most)
{
    assert_int_equal(told->classes[index].chunk_bytes, chunk_bytes);
    assert_in_range(told->classes[index].chunks, least, most);
    assert_true(told->classes[index].bytes >= chunk_bytes * told->classes[index].chunks);
    assert_true(told->classes[index].bytes <= told->committed);
}

// Told of a group that has 64 MiB, the library takes that; told of none, or one without a limit, it lives.
static void the_limit_of_the_control_group_is_taken(void **state)
{
    (void)state;
    play("lives", 3000000, "FT_MALLOC_LIMIT=cgroup", NULL);
    child_call(&child, enter_a_group, NULL);
    if (child_exited_with(&child, IS_NOT_POSSIBLE)) {
        skip();
    }
    if (!child_exited_with(&child, 0)) {
        fail_msg("status %x: %s", (unsigned)child.status, child.err);
    }
    struct told told;
    (void)read_told(child.err, &told);
    assert_int_equal(told.asked, LIMIT);
    assert_int_equal(told.limit, LIMIT);
}

enum { LIBC_BYTES = 64 * KIB, LIBC_CHUNKS = 8 }; // that somebody else may hold

static void the_line_tells_where_the_memory_is(void **state)
{
    (void)state;
    play("refused", 0, "FT_MALLOC_LIMIT=64M", "FT_MALLOC_EXHAUSTED=explain");
    assert_int_equal(text_line_count(child.err), 2);
    struct told before;
    struct told after;
    (void)read_told(read_told(child.err, &before), &after);
    char *next = child.out;
    size_t held_before = strtoull(next, &next, 10);
    size_t held_after = strtoull(next, &next, 10);

    assert_int_equal(before.asked, GIB);
    assert_int_equal(after.asked, GIB + 1);
    assert_in_range(before.in_use, held_before, held_before + LIBC_BYTES);
    assert_in_range(after.in_use, held_after, held_after + LIBC_BYTES);
    assert_int_equal(before.in_use - after.in_use, 5000 * 1024);
    assert_int_equal(before.limit, LIMIT);

    // What was freed is in zones or in reserve.
    assert_true(after.zones + after.reserve >= before.zones + before.reserve + 5000 * 1024);
    assert_true(before.longest <= before.reserve && after.longest <= after.reserve);
    assert_true(before.longest != 0 && after.longest >= before.longest);
    assert_true(before.in_use + before.zones + before.reserve <= before.committed);
    assert_true(after.in_use + after.zones + after.reserve <= after.committed);

    // The first hundred chunks of 4096 are alone: a zone of so many takes more than a 256th of the limit.
    assert_int_equal(before.class_count, 3);
    expect_class(&before, 0, 1024, 5000, 5000 + LIBC_CHUNKS);
    expect_class(&before, 1, 4096, 490, 500 + LIBC_CHUNKS);
    expect_class(&before, 2, 112, 10000, 10000 + LIBC_CHUNKS);
    expect_class(&after, 0, 4096, 490, 500 + LIBC_CHUNKS);
    expect_class(&after, 1, 112, 10000, 10000 + LIBC_CHUNKS);
}

static void expect_lines(const size_t asked[], size_t count)
{
    assert_int_equal(text_line_count(child.err), count);
    const char *text = child.err;
    for (size_t index = 0; index < count; index++) {
        struct told told;
        text = read_told(text, &told);
        assert_int_equal(told.asked, asked[index]);
    }
}

static void each_refusal_is_told_once(void **state)
{
    (void)state;
    size_t asked[10];
    for (size_t index = 0; index < 10; index++) {
        asked[index] = GIB + 1 + index;
    }
    play("all", 0, "FT_MALLOC_LIMIT=64M", "FT_MALLOC_EXHAUSTED=explain");
    expect_lines(asked, 10);
    play("huge", 0, "FT_MALLOC_LIMIT=64M", "FT_MALLOC_EXHAUSTED=explain");
    expect_lines((const size_t[]){SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 2}, 3);
}

static void what_is_served_in_another_way_is_not_told(void **state)
{
    (void)state;
    play("another", 0, "FT_MALLOC_LIMIT=64M", "FT_MALLOC_EXHAUSTED=explain");
    expect_lines((const size_t[]){MIB, KIB, 100, 16}, 4);
}

static void a_chunk_of_a_heap_that_is_refused_is_told_once(void **state)
{
    (void)state;
    play("heap", 0, "FT_MALLOC_LIMIT=64M", "FT_MALLOC_EXHAUSTED=explain");
    expect_lines((const size_t[]){KIB, 10 * KIB}, 2);
}

static void nothing_is_told_unless_it_is_wanted(void **state)
{
    (void)state;
    const char *const names[] = {"refused", "all", "huge", "another", "heap"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        play(names[index], 0, "FT_MALLOC_LIMIT=64M", NULL);
        assert_string_equal(child.err, "");
        play(names[index], 0, "FT_MALLOC_LIMIT=64M", "FT_MALLOC_EXHAUSTED=silent");
        assert_string_equal(child.err, "");
    }
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 3) {
        chunks = mmap(NULL, CHUNKS_MAX * sizeof *chunks, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t index = 0; index < sizeof histories / sizeof *histories; index++) {
            if (strcmp(arguments[1], histories[index].name) == 0) {
                return histories[index].play(strtoull(arguments[2], NULL, 10));
            }
        }
        return 99;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_of_a_limit_is_usable_whatever_the_size),
        cmocka_unit_test(realloc_at_the_limit_leaves_the_chunk),
        cmocka_unit_test(a_limit_below_what_a_process_needs_is_an_answer),
        cmocka_unit_test(threads_have_one_limit_together),
        cmocka_unit_test(a_forked_child_has_the_limit_too),
        cmocka_unit_test(the_limit_of_the_control_group_is_taken),
        cmocka_unit_test(without_a_reserve_less_stays),
        cmocka_unit_test(the_line_tells_where_the_memory_is),
        cmocka_unit_test(each_refusal_is_told_once),
        cmocka_unit_test(what_is_served_in_another_way_is_not_told),
        cmocka_unit_test(a_chunk_of_a_heap_that_is_refused_is_told_once),
        cmocka_unit_test(nothing_is_told_unless_it_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
