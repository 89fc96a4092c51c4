/*
 * Line ends are found with memchr, one search for CR and one for LF that are each repeated only when the last find is
 * behind: so every octet is looked at twice at most, whatever mixture of line ends there is, and lines are copied in bulk.
 */
#include "fcgi_smtp/lines.h"

#include <string.h>

#include "filter/line_ends.h"

static char *put(char *out, const char *octets, size_t len)
{
    memcpy(out, octets, len);
    return out + len;
}

void crlf_encoder_init(struct crlf_encoder *encoder)
{
    *encoder = (struct crlf_encoder){.at_line_start = true};
}

size_t crlf_encoder_update(struct crlf_encoder *encoder, const void *in, size_t len, char *out)
{
    if (len == 0) {
        return 0;
    }
    const char *p = in;
    const char *end = p + len;
    char *to = out;
    if (encoder->after_cr && *p == '\n') {
        p++;
    }
    encoder->after_cr = false;
    struct line_ends ends = line_ends_from(p, end);
    while (p < end) {
        const char *line_end = line_ends_next(&ends, p);
        to = put(to, p, (size_t)(line_end - p));
        encoder->at_line_start = line_end < end;
        if (line_end == end) {
            break;
        }
        to = put(to, "\r\n", 2);
        p = line_end + 1;
        encoder->after_cr = *line_end == '\r' && p == end;
        if (*line_end == '\r' && p < end && *p == '\n') {
            p++;
        }
    }
    return (size_t)(to - out);
}

size_t crlf_encoder_finish(struct crlf_encoder *encoder, char *out)
{
    if (encoder->at_line_start) {
        return 0;
    }
    encoder->at_line_start = true;
    put(out, "\r\n", 2);
    return 2;
}

void line_scanner_init(struct line_scanner *scanner)
{
    *scanner = (struct line_scanner){0};
}

/* No early exit: a loop without one is vectorised. */
static bool any_non_ascii(const char *in, size_t len)
{
    unsigned char all = 0;
    for (size_t i = 0; i < len; i++) {
        all |= (unsigned char)in[i];
    }
    return all > 127;
}

static void scan_octets(struct line_scanner *scanner, const char *in, size_t len)
{
    scanner->has_non_ascii = scanner->has_non_ascii || any_non_ascii(in, len);
    const char *nul = scanner->has_nul ? NULL : memchr(in, '\0', len);
    if (nul != NULL) {
        scanner->has_nul = true;
        scanner->nul_offset = scanner->octets + (uint64_t)(nul - in);
    }
    scanner->octets += len;
}

static void scan_line(struct line_scanner *scanner, uint64_t octets)
{
    scanner->line += octets;
    scanner->crlf_octets += octets;
    scanner->longest_line = scanner->line > scanner->longest_line ? scanner->line : scanner->longest_line;
    if (scanner->line > LINE_OCTETS_MAX && scanner->long_line == 0) {
        scanner->long_line = scanner->line_ends + 1;
    }
}

static void scan_line_end(struct line_scanner *scanner, char c)
{
    scanner->has_lone_lf = scanner->has_lone_lf || c == '\n';
    scanner->after_cr = c == '\r';
    scanner->line = 0;
    scanner->line_ends++;
    scanner->crlf_octets += 2;
}

/* What follows a CR: the LF of its line end, or something else. Returns the octets taken. */
static size_t scan_after_cr(struct line_scanner *scanner, char c)
{
    scanner->after_cr = false;
    scanner->has_lone_cr = scanner->has_lone_cr || c != '\n';
    return c == '\n';
}

void line_scanner_update(struct line_scanner *scanner, const void *in, size_t len)
{
    if (len == 0) {
        return;
    }
    const char *p = in;
    const char *end = p + len;
    scan_octets(scanner, p, len);
    struct line_ends ends = line_ends_from(p, end);
    while (p < end) {
        if (scanner->after_cr) {
            p += scan_after_cr(scanner, *p);
        }
        const char *line_end = line_ends_next(&ends, p);
        scan_line(scanner, (uint64_t)(line_end - p));
        if (line_end == end) {
            break;
        }
        scan_line_end(scanner, *line_end);
        p = line_end + 1;
    }
}

bool line_scanner_is_7bit(const struct line_scanner *scanner)
{
    return !scanner->has_non_ascii && !scanner->has_nul && scanner->longest_line <= LINE_OCTETS_MAX;
}
