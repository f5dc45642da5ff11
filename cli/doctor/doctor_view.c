/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the checks of doctor for people. Passed checks are short: a line each, or a list of names
 * for many checks of one kind. Other checks come last, next to the prompt, with advice.
 */
#include "doctor/doctor.h"
#include "views/cells.h"
#include "views/terminal.h"

#include <stdio.h>
#include <string.h>

/* Longer lines are hard to read. */
#define WIDTH_MAX   100
#define NAME_CELLS  22
#define ABOUT_CELLS 9

static size_t line_width(void)
{
    size_t width = terminal_width();
    return width ? MIN(width, WIDTH_MAX) : TERMINAL_WIDTH_DEFAULT;
}

/* Prints the words of `text` in lines that begin at cell `indent`. The first line has begun
 * already. */
static void print_words(const char *text, size_t indent)
{
    size_t width = line_width(), used = indent;
    g_auto(GStrv) words = g_strsplit(text, " ", 0);
    for (char **word = words; *word; word++) {
        size_t cells = cells_count(*word);
        if (used > indent && used + 1 + cells > width) {
            printf("\n%*s", (int)indent, "");
            used = indent;
        } else if (used > indent) {
            putchar(' ');
            used++;
        }
        fputs(*word, stdout);
        used += cells;
    }
    putchar('\n');
}

static void print_line(const char *name, const char *text)
{
    printf("  %-*s", NAME_CELLS - 2, name);
    print_words(text, NAME_CELLS);
}

static bool is_same_problem(const DoctorRow *a, const DoctorRow *b)
{
    return !strcmp(a->group, b->group) && a->status == b->status && !strcmp(a->text, b->text);
}

/* Collects the names of all checks with the same problem. Returns false if an earlier row has
 * reported the problem. */
static bool gather_problem(const Doctor *doctor, unsigned i, const DoctorRow *row, GString *names)
{
    DoctorRow other;
    for (unsigned j = 0; doctor_row(doctor, j, &other); j++) {
        if (!is_same_problem(row, &other))
            continue;
        if (j < i)
            return false;
        g_string_append_printf(names, " %s", other.name);
    }
    return true;
}

/* Prints a warning or failure with its advice; rows of the same problem are printed as one. */
static void print_problem(const Doctor *doctor, unsigned i, const DoctorRow *row)
{
    g_autoptr(GString) names = g_string_new(row->group);
    if (!gather_problem(doctor, i, row, names))
        return;
    printf("\n%s%-*s%s%s", terminal_red(), ABOUT_CELLS,
           row->status == DOCTOR_FAILED ? "FAILED" : "warning", terminal_reset(), terminal_bold());
    print_words(names->str, ABOUT_CELLS);
    printf("%s%*s", terminal_reset(), ABOUT_CELLS, "");
    print_words(row->text, ABOUT_CELLS);
    if (row->advice) {
        printf("%*s-> ", ABOUT_CELLS, "");
        print_words(row->advice, ABOUT_CELLS + 3);
    }
}

static void print_problems(const Doctor *doctor, DoctorStatus status)
{
    DoctorRow row;
    for (unsigned i = 0; doctor_row(doctor, i, &row); i++) {
        if (row.status == status)
            print_problem(doctor, i, &row);
    }
}

/* Kinds of checks that are printed as a list of names. */
static const struct {
    const char *group, *prefix;
    const char *title;
} kinds[] = {
    {"sandbox", "", "contained"},
    {"formats", "read-", "reads"},
    {"formats", "write-", "writes"},
};

static const char *kind_prefix(const DoctorRow *row, const char **ret_title)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!strcmp(kinds[i].group, row->group) && g_str_has_prefix(row->name, kinds[i].prefix)) {
            *ret_title = kinds[i].title;
            return kinds[i].prefix;
        }
    }
    return NULL;
}

/* Prints the names of all passed checks of a kind. `row` is the first of them. */
static void print_kind(const Doctor *doctor, const DoctorRow *row, const char *title,
                       const char *prefix)
{
    g_autoptr(GString) names = g_string_new(NULL);
    DoctorRow other;
    for (unsigned i = 0; doctor_row(doctor, i, &other); i++) {
        if (!strcmp(other.group, row->group) && other.status == DOCTOR_OK &&
            g_str_has_prefix(other.name, prefix))
            g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "",
                                   other.name + strlen(prefix));
    }
    print_line(title, names->str);
}

/* Prints a row without `--all`: one for all checks of a kind. */
static void print_brief(const Doctor *doctor, const DoctorRow *row, GHashTable *reported)
{
    const char *title = NULL, *prefix = kind_prefix(row, &title);
    /* Printed below, by its name. */
    if (row->status == DOCTOR_WARNING && prefix)
        return;
    if (row->status != DOCTOR_OK)
        print_line(row->name,
                   row->status == DOCTOR_FAILED ? "FAILED, see below" : "warning, see below");
    else if (!prefix)
        print_line(row->name, row->text);
    else if (g_hash_table_add(reported, (void *)title))
        print_kind(doctor, row, title, prefix);
}

/* Prints all rows of a group together, also if other rows were added between them. */
static void print_group(const Doctor *doctor, const char *group, bool all)
{
    g_autoptr(GHashTable) reported = g_hash_table_new(g_str_hash, g_str_equal);
    DoctorRow row;
    printf("%s%s%s\n", terminal_bold(), group, terminal_reset());
    for (unsigned i = 0; doctor_row(doctor, i, &row); i++) {
        if (strcmp(row.group, group) != 0)
            continue;
        if (all)
            print_line(row.name, row.text);
        else
            print_brief(doctor, &row, reported);
    }
    putchar('\n');
}

static void print_groups(const Doctor *doctor, bool all)
{
    g_autoptr(GHashTable) groups = g_hash_table_new(g_str_hash, g_str_equal);
    DoctorRow row;
    for (unsigned i = 0; doctor_row(doctor, i, &row); i++) {
        if (g_hash_table_add(groups, (void *)row.group))
            print_group(doctor, row.group, all);
    }
}

void doctor_print(const Doctor *doctor, bool all)
{
    unsigned ok = doctor_count(doctor, DOCTOR_OK);
    unsigned warnings = doctor_count(doctor, DOCTOR_WARNING);
    unsigned failed = doctor_count(doctor, DOCTOR_FAILED);
    print_groups(doctor, all);
    g_autofree char *checks = terminal_count(ok + warnings + failed, "check", "checks");
    g_autofree char *warned = terminal_count(warnings, "warning", "warnings");
    printf("%s%s: %u ok, %s, %u failed%s\n", failed ? terminal_red() : terminal_bold(), checks, ok,
           warned, failed, terminal_reset());
    print_problems(doctor, DOCTOR_FAILED);
    print_problems(doctor, DOCTOR_WARNING);
}
