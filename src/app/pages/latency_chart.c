/*
 * Presentation attributes and classes only: the page's policy allows no style attributes.
 */
#include "app/pages/latency_chart.h"

#include <inttypes.h>

#include "app/pages/page_table.h"

#define BAR_WIDTH 38
#define BAR_GAP   10
#define STEP      (BAR_WIDTH + BAR_GAP)
#define TOP       20 /* room for the number above the highest bar */
#define HEIGHT    140
#define BOTTOM    (TOP + HEIGHT)
#define WIDTH     (METRICS_BUCKETS * STEP)

static void put_bar(struct page *page, size_t bucket, uint64_t count, uint64_t most)
{
    unsigned x = (unsigned)bucket * STEP;
    /* Not a stroke high is only what is none. */
    unsigned height = most > 0 ? (unsigned)((double)count / (double)most * HEIGHT) : 0;
    height = count > 0 && height == 0 ? 1 : height;
    page_format(page, "<rect class=\"bar\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"%u\"/>", x,
                BOTTOM - height, BAR_WIDTH, height);
    if (count > 0) {
        page_format(page, "<text x=\"%u\" y=\"%u\" text-anchor=\"middle\">%" PRIu64 "</text>",
                    x + BAR_WIDTH / 2, BOTTOM - height - 4, count);
    }
}

static void put_bound(struct page *page, size_t bucket)
{
    char text[PAGE_TIME_MAX] = "more";
    if (bucket < METRICS_BOUNDS) {
        page_time_text(metrics_bound(bucket), text);
    }
    page_format(page, "<text x=\"%u\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                (unsigned)bucket * STEP + BAR_WIDTH / 2, BOTTOM + 16, text);
}

void latency_chart(struct page *page, const struct metrics_times *times, const char *title)
{
    uint64_t most = 0;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        most = times->buckets[i] > most ? times->buckets[i] : most;
    }
    page_scroller(page, title);
    page_format(page,
                "<svg class=\"chart\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
                "aria-labelledby=\"chart-title\">\n<title id=\"chart-title\">",
                WIDTH, BOTTOM + 24, WIDTH, BOTTOM + 24);
    page_string(page, title);
    page_markup(page, "</title>\n");
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        put_bar(page, i, times->buckets[i], most);
        put_bound(page, i);
    }
    page_format(page, "<path class=\"axis\" d=\"M0 %d.5H%d\"/>\n</svg>\n", BOTTOM, WIDTH);
    page_scroller_end(page);
}
