/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that the runtime asks of the operating system: one source file per system implements
 * it (platform_linux.c). No function here keeps state.
 */
#ifndef HML_PLATFORM_H
#define HML_PLATFORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- Memory ---------------------------------------------------------------------------------- */

/* NULL when there is none. Blocks of 2 MiB and more are aligned to 2 MiB and ask for large pages.
 */
void *hml_platform_allocate(size_t bytes, size_t alignment);
void hml_platform_release(void *memory, size_t bytes);
/* Bytes of memory that this machine has. */
uint64_t hml_platform_memory(void);

/* -- Files ----------------------------------------------------------------------------------- */

typedef struct hml_platform_file {
    int descriptor;
    uint64_t offset, bytes; /* of the part that is meant */
} hml_platform_file;

/* Opens a regular file for reading; anything else is refused. *reason gets a text on failure. */
bool hml_platform_file_open(const char *path, hml_platform_file *file, const char **reason);
/* A part of an open regular file; `bytes` 0: to its end. The descriptor stays the caller's. */
bool hml_platform_file_part(int descriptor, uint64_t offset, uint64_t bytes,
                            hml_platform_file *file, const char **reason);
void hml_platform_file_close(hml_platform_file *file);
/* Exactly file->bytes bytes into `memory`. */
bool hml_platform_file_read(const hml_platform_file *file, void *memory);
/* Read-only, shared with other processes; NULL when it cannot be, or does not start on a page. */
const void *hml_platform_file_map(const hml_platform_file *file);
void hml_platform_file_unmap(const void *data, uint64_t bytes);

/* -- Code ------------------------------------------------------------------------------------ */

/* Offsets and sizes are multiples of page_bytes, within image_bytes, and do not overlap. */
typedef struct hml_code_layout {
    uint64_t image_bytes, page_bytes;
    uint64_t text_offset, text_bytes;
    uint64_t rodata_offset, rodata_bytes;
} hml_code_layout;

/*
 * Maps a code image, text read-execute and constants read-only, never writable and executable:
 * straight from `file` (which may be NULL), `offset` bytes behind its start, when that is possible,
 * else from a sealed copy of `image` in memory. Where this system's pages are larger than the
 * layout's, or it has no sealed memory, all of a copy is read-execute. NULL when it refuses.
 */
void *hml_platform_code_map(const hml_platform_file *file, uint64_t offset, const void *image,
                            const hml_code_layout *layout);
void hml_platform_code_unmap(void *image, uint64_t image_bytes);

/* -- Threads and time ------------------------------------------------------------------------- */

typedef struct hml_platform_thread {
    unsigned long handle;
} hml_platform_thread;

/* Starts a thread that blocks all signals. */
bool hml_platform_thread_start(hml_platform_thread *thread, void *(*body)(void *), void *argument);
void hml_platform_thread_join(hml_platform_thread *thread);

/* Sleeps while *word == expected; may return early. */
void hml_platform_wait(atomic_uint *word, uint32_t expected);
/* Wakes one thread that sleeps on *word. */
void hml_platform_wake(atomic_uint *word);

/* Processors that this process may use, at least 1; where they are unequal, the fast ones. */
uint32_t hml_platform_processors(void);
/* The processor that runs the calling thread, without a system call; -1 where that is not known. */
int hml_platform_processor(void);
/* Monotonic. */
uint64_t hml_platform_nanoseconds(void);

/* Tells the processor that this is a spin loop. */
static inline void hml_platform_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

/*
 * A clock that needs no system call, of the same speed and nearly the same time on all processors;
 * its unit is not known. Always 0 where there is none.
 */
static inline uint64_t hml_platform_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

#endif
