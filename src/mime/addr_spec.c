/*
 * Only what RFC 5321 can say on the wire is taken: no white space or comments around the dots (RFC 5322's
 * obs-local-part and obs-domain), no mix of atoms and quoted strings, no HTAB in a quoted local part. What is
 * left has one canonical text, which header and envelope share.
 */
#include "mime/addr_spec.h"

#include "fcgi_smtp/utf8.h"
#include "mime/domain.h"

enum {
    LOCAL_MAX = 64,     /* octets; RFC 5321 4.5.3.1.1 */
    ADDR_SPEC_MAX = 254 /* octets; 4.5.3.1.3's path of 256 without "<" and ">" */
};

static enum address_result refuse(const char **why, const char *reason)
{
    *why = reason;
    return ADDRESS_INVALID;
}

static enum address_result skip_cfws(struct lexer *lexer, const char **why)
{
    return lexer_skip_cfws(lexer, NULL) ? ADDRESS_OK : refuse(why, "a comment is not closed");
}

/* RFC 2047 5(3) forbids encoded words in an addr-spec, and a reader that decodes them there sees another
 * address. */
static bool holds_encoded_word(struct slice local)
{
    const char *begin = local.len > 0 ? memmem(local.data, local.len, "=?", 2) : NULL;
    if (begin == NULL) {
        return false;
    }
    size_t rest = local.len - (size_t)(begin + 2 - local.data);
    return rest > 0 && memmem(begin + 2, rest, "?=", 2) != NULL;
}

/* Puts what the local part means into scratch. */
static enum address_result parse_local(struct lexer *lexer, struct buf *scratch, const char **why)
{
    if (lexer_peek(lexer) == '"') {
        enum lexer_result result = lexer_quoted_string(lexer, scratch);
        return result == LEXER_OK          ? ADDRESS_OK
               : result == LEXER_NO_MEMORY ? ADDRESS_NO_MEMORY
                                           : refuse(why, "a quotation mark is not closed");
    }
    struct slice local = lexer_dot_atom(lexer);
    if (local.len == 0) {
        return refuse(why, lexer_peek(lexer) == '@' ? "nothing stands before the \"@\""
                                                    : "an address must be here");
    }
    if (!lexer_is_dot_atom(local)) {
        return refuse(why, "before the \"@\" a dot is first, last or doubled");
    }
    return buf_append_slice(scratch, local) ? ADDRESS_OK : ADDRESS_NO_MEMORY;
}

static enum address_result parse_domain(struct lexer *lexer, struct slice *domain, struct arena *arena,
                                        const char **why)
{
    if (lexer_peek(lexer) == '[') {
        const char *close = memchr(lexer->at, ']', (size_t)(lexer->end - lexer->at));
        struct slice literal = {lexer->at, close != NULL ? (size_t)(close + 1 - lexer->at) : 0};
        if (close == NULL || !domain_literal_canonical(literal, arena, domain)) {
            return refuse(why, "in brackets only an IPv4 address or \"IPv6:\" and an IPv6 address may stand");
        }
        lexer->at += literal.len;
        return ADDRESS_OK;
    }
    struct slice name = lexer_dot_atom(lexer);
    if (name.len == 0) {
        return refuse(why, "no domain follows the \"@\"");
    }
    if (!address_domain_to_ascii(name, arena, domain)) {
        return refuse(why, "what follows the \"@\" is not a domain name");
    }
    return ADDRESS_OK;
}

/* The local part as RFC 5321 4.1.2 writes it; returns its length. out has room for 2 * local.len + 2 octets.
 */
static size_t write_local(char *out, struct slice local)
{
    if (lexer_is_dot_atom(local)) {
        memcpy(out, local.data, local.len);
        return local.len;
    }
    size_t len = 0;
    out[len++] = '"';
    for (size_t i = 0; i < local.len; i++) {
        if (local.data[i] == '"' || local.data[i] == '\\') {
            out[len++] = '\\';
        }
        out[len++] = local.data[i];
    }
    out[len++] = '"';
    return len;
}

static enum address_result check_local(struct slice local, const char **why)
{
    if (local.len > LOCAL_MAX) {
        return refuse(why, "more than 64 octets stand before the \"@\"");
    }
    if (slice_has(local, '\t')) {
        return refuse(why, "before the \"@\" stands a tab");
    }
    if (holds_encoded_word(local)) {
        return refuse(why, "before the \"@\" stands an encoded word");
    }
    return ADDRESS_OK;
}

/* Joins both sides in one text, of which local and domain are views where they can be. */
static enum address_result assemble(struct addr_spec *address, struct slice local, struct slice domain,
                                    struct arena *arena, const char **why)
{
    enum address_result result = check_local(local, why);
    if (result != ADDRESS_OK) {
        return result;
    }
    char *text = arena_alloc(arena, 2 * local.len + 3 + domain.len);
    if (text == NULL) {
        return ADDRESS_NO_MEMORY;
    }
    size_t local_len = write_local(text, local);
    if (local_len > LOCAL_MAX) {
        return refuse(why, "more than 64 octets stand before the \"@\"");
    }
    if (local_len + 1 + domain.len > ADDR_SPEC_MAX) {
        return refuse(why, "it is longer than 254 octets");
    }
    text[local_len] = '@';
    memcpy(text + local_len + 1, domain.data, domain.len);
    address->text = (struct slice){text, local_len + 1 + domain.len};
    address->domain = (struct slice){text + local_len + 1, domain.len};
    address->local = (struct slice){text, local_len};
    address->utf8 = !utf8_is_ascii(local);
    if (text[0] == '"') {
        address->local = (struct slice){arena_copy(arena, local), local.len};
    }
    return address->local.data != NULL ? ADDRESS_OK : ADDRESS_NO_MEMORY;
}

enum address_result addr_spec_parse(struct addr_spec *address, struct lexer *lexer, struct buf *scratch,
                                    struct arena *arena, const char **why)
{
    struct slice domain = {NULL, 0};
    enum address_result result = skip_cfws(lexer, why);
    buf_clear(scratch);
    if (result == ADDRESS_OK) {
        result = parse_local(lexer, scratch, why);
    }
    if (result == ADDRESS_OK) {
        result = skip_cfws(lexer, why);
    }
    if (result == ADDRESS_OK && !lexer_take(lexer, '@')) {
        result = refuse(why, "an \"@\" is missing or not where it must be");
    }
    if (result == ADDRESS_OK) {
        result = skip_cfws(lexer, why);
    }
    if (result == ADDRESS_OK) {
        result = parse_domain(lexer, &domain, arena, why);
    }
    if (result == ADDRESS_OK) {
        result = skip_cfws(lexer, why);
    }
    return result == ADDRESS_OK ? assemble(address, buf_slice(scratch), domain, arena, why) : result;
}
