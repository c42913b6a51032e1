/* Plays the agent: lends a batch, and applies the answer to it. */
#include "loglift_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/internal.h"

enum { MOST_FIELDS = 256 };

/* An event as it comes out. */
typedef struct event_out {
    size_t len;
    loglift_text names[MOST_FIELDS];
    loglift_text values[MOST_FIELDS];
} event_out;

/* A vector that stays; those of the library end with the call. */
typedef struct column {
    char *data;
    size_t len; /* in bytes */
} column;

struct loglift_test {
    column arena, seconds, nanoseconds, names, counts, keys, values; /* the batch to come */
    event_out *events;
    size_t event_count;
    size_t next;
    const uint8_t *outcomes; /* null: all are successful */
    column alarms;           /* texts */
    column counters;         /* counts */
};

static int checks, failures;

static void check(bool holds, const char *file, int line, const char *format, ...) {
    checks += 1;
    if (holds) {
        return;
    }
    failures += 1;
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%d: ", file, line);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

static void *put(column *column, const void *bytes, size_t len) {
    column->data = realloc(column->data, column->len + len + 1);
    if (column->data == NULL) {
        abort();
    }
    column->len += len;
    return len == 0 ? NULL : memcpy(column->data + column->len - len, bytes, len);
}

static void put_number(column *column, uint32_t number) {
    put(column, &number, sizeof number);
}

static void put_text(loglift_test *test, column *spans, const char *text) {
    put_number(spans, (uint32_t)test->arena.len);
    put_number(spans, (uint32_t)strlen(text));
    put(&test->arena, text, strlen(text));
}

static loglift_text kept(loglift_text text) {
    char *data = malloc(text.len + 1);
    if (data == NULL) {
        abort();
    }
    if (text.len > 0) {
        memcpy(data, text.data, text.len);
    }
    return (loglift_text){data, text.len};
}

static const uint32_t *numbers(const column *column) {
    return (const uint32_t *)(const void *)column->data;
}

/* ---- Configuration ---- */

static const setup_result *configured(const char *config) {
    return configure(loglift_text_of(config), LOGLIFT_TEXT("UTC"));
}

loglift_test *loglift_test_configure_at(const char *file, int line, const char *config) {
    const setup_result *setup = configured(config);
    if (setup->is_error) {
        const issue *issue = setup->value.error.data;
        check(false, file, line, "is refused: %.*s: %.*s", LOGLIFT_ARGS(issue->path), LOGLIFT_ARGS(issue->message));
        exit(loglift_test_result());
    }
    arena_reset();
    return calloc(1, sizeof(loglift_test));
}

void loglift_test_refuses_at(const char *file, int line, const char *config, const char *path, const char *part) {
    const setup_result *setup = configured(config);
    bool is_found = false;
    for (size_t index = 0; setup->is_error && index < setup->value.error.len; index++) {
        const issue *issue = &((const struct issue *)setup->value.error.data)[index];
        bool is_there = loglift_text_equal(issue->path, loglift_text_of(path)) &&
                        loglift_text_find(issue->message, loglift_text_of(part)) != SIZE_MAX;
        is_found |= is_there;
        if (!is_there) {
            printf("  an issue at %.*s: %.*s\n", LOGLIFT_ARGS(issue->path), LOGLIFT_ARGS(issue->message));
        }
    }
    check(
        is_found, file, line, setup->is_error ? "no issue at %s with: %s" : "is accepted, without an issue at %s: %s",
        path, part
    );
    arena_reset();
}

/* ---- In ---- */

static uint32_t key_of(loglift_test *test, const char *name) {
    for (uint32_t key = 0; key < test->names.len / 8; key++) {
        const uint32_t *span = numbers(&test->names) + 2 * key;
        if (span[1] == strlen(name) && memcmp(test->arena.data + span[0], name, span[1]) == 0) {
            return key;
        }
    }
    put_text(test, &test->names, name);
    return (uint32_t)(test->names.len / 8 - 1);
}

void loglift_test_event_of(loglift_test *test, ...) {
    int64_t second = 0;
    uint32_t fields = 0;
    va_list arguments;
    va_start(arguments, test);
    for (const char *name; (name = va_arg(arguments, const char *)) != NULL; fields++) {
        put_number(&test->keys, key_of(test, name));
        put_text(test, &test->values, va_arg(arguments, const char *));
    }
    va_end(arguments);
    put(&test->seconds, &second, sizeof second);
    put_number(&test->nanoseconds, 0);
    put_number(&test->counts, fields);
}

/* ---- Out ---- */

static void event_remove(event_out *event, size_t place) {
    event->len -= 1;
    memmove(&event->names[place], &event->names[place + 1], (event->len - place) * sizeof(loglift_text));
    memmove(&event->values[place], &event->values[place + 1], (event->len - place) * sizeof(loglift_text));
}

typedef struct applied {
    const loglift_batch *batch;
    const answer *answer;
    size_t fields_before; /* of the events before */
    size_t edit;          /* the next one */
} applied;

static loglift_text text_of(const applied *applied, const uint32_t *spans, size_t index) {
    size_t offset = spans[2 * index];
    size_t lent = applied->batch->arena.len;
    const char *appended = applied->answer->appended.data;
    const char *data = offset < lent ? applied->batch->arena.data + offset : appended + (offset - lent);
    return (loglift_text){data, spans[2 * index + 1]};
}

/* The fields of an event after its edits, with their keys first and their names in the end. */
static void apply(applied *applied, event_out *event, uint32_t origin, uint32_t place) {
    const loglift_batch *batch = applied->batch;
    const answer *answer = applied->answer;
    uint32_t keys[MOST_FIELDS];
    for (uint32_t field = 0; field < batch->field_counts.data[origin]; field++, event->len++) {
        keys[event->len] = batch->keys.data[applied->fields_before + field];
        event->values[event->len] = text_of(applied, batch->values.data, applied->fields_before + field);
    }
    const uint32_t *events = answer->fields.events.data, *edited = answer->fields.keys.data;
    const uint32_t *values = answer->fields.values.data;
    for (; applied->edit < answer->fields.events.len && events[applied->edit] == place; applied->edit++) {
        size_t field = 0;
        while (field < event->len && keys[field] != edited[applied->edit]) {
            field += 1;
        }
        if (values[2 * applied->edit] != UINT32_MAX) {
            keys[field] = edited[applied->edit];
            event->values[field] = text_of(applied, values, applied->edit);
            event->len += field == event->len;
        } else if (field < event->len) {
            event_remove(event, field);
            memmove(&keys[field], &keys[field + 1], (event->len - field) * sizeof *keys);
        }
    }
    const uint32_t *names = answer->names.is_some ? answer->names.value.data : batch->names.data;
    size_t left = 0;
    for (size_t field = 0; field < event->len; field++) {
        if (names[2 * keys[field]] != UINT32_MAX) {
            event->names[left] = kept(text_of(applied, names, keys[field]));
            event->values[left++] = kept(event->values[field]);
        }
    }
    event->len = left;
}

static void keep_answer(loglift_test *test, const loglift_batch *batch, const answer *answer) {
    applied applied = {batch, answer, 0, 0};
    const uint32_t *origins = answer->origins.value.data;
    size_t events = batch->seconds.len;
    test->event_count = answer->origins.is_some ? answer->origins.value.len : events;
    test->events = calloc(test->event_count + 1, sizeof *test->events);
    uint32_t place = 0;
    for (uint32_t index = 0; index < events && place < test->event_count; index++) {
        if (!answer->origins.is_some || origins[place] == index) {
            apply(&applied, &test->events[place], index, place);
            place += 1;
        }
        applied.fields_before += batch->field_counts.data[index];
    }
    if (answer->outcomes.is_some) {
        test->outcomes = (const uint8_t *)kept((loglift_text){answer->outcomes.value.data, events}).data;
    }
    const alarm *alarms = answer->alarms.data;
    for (size_t index = 0; index < answer->alarms.len; index++) {
        loglift_text message = kept(alarms[index].message);
        put(&test->alarms, &message, sizeof message);
    }
    const count *counts = answer->counts.data;
    for (size_t index = 0; index < answer->counts.len; index++) {
        count copy = {kept(counts[index].name), counts[index].amount};
        put(&test->counters, &copy, sizeof copy);
    }
}

void loglift_test_process_at(const char *file, int line, loglift_test *test) {
    size_t events = test->seconds.len / sizeof(int64_t);
    /* At an address of its own, so that a text of the program is not taken for one of the batch. */
    loglift_batch batch = {
        .arena = {test->arena.data, test->arena.len},
        .seconds = {(const int64_t *)(const void *)test->seconds.data, events},
        .nanoseconds = {numbers(&test->nanoseconds), events},
        .names = {numbers(&test->names), test->names.len / 4},
        .field_counts = {numbers(&test->counts), events},
        .keys = {numbers(&test->keys), test->keys.len / 4},
        .values = {numbers(&test->values), test->values.len / 4},
    };
    const answer_result *result = process(&batch);
    *test = (loglift_test){0};
    if (result->is_error) {
        check(false, file, line, "the batch is refused: %.*s", LOGLIFT_ARGS(result->value.error));
    } else {
        keep_answer(test, &batch, &result->value.ok);
    }
    arena_reset();
}

/* ---- What is expected ---- */

static void print_event(const event_out *event) {
    for (size_t field = 0; field < event->len; field++) {
        printf("  %.*s: %.*s\n", LOGLIFT_ARGS(event->names[field]), LOGLIFT_ARGS(event->values[field]));
    }
}

void loglift_test_expect_of(const char *file, int line, loglift_test *test, ...) {
    if (test->next == test->event_count) {
        check(false, file, line, "no event came out any more, but %zu", test->event_count);
        return;
    }
    const event_out *event = &test->events[test->next++];
    size_t field = 0;
    bool is_equal = true;
    va_list arguments;
    va_start(arguments, test);
    for (const char *name; (name = va_arg(arguments, const char *)) != NULL; field++) {
        const char *value = va_arg(arguments, const char *);
        is_equal = is_equal && field < event->len && loglift_text_equal(event->names[field], loglift_text_of(name)) &&
                   loglift_text_equal(event->values[field], loglift_text_of(value));
    }
    va_end(arguments);
    is_equal = is_equal && field == event->len;
    check(is_equal, file, line, "event %zu is another one:", test->next - 1);
    if (!is_equal) {
        print_event(event);
    }
}

void loglift_test_expect_last_at(const char *file, int line, loglift_test *test, const char *name, const char *value) {
    const event_out *event = test->next < test->event_count ? &test->events[test->next++] : NULL;
    bool is_equal = event != NULL && event->len > 0 &&
                    loglift_text_equal(event->names[event->len - 1], loglift_text_of(name)) &&
                    loglift_text_equal(event->values[event->len - 1], loglift_text_of(value));
    check(is_equal, file, line, "the last field is not %s: %s", name, value);
}

void loglift_test_expect_end_at(const char *file, int line, loglift_test *test) {
    check(test->next == test->event_count, file, line, "%zu more came out", test->event_count - test->next);
}

void loglift_test_expect_outcome_at(
    const char *file, int line, const loglift_test *test, size_t event, loglift_outcome outcome
) {
    loglift_outcome found = test->outcomes == NULL ? LOGLIFT_SUCCESSFUL : (loglift_outcome)test->outcomes[event];
    check(found == outcome, file, line, "the outcome of event %zu is %d, not %d", event, found, outcome);
}

void loglift_test_expect_alarm_at(const char *file, int line, const loglift_test *test, const char *part) {
    const loglift_text *alarms = (const loglift_text *)(const void *)test->alarms.data;
    size_t len = test->alarms.len / sizeof *alarms;
    bool is_found = false;
    for (size_t index = 0; index < len; index++) {
        is_found |= part != NULL && loglift_text_find(alarms[index], loglift_text_of(part)) != SIZE_MAX;
    }
    check(part == NULL ? len == 0 : is_found, file, line, "not the alarms that are expected:");
    for (size_t index = 0; index < len && is_found == (part == NULL); index++) {
        printf("  %.*s\n", LOGLIFT_ARGS(alarms[index]));
    }
}

void loglift_test_expect_count_at(
    const char *file, int line, const loglift_test *test, const char *counter, uint64_t amount
) {
    const count *counts = (const count *)(const void *)test->counters.data;
    uint64_t found = 0;
    for (size_t index = 0; index < test->counters.len / sizeof *counts; index++) {
        if (loglift_text_equal(counts[index].name, loglift_text_of(counter))) {
            found = counts[index].amount;
        }
    }
    check(
        found == amount, file, line, "%s is %llu, not %llu", counter, (unsigned long long)found,
        (unsigned long long)amount
    );
}

int loglift_test_result(void) {
    printf("%d checks, %d failed\n", checks, failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
