/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/color_profile.h"

#include <math.h>
#include <string.h>

/* Entries of a curve. */
#define CURVE_N 4096
/* Largest difference of a place in the diagram of colours that does not matter. */
#define PLACE_SLACK 0.002
/* Gammas between these look like sRGB. */
#define GAMMA_PLAIN_MIN 0.4400
#define GAMMA_PLAIN_MAX 0.4700

typedef struct {
    int code;
    /* White, red, green, blue. */
    double places[8];
} Primaries;

/* Source: ITU-T H.273, table 2. */
static const Primaries known[] = {
    {1, {0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060}},
    {4, {0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08}},
    {5, {0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06}},
    {6, {0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070}},
    {7, {0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070}},
    {8, {0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049}},
    {9, {0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046}},
    {11, {0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}},
    {12, {0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}},
    {22, {0.3127, 0.3290, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077}},
};

/* The white of profiles. */
static const double d50[3] = {0.9642, 1.0, 0.8249};

/* Returns where the primaries and the white of the file lie; NULL if they are unknown. */
static const double *places_of(const ColorTags *tags)
{
    if (tags->has_places)
        return tags->places;
    int code = tags->primaries == PRIMARIES_UNKNOWN ? PRIMARIES_BT709 : tags->primaries;
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (known[i].code == code)
            return known[i].places;
    }
    return NULL;
}

/* Checks that the primaries are those of sRGB. */
static bool has_plain_places(const ColorTags *tags)
{
    const double *places = places_of(tags);
    /* BT.470 BG and SMPTE 170M differ from BT.709 visibly, but little; they are converted. */
    for (size_t i = 0; places != NULL && i < 8; i++) {
        if (fabs(places[i] - known[0].places[i]) > PLACE_SLACK)
            return false;
    }
    return true;
}

/* Checks that the file's curve of brightness may be shown as that of sRGB. */
static bool has_plain_transfer(const ColorTags *tags)
{
    if (tags->gamma > 0)
        return tags->gamma >= GAMMA_PLAIN_MIN && tags->gamma <= GAMMA_PLAIN_MAX;
    switch (tags->transfer) {
    case 4: /* gamma 2.2 */
    case 5: /* gamma 2.8 */
    case 7: /* SMPTE 240M */
    case TRANSFER_LINEAR:
    case TRANSFER_PQ:
    case 17: /* SMPTE 428 */
    case TRANSFER_HLG:
        return false;
    default:
        /* Pictures with the curve of BT.709 are shown as if they had that of sRGB. */
        return true;
    }
}

bool color_tags_are_known(const ColorTags *tags)
{
    bool has_transfer =
        tags->transfer == TRANSFER_BT709 || (tags->transfer >= 4 && tags->transfer <= TRANSFER_HLG);
    return tags->primaries != PRIMARIES_UNKNOWN && places_of(tags) != NULL && has_transfer;
}

bool color_tags_are_plain(const ColorTags *tags)
{
    return has_plain_places(tags) && has_plain_transfer(tags);
}

/* Source: ITU-R BT.2100, table 4. */
#define PQ_M1 (2610.0 / 16384)
#define PQ_M2 (2523.0 / 4096 * 128)
#define PQ_C1 (3424.0 / 4096)
#define PQ_C2 (2413.0 / 4096 * 32)
#define PQ_C3 (2392.0 / 4096 * 32)

static double pq_to_nits(double value)
{
    double power = pow(value, 1 / PQ_M2);
    return 10000 * pow(fmax(power - PQ_C1, 0) / (PQ_C2 - PQ_C3 * power), 1 / PQ_M1);
}

static double nits_to_pq(double nits)
{
    double power = pow(nits / 10000, PQ_M1);
    return pow((PQ_C1 + PQ_C2 * power) / (1 + PQ_C3 * power), PQ_M2);
}

/*
 * Maps light up to the peak to the range of a plain screen: it stays as it is up to a knee, and
 * bends from there on. Source: ITU-R BT.2390, section 5.4.1.
 */
static double map_nits(double nits)
{
    double peak = nits_to_pq(PROFILE_PEAK_NITS);
    double value = fmin(nits_to_pq(nits) / peak, 1);
    double most = nits_to_pq(PROFILE_WHITE_NITS) / peak, knee = 1.5 * most - 0.5;
    if (value > knee) {
        double t = (value - knee) / (1 - knee), t2 = t * t, t3 = t2 * t;
        value = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) +
                (3 * t2 - 2 * t3) * most;
    }
    return fmin(pq_to_nits(value * peak) / PROFILE_WHITE_NITS, 1);
}

/* Source: ITU-R BT.2100, table 5; the gamma of a screen of 1000 cd/m2 is 1.2. */
static double hlg_to_nits(double value)
{
    const double a = 0.17883277, b = 1 - 4 * a, c = 0.5 - a * log(4 * a);
    double scene = value <= 0.5 ? value * value / 3 : (exp((value - c) / a) + b) / 12;
    return 1000 * pow(scene, 1.2);
}

static double srgb_light(double value)
{
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

double color_light(const ColorTags *tags, double value)
{
    if (tags->gamma > 0)
        return pow(value, 1 / tags->gamma);
    switch (tags->transfer) {
    case 4:
        return pow(value, 2.2);
    case 5:
        return pow(value, 2.8);
    case 7:
        return value < 0.0913 ? value / 4 : pow((value + 0.1115) / 1.1115, 1 / 0.45);
    case TRANSFER_LINEAR:
        return value;
    case TRANSFER_PQ:
        return map_nits(pq_to_nits(value));
    case 17:
        return fmin(pow(value, 2.6) * 52.37 / 48, 1);
    case TRANSFER_HLG:
        return map_nits(hlg_to_nits(value));
    default:
        return srgb_light(value);
    }
}

typedef struct {
    double at[3][3];
} Matrix;

static Matrix multiply(const Matrix *a, const Matrix *b)
{
    Matrix product;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            product.at[i][j] =
                a->at[i][0] * b->at[0][j] + a->at[i][1] * b->at[1][j] + a->at[i][2] * b->at[2][j];
    }
    return product;
}

/* Computes the inverse of a matrix. False: there is none. */
static bool invert(const Matrix *m, Matrix *ret_inverse)
{
    double determinant = 0;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            ret_inverse->at[i][j] = m->at[a][c] * m->at[b][d] - m->at[a][d] * m->at[b][c];
        }
    }
    for (int i = 0; i < 3; i++)
        determinant += m->at[0][i] * ret_inverse->at[i][0];
    if (fabs(determinant) < 1e-6)
        return false;
    for (int i = 0; i < 9; i++)
        ret_inverse->at[i / 3][i % 3] /= determinant;
    return true;
}

static void apply(const Matrix *m, const double in[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = m->at[i][0] * in[0] + m->at[i][1] * in[1] + m->at[i][2] * in[2];
}

/* Returns the matrix from `white` to that of profiles, after Bradford. */
static bool adapt(const double white[3], Matrix *ret_matrix)
{
    static const Matrix bradford = {
        {{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}};
    Matrix back, scaled = bradford;
    double from[3], to[3];
    apply(&bradford, white, from);
    apply(&bradford, d50, to);
    if (!invert(&bradford, &back) || from[0] <= 0 || from[1] <= 0 || from[2] <= 0)
        return false;
    for (int i = 0; i < 9; i++)
        scaled.at[i / 3][i % 3] *= to[i / 3] / from[i / 3];
    *ret_matrix = multiply(&back, &scaled);
    return true;
}

/* Computes the matrix from red, green and blue to XYZ relative to the white of profiles. */
static bool matrix_of(const double places[8], Matrix *ret_matrix)
{
    Matrix colors, inverse, to_d50;
    for (int i = 0; i < 4; i++) {
        if (places[2 * i + 1] < 0.001)
            return false;
    }
    for (int i = 0; i < 3; i++) {
        double x = places[2 + 2 * i], y = places[3 + 2 * i];
        colors.at[0][i] = x / y;
        colors.at[1][i] = 1;
        colors.at[2][i] = (1 - x - y) / y;
    }
    const double white[3] = {places[0] / places[1], 1, (1 - places[0] - places[1]) / places[1]};
    double shares[3];
    if (!invert(&colors, &inverse) || !adapt(white, &to_d50))
        return false;
    apply(&inverse, white, shares);
    for (int i = 0; i < 9; i++)
        colors.at[i / 3][i % 3] *= shares[i % 3];
    *ret_matrix = multiply(&to_d50, &colors);
    return true;
}

/* Appends a number of `n` bytes, the highest first. */
static void put(GByteArray *out, uint32_t value, unsigned n)
{
    for (unsigned i = n; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        g_byte_array_append(out, &byte, 1);
    }
}

static void put_text(GByteArray *out, const char *text, size_t n)
{
    g_byte_array_append(out, (const uint8_t *)text, (guint)n);
}

static void put_xyz(GByteArray *out, const double xyz[3])
{
    put_text(out, "XYZ \0\0\0\0", 8);
    for (int i = 0; i < 3; i++)
        put(out, (uint32_t)(int32_t)lround(CLAMP(xyz[i], -100, 100) * 65536), 4);
}

static void put_curve(GByteArray *out, const ColorTags *tags)
{
    put_text(out, "curv\0\0\0\0", 8);
    put(out, CURVE_N, 4);
    for (int i = 0; i < CURVE_N; i++)
        put(out, (uint32_t)lround(65535 * color_light(tags, (double)i / (CURVE_N - 1))), 2);
}

/* Writes the part that each profile has, with the table of tags. Source: ICC.1:2001-04. */
static GBytes *assemble(const char *space, GByteArray *table, GByteArray *body, uint32_t n_tags)
{
    GByteArray *out = g_byte_array_new();
    put(out, 128 + 4 + table->len + body->len, 4);
    put(out, 0, 4);
    put(out, 0x02400000, 4);
    put_text(out, "mntr", 4);
    put_text(out, space, 4);
    put_text(out, "XYZ ", 4);
    for (int i = 0; i < 3; i++)
        put(out, i == 0 ? 2026 << 16 | 1 : i == 1 ? 1 << 16 : 0, 4);
    put_text(out, "acsp", 4);
    for (int i = 0; i < 7; i++)
        put(out, 0, 4);
    for (int i = 0; i < 3; i++)
        put(out, (uint32_t)lround(d50[i] * 65536), 4);
    while (out->len < 128)
        put(out, 0, 1);
    put(out, n_tags, 4);
    g_byte_array_append(out, table->data, table->len);
    g_byte_array_append(out, body->data, body->len);
    return g_byte_array_free_to_bytes(out);
}

/* Adds the tag whose data begin at `start` of `body`, which `base` bytes precede in the file. */
static void add_tag(GByteArray *table, const char *name, GByteArray *body, guint start,
                    uint32_t base)
{
    put_text(table, name, 4);
    put(table, base + start, 4);
    put(table, body->len - start, 4);
    while (body->len % 4 != 0)
        put(body, 0, 1);
}

/* Adds the parts that each ICC profile must have: a name, a copyright and the white point. */
static void add_texts(GByteArray *table, GByteArray *body, uint32_t base)
{
    static const char name[] = "stated in the file";
    guint start = body->len;
    put_text(body, "desc\0\0\0\0", 8);
    put(body, sizeof name, 4);
    put_text(body, name, sizeof name);
    for (int i = 0; i < 78; i++)
        put(body, 0, 1);
    add_tag(table, "desc", body, start, base);
    start = body->len;
    put_text(body, "text\0\0\0\0none", 13);
    add_tag(table, "cprt", body, start, base);
    start = body->len;
    put_xyz(body, d50);
    add_tag(table, "wtpt", body, start, base);
}

GBytes *color_profile(const ColorTags *tags, bool is_grey)
{
    static const char *const colors[] = {"rXYZ", "gXYZ", "bXYZ"};
    static const char *const curves[] = {"rTRC", "gTRC", "bTRC"};
    const double *places = places_of(tags);
    Matrix matrix;
    if (places == NULL || !matrix_of(places, &matrix))
        return NULL;
    uint32_t n_tags = is_grey ? 4 : 9, base = 128 + 4 + 12 * n_tags;
    g_autoptr(GByteArray) table = g_byte_array_new();
    g_autoptr(GByteArray) body = g_byte_array_new();
    add_texts(table, body, base);
    for (int i = 0; i < 3 && !is_grey; i++) {
        const double xyz[3] = {matrix.at[0][i], matrix.at[1][i], matrix.at[2][i]};
        guint start = body->len;
        put_xyz(body, xyz);
        add_tag(table, colors[i], body, start, base);
    }
    guint start = body->len, end;
    put_curve(body, tags);
    end = body->len;
    add_tag(table, is_grey ? "kTRC" : curves[0], body, start, base);
    /* The other curves are the same. */
    for (int i = 1; i < 3 && !is_grey; i++) {
        put_text(table, curves[i], 4);
        put(table, base + start, 4);
        put(table, end - start, 4);
    }
    return assemble(is_grey ? "GRAY" : "RGB ", table, body, n_tags);
}
