/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `thumbq doctor` wants to know of a worker's libraries and surroundings, as a line of text
 * for people. Called in a worker that is locked in.
 */
#pragma once

#include <stddef.h>

/* The names of environment variables that thumbq did not set itself; "" for none. */
void describe_environment(char *ret_text, size_t size);

/* The libraries that touch pictures, with their versions. */
void describe_libraries(char *ret_text, size_t size);

/*
 * How many times as fast libjpeg-turbo decodes with its vector code as without, measured here and
 * now; "" where it cannot be told. Changes the environment.
 */
void describe_simd(char *ret_text, size_t size);
