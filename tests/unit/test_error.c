/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errors: it is complete, and each row can be used. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

/* Every code of the enum. The list is written out so that a forgotten row is detected. */
static const ErrorCode codes[] = {
    ERROR_NONE,
    ERROR_NOT_AN_IMAGE,
    ERROR_UNSUPPORTED_TYPE,
    ERROR_DAMAGED,
    ERROR_TOO_MANY_PIXELS,
    ERROR_TOO_MANY_PAGES,
    ERROR_FILE_TOO_LARGE,
    ERROR_EMPTY_FILE,
    ERROR_TIMEOUT,
    ERROR_OUT_OF_MEMORY,
    ERROR_HANDLER_CRASHED,
    ERROR_SANDBOX_VIOLATION,
    ERROR_SOURCE_CHANGED,
    ERROR_SOURCE_GONE,
    ERROR_NO_SPACE,
    ERROR_IO,
    ERROR_ACCESS_DENIED,
    ERROR_OUTPUT_TOO_LARGE,
    ERROR_HANDLER_UNAVAILABLE,
    ERROR_NAME_TAKEN,
    ERROR_MADE_BY_THUMBQ,
    ERROR_SHORTAGE,
    ERROR_USAGE,
    ERROR_CONFIG,
    ERROR_NOT_FOUND,
    ERROR_LOCKED,
    ERROR_PROTOCOL,
    ERROR_STORE,
    ERROR_STORE_CORRUPT,
    ERROR_INTERNAL,
    ERROR_INTERRUPTED,
    ERROR_NOT_TRUSTED,
};

static void test_names(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        const char *name = error_name(codes[i]);
        ErrorCode back;

        g_assert_cmpstr(name, !=, "unknown");
        g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), ==, strlen(name));
        g_assert_true(g_hash_table_add(names, (gpointer)name));
        g_assert_true(error_from_name(name, &back));
        g_assert_cmpint(back, ==, codes[i]);
    }
    /* The table has no row that is missing in this test. */
    guint known = 0;
    for (int code = 0; code < 100000; code++)
        known += strcmp(error_name((ErrorCode)code), "unknown") != 0;
    g_assert_cmpuint(known, ==, G_N_ELEMENTS(codes));
}

static void test_texts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        const char *text = error_text(codes[i]);
        size_t len = strlen(text);

        g_assert_cmpuint(len, >, 5);
        g_assert_cmpint(text[len - 1], !=, '.');
        g_assert_false(g_ascii_isupper(text[0]));
    }
}

/*
 * Each error of an object has a class that decides the object's future, and none stops the daemon.
 */
static void test_object_errors(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        bool is_object_error = codes[i] > ERROR_NONE && codes[i] < ERROR_USAGE;

        g_assert_cmpstr(error_class_name(error_class(codes[i])), !=, "unknown");
        if (is_object_error) {
            g_assert_cmpint(error_class(codes[i]), !=, ERROR_CLASS_FATAL);
            g_assert_cmpint(error_exit_status(codes[i]), !=, 0);
        }
    }
}

typedef struct {
    ErrorCode code;
    const char *name;
    ErrorClass class;
    int exit_status;
} PromisedCase;

/* Values that docs/commands.md and stored records rely on. */
static const PromisedCase promised[] = {
    {ERROR_NOT_AN_IMAGE, "not_an_image", ERROR_CLASS_SKIP, 1},
    {ERROR_TOO_MANY_PIXELS, "too_many_pixels", ERROR_CLASS_REJECT, 1},
    {ERROR_TIMEOUT, "timeout", ERROR_CLASS_RETRY, 1},
    {ERROR_HANDLER_CRASHED, "handler_crashed", ERROR_CLASS_RETRY, 1},
    {ERROR_SANDBOX_VIOLATION, "sandbox_violation", ERROR_CLASS_REJECT, 1},
    {ERROR_SOURCE_CHANGED, "source_changed", ERROR_CLASS_AGAIN, 1},
    {ERROR_NO_SPACE, "no_space", ERROR_CLASS_RETRY, 74},
    {ERROR_IO, "io_error", ERROR_CLASS_RETRY, 74},
    {ERROR_USAGE, "usage", ERROR_CLASS_FATAL, 2},
    {ERROR_NOT_FOUND, "not_found", ERROR_CLASS_FATAL, 3},
    {ERROR_LOCKED, "locked", ERROR_CLASS_FATAL, 4},
    {ERROR_INTERNAL, "internal", ERROR_CLASS_FATAL, 70},
    {ERROR_INTERRUPTED, "interrupted", ERROR_CLASS_FATAL, 1},
};

static void test_promised(const void *data)
{
    const PromisedCase *row = data;

    g_assert_cmpstr(error_name(row->code), ==, row->name);
    g_assert_cmpint(error_class(row->code), ==, row->class);
    g_assert_cmpint(error_exit_status(row->code), ==, row->exit_status);
}

static void test_unknown(void)
{
    ErrorCode code = ERROR_IO;

    g_assert_cmpstr(error_name((ErrorCode)9999), ==, "unknown");
    g_assert_cmpint(error_class((ErrorCode)9999), ==, ERROR_CLASS_REJECT);
    g_assert_cmpint(error_exit_status((ErrorCode)9999), ==, 70);
    g_assert_nonnull(error_text((ErrorCode)9999));
    g_assert_false(error_from_name("unknown", &code));
    g_assert_false(error_from_name("", &code));
    g_assert_cmpint(code, ==, ERROR_IO);
}

typedef struct {
    int errnum;
    ErrorCode code;
} ErrnoCase;

static const ErrnoCase errnos[] = {
    {ENOSPC, ERROR_NO_SPACE},
    {EDQUOT, ERROR_NO_SPACE},
    {EACCES, ERROR_ACCESS_DENIED},
    {EROFS, ERROR_ACCESS_DENIED},
    {EPERM, ERROR_ACCESS_DENIED},
    {ENOENT, ERROR_NOT_FOUND},
    {ENOMEM, ERROR_SHORTAGE},
    {EMFILE, ERROR_SHORTAGE},
    {ENFILE, ERROR_SHORTAGE},
    {EIO, ERROR_IO},
    {ELOOP, ERROR_IO},
    {0, ERROR_IO},
};

static void test_errno(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(errnos); i++) {
        g_autoptr(GError) error = NULL;

        error_set_errno(&error, errnos[i].errnum, "cannot open", "a b.jpg");
        g_assert_error(error, THUMBQ_ERROR, (gint)errnos[i].code);
        g_assert_true(g_str_has_prefix(error->message, "cannot open 'a b.jpg': "));
        g_assert_cmpint(error_code(error), ==, errnos[i].code);
    }
    g_autoptr(GError) error = NULL;
    error_set_errno(&error, EACCES, "cannot open", "a.jpg");
    g_assert_cmpstr(error->message, ==, "cannot open 'a.jpg': permission denied");
    error_set_errno(NULL, EACCES, "nobody", "asks");
}

static void test_code(void)
{
    g_autoptr(GError) foreign = g_error_new(G_FILE_ERROR, G_FILE_ERROR_NOENT, "gone");

    g_assert_cmpint(error_code(NULL), ==, ERROR_NONE);
    g_assert_cmpint(error_code(foreign), ==, ERROR_IO);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/names", test_names);
    g_test_add_func("/error/texts", test_texts);
    g_test_add_func("/error/object-errors", test_object_errors);
    for (size_t i = 0; i < G_N_ELEMENTS(promised); i++) {
        g_autofree char *path = g_strdup_printf("/error/promised/%s", promised[i].name);
        g_test_add_data_func(path, &promised[i], test_promised);
    }
    g_test_add_func("/error/unknown", test_unknown);
    g_test_add_func("/error/errno", test_errno);
    g_test_add_func("/error/code", test_code);
    return g_test_run();
}
