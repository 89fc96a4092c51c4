/*
 * nearest: the known name that somebody who wrote an unknown one most likely meant.
 */
#ifndef FCGI_SMTP_NEAREST_H
#define FCGI_SMTP_NEAREST_H

#include <stddef.h>

#include "fcgi_smtp/slice.h"

#define NEAREST_NAME_MAX 64 /* octets; longer names are near to nothing */

/*
 * Of count known names the one with the smallest edit distance (insert, delete, replace, swap of neighbours;
 * ASCII case is ignored), if that is at most a third of the longer name's length, but at least 1; NULL
 * otherwise.
 */
const char *nearest_name(struct slice unknown, const char *const *known, size_t count);

#endif
