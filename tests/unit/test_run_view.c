/* SPDX-License-Identifier: Apache-2.0 */
/* The line about each object for a person fits the terminal, and has the important part first. */
#include "views/run_view.h"

#include "base/clock.h"
#include "views/cells.h"

#include <locale.h>
#include <string.h>

static const ImageFacts facts = {.width = 4096, .height = 4096};

typedef struct {
    const char *name;
    News news;
    size_t width;
    const char *line;
} Case;

static const Case cases[] = {
    {"done",
     {NEWS_DONE, "gnome/wood.webp", NULL, &facts, CLOCK_US_PER_SEC / 2, ERROR_NONE, ""},
     80,
     "done  gnome/wood.webp  4096x4096  0.5 s\n"},
    {"quick",
     {NEWS_DONE, "a.png", NULL, &facts, 18400, ERROR_NONE, ""},
     0,
     "done  a.png  4096x4096  0.02 s\n"},
    {"slow",
     {NEWS_DONE, "a.png", NULL, &facts, 245 * CLOCK_US_PER_SEC, ERROR_NONE, ""},
     0,
     "done  a.png  4096x4096  4 min 05 s\n"},
    {"nothing-made",
     {NEWS_DONE, "a.png", NULL, &facts, 0, ERROR_NONE, ""},
     80,
     "done  a.png  4096x4096\n"},
    {"figures-stay",
     {NEWS_DONE, "summer/in-the-dunes/dune.png", NULL, &facts, 500000, ERROR_NONE, ""},
     40,
     "done  summer…/dune.png  4096x4096  0.5 s\n"},
    {"dead",
     {NEWS_DEAD, "a.png", NULL, NULL, 500, ERROR_DAMAGED, "no pixel"},
     80,
     "dead  a.png  damaged: no pixel\n"},
    {"dead-without-a-message",
     {NEWS_DEAD, "a.png", NULL, NULL, 0, ERROR_DAMAGED, ""},
     0,
     "dead  a.png  damaged: the image cannot be decoded; upload it "
     "again if the original is whole\n"},
    {"reason-below",
     {NEWS_DEAD, "a.png", NULL, NULL, 500, ERROR_DAMAGED, "no pixel could be decoded"},
     30,
     "dead  a.png\n      damaged: no pixel could\n      be decoded\n"},
    {"hostile-message",
     {NEWS_DEAD, "a.png", NULL, NULL, 500, ERROR_DAMAGED, "\033[2J"},
     80,
     "dead  a.png  damaged: ?[2J\n"},
    {"hostile-name",
     {NEWS_REMOVED, "a\033.png", NULL, NULL, 0, ERROR_NONE, ""},
     80,
     "removed  a%1B.png\n"},
    {"retry",
     {NEWS_RETRY, "a.png", NULL, NULL, 500, ERROR_TIMEOUT, "killed"},
     80,
     "retry  a.png  timeout: killed\n"},
    {"skipped",
     {NEWS_SKIPPED, "a.txt", NULL, NULL, 500, ERROR_NOT_AN_IMAGE, "no such beginning"},
     80,
     "skipped  a.txt  the file holds no image\n"},
    {"renamed",
     {NEWS_RENAMED, "b.png", "a.png", NULL, 0, ERROR_NONE, ""},
     80,
     "renamed  a.png -> b.png\n"},
    {"renamed-long",
     {NEWS_RENAMED, "summer/dune.png", "winter/dune.png", NULL, 0, ERROR_NONE, ""},
     36,
     "renamed  winte…e.png -> summer…e.png\n"},
    {"narrow",
     {NEWS_DONE, "a.png", NULL, &facts, 500000, ERROR_NONE, ""},
     8,
     "done  a.png  4096x4096  0.5 s\n"},
};

static void test_line(const void *data)
{
    const Case *row = data;
    g_autofree char *line = run_view_format(&row->news, row->width, false);
    g_assert_cmpstr(line, ==, row->line);
}

static void test_color(void)
{
    const News news = {NEWS_DEAD, "a.png", NULL, NULL, 0, ERROR_DAMAGED, "no pixel"};
    g_autofree char *line = run_view_format(&news, 80, true);
    g_assert_cmpstr(line, ==, "\033[31mdead\033[0m  a.png  damaged: no pixel\n");
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/run-view/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_line);
    }
    g_test_add_func("/run-view/color", test_color);
    return g_test_run();
}
