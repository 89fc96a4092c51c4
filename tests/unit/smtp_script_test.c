/* The scripted server that other suites rely on, tried with a plain client: what it expects, stores and
 * tells. */
#include "script_run.h"

#include <unistd.h>

#include "bytes.h"
#include "test_client.h"

/* A client says text at once and closes: what comes of it. */
static bool reported_of(const char *scenario, const char *text, const char *expected)
{
    struct smtp_script *script = script_start(scenario);
    struct test_client client;
    bool said = test_client_connect(&client, smtp_script_port(script)) && test_client_say(&client, text);
    test_client_close(&client);
    return reported(script, expected) && said;
}

static void test_dialogue(void)
{
    struct smtp_script *script = script_start("# a comment\n"
                                              "\n"
                                              "  S: 220 hi\n"
                                              "  C: EHLO *\n"
                                              "  S: 250-a\n"
                                              "  S: 250 b\n"
                                              "  C: QUIT\n"
                                              "  S: 221 bye\n");
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_TRUE(test_client_hears(&client, "220 hi\r\n"));
    CU_ASSERT_TRUE(test_client_say(&client, "EHLO me\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "250-a\r\n250 b\r\n"));
    CU_ASSERT_TRUE(test_client_say(&client, "QUIT\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "221 bye\r\n"));
    CU_ASSERT_EQUAL(test_client_end(&client), TEST_CLIENT_EOF);
    test_client_close(&client);
    CU_ASSERT_TRUE(smtp_script_wait(script, 1, 5000));
    CU_ASSERT_TRUE(script_stopped(script, ""));
    char *transcript = smtp_script_transcript(script, 1);
    CU_ASSERT_STRING_EQUAL(transcript,
                           "S: 220 hi\nC: EHLO me\nS: 250-a\nS: 250 b\nC: QUIT\nS: 221 bye\n* closed\n");
    free(transcript);
    transcript = smtp_script_transcript(script, 2);
    CU_ASSERT_STRING_EQUAL(transcript, "");
    free(transcript);
    char *flights = smtp_script_flights(script, 1);
    CU_ASSERT_STRING_EQUAL(flights, "EHLO me\\r\\n\nQUIT\\r\\n\n");
    free(flights);
    CU_ASSERT_EQUAL(smtp_script_flight_count(script, 1), 2);
    CU_ASSERT_EQUAL(smtp_script_flight_count(script, 2), 0);
    smtp_script_free(script);
}

/* What a client says, and what the report is then. */
static const struct {
    const char *scenario;
    const char *said;
    const char *report;
} outcomes[] = {
    {"C: A*c\nWAIT-EOF\n", "Abbc\r\n", ""},
    {"C: A\\*\n", "A*\r\n", ""},
    {"C: A\\*\n", "Ab\r\n", "scenario:1: connection 1: expected \"C: A\\*\", got \"Ab\\r\\n\"\n"},
    {"C: A\nC: B\n", "A\r\nC\r\n", "scenario:2: connection 1: expected \"C: B\", got \"C\\r\\n\"\n"},
    {"C: A\nC: B\n", "A\r\n", "scenario:2: connection 1: expected \"C: B\", got the end of the input\n"},
    {"C: A\nC: B\n", "A\r\nB",
     "scenario:2: connection 1: expected \"C: B\", got \"B\" and then the end of the input\n"},
    {"C: A\n", "A\n", "scenario:1: connection 1: expected \"C: A\", got \"A\\n\"\n"},
    {"C: \n", "\n", "scenario:1: connection 1: expected \"C: \", got \"\\n\"\n"},
    {"C: A\n", "A\r\nB\r\n", "scenario:1: connection 1: after the last step came \"B\\r\\n\"\n"},
    {"C: A\nC+: B\nC+: C\n", "A\r\nB\r\nC\r\n", ""},
    {"C: A\nCLOSE\n", "A\r\nB\r\n", ""},
    /* optional lines */
    {"C?: QUIT\nWAIT-EOF\n", "QUIT\r\n", ""},
    {"C?: QUIT\nWAIT-EOF\n", "", ""},
    {"C?: A\nC: B\n", "B\r\n", ""},
    {"C?: A\nWAIT-EOF\n", "B\r\n",
     "scenario:2: connection 1: expected the end of the input, got \"B\\r\\n\"\n"},
    /* the end of the input */
    {"WAIT-EOF\n", "", ""},
    {"WAIT-EOF\n", "A", "scenario:1: connection 1: expected the end of the input, got \"A\"\n"},
    {"C: A\nREAD-UNTIL-EOF\n", "A\r\nBCD\r\n", ""},
    /* blocks */
    {"REPEAT 3\nC: A\nEND\nC: B\n", "A\r\nA\r\nA\r\nB\r\n", ""},
    {"REPEAT 0\nC: A\nEND\nC: B\n", "B\r\n", ""},
    {"REPEAT 2\nREPEAT 2\nC: A\nEND\nC: B\nEND\n", "A\r\nA\r\nB\r\nA\r\nA\r\nB\r\n", ""},
    {"REPEAT *\nC: A\nEND\nWAIT-EOF\n", "A\r\nA\r\n", ""},
    {"REPEAT *\nC: A\nEND\n", "A\r\nB\r\n", "scenario:2: connection 1: expected \"C: A\", got \"B\\r\\n\"\n"},
    {"REPEAT *\nC?: A\nEND\n", "A\r\nB\r\n",
     "scenario:1: connection 1: expected \"REPEAT *\", got \"B\\r\\n\" and then nothing\n"},
    {"WHILE A*\nC: B\nEND\nC: C\n", "A1\r\nB\r\nA2\r\nB\r\nC\r\n", ""},
    {"WHILE A*\nCLOSE\nEND\nC: C\n", "A1\r\nB\r\n", ""},
    {"IF A\nC: 1\nELSE IF B\nC: 2\nELSE\nC: 3\nEND\nC: Z\n", "A\r\n1\r\nZ\r\n", ""},
    {"IF A\nC: 1\nELSE IF B\nC: 2\nELSE\nC: 3\nEND\nC: Z\n", "B\r\n2\r\nZ\r\n", ""},
    {"IF A\nC: 1\nELSE IF B\nC: 2\nELSE\nC: 3\nEND\nC: Z\n", "3\r\nZ\r\n", ""},
    {"IF A\nC: 1\nEND\nC: Z\n", "Z\r\n", ""},
    {"IF A\nIF B\nC: 1\nELSE\nC: 2\nEND\nEND\nC: Z\n", "A\r\n2\r\nZ\r\n", ""},
    /* data */
    {"DATA\n", "a\r\n.\r\n", ""},
    {"DATA\nC: QUIT\n", ".\r\nQUIT\r\n", ""},
    {"DATA 3\nC: b\n", "a\r\nb\r\n", ""},
    {"DATA 9\n", "a\r\nb\r\n", "scenario:1: connection 1: expected \"DATA 9\", got the end of the input\n"},
    {"DATA\n", "a\r\n", "scenario:1: connection 1: expected \"DATA\", got the end of the input\n"},
    {"DATA\n", "a\nb\r\n.\r\n", "scenario:1: connection 1: a bare CR or LF in the data: \"a\\n\"\n"},
    {"DATA\n", "a\rb\r\n.\r\n", "scenario:1: connection 1: a bare CR or LF in the data: \"a\\rb\\r\\n\"\n"},
    {"DATA\n", "a\r\n\r\r\n.\r\n", "scenario:1: connection 1: a bare CR or LF in the data: \"\\r\\r\\n\"\n"},
    {"DATA\n", "a\r\n.\n", "scenario:1: connection 1: a bare CR or LF in the data: \".\\n\"\n"},
    /* BDAT */
    {"BDAT\nBDAT\n", "BDAT 3\r\na\r\nBDAT 0 LAST\r\n", ""},
    {"BDAT\n", "BDAT\r\n", "scenario:1: connection 1: expected a BDAT command\n"},
    {"BDAT\n", "BDAT 1 last\r\nx", "scenario:1: connection 1: expected a BDAT command\n"},
    {"BDAT\n", "BDAT 99999999999999999999\r\nx", "scenario:1: connection 1: expected a BDAT command\n"},
    {"BDAT\n", "BDAT 4\r\na\r\n", "scenario:1: connection 1: expected \"BDAT\", got the end of the input\n"},
    {"BDAT-ALL: 250 ok\nC: QUIT\n", "BDAT 1\r\naBDAT 1\r\nbBDAT 1 LAST\r\ncQUIT\r\n", ""},
};

static void test_outcomes(void)
{
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        if (!reported_of(outcomes[i].scenario, outcomes[i].said, outcomes[i].report)) {
            fprintf(stderr, "  of: %s\n", outcomes[i].scenario);
            CU_FAIL("another outcome");
        }
    }
}

static const struct {
    const char *scenario;
    const char *error;
} wrong[] = {
    {"", "line 0: there is no step"},
    {"# nothing\n", "line 1: there is no step"},
    {"S: 220 hi\nSAY 3\n", "line 2: unknown step"},
    {"S:220\n", "line 1: unknown step"},
    {"S: a\\q\n", "line 1: wrong escape"},
    {"C: a\\x4\n", "line 1: wrong escape"},
    {"C: a\\\n", "line 1: wrong escape"},
    {"RAW abc\n", "line 1: wants a text in double quotes"},
    {"RAW \"\n", "line 1: wants a text in double quotes"},
    {"OCTETS many\n", "line 1: wants a number"},
    {"OCTETS -1\n", "line 1: wants a number"},
    {"OCTETS 99999999999999999999\n", "line 1: wants a number"},
    {"WAIT 1 2\n", "line 1: takes no argument"},
    {"STALL 1\n", "line 1: takes no argument"},
    {"CLOSE now\n", "line 1: takes no argument"},
    {"DATA all\n", "line 1: takes no argument"},
    {"TLS 1.2\n", "line 1: TLS takes fail, cert=, min=, max=, ask="},
    {"END\n", "line 1: there is no block here"},
    {"ELSE\n", "line 1: there is no block here"},
    {"REPEAT 2\nELSE\nEND\n", "line 2: ELSE without IF"},
    {"IF a\nELSE\nELSE\nEND\n", "line 3: ELSE without IF"},
    {"REPEAT 2\n", "line 1: a block has no END"},
    {"== 1\nIF A\n== 2\n", "line 3: a block has no END"},
    {"== 2\nS: a\n", "line 1: sections are == 1, == 2 and so on, == * the last"},
    {"S: a\n== 1\n", "line 2: sections are == 1, == 2 and so on, == * the last"},
    {"== *\n== 2\n", "line 2: sections are == 1, == 2 and so on, == * the last"},
    {"== one\n", "line 1: a section is a number or *"},
    {"== 0\n", "line 1: a section is a number or *"},
};

static void test_wrong_scenarios(void)
{
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char *error = NULL;
        CU_ASSERT_PTR_NULL(
            smtp_script_start(&(struct smtp_script_options){.scenario = wrong[i].scenario}, &error));
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_STRING_EQUAL(error, wrong[i].error);
        free(error);
    }
    struct script_bytes deep = {0};
    for (int i = 0; i < 17; i++) {
        script_bytes_text(&deep, "REPEAT 1\n");
    }
    CU_ASSERT_PTR_NULL(smtp_script_start(&(struct smtp_script_options){.scenario = (char *)deep.data}, NULL));
    script_bytes_free(&deep);
}

static void test_wrong_addresses(void)
{
    static const char *const addresses[] = {"localhost", "", "198.51.100.1", "unix:/nonexistent/socket",
                                            "1.2.3"};
    for (size_t i = 0; i < COUNT(addresses); i++) {
        char *error = NULL;
        const struct smtp_script_options options = {.scenario = "S: a\n", .listen = addresses[i]};
        CU_ASSERT_PTR_NULL(smtp_script_start(&options, &error));
        CU_ASSERT_PTR_NOT_NULL(error);
        free(error);
    }
}

/* The message that comes of data, whole at every cut of what is said. */
static void test_data_is_stored(void)
{
    static const char data[] = "a\r\n..b\r\n...\r\n\r\n.\r\n";
    static const char message[] = "a\r\n.b\r\n..\r\n\r\n";
    struct smtp_script *script = script_start("== *\nDATA\nS: 250 ok\n");
    size_t size = 0;
    for (size_t cut = 0; cut < sizeof data; cut++) {
        struct test_client client;
        CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
        CU_ASSERT_TRUE(test_client_write(&client, data, cut));
        CU_ASSERT_TRUE(test_client_write(&client, data + cut, sizeof data - 1 - cut));
        CU_ASSERT_TRUE(test_client_hears(&client, "250 ok\r\n"));
        test_client_close(&client);
        const unsigned char *stored = smtp_script_message(script, cut, &size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(stored);
        CU_ASSERT_EQUAL(size, sizeof message - 1);
        CU_ASSERT_EQUAL(memcmp(stored, message, size), 0);
    }
    CU_ASSERT_EQUAL(smtp_script_messages(script), sizeof data);
    CU_ASSERT_PTR_NULL(smtp_script_message(script, sizeof data, &size));
    CU_ASSERT_TRUE(script_stopped(script, ""));
    smtp_script_free(script);
}

static void test_messages_of_every_kind(void)
{
    struct smtp_script *script =
        script_start("DATA\nDATA discard\nBDAT\nBDAT\nBDAT discard\nDATA\nS: 250 ok\n");
    struct test_client client;
    size_t size = 9;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_TRUE(test_client_say(
        &client, "one\r\n.\r\ntwo\r\n.\r\nBDAT 3\r\nfo\nBDAT 2 LAST\r\nurBDAT 1 LAST\r\nx.\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "250 ok\r\n"));
    test_client_close(&client);
    CU_ASSERT_TRUE(script_stopped(script, ""));
    CU_ASSERT_EQUAL(smtp_script_messages(script), 3);
    CU_ASSERT_STRING_EQUAL((const char *)smtp_script_message(script, 0, &size), "one\r\n");
    CU_ASSERT_STRING_EQUAL((const char *)smtp_script_message(script, 1, &size), "fo\nur");
    CU_ASSERT_STRING_EQUAL((const char *)smtp_script_message(script, 2, &size), "");
    CU_ASSERT_EQUAL(size, 0);
    char *transcript = smtp_script_transcript(script, 1);
    CU_ASSERT_STRING_EQUAL(transcript, "* data 5 octets\n* data 5 octets\nC: BDAT 3\n* bdat 3 octets\n"
                                       "C: BDAT 2 LAST\n* bdat 2 octets\nC: BDAT 1 LAST\n* bdat 1 octets\n"
                                       "* data 0 octets\nS: 250 ok\n* closed\n");
    free(transcript);
    smtp_script_free(script);
}

static void test_messages_and_transcript_are_written(void)
{
    char directory[] = "/tmp/smtp_script.XXXXXX";
    char message[64];
    char transcript[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    snprintf(message, sizeof message, "%s/message-1.eml", directory);
    snprintf(transcript, sizeof transcript, "%s/transcript", directory);
    struct smtp_script *script = smtp_script_start(
        &(struct smtp_script_options){
            .scenario = "DATA\nS: 250 ok\n", .message_dir = directory, .transcript_file = transcript},
        NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    struct test_client client;
    CU_ASSERT_TRUE(test_client_connect(&client, smtp_script_port(script)));
    CU_ASSERT_TRUE(test_client_say(&client, "..x\r\n.\r\n"));
    CU_ASSERT_TRUE(test_client_hears(&client, "250 ok\r\n"));
    char text[64] = "";
    FILE *file = fopen(message, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fread(text, 1, sizeof text, file), 4);
    CU_ASSERT_STRING_EQUAL(text, ".x\r\n");
    fclose(file);
    test_client_close(&client);
    CU_ASSERT_TRUE(script_stopped(script, ""));
    char whole[128] = "";
    file = fopen(transcript, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_TRUE(fread(whole, 1, sizeof whole - 1, file) > 0);
    CU_ASSERT_STRING_EQUAL(whole, "1 * data 4 octets\n1 S: 250 ok\n1 * closed\n");
    fclose(file);
    smtp_script_free(script);
    unlink(message);
    unlink(transcript);
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static const struct unit_test tests[] = {
    {"dialogue", test_dialogue},
    {"outcomes", test_outcomes},
    {"wrong scenarios", test_wrong_scenarios},
    {"wrong addresses", test_wrong_addresses},
    {"data is stored", test_data_is_stored},
    {"messages of every kind", test_messages_of_every_kind},
    {"messages and transcript are written", test_messages_and_transcript_are_written},
};

UNIT_SUITE(smtp_script, tests);
