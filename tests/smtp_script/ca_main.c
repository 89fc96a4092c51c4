/* smtp_script_ca DIR: writes a certification authority and its certificates, see test_ca.h. */
#include <stdio.h>
#include <stdlib.h>

#include "test_ca.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: smtp_script_ca DIRECTORY\n", stderr);
        return 2;
    }
    return test_ca_write(argv[1]) ? EXIT_SUCCESS : EXIT_FAILURE;
}
