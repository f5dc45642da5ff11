/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
/* For RTLD_DEFAULT and RTLD_NEXT. */
#define _GNU_SOURCE
#endif
#include "sandbox/shortage.h"

#include "handlers/forkserver.h"

#include <dlfcn.h>
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_bool is_seen;
static _Atomic size_t most = SHORTAGE_REQUEST_MAX;

void shortage_begin(size_t most_bytes)
{
    most = MIN(most_bytes, SHORTAGE_REQUEST_MAX);
    is_seen = false;
}

bool shortage_is_seen(void)
{
    return is_seen;
}

bool shortage_has_room(uint64_t bytes)
{
    if (bytes == 0 || bytes > SIZE_MAX)
        return bytes == 0;
    /* The limit counts private memory that can be written, used or not. */
    void *room =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return false;
    (void)munmap(room, (size_t)bytes);
    return true;
}

#if defined(THUMBQ_SANITIZE) || !defined(__GLIBC__)

void shortage_start(void)
{
}

#else

typedef int (*CreateThread)(pthread_t *thread, const pthread_attr_t *attributes,
                            void *(*run)(void *data), void *data);
typedef void (*OnNew)(void);
typedef OnNew (*SetOnNew)(OnNew function);

/* The functions of the C library behind malloc and its family. */
void *libc_malloc(size_t size) __asm__("__libc_malloc");
void *libc_calloc(size_t n, size_t size) __asm__("__libc_calloc");
void *libc_realloc(void *block, size_t size) __asm__("__libc_realloc");
void *libc_memalign(size_t alignment, size_t size) __asm__("__libc_memalign");

static CreateThread create_thread;

/* The request of this thread that failed last. */
static _Thread_local size_t failed_bytes;

/* Notes that an allocation has failed. Returns `block`. */
static void *note(void *block, size_t size)
{
    if (block != NULL || size == 0)
        return block;
    failed_bytes = size;
    if (size <= most)
        is_seen = true;
    return NULL;
}

void *malloc(size_t size)
{
    return note(libc_malloc(size), size);
}

void *calloc(size_t n, size_t size)
{
    size_t bytes;
    return note(libc_calloc(n, size), __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes);
}

void *realloc(void *block, size_t size)
{
    return note(libc_realloc(block, size), size);
}

/*
 * Decoders take the memory of pictures from the following functions, and show all of it: pixels
 * that a file leaves out must not be those of an earlier file.
 */
static void *allocate_clear(size_t alignment, size_t size)
{
    void *block = note(libc_memalign(alignment, size), size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

void *memalign(size_t alignment, size_t size);

void *memalign(size_t alignment, size_t size)
{
    return allocate_clear(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return allocate_clear(alignment, size);
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *block = allocate_clear(alignment, size);
    if (block == NULL && size > 0)
        return ENOMEM;
    *ret_block = block;
    return 0;
}

/* A thread needs memory for its stack. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *data),
                   void *data)
{
    if (create_thread == NULL) {
        void *found = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&create_thread, (const void *)&found, sizeof create_thread);
    }
    int status = create_thread != NULL ? create_thread(thread, attributes, run, data) : EAGAIN;
    if (status == EAGAIN || status == ENOMEM)
        is_seen = true;
    return status;
}

/* `new` has called malloc just before. */
static void on_new(void)
{
    _exit(failed_bytes > most ? WORKER_EXIT_CLAIM : WORKER_EXIT_MEMORY);
}

void shortage_start(void)
{
    /* std::set_new_handler, if a library of C++ is loaded. */
    void *found = dlsym(RTLD_DEFAULT, "_ZSt15set_new_handlerPFvvE");
    SetOnNew set_on_new;
    memcpy(&set_on_new, (const void *)&found, sizeof set_on_new);
    if (found != NULL)
        (void)set_on_new(on_new);
}

#endif
