/* An address list that is accepted: its parts keep their bounds, and written into a header field it reads the same. */
#include <stdint.h>
#include <stdlib.h>

#include "fcgi_smtp/utf8.h"
#include "mime/header.h"
#include "mime/lexer.h"

enum { MEMORY = 8 << 20, MANY = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void check_mailbox(const struct mailbox *box, struct arena *arena)
{
    const struct addr_spec *address = &box->address;
    struct mailbox again;
    demand(lexer_valid_prefix(box->name) == box->name.len);
    demand(lexer_valid_prefix(address->text) == address->text.len);
    demand(address->text.len <= 254 && address->text.len >= 3 && address->domain.len > 0);
    demand(utf8_is_ascii(address->domain) && utf8_is_ascii(address->local) == !address->utf8);
    demand(address_parse_one(&again, address->text, false, arena, NULL) == ADDRESS_OK);
    demand(slice_equal(again.address.text, address->text) && address_equal(&again.address, address));
    demand(address_matches(address, "*@*") && address_matches(address, "*"));
}

static void check_written(const struct address_list *list, struct arena *arena)
{
    struct buf out;
    struct err err = {"", ""};
    struct header header;
    struct address_list again = {0};
    buf_init(&out, MEMORY);
    header_init(&header, &out, &err);
    header_begin(&header, SLICE("To"), SLICE("to"));
    header_addresses(&header, list);
    header_end(&header);
    demand(header.result == COMPOSE_OK);
    size_t len = 0;
    for (size_t i = 3; i < out.len; i++) { /* unfold */
        if (out.data[i] != '\r' && out.data[i] != '\n') {
            out.data[len++] = out.data[i];
        }
    }
    demand(address_parse(&again, (struct slice){out.data, len}, MANY, arena, &err) == ADDRESS_OK);
    demand(again.count == list->count && again.group_count == list->group_count);
    for (size_t i = 0; i < list->count; i++) {
        demand(slice_equal(again.mailboxes[i].name, list->mailboxes[i].name));
        demand(slice_equal(again.mailboxes[i].address.text, list->mailboxes[i].address.text));
    }
    for (size_t i = 0; i < list->group_count; i++) {
        demand(slice_equal(again.groups[i].name, list->groups[i].name));
        demand(again.groups[i].first == list->groups[i].first &&
               again.groups[i].count == list->groups[i].count);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct address_list list = {0};
    struct err err = {"", ""};
    struct slice text = {(const char *)data, size};
    struct slice ascii;
    arena_init(&arena, MEMORY);
    enum address_result result = address_parse(&list, text, MANY, &arena, &err);
    demand((result == ADDRESS_OK) == (err.text[0] == '\0'));
    for (size_t i = 0; i < list.count; i++) {
        check_mailbox(&list.mailboxes[i], &arena);
    }
    if (result == ADDRESS_OK) {
        check_written(&list, &arena);
    }
    if (address_domain_to_ascii(text, &arena, &ascii)) {
        demand(utf8_is_ascii(ascii) && ascii.len <= 253 && !slice_has(ascii, '@'));
    }
    (void)compose_date_valid(text);
    (void)compose_message_ids_valid(text, MANY);
    arena_free(&arena);
    return 0;
}
