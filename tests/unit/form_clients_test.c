/* Bodies as real clients sent them, recorded from the wire behind their Content-Type line: data/form. */
#include "fcgi_smtp/form.h"

#include <stdio.h>

#include "form_run.h"
#include "unit.h"

static const struct {
    const char *file;
    enum form_result result;
    const char *fields; /* as form_run.h writes them; or what the refusal says */
} clients[] = {
    {"form/chromium.bin", FORM_OK, /* the empty file input is left out */
     "to=a@example.com\n"
     "text=Gr\xC3\xBC\xC3\x9F"
     "e\\r\\nZeile\n"
     "_charset_=UTF-8\n"
     "attachment@\"a\"b\\c\\n\"\xC3\xBC.txt\" (text/plain)=hello\\r\\nworld\\n\n"
     "attachment@\"empty.bin\" (application/octet-stream)=\n"
     "attachment@\"C:\\temp\\end\\\" (text/html;charset=iso-8859-1) <iso-8859-1>=x\\r\\n--\n"
     "we\"ird\\r\\nname\"=1\n"},
    {"form/chromium_urlencoded.bin", FORM_OK,
     "to=a@example.com\n"
     "text=Gr\xC3\xBC\xC3\x9F"
     "e & Co+\\r\\nZeile ~*-._\n"
     "_charset_=UTF-8\n"
     "leer=\n"
     "a b=100% %41\n"},
    {"form/curl.bin", FORM_OK,
     "to=a@example.com\n"
     "text=Gr\xC3\xBC\xC3\x9F"
     "e\n"
     "we\"ird\\nname=1\n"
     "attachment@\"plain.txt\" (text/plain)=hello\\r\\nworld\\n\n"
     "attachment@\"we\"ird\\name \xC3\xBC.txt\" (text/plain)=x\n"
     "attachment@\"empty.txt\" (text/plain)=\n"
     "attachment@\"C:\\temp\\new.txt\" (text/plain)=hello\\r\\nworld\\n\n"
     "text2=hello\\r\\nworld\\n\n"},
    {"form/curl_form_escape.bin", FORM_OK,
     "we\"ird=1\n"
     "attachment@\"we\"ird\\name \xC3\xBC.txt\" (text/plain)=x\n"},
    {"form/curl_encoder.bin", FORM_MALFORMED,
     "Part 1 of the form (\"x\"): Content-Transfer-Encoding: base64 is not read"},
    {"form/curl_mixed.bin", FORM_MALFORMED,
     "Part 1 of the form (\"x\"): it is a multipart/mixed; send each file"},
    {"form/curl_urlencode.bin", FORM_OK,
     "text=Gr\xC3\xBC\xC3\x9F"
     "e & Co+\n"
     "a=b\n"
     "raw=a b%zz\n"
     "novalue=\n"},
    {"form/node.bin", FORM_OK, /* node leaves out an empty file name */
     "to=a@example.com\n"
     "text=Gr\xC3\xBC\xC3\x9F"
     "e\\r\\nzeile\\r\\nx\\r\\n\n"
     "we\"ird\\r\\nname=1\n"
     "attachment@\"a\"b\\c\\r\\n\xC3\xBC.txt\" (text/plain;charset=utf-8) <utf-8>=hello\n"
     "attachment (application/octet-stream)=\n"
     "b@\"blob\" (application/octet-stream)=x\n"},
    {"form/node_urlencoded.bin", FORM_OK,
     "text <UTF-8>=Gr\xC3\xBC\xC3\x9F"
     "e & Co+\\r\\n\n"
     "a b <UTF-8>=\n"
     "x <UTF-8>=%41~*-._\n"},
    {"form/python_email.bin", FORM_OK,
     "text (text/plain; charset=\"us-ascii\") <us-ascii>=Hi there\\r\\n\n"
     "attachment@\"Gr\xC3\xBC\xC3\x9F"
     "e.bin\" (application/octet-stream)=\\0\x01\n"},
    {"form/python_urlencode.bin", FORM_OK,
     "text=Gr\xC3\xBC\xC3\x9F"
     "e & Co+\\r\\n\n"
     "a b=\n"
     "x=~*-._\n"},
};

/* The body of a file, and its Content-Type. */
static bool load(const char *path, char *data, size_t cap, struct slice *type, struct slice *body)
{
    static const char field[] = "content-type:";
    FILE *file = fopen(path, "rb");
    size_t len = file != NULL ? fread(data, 1, cap, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL || strncasecmp(data, field, sizeof field - 1) != 0) {
        return false;
    }
    *type = (struct slice){data + sizeof field - 1, (size_t)(end - data) - (sizeof field - 1)};
    *body = (struct slice){end + 4, len - (size_t)(end + 4 - data)};
    return true;
}

static void bodies_of_clients_are_understood(void)
{
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        char data[4096];
        struct slice type = {0}, body = {0};
        CU_ASSERT_FATAL(load(clients[i].file, data, sizeof data, &type, &body));
        struct form_run run = {0};
        form_run_body(&run, type, body);
        CU_ASSERT_EQUAL(run.result, clients[i].result);
        if (clients[i].result == FORM_OK) {
            CU_ASSERT_STRING_EQUAL(buf_cstr(&run.text), clients[i].fields);
        } else {
            CU_ASSERT_PTR_NOT_NULL(strstr(run.err.text, clients[i].fields));
        }
        CU_ASSERT(form_run_cuts_agree(&run, type, body));
        form_run_free(&run);
    }
}

static const struct unit_test tests[] = {
    {"bodies of clients are understood", bodies_of_clients_are_understood},
};
UNIT_SUITE(form_clients, tests);
