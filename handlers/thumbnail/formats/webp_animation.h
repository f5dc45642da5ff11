/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes animated WebP, frame by frame, by libwebp directly. Holds only the coded frames. Starts no
 * thread.
 */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stdbool.h>

typedef struct WebpAnimation WebpAnimation;

/*
 * Begins an animation. `loops`: how often it is shown, 0 for ever. Errors: ERROR_OUT_OF_MEMORY,
 * ERROR_INTERNAL. Owner: webp_animation_free.
 */
WebpAnimation *webp_animation_new(int width, int height, int loops, int quality, GError **error);

/*
 * Adds the next frame, of the size of the animation, which is shown for `delay_ms`. Errors: as
 * webp_encode.
 */
bool webp_animation_add(WebpAnimation *animation, const Picture *frame, int delay_ms,
                        GError **error);

/*
 * Returns the file, without metadata. Call it once, after the last frame. Errors:
 * ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
GBytes *webp_animation_finish(WebpAnimation *animation, GError **error);

void webp_animation_free(WebpAnimation *animation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebpAnimation, webp_animation_free)
