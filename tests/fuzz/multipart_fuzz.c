/* Input: an octet that cuts, the parameters of Content-Type up to LF, then a body. */
#include "form_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    if (end == NULL || end == data || end - data > 200) {
        return 0;
    }
    char type[256] = "multipart/form-data";
    size_t type_len = strlen(type);
    size_t parameters_len = (size_t)(end - data) - 1;
    memcpy(type + type_len, data + 1, parameters_len);
    form_cuts_check(data[0], (struct slice){type, type_len + parameters_len},
                    (struct slice){(const char *)end + 1, size - (size_t)(end - data) - 1});
    return 0;
}
