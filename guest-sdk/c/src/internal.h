/* What the files of the library share. Structs that cross the boundary have the layout of the canonical ABI, which is
 * that of C: a list is a pointer and a length, a variant begins with one byte that says which case it is. */
#ifndef LOGLIFT_INTERNAL_H
#define LOGLIFT_INTERNAL_H

#include <stdarg.h>

#include "loglift.h"

/* A list of anything. */
typedef struct list {
    const void *data;
    size_t len;
} list;

typedef struct option {
    uint8_t is_some;
    list value;
} option;

typedef struct count {
    loglift_text name;
    uint64_t amount;
} count;

typedef struct alarm {
    uint8_t has_event;
    uint32_t event;
    loglift_text kind;
    loglift_text message;
    uint32_t occurrences;
} alarm;

typedef struct answer {
    list appended;
    option names;
    option origins;
    option through;
    option seconds;
    option nanoseconds;
    struct {
        uint8_t tag; /* 0 unchanged, 1 edits, 2 rows */
        list events;
        list keys;
        list values;
    } fields;
    struct {
        uint8_t is_some;
        list names;
        list values;
    } tags;
    option outcomes;
    list counts;
    list alarms;
} answer;

/* result<answer, string> */
typedef struct answer_result {
    uint8_t is_error;
    union {
        answer ok;
        loglift_text error;
    } value;
} answer_result;

typedef struct issue {
    loglift_text path;
    loglift_text message;
} issue;

/* result<setup, list<issue>> */
typedef struct setup_result {
    uint8_t is_error;
    union {
        struct {
            option reads;
            list warnings;
            list notes;
        } ok;
        list error;
    } value;
} setup_result;

typedef struct description {
    loglift_text name, version, summary, config_schema;
} description;

/* result<_, string> */
typedef struct done_result {
    uint8_t is_error;
    loglift_text error;
} done_result;

/* A vector in the memory of the call. */
typedef struct vector {
    char *data;
    size_t len;      /* in entries */
    size_t capacity; /* in entries */
} vector;

/* Room for `count` more entries of `size` bytes, which count as there. */
void *vector_add(vector *vector, size_t count, size_t size);

list vector_list(const vector *vector);
option vector_option(const vector *vector);

/* A message, which is valid UTF-8 whatever is in it. */
loglift_text format_text(const char *format, va_list arguments);

/* A text as the contract wants a string: every byte that is part of no character becomes U+FFFD. */
loglift_text valid_utf8(loglift_text text);

/* Has all memory of the call used again. */
void arena_reset(void);

/* What the four exported functions do. */
const description *describe(void);
const setup_result *configure(loglift_text config, loglift_text zone);
const answer_result *process(const loglift_batch *batch);

/* The parts of them. */
loglift_changes *changes_begin(const loglift_batch *batch);
void changes_finish(loglift_changes *changes, answer *answer);

/* JSON, parsed into memory that stays. */
typedef enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

typedef struct json {
    json_kind kind;
    bool boolean;
    double number;
    loglift_text text;
    size_t len; /* of an array or an object */
    struct json *values;
    loglift_text *keys; /* of an object */
} json;

/* Returns null, or what is wrong with the text. */
const char *json_parse(loglift_text text, json *value);
const json *json_get(const json *object, const char *key);

struct loglift_config {
    json root;
    loglift_text machine_zone;
    vector issues;
    vector warnings;
    vector notes;
    vector reads;
};

#endif
