// SPDX-License-Identifier: MIT
// What platform/linux.c is compiled with in place of the system's calls: this header is included before
// anything else of it.
#ifndef FT_TESTS_FAKE_FAKE_LINUX_H
#define FT_TESTS_FAKE_FAKE_LINUX_H

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

void *fake_mmap(void *where, size_t bytes, int access, int flags, int file, off_t at);
int fake_munmap(void *where, size_t bytes);
int fake_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
long fake_sysconf(int name);
unsigned long fake_getauxval(unsigned long type);
ssize_t fake_write(int descriptor, const void *bytes, size_t count);
int fake_pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));
int fake_pthread_key_create(pthread_key_t *key, void (*destructor)(void *value));
int fake_pthread_setspecific(pthread_key_t key, const void *value);

#ifdef FT_FAKE_SYSTEM
#define mmap fake_mmap
#define munmap fake_munmap
#define getrlimit fake_getrlimit
#define sysconf fake_sysconf
#define getauxval fake_getauxval
#define write fake_write
#define pthread_atfork fake_pthread_atfork
#define pthread_key_create fake_pthread_key_create
#define pthread_setspecific fake_pthread_setspecific
#endif

#endif
