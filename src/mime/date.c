/*
 * Made dates are in UTC: no time zone file is read, and a container's zone is UTC anyway. Given dates must be
 * in the form that RFC 5322 lets programs generate: "GMT", two-digit years and seconds without minutes are
 * for readers only.
 */
#include "mime/date.h"

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/utf8.h"
#include "mime/lexer.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Which of the three-letter names stands at the cursor; -1: none. */
static int take_name(struct lexer *lexer, const char *names)
{
    if (lexer->end - lexer->at < 3) {
        return -1;
    }
    int index = 0;
    for (const char *name = names; *name != '\0'; name += 3) {
        if (strncasecmp(lexer->at, name, 3) == 0) {
            lexer->at += 3;
            return index;
        }
        index++;
    }
    return -1;
}

/* A number of min..max digits; -1: there is none. */
static int take_number(struct lexer *lexer, int min, int max)
{
    int value = 0;
    int digits = 0;
    while (digits < max && ascii_is_digit(lexer_peek(lexer))) {
        value = value * 10 + (*lexer->at++ - '0');
        digits++;
    }
    return digits >= min ? value : -1;
}

static bool take_spaces(struct lexer *lexer)
{
    const char *begin = lexer->at;
    while (ascii_is_blank(lexer_peek(lexer))) {
        lexer->at++;
    }
    return lexer->at != begin;
}

/* [day-name ","] day month year, and the day must be that date's. */
static bool take_date(struct lexer *lexer)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const int shifts[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    int day_name = take_name(lexer, days);
    if (day_name >= 0 && !lexer_take(lexer, ',')) {
        return false;
    }
    take_spaces(lexer);
    int day = take_number(lexer, 1, 2);
    bool ok = take_spaces(lexer);
    int month = take_name(lexer, months);
    ok = take_spaces(lexer) && ok;
    int year = take_number(lexer, 4, 4);
    if (!ok || day < 1 || month < 0 || year < 1900) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month] + (month == 1 && leap ? 1 : 0)) {
        return false;
    }
    int y = month < 2 ? year - 1 : year; /* Sakamoto's day of the week */
    return day_name < 0 || day_name == (y + y / 4 - y / 100 + y / 400 + shifts[month] + day) % 7;
}

/* hour ":" minute [":" second] zone; second 60 is a leap second. */
static bool take_time(struct lexer *lexer)
{
    int hour = take_number(lexer, 2, 2);
    bool ok = lexer_take(lexer, ':');
    int minute = take_number(lexer, 2, 2);
    int second = lexer_take(lexer, ':') ? take_number(lexer, 2, 2) : 0;
    ok = take_spaces(lexer) && ok;
    ok = (lexer_take(lexer, '+') || lexer_take(lexer, '-')) && ok;
    int zone = take_number(lexer, 4, 4);
    return ok && hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60 &&
           zone >= 0 && zone % 100 <= 59;
}

bool compose_date_valid(struct slice text)
{
    struct lexer lexer = lexer_of(slice_trim(text));
    return utf8_is_ascii(text) && lexer_valid_prefix(text) == text.len && take_date(&lexer) &&
           take_spaces(&lexer) && take_time(&lexer) && lexer_skip_cfws(&lexer, NULL) && lexer_at_end(&lexer);
}

bool date_make(char out[DATE_SIZE], time_t now)
{
    struct tm utc;
    return gmtime_r(&now, &utc) != NULL && utc.tm_year + 1900 <= 9999 &&
           strftime(out, DATE_SIZE, "%a, %d %b %Y %H:%M:%S +0000", &utc) > 0; /* English: the C locale */
}
