/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/render.h"

#include "formats/frame.h"
#include "pixels/planes.h"
#include "pixels/resize.h"

/* The size that is decoded for the placeholder if there are no renditions, pixels. */
#define BASE_SIDE_DEFAULT 100

void render_plan(Render *render, const Rendition *renditions, size_t n, int width, int height)
{
    *render = (Render){.n = n};
    for (size_t i = 0; i < n; i++) {
        Geometry geometry = geometry_for(&renditions[i], width, height);
        render->geometries[i] = geometry;
        render->base_width = MAX(render->base_width, geometry.scaled_width);
        render->base_height = MAX(render->base_height, geometry.scaled_height);
    }
    if (n == 0) {
        const Rendition small = {
            .width = BASE_SIDE_DEFAULT, .height = BASE_SIDE_DEFAULT, .fit = FIT_INSIDE};
        Geometry geometry = geometry_for(&small, width, height);
        render->base_width = geometry.width;
        render->base_height = geometry.height;
    }
}

void render_set_base(Render *render, Picture *base)
{
    render->frames[0] = base;
    render->n_frames = 1;
}

static int64_t area(const Geometry *geometry)
{
    return (int64_t)geometry->scaled_width * geometry->scaled_height;
}

void render_order(const Render *render, size_t ret_order[static RENDITIONS_MAX])
{
    for (size_t i = 0; i < render->n; i++) {
        size_t at = i;
        while (at > 0 &&
               area(&render->geometries[ret_order[at - 1]]) < area(&render->geometries[i])) {
            ret_order[at] = ret_order[at - 1];
            at--;
        }
        ret_order[at] = i;
    }
}

const Picture *render_best_frame(const Render *render, int width, int height)
{
    const Picture *best = render->frames[0];
    for (size_t i = 0; i < render->n_frames; i++) {
        const Picture *frame = render->frames[i];
        if (frame->width == width && frame->height == height)
            return frame;
        if (frame->width >= 2 * width && frame->height >= 2 * height &&
            (int64_t)frame->width * frame->height < (int64_t)best->width * best->height)
            best = frame;
    }
    return best;
}

/* Returns the whole picture at the size of a geometry. Borrowed. */
static const Picture *frame_for(Render *render, const Geometry *geometry, bool narrow,
                                GError **error)
{
    const Picture *best =
        render_best_frame(render, geometry->scaled_width, geometry->scaled_height);
    if (best->width == geometry->scaled_width && best->height == geometry->scaled_height)
        return best;
    int width = geometry->scaled_width, height = geometry->scaled_height;
    Picture *frame = planes_are(best)
                         ? planes_resize(best, width, height, narrow, error)
                         : resize_picture(best, width, height,
                                          best->bands == 4 ? RESIZE_ALPHA : RESIZE_PLAIN, error);
    if (frame != NULL)
        render->frames[render->n_frames++] = frame;
    return frame;
}

static bool is_smart(const Rendition *rendition)
{
    return rendition->fit == FIT_ATTENTION || rendition->fit == FIT_ENTROPY;
}

static Cut central_cut(int width, int height, const Geometry *geometry)
{
    return (Cut){(width - geometry->width) / 2, (height - geometry->height) / 2};
}

bool render_accepts_planes(const Render *render, const Rendition *rendition, size_t i)
{
    const Geometry *geometry = &render->geometries[i];
    Cut cut = central_cut(geometry->scaled_width, geometry->scaled_height, geometry);
    return !is_smart(rendition) && cut.left % 2 == 0 && cut.top % 2 == 0;
}

bool render_find_cut(const Picture *frame, const Rendition *rendition, const Geometry *geometry,
                     Cut *ret_cut, GError **error)
{
    Cut cut = central_cut(frame->width, frame->height, geometry);
    bool whole = frame->width == geometry->width && frame->height == geometry->height;
    if (is_smart(rendition) && !whole &&
        !frame_find_part(frame, geometry->width, geometry->height,
                         rendition->fit == FIT_ATTENTION ? VIPS_INTERESTING_ATTENTION
                                                         : VIPS_INTERESTING_ENTROPY,
                         &cut.left, &cut.top, error))
        return false;
    *ret_cut = cut;
    return true;
}

const Picture *render_make(Render *render, const Rendition *rendition, size_t i, GError **error)
{
    const Geometry *geometry = &render->geometries[i];
    int width = geometry->width, height = geometry->height;
    const Picture *frame = frame_for(render, geometry, render->narrow[i], error);
    Cut cut;
    if (frame == NULL || !render_find_cut(frame, rendition, geometry, &cut, error))
        return NULL;
    if (frame->width == width && frame->height == height)
        return frame;
    g_clear_pointer(&render->part, picture_free);
    render->part = planes_are(frame) ? planes_crop(frame, cut.left, cut.top, width, height, error)
                                     : picture_crop(frame, cut.left, cut.top, width, height, error);
    return render->part;
}

void render_clear(Render *render)
{
    for (size_t i = 0; i < render->n_frames; i++)
        picture_free(render->frames[i]);
    render->n_frames = 0;
    g_clear_pointer(&render->part, picture_free);
}
