/* What the author of a Loglift processor in C depends on.
 *
 * A processor is configured once and then handed one batch of log events after the other. It looks at events through
 * views that copy nothing and says what changes; what it does not mention stays as it is. The program defines one
 * constant:
 *
 *     const loglift_processor loglift_exported = {
 *         .name = "processor_measure",
 *         .version = "0.1.0",
 *         .summary = "Adds the length of a field.",
 *         .config_schema = "{\"type\": \"object\", \"properties\": {\"SourceKey\": {\"type\": \"string\"}}}",
 *         .configure = configure,
 *         .process = process,
 *     };
 *
 * Memory. What a batch holds, what loglift_alloc returns and what is formatted for an alarm is one block that is used
 * again for the next call: nothing of it is freed one by one, and nothing of it may be kept. What configure keeps, it
 * allocates with malloc; texts and lists of the configuration stay as long as the processor.
 *
 * Text. Log lines hold any bytes, also zeros, and do not end with one: a loglift_text has a length. */
#ifndef LOGLIFT_H
#define LOGLIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define LOGLIFT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LOGLIFT_PRINTF(text, first)
#endif

/* Formats know %s, %.*s, %c, %d, %i, %u, %x and %%, with l, ll and z. What is not UTF-8 in a message is shown as
 * U+FFFD. */

/* Bytes, not necessarily UTF-8, that somebody else owns. */
typedef struct loglift_text {
    const char *data;
    size_t len;
} loglift_text;

/* The text of a string literal. */
#define LOGLIFT_TEXT(literal) ((loglift_text){(literal), sizeof(literal) - 1})

/* The two arguments that the conversion %.*s takes. */
#define LOGLIFT_ARGS(text) (int)(text).len, (text).data

loglift_text loglift_text_of(const char *string);
bool loglift_text_equal(loglift_text one, loglift_text other);

/* Where `part` begins in `text`, or SIZE_MAX. */
size_t loglift_text_find(loglift_text text, loglift_text part);

/* The first so many bytes, and what comes after them. */
loglift_text loglift_text_first(loglift_text text, size_t len);
loglift_text loglift_text_after(loglift_text text, size_t len);

/* A value as an alarm shows it: cut to 256 bytes. */
loglift_text loglift_excerpt(loglift_text value);

/* ---- Events ---- */

/* Byte ranges of the arena: offset, length, offset, length, ... */
typedef struct loglift_spans {
    const uint32_t *data;
    size_t len;
} loglift_spans;

/* Events of one source in read order; one event or more. The members are the columns of the contract,
 * wit/processor.wit; most processors need none of them. */
typedef struct loglift_batch {
    loglift_text arena;
    struct {
        const int64_t *data;
        size_t len;
    } seconds;
    struct {
        const uint32_t *data;
        size_t len;
    } nanoseconds;
    loglift_spans names;
    struct {
        const uint32_t *data;
        size_t len;
    } field_counts;
    struct {
        const uint32_t *data;
        size_t len;
    } keys;
    loglift_spans values;
    loglift_spans tag_names;
    loglift_spans tag_values;
    int64_t read_seconds; /* when the host read these events, in Unix seconds: the only clock that a processor needs */
} loglift_batch;

/* One event of a batch. */
typedef struct loglift_event {
    const loglift_batch *batch;
    uint32_t index; /* its place in the batch */
    uint32_t first_field;
    uint32_t field_count;
} loglift_event;

/* A field name, as an index into the dictionary of a batch. */
typedef uint32_t loglift_key;

/* The key of a name that no event of the batch has. */
#define LOGLIFT_NO_KEY UINT32_MAX

/* Goes through the events of a batch: LOGLIFT_EACH(event, batch) { ... } */
#define LOGLIFT_EACH(event, of_batch) \
    for (loglift_event event = {(of_batch), UINT32_MAX, 0, 0}; loglift_event_next(&event);)

/* Goes on to the next event, if there is one. */
bool loglift_event_next(loglift_event *event);

size_t loglift_batch_len(const loglift_batch *batch);

/* The key of a field name, or LOGLIFT_NO_KEY. */
loglift_key loglift_batch_key(const loglift_batch *batch, loglift_text name);

/* The name of a key of this batch. */
loglift_text loglift_batch_name(const loglift_batch *batch, loglift_key key);

/* The value of a tag, which belongs to the batch as a whole, such as the path. Returns whether there is one. */
bool loglift_batch_tag(const loglift_batch *batch, loglift_text name, loglift_text *value);

/* The value of a field. Returns whether the event has it. */
bool loglift_event_value(const loglift_event *event, loglift_key key, loglift_text *value);

/* Key and value of a field by its place, which is below field_count. */
loglift_text loglift_event_field(const loglift_event *event, uint32_t place, loglift_key *key);

/* Unix seconds, and nanoseconds below a second. */
int64_t loglift_event_time(const loglift_event *event, uint32_t *nanoseconds);

/* ---- Changes ---- */

/* What changes in a batch. What is not mentioned stays. */
typedef struct loglift_changes loglift_changes;

/* What became of one event, as the agent counts it. Without a word it is successful. */
typedef enum loglift_outcome {
    LOGLIFT_SUCCESSFUL = 0,
    LOGLIFT_FAILED = 1,        /* it could not be processed */
    LOGLIFT_KEY_NOT_FOUND = 2, /* it lacks the field to work on */
    LOGLIFT_DISCARDED = 3,     /* it is dropped, on purpose */
} loglift_outcome;

/* The key of a field name, which joins the dictionary if it is new. */
loglift_key loglift_changes_key(loglift_changes *changes, loglift_text name);

/* Sets a field of an event: in place if the event has it, else at its end. At most once for a field of an event. A
 * value that is part of the batch costs nothing; any other is copied. */
void loglift_changes_set(loglift_changes *changes, const loglift_event *event, loglift_key key, loglift_text value);

/* Removes a field of one event, if it has it. */
void loglift_changes_remove(loglift_changes *changes, const loglift_event *event, loglift_key key);

/* Renames or removes a field in every event, at the cost of one entry of the dictionary. No event may have a field of
 * the new name already: to put a value onto a name that is in use, set it. */
void loglift_changes_rename(loglift_changes *changes, loglift_key key, loglift_text name);
void loglift_changes_remove_everywhere(loglift_changes *changes, loglift_key key);

/* Sets the time of an event: Unix seconds, and nanoseconds below 1000000000. */
void loglift_changes_set_time(
    loglift_changes *changes, const loglift_event *event, int64_t seconds, uint32_t nanoseconds
);

/* Drops an event. */
void loglift_changes_discard(loglift_changes *changes, const loglift_event *event);

/* Says what became of an event. */
void loglift_changes_outcome(loglift_changes *changes, const loglift_event *event, loglift_outcome outcome);

/* Reports something that a person should hear of: a kind in capitals, such as KEY_VALUE_ALARM, and one line. Show
 * values by loglift_excerpt; their ends of lines become spaces. After a few alarms of one kind in a batch the further
 * ones are only counted. */
void loglift_changes_alarm(
    loglift_changes *changes, const loglift_event *event, const char *kind, const char *format, ...
) LOGLIFT_PRINTF(4, 5);

/* Adds to a counter of the processor's own, such as history_failure_total. */
void loglift_changes_count(loglift_changes *changes, const char *counter, uint64_t amount);

/* Memory until the current call is over, aligned for anything. Never null: without memory, the processor ends. */
void *loglift_alloc(size_t size);

/* ---- Configuration ---- */

/* The processor's entry in a pipeline config, and what is said of it. The agent has checked it against the schema
 * before. */
typedef struct loglift_config loglift_config;

/* The value of a parameter, or what is usual if it is missing. One of the wrong type is an issue. */
loglift_text loglift_config_text(loglift_config *config, const char *key, const char *usual);
bool loglift_config_bool(loglift_config *config, const char *key, bool usual);
double loglift_config_number(loglift_config *config, const char *key, double usual);

/* A list of texts, of `*len`; none if it is missing. */
const loglift_text *loglift_config_texts(loglift_config *config, const char *key, size_t *len);

/* Whether a parameter is there. */
bool loglift_config_has(const loglift_config *config, const char *key);

/* Reports a mistake: a parameter, such as Keys[2], or "" for the configuration as a whole; what is wrong and what would
 * be right. With an issue, the processor is not configured, whatever configure returns. */
void loglift_config_issue(loglift_config *config, const char *path, const char *format, ...) LOGLIFT_PRINTF(3, 4);

/* What a person should know about the configuration though it is valid. */
void loglift_config_warning(loglift_config *config, const char *path, const char *format, ...) LOGLIFT_PRINTF(3, 4);

/* A fact that `loglift validate` shows. */
void loglift_config_note(loglift_config *config, const char *format, ...) LOGLIFT_PRINTF(2, 3);

/* Names a field that the processor looks at. Its batches then hold none but those, which makes them cheaper; events
 * still keep the rest. Without a call: all fields. */
void loglift_config_reads(loglift_config *config, loglift_text name);

/* The time zone of the machine: a name for loglift_zone. */
loglift_text loglift_config_machine_zone(const loglift_config *config);

/* The data of a time zone in TZif form (RFC 8536), which stays until configure returns. Returns whether the agent knows
 * it. */
bool loglift_zone(loglift_text name, loglift_text *data);

/* ---- The processor ---- */

typedef struct loglift_processor {
    const char *name;          /* the type under which pipeline configs name it */
    const char *version;       /* its own */
    const char *summary;       /* what it does, in one line */
    const char *config_schema; /* a JSON Schema of its parameters */

    /* Prepares for work, and returns what process gets as `self`. Null or an issue: the configuration is wrong. */
    void *(*configure)(loglift_config *config);

    /* Looks at one batch. Batches of one source arrive in read order. Returns null, or a message when no event of the
     * batch could be processed; the events then go on as they were, marked with it. */
    const char *(*process)(void *self, const loglift_batch *batch, loglift_changes *changes);

    /* Only for processors that remember something from batch to batch, which are compiled with -DLOGLIFT_STATEFUL: what
     * is remembered, and going on with what another version saved. The latter returns null, or why it cannot. */
    loglift_text (*save)(void *self);
    const char *(*restore)(void *self, loglift_text from_version, loglift_text saved);
} loglift_processor;

/* What the program defines. */
extern const loglift_processor loglift_exported;

/* How much a log line matters. */
typedef enum loglift_level {
    LOGLIFT_DEBUG = 0,
    LOGLIFT_INFO = 1,
    LOGLIFT_WARN = 2,
    LOGLIFT_ERROR = 3,
} loglift_level;

/* Writes one line to the agent's log, under the processor's name. In unit tests, to standard error. */
void loglift_log(loglift_level level, const char *format, ...) LOGLIFT_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
