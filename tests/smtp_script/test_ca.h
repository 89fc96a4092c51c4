/*
 * test_ca: a certification authority for tests, made at run time, so that no key is kept in the tree and
 * nothing expires.
 *
 * Writes into a directory (PEM): ca.pem, ca.key, unknown-ca.pem, and NAME.pem with NAME.key for each of
 *
 *   valid          DNS localhost, IP 127.0.0.1 and ::1
 *   other          as valid, but another key: for a server that changed its certificate
 *   wrong-name     DNS elsewhere.test
 *   wildcard       DNS *.example.test
 *   ip-only        IP 127.0.0.1
 *   dns-only       DNS localhost
 *   expired        as valid, ended yesterday
 *   not-yet-valid  as valid, begins tomorrow
 *   self-signed    as valid, signed by itself
 *   unknown-issuer as valid, issued by unknown-ca.pem
 *   common-name    CN=localhost, no subjectAltName
 *   intermediate   as valid, issued by an intermediate CA that its file has behind it
 *   no-chain       as valid, issued by the intermediate CA, which is missing in its file
 *   client         for a client
 */
#ifndef SMTP_SCRIPT_TEST_CA_H
#define SMTP_SCRIPT_TEST_CA_H

#include <stdbool.h>

/* directory must exist. False, with a line on stderr, when something could not be made. */
bool test_ca_write(const char *directory);

/* Removes the files that test_ca_write made, and the directory if it is then empty. */
void test_ca_remove(const char *directory);

#endif
