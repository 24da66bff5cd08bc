// SPDX-License-Identifier: MIT
// The system, as this project sees it. One source file for each system implements nearly all of it (linux.c with
// linux_slot.h; linux_calls.h has what several make of the system's calls), and files beside it what is only reached when
// an option or a caller asks for it (linux_fork.c, linux_keep.c, linux_cgroup.c, linux_output.c, linux_trace.c,
// linux_end.c, linux_mappings.c, linux_stack.c, linux_huge.c); porting means writing others. Nothing else in the tree
// names the system.
//
// Memory has three states, and these calls move between them:
//
//      nothing ──reserve──► reserved ──commit──► committed (zero) ◄──purge── committed (used)
//         ▲   ──map────────────────────────────► committed (zero)
//         └──────────────────── release ─────────────┘ from either
//
//      committed ──rest──► resting (reads as zero, cannot be written, is not charged) ──commit──► committed (zero)
//
// Bytes and addresses given to these calls are multiples of the page, and bytes not 0. Every call may be made by any
// thread, at any time, with or without locks held, unless it says otherwise; none allocates. A lack of
// memory or of mappings (ENOMEM, EAGAIN) comes back as NULL or false; any other failure of the system
// is a bug of ours: it is reported and the process is aborted. None of them keeps errno: that is the
// caller's business. None is a cancellation point.
#ifndef FT_PLATFORM_PLATFORM_H
#define FT_PLATFORM_PLATFORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- memory ---------------------------------------------------------------------------------------

// What has become of memory that was to be purged.
enum platform_purged {
    PLATFORM_PURGED, // its bytes are zero
    PLATFORM_KEPT,   // the system refused: the bytes may be old ones
    PLATFORM_RESERVED, // it has taken the pages, and refused others: the range is only reserved by now
};

// The most bytes of memory that the process's control group and those around it may have; SIZE_MAX: no limit, or none
// that can be read. root is put before the paths of the system's files: "" but in tests. Beside memory and threads the
// system is asked for that only by who calls this.
size_t platform_group_limit(const char *root);

// The page size in bytes, asked of the system at each call.
size_t platform_page_bytes(void);

// The most bytes of address space that the process may have, as of now; SIZE_MAX: no limit.
size_t platform_address_limit(void);

// Reserves address space without access. NULL if the system refuses. The address is a multiple of the
// page, and below 2^47.
void *platform_reserve(size_t bytes);

// Reserves and commits at once, at a multiple of align (a power of two, at least a page): zeroed memory.
// NULL if the system refuses.
void *platform_map(size_t bytes, size_t align);

// Makes reserved or resting memory readable and writable; its bytes are zero. False if the system refuses; then
// the range is still reserved.
bool platform_commit(void *base, size_t bytes);

// Makes memory rest: it can be read, is zero, and the system charges the process nothing for it. False if the system
// refuses; then it is as it was.
bool platform_rest(void *base, size_t bytes);

// Replaces the pages of committed memory by zero ones, so that the system has the old ones back.
enum platform_purged platform_purge(void *base, size_t bytes);

// Asks that committed memory be huge pages where they fit. A wish: nothing is said of what has become of it. Beside memory
// and threads the system is asked for that only by who calls this.
void platform_ask_huge(void *base, size_t bytes);

// Gives address space back, whatever its state. False if the system refuses (a hole may need one mapping
// more than a process can have); then nothing has changed.
bool platform_release(void *base, size_t bytes);

// ---- threads --------------------------------------------------------------------------------------

// A lock that needs no initialisation beyond PLATFORM_LOCK_INITIAL and never allocates.
struct platform_lock {
    pthread_mutex_t mutex;
};

#define PLATFORM_LOCK_INITIAL              \
    {                                      \
        .mutex = PTHREAD_MUTEX_INITIALIZER \
    }

// Whether the calling thread is the process's only one, as far as the system tells.
bool platform_is_alone(void);

// Waits for the lock. Not recursive; not to be called from a signal handler.
void platform_lock(struct platform_lock *lock);

// Lets the lock go; the caller has it.
void platform_unlock(struct platform_lock *lock);

// Makes a lock free again in a forked child, whoever had it.
void platform_lock_reset(struct platform_lock *lock);

// What every thread's slot points to before it is set. Whoever uses the platform defines it.
struct platform_slot_initial;
extern const struct platform_slot_initial platform_slot_initial;

// The calling thread's slot, and how to set it: safe in the first call of a thread and in its last, and
// never allocating. Defined in the system's own header, because the fast path reads it.
static inline void *platform_slot(void);
static inline void platform_slot_set(void *value);

// A second slot of the calling thread, for what the first one held while it is to be kept from the fast path; NULL at first.
static inline void *platform_aside(void);
static inline void platform_aside_set(void *value);

// A number of the calling thread's, for whoever counts threads; 0 at first.
static inline unsigned *platform_thread_number(void);

// What tells the calling thread from all others that live; not NULL.
static inline const void *platform_thread_self(void);

// How often the calling thread has called this before, up to UINT16_MAX.
static inline unsigned platform_thread_count(void);

// Whether the destructors of the calling thread's values have begun, at least as far as platform_at_thread_exit() was
// asked for.
static inline bool platform_thread_is_ending(void);

// The process's means to hear of threads that end; zeroed, and opened once.
struct platform_exit {
    void (*leave)(void *value); // what is called when a thread ends
    pthread_key_t key;
    bool has_key;
    bool was_tried;
};

// Opens it, the first time, for `leave`. Never allocates; to be called under one lock always. If the system has no
// means left, platform_at_thread_exit() will say so.
void platform_exit_open(struct platform_exit *exit, void (*leave)(void *value));

// Has leave called with `value`, if that is not NULL, when the calling thread ends, as late as the system allows: after
// the destructors of most other thread-local values. A thread that asks for the first time in a later
// round of its destructors may end before leave is called. May allocate: to be called without locks.
// False if the system has no means left; then leave is not called.
bool platform_at_thread_exit(const struct platform_exit *exit, void *value);

// Has these called around every fork: before, by the forking thread; after, in parent and in child.
// May allocate: to be called without locks, once.
void platform_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

// Where PLATFORM_PASSES_AT_FORK is defined: asks libc for handlers in the name of a library that has called a function of ours
// by libc's name for that. Returns libc's answer: 0, or an error.
int platform_pass_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                          void *library);

// Takes libc's list of its streams, for which a fork waits after the last handler, and whose holder may wait for one who
// allocates. To be called before a fork, without any lock that an allocation takes. False if nobody can have it.
bool platform_streams_lock(void);

// Lets the list go, in the parent; the caller has it.
void platform_streams_unlock(void);

// Makes the list free again in the child; the caller has taken it.
void platform_streams_reset(void);

// ---- what the process consists of: asked for by who calls it alone ----------------------------------

// Up to where the memory from `frame` on, the address of a frame of the calling thread, is known to be that thread's stack
// and can be read; 0 if that is not known, as on a stack that the program has made itself or that a signal came to. Keeps
// errno. Takes long at a thread's first call.
uintptr_t platform_stack_end(uintptr_t frame);

enum { PLATFORM_REGISTERS = 8 };

// The registers from which its caller's frame, and then all above it, can be told: where it goes on, stack pointer, frame
// pointer, and the others that a function leaves as they were (x86-64: rip rsp rbp rbx r12 r13 r14 r15). False if this
// machine's are not known.
bool platform_registers(uintptr_t registers[PLATFORM_REGISTERS]);

// A mapping of the process's.
struct platform_mapping {
    uintptr_t base;
    uintptr_t end;
    uint64_t offset; // in the file, of the base
    bool is_readable;
    bool is_writable;
    bool is_executable;
    bool is_shared; // with other processes, or with a file
    // Both are good until the next call.
    const char *path; // the file's, or what the system calls it
    size_t path_bytes;
    const char *line; // all of it in the system's words
    size_t line_bytes;
};

// Where a reading of the mappings is.
struct platform_mappings {
    int file;
    size_t start;
    size_t length;
    char text[4608]; // more than the longest line
};

// Begins to read the process's mappings, by increasing address, or those that a file lists in the system's form; path is
// NULL but in tests. False if they cannot be read.
bool platform_mappings_open(struct platform_mappings *mappings, const char *path);

// Tells the next mapping. False behind the last.
bool platform_mappings_next(struct platform_mappings *mappings, struct platform_mapping *mapping);

// Ends the reading.
void platform_mappings_close(const struct platform_mappings *mappings);

// ---- words ----------------------------------------------------------------------------------------

enum { PLATFORM_OUTPUT = 1, PLATFORM_ERRORS = 2 }; // descriptors

// Writes all bytes, whatever it takes; gives up on an error.
void platform_write(int descriptor, const void *bytes, size_t count);

// The same, but nothing at all where that would end the process: to a pipe that nobody reads, and to a file that would be
// longer than the process may make one. Beside memory and threads the system is asked for that only by who calls this.
void platform_tell(int descriptor, const void *bytes, size_t count);

// A descriptor that is kept for later, whatever the program does with its own: a copy of it, with a number that programs
// hardly use, closed in what the process executes, and what tells its file.
struct platform_kept {
    int descriptor; // -1: none
    uint64_t device;
    uint64_t file;
};

// Keeps a descriptor. Where no copy can be had there is none, and its file is told all the same. Beside memory and threads
// the system is asked for that only by who calls this.
struct platform_kept platform_keep(int descriptor);

// This descriptor of the program's, if its file is the one that was kept; else -1.
int platform_kept_as(const struct platform_kept *kept, int descriptor);

// The kept descriptor; -1 if there is none, or if the program has closed it, too, and perhaps opened another file with its
// number.
int platform_kept_descriptor(const struct platform_kept *kept);

// Opens a file to append to, makes it if there is none, and keeps its descriptor. Nothing of another user's is opened, no
// symbolic link is followed to it, and nothing but a plain file or a device for characters is written to: then, and when the
// system refuses, there is none. Beside memory and threads the system is asked for that only by who calls this.
struct platform_kept platform_open_output(const char *path);

// Closes a kept descriptor.
void platform_close(const struct platform_kept *kept);

// The process's number, by which the system knows it. Asked for by who calls this alone, as is what follows.
size_t platform_process(void);

// Whether a descriptor is a terminal.
bool platform_is_terminal(int descriptor);

// Copies bytes of the process's own memory, as many as can be read from the first on; returns their number. What the
// program has made unreadable is no fault.
size_t platform_peek(void *to, const void *from, size_t bytes);

// The same, where it is not certain at all that they can be read: none if the system does not allow to ask. Keeps errno.
size_t platform_peek_surely(void *to, const void *from, size_t bytes);

// What has become of a file that was to be made. EXISTS: there is a file or a link; a directory or a device is REFUSED.
enum platform_created { PLATFORM_CREATED, PLATFORM_EXISTS, PLATFORM_REFUSED };

// Makes a file for the process's own user alone where there is none, to read and write, and keeps its descriptor. Asked for
// by who calls this alone, as is what follows.
enum platform_created platform_create_file(const char *path, struct platform_kept *kept);

// Opens a file that was made so once more, if the program has closed its descriptor. False if there is no such file at this
// path any more.
bool platform_reopen_file(const char *path, struct platform_kept *kept);

// Maps so many bytes of a kept file from there on, multiples of the page, in which it may be longer for it; what is new is
// zero. What is written there is in the file at once, also if the process is killed. Memory to be released by
// platform_release(). NULL if the descriptor is gone, if the file cannot be so long, and if the system has no room.
void *platform_map_file(const struct platform_kept *kept, size_t at, size_t bytes);

// Nanoseconds since some time before the process began, to a few milliseconds.
uint64_t platform_coarse_nanoseconds(void);

// Whether ptr is a buffer of standard input, output or error, which libc does not free.
bool platform_is_of_streams(const void *ptr);

// Ends the process with this status, at its end: what streams hold is written, and nothing else is called any more.
_Noreturn void platform_end(int status);

// Keeps the calling thread from being cancelled; returns what platform_cancel_restore() wants back.
int platform_cancel_disable(void);

// Undoes platform_cancel_disable().
void platform_cancel_restore(int state);

// The environment's entry of this index, in the form NAME=value; NULL behind the last one.
const char *platform_environment(size_t index);

// Whether the environment can be read: it is not there yet in the loader's first calls.
bool platform_environment_is_there(void);

// Whether the process runs with more rights than its caller (set-user-ID and the like), so that its
// environment must not be trusted.
bool platform_is_privileged(void);

// Ends the process abnormally (SIGABRT).
_Noreturn void platform_abort(void);

#ifdef __linux__
#include "platform/linux_slot.h"
#else
#error "platform/ has no source for this system yet"
#endif

#endif
