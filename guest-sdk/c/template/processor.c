/* Finds the level of a line, such as ERROR, and gives it a field of its own. */
#include <loglift.h>
#include <stdlib.h>

typedef struct processor {
    loglift_text source;
    loglift_text target;
} processor;

static void *configure(loglift_config *config) {
    processor *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->source = loglift_config_text(config, "SourceKey", "content");
    self->target = loglift_config_text(config, "TargetKey", "level");
    if (loglift_text_equal(self->source, self->target)) {
        loglift_config_issue(config, "TargetKey", "must not be the field that is looked at");
    }
    /* Batches then hold these fields only, which makes them cheaper. */
    loglift_config_reads(config, self->source);
    loglift_config_reads(config, self->target);
    return self;
}

static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

static bool is_level(loglift_text word) {
    for (size_t index = 0; index < sizeof levels / sizeof *levels; index++) {
        if (loglift_text_equal(word, loglift_text_of(levels[index]))) {
            return true;
        }
    }
    return false;
}

static bool is_word(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* The first word of a line that is a level. */
static bool find_level(loglift_text line, loglift_text *level) {
    for (size_t at = 0; at < line.len; at++) {
        size_t start = at;
        while (at < line.len && is_word(line.data[at])) {
            at += 1;
        }
        *level = loglift_text_first(loglift_text_after(line, start), at - start);
        if (is_level(*level)) {
            return true;
        }
    }
    return false;
}

static const char *process(void *data, const loglift_batch *batch, loglift_changes *changes) {
    const processor *self = data;
    const loglift_key source = loglift_batch_key(batch, self->source);
    const loglift_key target = loglift_changes_key(changes, self->target);

    LOGLIFT_EACH(event, batch) {
        loglift_text line, level;
        if (!loglift_event_value(&event, source, &line)) {
            continue;
        }
        if (find_level(line, &level)) {
            loglift_changes_set(changes, &event, target, level);
        } else {
            loglift_changes_outcome(changes, &event, LOGLIFT_KEY_NOT_FOUND);
        }
    }
    return NULL;
}

const loglift_processor loglift_exported = {
    .name = "processor___SNAKE__",
    .version = "0.1.0",
    .summary = "Finds the level of a line and gives it a field of its own.",
    /* The agent checks configs against this, and says in which line of its file a mistake is. */
    .config_schema = "{"
                     "\"type\": \"object\","
                     "\"properties\": {"
                     "\"SourceKey\": {\"type\": \"string\", \"minLength\": 1, \"description\": \"The field to look at. "
                     "Default: content.\"},"
                     "\"TargetKey\": {\"type\": \"string\", \"minLength\": 1,"
                     " \"description\": \"The field that gets the level. Default: level.\"}"
                     "}}",
    .configure = configure,
    .process = process,
};
