/*
 * smtp_script: a scripted SMTP server for tests. A scenario is a text that reads like the transcript that it
 * expects:
 *
 *     S: 220 mail.example ESMTP
 *     C: EHLO *
 *     S: 250-mail.example
 *     S: 250 STARTTLS
 *     C: STARTTLS
 *     S: 220 go ahead
 *     TLS
 *     C: EHLO client.example
 *     S: 250 mail.example
 *     C: MAIL FROM:<a@example.com>*
 *     S: 250 ok
 *     REPEAT 3
 *       C: RCPT TO:*
 *       S: 250 ok
 *     END
 *     C: DATA
 *     S: 354 go
 *     DATA
 *     S: 250 queued
 *     C?: QUIT
 *     WAIT-EOF
 *
 * Lines are steps; leading blanks, empty lines and lines that begin with # do not count. A text begins one
 * space after its keyword. Escapes in every text: \r \n \t \0 \\ \" \xNN, and \* for a star that is no wildcard.
 *
 * Steps that send (a peer that has gone is no failure of theirs: what is awaited next decides)
 *   S: text          text CRLF
 *   PART: text       text without a line end
 *   RAW "text"       exactly this
 *   LINES n text     n lines: text, a running number, CRLF; ends early when the peer has gone
 *   OCTETS n         n octets "x" without a line end; ends early when the peer has gone
 *   DRIP ms "text"   one octet each ms milliseconds; ends early when the peer has gone
 *
 * Steps that await a line, ended by CRLF; * stands for any run of octets, letters match in their own case
 *   C: pattern       anything else is a failure: it is recorded with both texts and closes the connection
 *   C+: pattern      the same, and the line must have come in the same flight as the line before
 *   C?: pattern      takes the next line if it matches; leaves another line, or the end, to the next step
 *
 * Steps that read messages
 *   DATA             dot-stuffed data up to the final dot, stored without the stuffing. A bare CR or LF is a
 *                    failure.
 *   DATA discard     the same, but only counted
 *   DATA n           goes on after n octets have come
 *   BDAT             one BDAT command and its octets (RFC 3030); the LAST one stores the message
 *   BDAT discard     the same, but only counted
 *   BDAT-ALL: text   all chunks up to the LAST one, each answered with the line text
 *
 * Other steps
 *   TLS [fail] [cert=NAME] [max=1.1] [min=1.3] [ask=NAME]
 *                    handshakes; as the first step it is implicit TLS. fail: the client must break it off.
 *                    cert=NAME: with NAME.pem and NAME.key of cert_dir. ask=NAME: the client must have a
 *                    certificate that was issued by NAME.pem of cert_dir.
 *   TICKET           sends a session ticket and a change of keys: records of TLS 1.3 that are no data
 *   WAIT ms          does nothing for so long
 *   QUIET ms         nothing may come for so long
 *   GATE name        waits for smtp_script_open(script, "name")
 *   STALL            neither reads nor writes until the peer closes or the script is stopped
 *   WAIT-EOF         awaits the peer's close or reset; octets before it are a failure
 *   READ-UNTIL-EOF   the same, but octets before it are counted
 *   CLOSE            closes, with close_notify if TLS
 *   CLOSE abrupt     closes without close_notify
 *   RESET            closes with a TCP reset
 *
 * Blocks, each up to END
 *   REPEAT n         n times
 *   REPEAT *         until the peer closes; the block must take octets in each turn
 *   WHILE pattern    takes the next line and plays the block, as long as the line matches
 *   IF pattern       takes the next line and plays the block, if the line matches; `ELSE IF pattern` and `ELSE`
 *                    may follow under the same END
 *
 * Sections: `== 1`, `== 2` and so on for each connection in the order of accept, `==? 2` for one that need not
 * come, `== *` for all further ones, if any. Without sections the text is that of the only connection. It is a
 * failure when a connection has no section, and when the connection of a section did not come. After its last
 * step a connection is closed; what had come in the last flight beyond that is a failure.
 *
 * Flights: a flight is what one read gave (with TLS: one record). The server reads only when it has no whole
 * line left, so commands written at once are one flight; writes that did not wait for a reply may come
 * together in one.
 *
 * Each connection is played by a thread of its own. Nothing is shared between two scripts. All functions may
 * be called from any thread while the script is not being freed.
 */
#ifndef SMTP_SCRIPT_H
#define SMTP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smtp_script;

struct smtp_script_options {
    const char *scenario;  /* the text; copied */
    const char *name;      /* for reports; NULL: "scenario" */
    const char *listen;    /* NULL: 127.0.0.1; another literal such as ::1; unix:/path */
    uint16_t port;         /* 0: any free one */
    const char *cert_file; /* PEM, for TLS steps without cert=; NULL: valid.pem in cert_dir */
    const char *key_file;  /* PEM */
    const char *cert_dir;  /* where cert=NAME looks, see test_ca.h */
    const char *tls_min;   /* "1.0", "1.1", "1.2" or "1.3"; NULL: 1.2, or tls_max where that is lower */
    const char *tls_max; /* the same; NULL: 1.3. Below 1.2 the ciphers' security level is lowered as well. */
    const char *message_dir;     /* NULL, or a directory that gets message-1.eml … as they come */
    const char *transcript_file; /* NULL, or a file that gets each line of the transcript at once */
    int receive_buffer;          /* SO_RCVBUF; 0: the system's */
    int send_buffer;             /* SO_SNDBUF; 0: the system's */
    int grace_ms;                /* how long awaited input may still come after smtp_script_stop; 0: 2000 */
};

/*
 * Parses, listens and starts. NULL when the scenario is wrong or the address cannot be had: *error then has a
 * text to free(). error may be NULL.
 */
struct smtp_script *smtp_script_start(const struct smtp_script_options *options, char **error);

uint16_t smtp_script_port(const struct smtp_script *script); /* 0 for unix: */

/* Lets the connections that wait, or will wait, at the GATE of that name go on. NULL: at every gate. */
void smtp_script_open(struct smtp_script *script, const char *gate);

/* Waits until so many connections have ended. False when timeout_ms passed first. */
bool smtp_script_wait(struct smtp_script *script, size_t connections, int timeout_ms);

/* Waits until the transcript of a connection (0: of any) has a line that matches pattern (* as above). */
bool smtp_script_wait_line(struct smtp_script *script, size_t connection, const char *pattern,
                           int timeout_ms);

/*
 * Closes the listener, ends what stalls, lets what is awaited come for grace_ms, joins all threads. True when
 * every expectation held. What was recorded can be asked for until smtp_script_free. Calling it again gives
 * the same answer.
 */
bool smtp_script_stop(struct smtp_script *script);

/* Stops if need be. Takes NULL. */
void smtp_script_free(struct smtp_script *script);

/* The failures so far, a line each: name:line: connection n: what. "" if none. To free(). */
char *smtp_script_report(struct smtp_script *script);

/*
 * What was said: lines `S: …`, `C: …`, `S~ …` for octets without line end (escaped), and `* …` for events:
 *
 *   * tls TLSv1.3 sni=localhost [client] [resumed]   * tls failed: …   * alert received: …
 *   * ticket
 *   * data 120 octets      * bdat 120 octets      * read 10 octets
 *   * eof    * reset    * closed    * failed: …
 *
 * connection 0: all in order, each line with the connection's number before it. To free(); "" for an unknown
 * connection.
 */
char *smtp_script_transcript(struct smtp_script *script, size_t connection);

/* The flights of a connection, a line each, escaped: `MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n`. Long
 * ones are cut after 1024 octets, and only the first 1000 are kept. To free(). */
char *smtp_script_flights(struct smtp_script *script, size_t connection);
size_t smtp_script_flight_count(struct smtp_script *script, size_t connection);

size_t smtp_script_connections(struct smtp_script *script); /* that were accepted */
size_t smtp_script_messages(struct smtp_script *script);    /* that were stored */

/* Message number index, from 0, in the order of their ends. NULL if there is none. Valid until
 * smtp_script_free. */
const unsigned char *smtp_script_message(struct smtp_script *script, size_t index, size_t *size);

#endif
