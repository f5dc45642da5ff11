/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures for tests, in one temporary folder. The programs that make and read them share no code
 * with the handler. Commands run in that folder. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    int width, height;
    uint8_t *rgba;
} Pixels;

/* Makes the folder. pictures_clear removes it with its content. */
void pictures_init(void);
void pictures_clear(void);

/* Path of the file `name` in the folder. Owner: the caller frees. */
char *pictures_path(const char *name);

/* Runs a shell command in the folder. Ends the program if the command fails. Returns the output of
 * the command. Owner: the caller frees. */
char *pictures_run(const char *command);

/* Decodes the first picture of a file in the folder. Owner: pixels_clear. */
void pictures_read(const char *name, Pixels *ret_pixels);

/* The pixel at (x, y), each from 0 to 1 across the picture. Four bytes, borrowed. */
const uint8_t *pixels_at(const Pixels *pixels, double x, double y);
void pixels_clear(Pixels *pixels);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pixels, pixels_clear)
