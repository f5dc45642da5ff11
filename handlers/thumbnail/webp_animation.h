/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Animated WebP, frame by frame, by libwebp directly. Holds no more than the frames as they are
 * coded. Starts no thread.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stdbool.h>

typedef struct WebpAnimation WebpAnimation;

/* `loops`: times it is shown, 0 for ever. Errors: ERROR_OUT_OF_MEMORY. Owner: webp_animation_free.
 */
WebpAnimation *webp_animation_new(int width, int height, int loops, int quality, GError **error);

/* The next frame, of the size given above, and how long it stays. Errors: as webp_encode. */
bool webp_animation_add(WebpAnimation *animation, const Picture *frame, int delay_ms,
                        GError **error);

/* The file, without metadata. Once, after the last frame. Errors: ERROR_OUT_OF_MEMORY. Owner: the
 * caller. */
GBytes *webp_animation_finish(WebpAnimation *animation, GError **error);

void webp_animation_free(WebpAnimation *animation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebpAnimation, webp_animation_free)
