/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes text from outside safe to print on a terminal: characters that are invisible or control the
 * terminal are written as %XX.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * True for characters that are invisible or change how other characters look: control characters
 * (C0, DEL, C1), format characters such as U+202E (right-to-left override) or U+200B (zero width
 * space), and line separators.
 */
bool plain_text_is_hidden(gunichar character);

/*
 * Replaces each byte of a hidden character in `text` from `start` on, and each byte that is not
 * UTF-8, by %XX. A '%' is not escaped: the result is for people and cannot be decoded.
 */
void plain_text_show(GString *text, gsize start);
