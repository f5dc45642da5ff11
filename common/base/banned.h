/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that must not be used: each of them writes without a limit, hides an error, or runs a
 * shell. The compiler reads this header before every source file; a call of a banned function then
 * names a function that does not exist. Instead: g_strdup_printf, g_snprintf, g_strlcpy (bounded
 * texts); scan.h, g_ascii_strtoll (numbers); command_run.h (commands); g_date_time_*, gmtime_r
 * (times). The helpers of the tests are exempt: their input comes from the tests.
 */
#pragma once

/* The system's headers declare the banned functions, so they have to come first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef THUMBQ_TEST_CODE

#define THUMBQ_BANNED(name) the_function_##name##_is_banned_by_base_banned_h

#undef strcpy
#define strcpy(to, from) THUMBQ_BANNED(strcpy)
#undef strcat
#define strcat(to, from) THUMBQ_BANNED(strcat)
#undef strncpy
#define strncpy(to, from, size) THUMBQ_BANNED(strncpy)
#undef strncat
#define strncat(to, from, size) THUMBQ_BANNED(strncat)
#undef strtok
#define strtok(text, delimiters) THUMBQ_BANNED(strtok)
#undef sprintf
#define sprintf(...) THUMBQ_BANNED(sprintf)
#undef vsprintf
#define vsprintf(to, format, arguments) THUMBQ_BANNED(vsprintf)
#undef gets
#define gets(text) THUMBQ_BANNED(gets)
#undef atoi
#define atoi(text) THUMBQ_BANNED(atoi)
#undef atol
#define atol(text) THUMBQ_BANNED(atol)
#undef atoll
#define atoll(text) THUMBQ_BANNED(atoll)
#undef atof
#define atof(text) THUMBQ_BANNED(atof)
#undef system
#define system(command) THUMBQ_BANNED(system)
#undef popen
#define popen(command, mode) THUMBQ_BANNED(popen)
#undef mktemp
#define mktemp(template) THUMBQ_BANNED(mktemp)
#undef tmpnam
#define tmpnam(name) THUMBQ_BANNED(tmpnam)
#undef tempnam
#define tempnam(folder, prefix) THUMBQ_BANNED(tempnam)
#undef gmtime
#define gmtime(time) THUMBQ_BANNED(gmtime)
#undef localtime
#define localtime(time) THUMBQ_BANNED(localtime)
#undef ctime
#define ctime(time) THUMBQ_BANNED(ctime)
#undef asctime
#define asctime(time) THUMBQ_BANNED(asctime)
#undef rand
#define rand() THUMBQ_BANNED(rand)

#endif
