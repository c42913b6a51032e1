/* The configuration, and what is said of it. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static void add(vector *issues, const char *path, const char *format, va_list arguments) {
    /* In full before the vector: what is formatted comes between two of its allocations. */
    loglift_text message = format_text(format, arguments);
    loglift_text copy = loglift_text_of(path);
    char *data = loglift_alloc(copy.len);
    memcpy(data, path, copy.len);
    issue *new = vector_add(issues, 1, sizeof *new);
    *new = (issue){{data, copy.len}, message};
}

void loglift_config_issue(loglift_config *config, const char *path, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(&config->issues, path, format, arguments);
    va_end(arguments);
}

void loglift_config_warning(loglift_config *config, const char *path, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(&config->warnings, path, format, arguments);
    va_end(arguments);
}

void loglift_config_note(loglift_config *config, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    loglift_text note = format_text(format, arguments);
    va_end(arguments);
    memcpy(vector_add(&config->notes, 1, sizeof note), &note, sizeof note);
}

void loglift_config_reads(loglift_config *config, loglift_text name) {
    memcpy(vector_add(&config->reads, 1, sizeof name), &name, sizeof name);
}

loglift_text loglift_config_machine_zone(const loglift_config *config) {
    return config->machine_zone;
}

bool loglift_config_has(const loglift_config *config, const char *key) {
    return json_get(&config->root, key) != NULL;
}

/* A parameter of a kind. Null if it is missing, or an issue. */
static const json *value(loglift_config *config, const char *key, json_kind kind, const char *expected) {
    const json *value = json_get(&config->root, key);
    if (value != NULL && value->kind != kind) {
        loglift_config_issue(config, key, "expected %s", expected);
        return NULL;
    }
    return value;
}

loglift_text loglift_config_text(loglift_config *config, const char *key, const char *usual) {
    const json *found = value(config, key, JSON_STRING, "a string");
    return found == NULL ? loglift_text_of(usual) : found->text;
}

bool loglift_config_bool(loglift_config *config, const char *key, bool usual) {
    const json *found = value(config, key, JSON_BOOL, "true or false");
    return found == NULL ? usual : found->boolean;
}

double loglift_config_number(loglift_config *config, const char *key, double usual) {
    const json *found = value(config, key, JSON_NUMBER, "a number");
    return found == NULL ? usual : found->number;
}

const loglift_text *loglift_config_texts(loglift_config *config, const char *key, size_t *len) {
    const json *found = value(config, key, JSON_ARRAY, "a list of strings");
    *len = 0;
    if (found == NULL || found->len == 0) {
        return NULL;
    }
    loglift_text *texts = malloc(found->len * sizeof *texts);
    if (texts == NULL) {
        abort();
    }
    for (size_t index = 0; index < found->len; index++) {
        if (found->values[index].kind != JSON_STRING) {
            loglift_config_issue(config, key, "expected a list of strings");
            free(texts);
            return NULL;
        }
        texts[index] = found->values[index].text;
    }
    *len = found->len;
    return texts;
}
