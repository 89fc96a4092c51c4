/*
 * page_table: numbers, times and tables in pages.
 */
#ifndef FCGI_SMTP_APP_PAGE_TABLE_H
#define FCGI_SMTP_APP_PAGE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "app/pages/page.h"

/* A number in groups of three digits. */
void page_number(struct page *page, uint64_t number);

#define PAGE_TIME_MAX 32
/* "250 µs", "2.5 ms", "1.2 s" */
void page_time_text(uint64_t us, char out[PAGE_TIME_MAX]);

/* What is wider than the screen scrolls by itself, also by keyboard. name: what it is, for screen readers. */
void page_scroller(struct page *page, const char *name);
void page_scroller_end(struct page *page);

/* A table that scrolls by itself: begin, rows of cells, end. */
struct page_columns {
    const char *const *names;
    size_t count;
    bool numbers; /* all but the first hold numbers */
};
void page_table(struct page *page, const char *caption, const struct page_columns *columns);
void page_row(struct page *page, const char *heading); /* the row's first cell */
void page_cell(struct page *page, const char *text);
void page_cell_long(struct page *page, const char *text); /* may be broken anywhere */
void page_cell_number(struct page *page, uint64_t number);
void page_cell_time(struct page *page, uint64_t us); /* 0: a dash */
void page_row_end(struct page *page);
void page_table_end(struct page *page);

#endif
