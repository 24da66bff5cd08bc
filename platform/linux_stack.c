// SPDX-License-Identifier: MIT
// What is known of the calling thread's stack. Nothing here is called unless an option asks for call stacks.
#include "platform/platform.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

// Below its end the process's first stack has a gap of that much at least, in which the system maps nothing.
enum { FIRST_STACK_BYTES = 64 << 20 };

// The stack of the process's first thread ends where the system has put the bytes of AT_RANDOM.
static bool find_first(uintptr_t frame, struct platform_thread *thread)
{
    uintptr_t end = (uintptr_t)getauxval(AT_RANDOM);
    if (end < FIRST_STACK_BYTES || frame >= end || frame < end - FIRST_STACK_BYTES) {
        return false;
    }
    thread->stack_low = end - FIRST_STACK_BYTES;
    thread->stack_end = end;
    return true;
}

// The stack that libc has made for any other thread lies in one mapping with its thread-local variables, and below them.
static void find_mapped(uintptr_t frame, struct platform_thread *thread)
{
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    uintptr_t self = (uintptr_t)thread;
    if (!platform_mappings_open(&mappings, NULL)) {
        return;
    }
    while (platform_mappings_next(&mappings, &mapping)) {
        if (frame >= mapping.base && frame < self && self < mapping.end && mapping.is_readable) {
            thread->stack_low = mapping.base;
            thread->stack_end = self;
            break;
        }
    }
    platform_mappings_close(&mappings);
}

uintptr_t platform_stack_end(uintptr_t frame)
{
    struct platform_thread *thread = &platform_thread;
    if (thread->stack_end == 0) {
        int saved = errno;
        // Not looked for again if it is not found: then it ends where it begins.
        thread->stack_low = (uintptr_t)thread;
        thread->stack_end = (uintptr_t)thread;
        // The variables of the first thread lie anywhere, perhaps in one mapping with a stack that is not its own.
        if (!find_first(frame, thread) && gettid() != getpid()) {
            find_mapped(frame, thread);
        }
        errno = saved;
    }
    return frame >= thread->stack_low && frame < thread->stack_end ? thread->stack_end : 0;
}

size_t platform_peek_surely(void *to, const void *from, size_t bytes)
{
    const struct iovec local = {.iov_base = to, .iov_len = bytes};
    const struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = bytes};
    int saved = errno;
    ssize_t copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    errno = saved;
    return copied >= 0 ? (size_t)copied : 0;
}

#ifdef __x86_64__
// In no language that has a say in what is in a register.
__asm__(".pushsection .text\n"
        ".globl platform_registers\n"
        ".hidden platform_registers\n"
        ".type platform_registers, @function\n"
        "platform_registers:\n"
        "    movq (%rsp), %rax\n"
        "    movq %rax, 0(%rdi)\n" // where the caller goes on,
        "    leaq 8(%rsp), %rax\n"
        "    movq %rax, 8(%rdi)\n" // and with which stack pointer
        "    movq %rbp, 16(%rdi)\n"
        "    movq %rbx, 24(%rdi)\n"
        "    movq %r12, 32(%rdi)\n"
        "    movq %r13, 40(%rdi)\n"
        "    movq %r14, 48(%rdi)\n"
        "    movq %r15, 56(%rdi)\n"
        "    movl $1, %eax\n"
        "    ret\n"
        ".size platform_registers, . - platform_registers\n"
        ".popsection\n");
#else
bool platform_registers(uintptr_t registers[PLATFORM_REGISTERS])
{
    (void)registers;
    return false;
}
#endif
