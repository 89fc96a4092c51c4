/* What is counted, how it is written for Prometheus, and what is taken out of texts for the status page. */
#include "app/pages/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "app/pages/exposition.h"
#include "app/pages/failures.h"
#include "app/redact.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- requests --- */

#define COUNTERS 4
#define EACH     20000

static void *count_requests(void *argument)
{
    struct metrics *metrics = argument;
    static const struct metrics_request kinds[] = {
        {METRICS_SEND, 200, METRICS_ACCEPTED, 10, 3}, {METRICS_SEND, 422, METRICS_FAILED, 0, 0},
        {METRICS_OTHER, 404, METRICS_REFUSED, 0, 0},  {METRICS_STATUS, 200, METRICS_ACCEPTED, 0, 0},
        {METRICS_READYZ, 503, METRICS_FAILED, 0, 0},  {METRICS_SEND, 599, METRICS_FAILED, 0, 0},
        {METRICS_FORM, 200, METRICS_TRAPPED, 0, 0},
    };
    for (size_t i = 0; i < EACH; i++) {
        metrics_count_request(metrics, &kinds[i % COUNT(kinds)]);
    }
    return NULL;
}

/* In every moment, not only in the end. */
static void results_add_up_to_requests(void)
{
    struct metrics metrics = {.started_at = 0};
    struct metrics_requests requests;
    metrics_init(&metrics);
    pthread_t threads[COUNTERS];
    for (size_t i = 0; i < COUNTERS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, count_requests, &metrics), 0);
    }
    do {
        metrics_requests(&metrics, &requests);
        uint64_t by_route = 0;
        for (size_t i = 0; i < (size_t)METRICS_ROUTES * METRICS_STATUSES; i++) {
            by_route += metrics_requests_by(&requests, (enum metrics_route)(i / METRICS_STATUSES),
                                            i % METRICS_STATUSES);
        }
        CU_ASSERT_EQUAL(by_route, requests.total);
        CU_ASSERT_EQUAL(requests.results[METRICS_ACCEPTED] + requests.results[METRICS_TRAPPED] +
                            requests.results[METRICS_REFUSED] + requests.results[METRICS_FAILED],
                        requests.total);
    } while (requests.total < (uint64_t)COUNTERS * EACH);
    for (size_t i = 0; i < COUNTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    metrics_requests(&metrics, &requests);
    CU_ASSERT_EQUAL(requests.total, (uint64_t)COUNTERS * EACH);
    CU_ASSERT_EQUAL(metrics_get(&metrics.octets_in), UINT64_C(10) * COUNTERS * (EACH / 7 + 1));
    CU_ASSERT_EQUAL(metrics_requests_by(&requests, METRICS_SEND, 0),
                    (uint64_t)COUNTERS * (EACH / 7)); /* 599 */
    metrics_free(&metrics);
}

static void routes_go_by_the_path(void)
{
    static const struct {
        const char *path;
        enum metrics_route route;
    } cases[] = {
        {"/send", METRICS_SEND},
        {"/sends", METRICS_OTHER},
        {"/", METRICS_COMPOSE},
        {"", METRICS_OTHER},
        {"/form/contact", METRICS_FORM},
        {"/form", METRICS_OTHER},
        {"/v3/a/messages", METRICS_MAILGUN},
        {"/v33/a", METRICS_OTHER},
        {"/healthz", METRICS_HEALTHZ},
        {"/readyz", METRICS_READYZ},
        {"/metrics", METRICS_METRICS},
        {"/status", METRICS_STATUS},
        {"/x\"\n", METRICS_OTHER},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CU_ASSERT_EQUAL(metrics_route_of(slice_of(cases[i].path)), cases[i].route);
    }
    CU_ASSERT_EQUAL(metrics_route_of((struct slice){NULL, 0}), METRICS_OTHER);
}

/* --- deliveries --- */

static void deliveries_go_by_class(void)
{
    struct metrics metrics = {.started_at = 0};
    metrics_init(&metrics);
    struct metrics_server *server = metrics_server_named(&metrics, "main");
    struct metrics_server *other = metrics_server_named(&metrics, "other");
    CU_ASSERT_TRUE_FATAL(server != NULL && other != NULL && server != other);
    const struct smtp_outcome outcomes[] = {
        {.class = SMTP_ACCEPTED, .state = SMTP_DELIVERY_DONE, .times = {900, 2000, 0, 600}},
        {.class = SMTP_ACCEPTED, .state = SMTP_DELIVERY_DONE, .reused = true, .times = {.transaction = 100}},
        {.class = SMTP_ACCEPTED, .state = SMTP_DELIVERY_DONE, .err = {.text = "refused one"}, .reused = true},
        {.class = SMTP_UNAVAILABLE},
        {.class = SMTP_UNAVAILABLE, .state = SMTP_DELIVERY_UNKNOWN, .times = {.connect = 1}},
        {.class = SMTP_LOCAL_FAILURE},
    };
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        metrics_count_delivery(&metrics, server, &outcomes[i], 1000, 50);
    }
    CU_ASSERT_EQUAL(metrics_get(&server->outcomes[METRICS_SENT]), 2);
    CU_ASSERT_EQUAL(metrics_get(&server->outcomes[METRICS_PARTIAL]), 1);
    CU_ASSERT_EQUAL(metrics_get(&server->outcomes[METRICS_UNKNOWN]), 1);
    CU_ASSERT_EQUAL(metrics_get(&server->outcomes[SMTP_UNAVAILABLE]), 1);
    CU_ASSERT_EQUAL(metrics_get(&server->outcomes[SMTP_LOCAL_FAILURE]), 1);
    CU_ASSERT_EQUAL(metrics_deliveries(server), 6);
    CU_ASSERT_EQUAL(metrics_get(&server->opened), 2);
    CU_ASSERT_EQUAL(metrics_get(&server->reused), 2);
    CU_ASSERT_EQUAL(metrics_get(&metrics.message_octets), 150);
    CU_ASSERT_EQUAL(metrics_deliveries(other) + metrics_deliveries(&metrics.others), 0);
    static const uint64_t taken[METRICS_STEPS] = {2, 1, 0, 2};
    static const uint64_t sums[METRICS_STEPS] = {901, 2000, 0, 700};
    for (size_t i = 0; i < METRICS_STEPS; i++) {
        struct metrics_times times = {.count = 0};
        metrics_times_add(&times, &server->steps[i]);
        CU_ASSERT_EQUAL(times.count, taken[i]);
        CU_ASSERT_EQUAL(times.sum, sums[i]);
    }
    metrics_free(&metrics);
}

/* By name, for good: whoever asks again goes on counting. */
static void servers_are_known_by_name(void)
{
    struct metrics metrics = {.started_at = 0};
    metrics_init(&metrics);
    CU_ASSERT_PTR_NULL(metrics_first_server(&metrics));
    struct metrics_server *a = metrics_server_named(&metrics, "a");
    struct metrics_server *b = metrics_server_named(&metrics, "b");
    CU_ASSERT_TRUE_FATAL(a != NULL && b != NULL);
    CU_ASSERT_PTR_EQUAL(metrics_server_named(&metrics, "a"), a);
    CU_ASSERT_PTR_EQUAL(metrics_server_named(&metrics, "b"), b);
    CU_ASSERT_PTR_EQUAL(metrics_first_server(&metrics), a);
    CU_ASSERT_PTR_EQUAL(metrics_next_server(a), b);
    CU_ASSERT_PTR_NULL(metrics_next_server(b));
    CU_ASSERT_STRING_EQUAL(b->name, "b");
    metrics_free(&metrics);
}

static void reloads_are_counted(void)
{
    struct metrics metrics = {.started_at = 0};
    metrics_init(&metrics);
    CU_ASSERT_EQUAL(metrics_loaded_at(&metrics), metrics.started_at);
    atomic_store(&metrics.loaded_at, 1);
    metrics_count_reload(&metrics, METRICS_RELOAD_REFUSED);
    CU_ASSERT_EQUAL(metrics_loaded_at(&metrics), 1);
    metrics_count_reload(&metrics, METRICS_RELOAD_OK);
    CU_ASSERT_TRUE(metrics_loaded_at(&metrics) >= metrics.started_at);
    CU_ASSERT_EQUAL(metrics_get(&metrics.reloads[METRICS_RELOAD_OK]), 1);
    CU_ASSERT_EQUAL(metrics_get(&metrics.reloads[METRICS_RELOAD_REFUSED]), 1);
    metrics_free(&metrics);
}

/* Every word of an outcome is there once. */
static void names_differ(void)
{
    for (int i = 0; i < METRICS_OUTCOMES; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(metrics_outcome_name((enum metrics_outcome)i));
        for (int k = 0; k < i; k++) {
            CU_ASSERT_STRING_NOT_EQUAL(metrics_outcome_name((enum metrics_outcome)i),
                                       metrics_outcome_name((enum metrics_outcome)k));
        }
    }
    for (int i = 0; i < METRICS_ROUTES; i++) {
        CU_ASSERT_PTR_NOT_NULL(metrics_route_name((enum metrics_route)i));
    }
}

/* --- times --- */

static void quantiles_come_from_buckets(void)
{
    struct metrics metrics = {.started_at = 0};
    metrics_init(&metrics);
    struct metrics_times times = {.count = 0};
    metrics_times_add(&times, &metrics.others.delivery);
    CU_ASSERT_EQUAL(metrics_times_quantile(&times, 0.5), 0);

    const struct smtp_outcome outcome = {.class = SMTP_ACCEPTED};
    static const int64_t took[] = {-5, 0, 500, 501, 1000, 60000000, 60000001, INT64_MAX};
    for (size_t i = 0; i < COUNT(took); i++) {
        metrics_count_delivery(&metrics, &metrics.others, &outcome, took[i], 0);
    }
    metrics_times_add(&times, &metrics.others.delivery);
    CU_ASSERT_EQUAL(times.count, COUNT(took));
    CU_ASSERT_EQUAL(times.buckets[0], 3); /* a bound belongs to its bucket */
    CU_ASSERT_EQUAL(times.buckets[1], 2);
    CU_ASSERT_EQUAL(times.buckets[METRICS_BOUNDS - 1], 1);
    CU_ASSERT_EQUAL(times.buckets[METRICS_BOUNDS], 2);
    CU_ASSERT_EQUAL(metrics_times_quantile(&times, 0.5), 750); /* the first of two between 500 and 1,000 */
    CU_ASSERT_EQUAL(metrics_times_quantile(&times, 1), 60000000);
    CU_ASSERT_TRUE(metrics_times_quantile(&times, 0) <= 500);
    metrics_free(&metrics);
}

/* --- the format --- */

static void labels_are_escaped(void)
{
    struct buf out;
    buf_init(&out, 4096);
    struct exposition e = {&out, true};
    const struct exposition_label labels[] = {{"a", "x\"y\\z\nw"}, {"b", ""}};
    exposition_metric(&e, "m_total", "counter", "Some help.");
    exposition_sample(&e, "m_total", labels, 2, UINT64_MAX);
    exposition_sample(&e, "m_total", NULL, 0, 0);
    CU_ASSERT_TRUE(e.good);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out),
                           "# HELP m_total Some help.\n# TYPE m_total counter\n"
                           "m_total{a=\"x\\\"y\\\\z\\nw\",b=\"\"} 18446744073709551615\nm_total 0\n");
    buf_free(&out);
}

static void histograms_are_cumulative(void)
{
    struct buf out;
    buf_init(&out, 4096);
    struct exposition e = {&out, true};
    struct metrics_times times = {.sum = 61000042};
    times.buckets[0] = 1;
    times.buckets[METRICS_BOUNDS - 1] = 2;
    times.buckets[METRICS_BOUNDS] = 4;
    exposition_histogram(&e, "h", NULL, 0, &times);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "h_bucket{le=\"0.0005\"} 1\nh_bucket{le=\"0.001\"} 1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        buf_cstr(&out), "h_bucket{le=\"60\"} 3\nh_bucket{le=\"+Inf\"} 7\nh_sum 61.000042\nh_count 7\n"));
    buf_clear(&out);
    const struct exposition_label label = {"server", "main"};
    exposition_histogram(&e, "h", &label, 1, &times);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "h_bucket{server=\"main\",le=\"+Inf\"} 7\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "h_count{server=\"main\"} 7\n"));
    buf_free(&out);
}

static void bounds_rise_and_match_their_texts(void)
{
    for (size_t i = 0; i < METRICS_BOUNDS; i++) {
        double seconds = 0;
        CU_ASSERT_EQUAL(sscanf(metrics_bound_text(i), "%lf", &seconds), 1);
        CU_ASSERT_EQUAL(metrics_bound(i), (uint64_t)(seconds * 1000000 + 0.5));
        CU_ASSERT_TRUE(i == 0 || metrics_bound(i) > metrics_bound(i - 1));
    }
    CU_ASSERT_STRING_EQUAL(metrics_bound_text(METRICS_BOUNDS), "+Inf");
}

static void what_does_not_fit_is_noticed(void)
{
    for (size_t limit = 0; limit < 40; limit++) {
        struct buf out;
        buf_init(&out, limit);
        struct exposition e = {&out, true};
        const struct exposition_label label = {"a", "\n\"\\xyz"};
        exposition_sample(&e, "metric_total", &label, 1, 1234567);
        CU_ASSERT_EQUAL(e.good, limit >= strlen("metric_total{a=\"\\n\\\"\\\\xyz\"} 1234567\n"));
        buf_free(&out);
    }
}

/* --- failures --- */

static void addresses_are_taken_out(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"550 5.1.1 No such user", "550 5.1.1 No such user"},
        {"mail:25 refused RCPT TO:<b@example.com>: 550 5.1.1 <b@example.com>: gone",
         "mail:25 refused RCPT TO:<[address]>: 550 5.1.1 <[address]>: gone"},
        {"MAIL FROM:<>: 550 no", "MAIL FROM:<>: 550 no"},
        {"user b@example.com unknown", "user [address] unknown"},
        {"b@example.com", "[address]"},
        {"(b@example.com)", "([address])"},
        {"a@x.example, b@y.example; c@z.example", "[address], [address]; [address]"},
        {"see http://spf.example/why?s=mfrom;id=b%40example.com;ip=1",
         "see http://spf.example/why?s=mfrom;[address];ip=1"},
        {"\"very odd\"@example.com no", "[address] no"},
        {"said \"no\" to b@example.com", "said \"no\" to [address]"},
        {"<\"very odd\"@example.com> no", "<[address]> no"},
        {"<b> is unknown", "<[address]> is unknown"},
        {"gr\xC3\xBC\xC3\x9F@b\xC3\xBC"
         "cher.example x",
         "[address] x"},
        {"x@[192.0.2.1] no", "[address] no"},
        {"x@[192.0.2.1", "[address][192.0.2.1"},
        {"a < b@c", "a < [address]"},
        {"@", "[address]"},
        {"\"ada@\" cannot be read: no domain follows the \"@\".",
         "\"[address]\" cannot be read: no domain follows the \"[address]\"."},
        {"\"b@example.com\" and \"c\"@example.com", "\"[address]\" and [address]"},
        {"\"open b@c", "\"open [address]"},
        {"srs0=ab=cd=example.com=b@relay.example: no", "[address] no"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[256];
        redact_addresses(slice_of(cases[i].text), out, sizeof out);
        if (strcmp(out, cases[i].expected) != 0) {
            fprintf(stderr, "%s\n  gave %s\n", cases[i].text, out);
        }
        CU_ASSERT_STRING_EQUAL(out, cases[i].expected);
    }
}

static void long_texts_are_cut(void)
{
    static const char text[] = "a b@example.com c";
    for (size_t cap = 1; cap < 30; cap++) {
        char out[32];
        memset(out, 'x', sizeof out);
        redact_addresses(slice_of(text), out, cap);
        CU_ASSERT_EQUAL(strlen(out), cap - 1 < strlen("a [address] c") ? cap - 1 : strlen("a [address] c"));
        CU_ASSERT_EQUAL(memcmp(out, "a [address] c", strlen(out)), 0);
        CU_ASSERT_EQUAL(out[cap], 'x');
    }
}

static void the_last_failures_are_kept(void)
{
    static struct failures failures;
    static struct failure copy[FAILURES_KEPT];
    failures_init(&failures);
    CU_ASSERT_EQUAL(failures_copy(&failures, copy), 0);
    for (int i = 0; i < 3 * FAILURES_KEPT / 2; i++) {
        const struct failure failure = {.at = i, .status = 502};
        failures_add(&failures, &failure, "<b@example.com> \xC3\xA4");
        size_t count = failures_copy(&failures, copy);
        CU_ASSERT_EQUAL(count, i + 1 < FAILURES_KEPT ? (size_t)i + 1 : FAILURES_KEPT);
        CU_ASSERT_EQUAL(copy[0].at, i); /* the newest first */
        CU_ASSERT_EQUAL(copy[count - 1].at, i + 1 - (int)count);
    }
    CU_ASSERT_STRING_EQUAL(copy[0].reason, "<[address]> \xC3\xA4");
    char text[FAILURES_REASON_MAX + 1] = "";
    memset(text, 'a', FAILURES_REASON_MAX - 2);
    memcpy(text + FAILURES_REASON_MAX - 2, "\xC3\xA4", 3);
    failures_add(&failures, &(struct failure){.at = 1}, text);
    (void)failures_copy(&failures, copy);
    CU_ASSERT_EQUAL(copy[0].reason[FAILURES_REASON_MAX - 2], '?'); /* not half a character */
    failures_free(&failures);
}

static const struct unit_test tests[] = {
    {"results add up to requests", results_add_up_to_requests},
    {"routes go by the path", routes_go_by_the_path},
    {"deliveries go by class", deliveries_go_by_class},
    {"servers are known by name", servers_are_known_by_name},
    {"reloads are counted", reloads_are_counted},
    {"names differ", names_differ},
    {"quantiles come from buckets", quantiles_come_from_buckets},
    {"labels are escaped", labels_are_escaped},
    {"histograms are cumulative", histograms_are_cumulative},
    {"bounds rise and match their texts", bounds_rise_and_match_their_texts},
    {"what does not fit is noticed", what_does_not_fit_is_noticed},
    {"addresses are taken out", addresses_are_taken_out},
    {"long texts are cut", long_texts_are_cut},
    {"the last failures are kept", the_last_failures_are_kept},
};
UNIT_SUITE(app_metrics, tests);
