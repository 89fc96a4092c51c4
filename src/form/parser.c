/*
 * The front of all parsers: the request's Content-Type chooses.
 */
#include <stdlib.h>

#include "fcgi_smtp/form.h"
#include "form/json.h"
#include "form/multipart.h"
#include "form/urlencoded.h"

enum encoding { ENCODING_URLENCODED, ENCODING_MULTIPART, ENCODING_JSON };

struct form_parser {
    struct fields fields;
    enum encoding encoding;
    union {
        struct urlencoded urlencoded;
        struct multipart multipart;
        struct json_form json;
    };
};

static enum form_result choose(struct form_parser *parser, struct slice content_type, struct err *err)
{
    struct slice type = form_media_type(content_type);
    struct arena *arena = parser->fields.arena;
    const struct form_limits *limits = &parser->fields.limits;
    if (slice_equal_nocase(type, SLICE("application/x-www-form-urlencoded"))) {
        (void)form_type_parameter(content_type, "charset", arena, &parser->fields.charset);
        return FORM_OK;
    }
    if (limits->json > 0 && slice_equal_nocase(type, SLICE("application/json"))) {
        parser->encoding = ENCODING_JSON; /* RFC 8259 11: no charset parameter is defined */
        json_form_init(&parser->json, limits->json);
        return FORM_OK;
    }
    if (!slice_equal_nocase(type, SLICE("multipart/form-data"))) {
        err_set(err, "%s%.*s%s; send application/x-www-form-urlencoded%s",
                type.len > 0 ? "A body of Content-Type " : "The request has no Content-Type",
                SLICE_ARGS(type), type.len > 0 ? " is not read here" : "",
                limits->json > 0 ? ", multipart/form-data or application/json" : " or multipart/form-data");
        return FORM_UNSUPPORTED;
    }
    struct slice boundary = {NULL, 0};
    parser->encoding = ENCODING_MULTIPART;
    if (!form_type_parameter(content_type, "boundary", arena, &boundary) ||
        !multipart_init(&parser->multipart, boundary)) {
        err_set(
            err,
            "Content-Type multipart/form-data needs one boundary parameter of 1 to 70 letters, digits and "
            "'()+_,-./:=? (RFC 2046 5.1.1); let the HTTP library set Content-Type");
        return FORM_MALFORMED;
    }
    return FORM_OK;
}

enum form_result form_parser_new(struct form_parser **out, struct slice content_type,
                                 const struct form_limits *limits, struct arena *arena,
                                 struct blob_store *store, struct form *form, struct err *err)
{
    struct form_parser *parser = calloc(1, sizeof *parser);
    *out = NULL;
    if (parser == NULL) {
        err_set(err, "There is no memory to read the form");
        return FORM_FAILED;
    }
    parser->fields = (struct fields){.limits = *limits, .arena = arena, .store = store, .form = form};
    enum form_result result = choose(parser, content_type, err);
    if (result != FORM_OK) {
        form_parser_free(parser);
        return result;
    }
    *out = parser;
    return FORM_OK;
}

enum form_result form_parser_update(struct form_parser *parser, const void *octets, size_t len,
                                    struct err *err)
{
    struct slice in = {octets, len};
    switch (parser->encoding) {
    case ENCODING_MULTIPART:
        return multipart_update(&parser->multipart, &parser->fields, in, err);
    case ENCODING_JSON:
        return json_form_update(&parser->json, in, err);
    case ENCODING_URLENCODED:
        break;
    }
    return urlencoded_update(&parser->urlencoded, &parser->fields, in, err);
}

enum form_result form_parser_finish(struct form_parser *parser, struct err *err)
{
    switch (parser->encoding) {
    case ENCODING_MULTIPART:
        return multipart_finish(&parser->multipart, &parser->fields, err);
    case ENCODING_JSON:
        return json_form_finish(&parser->json, &parser->fields, err);
    case ENCODING_URLENCODED:
        break;
    }
    return urlencoded_finish(&parser->urlencoded, &parser->fields, err);
}

void form_parser_free(struct form_parser *parser)
{
    if (parser != NULL && parser->encoding == ENCODING_MULTIPART) {
        multipart_free(&parser->multipart);
    }
    if (parser != NULL && parser->encoding == ENCODING_JSON) {
        json_form_free(&parser->json);
    }
    free(parser);
}
