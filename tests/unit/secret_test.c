#include "fcgi_smtp/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

static void test_set(void)
{
    struct secret secret = {0};
    CU_ASSERT_TRUE(secret_set(&secret, SLICE("one")));
    CU_ASSERT_TRUE(secret_set(&secret, (struct slice){secret.data + 1, 2})); /* of its own content */
    CU_ASSERT_STRING_EQUAL(secret.data, "ne");
    CU_ASSERT_EQUAL(secret.len, 2);
    CU_ASSERT_TRUE(secret_set(&secret, (struct slice){NULL, 0}));
    CU_ASSERT_STRING_EQUAL(secret.data, "");
    secret_free(&secret);
    CU_ASSERT_PTR_NULL(secret.data);
    secret_free(&secret);
}

static void test_max(void)
{
    char *content = malloc(SECRET_MAX + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(content);
    memset(content, 's', SECRET_MAX + 1);
    struct secret secret = {0};
    CU_ASSERT_TRUE(secret_set(&secret, (struct slice){content, SECRET_MAX}));
    CU_ASSERT_FALSE(secret_set(&secret, (struct slice){content, SECRET_MAX + 1}));
    CU_ASSERT_EQUAL(secret.len, SECRET_MAX); /* the old one stays */
    secret_free(&secret);
    free(content);
}

static void test_wipe(void)
{
    char text[] = "secret";
    secret_wipe(text + 1, 4);
    CU_ASSERT_EQUAL(memcmp(text, "s\0\0\0\0t", sizeof text), 0);
    secret_wipe(NULL, 0);
}

/* Makes a file of the content, reads the secret and removes the file. */
static bool read_content(struct secret *secret, struct slice content, struct err *err)
{
    char path[] = "/tmp/fcgi-smtp-test-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, content.data, content.len), (ssize_t)content.len);
    close(fd);
    bool ok = secret_read_file(secret, path, err);
    if (!ok) {
        CU_ASSERT_PTR_NOT_NULL(strstr(err->text, path));
    }
    unlink(path);
    return ok;
}

static void test_equal(void)
{
    struct secret a = {NULL, 0};
    struct secret b = {NULL, 0};
    CU_ASSERT_TRUE(secret_equal(&a, &b));
    CU_ASSERT_TRUE_FATAL(secret_set(&a, SLICE("")));
    CU_ASSERT_FALSE(secret_equal(&a, &b)); /* empty is not none */
    CU_ASSERT_FALSE(secret_equal(&b, &a));
    CU_ASSERT_TRUE_FATAL(secret_set(&a, SLICE("abc")) && secret_set(&b, SLICE("abc")));
    CU_ASSERT_TRUE(secret_equal(&a, &b));
    CU_ASSERT_TRUE_FATAL(secret_set(&b, SLICE("abd")));
    CU_ASSERT_FALSE(secret_equal(&a, &b));
    CU_ASSERT_TRUE_FATAL(secret_set(&b, SLICE("abcd")));
    CU_ASSERT_FALSE(secret_equal(&a, &b));
    secret_free(&a);
    secret_free(&b);
}

static void test_file(void)
{
    static const struct {
        const char *content;
        const char *secret; /* NULL: refused */
    } cases[] = {
        {"pa ss", "pa ss"},
        {"pass\n", "pass"},
        {"pass\r\n", "pass"},
        {"pass\r", "pass"},
        {"pass\r\r\n", "pass\r"},
        {" pass \nsecond\n", " pass "},
        {"", NULL},
        {"\n", NULL},
        {"\r\n", NULL},
        {"\nsecond", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct secret secret = {0};
        struct err err = {0};
        bool ok = read_content(&secret, slice_of(cases[i].content), &err);
        CU_ASSERT_EQUAL(ok, cases[i].secret != NULL);
        CU_ASSERT_TRUE(slice_equal((struct slice){secret.data, secret.len}, slice_of(cases[i].secret)));
        secret_free(&secret);
    }
}

static void test_file_max(void)
{
    char *content = malloc(SECRET_MAX + 8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(content);
    memset(content, 's', SECRET_MAX);
    memcpy(content + SECRET_MAX, "\r\nmore", 6);
    struct secret secret = {0};
    struct err err = {0};
    CU_ASSERT_TRUE(read_content(&secret, (struct slice){content, SECRET_MAX + 6}, &err));
    CU_ASSERT_EQUAL(secret.len, SECRET_MAX);
    memcpy(content + SECRET_MAX, "s\r\nmore", 7);
    CU_ASSERT_FALSE(read_content(&secret, (struct slice){content, SECRET_MAX + 7}, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "longer than 65536 octets"));
    CU_ASSERT_EQUAL(secret.len, SECRET_MAX);
    secret_free(&secret);
    free(content);
}

static void test_file_errors(void)
{
    struct secret secret = {0};
    struct err err = {0};
    CU_ASSERT_FALSE(secret_read_file(&secret, "/nonexistent/secret", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "/nonexistent/secret: No such file or directory");
    CU_ASSERT_FALSE(secret_read_file(&secret, "/", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "/: Is a directory");
    CU_ASSERT_FALSE(secret_read_file(&secret, "/dev/null", NULL));
    CU_ASSERT_PTR_NULL(secret.data);
}

/* A pipe gives the line in pieces; what follows the line end is not waited for. */
static void test_file_pieces(void)
{
    int fds[2];
    char path[32];
    CU_ASSERT_EQUAL_FATAL(pipe2(fds, O_CLOEXEC), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    CU_ASSERT_EQUAL(write(fds[1], "pass\n", 5), 5);
    struct secret secret = {0};
    CU_ASSERT_TRUE(secret_read_file(&secret, path, NULL));
    CU_ASSERT_STRING_EQUAL(secret.data, "pass");
    secret_free(&secret);
    close(fds[0]);
    close(fds[1]);
}

static void test_env(void)
{
    struct secret secret = {0};
    struct err err = {0};
    setenv("FCGI_SMTP_TEST", "from env", 1);
    CU_ASSERT_TRUE(secret_read_env(&secret, "FCGI_SMTP_TEST", &err));
    CU_ASSERT_STRING_EQUAL(secret.data, "from env");
    setenv("FCGI_SMTP_TEST", "", 1);
    CU_ASSERT_FALSE(secret_read_env(&secret, "FCGI_SMTP_TEST", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "environment variable FCGI_SMTP_TEST is empty");
    unsetenv("FCGI_SMTP_TEST");
    CU_ASSERT_FALSE(secret_read_env(&secret, "FCGI_SMTP_TEST", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "environment variable FCGI_SMTP_TEST is not set");
    CU_ASSERT_STRING_EQUAL(secret.data, "from env");
    secret_free(&secret);
}

static void test_env_max(void)
{
    char *value = malloc(SECRET_MAX + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    memset(value, 's', SECRET_MAX + 1);
    value[SECRET_MAX + 1] = '\0';
    struct secret secret = {0};
    struct err err = {0};
    setenv("FCGI_SMTP_TEST", value, 1);
    CU_ASSERT_FALSE(secret_read_env(&secret, "FCGI_SMTP_TEST", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "environment variable FCGI_SMTP_TEST is longer than 65536 octets");
    setenv("FCGI_SMTP_TEST", value + 1, 1);
    CU_ASSERT_TRUE(secret_read_env(&secret, "FCGI_SMTP_TEST", &err));
    CU_ASSERT_EQUAL(secret.len, SECRET_MAX);
    unsetenv("FCGI_SMTP_TEST");
    secret_free(&secret);
    free(value);
}

static const struct unit_test tests[] = {
    {"set", test_set},
    {"max", test_max},
    {"wipe", test_wipe},
    {"equal", test_equal},
    {"file", test_file},
    {"file, longest", test_file_max},
    {"file, errors", test_file_errors},
    {"file, in pieces", test_file_pieces},
    {"env", test_env},
    {"env, longest", test_env_max},
};
UNIT_SUITE(secret, tests);
