/* SPDX-License-Identifier: Apache-2.0 */
/* The troubles that are logged, and the times. */
#include "queue/spell.h"

#include <glib.h>

#define S INT64_C(1000000)

typedef enum { NOTE, END, LAPSE } Call;

typedef struct {
    int64_t at_s;
    Call call;
    /* Expected result of the call. */
    bool is_told;
} Step;

typedef struct {
    const char *name;
    Step steps[8];
} Case;

/* A step at second 0 ends a case. */
static const Case cases[] = {
    {"once", {{1, NOTE, true}, {2, NOTE, false}, {500, NOTE, false}}},
    {"its-end-too", {{1, NOTE, true}, {2, END, true}, {3, END, false}}},
    {"none-that-has-ended", {{1, END, false}, {2, NOTE, true}}},
    {"soon-again",
     {{1, NOTE, true}, {10, END, true}, {69, NOTE, false}, {69, END, false}, {128, NOTE, false}}},
    {"later-again", {{1, NOTE, true}, {10, END, true}, {70, NOTE, true}, {71, END, true}}},
    {"soon-again-and-lasts",
     {{1, NOTE, true}, {10, END, true}, {20, NOTE, false}, {69, NOTE, false}, {70, NOTE, true}}},
    {"lapse-keeps-it", {{1, NOTE, true}, {61, LAPSE, false}, {61, NOTE, false}}},
    {"lapse-ends-it", {{1, NOTE, true}, {62, LAPSE, false}, {62, NOTE, true}}},
};

static bool call(Spell *spell, const Step *step)
{
    switch (step->call) {
    case NOTE:
        return spell_note(spell, step->at_s * S);
    case END:
        return spell_end(spell, step->at_s * S);
    case LAPSE:
        spell_lapse(spell, step->at_s * S);
        break;
    }
    return false;
}

static void test_case(gconstpointer data)
{
    const Case *row = data;
    Spell spell = {0};

    for (const Step *step = row->steps; step < row->steps + G_N_ELEMENTS(row->steps); step++) {
        if (step->at_s == 0)
            break;
        g_assert_cmpint(call(&spell, step), ==, step->is_told);
        if (step->call == NOTE)
            g_assert_true(spell.is_on);
        if (step->call == END)
            g_assert_false(spell.is_on);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/spell/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
