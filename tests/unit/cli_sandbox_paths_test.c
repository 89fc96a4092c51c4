#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/sandbox_inside.h"
#include "unit.h"

static char home[64];

static const char *in_home(const char *name)
{
    static char path[8][128];
    static unsigned next;
    char *text = path[next++ % 8];
    (void)snprintf(text, 128, "%s/%s", home, name);
    return text;
}

static void make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
}

static void make_home(void)
{
    static const char *const directories[] = {"config", "certificates", "linked", "spill",
                                              "run",    "other",        "real",   "links"};
    static const char *const files[] = {"config/fcgi-smtp.yaml", "config/beside", "real/password",
                                        "linked/a.pem", "other/file"};
    strcpy(home, "/tmp/sandbox-paths-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(home));
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        CU_ASSERT_EQUAL(mkdir(in_home(directories[i]), 0700), 0);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        make_file(in_home(files[i]));
    }
    CU_ASSERT_EQUAL(symlink("../real/password", in_home("links/password")), 0);
    CU_ASSERT_EQUAL(symlink("../linked/a.pem", in_home("certificates/a.0")), 0);
}

static void remove_home(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", home);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void gather(struct sandbox_paths *paths, const char *socket)
{
    char *password = strdup(in_home("links/password"));
    char *certificates = strdup(in_home("certificates"));
    char *spill = strdup(in_home("spill"));
    struct config_server server = {.password_file = password, .ca_path = certificates};
    struct config config = {.servers = &server, .server_count = 1, .spill_dir = spill};
    *paths = (struct sandbox_paths){0};
    CU_ASSERT_TRUE_FATAL(sandbox_paths_gather(paths, &config, in_home("config/fcgi-smtp.yaml"), socket));
    free(password);
    free(certificates);
    free(spill);
}

static void covered(void)
{
    static const struct {
        const char *name;
        unsigned rights;
        bool expected;
    } table[] = {
        {"config/fcgi-smtp.yaml", SANDBOX_READ, true},
        {"config/beside", SANDBOX_READ, true}, /* an editor's new file of that name */
        {"config/fcgi-smtp.yaml", SANDBOX_READ | SANDBOX_WRITE, false},
        {"config/nothing", SANDBOX_READ, true}, /* is somebody else's to find out */
        {"links/password", SANDBOX_READ, true}, /* where the link leads */
        {"real/password", SANDBOX_READ, true},
        {"certificates", SANDBOX_READ, true},
        {"linked/a.pem", SANDBOX_READ, true},
        {"certificates/../linked/a.pem", SANDBOX_READ, true},
        {"spill", SANDBOX_READ | SANDBOX_WRITE, true},
        {"other/file", SANDBOX_READ, false},
        {"config/../other/file", SANDBOX_READ, false},
        {"other", SANDBOX_READ, false},
        {"run", SANDBOX_READ, false},
        {"run", SANDBOX_REMOVE, true},
    };
    struct sandbox_paths paths;
    make_home();
    gather(&paths, in_home("run/socket"));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool is = sandbox_paths_cover(&paths, in_home(table[i].name), table[i].rights);
        if (is != table[i].expected) {
            printf("\n%s: %d\n", table[i].name, is);
        }
        CU_ASSERT_EQUAL(is, table[i].expected);
    }
    /* Another directory of that name is not the one that was granted. */
    CU_ASSERT_EQUAL(rename(in_home("spill"), in_home("old")), 0);
    CU_ASSERT_EQUAL(mkdir(in_home("spill"), 0700), 0);
    CU_ASSERT_FALSE(sandbox_paths_cover(&paths, in_home("spill"), SANDBOX_WRITE));
    CU_ASSERT_TRUE(sandbox_paths_cover(&paths, in_home("old"), SANDBOX_WRITE));
    sandbox_paths_free(&paths);
    remove_home();
}

static bool granted(const struct sandbox_paths *paths, const char *path)
{
    bool found = false;
    for (size_t i = 0; i < paths->count; i++) {
        found = found || strcmp(paths->items[i].path, path) == 0;
    }
    return found;
}

/* A directory that is everybody's is not granted for one file in it. */
static void shared_directories(void)
{
    char file[] = "/tmp/sandbox-paths-XXXXXX";
    char beside[] = "/tmp/sandbox-beside-XXXXXX";
    int fd = mkstemp(file);
    int other = mkstemp(beside);
    CU_ASSERT_FATAL(fd >= 0 && other >= 0);
    struct config_server server = {.password_file = file};
    char spill[] = "/nowhere";
    struct config config = {.servers = &server, .server_count = 1, .spill_dir = spill};
    struct sandbox_paths paths = {0};
    CU_ASSERT_TRUE_FATAL(sandbox_paths_gather(&paths, &config, "/nowhere/fcgi-smtp.yaml", NULL));
    CU_ASSERT_TRUE(sandbox_paths_cover(&paths, file, SANDBOX_READ));
    CU_ASSERT_FALSE(sandbox_paths_cover(&paths, beside, SANDBOX_READ));
    CU_ASSERT_FALSE(granted(&paths, "/tmp"));
    CU_ASSERT_FALSE(granted(&paths, "/"));
    /* Another file of that name is not the one that was granted. */
    CU_ASSERT_EQUAL(rename(beside, file), 0);
    CU_ASSERT_FALSE(sandbox_paths_cover(&paths, file, SANDBOX_READ));
    sandbox_paths_free(&paths);
    (void)close(fd);
    (void)close(other);
    (void)unlink(file);
}

static void the_system(void)
{
    struct sandbox_paths paths = {0};
    struct config config = {.spill_dir = NULL};
    char spill[] = "/nowhere";
    config.spill_dir = spill;
    CU_ASSERT_EQUAL(setenv("GCONV_PATH", "/nowhere::/usr/share/doc:", 1), 0);
    CU_ASSERT_TRUE_FATAL(sandbox_paths_gather(&paths, &config, "/nowhere/fcgi-smtp.yaml", NULL));
    CU_ASSERT_TRUE(granted(&paths, "/usr/share/doc"));
    CU_ASSERT_TRUE(sandbox_paths_cover(&paths, "/etc/passwd", SANDBOX_READ));
    CU_ASSERT_TRUE(sandbox_paths_cover(&paths, "/dev/null", SANDBOX_READ | SANDBOX_WRITE));
    CU_ASSERT_FALSE(sandbox_paths_cover(&paths, "/usr/bin", SANDBOX_READ));
    CU_ASSERT_EQUAL(sandbox_paths_cover(&paths, "/etc", SANDBOX_READ), geteuid() != 0);
    CU_ASSERT_EQUAL(unsetenv("GCONV_PATH"), 0);
    sandbox_paths_free(&paths);
}

static const struct unit_test tests[] = {
    {"what is covered", covered},
    {"directories that are everybody's", shared_directories},
    {"the system's files", the_system},
};

UNIT_SUITE(cli_sandbox_paths, tests);
