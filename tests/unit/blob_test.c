#include "fcgi_smtp/blob.h"
#include "fcgi_smtp/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/spill_file.h"
#include "unit.h"

/* A directory of the test's own. */
struct dir {
    char path[32];
};

static void dir_make(struct dir *dir)
{
    strcpy(dir->path, "/tmp/fcgi-smtp-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir->path));
}

static void dir_remove(struct dir *dir)
{
    CU_ASSERT_EQUAL(rmdir(dir->path), 0); /* it is empty: no file ever had a name, or has it still */
}

/* The content that every test writes: of no period that a buffer size has. */
static char octet_at(uint64_t i)
{
    return (char)(i * 31 + i / 251);
}

static bool append(struct blob *blob, size_t len, struct err *err)
{
    char *piece = malloc(len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(piece);
    for (size_t i = 0; i < len; i++) {
        piece[i] = octet_at(blob->size + i);
    }
    bool ok = blob_append(blob, piece, len, err);
    free(piece);
    return ok;
}

static bool is_content(const char *octets, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (octets[i] != octet_at(offset + i)) {
            return false;
        }
    }
    return true;
}

/* Reads the blob from offset to its end, at most cap octets at once. */
static void check_read(const struct blob *blob, uint64_t offset, size_t cap)
{
    char *out = malloc(cap);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    size_t len = 1;
    bool same = true;
    while (same && len > 0) {
        same = blob_read(blob, offset, out, cap, &len, NULL) && len <= cap && is_content(out, offset, len);
        offset += len;
    }
    CU_ASSERT_TRUE(same);
    CU_ASSERT_EQUAL(offset, blob->size);
    free(out);
}

static void check_view(struct blob *blob)
{
    struct slice view;
    struct slice again;
    struct err err = {0};
    CU_ASSERT_TRUE(blob_view(blob, &view, &err));
    CU_ASSERT_EQUAL(view.len, blob->size);
    CU_ASSERT_TRUE(is_content(view.data, 0, view.len));
    CU_ASSERT_TRUE(blob_view(blob, &again, &err));
    CU_ASSERT_PTR_EQUAL(view.data, again.data);
    CU_ASSERT_FALSE(blob_append(blob, "x", 1, &err)); /* the view must not move */
    CU_ASSERT_STRING_EQUAL(err.text, "a blob was appended to after its end");
}

static void test_in_memory(void)
{
    struct blob_store store;
    struct blob blob;
    struct blob empty;
    blob_store_init(&store, "/nonexistent", 10);
    blob_begin(&empty, &store);
    blob_begin(&blob, &store);
    CU_ASSERT_TRUE(append(&blob, 4, NULL));
    CU_ASSERT_TRUE(append(&blob, 6, NULL)); /* just the limit */
    CU_ASSERT_EQUAL(store.memory_used, 10);
    CU_ASSERT_EQUAL(store.fd, -1);
    CU_ASSERT_TRUE(blob_append(&blob, NULL, 0, NULL));
    check_read(&blob, 0, 3);
    check_read(&blob, 9, 3);
    check_read(&blob, 10, 3);
    check_view(&blob);
    check_view(&empty);
    size_t len = 7;
    char out;
    CU_ASSERT_TRUE(blob_read(&blob, 11, &out, 1, &len, NULL));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_TRUE(blob_read(&blob, UINT64_MAX, &out, 1, &len, NULL));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_TRUE(blob_read(&blob, 0, &out, 0, &len, NULL));
    CU_ASSERT_EQUAL(len, 0);
    blob_store_free(&store);
}

static void test_only_the_last_grows(void)
{
    struct blob_store store;
    struct blob first;
    struct blob second;
    struct err err = {0};
    blob_store_init(&store, "/nonexistent", 10);
    blob_begin(&first, &store);
    blob_begin(&second, &store);
    CU_ASSERT_FALSE(blob_append(&first, "x", 1, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a blob was appended to after its end");
    CU_ASSERT_TRUE(blob_append(&second, "x", 1, &err));
    blob_store_free(&store);
}

/* The first stays in memory, the second spills when both together pass the limit, the third is small again.
 */
static void test_several(void)
{
    struct dir dir;
    struct blob_store store;
    struct blob blobs[3];
    dir_make(&dir);
    blob_store_init(&store, dir.path, 100);
    blob_begin(&blobs[0], &store);
    CU_ASSERT_TRUE(append(&blobs[0], 60, NULL));
    blob_begin(&blobs[1], &store);
    CU_ASSERT_EQUAL(blobs[0].memory.cap, 61);
    CU_ASSERT_TRUE(append(&blobs[1], 40, NULL));
    CU_ASSERT_FALSE(blobs[1].spilled);
    CU_ASSERT_TRUE(append(&blobs[1], 1, NULL));
    CU_ASSERT_TRUE(blobs[1].spilled);
    CU_ASSERT_EQUAL(store.memory_used, 60);
    CU_ASSERT_TRUE(append(&blobs[1], 5000, NULL));
    blob_begin(&blobs[2], &store);
    CU_ASSERT_PTR_NULL(blobs[1].memory.data); /* its end is in the file now */
    CU_ASSERT_EQUAL(store.file_size, 5041);
    CU_ASSERT_TRUE(append(&blobs[2], 40, NULL));
    CU_ASSERT_FALSE(blobs[2].spilled);
    for (int i = 0; i < 3; i++) {
        check_read(&blobs[i], 0, 7);
        check_view(&blobs[i]);
        check_read(&blobs[i], 1, 7);
    }
    blob_store_free(&store);
    dir_remove(&dir);
}

static void check_pieces(const char *dir, size_t limit, size_t piece)
{
    static const size_t total = 3 * BLOB_WRITE_BUFFER + 100;
    struct blob_store store;
    struct blob blobs[3]; /* the later ones begin in the middle of a page */
    struct err err = {0};
    blob_store_init(&store, dir, limit);
    for (int i = 0; i < 3; i++) {
        blob_begin(&blobs[i], &store);
        while (blobs[i].size < total) {
            CU_ASSERT_TRUE_FATAL(append(&blobs[i], piece, &err));
            size_t memory = store.memory_used + (blobs[i].spilled ? blobs[i].memory.len : 0);
            CU_ASSERT_TRUE(memory <= limit + BLOB_WRITE_BUFFER);
        }
        check_read(&blobs[i], 0, 1000); /* while its end is in memory */
    }
    for (int i = 0; i < 3; i++) {
        check_read(&blobs[i], 5, BLOB_WRITE_BUFFER + 1);
        check_view(&blobs[i]);
    }
    blob_store_free(&store);
}

static void test_pieces(void)
{
    static const size_t limits[] = {0, 1, 1000, BLOB_WRITE_BUFFER, 100 * 1024, 1024 * 1024};
    static const size_t pieces[] = {
        1, 7, 1000, BLOB_WRITE_BUFFER - 1, BLOB_WRITE_BUFFER, BLOB_WRITE_BUFFER + 1, 50000};
    struct dir dir;
    dir_make(&dir);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            check_pieces(dir.path, limits[i], pieces[j]);
        }
    }
    dir_remove(&dir);
}

static void test_store_again(void)
{
    struct dir dir;
    struct blob_store store = {0};
    struct blob blob;
    blob_store_free(&store); /* must not close descriptor 0 */
    CU_ASSERT_NOT_EQUAL(fcntl(STDIN_FILENO, F_GETFD) == -1 && errno == EBADF, true);
    dir_make(&dir);
    blob_store_init(&store, dir.path, 3);
    for (int i = 0; i < 2; i++) {
        blob_begin(&blob, &store);
        CU_ASSERT_TRUE(append(&blob, 10, NULL));
        CU_ASSERT_TRUE(blob.spilled);
        CU_ASSERT_EQUAL(blob.offset, 0);
        int fd = store.fd;
        CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
        blob_store_free(&store);
        CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
        CU_ASSERT_EQUAL(store.fd, -1);
        blob_store_free(&store);
    }
    dir_remove(&dir);
}

static void test_no_dir(void)
{
    struct blob_store store;
    struct blob blob;
    struct err err = {0};
    blob_store_init(&store, "/nonexistent", 3);
    blob_begin(&blob, &store);
    CU_ASSERT_TRUE(append(&blob, 3, &err));
    CU_ASSERT_FALSE(append(&blob, 1, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "/nonexistent: cannot make a temporary file: No such file or directory");
    CU_ASSERT_EQUAL(blob.size, 3); /* as before */
    check_read(&blob, 0, 10);
    blob_store_free(&store);
}

static struct rlimit file_limit;

/* Files may grow to len octets: a write across that is a short one, the next fails, as on a full disk. */
static void limit_files(rlim_t len)
{
    signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &file_limit), 0);
    struct rlimit limit = {len, file_limit.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(void)
{
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &file_limit), 0);
    signal(SIGXFSZ, SIG_DFL);
}

static void test_full(void)
{
    struct dir dir;
    struct blob_store store;
    struct blob blob;
    struct err err = {0};
    dir_make(&dir);
    blob_store_init(&store, dir.path, 0);
    blob_begin(&blob, &store);
    CU_ASSERT_TRUE(append(&blob, 10, &err));
    limit_files(1000);
    CU_ASSERT_TRUE(append(&blob, 100, &err));
    CU_ASSERT_FALSE(append(&blob, BLOB_WRITE_BUFFER, &err));
    unlimit_files();
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, dir.path));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": cannot write a temporary file: File too large"));
    CU_ASSERT_EQUAL(blob.size, 110);
    check_read(&blob, 0, 1000);
    CU_ASSERT_TRUE(append(&blob, BLOB_WRITE_BUFFER, &err)); /* over what was written in vain */
    check_read(&blob, 0, 1000);
    check_view(&blob);
    blob_store_free(&store);
    dir_remove(&dir);
}

/* The first write of a blob fails, and then one of its write buffer: each time it stays as it was. */
static void test_full_when_buffered(void)
{
    struct dir dir;
    struct blob_store store;
    struct blob blob;
    dir_make(&dir);
    blob_store_init(&store, dir.path, 100);
    blob_begin(&blob, &store);
    CU_ASSERT_TRUE(append(&blob, 100, NULL));
    limit_files(50);
    CU_ASSERT_FALSE(append(&blob, 1, NULL));
    unlimit_files();
    CU_ASSERT_FALSE(blob.spilled);
    check_read(&blob, 0, 30);
    CU_ASSERT_TRUE(append(&blob, BLOB_WRITE_BUFFER - 101, NULL));
    limit_files(150);
    CU_ASSERT_FALSE(append(&blob, 2, NULL));
    unlimit_files();
    check_read(&blob, 0, 1000);
    CU_ASSERT_TRUE(append(&blob, 2, NULL));
    check_read(&blob, 0, 1000);
    check_view(&blob);
    blob_store_free(&store);
    dir_remove(&dir);
}

/* The end of a finished blob cannot be written: it is readable from memory, and later ones do not mix with
 * it. */
static void test_full_at_the_end(void)
{
    struct dir dir;
    struct blob_store store;
    struct blob first;
    struct blob second;
    struct slice view;
    struct err err = {0};
    dir_make(&dir);
    blob_store_init(&store, dir.path, 0);
    blob_begin(&first, &store);
    CU_ASSERT_TRUE(append(&first, 20000, &err));
    CU_ASSERT_TRUE(append(&first, 100, &err));
    limit_files(20050);
    blob_begin(&second, &store);
    unlimit_files();
    check_read(&first, 0, 30000);
    CU_ASSERT_TRUE(append(&second, 20000, &err));
    check_read(&first, 0, 30000);
    check_view(&second);
    CU_ASSERT_FALSE(blob_view(&first, &view, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": a temporary file could not be written"));
    blob_store_free(&store);
    dir_remove(&dir);
}

static void test_truncated_file(void)
{
    struct dir dir;
    struct blob_store store;
    struct blob blob;
    struct err err = {0};
    char out[100];
    size_t len;
    dir_make(&dir);
    blob_store_init(&store, dir.path, 0);
    blob_begin(&blob, &store);
    CU_ASSERT_TRUE(append(&blob, BLOB_WRITE_BUFFER, &err));
    CU_ASSERT_EQUAL(ftruncate(store.fd, 50), 0);
    CU_ASSERT_FALSE(blob_read(&blob, 0, out, sizeof out, &len, &err));
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": cannot read a temporary file: Input/output error"));
    blob_store_free(&store);
    dir_remove(&dir);
}

/* A secret neither counts towards the store's memory nor ever gets into its file. */
static void test_secret(void)
{
    struct blob_store store;
    struct blob blob;
    struct err err = {0};
    struct slice view;
    blob_store_init(&store, "/nonexistent", 10);
    blob_begin_secret(&blob, &store);
    CU_ASSERT_TRUE(append(&blob, 20000, &err));
    CU_ASSERT_EQUAL(store.memory_used, 0);
    CU_ASSERT_FALSE(blob.spilled);
    CU_ASSERT_TRUE(blob.memory.secret);
    CU_ASSERT_FALSE(append(&blob, SECRET_MAX - 20000 + 1, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a secret may have at most 65536 octets");
    CU_ASSERT_TRUE(blob_view(&blob, &view, &err));
    CU_ASSERT_EQUAL(view.len, 20000);
    blob_store_free(&store);
}

static void check_spill_file(int fd, const char *dir)
{
    struct stat status;
    char out[4];
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(fstat(fd, &status), 0);
    CU_ASSERT_EQUAL(status.st_nlink, 0);
    CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CU_ASSERT_TRUE(spill_file_write(fd, dir, 3, SLICE("ab"), SLICE("cd"), NULL));
    CU_ASSERT_TRUE(spill_file_read(fd, dir, 3, out, 4, NULL));
    CU_ASSERT_EQUAL(memcmp(out, "abcd", 4), 0);
    close(fd);
}

static void test_spill_file(void)
{
    struct dir dir;
    struct err err = {0};
    dir_make(&dir);
    check_spill_file(spill_file_open(dir.path, &err), dir.path);
    check_spill_file(spill_file_open_named(dir.path, &err), dir.path);
    dir_remove(&dir);
    CU_ASSERT_EQUAL(spill_file_open_named(dir.path, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": cannot make a temporary file: No such file or directory"));
    char long_path[5000];
    memset(long_path, 'a', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    CU_ASSERT_EQUAL(spill_file_open_named(long_path, &err), -1);
    CU_ASSERT_EQUAL(spill_file_open(long_path, &err), -1);
    CU_ASSERT_FALSE(spill_file_write(-1, "/d", 0, SLICE("a"), SLICE(""), &err));
    CU_ASSERT_STRING_EQUAL(err.text, "/d: cannot write a temporary file: Bad file descriptor");
}

/* Ended, a blob keeps no more memory than its content needs; nothing can be added, all can be read. */
static void test_end(void)
{
    static const size_t sizes[] = {0, 1, 5000, BLOB_WRITE_BUFFER + 1, 3 * BLOB_WRITE_BUFFER};
    struct dir dir;
    struct err err = {0};
    dir_make(&dir);
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        struct blob_store store;
        struct blob blob;
        size_t size = sizes[i / 2];
        blob_store_init(&store, dir.path, i % 2 == 0 ? 1000 : 1024 * 1024);
        blob_begin(&blob, &store);
        CU_ASSERT_TRUE(size == 0 || append(&blob, size, &err));
        blob_end(&blob);
        CU_ASSERT_TRUE(blob.spilled ? blob.memory.data == NULL : blob.memory.cap <= size + 1);
        CU_ASSERT_FALSE(append(&blob, 1, &err));
        blob_end(&blob);
        check_read(&blob, 0, 1000);
        check_view(&blob);
        blob_store_free(&store);
    }
    dir_remove(&dir);
}

static const struct unit_test tests[] = {
    {"in memory", test_in_memory},
    {"only the last grows", test_only_the_last_grows},
    {"several", test_several},
    {"pieces", test_pieces},
    {"store again", test_store_again},
    {"no directory", test_no_dir},
    {"full", test_full},
    {"full when buffered", test_full_when_buffered},
    {"full at the end", test_full_at_the_end},
    {"truncated file", test_truncated_file},
    {"secret", test_secret},
    {"spill file", test_spill_file},
    {"end", test_end},
};
UNIT_SUITE(blob, tests);
