#include "config_table.h"

#include "error.h"
#include "units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define SEC INT64_C(1000000)

#define BUCKET(field)      SECTION_BUCKET, #field
#define HANDLER(field)     SECTION_HANDLER, #field
#define DESTINATION(field) SECTION_DESTINATION, #field
#define RENDITION(field)   SECTION_RENDITION, #field
#define SCHEDULE(field)    SECTION_SCHEDULE, #field

const Option config_options[] = {
    {BUCKET(prefix), OPTION_TEXT, offsetof(Config, prefix), 1, 4095, "thumbnails",
     "Folder of the thumbnails, below the bucket or absolute; never treated as uploads"},
    {BUCKET(state), OPTION_TEXT, offsetof(Config, state), 1, 4095, ".thumbq",
     "Folder of the store and the lock, below the bucket or absolute"},
    {BUCKET(ignore), OPTION_PATTERNS, offsetof(Config, ignore), 0, 1024,
     ".*;*.part;*.tmp;*.crdownload;*~",
     "Names of files and folders that are no uploads; glob patterns, ';' between"},
    {BUCKET(rescan), OPTION_DURATION, offsetof(Config, rescan_us), 0, 366 * 86400 * SEC, "1h",
     "Time between backstop scans of the whole bucket; 0 for never"},
    {BUCKET(durability), OPTION_DURABILITY, offsetof(Config, durability), 0, 0, "full",
     "On disk before a record says done: full (thumbnails and store), store (thumbnails that a "
     "power "
     "cut takes are made again), none (all is made again after a crash)"},

    {HANDLER(concurrency), OPTION_CORES, offsetof(Config, concurrency), 1, 1024, "auto",
     "Handler processes at the most; auto: one per core"},
    {HANDLER(timeout), OPTION_DURATION, offsetof(Config, timeout_us), 100000, 900 * SEC, "15s",
     "Time one invocation may take before it is killed"},
    {HANDLER(memory), OPTION_BYTES, offsetof(Config, memory_bytes), 64 * MIB, 1024 * GIB, "512M",
     "Memory one handler process may use"},
    {HANDLER(max_pixels), OPTION_COUNT, offsetof(Config, max_pixels), 1, INT64_C(10000000000),
     "150M", "Width x height that is still taken"},
    {HANDLER(max_file_size), OPTION_BYTES, offsetof(Config, max_file_size), 1, 1024 * GIB, "512M",
     "Bytes of an upload that are still taken"},
    {HANDLER(max_pages), OPTION_INT, offsetof(Config, max_pages), 1, 1000000, "200",
     "Pages or frames of an upload that are still taken"},
    {HANDLER(max_output_size), OPTION_BYTES, offsetof(Config, max_output_size), 1024, GIB, "64M",
     "Bytes one thumbnail may have"},
    {HANDLER(max_invocations), OPTION_INT, offsetof(Config, max_invocations), 1, 1000000, "100",
     "Invocations after which a handler process is replaced; 1: a process per image"},
    {HANDLER(retries), OPTION_INT, offsetof(Config, retries), 0, 10, "2",
     "Times a failed invocation is tried again"},
    {SECTION_HANDLER, "retry_delay", OPTION_DURATION, offsetof(Config, retry_delay_us), 0,
     86400 * SEC, "1m", "Wait before the first of these; doubled before each further one"},

    {DESTINATION(on_failure), OPTION_TEXT, offsetof(Config, on_failure), 0, 4095, "",
     "Folder for a JSON file on each object that dies, absolute or below the state folder"},
    {DESTINATION(on_success), OPTION_TEXT, offsetof(Config, on_success), 0, 4095, "",
     "The same for each object that is done"},

    {RENDITION(size), OPTION_SIZE, 0, 1, RENDITION_SIZE_MAX, "256x256",
     "Width and height in pixels, at the most; pictures are never enlarged"},
    {RENDITION(fit), OPTION_FIT, offsetof(Rendition, fit), 0, 0, "inside",
     "inside (all of it), cover (centre cut), attention, entropy (best part cut), fill (stretch)"},
    {RENDITION(format), OPTION_FORMAT, offsetof(Rendition, format), 0, 0, "jpeg",
     "jpeg, webp, png, avif, jxl, auto (webp with alpha, else jpeg), same (as the upload)"},
    {RENDITION(quality), OPTION_INT, offsetof(Rendition, quality), 1, 100, "80",
     "Quality of the encoder, 1 to 100"},
    {RENDITION(background), OPTION_COLOR, offsetof(Rendition, background), 0, 0, "#ffffff",
     "Colour under transparent parts where the format has no alpha"},
    {RENDITION(animation), OPTION_ANIMATION, offsetof(Rendition, animation), 0, 0, "first",
     "first (frame of an animation), keep (as animated webp; formats webp, auto and same)"},
    {RENDITION(max_frames), OPTION_INT, offsetof(Rendition, max_frames), 1, RENDITION_FRAMES_MAX,
     "100", "Frames of an animation that is kept; of a longer one, the first frame is taken"},
    {RENDITION(keep), OPTION_KEEP, offsetof(Rendition, keep), 0, 0, "none",
     "Metadata of the upload: none, or of icc,exif,xmp; without icc, colours are sRGB"},

    {SCHEDULE(cron), OPTION_TEXT, offsetof(ScheduleConfig, cron), 1, 256, NULL,
     "When: 0 3 * * *, @daily, cron(0 3 * * ? *), rate(5 minutes), at(2026-01-31T12:00:00)"},
    {SCHEDULE(timezone), OPTION_TEXT, offsetof(ScheduleConfig, timezone), 0, 64, "",
     "IANA time zone such as Europe/Berlin; empty: that of this machine"},
    {SCHEDULE(run), OPTION_TEXT, offsetof(ScheduleConfig, run), 1, 256, NULL,
     "What: sweep orphans, sweep missing, sweep stale or sweep all"},
};
const size_t config_n_options = G_N_ELEMENTS(config_options);

static const struct {
    const char *name;
    bool is_named;
} sections[SECTION_TYPES] = {
    [SECTION_BUCKET] = {"bucket", false},           [SECTION_HANDLER] = {"handler", false},
    [SECTION_DESTINATION] = {"destination", false}, [SECTION_RENDITION] = {"rendition", true},
    [SECTION_SCHEDULE] = {"schedule", true},
};

const char *config_section_name(SectionType section)
{
    return sections[section].name;
}

bool config_section_is_named(SectionType section)
{
    return sections[section].is_named;
}

const Option *config_find_option(SectionType section, const char *name)
{
    for (size_t i = 0; i < config_n_options; i++) {
        if (config_options[i].section == section && strcmp(config_options[i].name, name) == 0)
            return &config_options[i];
    }
    return NULL;
}

static bool check_range(const Option *option, int64_t value, const char *text, GError **error)
{
    if (value >= option->min && value <= option->max)
        return true;

    if (option->type == OPTION_BYTES) {
        g_autofree char *min = units_format_bytes(option->min);
        g_autofree char *max = units_format_bytes(option->max);
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not between %s and %s", text, min,
                    max);
    } else if (option->type == OPTION_DURATION) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not between %.3g s and %.10g s",
                    text, (double)option->min / SEC, (double)option->max / SEC);
    } else {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' is not between %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, text,
                    option->min, option->max);
    }
    return false;
}

static bool parse_number(const Option *option, const char *text, int64_t *ret_value, GError **error)
{
    int64_t value;
    bool parsed;

    if (option->type == OPTION_CORES && strcmp(text, "auto") == 0) {
        *ret_value = CLAMP(sysconf(_SC_NPROCESSORS_ONLN), 1, option->max);
        return true;
    }
    if (option->type == OPTION_BYTES)
        parsed = units_parse_bytes(text, &value, error);
    else if (option->type == OPTION_DURATION)
        parsed = units_parse_duration(text, &value, error);
    else
        parsed = units_parse_count(text, &value, error);
    if (!parsed || !check_range(option, value, text, error))
        return false;
    *ret_value = value;
    return true;
}

static bool parse_size(const Option *option, const char *text, Rendition *rendition, GError **error)
{
    int width, height, used = 0;

    /* sscanf would take signs and spaces as well: the characters are checked first. */
    bool plain = strspn(text, "0123456789x") == strlen(text) && strlen(text) <= 11;
    if (!plain || sscanf(text, "%5dx%5d%n", &width, &height, &used) != 2 || text[used] != '\0') {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is no size; write 256x256", text);
        return false;
    }
    if (!check_range(option, width, text, error) || !check_range(option, height, text, error))
        return false;
    rendition->width = width;
    rendition->height = height;
    return true;
}

static bool parse_color(const char *text, uint32_t *ret_color, GError **error)
{
    if (text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6) {
        *ret_color = (uint32_t)g_ascii_strtoull(text + 1, NULL, 16);
        return true;
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is no colour; write #ffffff", text);
    return false;
}

const char *durability_name(Durability durability)
{
    static const char *const names[] = {"full", "store", "none"};
    return names[durability];
}

typedef const char *NameOf(int value);

static bool parse_name(const char *text, NameOf *name_of, int n, int *ret_value, GError **error)
{
    const char *names[8];

    for (int i = 0; i < n; i++) {
        names[i] = name_of(i);
        if (strcmp(names[i], text) == 0) {
            *ret_value = i;
            return true;
        }
    }
    const char *nearest = units_nearest(text, names, (size_t)n);
    g_autofree char *hint = nearest ? g_strdup_printf("; did you mean '%s'?", nearest) : NULL;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "unknown value '%s'%s", text, hint ? hint : "");
    return false;
}

static const char *fit_name_of(int value)
{
    return fit_name((Fit)value);
}

static const char *durability_name_of(int value)
{
    return durability_name((Durability)value);
}

static const char *format_name_of(int value)
{
    return format_name((Format)value);
}

static const char *animation_name_of(int value)
{
    return animation_name((Animation)value);
}

/* "none", or names with ',' between. */
static bool parse_keep(const char *text, unsigned *ret_keep, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", KEEP_BITS + 1);
    unsigned keep = KEEP_NONE;

    if (strcmp(text, "none") == 0) {
        *ret_keep = KEEP_NONE;
        return true;
    }
    for (char **name = names; *name; name++) {
        int bit;
        if (!parse_name(g_strstrip(*name), keep_name, KEEP_BITS, &bit, error))
            return false;
        keep |= 1U << bit;
    }
    if (keep == KEEP_NONE) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the value is empty; write none");
        return false;
    }
    *ret_keep = keep;
    return true;
}

static char *format_keep(unsigned keep)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (int bit = 0; bit < KEEP_BITS; bit++) {
        if (keep & 1U << bit)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", keep_name(bit));
    }
    return g_strdup(keep == KEEP_NONE ? "none" : text->str);
}

static bool parse_text(const Option *option, const char *text, char **field, GError **error)
{
    if ((int64_t)strlen(text) < option->min) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the value is empty");
        return false;
    }
    if ((int64_t)strlen(text) > option->max) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "the value has more than %" G_GINT64_FORMAT " characters", option->max);
        return false;
    }
    g_free(*field);
    *field = g_strdup(text);
    return true;
}

static bool parse_patterns(const Option *option, const char *text, GStrv *field, GError **error)
{
    g_autofree char *checked = NULL;

    if (!parse_text(option, text, &checked, error))
        return false;
    g_strfreev(*field);
    *field = g_strsplit(checked, ";", -1);
    return true;
}

bool config_option_parse(const Option *option, const char *text, void *base, GError **error)
{
    void *field = (char *)base + option->offset;
    int64_t number;
    int index;

    switch (option->type) {
    case OPTION_TEXT:
        return parse_text(option, text, field, error);
    case OPTION_PATTERNS:
        return parse_patterns(option, text, field, error);
    case OPTION_SIZE:
        return parse_size(option, text, base, error);
    case OPTION_COLOR:
        return parse_color(text, field, error);
    case OPTION_FIT:
        if (!parse_name(text, fit_name_of, FIT_FILL + 1, &index, error))
            return false;
        *(Fit *)field = (Fit)index;
        return true;
    case OPTION_FORMAT:
        if (!parse_name(text, format_name_of, FORMAT_SAME + 1, &index, error))
            return false;
        *(Format *)field = (Format)index;
        return true;
    case OPTION_ANIMATION:
        if (!parse_name(text, animation_name_of, ANIMATION_KEEP + 1, &index, error))
            return false;
        *(Animation *)field = (Animation)index;
        return true;
    case OPTION_KEEP:
        return parse_keep(text, field, error);
    case OPTION_DURABILITY:
        if (!parse_name(text, durability_name_of, DURABILITY_NONE + 1, &index, error))
            return false;
        *(Durability *)field = (Durability)index;
        return true;
    case OPTION_INT:
    case OPTION_CORES:
        if (!parse_number(option, text, &number, error))
            return false;
        *(int *)field = (int)number;
        return true;
    case OPTION_COUNT:
    case OPTION_BYTES:
    case OPTION_DURATION:
        return parse_number(option, text, field, error);
    }
    g_assert_not_reached();
}

/* The largest unit that divides the value without rest. */
static char *format_exact(int64_t value, int64_t step, const char *const *suffixes, size_t n)
{
    size_t i = 0;

    while (value != 0 && i + 1 < n && value % step == 0) {
        value /= step;
        i++;
    }
    return g_strdup_printf("%" G_GINT64_FORMAT "%s", value, suffixes[i]);
}

static char *format_duration(int64_t us)
{
    static const struct {
        int64_t us;
        const char *suffix;
    } units[] = {{86400 * SEC, "d"}, {3600 * SEC, "h"}, {60 * SEC, "m"},
                 {SEC, "s"},         {1000, "ms"},      {1, "us"}};

    for (size_t i = 0; us != 0 && i < G_N_ELEMENTS(units); i++) {
        if (us % units[i].us == 0)
            return g_strdup_printf("%" G_GINT64_FORMAT "%s", us / units[i].us, units[i].suffix);
    }
    return g_strdup("0");
}

char *config_option_format(const Option *option, const void *base)
{
    static const char *const bytes[] = {"", "K", "M", "G", "T"};
    static const char *const counts[] = {"", "K", "M", "G"};
    const void *field = (const char *)base + option->offset;
    const Rendition *rendition = base;

    switch (option->type) {
    case OPTION_TEXT:
        return g_strdup(*(char *const *)field);
    case OPTION_PATTERNS:
        return g_strjoinv(";", *(const GStrv *)field);
    case OPTION_SIZE:
        return g_strdup_printf("%dx%d", rendition->width, rendition->height);
    case OPTION_COLOR:
        return g_strdup_printf("#%06x", *(const uint32_t *)field);
    case OPTION_FIT:
        return g_strdup(fit_name(*(const Fit *)field));
    case OPTION_FORMAT:
        return g_strdup(format_name(*(const Format *)field));
    case OPTION_ANIMATION:
        return g_strdup(animation_name(*(const Animation *)field));
    case OPTION_KEEP:
        return format_keep(*(const unsigned *)field);
    case OPTION_DURABILITY:
        return g_strdup(durability_name(*(const Durability *)field));
    case OPTION_INT:
    case OPTION_CORES:
        return g_strdup_printf("%d", *(const int *)field);
    case OPTION_COUNT:
        return format_exact(*(const int64_t *)field, 1000, counts, G_N_ELEMENTS(counts));
    case OPTION_BYTES:
        return format_exact(*(const int64_t *)field, 1024, bytes, G_N_ELEMENTS(bytes));
    case OPTION_DURATION:
        return format_duration(*(const int64_t *)field);
    }
    g_assert_not_reached();
}
