/*
 * Looks for a secret in what this process has in memory, to see whether every copy was wiped. The secret is computed
 * whenever it is needed, so that the search does not find itself.
 */
#ifndef FCGI_SMTP_TESTS_MEMORY_SEARCH_H
#define FCGI_SMTP_TESTS_MEMORY_SEARCH_H

#include <stddef.h>

#define MEMORY_SECRET_LEN 48

/* Writes the secret, MEMORY_SECRET_LEN letters and a NUL; another one for each number. */
void memory_secret(unsigned number, char *out);

/* How often the secret's second half stands in writable memory: heap, mappings, data and stacks. (What is freed loses its
 * first octets to the allocator.) */
size_t memory_search(unsigned number);

#endif
