/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and checking of both versions of signatures. Private to http. */
#pragma once

#include "http/signature.h"

/* Value of the only query parameter with this name; NULL: there is none, or there are several.
 * Borrowed. */
const char *signature_parameter(const HttpHead *head, const char *name);

/* Appends the values of all headers with this name, with "," between them. False: there is none. */
bool signature_append_header(GString *out, const HttpHead *head, const char *name);

SignatureFault signature_read_v4_header(const HttpHead *head, const char *authorization,
                                        Signature *signature);
SignatureFault signature_read_v4_query(const HttpHead *head, Signature *signature);
SignatureFault signature_read_v2_query(const HttpHead *head, Signature *signature);

SignatureFault signature_check_v4(const Signature *signature, const HttpHead *head,
                                  const SigningKey *key, const char *payload_hash);
SignatureFault signature_check_v2(const Signature *signature, const HttpHead *head,
                                  const char *secret);
