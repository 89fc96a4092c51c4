/*
 * new_key: --new-key NAME, a fresh API key.
 */
#ifndef FCGI_SMTP_CLI_NEW_KEY_H
#define FCGI_SMTP_CLI_NEW_KEY_H

#include <stdbool.h>
#include <stdio.h>

#define NEW_KEY_PREFIX "fsk_" /* so that people and secret scanners know what it is */

/* Writes the key and the configuration's lines to out. False: randomness, memory or out failed; err has been told. */
bool new_key(const char *name, FILE *out, FILE *err);

#endif
