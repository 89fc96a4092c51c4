/* scenario: the text of a scenario as steps; smtp_script.h says what they mean. Immutable once parsed. */
#ifndef SMTP_SCRIPT_SCENARIO_H
#define SMTP_SCRIPT_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

enum script_kind {
    SCRIPT_SEND,           /* S: text */
    SCRIPT_PART,           /* PART: text */
    SCRIPT_RAW,            /* RAW "text" */
    SCRIPT_AWAIT,          /* C: pattern */
    SCRIPT_AWAIT_SAME,     /* C+: pattern */
    SCRIPT_AWAIT_OPTIONAL, /* C?: pattern */
    SCRIPT_TLS,
    SCRIPT_TICKET,
    SCRIPT_DATA, /* number: octets, or -1 */
    SCRIPT_BDAT,
    SCRIPT_BDAT_ALL, /* text */
    SCRIPT_LINES,    /* number, text */
    SCRIPT_OCTETS,   /* number */
    SCRIPT_DRIP,     /* number: ms, text */
    SCRIPT_WAIT,     /* number: ms */
    SCRIPT_QUIET,    /* number: ms */
    SCRIPT_GATE,     /* text */
    SCRIPT_STALL,
    SCRIPT_WAIT_EOF,
    SCRIPT_READ_UNTIL_EOF,
    SCRIPT_CLOSE, /* flag: abrupt */
    SCRIPT_RESET,
    SCRIPT_REPEAT, /* number, or -1 for until the end */
    SCRIPT_WHILE,  /* pattern */
    SCRIPT_IF,     /* pattern */
    SCRIPT_ELSE_IF,
    SCRIPT_ELSE,
    SCRIPT_END
};

struct script_step {
    enum script_kind kind;
    size_t line;                   /* in the scenario, from 1 */
    char *source;                  /* that line, for reports */
    struct script_bytes text;      /* without escapes */
    struct script_pattern pattern; /* of the steps that await a line */
    long number;
    bool flag;        /* discard, fail, abrupt */
    char cert[64];    /* TLS cert=; "" if none */
    char tls_min[8];  /* TLS min= */
    char tls_max[8];  /* TLS max= */
    char tls_ask[64]; /* TLS ask=; "" if none */
    size_t end;       /* of a block: the index of its END */
    size_t otherwise; /* of IF and ELSE IF: the index of the next branch, or of END */
};

struct script_section {
    size_t first; /* steps [first, last) */
    size_t last;
    size_t number; /* 0: all further connections */
    bool optional;
};

struct script_scenario {
    struct script_step *steps;
    size_t step_count;
    size_t step_capacity;
    struct script_section *sections;
    size_t section_count;
    size_t section_capacity;
};

/* False with a text in error when it is wrong; the scenario is to be freed in any case. */
bool script_scenario_parse(struct script_scenario *scenario, const char *text, char *error,
                           size_t error_size);
void script_scenario_free(struct script_scenario *scenario);

/* The section of a connection (from 1); NULL if none. */
const struct script_section *script_scenario_section(const struct script_scenario *scenario,
                                                     size_t connection);

#endif
