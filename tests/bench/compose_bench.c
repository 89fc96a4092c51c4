/*
 * A mail from the octets of the form to the octets of the message, again and again: what one costs is counted by
 * callgrind, which is to collect within mail_of_form only (instructions.py). Without callgrind it prints the time.
 *
 * compose_bench MAILS
 */
#include <string.h>

#include "app/defaults.h"
#include "app/send_fields.h"
#include "app/submission.h"
#include "fcgi_smtp/compose.h"
#include "measure.h"

static const char config_text[] = "server: {host: mail.example.com, tls: none}\n"
                                  "allow: {recipients: [\"*\"], senders: [\"*\"]}\n";

struct form_case {
    const char *name;
    const char *type;
    struct buf body;
};

struct world {
    struct config *config;
    struct defaults defaults;
};

static void demand(bool truth, const char *what)
{
    if (!truth) {
        (void)fprintf(stderr, "compose_bench: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void note(void *ctx, const char *path, const char *text)
{
    (void)ctx;
    (void)fprintf(stderr, "%s: %s\n", path, text);
}

static void read_config(struct world *world)
{
    struct config_report report;
    config_report_init(&report);
    world->config = config_parse("bench.yaml", slice_of(config_text), true, &report);
    demand(world->config != NULL, buf_cstr(&report.problems));
    config_report_free(&report);
    demand(defaults_parse(&world->defaults, world->config, note, NULL), "defaults");
}

static void parse(const struct world *world, const struct form_case *form_case, struct arena *arena,
                  struct blob_store *blobs, struct form *form)
{
    struct form_parser *parser = NULL;
    struct err err = {0};
    const struct form_limits limits = {.fields = (size_t)world->config->limits.fields,
                                       .content = send_field_limit,
                                       .secret = send_field_is_secret,
                                       .ctx = &world->config->limits,
                                       .json = (size_t)world->config->limits.json};
    demand(form_parser_new(&parser, slice_of(form_case->type), &limits, arena, blobs, form, &err) == FORM_OK,
           err.text);
    demand(form_parser_update(parser, form_case->body.data, form_case->body.len, &err) == FORM_OK, err.text);
    demand(form_parser_finish(parser, &err) == FORM_OK, err.text);
    form_parser_free(parser);
}

static size_t pull(const struct message *message)
{
    static char out[64 * 1024];
    struct compose *compose;
    struct err err = {0};
    demand(compose_new(&compose, message, &err) == COMPOSE_OK, err.text);
    struct source source = compose_source(compose);
    size_t total = 0;
    size_t len = 1;
    while (len > 0) {
        demand(source.read(source.ctx, out, sizeof out, &len, &err), err.text);
        total += len;
    }
    compose_free(compose);
    return total;
}

/* What a request does with its body until the message's last octet has left. */
__attribute__((noinline)) size_t mail_of_form(const struct world *world, const struct form_case *form_case);
__attribute__((noinline)) size_t mail_of_form(const struct world *world, const struct form_case *form_case)
{
    struct arena arena;
    struct blob_store blobs;
    struct form form = {0};
    struct send_fields fields;
    struct submission submission;
    struct field_errors errors = {0};
    struct err err = {0};
    arena_init(&arena, (size_t)16 * 1024 * 1024);
    blob_store_init(&blobs, "/tmp", (size_t)world->config->limits.memory_per_request);
    parse(world, form_case, &arena, &blobs, &form);
    demand(send_fields_sort(&fields, &form, &arena, &errors, &err), err.text);
    demand(submission_read(&submission, &fields, &world->defaults, world->config, &arena, &errors, &err) ==
                   SUBMISSION_OK &&
               errors.count == 0,
           errors.first.text);
    submission.message.domain = SLICE("web1.example.com");
    size_t total = pull(&submission.message);
    submission_free(&submission);
    send_fields_wipe(&fields);
    blob_store_free(&blobs);
    arena_free(&arena);
    return total;
}

/* 1 KiB of text, percent-encoded. */
static void add_text(struct buf *body, const char *line, const char *encoded_line)
{
    for (size_t len = 0; len < 1024; len += strlen(line)) {
        demand(buf_append_string(body, encoded_line), "memory");
    }
}

static struct form_case urlencoded(const char *name, const char *line, const char *encoded_line)
{
    struct form_case form_case = {.name = name, .type = "application/x-www-form-urlencoded"};
    buf_init(&form_case.body, 1 << 20);
    demand(buf_append_string(&form_case.body,
                             "from=app%40example.com&to=you%40example.com&subject=Hello+there&text="),
           "memory");
    add_text(&form_case.body, line, encoded_line);
    return form_case;
}

static struct form_case multipart(const char *name, const char *line)
{
    static const char head[] =
        "--bound-1b9\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\napp@example.com\r\n"
        "--bound-1b9\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nyou@example.com\r\n"
        "--bound-1b9\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\nHello there\r\n"
        "--bound-1b9\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n";
    struct form_case form_case = {.name = name, .type = "multipart/form-data; boundary=bound-1b9"};
    buf_init(&form_case.body, 1 << 20);
    demand(buf_append_string(&form_case.body, head), "memory");
    add_text(&form_case.body, line, line);
    demand(buf_append_string(&form_case.body, "\r\n--bound-1b9--\r\n"), "memory");
    return form_case;
}

int main(int argc, char **argv)
{
    struct form_case cases[] = {
        urlencoded("urlencoded, ASCII", "The quick brown fox jumps over it.\n",
                   "The+quick+brown+fox+jumps+over+it.%0A"),
        multipart("multipart, ASCII", "The quick brown fox jumps over it.\r\n"),
        multipart("multipart, German", "Der fl\xc3\xbc"
                                       "chtige Fuchs springt \xc3\xbc"
                                       "ber ihn.\r\n"),
    };
    unsigned long mails = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    unsigned long chosen = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    struct world world;
    if (chosen >= sizeof cases / sizeof cases[0]) {
        return EXIT_FAILURE;
    }
    read_config(&world);
    (void)mail_of_form(&world,
                       &cases[chosen]); /* what happens once: random numbers, time zone, allocations */
    double begin = measure_cpu();
    size_t total = 0;
    for (unsigned long i = 0; i < mails; i++) {
        total += mail_of_form(&world, &cases[chosen]);
    }
    printf("%s: %zu octets in, %zu out, %.2f us\n", cases[chosen].name, cases[chosen].body.len, total / mails,
           (measure_cpu() - begin) * 1e6 / (double)mails);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_free(&cases[i].body);
    }
    defaults_free(&world.defaults);
    config_free(world.config);
    return EXIT_SUCCESS;
}
