/* GET /readyz: when it says yes, what it asks of whom, and that it ends with the program. */
#include "app/servers/readiness.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp_script.h"
#include "unit.h"

#define WAIT_MS 20000
#define GREETS  "S: 220 x\nC: EHLO *\nS: 250 x\nC?: QUIT\nREAD-UNTIL-EOF\n"
#define REFUSES "S: 554 go away\nC?: QUIT\nREAD-UNTIL-EOF\n"

struct world {
    struct smtp_script *scripts[2];
    struct config *config;
    struct snapshots snapshots;
    struct metrics metrics;
    struct readiness readiness;
};

/* A port that nobody listens on. */
static uint16_t dead_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)(void *)&address, len), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)(void *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static uint16_t start_script(struct world *w, size_t i, const char *scenario)
{
    char *error = NULL;
    if (scenario == NULL) {
        return dead_port();
    }
    w->scripts[i] =
        smtp_script_start(&(struct smtp_script_options){.scenario = scenario, .grace_ms = 1}, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->scripts[i]);
    return smtp_script_port(w->scripts[i]);
}

/* Two servers, a and b, in this order; NULL: nobody listens there. */
static void begin(struct world *w, const char *first, const char *second)
{
    char yaml[512];
    *w = (struct world){.config = NULL};
    unsigned ports[] = {start_script(w, 0, first), start_script(w, 1, second)};
    snprintf(yaml, sizeof yaml,
             "server: [a, b]\nservers:\n  a: {host: 127.0.0.1, port: %u, tls: none}\n"
             "  b: {host: 127.0.0.1, port: %u, tls: none}\n",
             ports[0], ports[1]);
    struct config_report report;
    config_report_init(&report);
    w->config = config_parse("test.yaml", slice_of(yaml), true, &report);
    fputs(buf_cstr(&report.problems), stderr);
    config_report_free(&report);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->config);
    struct snapshot *snapshot = snapshot_new(w->config, NULL, &w->metrics, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
    snapshots_init(&w->snapshots, snapshot);
    CU_ASSERT_TRUE_FATAL(readiness_init(&w->readiness, &w->snapshots));
}

static void end(struct world *w)
{
    readiness_free(&w->readiness);
    snapshots_free(&w->snapshots);
    metrics_free(&w->metrics);
    for (size_t i = 0; i < 2; i++) {
        if (w->scripts[i] != NULL) {
            (void)smtp_script_stop(w->scripts[i]);
            smtp_script_free(w->scripts[i]);
        }
    }
}

/* Asks until the answer is that one. */
static bool becomes(struct world *w, enum readiness_state state, struct err *err)
{
    deadline until = deadline_after(WAIT_MS);
    while (readiness_ask(&w->readiness, err) != state) {
        if (deadline_passed(until)) {
            return false;
        }
    }
    return true;
}

/* Makes what is known old. */
static void age(struct world *w)
{
    (void)pthread_mutex_lock(&w->readiness.mutex);
    w->readiness.probed_at = deadline_now() - READINESS_FRESH_MS;
    atomic_store(&w->readiness.seen_at, deadline_now() - READINESS_FRESH_MS);
    (void)pthread_mutex_unlock(&w->readiness.mutex);
}

static void the_first_answer_is_yes(void)
{
    struct world w;
    struct err err = {.text = ""};
    begin(&w, "== 1\n" GREETS, "== 1\n");
    CU_ASSERT_EQUAL(readiness_known(&w.readiness), READINESS_NOT_KNOWN);
    CU_ASSERT_TRUE(becomes(&w, READINESS_READY, &err)); /* as a rule at once */
    /* What is fresh is not asked again, and who comes second in the list is not asked at all. */
    for (size_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(readiness_ask(&w.readiness, &err), READINESS_READY);
    }
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[0]), 1);
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 0);
    end(&w);
}

/* Other servers: the old answer stays until theirs is there, and they are asked though it is fresh. */
static void renewed(void)
{
    struct world w;
    struct world other;
    struct err err = {.text = ""};
    begin(&w, "== 1\n" GREETS, "== 1\n");
    begin(&other, NULL, NULL);
    CU_ASSERT_TRUE(becomes(&w, READINESS_READY, &err));
    struct snapshot *before = snapshots_swap(&w.snapshots, snapshots_take(&other.snapshots));
    readiness_renew(&w.readiness);
    snapshot_release(before);
    CU_ASSERT_EQUAL(readiness_known(&w.readiness), READINESS_READY);
    CU_ASSERT_TRUE(becomes(&w, READINESS_NOT_READY, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Connection refused"));
    end(&w);
    end(&other);
}

/* A probe that hangs with a former server does not keep the new one waiting. */
static void renewed_while_probing(void)
{
    struct world w;
    struct world other;
    struct err err = {.text = ""};
    begin(&w, "== 1\nWAIT-EOF\n", "== *\nWAIT-EOF\n");
    begin(&other, "== 1\n" GREETS, NULL);
    CU_ASSERT_EQUAL(readiness_ask(&w.readiness, &err), READINESS_NOT_KNOWN);
    struct snapshot *before = snapshots_swap(&w.snapshots, snapshots_take(&other.snapshots));
    deadline begun = deadline_now();
    readiness_renew(&w.readiness);
    snapshot_release(before);
    CU_ASSERT_TRUE(becomes(&w, READINESS_READY, &err));
    CU_ASSERT_TRUE(deadline_now() - begun < 8000); /* the former one had 10 s */
    end(&w);
    end(&other);
}

static void one_server_of_the_list_is_enough(void)
{
    struct world w;
    struct err err = {.text = ""};
    begin(&w, NULL, "== 1\n" GREETS);
    CU_ASSERT_TRUE(becomes(&w, READINESS_READY, &err));
    end(&w);
}

static void the_answer_says_why_not(void)
{
    struct world w;
    struct err err = {.text = ""};
    begin(&w, NULL, "== 1\n" REFUSES);
    CU_ASSERT_TRUE(becomes(&w, READINESS_NOT_READY, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Connection refused"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "554 go away"));
    /* Not sooner than after its time is a server asked again. */
    for (size_t i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(readiness_ask(&w.readiness, &err), READINESS_NOT_READY);
    }
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[1]), 1);
    end(&w);
}

static void old_answers_are_probed_again(void)
{
    struct world w;
    struct err err = {.text = ""};
    begin(&w, "== 1\n" REFUSES "== 2\n" GREETS "== 3\n" REFUSES, NULL);
    CU_ASSERT_TRUE(becomes(&w, READINESS_NOT_READY, &err));
    age(&w);
    CU_ASSERT_TRUE(becomes(&w, READINESS_READY, &err));
    age(&w);
    CU_ASSERT_EQUAL(readiness_ask(&w.readiness, &err),
                    READINESS_READY); /* the old one, while the probe runs */
    CU_ASSERT_TRUE(becomes(&w, READINESS_NOT_READY, &err));
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[0]), 3);
    end(&w);
}

/* Nobody waits for a server that says nothing, and the program's end does not either. */
static void a_silent_server_holds_nobody(void)
{
    struct world w;
    struct err err = {.text = ""};
    begin(&w, "== 1\nSTALL\n", NULL);
    deadline begun = deadline_now();
    CU_ASSERT_EQUAL(readiness_ask(&w.readiness, &err), READINESS_NOT_KNOWN);
    CU_ASSERT_TRUE(deadline_now() - begun >= READINESS_WAIT_MS);
    CU_ASSERT_TRUE(deadline_now() - begun < 5000); /* not the probe's 10 s */
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not yet known"));
    begun = deadline_now();
    end(&w);
    CU_ASSERT_TRUE(deadline_now() - begun < 5000);
}

/* Waiting costs threads of the program, so that only few do. */
static void *ask_once(void *argument)
{
    struct world *w = argument;
    struct err err;
    (void)readiness_ask(&w->readiness, &err);
    return NULL;
}

static void few_wait(void)
{
    enum { ASKING = 3 * READINESS_WAITERS };
    struct world w;
    pthread_t threads[ASKING];
    begin(&w, "== 1\nSTALL\n", NULL);
    for (size_t i = 0; i < ASKING; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask_once, &w), 0);
    }
    unsigned most = 0;
    for (deadline until = deadline_after(READINESS_WAIT_MS / 2); !deadline_passed(until);) {
        (void)pthread_mutex_lock(&w.readiness.mutex);
        most = w.readiness.waiters > most ? w.readiness.waiters : most;
        (void)pthread_mutex_unlock(&w.readiness.mutex);
    }
    CU_ASSERT_EQUAL(most, READINESS_WAITERS);
    for (size_t i = 0; i < ASKING; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[0]), 1);
    end(&w);
}

static void deliveries_are_evidence(void)
{
    static const struct {
        struct smtp_outcome outcome;
        enum readiness_state before, after;
    } cases[] = {
        {{.class = SMTP_ACCEPTED, .greeted = true}, READINESS_NOT_KNOWN, READINESS_READY},
        {{.class = SMTP_ACCEPTED, .reused = true}, READINESS_NOT_READY, READINESS_READY},
        {{.class = SMTP_MESSAGE_REFUSED, .reused = true, .reply = {.code = 550}},
         READINESS_NOT_READY,
         READINESS_READY},
        {{.class = SMTP_TLS_FAILED, .greeted = true}, READINESS_NOT_READY, READINESS_READY},
        {{.class = SMTP_UNAVAILABLE, .err = {.text = "e"}}, READINESS_READY, READINESS_NOT_READY},
        {{.class = SMTP_TIMED_OUT, .err = {.text = "e"}}, READINESS_NOT_KNOWN, READINESS_NOT_READY},
        {{.class = SMTP_TEMPORARY, .reply = {.code = 421}}, READINESS_READY, READINESS_NOT_READY},
        {{.class = SMTP_TIMED_OUT, .reused = true}, READINESS_READY, READINESS_READY},
        {{.class = SMTP_TIMED_OUT, .reused = true}, READINESS_NOT_READY, READINESS_NOT_READY},
        {{.class = SMTP_LOCAL_FAILURE}, READINESS_NOT_KNOWN, READINESS_NOT_KNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        struct err err = {.text = ""};
        begin(&w, "== 1\n", NULL);
        atomic_store(&w.readiness.state, cases[i].before);
        readiness_note(&w.readiness, &cases[i].outcome);
        CU_ASSERT_EQUAL(readiness_known(&w.readiness), cases[i].after);
        if (cases[i].before != cases[i].after) { /* it is fresh: no probe is needed */
            CU_ASSERT_EQUAL(readiness_ask(&w.readiness, &err), cases[i].after);
            CU_ASSERT_EQUAL(smtp_script_connections(w.scripts[0]), 0);
        }
        end(&w);
    }
}

#define NOTERS 3

static void *note_many(void *argument)
{
    struct world *w = argument;
    const struct smtp_outcome good = {.class = SMTP_ACCEPTED, .greeted = true};
    const struct smtp_outcome bad = {.class = SMTP_UNAVAILABLE, .err = {.text = "down"}};
    for (size_t i = 0; i < 2000; i++) {
        readiness_note(&w->readiness, i % 3 == 0 ? &bad : &good);
    }
    return NULL;
}

static void many_at_once(void)
{
    struct world w;
    struct err err;
    pthread_t threads[NOTERS];
    begin(&w, "== *\n" GREETS, NULL);
    for (size_t i = 0; i < NOTERS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, note_many, &w), 0);
    }
    for (size_t i = 0; i < 20; i++) {
        age(&w);
        (void)readiness_ask(&w.readiness, &err);
    }
    for (size_t i = 0; i < NOTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    end(&w);
}

static const struct unit_test tests[] = {
    {"the first answer is yes", the_first_answer_is_yes},
    {"renewed", renewed},
    {"renewed while probing", renewed_while_probing},
    {"one server of the list is enough", one_server_of_the_list_is_enough},
    {"the answer says why not", the_answer_says_why_not},
    {"old answers are probed again", old_answers_are_probed_again},
    {"a silent server holds nobody", a_silent_server_holds_nobody},
    {"few wait", few_wait},
    {"deliveries are evidence", deliveries_are_evidence},
    {"many at once", many_at_once},
};
UNIT_SUITE(app_readiness, tests);
