/* What the agent calls, and the memory of a call. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* ---- Memory ----
 *
 * Blocks, of which the last is filled. When a call is over, one block of the size of all stays, so that soon a call
 * needs no other. */

typedef struct block {
    struct block *before;
    size_t size;
    size_t used;
    max_align_t start[];
} block;

static block *last;

static block *block_new(size_t size) {
    block *new = malloc(sizeof(block) + size);
    if (new == NULL) {
        abort();
    }
    new->before = NULL;
    new->size = size;
    new->used = 0;
    return new;
}

static size_t rounded(size_t size) {
    const size_t alignment = sizeof(max_align_t);
    return (size + alignment - 1) / alignment * alignment;
}

void *loglift_alloc(size_t size) {
    const size_t least = 64 * 1024;
    size = rounded(size);
    if (last == NULL || last->size - last->used < size) {
        size_t doubled = last == NULL ? least : 2 * last->size;
        block *new = block_new(doubled > size ? doubled : size);
        new->before = last;
        last = new;
    }
    char *start = (char *)last->start + last->used;
    last->used += size;
    return start;
}

/* As loglift_alloc, of more room for what is there. What was allocated last grows where it is. */
static void *alloc_again(void *old, size_t old_size, size_t size) {
    old_size = rounded(old_size);
    if (old != NULL && (char *)old + old_size == (char *)last->start + last->used) {
        size_t more = rounded(size) - old_size;
        if (last->size - last->used >= more) {
            last->used += more;
            return old;
        }
    }
    void *new = loglift_alloc(size);
    if (old_size > 0) {
        memcpy(new, old, old_size);
    }
    return new;
}

void arena_reset(void) {
    if (last == NULL) {
        return;
    }
    if (last->before != NULL) {
        size_t size = 0;
        while (last != NULL) {
            block *before = last->before;
            size += last->size;
            free(last);
            last = before;
        }
        last = block_new(size);
    }
    last->used = 0;
}

void *vector_add(vector *vector, size_t count, size_t size) {
    if (vector->capacity - vector->len < count) {
        size_t capacity = 2 * vector->capacity + count + 16;
        vector->data = alloc_again(vector->data, vector->capacity * size, capacity * size);
        vector->capacity = capacity;
    }
    vector->len += count;
    return vector->data + (vector->len - count) * size;
}

list vector_list(const vector *vector) {
    return (list){vector->data, vector->len};
}

option vector_option(const vector *vector) {
    return (option){vector->data != NULL, vector_list(vector)};
}

/* ---- Calls ---- */

static void *configured;

const description *describe(void) {
    description *answer = loglift_alloc(sizeof *answer);
    answer->name = loglift_text_of(loglift_exported.name);
    answer->version = loglift_text_of(loglift_exported.version);
    answer->summary = loglift_text_of(loglift_exported.summary);
    answer->config_schema = loglift_text_of(loglift_exported.config_schema);
    return answer;
}

const setup_result *configure(loglift_text text, loglift_text zone) {
    setup_result *answer = loglift_alloc(sizeof *answer);
    memset(answer, 0, sizeof *answer);
    loglift_config config = {.machine_zone = zone};
    const char *mistake = json_parse(text, &config.root);
    if (mistake != NULL) {
        loglift_config_issue(&config, "", "%s", mistake);
    } else {
        configured = loglift_exported.configure(&config);
        if (configured == NULL && config.issues.len == 0) {
            loglift_config_issue(&config, "", "the processor refuses this configuration and does not say why");
        }
    }
    if (config.issues.len > 0) {
        answer->is_error = 1;
        answer->value.error = vector_list(&config.issues);
        return answer;
    }
    answer->value.ok.reads = vector_option(&config.reads);
    answer->value.ok.warnings = vector_list(&config.warnings);
    answer->value.ok.notes = vector_list(&config.notes);
    return answer;
}

const answer_result *process(const loglift_batch *batch) {
    answer_result *answer = loglift_alloc(sizeof *answer);
    memset(answer, 0, sizeof *answer);
    loglift_changes *changes = changes_begin(batch);
    const char *mistake = configured == NULL ? "process was called before configure"
                                             : loglift_exported.process(configured, batch, changes);
    if (mistake != NULL) {
        answer->is_error = 1;
        answer->value.error = valid_utf8(loglift_text_of(mistake));
    } else {
        changes_finish(changes, &answer->value.ok);
    }
    return answer;
}

#ifdef __wasm__

_Static_assert(sizeof(loglift_batch) == 80 && offsetof(loglift_batch, read_seconds) == 72, "layout of batch");
_Static_assert(sizeof(answer) == 144 && offsetof(answer, fields) == 68, "layout of answer");
_Static_assert(offsetof(answer, outcomes) == 116 && sizeof(answer_result) == 148, "layout of answer");
_Static_assert(sizeof(alarm) == 28 && sizeof(count) == 16 && sizeof(setup_result) == 32, "layout of lists");

#define EXPORT(name) __attribute__((export_name(name)))
#define COLUMNAR "loglift:processor/columnar@0.1.0#"
#define STATE "loglift:processor/state@0.1.0#"
#define IMPORT(name) __attribute__((import_module("loglift:processor/host@0.1.0"), import_name(name)))

IMPORT("log") void host_log(uint32_t level, const char *message, size_t len);
IMPORT("zone") void host_zone(const char *name, size_t len, option *data);

/* The agent takes memory here for what it hands over. The adapter of WASI does not. */
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
    (void)alignment;
    return alloc_again(old, old_size, size);
}

EXPORT(COLUMNAR "describe") const description *export_describe(void) {
    return describe();
}

EXPORT(COLUMNAR "configure")
const setup_result *export_configure(
    const char *config, size_t config_len, const char *zone, size_t zone_len, uint32_t has_discard_older_than,
    uint32_t discard_older_than, const void *extra, size_t extra_len
) {
    (void)has_discard_older_than, (void)discard_older_than, (void)extra, (void)extra_len;
    return configure((loglift_text){config, config_len}, (loglift_text){zone, zone_len});
}

EXPORT(COLUMNAR "process") const answer_result *export_process(const loglift_batch *batch) {
    return process(batch);
}

EXPORT("cabi_post_" COLUMNAR "describe") void after_describe(const void *answer) {
    (void)answer;
    arena_reset();
}

EXPORT("cabi_post_" COLUMNAR "configure") void after_configure(const void *answer) {
    (void)answer;
    arena_reset();
}

EXPORT("cabi_post_" COLUMNAR "process") void after_process(const void *answer) {
    (void)answer;
    arena_reset();
}

#ifdef LOGLIFT_STATEFUL

EXPORT(STATE "save") const loglift_text *export_save(void) {
    loglift_text *answer = loglift_alloc(sizeof *answer);
    *answer = loglift_exported.save(configured);
    return answer;
}

EXPORT(STATE "restore")
const done_result *export_restore(const char *version, size_t version_len, const char *saved, size_t saved_len) {
    done_result *answer = loglift_alloc(sizeof *answer);
    const char *mistake =
        loglift_exported.restore(configured, (loglift_text){version, version_len}, (loglift_text){saved, saved_len});
    answer->is_error = mistake != NULL;
    answer->error = valid_utf8(loglift_text_of(mistake == NULL ? "" : mistake));
    return answer;
}

EXPORT("cabi_post_" STATE "save") void after_save(const void *answer) {
    (void)answer;
    arena_reset();
}

EXPORT("cabi_post_" STATE "restore") void after_restore(const void *answer) {
    (void)answer;
    arena_reset();
}

#endif

void loglift_log(loglift_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    loglift_text message = format_text(format, arguments);
    va_end(arguments);
    host_log(level, message.data, message.len);
}

bool loglift_zone(loglift_text name, loglift_text *data) {
    option answer = {0};
    host_zone(name.data, name.len, &answer);
    *data = (loglift_text){answer.value.data, answer.value.len};
    return answer.is_some;
}

#else

#include <stdio.h>

void loglift_log(loglift_level level, const char *format, ...) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    va_list arguments;
    va_start(arguments, format);
    loglift_text message = format_text(format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %.*s\n", names[level], LOGLIFT_ARGS(message));
}

bool loglift_zone(loglift_text name, loglift_text *data) {
    (void)name;
    *data = LOGLIFT_TEXT("");
    return false;
}

#endif
