/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that read, as scripts see them: the real program on a store that the test makes. The
 * tables of tests/commands/ name the commands, their statuses and their output; its README explains
 * them.
 */
#include "command_store.h"
#include "folders.h"

#include <glib/gstdio.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The bucket, a temporary folder. */
static char *bucket;

typedef enum {
    /* `text` is a part of stdout. */
    CHECK_OUT,
    /* `text` is a part of stderr. */
    CHECK_ERR,
    /* `text` is the JSON value at `path` in line `row` of stdout; NULL: there is none. */
    CHECK_VALUE,
    /* The keys of the object in the first line of stdout are these, in this order. */
    CHECK_KEYS,
} CheckKind;

typedef struct {
    CheckKind kind;
    int line;
    size_t row;
    char *path, *text;
} Check;

/* A case of a table: one command, and the checks of its output. */
typedef struct {
    const char *file;
    int line;
    char *name, *command;
    int status;
    /* The whole of stdout; NULL: the table names parts only. */
    GString *out;
    GArray *checks;
} Case;

static GPtrArray *cases;

static void check_clear(void *data)
{
    Check *check = data;

    g_free(check->path);
    g_free(check->text);
}

static void case_free(void *data)
{
    Case *c = data;

    g_free(c->name);
    g_free(c->command);
    if (c->out)
        g_string_free(c->out, TRUE);
    g_array_unref(c->checks);
    g_free(c);
}

static Case *case_new(const char *file, int line, const char *name)
{
    Case *c = g_new0(Case, 1);

    c->file = file;
    c->line = line;
    c->name = g_strndup(name, strlen(name) - 1);
    c->checks = g_array_new(FALSE, TRUE, sizeof(Check));
    g_array_set_clear_func(c->checks, check_clear);
    return c;
}

/* Reads the escapes of C; "@VERSION@" stands for the version. */
static char *unescape(const char *text)
{
    g_autofree char *plain = g_strcompress(text);
    g_auto(GStrv) parts = g_strsplit(plain, "@VERSION@", 0);

    return g_strjoinv(THUMBQ_VERSION, parts);
}

/* Reads `line ROW PATH JSON`, without its first word. */
static bool parse_value(const char *text, Check *ret_check)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 3);

    if (g_strv_length(words) != 3)
        return false;
    ret_check->kind = CHECK_VALUE;
    ret_check->row = (size_t)g_ascii_strtoull(words[0], NULL, 10);
    ret_check->path = g_strdup(words[1]);
    ret_check->text = g_str_equal(words[2], "none") ? NULL : g_strdup(words[2]);
    return ret_check->row > 0;
}

/* Reads a line of a case that begins with `word`. */
static bool parse_check(Case *c, int line, const char *word, const char *text)
{
    Check check = {.line = line};

    if (g_str_equal(word, "status")) {
        c->status = (int)g_ascii_strtoll(text, NULL, 10);
        return c->status > 0;
    }
    if (g_str_equal(word, "|")) {
        if (!c->out)
            c->out = g_string_new(NULL);
        g_string_append_printf(c->out, "%s\n", text);
        return true;
    }
    if (g_str_equal(word, "line")) {
        if (!parse_value(text, &check))
            return false;
    } else {
        static const char *const words[] = {
            [CHECK_OUT] = "out", [CHECK_ERR] = "err", [CHECK_VALUE] = "", [CHECK_KEYS] = "keys"};
        size_t kind = 0;
        while (kind < G_N_ELEMENTS(words) && !g_str_equal(word, words[kind]))
            kind++;
        if (kind == G_N_ELEMENTS(words) || !*text)
            return false;
        check.kind = (CheckKind)kind;
        check.text = unescape(text);
    }
    g_array_append_val(c->checks, check);
    return true;
}

static void parse_table(const char *file)
{
    g_autofree char *path = g_build_filename(THUMBQ_COMMANDS, file, NULL);
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    Case *c = NULL;

    g_assert_true(g_file_get_contents(path, &content, NULL, &error));
    g_auto(GStrv) lines = g_strsplit(content, "\n", 0);
    for (int i = 0; lines[i]; i++) {
        const char *line = lines[i];
        const char *space = strchr(line, ' ');
        bool ok = true;
        if (!*line || *line == '#')
            continue;
        if (*line == '[') {
            c = case_new(file, i + 1, line + 1);
            g_ptr_array_add(cases, c);
        } else if (g_str_has_prefix(line, "$ thumbq") && c && !c->command) {
            c->command = g_strdup(line + strlen("$ "));
        } else {
            g_autofree char *word = space ? g_strndup(line, (gsize)(space - line)) : g_strdup(line);
            ok = c && c->command && parse_check(c, i + 1, word, space ? space + 1 : "");
        }
        if (!ok)
            g_error("%s:%d: no line of a table: '%s'", file, i + 1, line);
    }
}

/* Refuses a case without a check, which every output would pass. */
static void parse_tables(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(THUMBQ_COMMANDS, 0, &error);

    g_assert_no_error(error);
    cases = g_ptr_array_new_with_free_func(case_free);
    for (const char *name; (name = g_dir_read_name(dir));) {
        if (g_str_has_suffix(name, ".test"))
            parse_table(g_intern_string(name));
    }
    for (guint i = 0; i < cases->len; i++) {
        const Case *c = g_ptr_array_index(cases, i);
        if (!c->command || (!c->out && c->checks->len == 0))
            g_error("%s:%d: the case '%s' checks nothing", c->file, c->line, c->name);
    }
    g_assert_cmpuint(cases->len, >, 0);
}

typedef struct {
    int status;
    char *out, *err;
} Run;

static void run_clear(Run *run)
{
    g_free(run->out);
    g_free(run->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* Runs a command in the folder 2026 of the bucket. The command is split as a shell does; "B" alone
 * stands for the bucket's path. */
static void run_thumbq(const char *command, Run *ret_run)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = NULL;
    g_autofree char *directory = g_build_filename(bucket, "2026", NULL);
    g_assert_true(g_shell_parse_argv(command, NULL, &words, NULL));
    g_free(words[0]);
    words[0] = g_strdup(THUMBQ_PROGRAM);
    for (size_t i = 1; words[i]; i++) {
        if (!strcmp(words[i], "B")) {
            g_free(words[i]);
            words[i] = g_strdup(bucket);
        }
    }
    int wait_status = 0;
    g_spawn_sync(directory, words, NULL, G_SPAWN_DEFAULT, NULL, NULL, &ret_run->out, &ret_run->err,
                 &wait_status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait_status));
    ret_run->status = WEXITSTATUS(wait_status);
}

/* Finds the value at `path` ("thumbnails/0/path"; "" is the whole) in a JSON text. Borrowed; NULL:
 * there is none. */
static json_t *find_path(json_t *root, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    json_t *at = root;
    for (size_t i = 0; at && parts[i] && *path; i++) {
        at = json_is_array(at) ? json_array_get(at, g_ascii_strtoull(parts[i], NULL, 10))
                               : json_object_get(at, parts[i]);
    }
    return at;
}

/* The JSON of a line of stdout, counted from 1. Owner: the caller. */
static json_t *json_of_line(const char *out, size_t row)
{
    g_auto(GStrv) lines = g_strsplit(out, "\n", 0);

    return row <= g_strv_length(lines) ? json_loads(lines[row - 1], 0, NULL) : NULL;
}

static bool has_value(const char *out, const Check *check)
{
    json_t *root = json_of_line(out, check->row);
    json_t *expected = check->text ? json_loads(check->text, JSON_DECODE_ANY, NULL) : NULL;
    json_t *found = root ? find_path(root, check->path) : NULL;
    bool ok = root && (check->text ? expected && json_equal(found, expected) : !found);

    json_decref(expected);
    json_decref(root);
    return ok;
}

/* Scripts may read the keys as columns. */
static bool has_keys(const char *out, const Check *check)
{
    json_t *root = json_of_line(out, 1);
    g_autoptr(GString) keys = g_string_new(NULL);
    const char *key;
    json_t *value;

    json_object_foreach(root, key, value)
    {
        g_string_append_printf(keys, "%s%s", keys->len ? " " : "", key);
    }
    json_decref(root);
    return g_str_equal(keys->str, check->text);
}

static bool check_passes(const Check *check, const Run *run)
{
    switch (check->kind) {
    case CHECK_OUT:
        return strstr(run->out, check->text) != NULL;
    case CHECK_ERR:
        return strstr(run->err, check->text) != NULL;
    case CHECK_VALUE:
        return has_value(run->out, check);
    case CHECK_KEYS:
        return has_keys(run->out, check);
    }
    g_assert_not_reached();
}

static void expect_whole(const Case *c, const char *stream, const char *text, const char *expected)
{
    if (!g_str_equal(text, expected))
        g_error("%s:%d: %s is:\n%s", c->file, c->line, stream, text);
}

/* A stream that no check of the case names is empty. */
static void test_case(const void *data)
{
    const Case *c = data;
    g_auto(Run) run = {0};
    bool names_out = c->out != NULL, names_err = false;

    run_thumbq(c->command, &run);
    for (guint i = 0; i < c->checks->len; i++) {
        const Check *check = &g_array_index(c->checks, Check, i);
        if (!check_passes(check, &run))
            g_error("%s:%d: not so in:\n%s%s", c->file, check->line, run.out, run.err);
        names_out |= check->kind != CHECK_ERR;
        names_err |= check->kind == CHECK_ERR;
    }
    if (c->out || !names_out)
        expect_whole(c, "stdout", run.out, c->out ? c->out->str : "");
    if (!names_err)
        expect_whole(c, "stderr", run.err, "");
    if (run.status != c->status)
        g_error("%s:%d: status %d", c->file, c->line, run.status);
    /* The output has no colour, because it is not a terminal. */
    g_assert_null(strchr(run.out, '\033'));
}

/* Tests `thumbq list | head` and `thumbq list > /dev/full`. */
static void test_output_errors(void)
{
    static const struct {
        const char *redirection;
        int status;
    } rows[] = {{"| true; exit ${PIPESTATUS[0]}", 0}, {"> /dev/full 2> /dev/null", 74}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *program = g_shell_quote(THUMBQ_PROGRAM);
        g_autofree char *folder = g_shell_quote(bucket);
        g_autofree char *script =
            g_strdup_printf("%s list --json %s %s", program, folder, rows[i].redirection);
        char *words[] = {(char *)"bash", (char *)"-c", script, NULL};
        g_autofree char *err = NULL;
        int wait_status = 0;
        g_assert_true(g_spawn_sync(NULL, words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &err,
                                   &wait_status, NULL));
        g_assert_cmpstr(err, ==, "");
        g_assert_cmpint(WEXITSTATUS(wait_status), ==, rows[i].status);
    }
}

int main(int argc, char **argv)
{
    g_unsetenv("THUMBQ_BUCKET");
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    bucket = g_dir_make_tmp("thumbq-commands-XXXXXX", NULL);
    g_assert_nonnull(bucket);
    g_autofree char *folder = g_build_filename(bucket, "2026", NULL);
    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    command_store_make(bucket);
    parse_tables();
    for (guint i = 0; i < cases->len; i++) {
        Case *c = g_ptr_array_index(cases, i);
        g_autofree char *table = g_strndup(c->file, strlen(c->file) - strlen(".test"));
        g_autofree char *path = g_strdup_printf("/commands/%s/%s", table, c->name);
        g_test_add_data_func(path, c, test_case);
    }
    g_test_add_func("/commands/output-errors", test_output_errors);
    int status = g_test_run();
    folders_remove(bucket);
    g_free(bucket);
    g_ptr_array_unref(cases);
    return status;
}
