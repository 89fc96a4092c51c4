/*
 * Speed of what every octet of an upload passes: the scan for the boundary, base64, quoted-printable, dot-stuffing. All
 * figures are ratios to something that was measured in the same run.
 */
#include <openssl/evp.h>
#include <string.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/lines.h"
#include "fcgi_smtp/quoted_printable.h"
#include "form/multipart.h"
#include "measure.h"

/* Pieces are as large as those that a message is composed of. */
enum { BODY = 25 << 20, PIECE = 16384, TEXT_PIECE = 4096 };

static const struct slice boundary = SLICE_INIT("------------------------d74496d66958873e");
static const struct slice one_letter =
    SLICE_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

struct work {
    struct slice boundary;
    const unsigned char *in;
    size_t len;
    unsigned char *out;
};

static void run_evp(void *ctx)
{
    const struct work *work = ctx;
    (void)EVP_EncodeBlock(work->out, work->in, (int)work->len);
}

/* As EVP_EncodeBlock, the output over and over into the same cache. */
static void run_evp_pieces(void *ctx)
{
    const struct work *work = ctx;
    for (size_t at = 0; at < work->len; at += PIECE) {
        (void)EVP_EncodeBlock(work->out, work->in + at, PIECE);
    }
}

static void run_base64(void *ctx)
{
    const struct work *work = ctx;
    struct base64_encoder encoder;
    base64_encoder_init(&encoder, BASE64_WRAPPED);
    for (size_t at = 0; at < work->len; at += PIECE) {
        (void)base64_encoder_update(&encoder, work->in + at, PIECE, (char *)work->out);
    }
}

static void run_base64_whole(void *ctx)
{
    const struct work *work = ctx;
    struct base64_encoder encoder;
    base64_encoder_init(&encoder, BASE64_WRAPPED);
    (void)base64_encoder_update(&encoder, work->in, work->len, (char *)work->out);
}

static void run_quoted_printable(void *ctx)
{
    const struct work *work = ctx;
    struct quoted_printable_encoder encoder;
    quoted_printable_encoder_init(&encoder, QUOTED_PRINTABLE_TEXT);
    for (size_t at = 0; at < work->len; at += TEXT_PIECE) {
        (void)quoted_printable_encoder_update(&encoder, work->in + at, TEXT_PIECE, (char *)work->out);
    }
}

static void run_memmem(void *ctx)
{
    const struct work *work = ctx;
    const void *found = memmem(work->in, work->len, work->boundary.data, work->boundary.len);
    if (found != NULL) {
        abort();
    }
}

/* The same look-out as within a part, where found octets go nowhere: this is the scan alone. */
static void run_scan(void *ctx)
{
    const struct work *work = ctx;
    struct multipart parser;
    struct fields fields = {0};
    if (!multipart_init(&parser, work->boundary)) {
        abort();
    }
    for (size_t at = 0; at < work->len; at += PIECE) {
        struct slice piece = {(const char *)work->in + at, PIECE};
        if (multipart_update(&parser, &fields, piece, NULL) != FORM_OK) {
            abort();
        }
    }
    multipart_free(&parser);
}

static void fill_text(unsigned char *out, size_t len, const char *sample)
{
    size_t sample_len = strlen(sample);
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)sample[i % sample_len];
    }
}

static void bench_base64(const unsigned char *random, unsigned char *out, unsigned *missed)
{
    struct work work = {boundary, random, BODY, out};
    struct measured things[] = {{run_evp, &work, 0},
                                {run_evp_pieces, &work, 0},
                                {run_base64, &work, 0},
                                {run_base64_whole, &work, 0}};
    measure(things, 4);
    measure_report("base64, lines and CRLF, pieces of 16 KiB", things[1].seconds / things[2].seconds,
                   "EVP_EncodeBlock", true, 1.5, missed);
    measure_report("base64, lines and CRLF, at once", things[0].seconds / things[3].seconds,
                   "EVP_EncodeBlock", true, 1.5, missed);
    printf("%-46s %6.0f MB/s\n", "base64", BODY / 1e6 / things[2].seconds);
}

/* Texts for which quoted-printable is the shorter; the others are sent as base64, and only shown. */
static void bench_quoted_printable(const unsigned char *random, unsigned char *text, unsigned char *out,
                                   unsigned *missed)
{
    static const struct {
        const char *name;
        const char *sample;
        bool sent;
    } texts[] = {
        {"quoted-printable, English", "The quick brown fox jumps over the lazy dog, again and again.\n",
         true},
        {"quoted-printable, HTML", "<p class=\"a\">Text</p>\n<a href=\"https://example.com/?q=1\">here</a>\n",
         true},
        {"quoted-printable, French",
         "L'\xc3\xa9t\xc3\xa9 dernier, nous avons fait un tr\xc3\xa8s beau voyage \xc3\xa0 la mer.\r\n",
         true},
        {"quoted-printable, Russian, which goes as base64",
         "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xd0\xb2\xd1\x81\xd0\xb5\xd0\xbc\n", false},
    };
    struct work base64 = {boundary, random, BODY, out};
    struct work work = {boundary, text, BODY, out};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fill_text(text, BODY, texts[i].sample);
        struct measured things[] = {{run_base64, &base64, 0}, {run_quoted_printable, &work, 0}};
        measure(things, 2);
        double ratio = things[1].seconds / things[0].seconds;
        if (texts[i].sent) {
            measure_report(texts[i].name, ratio, "base64's time", false, 3, missed);
        } else {
            printf("%-46s %6.2f x base64's time\n", texts[i].name, ratio);
        }
    }
}

static void bench_scan(const char *name, const unsigned char *body, unsigned *missed)
{
    struct work work = {boundary, body, BODY, NULL};
    struct measured things[] = {{run_memmem, &work, 0}, {run_scan, &work, 0}};
    measure(things, 2);
    measure_report(name, things[1].seconds / things[0].seconds, "memmem's time", false, 2, missed);
}

/* Twice the octets must not take more than twice the time. */
static void bench_hostile(const char *name, struct slice with, const unsigned char *body, unsigned *missed)
{
    struct work whole = {with, body, BODY, NULL};
    struct work half = {with, body, (BODY / 2) / PIECE * PIECE, NULL};
    struct measured things[] = {{run_scan, &whole, 0}, {run_scan, &half, 0}};
    measure(things, 2);
    measure_report(name, things[0].seconds / things[1].seconds, "the time of half of it", false, 2.5, missed);
    printf("%-46s %6.2f ns an octet\n", "", things[0].seconds * 1e9 / BODY);
}

int main(void)
{
    unsigned missed = 0;
    unsigned char *random = measure_alloc(BODY);
    unsigned char *body = measure_alloc(BODY);
    unsigned char *out = measure_alloc((size_t)2 * BODY);
    measure_fill_random(random, BODY);
    bench_base64(random, out, &missed);
    bench_quoted_printable(random, body, out, &missed);
    bench_scan("boundary scan, random octets", random, &missed);
    struct base64_encoder encoder;
    base64_encoder_init(&encoder, BASE64_WRAPPED);
    (void)base64_encoder_update(&encoder, random, BODY, (char *)out);
    bench_scan("boundary scan, base64", out, &missed);
    memset(body, '\r', BODY);
    bench_hostile("boundary scan, 25 MiB of CR", boundary, body, &missed);
    fill_text(body, BODY, "\r\n--------------------------d74496d66958873");
    bench_hostile("boundary scan, 25 MiB of boundary prefixes", boundary, body, &missed);
    fill_text(body, BODY, "\r\n");
    bench_hostile("boundary scan, 25 MiB of CRLF", boundary, body, &missed);
    memset(body, 'a', BODY);
    bench_hostile("boundary scan, 25 MiB of the boundary's letter", one_letter, body, &missed);
    fill_text(body, BODY, "\r\n--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    bench_hostile("boundary scan, 25 MiB of its prefixes", one_letter, body, &missed);
    free(random);
    free(body);
    free(out);
    return missed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
