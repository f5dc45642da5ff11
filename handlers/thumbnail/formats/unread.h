/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice for a person with a file of a type that is not read. It follows the name of the type in
 * FileFormat.unread.
 */
#pragma once

#define CONVERT " is not read; convert it to PNG or JPEG"
#define EXPORT  " is not read; export it as PNG from the program that made it"
#define DEVELOP " is not read; develop it to JPEG or TIFF"
