/*
 * dashboard: HTML pages for operators: the layout, tables, and who may load what (a strict Content-Security-Policy).
 *
 * Everything that is not a literal of this program goes through dashboard_text.
 */
#ifndef FCGI_SMTP_APP_DASHBOARD_H
#define FCGI_SMTP_APP_DASHBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/slice.h"

struct exchange;

/* The contents of the two files. */
struct slice dashboard_style(void);  /* dashboard.css */
struct slice dashboard_script(void); /* compose_page.js */

struct dashboard {
    struct exchange *exchange;
    bool good; /* nothing was left out for want of room or memory */
};

struct dashboard_head {
    const char *title;
    unsigned refresh; /* seconds after which the browser loads the page again; 0: never */
    bool script;      /* the page has dashboard_script; its forms may be sent to this origin */
};

/* Begins a page with status 200. */
void dashboard_begin(struct dashboard *page, struct exchange *exchange, const struct dashboard_head *head);

/* Ends it. Where there was no room for all of it the answer is a 500. */
void dashboard_end(struct dashboard *page);

void dashboard_markup(struct dashboard *page, const char *html); /* a literal of this program */
void dashboard_text(struct dashboard *page,
                    const char *text); /* escaped; for elements and quoted attributes */
void dashboard_script_here(struct dashboard *page);

/* A number in groups of three digits. */
void dashboard_number(struct dashboard *page, uint64_t number);

/* A table in a region that scrolls by itself: begin, rows of cells, end. */
struct dashboard_columns {
    const char *const *names;
    size_t count;
    bool numbers; /* all but the first hold numbers */
};
void dashboard_table(struct dashboard *page, const char *caption, const struct dashboard_columns *columns);
void dashboard_row(struct dashboard *page, const char *heading); /* the row's first cell */
void dashboard_cell(struct dashboard *page, const char *text);
void dashboard_cell_number(struct dashboard *page, uint64_t number);
void dashboard_cell_time(struct dashboard *page, uint64_t us); /* 0: a dash */
void dashboard_row_end(struct dashboard *page);
void dashboard_table_end(struct dashboard *page);

#define DASHBOARD_TIME_MAX 32
/* "250 µs", "2.5 ms", "1.2 s" */
void dashboard_time_text(uint64_t us, char out[DASHBOARD_TIME_MAX]);

#endif
