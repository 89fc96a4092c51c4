/*
 * Feeds a body to a form parser in chunks and writes what came out as text, one line a field:
 *     name[@"file name"][ (type)][ <charset>]=content
 * CR is written as \r, LF as \n, NUL as \0, so that each field is one line.
 */
#ifndef FCGI_SMTP_TESTS_FORM_RUN_H
#define FCGI_SMTP_TESTS_FORM_RUN_H

#include <stdint.h>
#include <stdlib.h>

#include "fcgi_smtp/form.h"

struct form_run {
    size_t fields;    /* limits; 0: 100 fields, 64 MiB each */
    uint64_t content; /* files may hold twice as much */
    size_t json;      /* limit of a JSON text; 0: none is read */
    size_t memory;    /* of the blob store; 0: 1 MiB */
    size_t first;     /* octets of the first chunk; 0: as step */
    size_t step;      /* octets of every further chunk; 0: all */
    enum form_result result;
    struct err err;
    struct arena arena;
    struct blob_store store;
    struct form form;
    struct buf text;
};

static inline uint64_t form_run_content_limit(void *ctx, struct slice name, bool is_file)
{
    const struct form_run *run = ctx;
    uint64_t limit = run->content != 0 ? run->content : 64 << 20;
    (void)name;
    return is_file ? 2 * limit : limit;
}

static inline void form_run_put(struct form_run *run, struct slice octets)
{
    static const char escapes[] = {[0] = '0', ['\r'] = 'r', ['\n'] = 'n'};
    for (size_t i = 0; i < octets.len; i++) {
        unsigned char c = (unsigned char)octets.data[i];
        bool escape = c < sizeof escapes && escapes[c] != 0;
        if ((escape && !buf_append_char(&run->text, '\\')) ||
            !buf_append_char(&run->text, escape ? escapes[c] : (char)c)) {
            abort();
        }
    }
}

static inline void form_run_put_in(struct form_run *run, const char *before, struct slice octets,
                                   const char *after)
{
    if (!buf_append_string(&run->text, before)) {
        abort();
    }
    form_run_put(run, octets);
    if (!buf_append_string(&run->text, after)) {
        abort();
    }
}

static inline void form_run_put_field(struct form_run *run, struct form_field *field)
{
    form_run_put(run, field->name);
    if (field->is_file) {
        form_run_put_in(run, "@\"", field->file_name, "\"");
    }
    if (field->type.len > 0) {
        form_run_put_in(run, " (", field->type, ")");
    }
    if (field->charset.len > 0) {
        form_run_put_in(run, " <", field->charset, ">");
    }
    struct slice content;
    if (!blob_view(&field->content, &content, &run->err) || content.len != field->content.size) {
        abort();
    }
    form_run_put_in(run, "=", content, "");
    if (!buf_append_char(&run->text, '\n')) {
        abort();
    }
}

/* Each chunk is a heap block of its own, so that AddressSanitizer sees a read behind its end. */
static inline enum form_result form_run_feed(struct form_run *run, struct form_parser *parser,
                                             struct slice body)
{
    enum form_result result = FORM_OK;
    size_t len = run->first != 0 ? run->first : run->step;
    while (body.len > 0 && result == FORM_OK) {
        len = len == 0 || len > body.len ? body.len : len;
        char *chunk = malloc(len);
        if (chunk == NULL) {
            abort();
        }
        memcpy(chunk, body.data, len);
        result = form_parser_update(parser, chunk, len, &run->err);
        free(chunk);
        body.data += len;
        body.len -= len;
        len = run->step;
    }
    return result == FORM_OK ? form_parser_finish(parser, &run->err) : result;
}

/* Limits and cuts are set in *run, all else is zero. Then form_run_free. */
static inline void form_run_body(struct form_run *run, struct slice type, struct slice body)
{
    arena_init(&run->arena, 64 << 20);
    blob_store_init(&run->store, "/tmp", run->memory != 0 ? run->memory : 1 << 20);
    buf_init(&run->text, 256 << 20);
    const struct form_limits limits = {.fields = run->fields != 0 ? run->fields : 100,
                                       .content = form_run_content_limit,
                                       .ctx = run,
                                       .json = run->json};
    struct form_parser *parser = NULL;
    run->result = form_parser_new(&parser, type, &limits, &run->arena, &run->store, &run->form, &run->err);
    if (run->result == FORM_OK) {
        run->result = form_run_feed(run, parser, body);
    }
    form_parser_free(parser);
    for (struct form_field *field = run->form.first; field != NULL; field = field->next) {
        form_run_put_field(run, field);
    }
}

static inline void form_run_free(struct form_run *run)
{
    buf_free(&run->text);
    blob_store_free(&run->store);
    arena_free(&run->arena);
}

/* Whether two runs came to the same end. */
static inline bool form_run_equal(const struct form_run *a, const struct form_run *b)
{
    return a->result == b->result && a->form.count == b->form.count &&
           slice_equal(buf_slice(&a->text), buf_slice(&b->text)) && strcmp(a->err.text, b->err.text) == 0 &&
           strcmp(a->err.field, b->err.field) == 0;
}

/* Parses with every cut in two and in steps of 1 to 5 octets; false when one differs from *whole. */
static inline bool form_run_cuts_agree(const struct form_run *whole, struct slice type, struct slice body)
{
    bool agree = true;
    for (size_t cut = 0; cut < body.len + 5 && agree; cut++) {
        struct form_run run = {
            .fields = whole->fields, .content = whole->content, .memory = whole->memory, .json = whole->json};
        run.first = cut < body.len ? cut : 0;
        run.step = cut < body.len ? 0 : cut - body.len + 1;
        form_run_body(&run, type, body);
        agree = form_run_equal(whole, &run);
        form_run_free(&run);
    }
    return agree;
}

#endif
