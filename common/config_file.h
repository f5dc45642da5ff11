/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file's form: sections, and lines `key = value`. Private to common.
 */
#pragma once

#include "config.h"

/*
 * Reads `text` into `config`; `name` stands for the file in messages. What it leaves out stays as
 * it is. Errors: ERROR_CONFIG "thumbq.conf:12: unknown key 'qualty' in [rendition]; did you mean
 * 'quality'?"; then `config` holds a part of it, to be freed.
 */
bool config_file_read(Config *config, const char *text, const char *name, GError **error);

/* Writes all options, each with its help as a comment. */
void config_file_print(const Config *config, FILE *out);
