/* What the suites about the scripted server share: its end, and what it then reports. */
#ifndef FCGI_SMTP_TESTS_SCRIPT_RUN_H
#define FCGI_SMTP_TESTS_SCRIPT_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_script.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Starts a server without certificates that waits for a client a short time only. */
static inline struct smtp_script *script_start(const char *scenario)
{
    struct smtp_script *script =
        smtp_script_start(&(struct smtp_script_options){.scenario = scenario, .grace_ms = 200}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    return script;
}

/* Stops; true when the report is as given. */
static inline bool script_stopped(struct smtp_script *script, const char *expected)
{
    bool good = smtp_script_stop(script);
    char *report = smtp_script_report(script);
    bool same = strcmp(report, expected) == 0 && good == (expected[0] == '\0');
    if (!same) {
        fprintf(stderr, "\n  report:   %s\n  expected: %s\n", report, expected);
    }
    free(report);
    return same;
}

/* The same, and frees. */
static inline bool reported(struct smtp_script *script, const char *expected)
{
    bool same = script_stopped(script, expected);
    smtp_script_free(script);
    return same;
}

#endif
