/*
 * The tree is read in the document's order but the rules across keys come after it, so problems are sorted at
 * the end: whoever repairs the file goes through it from top to bottom once.
 */
#include "config/problems.h"

#include <stdarg.h>
#include <stdlib.h>

#define REPORT_LIMIT ((size_t)256 * 1024) /* octets: PROBLEMS_MAX lines of ERR_TEXT_MAX fit */
#define LINE_MAX_LEN 2048                 /* octets of one line: a file name, a position and a text */

void config_report_init(struct config_report *report)
{
    *report = (struct config_report){.further = NULL};
    buf_init(&report->problems, REPORT_LIMIT);
    buf_init(&report->warnings, REPORT_LIMIT);
}

void config_report_free(struct config_report *report)
{
    buf_free(&report->problems);
    buf_free(&report->warnings);
}

void problems_init(struct problems *problems)
{
    *problems = (struct problems){.items = NULL};
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].text);
    }
    free(problems->items);
    problems_init(problems);
}

static struct problem *new_problem(struct problems *problems)
{
    if (problems->items == NULL) {
        problems->items = calloc(PROBLEMS_MAX, sizeof *problems->items);
    }
    return problems->items != NULL ? &problems->items[problems->count] : NULL;
}

void problems_put(struct problems *problems, bool warning, struct place place, const char *path,
                  const char *text)
{
    problems->errors += warning ? 0 : 1;
    if (problems->count == PROBLEMS_MAX) {
        problems->dropped += warning ? 0 : 1;
        return;
    }
    bool with_path = path != NULL && path[0] != '\0';
    struct problem *problem = new_problem(problems);
    char *copy = NULL;
    if (problem == NULL ||
        asprintf(&copy, "%s%s%s", with_path ? path : "", with_path ? ": " : "", text) < 0) {
        problems->no_memory = true;
        return;
    }
    *problem = (struct problem){place, (unsigned)problems->count, warning, copy};
    problems->count++;
}

void problems_add(struct problems *problems, struct place place, const char *path, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    problems_put(problems, false, place, path, text);
}

static int compare(const void *left, const void *right)
{
    const struct problem *a = left;
    const struct problem *b = right;
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

void problems_line(struct buf *out, const char *file, struct place place, bool warning, const char *text)
{
    char line[LINE_MAX_LEN];
    char position[32] = "";
    if (place.line > 0) {
        (void)snprintf(position, sizeof position, "%u:%u:", place.line, place.column);
    }
    (void)snprintf(line, sizeof line, "%.900s:%s %s%s", file, position, warning ? "warning: " : "", text);
    size_t len = strlen(line);
    err_make_printable(line, len);
    /* A report without room has said enough: what matters then is that it is not empty. */
    if (!buf_append(out, line, len) || !buf_append_char(out, '\n')) {
        return;
    }
}

void problems_write(struct problems *problems, const char *file, struct config_report *report)
{
    if (problems->count > 1) {
        qsort(problems->items, problems->count, sizeof *problems->items, compare);
    }
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        problems_line(problem->warning ? &report->warnings : &report->problems, file, problem->place,
                      problem->warning, problem->text);
    }
    struct place whole = {0, 0};
    if (problems->dropped > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "%zu more problems are not shown", problems->dropped);
        problems_line(&report->problems, file, whole, false, text);
    }
    if (problems->no_memory) {
        problems_line(&report->problems, file, whole, false, "cannot be read: no memory");
    }
}
