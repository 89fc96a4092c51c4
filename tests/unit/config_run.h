/*
 * Configurations with the files that they name, in a directory of its own, and what is said of them.
 */
#ifndef FCGI_SMTP_TESTS_CONFIG_RUN_H
#define FCGI_SMTP_TESTS_CONFIG_RUN_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi_smtp/config.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SERVER       "server: {host: a.example}\n"

/* A directory of its own with the files that configurations name. */
struct place {
    char dir[64];
};

static inline void make_file(const struct place *place, const char *name, const char *text, mode_t mode)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", place->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
    CU_ASSERT_EQUAL(close(fd), 0);
}

static inline void make_place(struct place *place)
{
    char fifo[128];
    (void)snprintf(place->dir, sizeof place->dir, "/tmp/config_check.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->dir));
    make_file(place, "password", "se cret\r\nsecond line\n", 0640);
    make_file(place, "open", "secret\n", 0644);
    make_file(place, "empty", "\n", 0600);
    make_file(place, "ca.pem", "x", 0644);
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", place->dir);
    CU_ASSERT_EQUAL(mkfifo(fifo, 0600), 0);
}

static inline void remove_place(const struct place *place)
{
    static const char *const names[] = {"password", "open", "empty", "ca.pem", "fifo", "config.yaml"};
    char path[128];
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", place->dir, names[i]);
        (void)unlink(path);
    }
    CU_ASSERT_EQUAL(rmdir(place->dir), 0);
}

/* Replaces every @ by the directory. */
static inline char *in_place(const struct place *place, const char *text)
{
    struct buf out;
    buf_init(&out, 65536);
    for (const char *c = text; *c != '\0'; c++) {
        bool good = *c == '@' ? buf_append_string(&out, place->dir) : buf_append_char(&out, *c);
        CU_ASSERT_TRUE_FATAL(good);
    }
    char *copy = strdup(buf_cstr(&out));
    buf_free(&out);
    return copy;
}

struct check_case {
    const char *yaml;
    const char *said; /* problems, then warnings */
};

static inline void check_case(const struct place *place, const struct check_case *one, bool handed_over)
{
    char *yaml = in_place(place, one->yaml);
    char *expected = in_place(place, one->said);
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("f", slice_of(yaml), handed_over, &report);
    CU_ASSERT_EQUAL(config == NULL, report.problems.len > 0);
    char *said = NULL;
    CU_ASSERT(asprintf(&said, "%s%s", buf_cstr(&report.problems), buf_cstr(&report.warnings)) >= 0);
    CU_ASSERT_STRING_EQUAL(said, expected);
    if (strcmp(said, expected) != 0) {
        fprintf(stderr, "%s-> %s   not %s", yaml, said, expected);
    }
    free(said);
    config_free(config);
    config_report_free(&report);
    free(expected);
    free(yaml);
}

static inline void check_cases(const struct check_case *cases, size_t count)
{
    struct place place;
    make_place(&place);
    for (size_t i = 0; i < count; i++) {
        check_case(&place, &cases[i], false);
    }
    remove_place(&place);
}
#define CHECK_CASES(cases) check_cases((cases), COUNT(cases))

#endif
