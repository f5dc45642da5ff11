/* SPDX-License-Identifier: Apache-2.0 */
/* The place where a page of a command's output begins: names of objects and groups as text. */
#pragma once

/* Returns a name, which may be any bytes, as text: '%', control characters and bytes that are not
 * UTF-8 become %XX. Owner: the caller frees. */
char *page_escape(const char *name);

/* Reverses page_escape. Returns NULL for a text with a wrong %XX. Owner: the caller frees. */
char *page_unescape(const char *text);
