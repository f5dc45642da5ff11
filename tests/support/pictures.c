/* SPDX-License-Identifier: Apache-2.0 */
#include "pictures.h"

#include "folders.h"

#include <stdio.h>
#include <string.h>

static char *folder;

void pictures_init(void)
{
    g_autoptr(GError) error = NULL;
    folder = g_dir_make_tmp("thumbq-pictures-XXXXXX", &error);
    if (folder == NULL)
        g_error("%s", error->message);
}

void pictures_clear(void)
{
    folders_remove(folder);
    g_clear_pointer(&folder, g_free);
}

char *pictures_path(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

char *pictures_run(const char *command)
{
    const char *argv[] = {"/bin/sh", "-e", "-c", command, NULL};
    g_autoptr(GError) error = NULL;
    char *out = NULL;
    g_autofree char *err = NULL;
    int status;
    if (!g_spawn_sync(folder, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
                      &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_error("'%s': %s: %s", command, error->message, err);
    return out;
}

void pictures_read(const char *name, Pixels *ret_pixels)
{
    g_autofree char *size_command = g_strdup_printf("identify -format '%%w %%h\\n' '%s[0]'", name);
    g_autofree char *size = pictures_run(size_command);
    if (sscanf(size, "%d %d", &ret_pixels->width, &ret_pixels->height) != 2)
        g_error("'%s' is no picture: %s", name, size);
    g_autofree char *read_command =
        g_strdup_printf("convert '%s[0]' -depth 8 'rgba:%s.raw'", name, name);
    g_free(pictures_run(read_command));

    g_autofree char *raw = g_strdup_printf("%s.raw", name);
    g_autofree char *path = pictures_path(raw);
    gsize len;
    if (!g_file_get_contents(path, (char **)&ret_pixels->rgba, &len, NULL) ||
        len != 4 * (gsize)ret_pixels->width * (gsize)ret_pixels->height)
        g_error("'%s' cannot be decoded", name);
}

const uint8_t *pixels_at(const Pixels *pixels, double x, double y)
{
    int column = MIN((int)(x * pixels->width), pixels->width - 1);
    int row = MIN((int)(y * pixels->height), pixels->height - 1);
    return pixels->rgba + 4 * ((size_t)row * (size_t)pixels->width + (size_t)column);
}

void pixels_clear(Pixels *pixels)
{
    g_clear_pointer(&pixels->rgba, g_free);
}
