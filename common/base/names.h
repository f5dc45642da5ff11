/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of an enum's values. The values count from 0 without gaps. The table of options reads
 * and prints enums by these names.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct {
    /* Name of the value 0. */
    const char *const *first;
    /* Bytes from one name to the next. */
    size_t stride;
    int n;
} Names;

/* Builds Names from an array of names, or from an array of rows that have a member `name`. */
#define NAMES_OF(array)                                                                            \
    {                                                                                              \
        .first = (array), .stride = sizeof(array)[0], .n = (int)G_N_ELEMENTS(array)                \
    }
#define NAMES_OF_ROWS(rows)                                                                        \
    {                                                                                              \
        .first = &(rows)[0].name, .stride = sizeof(rows)[0], .n = (int)G_N_ELEMENTS(rows)          \
    }

/* Returns the name of `value`, which must be below `n`. Static. */
static inline const char *names_get(const Names *names, int value)
{
    return G_STRUCT_MEMBER(const char *, names->first, (size_t)value * names->stride);
}
