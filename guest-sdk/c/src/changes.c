/* What a processor says of a batch, gathered into the answer of the contract. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* One field to set or to remove. */
typedef struct edit {
    uint32_t event;
    loglift_key key;
    uint32_t offset;
    uint32_t len;
} edit;

struct loglift_changes {
    const loglift_batch *batch;
    vector appended; /* char */
    vector names;    /* uint32_t: the dictionary of the batch, perhaps changed, then new names. Empty: it stands. */
    /* A hash table of names: a key and one, or zero for an empty slot. */
    uint32_t *slots;
    size_t slot_count;
    vector edits; /* edit */
    bool is_sorted;
    int64_t *seconds;
    uint32_t *nanoseconds;
    bool *discarded;
    uint8_t *outcomes;
    vector counts; /* count */
    vector alarms; /* alarm */
};

/* The offset that removes a field or a name. */
static const uint32_t removed = UINT32_MAX;

/* How many alarms of one kind a batch may have; the last stands for all that follow. */
enum { ALARMS_OF_A_KIND = 4 };

loglift_changes *changes_begin(const loglift_batch *batch) {
    loglift_changes *changes = loglift_alloc(sizeof *changes);
    memset(changes, 0, sizeof *changes);
    changes->batch = batch;
    changes->is_sorted = true;
    return changes;
}

/* ---- Bytes and names ---- */

typedef struct span {
    uint32_t offset;
    uint32_t len;
} span;

/* Where a text lies in the arena, at whose end it is put if it is not in it. */
static span span_of(loglift_changes *changes, loglift_text text) {
    const loglift_text arena = changes->batch->arena;
    uintptr_t start = (uintptr_t)arena.data, at = (uintptr_t)text.data;
    if (text.len == 0) {
        return (span){0, 0};
    }
    if (at >= start && at - start <= arena.len && text.len <= arena.len - (at - start)) {
        return (span){(uint32_t)(at - start), (uint32_t)text.len};
    }
    span place = {(uint32_t)(arena.len + changes->appended.len), (uint32_t)text.len};
    memcpy(vector_add(&changes->appended, text.len, 1), text.data, text.len);
    return place;
}

static loglift_text text_at(const loglift_changes *changes, span place) {
    const loglift_text arena = changes->batch->arena;
    bool is_new = place.offset >= arena.len && place.len > 0;
    const char *data = is_new ? changes->appended.data + (place.offset - arena.len) : arena.data + place.offset;
    return (loglift_text){data, place.len};
}

static span name_at(const loglift_changes *changes, loglift_key key) {
    const uint32_t *names = (const uint32_t *)(const void *)changes->names.data;
    return (span){names[2 * key], names[2 * key + 1]};
}

/* FNV-1a. */
static uint32_t hash(loglift_text text) {
    uint32_t hash = 0x811c9dc5;
    for (size_t index = 0; index < text.len; index++) {
        hash = (hash ^ (unsigned char)text.data[index]) * 0x01000193;
    }
    return hash;
}

static void remember(loglift_changes *changes, loglift_key key) {
    span place = name_at(changes, key);
    if (place.offset == removed) {
        return;
    }
    size_t slot = hash(text_at(changes, place)) & (changes->slot_count - 1);
    while (changes->slots[slot] != 0) {
        slot = (slot + 1) & (changes->slot_count - 1);
    }
    changes->slots[slot] = key + 1;
}

/* Makes a table with room for as many names again. */
static void remember_all(loglift_changes *changes) {
    size_t names = changes->names.len / 2;
    changes->slot_count = 64;
    while (changes->slot_count < 4 * names) {
        changes->slot_count *= 2;
    }
    changes->slots = loglift_alloc(changes->slot_count * sizeof *changes->slots);
    memset(changes->slots, 0, changes->slot_count * sizeof *changes->slots);
    for (loglift_key key = 0; key < names; key++) {
        remember(changes, key);
    }
}

static void load_names(loglift_changes *changes) {
    const loglift_spans names = changes->batch->names;
    if (changes->slots == NULL) {
        uint32_t *copy = vector_add(&changes->names, names.len, sizeof *copy);
        if (names.len > 0) {
            memcpy(copy, names.data, names.len * sizeof *copy);
        }
        remember_all(changes);
    }
}

loglift_key loglift_changes_key(loglift_changes *changes, loglift_text name) {
    load_names(changes);
    for (size_t slot = hash(name);; slot++) {
        uint32_t found = changes->slots[slot & (changes->slot_count - 1)];
        if (found == 0) {
            break;
        }
        span place = name_at(changes, found - 1);
        if (place.offset != removed && loglift_text_equal(text_at(changes, place), name)) {
            return found - 1;
        }
    }
    span place = span_of(changes, name);
    loglift_key key = (loglift_key)(changes->names.len / 2);
    memcpy(vector_add(&changes->names, 2, sizeof(uint32_t)), &place, sizeof place);
    if (2 * (key + 1) > changes->slot_count) {
        remember_all(changes);
    } else {
        remember(changes, key);
    }
    return key;
}

static void replace_name(loglift_changes *changes, loglift_key key, span place) {
    memcpy((uint32_t *)(void *)changes->names.data + 2 * key, &place, sizeof place);
    remember_all(changes);
}

void loglift_changes_rename(loglift_changes *changes, loglift_key key, loglift_text name) {
    load_names(changes);
    replace_name(changes, key, span_of(changes, name));
}

void loglift_changes_remove_everywhere(loglift_changes *changes, loglift_key key) {
    load_names(changes);
    replace_name(changes, key, (span){removed, 0});
}

/* ---- Events ---- */

static void add_edit(loglift_changes *changes, const loglift_event *event, loglift_key key, span value) {
    size_t before = changes->edits.len;
    edit *new = vector_add(&changes->edits, 1, sizeof *new);
    *new = (edit){event->index, key, value.offset, value.len};
    changes->is_sorted &= before == 0 || new[-1].event <= event->index;
}

void loglift_changes_set(loglift_changes *changes, const loglift_event *event, loglift_key key, loglift_text value) {
    add_edit(changes, event, key, span_of(changes, value));
}

void loglift_changes_remove(loglift_changes *changes, const loglift_event *event, loglift_key key) {
    add_edit(changes, event, key, (span){removed, 0});
}

void loglift_changes_set_time(
    loglift_changes *changes, const loglift_event *event, int64_t seconds, uint32_t nanoseconds
) {
    const loglift_batch *batch = changes->batch;
    if (changes->seconds == NULL) {
        changes->seconds = loglift_alloc(batch->seconds.len * sizeof *changes->seconds);
        changes->nanoseconds = loglift_alloc(batch->seconds.len * sizeof *changes->nanoseconds);
        memcpy(changes->seconds, batch->seconds.data, batch->seconds.len * sizeof *changes->seconds);
        memcpy(changes->nanoseconds, batch->nanoseconds.data, batch->seconds.len * sizeof *changes->nanoseconds);
    }
    changes->seconds[event->index] = seconds;
    changes->nanoseconds[event->index] = nanoseconds;
}

void loglift_changes_outcome(loglift_changes *changes, const loglift_event *event, loglift_outcome outcome) {
    size_t events = changes->batch->seconds.len;
    if (changes->outcomes == NULL) {
        changes->outcomes = loglift_alloc(events);
        memset(changes->outcomes, LOGLIFT_SUCCESSFUL, events);
    }
    changes->outcomes[event->index] = (uint8_t)outcome;
}

void loglift_changes_discard(loglift_changes *changes, const loglift_event *event) {
    size_t events = changes->batch->seconds.len;
    if (changes->discarded == NULL) {
        changes->discarded = loglift_alloc(events * sizeof *changes->discarded);
        memset(changes->discarded, 0, events * sizeof *changes->discarded);
    }
    changes->discarded[event->index] = true;
    loglift_changes_outcome(changes, event, LOGLIFT_DISCARDED);
}

/* A message whose values had ends of lines and the like in them. */
static loglift_text one_line(loglift_text message) {
    char *line = loglift_alloc(message.len);
    for (size_t index = 0; index < message.len; index++) {
        char byte = message.data[index];
        bool is_control = (unsigned char)byte < ' ' || byte == 0x7f;
        line[index] = is_control ? ' ' : byte;
    }
    return (loglift_text){line, message.len};
}

void loglift_changes_alarm(
    loglift_changes *changes, const loglift_event *event, const char *kind, const char *format, ...
) {
    alarm *alarms = (alarm *)(void *)changes->alarms.data;
    int same = 0;
    for (size_t index = 0; index < changes->alarms.len; index++) {
        if (loglift_text_equal(alarms[index].kind, loglift_text_of(kind)) && ++same == ALARMS_OF_A_KIND) {
            alarms[index].occurrences += 1;
            return;
        }
    }
    va_list arguments;
    va_start(arguments, format);
    loglift_text message = one_line(format_text(format, arguments));
    va_end(arguments);
    alarm *new = vector_add(&changes->alarms, 1, sizeof *new);
    *new = (alarm){1, event->index, loglift_text_of(kind), message, 1};
}

void loglift_changes_count(loglift_changes *changes, const char *counter, uint64_t amount) {
    count *counts = (count *)(void *)changes->counts.data;
    for (size_t index = 0; index < changes->counts.len; index++) {
        if (loglift_text_equal(counts[index].name, loglift_text_of(counter))) {
            counts[index].amount += amount;
            return;
        }
    }
    count *new = vector_add(&changes->counts, 1, sizeof *new);
    *new = (count){loglift_text_of(counter), amount};
}

/* ---- The answer ---- */

/* Takes the events that are discarded from all columns of the output. */
static void leave_out(loglift_changes *changes, answer *answer) {
    size_t events = changes->batch->seconds.len;
    uint32_t *origins = loglift_alloc(events * sizeof *origins);
    uint32_t *places = loglift_alloc(events * sizeof *places);
    uint32_t left = 0;
    for (uint32_t index = 0; index < events; index++) {
        places[index] = left;
        if (changes->discarded[index]) {
            continue;
        }
        if (changes->seconds != NULL) {
            changes->seconds[left] = changes->seconds[index];
            changes->nanoseconds[left] = changes->nanoseconds[index];
        }
        origins[left] = index;
        left += 1;
    }
    edit *edits = (edit *)(void *)changes->edits.data;
    size_t kept = 0;
    for (size_t index = 0; index < changes->edits.len; index++) {
        if (!changes->discarded[edits[index].event]) {
            edits[kept] = edits[index];
            edits[kept].event = places[edits[index].event];
            kept += 1;
        }
    }
    changes->edits.len = kept;
    answer->origins = (option){1, {origins, left}};
}

/* Merges two sorted halves at a time: an edit stays behind those of its event that were made before it. */
static void sort(edit *edits, edit *room, size_t len) {
    if (len < 2) {
        return;
    }
    size_t half = len / 2;
    sort(edits, room, half);
    sort(edits + half, room, len - half);
    size_t first = 0, second = half;
    for (size_t place = 0; place < len; place++) {
        bool takes_first = second == len || (first < half && edits[first].event <= edits[second].event);
        room[place] = takes_first ? edits[first++] : edits[second++];
    }
    memcpy(edits, room, len * sizeof *edits);
}

static void put_edits(loglift_changes *changes, answer *answer) {
    edit *edits = (edit *)(void *)changes->edits.data;
    size_t len = changes->edits.len;
    if (len == 0) {
        return;
    }
    if (!changes->is_sorted) {
        sort(edits, loglift_alloc(len * sizeof *edits), len);
    }
    uint32_t *events = loglift_alloc(len * sizeof *events);
    uint32_t *keys = loglift_alloc(len * sizeof *keys);
    uint32_t *values = loglift_alloc(2 * len * sizeof *values);
    for (size_t index = 0; index < len; index++) {
        events[index] = edits[index].event;
        keys[index] = edits[index].key;
        values[2 * index] = edits[index].offset;
        values[2 * index + 1] = edits[index].len;
    }
    answer->fields.tag = 1;
    answer->fields.events = (list){events, len};
    answer->fields.keys = (list){keys, len};
    answer->fields.values = (list){values, 2 * len};
}

void changes_finish(loglift_changes *changes, answer *answer) {
    size_t events = changes->batch->seconds.len;
    size_t left = events;
    if (changes->discarded != NULL) {
        leave_out(changes, answer);
        left = answer->origins.value.len;
    }
    put_edits(changes, answer);
    answer->appended = vector_list(&changes->appended);
    answer->names = vector_option(&changes->names);
    answer->seconds = (option){changes->seconds != NULL, {changes->seconds, left}};
    answer->nanoseconds = (option){changes->nanoseconds != NULL, {changes->nanoseconds, left}};
    answer->outcomes = (option){changes->outcomes != NULL, {changes->outcomes, events}};
    answer->counts = vector_list(&changes->counts);
    answer->alarms = vector_list(&changes->alarms);
}
