/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handler programs, a row each. Every file goes to the first program. A worker of that program
 * examines the first bytes in its sandbox, and may answer that the file needs another program
 * (WireResult.needs); the invocation is submitted again there.
 *
 * A program of its own holds decoders that are heavy or dangerous: it has its own limits and its
 * own profile of system calls, and starts only when such a file comes. The daemon, the wire and the
 * programs themselves use these rows. A new program is a new row in program_table.c.
 */
#pragma once

#include "model/image.h"

#include <stdbool.h>
#include <stddef.h>

/* The most rows. */
#define PROGRAMS_MAX 8
/* Bytes of a name, with the final NUL. */
#define PROGRAM_NAME_MAX 24
/* The number of the row to which every file goes first. */
#define PROGRAM_FIRST 0

/*
 * Groups of calls that the libraries of some handler programs make. The profile of a program is a
 * set of these. The calls of every worker are in none: frames, memory, files that are open, time.
 * sandbox/call_filter.c lists the calls of each group. A program that makes a call of a group that
 * its profile does not have is ended for it.
 */
typedef enum {
    CALLS_BASE = 0,
    /* Threads of its own process, and the scheduler calls of codecs. */
    CALLS_THREADS = 1 << 0,
    /* Searches for files, such as configurations. Each fails, and the library does without. */
    CALLS_SEARCHES = 1 << 1,
    /* Questions and wishes about the machine and the process. Most fail. */
    CALLS_MACHINE = 1 << 2,
} CallProfile;

typedef struct {
    /* As an answer names it. */
    const char *name;
    /* File name. It is in the folder of the first program. */
    const char *executable;
    /* The Debian package that installs it. */
    const char *package;
    /* Limits of a worker, as multiples of `memory` and `timeout` of the configuration; 1.. */
    int memory_times, timeout_times;
    /* The sandbox profile: bits of CallProfile. */
    unsigned calls;
    /*
     * The format family: types of files that the program reads, up to IMAGE_NONE. NULL, in the
     * first row: all types that are read and that no other row has.
     */
    const ImageType *types;
} HandlerProgram;

/* Returns all rows. Static. */
const HandlerProgram *program_table(size_t *ret_n);

/* Finds the number of the row with this name. False if no row has the name. */
bool program_from_name(const char *name, size_t *ret_program);

/* Returns the number of the program that gets files of this type. */
size_t program_of_type(ImageType type);

/* True if this program makes thumbnails of files of this type. */
bool program_reads(size_t program, ImageType type);

/*
 * Returns the path of a file in the folder of the first program, whose path is `first`. Owner: the
 * caller frees.
 */
char *program_path(const char *first, const char *executable);

/* True if this program is installed beside the first one, whose path is `first`. */
bool program_is_installed(size_t program, const char *first);
