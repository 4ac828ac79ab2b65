/* SPDX-License-Identifier: Apache-2.0 */
/* Linux: files, memory, code mapping, futexes, threads. */
#define _GNU_SOURCE
#include "platform/platform.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#define HAS_RSEQ
#endif
#endif
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define LARGE_PAGE ((size_t)2 << 20)

/* -- Memory ---------------------------------------------------------------------------------- */

/* What a block of `bytes` takes: whole pages, or large ones. */
static size_t large_block_bytes(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t unit = bytes % LARGE_PAGE >= LARGE_PAGE / 2 ? LARGE_PAGE : page;
    return (bytes + unit - 1) & ~(unit - 1);
}

/*
 * Maps a large page more than it needs and gives the ends back, so that the block starts on a large
 * page. Streaming from such memory is about 1.3 times as
 * fast as from small pages. An end of at least half a large page becomes a whole one: it is cheaper
 * to clear than to fault in page by page.
 */
static void *map_large(size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * LARGE_PAGE) {
        return NULL;
    }
    size_t used = large_block_bytes(bytes);
    uint8_t *base =
        mmap(NULL, used + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    size_t head = (LARGE_PAGE - ((uintptr_t)base & (LARGE_PAGE - 1))) & (LARGE_PAGE - 1);
    if (head != 0) {
        (void)munmap(base, head);
    }
    (void)munmap(base + head + used, LARGE_PAGE - head);
    (void)madvise(base + head, used, MADV_HUGEPAGE);
    return base + head;
}

void *hml_platform_allocate(size_t bytes, size_t alignment)
{
    if (bytes >= LARGE_PAGE) {
        return map_large(bytes);
    }
    void *memory = NULL;
    return posix_memalign(&memory, alignment, bytes) == 0 ? memory : NULL;
}

void hml_platform_release(void *memory, size_t bytes)
{
    if (bytes >= LARGE_PAGE) {
        (void)munmap(memory, large_block_bytes(bytes));
    } else {
        free(memory);
    }
}

uint64_t hml_platform_memory(void)
{
    struct sysinfo machine;
    return sysinfo(&machine) == 0
               ? ((uint64_t)machine.totalram + machine.totalswap) * machine.mem_unit
               : UINT64_MAX;
}

/* -- Files ----------------------------------------------------------------------------------- */

bool hml_platform_file_open(const char *path, hml_platform_file *file, const char **reason)
{
    /* Not blocking: opening a FIFO must not wait for its writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        *reason = errno == ENOENT   ? "there is no such file"
                  : errno == EACCES ? "permission denied"
                  : errno == EMFILE ? "this process has too many files open"
                  : errno == ENFILE ? "the system has too many files open"
                                    : "it cannot be opened";
        return false;
    }
    struct stat state;
    if (fstat(descriptor, &state) != 0 || !S_ISREG(state.st_mode) || state.st_size < 0) {
        *reason = "it is not a regular file";
        (void)close(descriptor);
        return false;
    }
    *file = (hml_platform_file){descriptor, 0, (uint64_t)state.st_size};
    return true;
}

bool hml_platform_file_part(int descriptor, uint64_t offset, uint64_t bytes,
                            hml_platform_file *file, const char **reason)
{
    struct stat state;
    if (fstat(descriptor, &state) != 0 || !S_ISREG(state.st_mode) || state.st_size < 0) {
        *reason = "it is not a regular file";
        return false;
    }
    uint64_t size = (uint64_t)state.st_size;
    if (offset > size || bytes > size - offset) {
        *reason = "the part lies behind its end";
        return false;
    }
    *file = (hml_platform_file){descriptor, offset, bytes != 0 ? bytes : size - offset};
    return true;
}

void hml_platform_file_close(hml_platform_file *file)
{
    (void)close(file->descriptor);
    file->descriptor = -1;
}

bool hml_platform_file_read(const hml_platform_file *file, void *memory)
{
    uint64_t done = 0;
    while (done < file->bytes) {
        ssize_t count = pread(file->descriptor, (uint8_t *)memory + done,
                              (size_t)(file->bytes - done), (off_t)(file->offset + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        done += (uint64_t)count;
    }
    return true;
}

const void *hml_platform_file_map(const hml_platform_file *file)
{
    if (file->bytes == 0 || file->bytes > SIZE_MAX) {
        return NULL;
    }
    void *data = mmap(NULL, (size_t)file->bytes, PROT_READ, MAP_SHARED, file->descriptor,
                      (off_t)file->offset);
    return data == MAP_FAILED ? NULL : data;
}

void hml_platform_file_unmap(const void *data, uint64_t bytes)
{
    (void)munmap((void *)data, (size_t)bytes);
}

/* -- Code ------------------------------------------------------------------------------------ */

static bool write_all(int descriptor, const void *data, uint64_t bytes)
{
    uint64_t done = 0;
    while (done < bytes) {
        ssize_t count =
            pwrite(descriptor, (const uint8_t *)data + done, (size_t)(bytes - done), (off_t)done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        done += (uint64_t)count;
    }
    return true;
}

/* memfd_create, which Android's C library has since version 11 only. */
static int memory_file(unsigned flags)
{
    return (int)syscall(SYS_memfd_create, "hml-code", flags);
}

/* A memory file with the image that nobody can change any more; -1 on failure. */
static int seal_copy(const void *image, uint64_t bytes)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int descriptor = memory_file(flags | MFD_EXEC);
    if (descriptor < 0 && errno == EINVAL) {
        descriptor = memory_file(flags); /* before Linux 6.3 */
    }
    if (descriptor < 0) {
        return -1;
    }
    if (!write_all(descriptor, image, bytes) ||
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
            0) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool map_segment(uint8_t *base, int descriptor, uint64_t file_offset, uint64_t offset,
                        uint64_t bytes, int protection, int flags)
{
    return bytes == 0 ||
           mmap(base + offset, (size_t)bytes, protection, MAP_PRIVATE | MAP_FIXED | flags,
                descriptor, (off_t)(file_offset + offset)) != MAP_FAILED;
}

/*
 * One region that nothing else can slip into, then the segments over it. Constants are brought in
 * at once: a load whose mask is empty brings no page in, and on x86 it takes some 40 ns for as long
 * as the page is missing (Zen 4: comparisons that are all false, 20 times their time).
 */
static void *map_image(int descriptor, uint64_t file_offset, const hml_code_layout *layout)
{
    void *region =
        mmap(NULL, (size_t)layout->image_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) {
        return NULL;
    }
    if (map_segment(region, descriptor, file_offset, layout->text_offset, layout->text_bytes,
                    PROT_READ | PROT_EXEC, 0) &&
        map_segment(region, descriptor, file_offset, layout->rodata_offset, layout->rodata_bytes,
                    PROT_READ, MAP_POPULATE)) {
        /* Nothing on most machines; elsewhere instructions have a cache of their own. */
        __builtin___clear_cache((char *)region, (char *)region + layout->image_bytes);
        return region;
    }
    (void)munmap(region, (size_t)layout->image_bytes);
    return NULL;
}

/* The file where it starts on a page and its file system lets code run, else sealed memory. */
static void *map_file_or_copy(const hml_platform_file *file, uint64_t offset, uint64_t page,
                              const void *image, const hml_code_layout *layout)
{
    if (file != NULL && (file->offset + offset) % page == 0) {
        void *mapped = map_image(file->descriptor, file->offset + offset, layout);
        if (mapped != NULL) {
            return mapped;
        }
    }
    int descriptor = seal_copy(image, layout->image_bytes);
    if (descriptor < 0) {
        return NULL;
    }
    void *mapped = map_image(descriptor, 0, layout);
    (void)close(descriptor);
    return mapped;
}

/* One region, first written, then executed. What a processor wrote itself may be missing where it
 * fetches instructions from. */
static void *copy_image(const void *image, const hml_code_layout *layout)
{
    size_t bytes = (size_t)layout->image_bytes;
    char *region = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) {
        return NULL;
    }
    memcpy(region, image, bytes);
    __builtin___clear_cache(region, region + bytes);
    if (mprotect(region, bytes, PROT_READ | PROT_EXEC) == 0) {
        return region;
    }
    (void)munmap(region, bytes);
    return NULL;
}

void *hml_platform_code_map(const hml_platform_file *file, uint64_t offset, const void *image,
                            const hml_code_layout *layout)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    void *mapped =
        page <= layout->page_bytes ? map_file_or_copy(file, offset, page, image, layout) : NULL;
    return mapped != NULL ? mapped : copy_image(image, layout);
}

void hml_platform_code_unmap(void *image, uint64_t image_bytes)
{
    (void)munmap(image, (size_t)image_bytes);
}

/* -- Threads and time ------------------------------------------------------------------------- */

_Static_assert(sizeof(pthread_t) == sizeof(unsigned long), "a thread handle is a word");

bool hml_platform_thread_start(hml_platform_thread *thread, void *(*body)(void *), void *argument)
{
    sigset_t all, old;
    pthread_t handle;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &old) != 0) {
        return false;
    }
    int result = pthread_create(&handle, NULL, body, argument);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (result != 0) {
        return false;
    }
    memcpy(&thread->handle, &handle, sizeof handle);
    return true;
}

void hml_platform_thread_join(hml_platform_thread *thread)
{
    pthread_t handle;
    memcpy(&handle, &thread->handle, sizeof handle);
    (void)pthread_join(handle, NULL);
}

void hml_platform_wait(atomic_uint *word, uint32_t expected)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void hml_platform_wake(atomic_uint *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int hml_platform_processor(void)
{
#ifdef HAS_RSEQ
    /* The kernel keeps the number in memory of the thread; without that it takes a system call. */
    if (__rseq_size > 0) {
        return sched_getcpu();
    }
#endif
    return -1;
}

/* What Linux says of a core's speed, the fastest one's being 1024; 0: it does not say. */
static uint32_t core_capacity(uint32_t core)
{
    char path[64], text[16];
    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpu_capacity", core);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0) {
        (void)close(file);
    }
    text[bytes > 0 ? bytes : 0] = '\0';
    return (uint32_t)strtoul(text, NULL, 10);
}

/*
 * Of the cores in `set`: those with at least 60 % of the greatest capacity. A step ends with the
 * slowest thread, and small cores make it late more often than they help. All, where nothing is
 * said.
 */
static uint32_t big_cores(const cpu_set_t *set)
{
    uint32_t capacities[CPU_SETSIZE], greatest = 0, count = 0, big = 0;
    for (uint32_t core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, set)) {
            capacities[count] = core_capacity(core);
            if (capacities[count] == 0) {
                return (uint32_t)CPU_COUNT(set);
            }
            greatest = capacities[count] > greatest ? capacities[count] : greatest;
            count++;
        }
    }
    for (uint32_t k = 0; k < count; k++) {
        big += (uint64_t)capacities[k] * 100 >= (uint64_t)greatest * 60 ? 1 : 0;
    }
    return big;
}

uint32_t hml_platform_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return big_cores(&set);
    }
    return 1;
}

uint64_t hml_platform_nanoseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
