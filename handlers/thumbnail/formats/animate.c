/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/animate.h"

#include "base/error.h"
#include "formats/webp_animation.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsImage, g_object_unref)

/* The delay of a frame if the file has none. */
#define DELAY_DEFAULT_MS 100

/* The timing of a file, as libvips found it. */
typedef struct {
    /* A copy: libvips replaces its own when the first pixel is read. */
    int *delays_ms;
    int n_delays;
    int loops;
} Timing;

static void timing_clear(Timing *timing)
{
    g_free(timing->delays_ms);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Timing, timing_clear)

/*
 * Reads the timing. `loops` is counted as WebP counts, also for GIF: how often the animation is
 * shown, 0 for ever; 1 if the file does not say.
 */
static Timing read_timing(VipsImage *frames)
{
    Timing timing = {.loops = 1};
    int *delays_ms;
    if (vips_image_get_typeof(frames, "delay") &&
        vips_image_get_array_int(frames, "delay", &delays_ms, &timing.n_delays) == 0)
        timing.delays_ms = g_memdup2(delays_ms, (gsize)timing.n_delays * sizeof *delays_ms);
    /* On failure `loops` stays as it is. */
    if (vips_image_get_typeof(frames, "loop"))
        (void)vips_image_get_int(frames, "loop", &timing.loops);
    return timing;
}

GBytes *animate(const Decoder *decoder, const Rendition *rendition, const Geometry *geometry,
                int n_frames, GError **error)
{
    g_autoptr(VipsImage) frames = decoder_open_frames(decoder, n_frames, error);
    if (frames == NULL)
        return NULL;
    g_auto(Timing) timing = read_timing(frames);
    g_autoptr(WebpAnimation) animation = webp_animation_new(
        geometry->width, geometry->height, timing.loops, rendition->quality, error);
    Cut cut = {0};
    for (int i = 0; i < n_frames && animation != NULL; i++) {
        g_autoptr(Picture) frame = decoder_read_frame(decoder, frames, i, geometry->scaled_width,
                                                      geometry->scaled_height, error);
        /* All frames are cut where the first one is, so that the picture does not jump. */
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
