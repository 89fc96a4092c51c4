/* Input: an octet that cuts, then a body. */
#include "form_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        form_cuts_check(data[0], SLICE("application/json"), (struct slice){(const char *)data + 1, size - 1});
    }
    return 0;
}
