/*
 * The form is sorted by its fields' rules; everything that is wrong is collected, as it is for /send.
 */
#include "app/mailgun/mailgun_fields.h"

#include <stdlib.h>

#include "app/mailgun/mailgun_rules.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a sort works on. */
struct sorting {
    struct mailgun_fields *fields;
    struct arena *arena;
    struct field_errors *errors;
    struct err *err;
    const struct form_field
        *seen[MAILGUN_RULES_MAX]; /* of those that do not repeat: the one that was given */
};

static void report_unknown(struct sorting *s, struct slice name)
{
    const char *nearest = mailgun_rule_nearest(name);
    s->errors->unknown++;
    field_errors_add(s->errors, name,
                     nearest != NULL ? "There is no field \"%.*s\"; did you mean \"%s\"?"
                                     : "There is no field \"%.*s\" here; remove it%s",
                     SLICE_ARGS(name), nearest != NULL ? nearest : "");
}

/* Whether the field may be given at all, in this call and in this shape. */
static bool check_rule(struct sorting *s, const struct mailgun_rule *rule, const struct form_field *source)
{
    struct slice name = source->name;
    bool other_call = (rule->calls & (1U << s->fields->call)) == 0;
    if (rule->kind == MAILGUN_KIND_UNKNOWN) {
        report_unknown(s, name);
        return false;
    }
    if (rule->kind == MAILGUN_KIND_REFUSED) {
        field_errors_add(s->errors, name, "%.*s cannot be used: %s", SLICE_ARGS(name), rule->why);
        return false;
    }
    if (other_call) {
        field_errors_add(s->errors, name,
                         s->fields->call == MAILGUN_MIME
                             ? "%.*s has no meaning beside a whole message; write it into the message"
                             : "%.*s is for /messages.mime only; send it there",
                         SLICE_ARGS(name));
        return false;
    }
    if (source->is_file && !rule->may_be_file) {
        field_errors_add(s->errors, name, "%.*s is a file; send it as a plain field without a file name",
                         SLICE_ARGS(name));
        return false;
    }
    return true;
}

/* Contents that stay as they are, in their blobs. */
static bool stays_raw(const struct mailgun_rule *rule)
{
    bool is_octets =
        rule->field == SEND_ATTACHMENT || rule->field == SEND_INLINE || rule->field == SEND_MESSAGE;
    return is_octets || rule->kind == MAILGUN_KIND_AMP || rule->field == SEND_TEXT ||
           rule->field == SEND_HTML;
}

static bool yes_or_no(struct sorting *s, const struct send_value *value)
{
    bool yes =
        slice_equal_nocase(value->text, SLICE("yes")) || slice_equal_nocase(value->text, SLICE("true"));
    bool no = slice_equal_nocase(value->text, SLICE("no")) || slice_equal_nocase(value->text, SLICE("false"));
    if (!yes && !no) {
        field_errors_add(s->errors, value->source->name, "%.*s is \"%.*s\"; give yes or no",
                         SLICE_ARGS(value->source->name), SLICE_ARGS(value->text));
    }
    return yes;
}

static void keep_send_value(struct sorting *s, struct send_value *value)
{
    struct send_fields *send = &s->fields->send;
    if (value->field < SEND_FIELD_COUNT && send->single[value->field] == NULL) {
        send->single[value->field] = value; /* of one that repeats: the first */
    }
    send->count++;
}

static void keep_variable(struct sorting *s, const struct send_value *value)
{
    struct slice name = value->source->name;
    struct slice key = {name.data + 2, name.len - 2};
    if (key.len == 0) {
        field_errors_add(s->errors, name, "v: has no key; send a variable as v:KEY");
        return;
    }
    s->fields->variables[s->fields->variable_count++] =
        (struct mailgun_variable){key, value->text, value->source};
}

/* value is the next one of send.values; only what is /send's is counted there. */
static void keep_value(struct sorting *s, const struct mailgun_rule *rule, struct send_value *value)
{
    struct mailgun_fields *fields = s->fields;
    switch (rule->kind) {
    case MAILGUN_KIND_SEND:
        keep_send_value(s, value);
        break;
    case MAILGUN_KIND_AMP:
        fields->amp = value->source;
        break;
    case MAILGUN_KIND_SENDER:
        fields->sender = value;
        fields->send.count++;
        break;
    case MAILGUN_KIND_TAG:
        fields->tags[fields->tag_count++] = value;
        fields->send.count++;
        break;
    case MAILGUN_KIND_VARIABLE:
        keep_variable(s, value);
        break;
    case MAILGUN_KIND_RECIPIENT_VARIABLES:
        fields->is_batch = true;
        fields->recipient_variables = value->text;
        break;
    case MAILGUN_KIND_TEST_MODE:
        fields->test_mode = yes_or_no(s, value);
        break;
    case MAILGUN_KIND_REQUIRE_TLS:
        fields->require_tls = yes_or_no(s, value);
        break;
    case MAILGUN_KIND_WITHOUT_EFFECT:
    case MAILGUN_KIND_REFUSED:
    case MAILGUN_KIND_UNKNOWN:
        break;
    }
}

/* An empty value counts as not given, but for texts, files and variables (empty recipient-variables are a mistake by
 * which all would see each other). */
static bool is_given(const struct mailgun_rule *rule, const struct send_value *value)
{
    bool is_file = value->source->is_file && value->source->file_name.len > 0;
    return rule->kind == MAILGUN_KIND_AMP || rule->field == SEND_TEXT || rule->field == SEND_HTML ||
           rule->kind == MAILGUN_KIND_VARIABLE || rule->kind == MAILGUN_KIND_RECIPIENT_VARIABLES ||
           value->text.len > 0 || (stays_raw(rule) && (value->source->content.size > 0 || is_file));
}

static bool add_value(struct sorting *s, const struct mailgun_rule *rule, struct form_field *source)
{
    struct send_value *value = &s->fields->send.values[s->fields->send.count];
    bool whole_envelope = s->fields->call == MAILGUN_MIME && rule->field == SEND_TO;
    *value = (struct send_value){.field = whole_envelope ? SEND_RCPT : rule->field, .source = source};
    if (!stays_raw(rule) && !send_value_read(value, (struct slice){0}, s->arena, s->errors, s->err)) {
        return false;
    }
    if (slice_has(value->text, '\0')) {
        field_errors_add(s->errors, source->name, "%.*s holds a NUL; remove it", SLICE_ARGS(source->name));
        return true;
    }
    if (!is_given(rule, value)) {
        return true;
    }
    if (!rule->repeats && s->seen[mailgun_rule_place(rule)] != NULL) {
        field_errors_add(s->errors, source->name, "%.*s is given more than once; give it once",
                         SLICE_ARGS(source->name));
        return true;
    }
    if (!rule->repeats) {
        s->seen[mailgun_rule_place(rule)] = source;
    }
    keep_value(s, rule, value);
    return true;
}

/* An empty text beside another one counts as not given; alone it is an empty text. */
static void drop_empty_texts(struct mailgun_fields *fields)
{
    const struct send_value **single = fields->send.single;
    struct form_field *texts[] = {single[SEND_TEXT] != NULL ? single[SEND_TEXT]->source : NULL,
                                  single[SEND_HTML] != NULL ? single[SEND_HTML]->source : NULL, fields->amp};
    size_t left = 0;
    for (size_t i = 0; i < COUNT(texts); i++) {
        left += texts[i] != NULL;
    }
    for (size_t i = COUNT(texts); i-- > 0 && left > 1;) {
        if (texts[i] != NULL && texts[i]->content.size == 0) {
            texts[i] = NULL;
            left--;
        }
    }
    single[SEND_TEXT] = texts[0] != NULL ? single[SEND_TEXT] : NULL;
    single[SEND_HTML] = texts[1] != NULL ? single[SEND_HTML] : NULL;
    fields->amp = texts[2];
}

static int by_key(const void *left, const void *right)
{
    struct slice a = (*(const struct mailgun_variable *const *)left)->key;
    struct slice b = (*(const struct mailgun_variable *const *)right)->key;
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Sorted, so that ten thousand variables are no burden. */
static bool check_variables(struct sorting *s)
{
    const struct mailgun_fields *fields = s->fields;
    size_t count = fields->variable_count;
    const struct mailgun_variable **sorted =
        arena_array(s->arena, count + 1, sizeof *sorted); /* NOLINT(bugprone-sizeof-expression): pointers */
    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &fields->variables[i];
    }
    qsort(sorted, count, sizeof *sorted, by_key); /* NOLINT(bugprone-sizeof-expression): pointers */
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(sorted[i - 1]->key, sorted[i]->key)) {
            field_errors_add(s->errors, sorted[i]->source->name, "%.*s is given more than once; give it once",
                             SLICE_ARGS(sorted[i]->source->name));
        }
    }
    return true;
}

static void check_combinations(struct sorting *s)
{
    const struct mailgun_fields *fields = s->fields;
    bool copies = fields->send.single[SEND_CC] != NULL || fields->send.single[SEND_BCC] != NULL;
    if (fields->is_batch && copies) {
        field_errors_add(
            s->errors, SLICE("recipient-variables"),
            "With recipient-variables each address in to gets a mail of its own, so cc and bcc cannot "
            "stand beside them; put their addresses into to");
    }
}

static bool allocate(struct sorting *s, size_t count)
{
    struct mailgun_fields *fields = s->fields;
    fields->send.values = arena_array(s->arena, count + 1, sizeof *fields->send.values);
    fields->variables = arena_array(s->arena, count + 1, sizeof *fields->variables);
    fields->tags = arena_array(s->arena, count + 1,
                               sizeof *fields->tags); /* NOLINT(bugprone-sizeof-expression): pointers */
    return fields->send.values != NULL && fields->variables != NULL && fields->tags != NULL;
}

bool mailgun_fields_sort(struct mailgun_fields *fields, struct form *form, struct arena *arena,
                         struct field_errors *errors, struct err *err)
{
    struct sorting s = {.fields = fields, .arena = arena, .errors = errors, .err = err};
    *fields = (struct mailgun_fields){.call = fields->call};
    err_set(err, "There is no memory left for the form's fields");
    if (!allocate(&s, form->count)) {
        return false;
    }
    for (struct form_field *source = form->first; source != NULL; source = source->next) {
        const struct mailgun_rule *rule = mailgun_rule_find(source->name);
        if (check_rule(&s, rule, source) && !add_value(&s, rule, source)) {
            return false;
        }
    }
    if (!check_variables(&s)) {
        return false;
    }
    drop_empty_texts(fields);
    check_combinations(&s);
    *err = (struct err){0};
    return true;
}

static bool missing(struct err *err, const char *field, const char *text)
{
    err_set_field(err, field, strlen(field));
    err_set(err, "%s", text);
    return false;
}

bool mailgun_fields_complete(const struct mailgun_fields *fields, struct err *err)
{
    const struct send_value *const *single = fields->send.single;
    if (fields->call == MAILGUN_MIME) {
        if (single[SEND_RCPT] == NULL) {
            return missing(err, "to",
                           "to is missing; give the addresses that the message is to be delivered to");
        }
        return single[SEND_MESSAGE] != NULL ||
               missing(err, "message", "message is missing; give the whole message");
    }
    if (single[SEND_FROM] == NULL) {
        return missing(err, "from", "from is missing; give the sender's address");
    }
    if (single[SEND_TO] == NULL && single[SEND_CC] == NULL && single[SEND_BCC] == NULL) {
        return missing(err, "to", "to is missing; give the recipients' addresses");
    }
    if (single[SEND_TEXT] == NULL && single[SEND_HTML] == NULL && fields->amp == NULL) {
        return missing(err, "text", "The mail has no text; give text, html or amp-html");
    }
    return true;
}
