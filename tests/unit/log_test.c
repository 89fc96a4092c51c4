#include "fcgi_smtp/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log_line.h"
#include "core/log_output.h"
#include "fcgi_smtp/deadline.h"
#include "unit.h"

static void check_line(enum log_format format, const struct log_event *event, const char *expected)
{
    static struct log_line line;
    log_line_write(&line, format, event);
    CU_ASSERT_EQUAL_FATAL(line.text[line.len - 1], '\n');
    line.text[line.len - 1] = '\0';
    CU_ASSERT_STRING_EQUAL(line.text, expected);
}

static void test_formats(void)
{
    const struct timespec time = {1795532400, 999999999};
    const struct log_field fields[] = {
        {"id", SLICE("a1-b2"), false},         {"status", SLICE("202"), true},
        {"absent", {NULL, 0}, false},          {"to", SLICE("<b@example.com>"), false},
        {"reply", SLICE("250 \"ok\""), false}, {"empty", SLICE(""), false},
    };
    const struct log_event event = {&time, LOG_LEVEL_INFO, SLICE("mail accepted"), fields, 6};
    check_line(LOG_FORMAT_LOGFMT, &event,
               "ts=2026-11-24T15:00:00.999Z level=info msg=\"mail accepted\" id=a1-b2 status=202 "
               "to=<b@example.com> reply=\"250 \\\"ok\\\"\" empty=\"\"");
    check_line(
        LOG_FORMAT_JSON, &event,
        "{\"ts\":\"2026-11-24T15:00:00.999Z\",\"level\":\"info\",\"msg\":\"mail accepted\",\"id\":\"a1-b2\","
        "\"status\":202,\"to\":\"<b@example.com>\",\"reply\":\"250 \\\"ok\\\"\",\"empty\":\"\"}");
}

static void test_no_time(void)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        const struct log_event event = {NULL, (enum log_level)level, SLICE("x"), NULL, 0};
        char expected[64];
        snprintf(expected, sizeof expected, "level=%s msg=\"x\"", names[level]);
        check_line(LOG_FORMAT_LOGFMT, &event, expected);
        snprintf(expected, sizeof expected, "{\"level\":\"%s\",\"msg\":\"x\"}", names[level]);
        check_line(LOG_FORMAT_JSON, &event, expected);
    }
}

static void test_escapes(void)
{
    static const struct {
        struct slice in;
        const char *logfmt;
        const char *json;
    } cases[] = {
        {SLICE_INIT("a b"), "\"a b\"", "\"a b\""},
        {SLICE_INIT("a=b"), "\"a=b\"", "\"a=b\""},
        {SLICE_INIT("\"\\"), "\"\\\"\\\\\"", "\"\\\"\\\\\""},
        {SLICE_INIT("\r\n\t"), "\"\\r\\n\\t\"", "\"\\r\\n\\t\""},
        {SLICE_INIT("a\0b\x1b[m\x7f"), "\"a\\u0000b\\u001b[m\\u007f\"", "\"a\\u0000b\\u001b[m\\u007f\""},
        {SLICE_INIT("\xc3\xa9\xf0\x9f\x93\xa7"), "\"\xc3\xa9\xf0\x9f\x93\xa7\"",
         "\"\xc3\xa9\xf0\x9f\x93\xa7\""},
        {SLICE_INIT("\xc2\x9b\xc2\xa0"), "\"\\u009b\xc2\xa0\"", "\"\\u009b\xc2\xa0\""},
        /* U+200E, U+202E, U+2028, U+2069, U+061C; their neighbours U+2027 and U+206A */
        {SLICE_INIT("\xe2\x80\x8e\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa9\xd8\x9c"),
         "\"\\u200e\\u202e\\u2028\\u2069\\u061c\"", "\"\\u200e\\u202e\\u2028\\u2069\\u061c\""},
        {SLICE_INIT("\xe2\x80\xa7\xe2\x81\xaa"), "\"\xe2\x80\xa7\xe2\x81\xaa\"",
         "\"\xe2\x80\xa7\xe2\x81\xaa\""},
        {SLICE_INIT("x\xff\xc3"), "\"x\\ufffd\\ufffd\"", "\"x\\ufffd\\ufffd\""},
        {SLICE_INIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct log_field field = {"k", cases[i].in, false};
        const struct log_event event = {NULL, LOG_LEVEL_ERROR, cases[i].in, &field, 1};
        char expected[200];
        snprintf(expected, sizeof expected, "level=error msg=%s k=%s", cases[i].logfmt, cases[i].logfmt);
        check_line(LOG_FORMAT_LOGFMT, &event, expected);
        snprintf(expected, sizeof expected, "{\"level\":\"error\",\"msg\":%s,\"k\":%s}", cases[i].json,
                 cases[i].json);
        check_line(LOG_FORMAT_JSON, &event, expected);
    }
}

/* What is called a number but is none in JSON is quoted, or the line could not be read. */
static void test_numbers(void)
{
    static const struct {
        const char *text;
        bool number;
    } cases[] = {
        {"0", true},     {"-0", true},   {"12", true},     {"-7", true},    {"0.5", true},
        {"10.25", true}, {"", false},    {"-", false},     {"01", false},   {"1.", false},
        {".5", false},   {"1e3", false}, {"1.2.3", false}, {"+1", false},   {"1 ", false},
        {"0x1", false},  {"nan", false}, {"1,2", false},   {"1.2x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct log_field field = {"n", slice_of(cases[i].text), true};
        const struct log_event event = {NULL, LOG_LEVEL_DEBUG, SLICE(""), &field, 1};
        const char *quote = cases[i].number ? "" : "\"";
        char expected[100];
        snprintf(expected, sizeof expected, "{\"level\":\"debug\",\"msg\":\"\",\"n\":%s%s%s}", quote,
                 cases[i].text, quote);
        check_line(LOG_FORMAT_JSON, &event, expected);
    }
}

/* A field that does not fit is left out whole, what fits behind it is there. */
static void test_long_fields(void)
{
    static struct log_line line;
    static char value[LOG_LINE_MAX];
    memset(value, 'v', sizeof value);
    size_t most = LOG_LINE_MAX - 1 - strlen("level=info msg=\"\" k=\n"); /* JSON's brace is kept free */
    for (size_t len = most - 5; len <= most + 1; len++) {
        const struct log_field long_one[] = {{"k", {value, len}, false}, {"z", SLICE("1"), false}};
        const struct log_event long_event = {NULL, LOG_LEVEL_INFO, SLICE(""), long_one, 2};
        bool both = len + strlen(" z=1") <= most;
        size_t left_out = len > most ? strlen(" k=") + len : both ? 0 : strlen(" z=1");
        log_line_write(&line, LOG_FORMAT_LOGFMT, &long_event);
        CU_ASSERT_EQUAL(line.len, strlen("level=info msg=\"\" k= z=1\n") + len - left_out);
    }
    const struct log_field fields[] = {{"k", {value, sizeof value}, false}, {"z", SLICE("1"), true}};
    const struct log_event event = {NULL, LOG_LEVEL_INFO, SLICE(""), fields, 2};
    check_line(LOG_FORMAT_LOGFMT, &event, "level=info msg=\"\" z=1");
    check_line(LOG_FORMAT_JSON, &event, "{\"level\":\"info\",\"msg\":\"\",\"z\":1}");
}

/* The worst case of escaping fits beside the time. */
static void test_long_message(void)
{
    static struct log_line line;
    static char message[LOG_MESSAGE_MAX + 100];
    const struct timespec time = {0, 0};
    memset(message, '\x01', sizeof message);
    const struct log_event event = {&time, LOG_LEVEL_WARNING, {message, sizeof message}, NULL, 0};
    log_line_write(&line, LOG_FORMAT_JSON, &event);
    CU_ASSERT_EQUAL(line.len,
                    strlen("{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warning\",\"msg\":\"...\"}\n") +
                        6 * LOG_MESSAGE_MAX);
    CU_ASSERT_EQUAL(memcmp(line.text + line.len - 8, "01...\"}\n", 8), 0);
    for (size_t shift = 0; shift < 4; shift++) { /* not cut inside a character */
        memset(message, 'a', shift);
        for (size_t i = shift; i + 3 <= sizeof message; i += 3) {
            memcpy(message + i, "\xe2\x82\xac", 3);
        }
        log_line_write(&line, LOG_FORMAT_LOGFMT, &event);
        CU_ASSERT_EQUAL(memcmp(line.text + line.len - 8, "\xe2\x82\xac...\"\n", 8), 0);
    }
}

/* Standard error goes to a file from capture_begin to capture_end, which returns what was written there. */
static int saved_stderr;
static char captured[1024 * 1024];

static void capture_begin(void)
{
    char path[] = "/tmp/fcgi-smtp-test-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC | O_APPEND);
    CU_ASSERT_FATAL(fd >= 0);
    unlink(path);
    saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static const char *capture_end(void)
{
    ssize_t len = pread(STDERR_FILENO, captured, sizeof captured - 1, 0);
    captured[len > 0 ? len : 0] = '\0';
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    return captured;
}

/* The line without its time, whose form is checked. */
static const char *without_time(const char *line)
{
    static const char form[] = "ts=0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; form[i] != '\0'; i++) {
        bool fits = form[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i];
        CU_ASSERT_TRUE_FATAL(fits);
    }
    return line + strlen(form);
}

static void test_stderr(void)
{
    const struct log_field field = {"key", SLICE("value"), false};
    capture_begin();
    log_open(LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT, LOG_TO_STDERR);
    CU_ASSERT_TRUE(log_enabled(LOG_LEVEL_ERROR));
    CU_ASSERT_TRUE(log_enabled(LOG_LEVEL_WARNING));
    CU_ASSERT_FALSE(log_enabled(LOG_LEVEL_INFO));
    log_message(LOG_LEVEL_INFO, "not written");
    log_event(LOG_LEVEL_DEBUG, "not written", &field, 1);
    log_message(LOG_LEVEL_WARNING, "%s %d\n", "code", 42);
    CU_ASSERT_STRING_EQUAL(without_time(capture_end()), "level=warning msg=\"code 42\\n\"\n");
    capture_begin();
    log_event(LOG_LEVEL_ERROR, "event", &field, 1);
    CU_ASSERT_STRING_EQUAL(without_time(capture_end()), "level=error msg=\"event\" key=value\n");
    capture_begin();
    log_open(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, LOG_TO_STDERR);
    log_event(LOG_LEVEL_DEBUG, "event", &field, 1);
    const char *line = strstr(capture_end(), ",\"level\":\"debug\",\"msg\":\"event\",\"key\":\"value\"}\n");
    CU_ASSERT_PTR_NOT_NULL(line);
    log_open(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, LOG_TO_STDERR);
}

static void test_message_cut(void)
{
    capture_begin();
    log_message(LOG_LEVEL_INFO, "%*d", LOG_MESSAGE_MAX, 1);
    const char *line = capture_end();
    CU_ASSERT_PTR_NOT_NULL(strstr(line, " 1\"\n"));
    capture_begin();
    log_message(LOG_LEVEL_INFO, "%*d", LOG_MESSAGE_MAX + 1, 1);
    line = capture_end();
    CU_ASSERT_PTR_NOT_NULL(strstr(line, " ...\"\n"));
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *arg)
{
    char text[512];
    memset(text, *(char *)arg, sizeof text);
    const struct log_field field = {"text", {text, sizeof text}, false};
    for (int i = 0; i < LINES; i++) {
        log_event(LOG_LEVEL_INFO, "line", &field, 1);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    char letters[THREADS] = {'a', 'b', 'c', 'd'};
    int count[THREADS] = {0};
    capture_begin();
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, write_lines, &letters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    const char *line = capture_end();
    while (*line != '\0') {
        line = strstr(line, " text=");
        CU_ASSERT_PTR_NOT_NULL_FATAL(line);
        line += strlen(" text=");
        char letter[] = {line[0], '\0'};
        CU_ASSERT_EQUAL_FATAL(strspn(line, letter), 512);
        line += 512;
        CU_ASSERT_EQUAL_FATAL(*line, '\n');
        count[letter[0] - 'a']++;
        line++;
    }
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(count[i], LINES);
    }
}

static void test_closed_stderr(void)
{
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    close(STDERR_FILENO);
    log_message(LOG_LEVEL_INFO, "to nowhere"); /* returns */
    dup2(saved, STDERR_FILENO);
    close(saved);
    CU_ASSERT_TRUE(log_enabled(LOG_LEVEL_INFO));
}

/* A pipe that nobody reads delays one line, and those that did not get through are counted. */
static void test_full_pipe(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL_FATAL(fcntl(ends[1], F_SETPIPE_SZ, 8192), 8192);
    capture_begin();
    log_message(LOG_LEVEL_INFO, "after this no line is lost but those of this test");
    (void)capture_end();
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    dup2(ends[1], STDERR_FILENO);
    deadline begun = deadline_now();
    for (int i = 0; i < 1000; i++) {
        log_message(LOG_LEVEL_INFO, "line %d", i);
    }
    deadline took = deadline_now() - begun;
    CU_ASSERT_TRUE(took >= LOG_OUTPUT_PATIENCE_MS);
    CU_ASSERT_TRUE(took < 3 * (deadline)LOG_OUTPUT_PATIENCE_MS);
    ssize_t len = read(ends[0], captured, sizeof captured - 1);
    CU_ASSERT_TRUE_FATAL(len > 0);
    captured[len] = '\0';
    int kept = 0;
    for (const char *p = captured; (p = strchr(p, '\n')) != NULL; p++) {
        kept++;
    }
    CU_ASSERT_EQUAL(captured[len - 1], '\n');
    log_message(LOG_LEVEL_INFO, "again");
    len = read(ends[0], captured, sizeof captured - 1);
    captured[len > 0 ? len : 0] = '\0';
    char expected[100];
    snprintf(expected, sizeof expected, "nobody took them in time\" lines=%d\n", 1000 - kept);
    CU_ASSERT_PTR_NOT_NULL(strstr(captured, expected));
    CU_ASSERT_PTR_NOT_NULL(strstr(captured, " msg=\"again\"\n"));
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

/* What of a line has got out is ended before the next one begins. */
static void test_torn_line(void)
{
    static char text[9000];
    memset(text, 'x', sizeof text);
    const struct log_field field = {"text", {text, sizeof text}, false};
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL_FATAL(fcntl(ends[1], F_SETPIPE_SZ, 8192), 8192);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    dup2(ends[1], STDERR_FILENO);
    log_event(LOG_LEVEL_INFO, "long", &field, 1);
    ssize_t len = read(ends[0], captured, sizeof captured - 1);
    CU_ASSERT_EQUAL(len, 8192);
    log_message(LOG_LEVEL_INFO, "next");
    len = read(ends[0], captured, sizeof captured - 1);
    captured[len > 0 ? len : 0] = '\0';
    CU_ASSERT_EQUAL(captured[0], '\n');
    CU_ASSERT_PTR_NOT_NULL(strstr(captured, " lines=1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(captured, " msg=\"next\"\n"));
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

/* The system's log, at a path of our own. */
static int listen_syslog(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)(void *)&address, sizeof address), 0);
    return fd;
}

static void check_datagram(int fd, int priority, const char *text)
{
    char expected[200];
    snprintf(expected, sizeof expected, "<%d>fcgi-smtp[%d]: %s", priority, (int)getpid(), text);
    ssize_t len = recv(fd, captured, sizeof captured - 1, 0);
    captured[len > 0 ? len : 0] = '\0';
    CU_ASSERT_STRING_EQUAL(captured, expected);
}

static void say(enum log_level level, const char *text, bool arrives)
{
    static struct log_line line;
    const struct log_event event = {NULL, level, slice_of(text), NULL, 0};
    log_line_write(&line, LOG_FORMAT_LOGFMT, &event);
    CU_ASSERT_EQUAL(log_output_write(level, &line), arrives);
}

static void test_syslog(void)
{
    enum { MAIL = 2 << 3 }; /* RFC 5424 6.2.1 */
    char dir[] = "/tmp/fcgi-smtp-test-XXXXXX";
    char path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    CU_ASSERT_FALSE(log_output_open(LOG_TO_SYSLOG, path));
    say(LOG_LEVEL_INFO, "nobody listens", false);
    int fd = listen_syslog(path);
    say(LOG_LEVEL_ERROR, "a\n<0>b", true);
    check_datagram(fd, MAIL + 3, "level=error msg=\"a\\n<0>b\"");
    say(LOG_LEVEL_WARNING, "%n%s", true);
    check_datagram(fd, MAIL + 4, "level=warning msg=\"%n%s\"");
    close(fd);
    say(LOG_LEVEL_INFO, "gone", false);
    fd = listen_syslog(path); /* it was started anew */
    say(LOG_LEVEL_INFO, "back", true);
    check_datagram(fd, MAIL + 6, "level=info msg=\"back\"");
    deadline begun = deadline_now();
    static struct log_line line;
    const struct log_event event = {NULL, LOG_LEVEL_DEBUG, SLICE("nobody reads"), NULL, 0};
    log_line_write(&line, LOG_FORMAT_LOGFMT, &event);
    int sent = 0;
    while (sent < 100000 && log_output_write(LOG_LEVEL_DEBUG, &line)) {
        sent++;
    }
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_FALSE(log_output_write(LOG_LEVEL_DEBUG, &line));
    }
    deadline took = deadline_now() - begun;
    CU_ASSERT_TRUE(took >= LOG_OUTPUT_PATIENCE_MS);
    CU_ASSERT_TRUE(took < 3 * (deadline)LOG_OUTPUT_PATIENCE_MS);
    check_datagram(fd, MAIL + 7, "level=debug msg=\"nobody reads\"");
    CU_ASSERT_TRUE(log_output_write(LOG_LEVEL_DEBUG, &line));
    close(fd);
    unlink(path);
    rmdir(dir);
    CU_ASSERT_TRUE(log_output_open(LOG_TO_STDERR, NULL));
}

static const struct unit_test tests[] = {
    {"formats", test_formats},         {"no time", test_no_time},
    {"escapes", test_escapes},         {"numbers", test_numbers},
    {"long fields", test_long_fields}, {"long message", test_long_message},
    {"stderr", test_stderr},           {"message cut", test_message_cut},
    {"threads", test_threads},         {"closed stderr", test_closed_stderr},
    {"full pipe", test_full_pipe},     {"torn line", test_torn_line},
    {"syslog", test_syslog},
};
UNIT_SUITE(log, tests);
