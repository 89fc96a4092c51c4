/*
 * A library for LD_PRELOAD that makes things go wrong inside a program when a test says so: allocations fail, and the
 * time of day jumps. The test and the program share the file FAULTS_FILE, mapped by both: struct faults.
 *
 * What libfcgi allocates never fails here: it ends the process when it gets no memory (assert), which the program can make
 * improbable (see responder.c) and not prevent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
    atomic_int_least64_t
        armed; /* 0: nothing fails. Else each allocation counts; the one with the number fail_at fails: */
    atomic_int_least64_t seen; /* allocations since this was set to 0 */
    atomic_int_least64_t fail_at;
    atomic_int_least64_t and_on;     /* not 0: and all after it fail as well */
    atomic_int_least64_t failed;     /* how many have */
    atomic_int_least64_t clock_jump; /* seconds that the time of day is ahead of the true one */
};

static struct faults nothing;
static struct faults *faults = &nothing;
static uintptr_t spared_from, spared_to; /* libfcgi's code */

static int note_libfcgi(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    if (strstr(info->dlpi_name, "libfcgi") == NULL) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
            spared_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            spared_to = spared_from + info->dlpi_phdr[i].p_memsz;
        }
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *map = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    (void)dl_iterate_phdr(note_libfcgi, NULL);
    if (map != MAP_FAILED) {
        faults = map;
    }
}

static bool fails(const void *caller)
{
    uintptr_t address = (uintptr_t)caller;
    if (atomic_load(&faults->armed) == 0 || (address >= spared_from && address < spared_to)) {
        return false;
    }
    int64_t number = atomic_fetch_add(&faults->seen, 1) + 1;
    int64_t fail_at = atomic_load(&faults->fail_at);
    if (number != fail_at && (number < fail_at || atomic_load(&faults->and_on) == 0)) {
        return false;
    }
    (void)atomic_fetch_add(&faults->failed, 1);
    errno = ENOMEM;
    return true;
}

/* --- memory --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block = fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
    if (block == NULL) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

/* --- time --- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += (time_t)atomic_load(&faults->clock_jump);
    }
    return (int)result;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return 0;
}
