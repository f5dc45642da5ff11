/* SPDX-License-Identifier: Apache-2.0 */
#include "animate.h"

#include "error.h"
#include "webp_animation.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsImage, g_object_unref)

/* Where a file does not say. */
#define DELAY_DEFAULT_MS 100

/* What of a file's timing libvips found. */
typedef struct {
    int *delays_ms; /* a copy: libvips replaces its own when the first pixel is read */
    int n_delays;
    int loops;
} Timing;

static void timing_clear(Timing *timing)
{
    g_free(timing->delays_ms);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Timing, timing_clear)

/* In both formats as WebP counts: how often it is shown, 0 for ever; once where nothing is said. */
static Timing read_timing(VipsImage *frames)
{
    Timing timing = {.loops = 1};
    int *delays_ms;
    if (vips_image_get_typeof(frames, "delay") &&
        vips_image_get_array_int(frames, "delay", &delays_ms, &timing.n_delays) == 0)
        timing.delays_ms = g_memdup2(delays_ms, (gsize)timing.n_delays * sizeof *delays_ms);
    if (vips_image_get_typeof(frames, "loop"))
        (void)vips_image_get_int(frames, "loop", &timing.loops); /* else it stays as it is */
    return timing;
}

GBytes *animate(const Decoder *decoder, const Rendition *rendition, const Geometry *geometry,
                int n_frames, GError **error)
{
    g_autoptr(VipsImage) frames = decoder_open_frames(decoder, error);
    if (frames == NULL)
        return NULL;
    g_auto(Timing) timing = read_timing(frames);
    g_autoptr(WebpAnimation) animation = webp_animation_new(
        geometry->width, geometry->height, timing.loops, rendition->quality, error);
    Cut cut = {0};
    for (int i = 0; i < n_frames && animation != NULL; i++) {
        g_autoptr(Picture) frame = decoder_read_frame(decoder, frames, i, geometry->scaled_width,
                                                      geometry->scaled_height, error);
        /* All are cut where the first one is: nothing may jump. */
        if (frame == NULL || (i == 0 && !render_find_cut(frame, rendition, geometry, &cut, error)))
            return NULL;
        g_autoptr(Picture) part =
            picture_crop(frame, cut.left, cut.top, geometry->width, geometry->height, error);
        int delay_ms = i < timing.n_delays ? timing.delays_ms[i] : DELAY_DEFAULT_MS;
        if (part == NULL || !webp_animation_add(animation, part, delay_ms, error))
            return NULL;
    }
    return animation != NULL ? webp_animation_finish(animation, error) : NULL;
}
