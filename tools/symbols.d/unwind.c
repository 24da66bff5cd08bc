// SPDX-License-Identifier: MIT
#include "unwind.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>

enum { THREAD = 1 }; // any number: there is one

static Dwfl *session;
static bool is_attached;
static const struct unwind_slice *current;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
};

static pid_t next_thread(Dwfl *dwfl, void *own, void **thread)
{
    (void)dwfl;
    (void)own;
    if (*thread != NULL) {
        return 0;
    }
    *thread = &current;
    return THREAD;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *own)
{
    (void)dwfl;
    (void)own;
    uint64_t at = address - current->base;
    if (address < current->base || at % sizeof(uint64_t) != 0 ||
        at / sizeof(uint64_t) >= current->count) {
        return false;
    }
    *word = current->words[at / sizeof(uint64_t)];
    return true;
}

// By the numbers that DWARF gives the registers of x86-64.
static bool set_registers(Dwfl_Thread *thread, void *own)
{
    static const int numbers[UNWIND_REGISTERS] = {16, 7, 6, 3, 12, 13, 14, 15};
    (void)own;
    dwfl_thread_state_register_pc(thread, current->registers[0]);
    for (size_t index = 0; index < UNWIND_REGISTERS; index++) {
        if (!dwfl_thread_state_registers(thread, numbers[index], 1, &current->registers[index])) {
            return false;
        }
    }
    return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

void unwind_begin(char *mappings, size_t bytes)
{
    if (session != NULL) {
        dwfl_end(session);
    }
    session = dwfl_begin(&callbacks);
    FILE *file = fmemopen(mappings, bytes, "r");
    is_attached = session != NULL && file != NULL &&
                  dwfl_linux_proc_maps_report(session, file) == 0 &&
                  dwfl_report_end(session, NULL, NULL) == 0 &&
                  dwfl_attach_state(session, NULL, THREAD, &thread_callbacks, NULL);
    if (file != NULL) {
        fclose(file);
    }
}

static int on_frame(Dwfl_Frame *frame, void *argument)
{
    struct unwind *found = argument;
    Dwarf_Addr address;
    if (found->count == UNWIND_FRAMES_MAX || !dwfl_frame_pc(frame, &address, NULL)) {
        return DWARF_CB_ABORT;
    }
    found->frames[found->count++] = address;
    return DWARF_CB_OK;
}

void unwind(const struct unwind_slice *slice, struct unwind *found)
{
    found->count = 0;
    found->is_complete = false;
    if (is_attached) {
        current = slice;
        found->is_complete = dwfl_getthread_frames(session, THREAD, on_frame, found) == 0;
    }
}
