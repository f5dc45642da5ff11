/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes a worker's libraries and surroundings for `thumbq doctor`, each as a line of text for
 * people. Called in a worker that is in its sandbox.
 */
#pragma once

#include <stddef.h>

/* Writes the names of the environment variables that thumbq did not set itself; "" for none. */
void describe_environment(char *ret_text, size_t size);

/* Writes the names and versions of the libraries that process pictures. */
void describe_libraries(char *ret_text, size_t size);

/*
 * Writes how many times faster libjpeg-turbo decodes with its vector code than without, measured
 * now; "" if the gain cannot be measured. Changes the environment.
 */
void describe_simd(char *ret_text, size_t size);
