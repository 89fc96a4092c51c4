#include "fcgi_smtp/nearest.h"

#include "unit.h"

static const char *const known[] = {"from", "to", "subject", "reply_to", "attachment"};

static const char *find(const char *unknown)
{
    const char *name = nearest_name(slice_of(unknown), known, sizeof known / sizeof known[0]);
    return name != NULL ? name : "-";
}

static void names_the_nearest(void)
{
    static const struct {
        const char *unknown, *nearest;
    } cases[] = {
        {"form", "from"},
        {"From", "from"},
        {"subjcet", "subject"},
        {"sbject", "subject"},
        {"reply-to", "reply_to"},
        {"replyto", "reply_to"},
        {"attachments", "attachment"},
        {"ot", "to"},
        {"t", "to"},
        {"zzz", "-"},
        {"", "-"},
        {"x", "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_STRING_EQUAL(find(cases[i].unknown), cases[i].nearest);
    }
}

static void long_names_are_near_to_nothing(void)
{
    char name[NEAREST_NAME_MAX + 2];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *const same[] = {name};
    CU_ASSERT_PTR_NULL(nearest_name(slice_of(name), same, 1));
    name[NEAREST_NAME_MAX] = '\0';
    CU_ASSERT_PTR_EQUAL(nearest_name(slice_of(name), same, 1), name);
}

static const struct unit_test tests[] = {
    {"names the nearest", names_the_nearest},
    {"long names are near to nothing", long_names_are_near_to_nothing},
};
UNIT_SUITE(nearest, tests);
