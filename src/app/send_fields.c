/*
 * One table says what each field of /send is; everything that is wrong with a form's fields is collected, so
 * that a client hears of all of it in one answer.
 */
#include "app/send_fields.h"

#include "app/field_text.h"
#include "fcgi_smtp/nearest.h"
#include "fcgi_smtp/secret.h"

enum file_rule {
    FILE_REFUSED, /* a plain value */
    FILE_ALLOWED, /* either: curl -F text=@body.txt */
    FILE_REQUIRED /* an attachment, an inline file */
};

enum limit_rule { LIMIT_FIELD, LIMIT_HEADER_VALUE, LIMIT_SECRET, LIMIT_TEXT, LIMIT_REQUEST };

static const struct {
    const char *name;
    bool repeats;
    enum file_rule file;
    enum limit_rule limit;
} table[SEND_FIELD_COUNT] = {
    [SEND_FROM] = {"from", false, FILE_REFUSED, LIMIT_FIELD},
    [SEND_SENDER] = {"sender", false, FILE_REFUSED, LIMIT_FIELD},
    [SEND_REPLY_TO] = {"reply_to", true, FILE_REFUSED, LIMIT_FIELD},
    [SEND_TO] = {"to", true, FILE_REFUSED, LIMIT_FIELD},
    [SEND_CC] = {"cc", true, FILE_REFUSED, LIMIT_FIELD},
    [SEND_BCC] = {"bcc", true, FILE_REFUSED, LIMIT_FIELD},
    [SEND_RCPT] = {"rcpt", true, FILE_REFUSED, LIMIT_FIELD},
    [SEND_SUBJECT] = {"subject", false, FILE_ALLOWED, LIMIT_HEADER_VALUE},
    [SEND_TEXT] = {"text", false, FILE_ALLOWED, LIMIT_TEXT},
    [SEND_BODY] = {"body", false, FILE_ALLOWED, LIMIT_TEXT},
    [SEND_HTML] = {"html", false, FILE_ALLOWED, LIMIT_TEXT},
    [SEND_ATTACHMENT] = {"attachment", true, FILE_REQUIRED, LIMIT_REQUEST},
    [SEND_INLINE] = {"inline", true, FILE_REQUIRED, LIMIT_REQUEST},
    [SEND_MESSAGE] = {"message", false, FILE_ALLOWED, LIMIT_REQUEST},
    [SEND_MESSAGE_ID] = {"message_id", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_IN_REPLY_TO] = {"in_reply_to", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_REFERENCES] = {"references", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_DATE] = {"date", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_DSN] = {"dsn", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_RET] = {"ret", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_SERVER] = {"server", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_PORT] = {"port", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_TLS] = {"tls", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_USER] = {"user", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_PASSWORD] = {"password", false, FILE_REFUSED, LIMIT_SECRET},
    [SEND_DOMAIN] = {"domain", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_DRY_RUN] = {"dry_run", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
    [SEND_CHARSET] = {"_charset_", false, FILE_REFUSED, LIMIT_HEADER_VALUE},
};

static bool is_header_field(struct slice name)
{
    return name.len > 2 && name.data[0] == 'h' && name.data[1] == ':';
}

static enum send_field identify(struct slice name)
{
    for (size_t i = 0; i < SEND_FIELD_COUNT; i++) {
        if (slice_equal(name, slice_of(table[i].name))) {
            return (enum send_field)i;
        }
    }
    return is_header_field(name) ? SEND_HEADER : SEND_UNKNOWN;
}

const char *send_field_name(enum send_field field)
{
    return field < SEND_FIELD_COUNT ? table[field].name : "";
}

uint64_t send_field_limit(void *ctx, struct slice name, bool is_file)
{
    const struct config_limits *limits = ctx;
    enum send_field field = identify(name);
    if (field == SEND_HEADER) {
        return (uint64_t)limits->header_value;
    }
    if (field == SEND_UNKNOWN) {
        return is_file ? UINT64_MAX : (uint64_t)limits->field;
    }
    switch (table[field].limit) {
    case LIMIT_HEADER_VALUE:
        return (uint64_t)limits->header_value;
    case LIMIT_SECRET:
        return (uint64_t)limits->field < SECRET_MAX ? (uint64_t)limits->field : SECRET_MAX;
    case LIMIT_TEXT:
        return (uint64_t)limits->text;
    case LIMIT_REQUEST:
        return UINT64_MAX; /* the request's own limit holds */
    case LIMIT_FIELD:
        break;
    }
    return (uint64_t)limits->field;
}

static void report_unknown(struct field_errors *errors, const struct form_field *source)
{
    struct slice name = source->name;
    const char *names[SEND_FIELD_COUNT];
    for (size_t i = 0; i < SEND_FIELD_COUNT; i++) {
        names[i] = table[i].name;
    }
    const char *nearest = nearest_name(name, names, SEND_FIELD_COUNT);
    errors->unknown++;
    if (nearest != NULL) {
        field_errors_blame(errors, source, "There is no field \"%.*s\"; did you mean \"%s\"?",
                           SLICE_ARGS(name), nearest);
    } else {
        field_errors_blame(errors, source,
                           "There is no field \"%.*s\"; remove it, or send a header of your own as h:NAME",
                           SLICE_ARGS(name));
    }
}

static void report_no_file(struct field_errors *errors, const struct form_field *source)
{
    struct slice name = source->name;
    if (source->from_json) {
        field_errors_blame(errors, source,
                           "%.*s is a plain value; send it as an object with content (base64), filename and "
                           "type",
                           SLICE_ARGS(name));
    } else {
        field_errors_blame(errors, source,
                           "%.*s is a plain field; send it as a file with a file name (multipart/form-data, "
                           "curl -F %.*s=@FILE)",
                           SLICE_ARGS(name), SLICE_ARGS(name));
    }
}

/* Whether the field came as a file or not, as its row of the table allows it. */
static bool check_kind(enum send_field field, const struct form_field *source, struct field_errors *errors)
{
    bool refuses_files = field == SEND_HEADER || table[field].file == FILE_REFUSED;
    if (source->is_file && refuses_files) {
        field_errors_blame(errors, source, "%.*s is a file; send it as a %s", SLICE_ARGS(source->name),
                           source->from_json ? "string" : "plain field without a file name");
        return false;
    }
    bool wants_file = field != SEND_HEADER && table[field].file == FILE_REQUIRED;
    if (!source->is_file && wants_file && source->content.size > 0) {
        report_no_file(errors, source);
        return false;
    }
    return source->is_file || !wants_file; /* an empty plain value counts as not given */
}

/* The view is of memory that this request owns: its blob's, or the arena's. */
static void wipe_password(const struct send_value *value)
{
    if (value->field == SEND_PASSWORD) {
        secret_wipe((void *)value->text.data, value->text.len);
    }
}

bool send_value_read(struct send_value *value, struct slice form_charset, struct arena *arena,
                     struct field_errors *errors, struct err *err)
{
    struct err wrong = {0};
    bool secret = value->field == SEND_PASSWORD;
    enum field_text_result result =
        field_text_read(value->source, form_charset, secret, arena, &value->text, &wrong);
    if (result == FIELD_TEXT_INVALID) {
        field_errors_blame(errors, value->source, "%s", wrong.text);
    } else if (result == FIELD_TEXT_FAILED) {
        *err = wrong;
    }
    return result != FIELD_TEXT_FAILED;
}

static bool is_text(enum send_field field)
{
    return field == SEND_TEXT || field == SEND_BODY || field == SEND_HTML;
}

static bool is_octets(enum send_field field)
{
    return field == SEND_ATTACHMENT || field == SEND_INLINE || field == SEND_MESSAGE;
}

/* Contents that stay as they are: compose reads texts and files, passthrough messages, read_charset the charset. */
static bool stays_raw(enum send_field field)
{
    return is_text(field) || is_octets(field) || field == SEND_CHARSET;
}

static bool is_empty(const struct send_value *value)
{
    return stays_raw(value->field) ? value->source->content.size == 0 : value->text.len == 0;
}

/* Takes the value, which is not yet counted, unless its field stands there already: then nobody else would wipe it. */
static void keep_value(struct send_fields *fields, struct send_value *value, struct field_errors *errors)
{
    if (value->field == SEND_HEADER || table[value->field].repeats) {
        fields->count++;
        return;
    }
    const struct send_value **place = &fields->single[value->field];
    if (*place != NULL && !is_empty(*place)) {
        if (!is_empty(value)) {
            field_errors_blame(errors, value->source, "%s is given more than once; give it once",
                               table[value->field].name);
        }
        wipe_password(value);
        return;
    }
    *place = value;
    fields->count++;
}

static bool add_value(struct send_fields *fields, enum send_field field, struct form_field *source,
                      struct arena *arena, struct field_errors *errors, struct err *err)
{
    struct send_value *value = &fields->values[fields->count];
    *value = (struct send_value){.field = field, .source = source};
    if (!stays_raw(field) && !send_value_read(value, fields->charset, arena, errors, err)) {
        return false;
    }
    if (slice_has(value->text, '\0')) {
        field_errors_blame(errors, source, "%.*s holds a NUL; remove it", SLICE_ARGS(source->name));
        wipe_password(value);
        return true;
    }
    bool empty_file = is_octets(field) && source->is_file;  /* it has a name, so somebody chose it */
    if (!is_empty(value) || is_text(field) || empty_file) { /* else it counts as not given */
        keep_value(fields, value, errors);
    }
    return true;
}

static bool read_charset(struct send_fields *fields, struct form *form, struct field_errors *errors,
                         struct err *err)
{
    struct err wrong = {0};
    const struct form_field *source = NULL;
    enum field_text_result result = field_text_charset(form, &source, &fields->charset, &wrong);
    if (result == FIELD_TEXT_INVALID) {
        field_errors_blame(errors, source, "%s", wrong.text);
    } else if (result == FIELD_TEXT_FAILED) {
        *err = wrong;
    }
    return result != FIELD_TEXT_FAILED;
}

/* text= alone makes an empty text; beside an html or a body it counts as not given. */
static void drop_empty_texts(struct send_fields *fields)
{
    static const enum send_field texts[] = {SEND_TEXT, SEND_BODY, SEND_HTML};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct send_value *value = fields->single[texts[i]];
        bool others = false;
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            others = others || (k != i && fields->single[texts[k]] != NULL);
        }
        bool may_stay = texts[i] != SEND_HTML && !others;
        if (value != NULL && value->source->content.size == 0 && !may_stay) {
            fields->single[texts[i]] = NULL;
        }
    }
}

bool send_fields_sort(struct send_fields *fields, struct form *form, struct arena *arena,
                      struct field_errors *errors, struct err *err)
{
    *fields = (struct send_fields){0};
    fields->values = arena_array(arena, form->count + 1, sizeof *fields->values);
    if (fields->values == NULL) {
        err_set(err, "There is no memory left for the form's fields");
        return false;
    }
    if (!read_charset(fields, form, errors, err)) {
        return false;
    }
    for (struct form_field *source = form->first; source != NULL; source = source->next) {
        enum send_field field = identify(source->name);
        if (field == SEND_UNKNOWN) {
            report_unknown(errors, source);
        } else if (check_kind(field, source, errors) &&
                   !add_value(fields, field, source, arena, errors, err)) {
            return false;
        }
    }
    drop_empty_texts(fields);
    if (fields->single[SEND_TEXT] != NULL && fields->single[SEND_BODY] != NULL) {
        field_errors_add(errors, SLICE("body"), "text and body mean the same; give one of them");
    }
    return true;
}

bool send_field_is_secret(void *ctx, struct slice name)
{
    (void)ctx;
    return slice_equal(name, slice_of(table[SEND_PASSWORD].name));
}

void send_fields_wipe(struct send_fields *fields)
{
    if (fields->single[SEND_PASSWORD] != NULL) {
        wipe_password(fields->single[SEND_PASSWORD]); /* a converted copy, if it is not the blob's own */
    }
}
