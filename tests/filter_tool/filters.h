/* filters: every filter of the library behind one call, by name. */
#ifndef FCGI_SMTP_TESTS_FILTERS_H
#define FCGI_SMTP_TESTS_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"

enum filter_result {
    FILTER_OK,
    FILTER_REFUSED, /* the filter did not accept its input */
    FILTER_UNKNOWN  /* no filter has that name */
};

/*
 * Feeds in to the filter in pieces of step octets (0: all at once) and appends what comes out. parameter: the width of
 * "wrap", the column of "encoded-word".
 */
enum filter_result filter_run(const char *name, size_t parameter, struct slice in, size_t step,
                              struct buf *out);

#endif
