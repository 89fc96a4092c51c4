/*
 * multipart/form-data.
 *
 * The body is preamble, parts and epilogue with CRLF "--" boundary between them. A boundary cannot hold CR (bchars,
 * RFC 2046 5.1.1), so the delimiter has its only CR in front. Two things follow, and the parser rests on them:
 * - whole ones are memmem's to find (at most 74 octets: linear on any input), and a cut one can only begin at the last CR
 *   of a chunk;
 * - what a chunk ends in and may turn out to be a delimiter is a piece of the delimiter: a count is all that has to be
 *   kept, and the octets are taken from our own copy of the delimiter if they were content after all.
 *
 * The first delimiter may stand at the very beginning, and a part may have no content at all, not even the CRLF
 * between the empty line and the delimiter. In both places the parser begins as if a CRLF had just been matched; these
 * two octets are "borrowed", never content.
 *
 * A line that begins with the boundary and goes on with something else than RFC 2046 allows is neither taken for
 * content nor skipped: readers differ there (5.1.1 compares prefixes, others whole lines), so the body is refused.
 */
#include "form/multipart.h"

#include "form/part_header.h"
#include "form/type.h"

static bool is_boundary(struct slice boundary)
{
    if (boundary.len == 0 || boundary.len > MULTIPART_BOUNDARY_MAX ||
        boundary.data[boundary.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < boundary.len; i++) { /* bchars */
        char c = boundary.data[i];
        if (!ascii_is_alphanumeric(c) && !ascii_is_one_of(c, "'()+_,-./:=? ")) {
            return false;
        }
    }
    return true;
}

/* As if the CRLF of a delimiter had been read. */
static void borrow_line_end(struct multipart *parser)
{
    parser->matched = 2;
    parser->borrowed = 2;
}

bool multipart_init(struct multipart *parser, struct slice boundary)
{
    memset(parser, 0, sizeof *parser);
    if (!is_boundary(boundary)) {
        return false;
    }
    memcpy(parser->delimiter, "\r\n--", 4);
    memcpy(parser->delimiter + 4, boundary.data, boundary.len);
    parser->delimiter_len = 4 + boundary.len;
    buf_init(&parser->header, PART_HEADER_MAX);
    borrow_line_end(parser);
    return true;
}

void multipart_free(struct multipart *parser)
{
    buf_free(&parser->header);
}

static enum form_result malformed(struct err *err, const char *what, size_t part)
{
    err_set(err, "Part %zu of the form: %s", part, what);
    return FORM_MALFORMED;
}

/* Where in octets a delimiter begins, whole or cut by the end; *len octets of it are there. Else octets' end, 0. */
static size_t find_delimiter(const struct multipart *parser, struct slice octets, size_t *len)
{
    const char *whole = memmem(octets.data, octets.len, parser->delimiter, parser->delimiter_len);
    if (whole != NULL) {
        *len = parser->delimiter_len;
        return (size_t)(whole - octets.data);
    }
    size_t tail = octets.len < parser->delimiter_len ? octets.len : parser->delimiter_len - 1;
    const char *end = octets.data + octets.len;
    const char *cr = memrchr(end - tail, '\r', tail);
    *len = cr != NULL && memcmp(cr, parser->delimiter, (size_t)(end - cr)) == 0 ? (size_t)(end - cr) : 0;
    return octets.len - *len;
}

static enum form_result emit(struct multipart *parser, struct fields *fields, const char *octets, size_t len,
                             struct err *err)
{
    return parser->state == MULTIPART_CONTENT ? fields_append(fields, octets, len, err) : FORM_OK;
}

/* Goes on with a delimiter that was begun. What proves to be none is content. */
static enum form_result continue_delimiter(struct multipart *parser, struct fields *fields, struct slice *in,
                                           struct err *err)
{
    while (in->len > 0 && parser->matched < parser->delimiter_len &&
           in->data[0] == parser->delimiter[parser->matched]) {
        parser->matched++;
        slice_skip(in, 1);
    }
    if (in->len == 0 || parser->matched == parser->delimiter_len) {
        return FORM_OK;
    }
    size_t borrowed = parser->borrowed;
    size_t len = parser->matched - borrowed;
    parser->matched = 0;
    parser->borrowed = 0;
    return emit(parser, fields, parser->delimiter + borrowed, len, err);
}

/* Preamble or content, up to and with the delimiter. */
static enum form_result read_content(struct multipart *parser, struct fields *fields, struct slice *in,
                                     struct err *err)
{
    enum form_result result = FORM_OK;
    if (parser->matched > 0) {
        result = continue_delimiter(parser, fields, in, err);
    }
    if (result == FORM_OK && parser->matched == 0) {
        size_t len = find_delimiter(parser, *in, &parser->matched);
        result = emit(parser, fields, in->data, len, err);
        slice_skip(in, len + parser->matched);
    }
    if (result == FORM_OK && parser->matched == parser->delimiter_len) {
        if (parser->state == MULTIPART_CONTENT) {
            fields_end(fields);
        }
        parser->state = MULTIPART_DELIMITER;
        parser->matched = 0;
        parser->borrowed = 0;
    }
    return result;
}

/* RFC 2046 5.1.1: "--" closes; transport padding, then CRLF, begins a part. One octet is taken. */
static enum form_result read_delimiter_end(struct multipart *parser, struct fields *fields, struct slice *in,
                                           struct err *err)
{
    char c = in->data[0];
    slice_skip(in, 1);
    enum multipart_state state = parser->state;
    bool space = ascii_is_blank(c);
    if (state == MULTIPART_DELIMITER && c == '-') {
        parser->state = MULTIPART_DELIMITER_DASH;
    } else if (state == MULTIPART_DELIMITER_DASH && c == '-') {
        parser->state = MULTIPART_CLOSE;
    } else if ((state == MULTIPART_DELIMITER || state == MULTIPART_PADDING) && (space || c == '\r')) {
        parser->state = space ? MULTIPART_PADDING : MULTIPART_LINE_FEED;
    } else if (state == MULTIPART_LINE_FEED && c == '\n') {
        parser->state = MULTIPART_HEADER;
    } else if (state == MULTIPART_CLOSE && (c == '\r' || c == '\n')) { /* LF alone harms nobody here */
        parser->state = MULTIPART_EPILOGUE;
    } else if (state != MULTIPART_CLOSE || !space) {
        return malformed(err,
                         c == '\n' ? "a line ends in LF alone; end lines in CRLF"
                                   : "a line begins with the boundary but does not end after it",
                         fields->begun + 1);
    }
    return FORM_OK;
}

static enum form_result begin_part(struct multipart *parser, struct fields *fields, struct err *err)
{
    struct part_header header;
    enum form_result result =
        part_header_parse(&header, fields->begun + 1, parser->header.data, parser->header.len, err);
    if (result != FORM_OK) {
        return result;
    }
    struct form_field head = {
        .name = {header.name.octets, header.name.len},
        .is_file = part_name_given(&header.file_name),
        .file_name = {header.file_name.octets, header.file_name.len},
        .type = header.type,
    };
    result = fields_begin(fields, &head, err);
    buf_clear(&parser->header);
    parser->line = 0;
    parser->state = MULTIPART_CONTENT;
    borrow_line_end(parser);
    return result;
}

/* Collects header lines up to and with the empty one; takes at most one line. */
static enum form_result read_header(struct multipart *parser, struct fields *fields, struct slice *in,
                                    struct err *err)
{
    const char *line_feed = memchr(in->data, '\n', in->len);
    size_t len = line_feed != NULL ? (size_t)(line_feed - in->data) + 1 : in->len;
    struct buf *header = &parser->header;
    if (len > PART_HEADER_MAX - header->len) {
        return malformed(err, "its header is too long; an empty line ends the header", fields->begun + 1);
    }
    if (!buf_append(header, in->data, len)) {
        err_set(err, "There is no memory for the header of part %zu of the form", fields->begun + 1);
        return FORM_FAILED;
    }
    slice_skip(in, len);
    if (line_feed == NULL) {
        return FORM_OK;
    }
    size_t line_len = header->len - parser->line;
    if (line_len < 2 || header->data[header->len - 2] != '\r') {
        return malformed(err, "a line of its header ends in LF alone; end lines in CRLF", fields->begun + 1);
    }
    parser->line = header->len;
    return line_len == 2 ? begin_part(parser, fields, err) : FORM_OK;
}

enum form_result multipart_update(struct multipart *parser, struct fields *fields, struct slice octets,
                                  struct err *err)
{
    enum form_result result = FORM_OK;
    while (octets.len > 0 && result == FORM_OK && parser->state != MULTIPART_EPILOGUE) {
        switch (parser->state) {
        case MULTIPART_PREAMBLE:
        case MULTIPART_CONTENT:
            result = read_content(parser, fields, &octets, err);
            break;
        case MULTIPART_HEADER:
            result = read_header(parser, fields, &octets, err);
            break;
        default:
            result = read_delimiter_end(parser, fields, &octets, err);
            break;
        }
    }
    return result;
}

enum form_result multipart_finish(struct multipart *parser, struct fields *fields, struct err *err)
{
    if (parser->state == MULTIPART_CLOSE || parser->state == MULTIPART_EPILOGUE) {
        return FORM_OK;
    }
    if (parser->state == MULTIPART_PREAMBLE) {
        err_set(err,
                "No line of the body begins with the boundary that Content-Type names, \"%.*s\"; send the "
                "boundary "
                "that the body is written with",
                (int)(parser->delimiter_len - 4), parser->delimiter + 4);
        return FORM_MALFORMED;
    }
    struct form_field *open = fields->open;
    if (open != NULL) {
        err_set_field(err, open->name.data, open->name.len);
    }
    err_set(err, "The body ends in part %zu of the form%s%.*s, before the closing boundary; send it whole",
            fields->begun + (open == NULL), open != NULL ? ", " : "",
            SLICE_ARGS(open != NULL ? open->name : SLICE("")));
    return FORM_MALFORMED;
}
