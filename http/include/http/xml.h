/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes and reads the XML of S3: elements and text, no attributes except the name space, no
 * document types. The reader limits the depth, and does not know entities that a document defines.
 * All functions are pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_XML_TYPE      "application/xml"
#define HTTP_XML_DEPTH_MAX 16
#define HTTP_XML_S3        "http://s3.amazonaws.com/doc/2006-03-01/"

/* Begins a document with its outermost element; `name_space` NULL: none. */
void http_xml_begin(GString *out, const char *name, const char *name_space);
void http_xml_open(GString *out, const char *name);
void http_xml_close(GString *out, const char *name);

/* Appends an element with a text. Bytes that are not UTF-8 become U+FFFD. */
void http_xml_add(GString *out, const char *name, const char *text);
void http_xml_add_number(GString *out, const char *name, gint64 number);

/* Callbacks of the reader. `path` is the names of the open elements, "Delete/Object/Key". A
 * callback that returns false ends the reading with an error. */
typedef struct {
    /* Called at the end of an element that has no element in it, with its text. */
    bool (*text)(const char *path, const char *text, void *data);
    /* Called at the end of each element, after `text`. NULL: no call. */
    bool (*end)(const char *path, void *data);
} HttpXmlReader;

/* Reads a document of `len` bytes. Errors: ERROR_USAGE. */
bool http_xml_read(const char *text, size_t len, const HttpXmlReader *reader, void *data,
                   GError **error);
