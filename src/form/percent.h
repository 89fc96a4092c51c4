/* The hexadecimal digits of percent escapes. */
#ifndef FCGI_SMTP_FORM_PERCENT_H
#define FCGI_SMTP_FORM_PERCENT_H

/* 0..15, or -1 when c is no hexadecimal digit. */
static inline int percent_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
