/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/webp_animation.h"

#include "base/error.h"
#include "formats/webp_private.h"

#include <webp/mux.h>

struct WebpAnimation {
    WebPAnimEncoder *encoder;
    WebPConfig config;
    /* When the last frame so far ends. */
    int64_t end_ms;
};

WebpAnimation *webp_animation_new(int width, int height, int loops, int quality, GError **error)
{
    g_autoptr(WebpAnimation) animation = g_new0(WebpAnimation, 1);
    WebPAnimEncoderOptions options;
    if (!webp_configure(&animation->config, quality) || !WebPAnimEncoderOptionsInit(&options)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_INTERNAL, "libwebp is of another version");
        return NULL;
    }
    options.anim_params.loop_count = CLAMP(loops, 0, 65535);
    animation->encoder = WebPAnimEncoderNew(width, height, &options);
    if (animation->encoder == NULL) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY, "no memory to write webp");
        return NULL;
    }
    return g_steal_pointer(&animation);
}

bool webp_animation_add(WebpAnimation *animation, const Picture *frame, int delay_ms,
                        GError **error)
{
    WebPPicture target;
    if (!WebPPictureInit(&target)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_INTERNAL, "libwebp is of another version");
        return false;
    }
    target.use_argb = 1;
    bool fine =
        animation->end_ms <= INT32_MAX && webp_import(&target, frame) &&
        WebPAnimEncoderAdd(animation->encoder, &target, (int)animation->end_ms, &animation->config);
    if (!fine)
        webp_set_error(target.error_code, error);
    WebPPictureFree(&target);
    animation->end_ms += MAX(delay_ms, 0);
    return fine;
}

static void free_data(void *data)
{
    WebPDataClear(data);
    g_free(data);
}

GBytes *webp_animation_finish(WebpAnimation *animation, GError **error)
{
    WebPData *data = g_new(WebPData, 1);
    WebPDataInit(data);
    if (animation->end_ms > INT32_MAX ||
        !WebPAnimEncoderAdd(animation->encoder, NULL, (int)animation->end_ms, NULL) ||
        !WebPAnimEncoderAssemble(animation->encoder, data)) {
        free_data(data);
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY, "cannot put webp together");
        return NULL;
    }
    return g_bytes_new_with_free_func(data->bytes, data->size, free_data, data);
}

void webp_animation_free(WebpAnimation *animation)
{
    if (animation == NULL)
        return;
    if (animation->encoder != NULL)
        WebPAnimEncoderDelete(animation->encoder);
    g_free(animation);
}
