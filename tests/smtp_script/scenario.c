/*
 * One table says which argument each keyword takes, a function per kind of argument reads it. Blocks are
 * linked by index while the lines are read: the open ones are on a stack.
 */
#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

struct parser {
    struct script_scenario *scenario;
    size_t line;
    size_t open[DEPTH_MAX];   /* indices of the blocks that are not ended yet */
    size_t branch[DEPTH_MAX]; /* and of the last branch of each */
    size_t depth;
    char *error;
    size_t error_size;
};

typedef bool parse_argument(struct parser *parser, struct script_step *step, const char *text);

static bool refuse(struct parser *parser, const char *why)
{
    snprintf(parser->error, parser->error_size, "line %zu: %s", parser->line, why);
    return false;
}

static bool parse_nothing(struct parser *parser, struct script_step *step, const char *text)
{
    (void)step;
    return text[0] == '\0' || refuse(parser, "takes no argument");
}

static bool parse_text(struct parser *parser, struct script_step *step, const char *text)
{
    return script_text_parse(&step->text, text, strlen(text)) || refuse(parser, "wrong escape");
}

static bool parse_quoted(struct parser *parser, struct script_step *step, const char *text)
{
    size_t size = strlen(text);
    if (size < 2 || text[0] != '"' || text[size - 1] != '"') {
        return refuse(parser, "wants a text in double quotes");
    }
    return script_text_parse(&step->text, text + 1, size - 2) || refuse(parser, "wrong escape");
}

static bool parse_pattern(struct parser *parser, struct script_step *step, const char *text)
{
    if (!script_pattern_parse(&step->pattern, text, strlen(text))) {
        return refuse(parser, "wrong escape");
    }
    return true;
}

/* A count or milliseconds; *rest is what follows after one blank. */
static bool read_number(struct parser *parser, struct script_step *step, const char *text, const char **rest)
{
    char *end;
    errno = 0;
    step->number = strtol(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || errno != 0 || (*end != '\0' && *end != ' ')) {
        return refuse(parser, "wants a number");
    }
    *rest = *end == ' ' ? end + 1 : end;
    return true;
}

static bool parse_number(struct parser *parser, struct script_step *step, const char *text)
{
    const char *rest;
    return read_number(parser, step, text, &rest) && parse_nothing(parser, step, rest);
}

static bool parse_number_text(struct parser *parser, struct script_step *step, const char *text)
{
    const char *rest;
    return read_number(parser, step, text, &rest) && parse_text(parser, step, rest);
}

static bool parse_number_quoted(struct parser *parser, struct script_step *step, const char *text)
{
    const char *rest;
    return read_number(parser, step, text, &rest) && parse_quoted(parser, step, rest);
}

static bool parse_repeat(struct parser *parser, struct script_step *step, const char *text)
{
    if (strcmp(text, "*") == 0) {
        step->number = -1;
        return true;
    }
    return parse_number(parser, step, text);
}

static bool parse_discard(struct parser *parser, struct script_step *step, const char *text)
{
    step->number = -1;
    step->flag = strcmp(text, "discard") == 0;
    return step->flag || parse_nothing(parser, step, text);
}

static bool parse_data(struct parser *parser, struct script_step *step, const char *text)
{
    if (isdigit((unsigned char)text[0])) {
        return parse_number(parser, step, text);
    }
    return parse_discard(parser, step, text);
}

static bool parse_abrupt(struct parser *parser, struct script_step *step, const char *text)
{
    step->flag = strcmp(text, "abrupt") == 0;
    return step->flag || parse_nothing(parser, step, text);
}

static bool tls_word(struct script_step *step, const char *word, size_t size)
{
    const struct {
        const char *key;
        char *value;
        size_t room;
    } keys[] = {{"cert=", step->cert, sizeof step->cert},
                {"min=", step->tls_min, sizeof step->tls_min},
                {"max=", step->tls_max, sizeof step->tls_max},
                {"ask=", step->tls_ask, sizeof step->tls_ask}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t key = strlen(keys[i].key);
        if (size > key && size - key < keys[i].room && memcmp(word, keys[i].key, key) == 0) {
            memcpy(keys[i].value, word + key, size - key);
            return true;
        }
    }
    step->flag = size == 4 && memcmp(word, "fail", 4) == 0;
    return step->flag;
}

static bool parse_tls(struct parser *parser, struct script_step *step, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        if (size > 0 && !tls_word(step, text, size)) {
            return refuse(parser, "TLS takes fail, cert=, min=, max=, ask=");
        }
        text += size + (text[size] == ' ');
    }
    return true;
}

static const struct keyword {
    const char *word;
    enum script_kind kind;
    parse_argument *parse;
} keywords[] = {
    {"S:", SCRIPT_SEND, parse_text},
    {"PART:", SCRIPT_PART, parse_text},
    {"RAW", SCRIPT_RAW, parse_quoted},
    {"C:", SCRIPT_AWAIT, parse_pattern},
    {"C+:", SCRIPT_AWAIT_SAME, parse_pattern},
    {"C?:", SCRIPT_AWAIT_OPTIONAL, parse_pattern},
    {"TLS", SCRIPT_TLS, parse_tls},
    {"TICKET", SCRIPT_TICKET, parse_nothing},
    {"DATA", SCRIPT_DATA, parse_data},
    {"BDAT", SCRIPT_BDAT, parse_discard},
    {"BDAT-ALL:", SCRIPT_BDAT_ALL, parse_text},
    {"LINES", SCRIPT_LINES, parse_number_text},
    {"OCTETS", SCRIPT_OCTETS, parse_number},
    {"DRIP", SCRIPT_DRIP, parse_number_quoted},
    {"WAIT", SCRIPT_WAIT, parse_number},
    {"QUIET", SCRIPT_QUIET, parse_number},
    {"GATE", SCRIPT_GATE, parse_text},
    {"STALL", SCRIPT_STALL, parse_nothing},
    {"WAIT-EOF", SCRIPT_WAIT_EOF, parse_nothing},
    {"READ-UNTIL-EOF", SCRIPT_READ_UNTIL_EOF, parse_nothing},
    {"CLOSE", SCRIPT_CLOSE, parse_abrupt},
    {"RESET", SCRIPT_RESET, parse_nothing},
    {"REPEAT", SCRIPT_REPEAT, parse_repeat},
    {"WHILE", SCRIPT_WHILE, parse_pattern},
    {"IF", SCRIPT_IF, parse_pattern},
    {"ELSE IF", SCRIPT_ELSE_IF, parse_pattern},
    {"ELSE", SCRIPT_ELSE, parse_nothing},
    {"END", SCRIPT_END, parse_nothing},
};

/* The keyword that text begins with, followed by a blank or the end. ELSE IF is in the table before ELSE. */
static const struct keyword *find_keyword(const char *text, const char **argument)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        size_t size = strlen(keywords[i].word);
        if (strncmp(text, keywords[i].word, size) == 0 && (text[size] == '\0' || text[size] == ' ')) {
            *argument = text + size + (text[size] == ' ');
            return &keywords[i];
        }
    }
    return NULL;
}

static bool begin_block(struct parser *parser, size_t index)
{
    if (parser->depth == DEPTH_MAX) {
        return refuse(parser, "blocks are nested too deep");
    }
    parser->open[parser->depth] = index;
    parser->branch[parser->depth++] = index;
    return true;
}

/* ELSE, ELSE IF and END: the branch before them leads here. */
static bool next_branch(struct parser *parser, size_t index)
{
    struct script_step *steps = parser->scenario->steps;
    enum script_kind kind = steps[index].kind;
    if (parser->depth == 0) {
        return refuse(parser, "there is no block here");
    }
    struct script_step *last = &steps[parser->branch[parser->depth - 1]];
    bool conditional = last->kind == SCRIPT_IF || last->kind == SCRIPT_ELSE_IF;
    if (kind != SCRIPT_END && !conditional) {
        return refuse(parser, "ELSE without IF");
    }
    last->otherwise = index;
    parser->branch[parser->depth - 1] = index;
    if (kind != SCRIPT_END) {
        return true;
    }
    /* The branches of a chain are found through each other; each needs to know the one END. */
    size_t at = parser->open[--parser->depth];
    while (at != index) {
        steps[at].end = index;
        at = steps[at].otherwise;
    }
    return true;
}

static bool link_block(struct parser *parser, size_t index)
{
    switch (parser->scenario->steps[index].kind) {
    case SCRIPT_REPEAT:
    case SCRIPT_WHILE:
    case SCRIPT_IF:
        return begin_block(parser, index);
    case SCRIPT_ELSE_IF:
    case SCRIPT_ELSE:
    case SCRIPT_END:
        return next_branch(parser, index);
    default:
        return true;
    }
}

static bool end_section(struct parser *parser)
{
    struct script_scenario *scenario = parser->scenario;
    if (parser->depth > 0) {
        return refuse(parser, "a block has no END");
    }
    if (scenario->section_count > 0) {
        scenario->sections[scenario->section_count - 1].last = scenario->step_count;
    }
    return true;
}

static bool add_section(struct parser *parser, size_t number, bool optional)
{
    struct script_scenario *scenario = parser->scenario;
    bool after_all =
        scenario->section_count > 0 && scenario->sections[scenario->section_count - 1].number == 0;
    if (after_all || (number != 0 && number != scenario->section_count + 1)) {
        return refuse(parser, "sections are == 1, == 2 and so on, == * the last");
    }
    scenario->sections = script_grow(scenario->sections, scenario->section_count, &scenario->section_capacity,
                                     sizeof *scenario->sections);
    scenario->sections[scenario->section_count++] =
        (struct script_section){.first = scenario->step_count, .number = number, .optional = optional};
    return true;
}

static bool parse_section(struct parser *parser, const char *text)
{
    bool optional = text[0] == '?';
    const char *name = text + optional + strspn(text + optional, " ");
    if (!end_section(parser)) {
        return false;
    }
    if (strcmp(name, "*") == 0) {
        return add_section(parser, 0, true);
    }
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    if (!isdigit((unsigned char)name[0]) || *end != '\0' || number == 0) {
        return refuse(parser, "a section is a number or *");
    }
    return add_section(parser, number, optional);
}

static bool parse_step(struct parser *parser, const char *text)
{
    struct script_scenario *scenario = parser->scenario;
    const char *argument;
    const struct keyword *keyword = find_keyword(text, &argument);
    if (keyword == NULL) {
        return refuse(parser, "unknown step");
    }
    if (scenario->section_count == 0 && !add_section(parser, 1, false)) {
        return false;
    }
    scenario->steps =
        script_grow(scenario->steps, scenario->step_count, &scenario->step_capacity, sizeof *scenario->steps);
    struct script_step *step = &scenario->steps[scenario->step_count++];
    *step = (struct script_step){
        .kind = keyword->kind, .line = parser->line, .source = script_copy(text, strlen(text))};
    return keyword->parse(parser, step, argument) && link_block(parser, scenario->step_count - 1);
}

static bool parse_line(struct parser *parser, const char *text)
{
    text += strspn(text, " \t");
    if (text[0] == '\0' || text[0] == '#') {
        return true;
    }
    if (strncmp(text, "==", 2) == 0) {
        return parse_section(parser, text + 2);
    }
    return parse_step(parser, text);
}

bool script_scenario_parse(struct script_scenario *scenario, const char *text, char *error, size_t error_size)
{
    *scenario = (struct script_scenario){0};
    struct parser parser = {.scenario = scenario, .error = error, .error_size = error_size};
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        parser.line++;
        char *line = script_copy(text, size);
        bool good = parse_line(&parser, line);
        free(line);
        if (!good) {
            return false;
        }
        text += size + (text[size] == '\n');
    }
    if (scenario->section_count == 0) {
        return refuse(&parser, "there is no step");
    }
    return end_section(&parser);
}

void script_scenario_free(struct script_scenario *scenario)
{
    for (size_t i = 0; i < scenario->step_count; i++) {
        free(scenario->steps[i].source);
        script_bytes_free(&scenario->steps[i].text);
        script_pattern_free(&scenario->steps[i].pattern);
    }
    free(scenario->steps);
    free(scenario->sections);
    *scenario = (struct script_scenario){0};
}

const struct script_section *script_scenario_section(const struct script_scenario *scenario,
                                                     size_t connection)
{
    for (size_t i = 0; i < scenario->section_count; i++) {
        if (scenario->sections[i].number == connection || scenario->sections[i].number == 0) {
            return &scenario->sections[i];
        }
    }
    return NULL;
}
