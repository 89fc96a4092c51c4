/* The faults that the scripted server plays, its connections and its waiting. */
#include "script_run.h"

#include <pthread.h>
#include <unistd.h>

#include "test_client.h"

static struct smtp_script *start_with(const char *scenario, struct test_client *client)
{
    struct smtp_script *script = script_start(scenario);
    CU_ASSERT_TRUE(test_client_connect(client, smtp_script_port(script)));
    return script;
}

static void test_octets_without_line_end(void)
{
    struct test_client client;
    struct smtp_script *script =
        start_with("PART: 250-half\nRAW \"\\x00\\r\\n\\\\\\\"*\"\nS: a\\tb\n", &client);
    char heard[64] = "";
    CU_ASSERT_TRUE(test_client_hears(&client, "250-half"));
    CU_ASSERT_EQUAL(read(client.fd, heard, 1), 1);
    CU_ASSERT_EQUAL(heard[0], '\0');
    CU_ASSERT_TRUE(test_client_hears(&client, "\r\n\\\"*a\tb\r\n"));
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
    char *transcript = smtp_script_transcript(script, 0);
    CU_ASSERT_STRING_EQUAL(transcript, "1 S~ 250-half\n1 S~ \\0\\r\\n\\\\\"*\n1 S: a\\tb\n1 * closed\n");
    free(transcript);
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_stall_ends_with_the_peer(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("STALL\n", &client);
    CU_ASSERT_TRUE(test_client_say(&client, "not read\r\n"));
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "* stalled", 5000));
    CU_ASSERT_FALSE(smtp_script_wait(script, 1, 10));
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_stall_ends_with_the_stop(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("STALL\n", &client);
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "* stalled", 5000));
    CU_ASSERT_TRUE(smtp_script_stop(script));
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_EOF);
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_close_and_reset(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("CLOSE\nS: never\n", &client);
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_EOF);
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, ""));

    script = start_with("C: A\nRESET\nS: never\n", &client);
    CU_ASSERT_TRUE(test_client_say(&client, "A\r\n"));
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_RESET);
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_mismatch_closes(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("C: A\nS: never\n", &client);
    CU_ASSERT_TRUE(test_client_say(&client, "B\r\n"));
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_EOF);
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* failed: expected \"C: A\", got \"B*", 5000));
    CU_ASSERT_TRUE(reported(script, "scenario:1: connection 1: expected \"C: A\", got \"B\\r\\n\"\n"));
}

static void test_nothing_until_the_stop(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("C: A\n", &client);
    CU_ASSERT_TRUE(
        reported(script, "scenario:1: connection 1: expected \"C: A\", got nothing until the stop\n"));
    test_client_close(&client);

    script = start_with("WAIT-EOF\n", &client);
    CU_ASSERT_TRUE(
        reported(script, "scenario:1: connection 1: expected \"WAIT-EOF\", got nothing until the stop\n"));
    test_client_close(&client);

    /* What is optional is not missed, and what comes after it still has its time. */
    script = start_with("C?: A\nIF B\nEND\nWHILE C\nEND\nREPEAT *\nC: D\nEND\nSTALL\n", &client);
    CU_ASSERT_TRUE(reported(script, ""));
    test_client_close(&client);
}

static void test_another_flight(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("C: A\nS: ok\nC+: B\n", &client);
    CU_ASSERT_TRUE(test_client_say(&client, "A\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "ok\r\n"));
    CU_ASSERT_TRUE(test_client_say(&client, "B\r\n"));
    CU_ASSERT_EQUAL(test_client_drain(&client), 0);
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(
        script, "scenario:3: connection 1: \"C+: B\" came in another flight than the line before\n"));
}

static void test_floods(void)
{
    struct test_client client;
    struct smtp_script *script =
        start_with("LINES 3 250-\nOCTETS 40000\nLINES 0 x\nLINES 20000 250-\nCLOSE\n", &client);
    CU_ASSERT_TRUE(test_client_hears(&client, "250-1\r\n250-2\r\n250-3\r\n"));
    CU_ASSERT_EQUAL(test_client_drain(&client), 40000 + 20000 * 6 + 9 + 180 + 2700 + 36000 + 50005);
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "\\* sent 20000 lines", 5000));
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_floods_end_early(void)
{
    static const char *const scenarios[] = {"OCTETS 1000000000\nWAIT-EOF\n",
                                            "LINES 1000000000 x\nWAIT-EOF\n"};
    for (size_t i = 0; i < 2; i++) {
        struct test_client client;
        struct smtp_script *script = start_with(scenarios[i], &client);
        CU_ASSERT_TRUE(test_client_hears(&client, "x"));
        test_client_close(&client);
        CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
        CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "*ended early", 0));
        CU_ASSERT_TRUE(reported(script, ""));

        script = start_with(scenarios[i], &client); /* and when the peer does not read */
        CU_ASSERT_TRUE(test_client_hears(&client, "x"));
        smtp_script_stop(script);
        test_client_close(&client);
        smtp_script_free(script);
    }
}

static void test_drip(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("DRIP 1 \"250 ok\\r\\n\"\nDRIP 60000 \"xyz\"\n", &client);
    CU_ASSERT_TRUE(test_client_hears(&client, "250 ok\r\nx"));
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 1, "* drip ended early", 0));
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_quiet(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("QUIET 20\nS: hi\nC: A\nQUIET 20\n", &client);
    CU_ASSERT_TRUE(test_client_hears(&client, "hi\r\n"));
    CU_ASSERT_TRUE(test_client_say(&client, "A\r\nB\r\n"));
    CU_ASSERT_EQUAL(test_client_drain(&client), 0);
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, "scenario:4: connection 1: expected \"QUIET 20\", got \"B\\r\\n\"\n"));

    script = start_with("QUIET 5000\n", &client);
    CU_ASSERT_TRUE(test_client_say(&client, "early"));
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 4000));
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, "scenario:1: connection 1: expected \"QUIET 5000\", got \"early\"\n"));

    script = start_with("QUIET 5000\nWAIT-EOF\n", &client);
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 4000));
    CU_ASSERT_TRUE(reported(script, ""));
}

static void test_wait(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("WAIT 1\nS: hi\nWAIT 60000\n", &client);
    CU_ASSERT_TRUE(test_client_hears(&client, "hi\r\n"));
    CU_ASSERT_TRUE(reported(script, ""));
    test_client_close(&client);
}

static void test_gates(void)
{
    struct test_client client;
    struct smtp_script *script = start_with("GATE one\nS: 1\nGATE two\nS: 2\nGATE three\n", &client);
    CU_ASSERT_TRUE(smtp_script_wait_line(script, 0, "* at gate one", 5000));
    CU_ASSERT_FALSE(smtp_script_wait_line(script, 1, "S: 1", 10));
    smtp_script_open(script, "two"); /* open before it is reached */
    smtp_script_open(script, "one");
    CU_ASSERT_TRUE(test_client_hears(&client, "1\r\n2\r\n"));
    CU_ASSERT_TRUE(reported(script, "scenario:5: connection 1: gate three was not opened until the stop\n"));
    test_client_close(&client);

    script = start_with("GATE a\nGATE b\nS: ok\n", &client);
    smtp_script_open(script, NULL);
    CU_ASSERT_TRUE(test_client_hears(&client, "ok\r\n"));
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, ""));
}

static bool hears_once(struct smtp_script *script, const char *text)
{
    struct test_client client;
    bool heard = test_client_connect(&client, smtp_script_port(script)) && test_client_hears(&client, text);
    test_client_close(&client);
    return heard;
}

static void test_connections(void)
{
    struct smtp_script *script = script_start("== 1\nS: one\n== 2\nS: two\n== *\nS: more\n");
    CU_ASSERT_TRUE(hears_once(script, "one\r\n"));
    CU_ASSERT_TRUE(hears_once(script, "two\r\n"));
    CU_ASSERT_TRUE(hears_once(script, "more\r\n"));
    CU_ASSERT_TRUE(hears_once(script, "more\r\n"));
    CU_ASSERT_EQUAL(smtp_script_connections(script), 4);
    CU_ASSERT_TRUE(reported(script, ""));

    script = script_start("== 1\nS: one\n== 2\nS: two\n==? 3\nS: three\n");
    CU_ASSERT_TRUE(hears_once(script, "one\r\n"));
    CU_ASSERT_TRUE(reported(script, "scenario: connection 2: did not come\n"));

    script = script_start("S: one\n");
    CU_ASSERT_TRUE(hears_once(script, "one\r\n"));
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_EOF);
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, "scenario: connection 2: there is no section for this connection\n"));

    CU_ASSERT_TRUE(reported(script_start("== *\nC: A\n"), ""));
    CU_ASSERT_TRUE(reported(script_start("==? 1\nC: A\n"), ""));
    CU_ASSERT_TRUE(reported(script_start("C: A\n"), "scenario: connection 1: did not come\n"));
}

#define THREADS 4U
#define TURNS   25U

static void *many_clients(void *argument)
{
    struct smtp_script *script = argument;
    size_t good = 0;
    for (size_t i = 0; i < TURNS; i++) {
        struct test_client client;
        good += test_client_connect(&client, smtp_script_port(script)) &&
                test_client_hears(&client, "220 hi\r\n") && test_client_say(&client, "DATA\r\nx\r\n.\r\n") &&
                test_client_hears(&client, "250 ok\r\n");
        test_client_close(&client);
    }
    return good == TURNS ? script : NULL;
}

static void test_many_at_once(void)
{
    static const char scenario[] = "== *\nS: 220 hi\nC: DATA\nDATA\nS: 250 ok\n";
    struct smtp_script *scripts[2] = {script_start(scenario), script_start(scenario)};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, many_clients, scripts[i % 2]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        CU_ASSERT_PTR_NOT_NULL(result);
    }
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(smtp_script_connections(scripts[i]), THREADS / 2 * TURNS);
        CU_ASSERT_TRUE(smtp_script_wait(scripts[i], THREADS / 2 * TURNS, 5000));
        CU_ASSERT_EQUAL(smtp_script_messages(scripts[i]), THREADS / 2 * TURNS);
        CU_ASSERT_TRUE(reported(scripts[i], ""));
    }
}

static void test_unix_socket(void)
{
    char directory[] = "/tmp/smtp_script.XXXXXX";
    char listen[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    snprintf(listen, sizeof listen, "unix:%s/socket", directory);
    struct smtp_script *script = smtp_script_start(
        &(struct smtp_script_options){.scenario = "S: hi\nWAIT-EOF\n", .listen = listen}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CU_ASSERT_EQUAL(smtp_script_port(script), 0);
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect_unix(&client, listen + 5));
    CU_ASSERT_TRUE(test_client_hears(&client, "hi\r\n"));
    test_client_close(&client);
    CU_ASSERT_TRUE(reported(script, ""));
    CU_ASSERT_EQUAL(rmdir(directory), 0); /* the socket is removed with the script */
}

static const struct unit_test tests[] = {
    {"octets without line end", test_octets_without_line_end},
    {"stall ends with the peer", test_stall_ends_with_the_peer},
    {"stall ends with the stop", test_stall_ends_with_the_stop},
    {"close and reset", test_close_and_reset},
    {"mismatch closes", test_mismatch_closes},
    {"nothing until the stop", test_nothing_until_the_stop},
    {"another flight", test_another_flight},
    {"floods", test_floods},
    {"floods end early", test_floods_end_early},
    {"drip", test_drip},
    {"quiet", test_quiet},
    {"wait", test_wait},
    {"gates", test_gates},
    {"connections", test_connections},
    {"many at once", test_many_at_once},
    {"Unix socket", test_unix_socket},
};

UNIT_SUITE(smtp_script_fault, tests);
