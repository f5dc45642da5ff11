/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"

#include "error.h"

static bool is_doubtful(const Rendition *rendition)
{
    return rendition->format == FORMAT_AVIF || rendition->format == FORMAT_JXL;
}

/* The types, as the program prints them. */
static GStrv ask(const char *program, GError **error)
{
    char *arguments[] = {(char *)program, (char *)FORMATS_ARGUMENT, NULL};
    char *environment[] = {NULL};
    g_autofree char *text = NULL;
    g_autoptr(GError) reason = NULL;
    int status;

    if (!g_spawn_sync(NULL, arguments, environment, G_SPAWN_DEFAULT, NULL, NULL, &text, NULL,
                      &status, &reason) ||
        !g_spawn_check_wait_status(status, &reason)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_HANDLER_UNAVAILABLE,
                    "cannot ask '%s' what it can write: %s", program, reason->message);
        return NULL;
    }
    return g_strsplit(text, "\n", -1);
}

bool formats_check(const char *program, const Rendition *renditions, size_t n, GError **error)
{
    g_auto(GStrv) writable = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!is_doubtful(&renditions[i]))
            continue;
        if (!writable && !(writable = ask(program, error)))
            return false;
        const char *name = format_name(renditions[i].format);
        if (!g_strv_contains((const char *const *)writable, name)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "[rendition %s] format = %s: this machine's libvips has no encoder for it; "
                        "choose webp, jpeg or png",
                        renditions[i].name, name);
            return false;
        }
    }
    return true;
}
