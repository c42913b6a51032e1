/* Splits a="x y" b=2 into the fields a and b. */
#include <loglift.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of a line with a piece that is no pair. */
typedef enum on_failure {
    KEEP, /* it stays as it is */
    SKIP, /* it is split, without that piece */
    DROP, /* it is discarded */
} on_failure;

typedef struct key_value {
    loglift_text source_key;
    loglift_text pair_separator;
    loglift_text separator;
    loglift_text quote;
    loglift_text prefix;
    bool keeps_source;
    on_failure on_failure;
} key_value;

/* A field to set. */
typedef struct pair {
    loglift_key key;
    loglift_text value;
} pair;

/* As many fields as an event may get: more of them are no log line, and each is looked for among the others. */
enum { MOST_PAIRS = 256 };

typedef struct line {
    loglift_text rest; /* what is not split yet */
    const char *failure;
    loglift_text failed_piece;
    size_t len;
    pair pairs[MOST_PAIRS];
} line;

/* ---- Configuration ---- */

static const char *const on_failure_names[] = {"keep", "skip", "drop"};

static on_failure on_failure_of(loglift_config *config) {
    loglift_text name = loglift_config_text(config, "OnFailure", "keep");
    for (int value = KEEP; value <= DROP; value++) {
        if (loglift_text_equal(name, loglift_text_of(on_failure_names[value]))) {
            return (on_failure)value;
        }
    }
    loglift_config_issue(config, "OnFailure", "expected keep, skip or drop, found %.*s", LOGLIFT_ARGS(name));
    return KEEP;
}

static void *configure(loglift_config *config) {
    key_value *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->source_key = loglift_config_text(config, "SourceKey", "content");
    self->pair_separator = loglift_config_text(config, "PairSeparator", " ");
    self->separator = loglift_config_text(config, "Separator", "=");
    self->quote = loglift_config_text(config, "Quote", "\"");
    self->prefix = loglift_config_text(config, "Prefix", "");
    self->keeps_source = loglift_config_bool(config, "KeepSource", false);
    self->on_failure = on_failure_of(config);

    if (self->pair_separator.len == 0) {
        loglift_config_issue(config, "PairSeparator", "must not be empty");
    }
    if (self->separator.len == 0) {
        loglift_config_issue(config, "Separator", "must not be empty");
    }
    if (self->separator.len > 0 && loglift_text_equal(self->separator, self->pair_separator)) {
        loglift_config_issue(config, "Separator", "must be another one than PairSeparator");
    }
    if (self->quote.len > 1) {
        loglift_config_issue(config, "Quote", "expected one character, or none for no quotes");
    }
    loglift_config_reads(config, self->source_key);
    return self;
}

/* ---- Splitting ---- */

static bool starts_with(loglift_text text, loglift_text part) {
    return part.len > 0 && loglift_text_equal(loglift_text_first(text, part.len), part);
}

/* Takes what is before `part`, or all, and leaves what comes after it. */
static loglift_text take_until(loglift_text *rest, loglift_text part) {
    size_t len = loglift_text_find(*rest, part);
    loglift_text taken = loglift_text_first(*rest, len);
    *rest = len == SIZE_MAX ? (loglift_text){rest->data + rest->len, 0} : loglift_text_after(*rest, len + part.len);
    return taken;
}

/* Where the quote is that ends a value, which a backslash would take its meaning from; or SIZE_MAX. */
static size_t closing_quote(loglift_text text, loglift_text quote, bool *has_escapes) {
    size_t found = loglift_text_find(text, quote);
    *has_escapes = loglift_text_find(loglift_text_first(text, found), LOGLIFT_TEXT("\\")) != SIZE_MAX;
    if (!*has_escapes) {
        return found;
    }
    for (size_t at = 0; at < text.len; at++) {
        if (text.data[at] == quote.data[0]) {
            return at;
        }
        at += text.data[at] == '\\';
    }
    return SIZE_MAX;
}

/* A value without the backslashes before quotes and backslashes. */
static loglift_text unescaped(loglift_text text, char quote) {
    char *copy = loglift_alloc(text.len);
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        bool is_escape =
            text.data[at] == '\\' && at + 1 < text.len && (text.data[at + 1] == quote || text.data[at + 1] == '\\');
        at += is_escape;
        copy[len++] = text.data[at];
    }
    return (loglift_text){copy, len};
}

/* Takes a value that begins with a quote. Returns whether it also ends with one, with nothing behind it. */
static bool take_quoted(const key_value *self, loglift_text *rest, loglift_text *value) {
    bool has_escapes;
    loglift_text inner = loglift_text_after(*rest, 1);
    size_t len = closing_quote(inner, self->quote, &has_escapes);
    if (len == SIZE_MAX) {
        return false;
    }
    loglift_text behind = loglift_text_after(inner, len + 1);
    if (behind.len > 0 && !starts_with(behind, self->pair_separator)) {
        return false;
    }
    *value = loglift_text_first(inner, len);
    if (has_escapes) {
        *value = unescaped(*value, self->quote.data[0]);
    }
    *rest = loglift_text_after(behind, self->pair_separator.len);
    return true;
}

static loglift_key key_of(const key_value *self, loglift_changes *changes, loglift_text name) {
    if (self->prefix.len == 0) {
        return loglift_changes_key(changes, name);
    }
    char *full = loglift_alloc(self->prefix.len + name.len);
    memcpy(full, self->prefix.data, self->prefix.len);
    memcpy(full + self->prefix.len, name.data, name.len);
    return loglift_changes_key(changes, (loglift_text){full, self->prefix.len + name.len});
}

/* Adds a field, in place of one of the same name: the last value counts. */
static bool add(line *line, loglift_key key, loglift_text value) {
    size_t place = 0;
    while (place < line->len && line->pairs[place].key != key) {
        place += 1;
    }
    if (place == MOST_PAIRS) {
        return false;
    }
    line->len += place == line->len;
    line->pairs[place] = (pair){key, value};
    return true;
}

static void fail(line *line, const char *failure, loglift_text piece) {
    if (line->failure == NULL) {
        line->failure = failure;
        line->failed_piece = piece;
    }
}

/* Splits all of a line, and notes the first piece that is no pair. */
static void split(const key_value *self, loglift_changes *changes, line *line) {
    while (line->rest.len > 0) {
        loglift_text rest = line->rest;
        loglift_text piece = take_until(&line->rest, self->pair_separator);
        size_t name_len = loglift_text_find(piece, self->separator);
        if (piece.len == 0) {
            continue;
        }
        if (name_len == SIZE_MAX || name_len == 0) {
            fail(line, name_len == 0 ? "no name before the separator" : "no separator", piece);
            continue;
        }
        loglift_text value = loglift_text_after(piece, name_len + self->separator.len);
        if (starts_with(value, self->quote)) {
            loglift_text quoted = loglift_text_after(rest, name_len + self->separator.len);
            if (!take_quoted(self, &quoted, &value)) {
                fail(line, "no quote at the end of the value", piece);
                continue;
            }
            line->rest = quoted;
        }
        if (!add(line, key_of(self, changes, loglift_text_first(piece, name_len)), value)) {
            fail(line, "more than 256 pairs", piece);
            return;
        }
    }
}

static const char *process(void *data, const loglift_batch *batch, loglift_changes *changes) {
    const key_value *self = data;
    const loglift_key source = loglift_batch_key(batch, self->source_key);
    line *line = loglift_alloc(sizeof *line);

    LOGLIFT_EACH(event, batch) {
        line->len = 0;
        line->failure = NULL;
        if (!loglift_event_value(&event, source, &line->rest)) {
            loglift_changes_outcome(changes, &event, LOGLIFT_KEY_NOT_FOUND);
            continue;
        }
        split(self, changes, line);
        if (line->failure != NULL) {
            loglift_changes_outcome(changes, &event, LOGLIFT_FAILED);
            loglift_text piece = loglift_excerpt(line->failed_piece);
            loglift_changes_alarm(changes, &event, "KEY_VALUE_ALARM", "%s: %.*s", line->failure, LOGLIFT_ARGS(piece));
            if (self->on_failure == DROP) {
                loglift_changes_discard(changes, &event);
                loglift_changes_count(changes, "key_value_dropped_total", 1);
            }
            if (self->on_failure != SKIP) {
                continue;
            }
        }
        bool replaces_source = false;
        for (size_t place = 0; place < line->len; place++) {
            replaces_source |= line->pairs[place].key == source;
            loglift_changes_set(changes, &event, line->pairs[place].key, line->pairs[place].value);
        }
        /* A line without a pair would leave nothing. */
        if (!self->keeps_source && !replaces_source && line->failure == NULL && line->len > 0) {
            loglift_changes_remove(changes, &event, source);
        }
    }
    return NULL;
}

const loglift_processor loglift_exported = {
    .name = "processor_key_value",
    .version = "0.1.0",
    .summary = "Splits name=value pairs into fields.",
    .config_schema =
        "{"
        "\"type\": \"object\","
        "\"properties\": {"
        "\"SourceKey\": {\"type\": \"string\", \"minLength\": 1, \"description\": \"The field to split.\"},"
        "\"PairSeparator\": {\"type\": \"string\", \"minLength\": 1, \"description\": \"What stands between pairs.\"},"
        "\"Separator\": {\"type\": \"string\", \"minLength\": 1, \"description\": \"What stands between name and "
        "value.\"},"
        "\"Quote\": {\"type\": \"string\", \"description\": \"What a value may stand in; empty: no quotes.\"},"
        "\"Prefix\": {\"type\": \"string\", \"description\": \"What the names of new fields begin with.\"},"
        "\"KeepSource\": {\"type\": \"boolean\", \"description\": \"Whether the field stays when it was split.\"},"
        "\"OnFailure\": {\"type\": \"string\", \"enum\": [\"keep\", \"skip\", \"drop\"],"
        "\"description\": \"What becomes of a line with a piece that is no pair: it stays as it is, is split without "
        "that "
        "piece, or is dropped.\"}"
        "}}",
    .configure = configure,
    .process = process,
};
