/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/programs.h"

#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool program_from_name(const char *name, size_t *ret_program)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *ret_program = i;
            return true;
        }
    }
    return false;
}

static bool has_type(const HandlerProgram *row, ImageType type)
{
    for (const ImageType *at = row->types; at && *at != IMAGE_NONE; at++) {
        if (*at == type)
            return true;
    }
    return false;
}

size_t program_of_type(ImageType type)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);

    for (size_t i = PROGRAM_FIRST + 1; i < n; i++) {
        if (has_type(&rows[i], type))
            return i;
    }
    return PROGRAM_FIRST;
}

bool program_reads(size_t program, ImageType type)
{
    return program_of_type(type) == program &&
           (program != PROGRAM_FIRST || image_type_is_read(type));
}

char *program_path(const char *first, const char *executable)
{
    g_autofree char *folder = g_path_get_dirname(first);

    return g_build_filename(folder, executable, NULL);
}

bool program_is_installed(size_t program, const char *first)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);
    struct stat st;

    if (program >= n)
        return false;
    g_autofree char *path = program_path(first, rows[program].executable);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}
