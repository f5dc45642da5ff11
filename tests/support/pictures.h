/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures for tests: made by, and read back with, programs that share no code with the handler's
 * path.
 *
 * All in one temporary folder, where the commands run.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct {
    int width, height;
    uint8_t *rgba;
} Pixels;

/* Makes the folder; pictures_clear removes it with all that is in it. */
void pictures_init(void);
void pictures_clear(void);

/* Path of `name` in the folder. Owner: the caller. */
char *pictures_path(const char *name);

/* Runs a shell command in the folder. Ends the program if it fails. Returns what it prints. Owner:
 * the caller. */
char *pictures_run(const char *command);

/* Decodes the first picture of a file in the folder. Owner: pixels_clear. */
void pictures_read(const char *name, Pixels *ret_pixels);

/* The pixel at (x, y), each 0 to 1 across the picture. Four bytes, borrowed. */
const uint8_t *pixels_at(const Pixels *pixels, double x, double y);
void pixels_clear(Pixels *pixels);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pixels, pixels_clear)
