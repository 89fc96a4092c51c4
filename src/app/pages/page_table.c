/*
 * A cell's heading is its row's first cell and its column's name, which scope tells screen readers.
 */
#include "app/pages/page_table.h"

#include <inttypes.h>
#include <stdio.h>

void page_number(struct page *page, uint64_t number)
{
    char digits[24];
    char grouped[sizeof digits * 2];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            grouped[used++] = ',';
        }
        grouped[used++] = digits[i];
    }
    page_text(page, (struct slice){grouped, used});
}

void page_time_text(uint64_t us, char out[PAGE_TIME_MAX])
{
    static const struct {
        uint64_t unit; /* microseconds */
        const char *name;
    } units[] = {{1000000, "s"}, {1000, "ms"}, {1, "\xC2\xB5s"}};
    size_t i = 0;
    while (units[i].unit > 1 && us < units[i].unit) {
        i++;
    }
    uint64_t unit = units[i].unit;
    uint64_t tenth = unit > 1 ? us % unit * 10 / unit : 0;
    bool fraction = us / unit < 100 && tenth > 0;
    (void)(fraction
               ? snprintf(out, PAGE_TIME_MAX, "%" PRIu64 ".%" PRIu64 " %s", us / unit, tenth, units[i].name)
               : snprintf(out, PAGE_TIME_MAX, "%" PRIu64 " %s", us / unit, units[i].name));
}

void page_scroller(struct page *page, const char *name)
{
    page_markup(page, "<div class=\"scroller\" role=\"region\" tabindex=\"0\" aria-label=\"");
    page_string(page, name);
    page_markup(page, "\">\n");
}

void page_scroller_end(struct page *page)
{
    page_markup(page, "</div>\n");
}

void page_table(struct page *page, const char *caption, const struct page_columns *columns)
{
    page_scroller(page, caption);
    page_markup(page, columns->numbers ? "<table class=\"numbers\">\n<caption>" : "<table>\n<caption>");
    page_string(page, caption);
    page_markup(page, "</caption>\n<thead>\n<tr>");
    for (size_t i = 0; i < columns->count; i++) {
        page_markup(page, "<th scope=\"col\">");
        page_string(page, columns->names[i]);
        page_markup(page, "</th>");
    }
    page_markup(page, "</tr>\n</thead>\n<tbody>\n");
}

void page_row(struct page *page, const char *heading)
{
    page_markup(page, "<tr><th scope=\"row\">");
    page_string(page, heading);
    page_markup(page, "</th>");
}

void page_cell(struct page *page, const char *text)
{
    page_markup(page, "<td>");
    page_string(page, text);
    page_markup(page, "</td>");
}

void page_cell_long(struct page *page, const char *text)
{
    page_markup(page, "<td class=\"long\">");
    page_string(page, text);
    page_markup(page, "</td>");
}

void page_cell_number(struct page *page, uint64_t number)
{
    page_markup(page, "<td class=\"number\">");
    page_number(page, number);
    page_markup(page, "</td>");
}

void page_cell_time(struct page *page, uint64_t us)
{
    char text[PAGE_TIME_MAX] = "\xE2\x80\x93"; /* an en dash */
    if (us > 0) {
        page_time_text(us, text);
    }
    page_markup(page, "<td class=\"number\">");
    page_string(page, text);
    page_markup(page, "</td>");
}

void page_row_end(struct page *page)
{
    page_markup(page, "</tr>\n");
}

void page_table_end(struct page *page)
{
    page_markup(page, "</tbody>\n</table>\n");
    page_scroller_end(page);
}
