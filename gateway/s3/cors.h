/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of web pages of other origins (CORS): a browser sends them, and shows the page only an
 * answer that allows it. They need a signature or a public prefix like all others: the headers here
 * give no access. Source: the Fetch standard, section "CORS protocol".
 */
#pragma once

#include "s3/request.h"

/* Adds the headers to the answer that let the page read it, if `cors` has its origin. Has to
 * precede the answer. */
void cors_add_headers(S3Request *request);

/* Answers a preflight (OPTIONS): the browser asks whether a page may send a request. */
void cors_answer_preflight(S3Request *request);

/* The operation of a preflight: it has a name, and nothing is run. */
extern const S3Operation cors_preflight;
